"""A render window without a screen, with a displayable manager group in it."""

from pathlib import Path

import vtk
import vtkmodules.vtkRenderingFreeType  # noqa: F401
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401
from vtk.util.numpy_support import vtk_to_numpy

import slicer


class OffscreenView:
    """Renderer, window and interactor of one view node. It owns no scene and no logic."""

    def __init__(self, factory, managers, node, size):
        self.renderer = vtk.vtkRenderer()
        self.window = makeWindow(self.renderer, size)
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.Initialize()
        registerManagers(factory, managers)
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.Initialize(factory, self.renderer)
        self.group.SetMRMLDisplayableNode(node)

    def size(self):
        """(width, height) in pixels."""
        return tuple(self.window.GetSize())

    def render(self):
        """Draw now."""
        self.window.Render()

    def image(self):
        """The picture as vtkImageData, RGB, first row at the bottom."""
        self.render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.SetInputBufferTypeToRGB()
        grabber.ReadFrontBufferOff()
        grabber.Update()
        return grabber.GetOutput()

    def array(self):
        """The picture as (height, width, 3) uint8, first row on top."""
        image = self.image()
        width, height, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()

    def savePng(self, path):
        """Write the picture; returns the path."""
        writer = vtk.vtkPNGWriter()
        writer.SetInputData(self.image())
        writer.SetFileName(str(path))
        writer.Write()
        return Path(path)


def makeWindow(renderer, size):
    """An off-screen window of (width, height) pixels."""
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(*size)
    window.AddRenderer(renderer)
    return window


def registerManagers(factory, managers):
    """Register each manager once; the factory is shared by all views of its kind."""
    for name in managers:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
