"""`slicer.app.layoutManager()`: three slice views and one 3D view, rendered when somebody looks."""

from PySide6 import QtCore
from PySide6.QtCore import Property, Signal

from headless.views.sliceview import createSliceLogic
from headless.views.threedview import createViewLogic

from .viewwidgets import qMRMLSliceWidget, qMRMLThreeDWidget

SLICE_VIEWS = (
    ("Yellow", "Sagittal"),
    ("Green", "Coronal"),
    ("Red", "Axial"),
)  # in the order in which Slicer names them
VIEW_SIZE = (400, 400)  # pixels


class qSlicerLayoutManager(QtCore.QObject):
    """Owns the views."""

    layoutChanged = Signal(int)
    cppSignals = ("layoutChanged(int)",)

    def __init__(self, applicationLogic):
        super().__init__()
        self._applicationLogic = applicationLogic
        self._sliceWidgets = {}
        for name, orientation in SLICE_VIEWS:
            logic = createSliceLogic(applicationLogic, name, orientation, VIEW_SIZE)
            self._sliceWidgets[name] = qMRMLSliceWidget(logic, name, VIEW_SIZE)
        self._threeDWidgets = (qMRMLThreeDWidget(createViewLogic(applicationLogic, "1"), VIEW_SIZE),)
        self._layout = 0

    layout = Property(int, lambda self: self._layout, lambda self, value: self.setLayout(value))
    threeDViewCount = Property(int, lambda self: len(self._threeDWidgets))
    tableViewCount = Property(int, lambda self: 0)

    def setLayout(self, layout):
        """Slot of the layout number; the same views stay."""
        if layout != self._layout:
            self._layout = layout
            self.layoutChanged.emit(layout)

    def mrmlScene(self):
        """The scene."""
        return self._applicationLogic.GetMRMLScene()

    def mrmlSliceLogics(self):
        """vtkCollection of the slice logics."""
        return self._applicationLogic.GetSliceLogics()

    def mrmlViewLogics(self):
        """vtkCollection of the 3D view logics."""
        return self._applicationLogic.GetViewLogics()

    def sliceViewNames(self):
        """Names of the slice views."""
        return tuple(self._sliceWidgets)

    def sliceWidget(self, name):
        """The slice widget of a view name, or None."""
        return self._sliceWidgets.get(name)

    def threeDWidget(self, index):
        """The 3D widget at a position, or None."""
        return self._threeDWidgets[index] if 0 <= index < len(self._threeDWidgets) else None

    def resetSliceViews(self):
        """Fit every slice view to its background."""
        for widget in self._sliceWidgets.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self):
        """Let every 3D view show everything."""
        for widget in self._threeDWidgets:
            widget.threeDView().resetCamera()
