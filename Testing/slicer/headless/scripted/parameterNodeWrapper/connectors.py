"""Which property and signal of a widget carry a parameter."""

import enum
import pathlib
from dataclasses import dataclass

import ctk
import qt

import slicer

from .annotations import Choice, Decimals, RangeBounds, SingleStep, WithinRange


@dataclass(frozen=True)
class Connector:
    """A kind of widget with its signal and the property that holds the value."""

    widgetClass: type
    signal: str
    property: str

    def read(self, widget, parameter):
        """The widget's value in the parameter's type."""
        if self.property == "currentNode":
            return widget.currentNode()
        value = getattr(widget, self.property)
        if issubclass(parameter.type, enum.Enum):
            return parameter.type[value]
        return parameter.type(value)

    def write(self, widget, value):
        """Show a value."""
        if self.property == "currentNode":
            widget.setCurrentNode(value)
        elif isinstance(value, (enum.Enum, pathlib.Path)):
            setattr(widget, self.property, getattr(value, "name", None) if isinstance(value, enum.Enum) else str(value))
        elif value is not None:
            setattr(widget, self.property, value)


def connectorFor(widget):
    """The connector of a widget; RuntimeError when its class has none."""
    for connector in connectors():
        if isinstance(widget, connector.widgetClass):
            return connector
    raise RuntimeError(f"no connector between a parameter and a {type(widget).__name__}")


def connectors():
    """Specific classes before general ones."""
    return (
        Connector(slicer.qMRMLNodeComboBox, "currentNodeChanged(vtkMRMLNode*)", "currentNode"),
        Connector(ctk.ctkCollapsibleButton, "contentsCollapsed(bool)", "collapsed"),
        Connector(ctk.ctkSliderWidget, "valueChanged(double)", "value"),
        Connector(ctk.ctkDoubleSpinBox, "valueChanged(double)", "value"),
        Connector(ctk.ctkPathLineEdit, "currentPathChanged(QString)", "currentPath"),
        Connector(qt.QAbstractButton, "toggled(bool)", "checked"),
        Connector(qt.QDoubleSpinBox, "valueChanged(double)", "value"),
        Connector(qt.QSpinBox, "valueChanged(int)", "value"),
        Connector(qt.QSlider, "valueChanged(int)", "value"),
        Connector(qt.QComboBox, "currentTextChanged(QString)", "currentText"),
        Connector(qt.QLineEdit, "textChanged(QString)", "text"),
        Connector(qt.QTextEdit, "textChanged()", "plainText"),
    )


def prepareWidget(widget, parameter):
    """Give the widget the limits and choices that the annotations say."""
    for annotation in parameter.annotations:
        if isinstance(annotation, (WithinRange, RangeBounds)):
            widget.minimum = annotation.minimum
            widget.maximum = annotation.maximum
        elif isinstance(annotation, Decimals):
            widget.decimals = annotation.value
        elif isinstance(annotation, SingleStep):
            widget.singleStep = annotation.value
    if isinstance(widget, qt.QComboBox) and widget.count == 0:
        widget.addItems(choicesOf(parameter))


def choicesOf(parameter):
    """Texts to choose from."""
    if issubclass(parameter.type, enum.Enum):
        return [item.name for item in parameter.type]
    return [str(item) for choice in parameter.annotations if isinstance(choice, Choice) for item in choice.choices]
