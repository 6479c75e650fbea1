"""Which expressions of a script are known to be Qt objects of which class."""

import ast

from headless.realapi import findClass

UI_NAMES = ("ui", "_ui")


def dotted(node):
    """("slicer", "app", "connect") for slicer.app.connect; None when the chain starts with anything but a name."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None


def qtClassIn(annotation):
    """Name of the qt or ctk class in an annotation such as `qt.QProcess | None`, or None."""
    for node in ast.walk(annotation) if annotation is not None else ():
        chain = dotted(node)
        if chain and len(chain) == 2 and chain[0] in ("qt", "ctk"):
            return chain[1]
    return None


class KnownTypes:
    """Class names of expressions as the script writes them: `self._process`, and `ui.applyButton` by the .ui file."""

    def __init__(self, tree, widgets):
        self.widgets = widgets
        self.written = {}
        returns = {node.name: qtClassIn(node.returns) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        for node in ast.walk(tree):
            self.learn(node, returns)

    def learn(self, node, returns):
        """Take in what an assignment, an annotation or a parameter says."""
        if isinstance(node, ast.AnnAssign):
            self.note(node.target, qtClassIn(node.annotation))
        elif isinstance(node, ast.arg):
            self.note(ast.Name(node.arg), qtClassIn(node.annotation))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            chain = dotted(node.value.func)
            className = chain[1] if chain and len(chain) == 2 and chain[0] in ("qt", "ctk", "slicer") else None
            className = className or returns.get(chain[-1] if chain else None)
            for target in node.targets:
                self.note(target, className)

    def note(self, target, className):
        """Remember a class; a second, different one makes the expression unknown."""
        if className is None or findClass(className) is None:
            return
        text = ast.unparse(target)
        self.written[text] = className if self.written.get(text, className) == className else None

    def classOf(self, node):
        """The real class of an expression, or None when it is not known."""
        name = self.widgetName(node)
        className = self.widgets.get(name) if name else self.written.get(ast.unparse(node))
        return findClass(className) if className else None

    def widgetName(self, node):
        """`applyButton` for ui.applyButton and self.ui.applyButton, else None."""
        chain = dotted(node)
        return chain[-1] if chain and len(chain) >= 2 and chain[-2] in UI_NAMES else None
