"""A slice view: the slice logic's blended image below, displayable managers above."""

import vtk

import slicer

from .managers import SLICE_MANAGERS
from .offscreen import OffscreenView


class SliceRendering(OffscreenView):
    """Draws what a slice logic shows."""

    def __init__(self, logic, size):
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        super().__init__(factory, SLICE_MANAGERS, logic.GetSliceNode(), size)
        self.logic = logic
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.mapper = vtk.vtkImageMapper()
        self.mapper.SetColorWindow(255)
        self.mapper.SetColorLevel(127.5)
        self.actor = vtk.vtkActor2D()
        self.actor.SetMapper(self.mapper)
        self.actor.GetProperty().SetDisplayLocationToBackground()
        self.logic.ResizeSliceNode(*size)

    def render(self):
        """Draw the current image; with no volume in the view there is none."""
        connection = self.logic.GetImageDataConnection()
        self.renderer.RemoveViewProp(self.actor)
        if connection is not None:
            self.mapper.SetInputConnection(connection)
            self.renderer.AddViewProp(self.actor)
        super().render()


def createSliceLogic(applicationLogic, name, orientation, size):
    """A slice logic with its slice and composite nodes in the scene, as the layout manager makes it."""
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(applicationLogic)
    applicationLogic.GetSliceLogics().AddItem(logic)
    logic.SetMRMLScene(applicationLogic.GetMRMLScene())
    node = logic.AddSliceNode(name)
    node.SetOrientation(orientation)
    node.SetMappedInLayout(1)
    logic.ResizeSliceNode(*size)
    return logic
