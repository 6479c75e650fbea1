"""QUiLoader that knows Slicer's and CTK's widgets, for .ui files as they are."""

import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtUiTools

from .signals import connect

FOREIGN = ("ctk", "qMRML", "qSlicer")


def makeLoaderClass(widgets):
    """A QUiLoader class that creates the given widget classes.

    They are registered rather than made in createWidget: overriding that in Python loses references and crashes.
    """

    class QUiLoader(QtUiTools.QUiLoader):
        __module__ = "PySide6.QtUiTools"
        known = {cls.__name__: cls for cls in widgets}  # noqa: RUF012

        def __init__(self, parent=None):
            super().__init__(parent)
            for cls in self.known.values():
                QtUiTools.QUiLoader.registerCustomWidget(self, cls)  # not a method in Slicer's Qt

        def load(self, file, parent=None):
            tree = ElementTree.parse(file.fileName() if hasattr(file, "fileName") else str(file))
            refuseUnknownClasses(tree, self.known)
            links = takeConnections(tree)
            buffer = QtCore.QBuffer()
            buffer.setData(ElementTree.tostring(tree.getroot()))
            buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
            root = super().load(buffer, parent)
            if root is None:
                raise RuntimeError(f"the .ui file makes no widget: {QtUiTools.QUiLoader.errorString(self)}")
            connectAll(root, links)
            return root

    return QUiLoader


def refuseUnknownClasses(tree, known):
    """A widget of Slicer or CTK without a stand-in must fail here, not become a bare QWidget."""
    for element in tree.iter("widget"):
        name = element.get("class")
        if name.startswith(FOREIGN) and name not in known:
            raise RuntimeError(f"the headless Slicer has no stand-in for {name}; add one in Testing/slicer/headless")


def takeConnections(tree):
    """The <connections> of the file, taken out of it: signals declared in Python are unknown to Qt's own loader."""
    links = [{child.tag: child.text for child in element} for element in tree.iter("connection")]
    for parent in list(tree.iter()):
        for element in [child for child in parent if child.tag == "connections"]:
            parent.remove(element)
    return links


def connectAll(root, links):
    """Make the connections between the named objects under `root`."""
    objects = {child.objectName: child for child in (root, *root.findChildren(QtCore.QObject)) if child.objectName}
    for link in links:
        receiver = objects[link["receiver"]]
        slot = getattr(receiver, link["slot"].split("(")[0])
        if not connect(objects[link["sender"]], link["signal"], slot):
            raise RuntimeError(f"{link['sender']} has no signal {link['signal']}, which the .ui file connects")
