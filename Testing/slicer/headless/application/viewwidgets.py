"""Slice and 3D widgets; the picture is made off screen and only on demand."""

from PySide6 import QtWidgets
from PySide6.QtCore import Property

from headless.declare import stored
from headless.views.sliceview import SliceRendering
from headless.views.threedview import ThreeDRendering


class LazyView(QtWidgets.QWidget):
    """A widget whose rendering is made when it is first asked for."""

    def __init__(self, makeRendering):
        super().__init__()
        self._makeRendering = makeRendering
        self._made = None

    def _rendering(self):
        if self._made is None:
            self._made = self._makeRendering()
        return self._made

    def renderWindow(self):
        """The vtkRenderWindow."""
        return self._rendering().window

    def interactor(self):
        """The vtkRenderWindowInteractor."""
        return self._rendering().interactor

    def forceRender(self):
        """Draw now."""
        self._rendering().render()

    def scheduleRender(self):
        """Pictures are made on demand: nothing to schedule."""


class qMRMLSliceView(LazyView):
    """The picture of a slice widget."""

    def __init__(self, logic, size):
        super().__init__(lambda: SliceRendering(logic, size))
        self._logic = logic

    def mrmlSliceNode(self):
        """The slice node."""
        return self._logic.GetSliceNode()


class qMRMLThreeDView(LazyView):
    """The picture of a 3D widget."""

    def __init__(self, logic, size):
        super().__init__(lambda: ThreeDRendering(logic, size))
        self._logic = logic

    def mrmlViewNode(self):
        """The view node."""
        return self._logic.GetViewNode()

    def resetCamera(self):
        """Show everything."""
        self._rendering().resetCamera()

    def resetFocalPoint(self):
        """Look at the middle of everything."""
        self._rendering().resetCamera()


class qMRMLSliceWidget(QtWidgets.QWidget):
    """One slice view with its logic."""

    def __init__(self, logic, name, size):
        super().__init__()
        self._logic = logic
        self.sliceViewName = name
        self._view = qMRMLSliceView(logic, size)

    sliceViewName = stored(str, "name", "")
    sliceOrientation = Property(
        str,
        lambda self: self.mrmlSliceNode().GetOrientation(),
        lambda self, value: self.mrmlSliceNode().SetOrientation(value),
    )

    def sliceLogic(self):
        """The vtkMRMLSliceLogic."""
        return self._logic

    def sliceView(self):
        """The picture."""
        return self._view

    def mrmlSliceNode(self):
        """The slice node."""
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self):
        """The node that says which volumes are shown."""
        return self._logic.GetSliceCompositeNode()

    def setSliceOrientation(self, orientation):
        """Slot of the orientation."""
        self.sliceOrientation = orientation

    def fitSliceToBackground(self):
        """Show the whole background volume."""
        self._logic.FitSliceToBackground()


class qMRMLThreeDWidget(QtWidgets.QWidget):
    """One 3D view with its logic."""

    def __init__(self, logic, size):
        super().__init__()
        self._logic = logic
        self._view = qMRMLThreeDView(logic, size)

    def threeDView(self):
        """The picture."""
        return self._view

    def viewLogic(self):
        """The vtkMRMLViewLogic."""
        return self._logic

    def mrmlViewNode(self):
        """The view node."""
        return self._logic.GetViewNode()
