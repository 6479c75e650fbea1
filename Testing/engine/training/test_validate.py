"""Validation: what is counted over pairs, and what pairs without labels have no say in."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.sampler import validation_groups
from sitreg_engine.training.validate import Validation, validate
from sitreg_engine.training.views import Group


@pytest.fixture
def group(config) -> Group:
    return validation_groups(read_settings(config()), lambda _: None)[0]


@pytest.fixture
def found(config, group):
    settings = read_settings(config())
    network = build_network(settings.model, settings.network, settings.seed)
    return lambda groups: validate(network, groups, torch.device("cpu"))


def without_labels(group: Group) -> Group:
    return replace(group, views=tuple(replace(view, labels=None) for view in group.views))


def test_a_new_network_leaves_the_overlap_as_it_is(found, group):
    one = found([group])
    assert 0.5 < one.dice < 1 and one.dice == pytest.approx(one.dice_before, abs=0.02)
    assert one.folded == 0 and one.inverse_error < 0.1 and -1 < one.local_ncc < 0


def test_a_pair_without_labels_has_no_say_in_the_overlap(found, group):
    assert found([group, without_labels(group)]).dice == found([group]).dice
    assert found([without_labels(group), group]).dice_before == found([group]).dice_before


def test_without_any_labels_the_images_decide(found, group):
    one = found([without_labels(group)])
    assert np.isnan(one.dice) and one.score == -one.local_ncc


def test_the_score_is_dice_where_there_is_one():
    assert Validation(0.7, 0.5, 0.0, 0.0, -0.2).score == 0.7
