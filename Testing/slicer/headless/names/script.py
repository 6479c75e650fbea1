"""Check of scripts."""

import ast

from headless.pythonqt.signals import normalized
from headless.realapi import classesOf, findClass, isSignalOfAnyClass, namesOf, realClass

from .types import KnownTypes, dotted

SUBMODULES = frozenset({"ScriptedLoadableModule", "i18n", "packaging", "parameterNodeWrapper", "util"})
CONTAINERS = ("util", "app", "modules")


def scriptProblems(source, widgets, moduleName=""):
    """One line for each name in a script that the real Slicer lacks.

    `widgets` is what panelWidgets gives; the module itself adds slicer.modules.<modulename> and <ModuleName>Widget.
    """
    tree = ast.parse(source)
    own = {moduleName.lower(), f"{moduleName}Widget", f"{moduleName}Instance"}
    check = ScriptCheck(KnownTypes(tree, widgets), own)
    return [f"line {node.lineno}: {line}" for node in ast.walk(tree) for line in check.problems(node)]


class ScriptCheck:
    """The rules, one method for each kind of syntax."""

    def __init__(self, types, ownModules):
        self.types = types
        self.ownModules = ownModules

    def problems(self, node):
        """What is wrong with one node of the syntax tree."""
        if isinstance(node, ast.Attribute):
            yield from self.ofChain(dotted(node))
            yield from self.ofAttribute(node)
        elif isinstance(node, ast.ImportFrom):
            yield from self.ofImport(node)
        elif isinstance(node, ast.Call):
            yield from self.ofConnect(node)

    def ofChain(self, chain):
        """qt.X.y, ctk.X.y, slicer.x, slicer.util.x; shorter chains inside longer ones are met by themselves."""
        if chain is None or len(chain) not in (2, 3):
            return
        if chain[0] in ("qt", "ctk"):
            yield from self.ofClassName(*chain)
        elif chain[0] == "slicer":
            yield from self.ofSlicer(*chain[1:])

    def ofClassName(self, module, className, attribute=None):
        """A class of qt or ctk and what is taken from it."""
        real = realClass(module, className)
        if real is None and attribute is None:
            yield f"there is no {module}.{className}"
        elif real is not None and attribute is not None and not real.has(attribute):
            yield f"{module}.{className} has no {attribute}"

    def ofSlicer(self, name, attribute=None):
        """A name of slicer, or of slicer.util, slicer.app, slicer.modules."""
        if attribute is None:
            if name not in namesOf("slicer") | classesOf("slicer") | SUBMODULES:
                yield f"there is no slicer.{name}"
        elif name in CONTAINERS:
            own = self.ownModules if name == "modules" else set()
            if attribute not in namesOf(f"slicer.{name}") | own:
                yield f"there is no slicer.{name}.{attribute}"
        elif name in classesOf("slicer") and not realClass("slicer", name).has(attribute):
            yield f"slicer.{name} has no {attribute}"

    def ofAttribute(self, node):
        """An attribute of an object whose class is known, or a widget that the panel lacks."""
        name = self.types.widgetName(node)
        if name is not None and self.types.widgets and name not in self.types.widgets:
            yield f"the panel has no {name}"
        real = self.types.classOf(node.value)
        if real is not None and not real.has(node.attr):
            yield f"{ast.unparse(node.value)} ({real.name}) has no {node.attr}"

    def ofImport(self, node):
        """from slicer import x, from slicer.util import x, from qt import X."""
        for name in [alias.name for alias in node.names if alias.name != "*"]:
            if node.module in ("qt", "ctk"):
                yield from self.ofClassName(node.module, name)
            elif node.module == "slicer":
                yield from self.ofSlicer(name)
            elif node.module == "slicer.util":
                yield from self.ofSlicer("util", name)

    def ofConnect(self, node):
        """x.connect("signal(args)", ...) and disconnect."""
        isConnection = isinstance(node.func, ast.Attribute) and node.func.attr in ("connect", "disconnect")
        if not isConnection or not node.args or not isinstance(node.args[0], ast.Constant):
            return
        signature = normalized(str(node.args[0].value))
        real = self.types.classOf(node.func.value)
        if dotted(node.func.value) == ("slicer", "app"):
            real = findClass("qSlicerApplication")
        if real is not None and not real.hasSignal(signature):
            yield f"{ast.unparse(node.func.value)} ({real.name}) has no signal {signature}"
        elif real is None and not isSignalOfAnyClass(signature):
            yield f"no class has a signal {signature}"
