"""The class decorator."""

import typing

import qt
import vtk

from .connectors import connectorFor, prepareWidget
from .parameters import MISSING, parameterFrom

PROPERTY = "SlicerParameterName"  # dynamic property of a widget in a .ui file


def parameterNodeWrapper(cls):
    """Make a class with annotated attributes a typed view of a parameter node."""
    hints = typing.get_type_hints(cls, include_extras=True)
    cls.allParameters = {
        name: parameterFrom(name, hint, cls.__dict__.get(name, MISSING)) for name, hint in hints.items()
    }
    for name, parameter in cls.allParameters.items():
        setattr(cls, name, attributeFor(parameter))
    for name, value in vars(WrapperMethods).items():
        if callable(value):
            setattr(cls, name, value)
    return cls


def attributeFor(parameter):
    """Reads from and writes to the parameter node."""
    return property(
        lambda self: parameter.read(self.parameterNode),
        lambda self, value: parameter.write(self.parameterNode, value),
    )


class WrapperMethods:
    """What every wrapper can do; the node itself is reached as `parameterNode` only, as in Slicer."""

    def __init__(self, parameterNode):
        self.parameterNode = parameterNode
        self._connections = {}
        for parameter in self.allParameters.values():
            if not parameter.isIn(parameterNode) and parameter.default is not None:
                parameter.write(parameterNode, parameter.default)

    def getValue(self, name):
        """A parameter by its name; ValueError when there is none."""
        return self._parameter(name).read(self.parameterNode)

    def setValue(self, name, value):
        """Write a parameter by its name; ValueError when there is none."""
        self._parameter(name).write(self.parameterNode, value)

    def _parameter(self, name):
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        return self.allParameters[name]

    def connectGui(self, gui):
        """Keep widgets and parameters equal; returns a tag for disconnectGui.

        `gui` is a widget or an object with widgets as attributes; those with the property SlicerParameterName count.
        """
        isWidget = isinstance(gui, qt.QWidget)
        widgets = gui.findChildren(qt.QWidget) if isWidget else vars(gui).values()
        named = {widget.property(PROPERTY): widget for widget in widgets if widget.property(PROPERTY)}
        return self.connectParametersToGui(named)

    def connectParametersToGui(self, mapping):
        """The same for a dict of parameter names and widgets."""
        pairs = tuple((self._parameter(name), widget) for name, widget in mapping.items())
        tag = max(self._connections, default=-1) + 1
        self._connections[tag] = GuiConnection(self, pairs)
        return tag

    def disconnectGui(self, tag):
        """Undo connectGui."""
        connection = self._connections.pop(tag, None)
        if connection is not None:
            connection.stop()

    def StartModify(self):
        """Hold Modified events."""
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified):
        """Let them through again."""
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event, callback, priority=0.0):
        """Observe the parameter node."""
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        """Undo AddObserver."""
        self.parameterNode.RemoveObserver(tag)

    def Modified(self):
        """Say that the parameter node changed."""
        self.parameterNode.Modified()


class GuiConnection:
    """Widgets follow the node, the node follows the widgets."""

    def __init__(self, wrapper, pairs):
        self.wrapper = wrapper
        self.pairs = pairs
        self.slots = []
        for parameter, widget in pairs:
            prepareWidget(widget, parameter)
        self.showAll()
        for parameter, widget in pairs:
            self.follow(parameter, widget)
        self.tag = wrapper.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self.showAll)

    def follow(self, parameter, widget):
        """Write to the node what the widget says."""
        connector = connectorFor(widget)

        def onWidgetChanged(*values):
            setattr(self.wrapper, parameter.name, connector.read(widget, parameter))

        widget.connect(connector.signal, onWidgetChanged)
        self.slots.append((widget, connector.signal, onWidgetChanged))

    def showAll(self, *event):
        """Show in the widgets what the node says."""
        for parameter, widget in self.pairs:
            connector = connectorFor(widget)
            value = getattr(self.wrapper, parameter.name)
            if connector.read(widget, parameter) != value:
                connector.write(widget, value)

    def stop(self):
        """Disconnect everything."""
        self.wrapper.parameterNode.RemoveObserver(self.tag)
        for widget, signal, slot in self.slots:
            widget.disconnect(signal, slot)
