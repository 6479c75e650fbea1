"""Slicer's Python files that slicer-core leaves out, written anew for tests."""

import sys


def install():
    """Make them importable as slicer.ScriptedLoadableModule, slicer.i18n and so on."""
    import slicer

    from . import ScriptedLoadableModule, i18n, packaging, parameterNodeWrapper

    for module in (ScriptedLoadableModule, i18n, packaging, parameterNodeWrapper):
        name = module.__name__.rsplit(".", 1)[-1]
        sys.modules["slicer." + name] = module
        setattr(slicer, name, module)
