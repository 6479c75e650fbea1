"""`qt` behaves as PythonQt does, beyond what the recorded probes ask."""

import pytest


def test_an_attribute_that_only_pyside_has_is_refused(scene):
    import qt

    with pytest.raises(AttributeError, match="QComboBox has no attribute named 'lineEditt'"):
        _ = qt.QComboBox().lineEditt
    with pytest.raises(AttributeError, match="QCheckBox has no attribute named 'checkStateChanged' in Slicer"):
        _ = qt.QCheckBox().checkStateChanged  # Qt 6.7


def test_a_script_class_may_have_attributes_of_its_own(scene):
    import qt

    class Dialog(qt.QDialog):
        kind = "mine"

    dialog = Dialog()
    dialog.answer = 42
    assert (dialog.kind, dialog.answer) == ("mine", 42)


def test_a_setter_that_ctk_does_not_show_is_refused(scene):
    import ctk

    slider = ctk.ctkSliderWidget()
    slider.maximum = 5
    with pytest.raises(AttributeError, match="setMaximum"):
        slider.setMaximum(5)


def test_a_read_only_property_cannot_be_written(scene):
    import qt

    with pytest.raises(AttributeError, match="not writable"):
        qt.QComboBox().count = 3


def test_a_method_cannot_be_replaced(scene):
    import qt

    with pytest.raises(AttributeError, match="Slot 'show' can not be overwritten"):
        qt.QLabel().show = print


def test_slots_may_take_fewer_arguments_than_the_signal_has(scene):
    import qt

    heard = []
    button = qt.QPushButton()
    button.connect("clicked(bool)", lambda: heard.append("old"))
    button.clicked.connect(lambda: heard.append("new"))
    button.click()
    assert heard == ["old", "new"]


def test_a_new_style_connection_can_be_undone(scene):
    import qt

    heard = []
    button = qt.QPushButton()
    button.clicked.connect(heard.append)
    button.clicked.disconnect(heard.append)
    button.click()
    assert heard == []


def test_disconnecting_what_is_not_connected_is_false(scene):
    import qt

    assert qt.QPushButton().disconnect("clicked(bool)", print) is False


def test_an_unknown_signal_is_a_fault_of_the_test(scene, faults):
    import qt

    assert qt.QPushButton().connect("klicked()", print) is False
    assert faults.take() == ("QObject::connect: no signal klicked() on QPushButton",)


def test_an_exception_in_a_timer_is_collected(scene, faults, waitUntil):
    import qt

    def fail():
        raise ValueError("in a timer")

    qt.QTimer.singleShot(0, fail)
    waitUntil(lambda: faults.faults, 2)
    assert faults.take() == ("ValueError: in a timer",)


def test_an_exception_in_an_observer_is_collected(scene, faults):
    def fail(caller, event):
        raise ValueError("in an observer")

    tag = scene.AddObserver(scene.NodeAddedEvent, fail)
    scene.AddNewNodeByClass("vtkMRMLTextNode")
    scene.RemoveObserver(tag)
    assert faults.take() == ("ValueError: in an observer",)


def test_a_process_is_driven_by_the_event_loop(scene, waitUntil):
    import qt

    process = qt.QProcess()
    pieces, ends = [], []
    process.connect("readyReadStandardOutput()", lambda: pieces.append(process.readAllStandardOutput().data()))
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ends.append((code, status)))
    process.start("/bin/sh", ["-c", "read line; echo got $line; exit 4"])
    process.write(b"word\n")
    waitUntil(lambda: ends, 10)
    assert b"".join(pieces) == b"got word\n"
    assert ends == [(4, qt.QProcess.NormalExit)]


def test_enumeration_values_are_numbers(scene):
    import qt

    assert qt.QProcess.NotRunning == 0
    assert qt.QProcess.FailedToStart != qt.QProcess.Crashed
    assert {qt.QProcess.Running: "running"}[2] == "running"


def test_a_closed_widget_is_gone_after_its_deletion_was_due(scene):
    import headless
    import qt
    import shiboken6

    widget = qt.QWidget()
    widget.deleteLater()
    headless.processEvents()
    assert not shiboken6.isValid(widget)


def test_a_selector_that_was_deleted_no_longer_follows_the_scene(scene):
    import headless

    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLTextNode"]
    selector.setMRMLScene(scene)
    selector.deleteLater()
    headless.processEvents()
    scene.AddNewNodeByClass("vtkMRMLTextNode")
