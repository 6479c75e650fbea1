"""A scripted module file with a .ui panel loads and can be driven."""

from pathlib import Path

import numpy as np
import pytest

SCRIPT = """
from typing import Annotated

import qt
import slicer
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin


class Sample(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        self.parent.title = _("Sample module")
        self.parent.categories = ["Registration"]
        self.parent.icon = qt.QIcon()


@parameterNodeWrapper
class Parameters:
    inputVolume: slicer.vtkMRMLScalarVolumeNode
    strength: Annotated[float, WithinRange(0, 10)] = 2.5
    inverse: bool = True


class SampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.applied = []
        self.cleaned = False

    def setup(self):
        super().setup()
        panel = slicer.util.loadUI(self.resourcePath("UI/Sample.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = SampleLogic()
        self.parameters = Parameters(self.logic.getParameterNode())
        self.guiTag = self.parameters.connectGui(self.ui)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneClosed)

    def onSceneClosed(self, caller, event):
        self.applied.append("closed")

    def onApply(self, checked=False):
        node = self.parameters.inputVolume
        if node is None:
            raise ValueError("no input")
        self.applied.append((node.GetName(), self.parameters.strength, self.parameters.inverse))

    def cleanup(self):
        self.parameters.disconnectGui(self.guiTag)
        self.removeObservers()
        self.cleaned = True


class SampleLogic(ScriptedLoadableModuleLogic):
    pass
"""

PANEL = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0">
 <class>Sample</class>
 <widget class="qMRMLWidget" name="Sample">
  <layout class="QVBoxLayout" name="verticalLayout">
   <item><widget class="ctkCollapsibleButton" name="inputs">
     <property name="text"><string>Inputs</string></property>
     <layout class="QFormLayout" name="formLayout">
      <item row="0" column="1"><widget class="qMRMLNodeComboBox" name="inputSelector">
        <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
        <property name="noneEnabled"><bool>true</bool></property>
        <property name="SlicerParameterName" stdset="0"><string>inputVolume</string></property></widget></item>
      <item row="1" column="1"><widget class="ctkSliderWidget" name="strengthSlider">
        <property name="singleStep"><double>0.1</double></property>
        <property name="SlicerParameterName" stdset="0"><string>strength</string></property></widget></item>
      <item row="2" column="1"><widget class="QCheckBox" name="inverseCheckBox">
        <property name="SlicerParameterName" stdset="0"><string>inverse</string></property></widget></item>
      <item row="3" column="1"><widget class="ctkComboBox" name="modelSelector"/></item>
     </layout></widget></item>
   <item><widget class="QPushButton" name="applyButton"/></item>
  </layout>
 </widget>
 <customwidgets>
  <customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends><header>h</header><container>1</container></customwidget>
  <customwidget><class>ctkSliderWidget</class><extends>QWidget</extends><header>h</header></customwidget>
  <customwidget><class>ctkComboBox</class><extends>QComboBox</extends><header>h</header></customwidget>
  <customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends><header>h</header></customwidget>
  <customwidget><class>qMRMLWidget</class><extends>QWidget</extends><header>h</header><container>1</container></customwidget>
 </customwidgets>
 <connections>
  <connection><sender>Sample</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
   <receiver>inputSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
 </connections>
</ui>
"""


@pytest.fixture
def sample(tmp_path, loadModule):
    """The module above, loaded."""
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    (tmp_path / "Resources" / "UI" / "Sample.ui").write_text(PANEL)
    (tmp_path / "Sample.py").write_text(SCRIPT)
    return loadModule(tmp_path / "Sample.py")


def addVolume(name):
    """A small volume in the scene."""
    import slicer

    return slicer.util.addVolumeFromArray(np.zeros((3, 4, 5), np.int16), name=name)


def test_a_module_is_found_under_the_names_that_slicer_gives_it(sample):
    import slicer

    assert slicer.modules.sample is sample.module
    assert slicer.modules.SampleWidget is sample.widget
    assert slicer.util.getModuleWidget("Sample") is sample.widget
    assert slicer.util.getModuleLogic("Sample") is sample.widget.logic
    assert Path(slicer.util.modulePath("Sample")).name == "Sample.py"
    assert sample.module.title == "Sample module"
    assert sample.module.categories == ("Registration",)


def test_clicks_reach_the_module_with_what_the_panel_shows(sample):
    ui = sample.widget.ui
    ui.inputSelector.setCurrentNode(addVolume("head"))
    ui.strengthSlider.value = 4
    ui.inverseCheckBox.checked = False
    ui.applyButton.click()
    assert sample.widget.applied == [("head", 4.0, False)]


def test_the_parameter_node_drives_the_panel(sample):
    sample.widget.parameters.strength = 7.5
    sample.widget.parameters.inputVolume = addVolume("thorax")
    assert sample.widget.ui.strengthSlider.value == 7.5
    assert sample.widget.ui.inputSelector.currentNode().GetName() == "thorax"


def test_a_value_outside_its_range_is_refused(sample):
    with pytest.raises(ValueError, match=r"within \[0, 10\], is 11"):
        sample.widget.parameters.strength = 11.0


def test_a_value_of_the_wrong_type_is_refused(sample):
    with pytest.raises(TypeError, match="strength takes float"):
        sample.widget.parameters.strength = "much"


def test_an_exception_in_a_slot_is_collected(sample, faults):
    sample.widget.ui.applyButton.click()
    assert faults.take() == ("ValueError: no input",)


def test_closing_the_scene_reaches_the_observer(sample, scene):
    scene.Clear(0)
    assert sample.widget.applied == ["closed"]


def test_unloading_cleans_up(sample):
    import slicer

    slicer.app.moduleManager()._remove("Sample")
    assert sample.widget.cleaned


def test_reloading_runs_the_script_as_it_now_is(sample):
    import slicer

    path = Path(sample.module.path)
    path.write_text(path.read_text(encoding="utf-8") + "\nreloaded = True\n", encoding="utf-8")
    module = slicer.util.reloadScriptedModule("Sample")
    assert module.reloaded
    assert slicer.modules.SampleWidget is not sample.widget
    assert sample.widget.cleaned


def test_a_panel_with_a_widget_unknown_here_is_refused(tmp_path, scene):
    import slicer

    panel = tmp_path / "Panel.ui"
    panel.write_text('<ui version="4.0"><widget class="ctkUnheardOf" name="a"/></ui>')
    with pytest.raises(RuntimeError, match="no stand-in for ctkUnheardOf"):
        slicer.util.loadUI(str(panel))


def test_waiting_lets_timers_run(waitUntil, scene):
    import qt

    ticks = []
    qt.QTimer.singleShot(1, lambda: ticks.append(1))
    waitUntil(lambda: ticks, 2)


def test_waiting_in_vain_fails(waitUntil, scene):
    with pytest.raises(AssertionError, match=r"did not hold within 0\.05 s"):
        waitUntil(lambda: False, 0.05)
