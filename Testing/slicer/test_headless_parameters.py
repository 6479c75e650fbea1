"""slicer.parameterNodeWrapper: typed parameters in a node, and widgets that follow them."""

import enum
from pathlib import Path
from typing import Annotated, Optional

import pytest


class Side(enum.Enum):
    """A choice."""

    LEFT = 1
    RIGHT = 2


@pytest.fixture
def parameters(scene):
    """A wrapper with one parameter of each kind, on a new node."""
    from slicer.parameterNodeWrapper import Choice, Default, Minimum, parameterNodeWrapper

    import slicer

    class Kinds:
        flag: bool
        count: Annotated[int, Minimum(0)] = 3
        weight: Annotated[float, Default(0.5)]
        title: str = "none"
        folder: Path
        side: Side
        speed: Annotated[str, Choice(["slow", "fast"])]
        limit: Optional[float] = None  # noqa: UP045
        volume: slicer.vtkMRMLScalarVolumeNode

    # typing must find the names that only this function knows.
    Kinds.__annotations__["volume"] = slicer.vtkMRMLScalarVolumeNode
    return parameterNodeWrapper(Kinds)(scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))


def test_new_parameters_have_their_defaults(parameters):
    assert (parameters.flag, parameters.count, parameters.weight) == (False, 3, 0.5)
    assert (parameters.title, parameters.folder, parameters.side) == ("none", Path(), Side.LEFT)
    assert (parameters.speed, parameters.limit, parameters.volume) == ("slow", None, None)


def test_values_come_back_in_their_types(parameters, scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    written = {"flag": True, "count": 7, "weight": 2, "title": "ü", "folder": Path("/a b"), "side": Side.RIGHT}
    for name, value in (written | {"speed": "fast", "limit": 1.5, "volume": volume}).items():
        parameters.setValue(name, value)
        assert parameters.getValue(name) == value
    assert type(parameters.weight) is float


def test_values_live_in_the_node(parameters):
    parameters.count = 8
    assert parameters.parameterNode.GetParameter("count") == "8"
    parameters.parameterNode.SetParameter("count", "9")
    assert parameters.count == 9


def test_another_wrapper_of_the_node_finds_the_values(parameters):
    parameters.title = "kept"
    assert type(parameters)(parameters.parameterNode).title == "kept"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("count", 1.5, TypeError),
        ("count", True, TypeError),
        ("count", -1, ValueError),
        ("flag", 1, TypeError),
        ("speed", "idle", ValueError),
        ("title", None, TypeError),
        ("volume", "head", TypeError),
        ("speeed", "fast", ValueError),
    ],
)
def test_what_does_not_fit_is_refused(parameters, name, value, error):
    with pytest.raises(error):
        parameters.setValue(name, value)


def test_a_type_without_a_serializer_is_refused(scene):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Odd:
        matrix: complex

    with pytest.raises(TypeError, match="no type <class 'complex'>"):
        parameterNodeWrapper(Odd)


def test_only_slicers_methods_reach_the_node(parameters):
    with pytest.raises(AttributeError):
        parameters.GetID()


def test_widgets_and_parameters_follow_each_other_until_disconnected(parameters, scene):
    import ctk
    import qt

    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.noneEnabled = True
    selector.setMRMLScene(scene)
    widgets = {
        "flag": qt.QCheckBox(),
        "count": qt.QSpinBox(),
        "weight": ctk.ctkSliderWidget(),
        "title": qt.QLineEdit(),
        "folder": ctk.ctkPathLineEdit(),
        "side": qt.QComboBox(),
        "speed": qt.QComboBox(),
        "volume": selector,
    }
    tag = parameters.connectParametersToGui(widgets)
    assert widgets["speed"].count == 2
    widgets["count"].value = 5
    widgets["side"].currentText = "RIGHT"
    widgets["folder"].currentPath = "/tmp"
    volume = selector.addNode()
    assert (parameters.count, parameters.side, parameters.folder) == (5, Side.RIGHT, Path("/tmp"))
    assert parameters.volume is volume
    parameters.title = "shown"
    parameters.flag = True
    assert (widgets["title"].text, widgets["flag"].checked) == ("shown", True)
    parameters.disconnectGui(tag)
    widgets["count"].value = 6
    parameters.title = "not shown"
    assert (parameters.count, widgets["title"].text) == (5, "shown")


def test_a_widget_that_carries_no_value_is_refused(parameters):
    import qt

    with pytest.raises(RuntimeError, match="no connector between a parameter and a QLabel"):
        parameters.connectParametersToGui({"title": qt.QLabel()})
