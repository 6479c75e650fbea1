"""A headless Slicer for tests.

Real: MRML scene, logics, storage, displayable managers (the slicer-core wheel), slicer.util.
Stand-ins: `qt` (PySide6 with PythonQt's semantics), `ctk` and qMRML widgets, slicer.app, the module loader,
slicer.ScriptedLoadableModule, i18n, parameterNodeWrapper, packaging.

Importing the package prepares the environment (off-screen vtk and Qt), so it comes before any import of vtk or slicer.
"""

from .environment import prepareEnvironment

prepareEnvironment()

from .start import start  # noqa: E402
from .testing import FaultCollector, processEvents, sliceViewPng, threeDViewPng, waitUntil  # noqa: E402

__all__ = ["FaultCollector", "processEvents", "sliceViewPng", "start", "threeDViewPng", "waitUntil"]
