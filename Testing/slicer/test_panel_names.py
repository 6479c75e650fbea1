"""Every name of the panel, and every name of the stand-ins, exists in the real Slicer (facts/api.json.gz)."""

from pathlib import Path

import pytest
from headless import realapi
from headless.names import panelProblems, panelWidgets, scriptProblems

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "SITRegSlicer" / "SITRegSlicer.py"
SCRIPTS = [MODULE, *sorted((MODULE.parent / "SITRegSlicerLib").glob("*.py"))]
PANELS = sorted((ROOT / "Resources" / "UI").glob("*.ui"))

# Classes of the headless Slicer that the record of the real one does not list.
UNLISTED = {
    "qSlicerCommandOptions": "only reached through slicer.app.commandOptions(), by Slicer's own code",
}
PANEL = """<ui version="4.0"><widget class="qMRMLWidget" name="Panel">
<widget class="ctkSliderWidget" name="slider"><property name="maximum"><double>1</double></property></widget>
<widget class="QPushButton" name="applyButton"/>
</widget></ui>"""
WIDGETS = {"slider": "ctkSliderWidget", "applyButton": "QPushButton", "fixedSelector": "qMRMLNodeComboBox"}


def standIns():
    """All classes that scripts may meet."""
    from headless import ctk, mrmlwidgets
    from headless.application import app, layout, loader, modules, viewwidgets

    sources = (ctk, mrmlwidgets, app, layout, loader, modules, viewwidgets)
    found = {
        value for source in sources for name, value in vars(source).items() if name.startswith(("ctk", "qM", "qS"))
    }
    return sorted(found, key=lambda cls: cls.__name__)


def declared(cls):
    """(name, value) of all public attributes that a class and its bases in the headless Slicer declare."""
    own = [base for base in cls.__mro__ if base.__module__.startswith("headless.")]
    pairs = [(name, value) for base in own for name, value in vars(base).items()]
    return [
        (name, value)
        for name, value in pairs
        if not name.startswith("_") and name not in ("cppSignals", "overloads", "staticMetaObject")
    ]


def test_the_stand_ins_have_no_name_that_the_real_classes_lack(slicerApp):
    for cls in standIns():
        real = realapi.findClass(cls.__name__)
        if real is None:
            assert cls.__name__ in UNLISTED
            continue
        assert not [name for name, _ in declared(cls) if not real.has(name)], cls.__name__


def test_the_stand_ins_properties_are_properties_and_as_writable_as_the_real_ones(slicerApp):
    from PySide6.QtCore import Property

    for cls in standIns():
        real = realapi.findClass(cls.__name__)
        if real is None or not real.properties:
            continue
        properties = {name: value.fset is not None for name, value in declared(cls) if isinstance(value, Property)}
        assert set(properties) <= real.properties, cls.__name__
        assert {name for name, writable in properties.items() if writable} <= real.writable, cls.__name__
        assert set(properties) & real.writable <= {name for name, writable in properties.items() if writable}


def test_the_stand_ins_signals_have_the_real_signatures(slicerApp):
    from headless.pythonqt.signals import declaredSignals

    for cls in standIns():
        real = realapi.findClass(cls.__name__)
        if real is not None:
            assert not [signature for signature in declaredSignals(cls) if not real.hasSignal(signature)], cls.__name__


def test_there_is_something_to_check():
    assert MODULE in SCRIPTS
    assert len(SCRIPTS) > 1
    assert PANELS


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_use_real_names_only(path):
    widgets = {name: kind for panel in PANELS for name, kind in panelWidgets(panel).items()}
    assert scriptProblems(path.read_text(encoding="utf-8"), widgets, MODULE.stem) == []


@pytest.mark.parametrize("path", PANELS, ids=lambda path: path.name)
def test_the_panel_uses_real_names_only(path):
    assert panelProblems(path) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("qt.QPushBotton()", "there is no qt.QPushBotton"),
        ("qt.QSizePolicy.Expandingly", "qt.QSizePolicy has no Expandingly"),
        ("ctk.ctkSlider()", "there is no ctk.ctkSlider"),
        ("slicer.loadVolume('a.nrrd')", "there is no slicer.loadVolume"),
        ("slicer.util.loadVolumes('a.nrrd')", "there is no slicer.util.loadVolumes"),
        ("slicer.app.windows()", "there is no slicer.app.windows"),
        ("slicer.modules.elastix.logic()", "there is no slicer.modules.elastix"),
        ("slicer.qMRMLNodeComboBox.nodes", "slicer.qMRMLNodeComboBox has no nodes"),
        ("from slicer import loadVolume", "there is no slicer.loadVolume"),
        ("from slicer.util import loadVolumes", "there is no slicer.util.loadVolumes"),
        ("from qt import QPushBotton", "there is no qt.QPushBotton"),
        ("self.ui.slider.setMaximum(3)", "self.ui.slider (ctkSliderWidget) has no setMaximum"),
        ("ui.slider.text", "ui.slider (ctkSliderWidget) has no text"),
        ("self._ui.sliderr.value = 1", "the panel has no sliderr"),
        ("ui.slider.connect('valueChanged(int)', f)", "ui.slider (ctkSliderWidget) has no signal valueChanged(int)"),
        ("x.connect('valueChanges(double)', f)", "no class has a signal valueChanges(double)"),
        ("slicer.app.connect('aboutToExit()', f)", "slicer.app (qSlicerApplication) has no signal aboutToExit()"),
        ("p = qt.QProcess()\np.finish()", "p (QProcess) has no finish"),
        ("class A:\n  def __init__(self):\n    self.t = qt.QTimer()\n    self.t.halt()", "self.t (QTimer) has no halt"),
        ("def f(box: qt.QComboBox):\n    box.add('a')", "box (QComboBox) has no add"),
        ("p: qt.QProcess | None = None\np.connect('error(int)', f)", "p (QProcess) has no signal error(int)"),
    ],
)
def test_a_name_that_does_not_exist_is_found(line, problem):
    found = scriptProblems(line, WIDGETS)
    assert [text.split(": ", 1)[1] for text in found] == [problem]


@pytest.mark.parametrize(
    "line",
    [
        "qt.QTimer.singleShot(0, f)",
        "qt.QMessageBox.Ok | qt.QMessageBox.Cancel",
        "ctk.ctkSliderWidget().value",
        "slicer.util.loadVolume('a.nrrd')",
        "slicer.modules.volumes.logic()",
        "slicer.modules.SITRegSlicerWidget.logic",
        "from slicer.ScriptedLoadableModule import *",
        "from slicer.util import VTKObservationMixin",
        "slicer.packaging.pip_ensure('a')",
        "slicer.vtkMRMLScalarVolumeNode",
        "self.ui.slider.value = 3",
        "self.ui.fixedSelector.connect('currentNodeChanged(vtkMRMLNode*)', f)",
        "self.ui.applyButton.connect('clicked( bool )', f)",
        "slicer.app.connect('aboutToQuit()', f)",
        "p = qt.QProcess()\np.connect('finished(int,QProcess::ExitStatus)', f)",
        "dialog = qt.QDialog()\ndialog.exec_()",
    ],
)
def test_names_that_exist_pass(line):
    assert scriptProblems(line, WIDGETS, "SITRegSlicer") == []


def test_a_panel_of_real_names_passes(tmp_path):
    (tmp_path / "a.ui").write_text(PANEL)
    assert panelProblems(tmp_path / "a.ui") == []


@pytest.mark.parametrize(
    ("real", "wrong", "problem"),
    [
        ("maximum", "greatest", "slider: ctkSliderWidget has no property greatest"),
        ('class="QPushButton"', 'class="ctkButton"', "applyButton: there is no class ctkButton"),
        (
            "</widget></ui>",
            "</widget><connections><connection><sender>Panel</sender><signal>sceneChanged()</signal>"
            "<receiver>slider</receiver><slot>setScene()</slot></connection></connections></ui>",
            "Panel: no signal sceneChanged()",
        ),
    ],
)
def test_a_wrong_name_in_a_panel_is_found(tmp_path, real, wrong, problem):
    (tmp_path / "a.ui").write_text(PANEL.replace(real, wrong))
    assert problem in panelProblems(tmp_path / "a.ui")
