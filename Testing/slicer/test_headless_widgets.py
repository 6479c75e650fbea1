"""CTK's and Slicer's widgets: what the probes of the real ones leave open, as their documentation says."""

import numpy as np
import pytest


def addVolume(name):
    """A small volume in the scene."""
    import slicer

    return slicer.util.addVolumeFromArray(np.zeros((3, 4, 5), np.int16), name=name)


@pytest.fixture
def selector(scene):
    """A selector of volumes on the scene, with none allowed."""
    import slicer

    widget = slicer.qMRMLNodeComboBox()
    widget.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    widget.noneEnabled = True
    widget.setMRMLScene(scene)
    return widget


def test_a_user_chooses_by_the_list(selector):
    nodes = [addVolume("a"), addVolume("b")]
    heard = []
    selector.connect("nodeActivated(vtkMRMLNode*)", heard.append)
    selector._combo.activated.emit(2)  # none, a, b
    assert selector.currentNode() is nodes[1]
    assert heard == [nodes[1]]


def test_a_user_creates_by_the_list(selector):
    selector.baseName = "Result"
    selector._combo.activated.emit(1)  # none, create new
    assert selector.currentNode().GetName() == "Result"


def test_the_selector_says_whether_a_node_is_chosen(selector):
    heard = []
    selector.connect("currentNodeChanged(bool)", heard.append)
    selector.setCurrentNode(addVolume("a"))
    selector.setCurrentNode(None)
    assert heard == [True, False]


def test_a_node_of_another_class_cannot_be_chosen(selector, scene):
    selector.setCurrentNode(addVolume("a"))
    selector.setCurrentNode(scene.AddNewNodeByClass("vtkMRMLModelNode"))
    assert selector.currentNode() is None


def test_derived_classes_are_shown_unless_told_otherwise(selector, scene):
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    assert selector.nodeCount() == 1
    selector.showChildNodeTypes = False
    assert selector.nodeCount() == 0
    selector.showChildNodeTypes = True
    selector.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
    assert selector.nodeCount() == 0


def test_a_removed_attribute_filter_lets_all_through_again(selector):
    addVolume("a")
    selector.addAttribute("vtkMRMLScalarVolumeNode", "kind", "head")
    assert selector.nodeCount() == 0
    selector.removeAttribute("vtkMRMLScalarVolumeNode", "kind")
    assert selector.nodeCount() == 1


def test_the_selector_lets_go_when_the_scene_is_taken_away(selector):
    selector.setCurrentNode(addVolume("a"))
    selector.setMRMLScene(None)
    assert selector.currentNode() is None
    assert not selector.enabled


def test_ticked_nodes_are_forgotten_when_they_go(scene):
    import slicer

    widget = slicer.qMRMLCheckableNodeComboBox()
    widget.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    widget.setMRMLScene(scene)
    a, b = addVolume("a"), addVolume("b")
    heard = []
    widget.connect("checkedNodesChanged()", lambda: heard.append(len(widget.checkedNodes())))
    widget.check(a)
    widget.check(b)
    assert widget.allChecked()
    scene.RemoveNode(a)
    assert widget.checkedNodes() == (b,)
    widget.uncheck(b)
    assert widget.noneChecked()
    assert heard == [1, 2, 1, 0]


def test_a_segment_is_chosen_in_its_segmentation(scene):
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    for name in ("liver", "kidney"):
        node.GetSegmentation().AddEmptySegment(name, name)
    widget = slicer.qMRMLSegmentSelectorWidget()
    widget.setMRMLScene(scene)
    widget.setCurrentNode(node)
    widget.setCurrentSegmentID("kidney")
    assert widget.currentSegmentID() == "kidney"
    widget.setSelectedSegmentIDs(["liver", "spleen"])
    assert widget.selectedSegmentIDs() == ("liver",)


def test_a_slider_keeps_its_value_in_its_range(scene):
    import ctk

    slider = ctk.ctkSliderWidget()
    slider.minimum, slider.maximum = 2, 4
    heard = []
    slider.connect("valueChanged(double)", heard.append)
    slider.value = 9
    assert (slider.value, heard) == (4.0, [4.0])


def test_a_range_keeps_its_order(scene):
    import ctk

    widget = ctk.ctkRangeWidget()
    widget.setRange(0, 10)
    widget.setValues(8, 3)
    assert (widget.minimumValue, widget.maximumValue) == (3.0, 8.0)
    widget.maximum = 5
    assert (widget.minimumValue, widget.maximumValue) == (3.0, 5.0)


def test_a_collapsed_button_hides_its_contents(scene):
    import ctk
    import qt

    button = ctk.ctkCollapsibleButton()
    label = qt.QLabel("inside", button)
    heard = []
    button.connect("contentsCollapsed(bool)", heard.append)
    button.collapsed = True
    assert label.isHidden()
    button.click()
    assert not label.isHidden()
    assert heard == [True, False]


def test_ticks_of_a_checkable_combo_box_are_remembered(scene):
    import ctk
    import qt

    box = ctk.ctkCheckableComboBox()
    box.addItems(["a", "b"])
    box.setCheckState(box.model().index(1, 0), qt.Qt.Checked)
    assert [index.row() for index in box.checkedIndexes()] == [1]


def test_missing_packages_are_named_and_never_installed(scene):
    import slicer.packaging

    assert slicer.packaging.pip_check("numpy>=1")
    assert not slicer.packaging.pip_check(["numpy>=99", "unheard-of-package"])
    assert slicer.packaging.pip_check("unheard-of-package; sys_platform == 'none'")
    assert slicer.packaging.pip_ensure("unheard-of-package") is None  # as Slicer does in testing mode
    with pytest.raises(RuntimeError, match="installs nothing: pip install unheard-of-package -c pins"):
        slicer.util.pip_install("unheard-of-package", constraints="pins")
