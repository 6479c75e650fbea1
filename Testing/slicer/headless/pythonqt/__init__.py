"""The module `qt` of Slicer's Python, made of PySide6 with PythonQt's attribute semantics.

Scripts in Slicer see Qt through PythonQt: properties are attributes, signals are connected by their C++ signature,
lists come back as tuples, enumeration values print as numbers, and a plain C++ object takes no new attributes.
PySide6 classes are changed in place: .ui files, `isinstance` and signals must keep meeting the same classes.
"""

from .module import QT_MODULES, makeQtModule

__all__ = ["QT_MODULES", "makeQtModule"]
