"""A scene saved as .mrb and loaded again: transforms, links, colours and the panel's choices are all there."""

import numpy as np
import pytest
from moduleSteps import MODULE_FILE, ORIENTATIONS, OUTPUTS
from test_scene_transforms import pointsIn, throughMrml, writeField

RECORD = '{\n  "settings": {"refine": "60s; 5:6", "names": "é <&> 100 %20"},\n  "measures": [1e-3]\n}\n'


@pytest.fixture
def saved(loadModule, scene, tmp_path):
    """Path of a saved scene with a whole result and choices in the panel, the engine's maps, and the panel."""
    import SimpleITK as sitk
    from moduleSteps import addVolume, runSteps

    import slicer
    from sitreg_engine import contract
    from SITRegSlicerLib.jacobianDisplay import showOverlay
    from SITRegSlicerLib.parameters import OUTPUT_NAMES
    from SITRegSlicerLib.registrationRequest import RegistrationRequest
    from SITRegSlicerLib.sceneImport import importSteps

    widget = loadModule(MODULE_FILE).widget
    pair = addVolume(np.zeros((8, 9, 10), np.float32), "fixed"), addVolume(np.ones((8, 9, 10), np.float32), "moving é")
    files = {name: str(tmp_path / f"{name}.nrrd") for name in ("forward", "inverse", "warped_moving", "jacobian")}
    maps = [writeField(files[name], ORIENTATIONS["oblique"], n) for n, name in enumerate(("forward", "inverse"))]
    for name in ("warped_moving", "jacobian"):
        sitk.WriteImage(
            sitk.GetImageFromArray(np.linspace(-1, 2, 720, dtype=np.float32).reshape(8, 9, 10)), files[name]
        )
    files["record"] = str(tmp_path / "result.json")
    (tmp_path / "result.json").write_text(RECORD, encoding="utf-8")
    answer = contract.Result("1", str(tmp_path), files, [], {}, "cpu")
    result = runSteps(importSteps(RegistrationRequest(*pair), answer)).value
    parameters = widget.logic.getParameters()
    parameters.fixedVolume, parameters.movingVolume = pair
    for name in OUTPUT_NAMES:
        setattr(parameters, name, getattr(result, name))
    parameters.device, parameters.affine, parameters.workingSpacing, parameters.overlayOpacity = (
        "cpu",
        "rigid",
        2.5,
        0.3,
    )
    showOverlay(pair[0], result.jacobianVolume, 0.3)
    path = str(tmp_path / "szene é.mrb")
    assert slicer.util.saveScene(path)
    return path, maps, widget


@pytest.fixture
def loaded(saved, scene):
    """The same after the scene was closed and loaded: engine's maps and panel."""
    import slicer

    path, maps, widget = saved
    scene.Clear(0)
    assert widget.ui.fixedVolumeSelector.currentNode() is None
    slicer.util.loadScene(path)
    return maps, widget


def testTheTransformsStillMapAsTheEngineDoes(loaded):
    maps, widget = loaded
    selectors = widget.ui.forwardTransformSelector, widget.ui.inverseTransformSelector
    for selector, engineMap in zip(selectors, maps, strict=True):
        points = pointsIn(engineMap.grid)
        missed = np.linalg.norm(throughMrml(selector.currentNode(), points) - engineMap.map_points(points), axis=1)
        assert missed.max() < 0.02
        assert selector.currentNode().GetTransformFromParent().GetInterpolationModeAsString() == "Linear"


def testTheTransformsAreStillLinked(loaded):
    from SITRegSlicerLib.transformNodes import linkedPair

    ui = loaded[1].ui
    forward, inverse = ui.forwardTransformSelector.currentNode(), ui.inverseTransformSelector.currentNode()
    assert forward.GetNodeReference("inverseTransform") is inverse
    assert inverse.GetNodeReference("inverseTransform") is forward
    pair = ui.fixedVolumeSelector.currentNode(), ui.movingVolumeSelector.currentNode()
    assert linkedPair(forward) == linkedPair(inverse) == pair


def testThePanelShowsTheSavedChoices(loaded):
    ui = loaded[1].ui
    assert ui.fixedVolumeSelector.currentNode().GetName() == "fixed"
    assert ui.movingVolumeSelector.currentNode().GetName() == "moving é"
    assert (ui.deviceSelector.currentData, ui.affineSelector.currentData) == ("cpu", "rigid")
    assert (ui.workingSpacingSpinBox.value, ui.overlayOpacitySlider.value) == (2.5, 0.3)
    assert ui.applyButton.enabled


def testTheJacobianKeepsItsColorsWindowAndLegend(loaded):
    import slicer
    from SITRegSlicerLib.jacobianDisplay import displayRange, jacobianColorNode

    jacobian = loaded[1].ui.jacobianVolumeSelector.currentNode()
    display = jacobian.GetDisplayNode()
    assert display.GetColorNode() is jacobianColorNode()
    color = [0.0] * 4
    display.GetColorNode().GetColor(0, color)
    assert color[:3] == pytest.approx([0, 1, 0], abs=0.01)
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == pytest.approx(
        (displayRange().low, displayRange().high), abs=1e-6
    )
    assert slicer.modules.colors.logic().GetColorLegendDisplayNode(jacobian) is not None


def testTheOutputsStillRememberWhatWasDone(loaded):
    ui = loaded[1].ui
    for name in OUTPUTS:
        assert getattr(ui, f"{name}Selector").currentNode().GetAttribute("SITReg.Record") == RECORD
