"""Start of the headless Slicer, once per process."""

import atexit
import shutil
import sys
import tempfile
from pathlib import Path


def start():
    """Make `import qt, ctk, slicer` give what scripts find in Slicer; returns slicer.app, made at the first call."""
    import slicer  # vtk loads here, after prepareEnvironment

    if hasattr(slicer, "app"):
        return slicer.app
    from .pythonqt import makeQtModule

    qt = makeQtModule()
    sys.modules["qt"] = qt
    from .application.app import qSlicerApplication

    application = qSlicerApplication(["Slicer"])
    home = Path(tempfile.mkdtemp(prefix="headless-slicer-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    installWidgets(qt, slicer)
    startScene(application, slicer, home)
    return application


def installWidgets(qt, slicer):
    """Put the stand-in widgets where scripts and .ui files look for them."""
    from . import ctk, mrmlwidgets, scripted
    from .application import app, layout, loader, modules, viewwidgets
    from .pythonqt.loader import makeLoaderClass

    sys.modules["ctk"] = ctk
    widgets = [getattr(source, name) for source in (ctk, mrmlwidgets) for name in source.__all__]
    qt.QUiLoader = makeLoaderClass([cls for cls in widgets if cls.__name__ != "qSlicerScriptedLoadableModuleWidget"])
    for source in (mrmlwidgets, app, layout, loader, modules, viewwidgets):
        for name, value in vars(source).items():
            if name.startswith(("qMRML", "qSlicer")):
                setattr(slicer, name, value)
    scripted.install()


def startScene(application, slicer, home):
    """Scene, logics, modules and views."""
    import slicer.util

    from .application.app import qSlicerAppMainWindow
    from .application.layout import qSlicerLayoutManager
    from .application.modules import Modules, qSlicerLoadableModule, qSlicerModuleManager
    from .mrml.io import CoreIOManager
    from .mrml.scene import createScene

    slicer.app = application
    slicer.modules = Modules()
    parts = createScene(home)
    manager = qSlicerModuleManager()
    application._startScene(parts, CoreIOManager(), manager)
    for row in parts.moduleLogics:
        module = qSlicerLoadableModule(row.name, row.logic)
        manager._add(module)
        setattr(slicer.modules, row.attribute, module)
    application.setLayoutManager(qSlicerLayoutManager(parts.applicationLogic))
    application._mainWindow = qSlicerAppMainWindow()
