"""Fixtures of the tests that click in the panel and wait for no registration."""

import numpy as np
import pytest
from moduleSteps import MODULE_FILE, addVolume


@pytest.fixture
def widget(loadModule):
    """The module's panel in an empty scene."""
    return loadModule(MODULE_FILE).widget


@pytest.fixture
def pair(widget):
    """Two volumes that could be registered."""
    voxels = np.zeros((6, 7, 8), np.float32)
    return addVolume(voxels, "fixed"), addVolume(voxels, "moving")


@pytest.fixture
def choosePair(widget, pair):
    """Both volumes chosen in the panel."""
    widget.ui.fixedVolumeSelector.setCurrentNode(pair[0])
    widget.ui.movingVolumeSelector.setCurrentNode(pair[1])
    return pair
