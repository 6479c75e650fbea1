"""What must be in the process environment before vtk and Qt are loaded."""

import os

OFFSCREEN = {
    # vtk picks X, EGL or OSMesa when it loads; without a display and without this it crashes.
    "VTK_DEFAULT_OPENGL_WINDOW": "vtkOSOpenGLRenderWindow",
    "QT_QPA_PLATFORM": "offscreen",
}


def prepareEnvironment():
    """Choose off-screen rendering for vtk and Qt; call it before either is imported."""
    os.environ.update(OFFSCREEN)
