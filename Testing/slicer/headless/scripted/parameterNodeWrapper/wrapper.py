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
    for function in (startWrapper, connectGui, disconnectGui):
        setattr(cls, {"startWrapper": "__init__"}.get(function.__name__, function.__name__), function)
    cls.__getattr__ = lambda self, name: getattr(self.__dict__["parameterNode"], name)  # AddObserver, GetID, ...
    return cls


def attributeFor(parameter):
    """Reads from and writes to the parameter node."""
    return property(
        lambda self: parameter.read(self.parameterNode),
        lambda self, value: parameter.write(self.parameterNode, value),
    )


def startWrapper(self, parameterNode):
    """Wrap a node; parameters that it lacks get their defaults."""
    self.__dict__["parameterNode"] = parameterNode
    self.__dict__["_connections"] = {}
    for parameter in self.allParameters.values():
        if not parameter.isIn(parameterNode) and parameter.default is not None:
            parameter.write(parameterNode, parameter.default)


def connectGui(self, gui):
    """Keep widgets and parameters equal; returns a tag for disconnectGui.

    `gui` maps parameter names to widgets, or has widgets with the property SlicerParameterName as attributes.
    """
    connection = GuiConnection(self, pairsOf(gui, self.allParameters))
    tag = max(self._connections, default=0) + 1
    self._connections[tag] = connection
    return tag


def disconnectGui(self, tag):
    """Undo connectGui."""
    connection = self._connections.pop(tag, None)
    if connection is not None:
        connection.stop()


def pairsOf(gui, parameters):
    """((parameter, widget), ...)."""
    if isinstance(gui, dict):
        named = [(name, widget) for name, widget in gui.items()]
    else:
        widgets = [item for item in vars(gui).values() if isinstance(item, qt.QWidget)]
        named = [(widget.property(PROPERTY), widget) for widget in widgets if widget.property(PROPERTY)]
    for name, _ in named:
        if name not in parameters:
            raise RuntimeError(f"{PROPERTY} {name!r} is not a parameter")
    return tuple((parameters[name], widget) for name, widget in named)


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
