"""Keeps the panel's widgets and the parameter node alike, in both directions.

Slicer's own connectGui cannot do it here: its lists store what they show, while these show titles and store ids,
and a node selector that loses its node moves on to some other one, which must not become an output by accident.
"""

from collections.abc import Callable
from dataclasses import dataclass

import vtk

import slicer

from .choices import Choice


@dataclass(frozen=True)
class Link:
    """One widget that shows one parameter."""

    parameter: str
    widget: object
    signal: str
    read: Callable  # () -> value
    write: Callable  # (value)


def nodeLink(parameter: str, selector) -> Link:
    """A node selector shows a node parameter."""
    signal = "currentNodeChanged(vtkMRMLNode*)"
    return Link(parameter, selector, signal, selector.currentNode, selector.setCurrentNode)


def choiceLink(parameter: str, comboBox, choices: list[Choice]) -> Link:
    """A list shows titles; the parameter holds the chosen id. An id that is not in the list is shown as empty."""
    comboBox.clear()
    for choice in choices:
        comboBox.addItem(choice.title, choice.id)

    def write(value: str) -> None:
        comboBox.setCurrentIndex(comboBox.findData(value))

    return Link(parameter, comboBox, "currentIndexChanged(int)", lambda: comboBox.currentData, write)


def numberLink(parameter: str, widget) -> Link:
    """A slider or spin box shows a number."""
    return Link(parameter, widget, "valueChanged(double)", lambda: widget.value, widget.setValue)


class ParameterBinding:
    """Binds links to one parameter node at a time; `onChanged` is called after every change of the parameters."""

    def __init__(self, links: list[Link], onChanged: Callable[[], None]):
        self._links = links
        self._onChanged = onChanged
        self._parameters = None
        self._tags: list[tuple] = []
        self._muted = False  # the widgets are following the scene: their signals are not the user's choice
        self._slots = [(link, self._slot(link)) for link in links]
        for link, slot in self._slots:
            link.widget.connect(link.signal, slot)

    def bind(self, parameters) -> None:
        """Follow these parameters from now on; None = follow none."""
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self._tags, self._parameters = [], parameters
        if parameters is None:
            return
        scene, before = slicer.mrmlScene, 10.0  # priority: ahead of the selectors themselves
        self._observe(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified, 0.0)
        self._observe(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeLeaving, before)
        self._observe(scene, scene.NodeRemovedEvent, self._onNodeRemoved, -before)
        self._showParameters()

    def close(self) -> None:
        """Let go of the widgets and of the parameters."""
        self.bind(None)
        for link, slot in self._slots:
            link.widget.disconnect(link.signal, slot)
        self._slots = []

    def _observe(self, observed, event, callback, priority: float) -> None:
        self._tags.append((observed, observed.AddObserver(event, callback, priority)))

    def _slot(self, link: Link) -> Callable:
        def onWidgetChanged(*_) -> None:
            if self._parameters is not None and not self._muted:
                setattr(self._parameters, link.parameter, link.read())

        return onWidgetChanged

    def _onModified(self, _node, _event) -> None:
        self._showParameters()

    def _onNodeLeaving(self, _scene, _event) -> None:
        self._muted = True

    def _onNodeRemoved(self, _scene, _event) -> None:
        self._muted = False
        self._showParameters()

    def _showParameters(self) -> None:
        if self._muted or self._parameters is None:
            return
        self._muted = True
        for link in self._links:
            value = getattr(self._parameters, link.parameter)
            if link.read() != value:
                link.write(value)
        self._muted = False
        self._onChanged()
