"""A 3D view."""

import slicer

from .managers import THREED_MANAGERS
from .offscreen import OffscreenView


class ThreeDRendering(OffscreenView):
    """Draws what the displayable managers put into a 3D view."""

    def __init__(self, logic, size):
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        super().__init__(factory, THREED_MANAGERS, logic.GetViewNode(), size)
        self.renderer.SetGradientBackground(True)

    def resetCamera(self):
        """Look at everything."""
        self.renderer.ResetCamera()
        self.renderer.ResetCameraClippingRange()


def createViewLogic(applicationLogic, name):
    """A view logic with its view node in the scene."""
    logic = slicer.vtkMRMLViewLogic()
    logic.SetName(name)  # by which it finds its nodes again whenever the scene changes
    logic.SetMRMLApplicationLogic(applicationLogic)
    applicationLogic.GetViewLogics().AddItem(logic)
    logic.SetMRMLScene(applicationLogic.GetMRMLScene())
    logic.AddViewNode(name).SetMappedInLayout(1)
    return logic
