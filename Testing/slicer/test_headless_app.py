"""slicer.app, slicer.modules and slicer.util's dialogs."""

import pytest


def test_starting_again_gives_the_same_application(slicerApp):
    import headless

    import slicer

    assert headless.start() is slicerApp is slicer.app


def test_quitting_is_announced(scene):
    import slicer

    heard = []
    slicer.app.connect("aboutToQuit()", lambda: heard.append(True))
    slicer.app.aboutToQuit.emit()
    assert heard == [True]


@pytest.mark.parametrize("name", ["Volumes", "Transforms", "Segmentations", "Markups", "Colors", "Models"])
def test_module_logics_know_the_scene(name, scene):
    import slicer

    logic = slicer.util.getModuleLogic(name)
    assert logic.GetMRMLScene() is scene
    assert getattr(slicer.modules, name.lower()).logic() is logic
    assert slicer.app.applicationLogic().GetModuleLogic(name) is logic


def test_an_unknown_module_is_an_error(scene):
    import slicer

    with pytest.raises(RuntimeError, match="Could not find module"):
        slicer.util.getModule("Unheard")


def test_questions_are_answered_as_in_slicers_testing_mode(scene):
    import slicer

    assert slicer.util.confirmOkCancelDisplay("really?") is False  # True is not QMessageBox.Ok, in Slicer's own file
    assert slicer.util.errorDisplay("bad") is None


def test_rendering_can_be_paused_in_nested_blocks(scene):
    import slicer

    with slicer.util.RenderBlocker():
        with slicer.util.RenderBlocker():
            assert slicer.app.renderPaused
        assert slicer.app.renderPaused
    assert not slicer.app.renderPaused


def test_settings_are_forgotten_with_the_process(scene):
    import slicer

    slicer.app.settings().setValue("headless/answer", 42)
    assert slicer.util.settingsValue("headless/answer", 0, converter=int) == 42
    assert slicer.app.settings().fileName().startswith(slicer.app.temporaryPath)


def test_a_temporary_folder_is_inside_the_applications(scene):
    import slicer

    assert slicer.util.tempDirectory().startswith(slicer.app.temporaryPath)


def test_clearing_the_scene_keeps_views_and_colors(scene):
    import slicer

    before = {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLAbstractViewNode")}
    scene.Clear(0)
    assert {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLAbstractViewNode")} == before
    assert slicer.mrmlScene.GetNodeByID("vtkMRMLColorTableNodeGrey")
    assert slicer.app.layoutManager().threeDWidget(0).mrmlViewNode() is not None
