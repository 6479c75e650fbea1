"""Slicer's Python files that slicer-core leaves out, written anew for tests."""

import importlib.util
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def install():
    """Make them importable as slicer.ScriptedLoadableModule, slicer.i18n and so on."""
    import slicer

    for name in ("i18n", "packaging", "ScriptedLoadableModule", "parameterNodeWrapper"):
        setattr(slicer, name, load(f"slicer.{name}", FOLDER / name))


def load(fullName, path):
    """Load a file or package beside this one under a name of its own."""
    isPackage = path.is_dir()
    spec = importlib.util.spec_from_file_location(
        fullName,
        path / "__init__.py" if isPackage else path.with_suffix(".py"),
        submodule_search_locations=[str(path)] if isPackage else None,
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[fullName] = module
    spec.loader.exec_module(module)
    return module
