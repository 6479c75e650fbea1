"""Check of .ui files."""

import xml.etree.ElementTree as ElementTree

from headless.realapi import findClass

DESIGNERS_OWN = frozenset({"Line"})  # Qt Designer's name for a QFrame


def panelWidgets(path):
    """Object name -> class name of all widgets in a .ui file."""
    return {element.get("name"): element.get("class") for element in ElementTree.parse(path).iter("widget")}


def panelProblems(path):
    """One line for each class, property, signal or slot that the real Slicer lacks."""
    tree = ElementTree.parse(path)
    problems = [line for element in tree.iter("widget") for line in widgetProblems(element)]
    widgets = panelWidgets(path)
    return problems + [line for element in tree.iter("connection") for line in connectionProblems(element, widgets)]


def widgetProblems(element):
    """Problems of one widget; properties marked stdset="0" are dynamic ones and may have any name."""
    className, name = element.get("class"), element.get("name")
    real = findClass(className)
    if real is None:
        return [] if className in DESIGNERS_OWN else [f"{name}: there is no class {className}"]
    written = [child.get("name") for child in element if child.tag == "property" and child.get("stdset") != "0"]
    unknown = [key for key in written if real.properties and key not in real.writable]
    return [f"{name}: {className} has no property {key}" for key in unknown]


def connectionProblems(element, widgets):
    """Problems of one connection."""
    parts = {child.tag: child.text for child in element}
    problems = []
    sender, receiver = (findClass(widgets.get(parts[side], "")) for side in ("sender", "receiver"))
    if sender is None or not sender.hasSignal(parts["signal"]):
        problems.append(f"{parts['sender']}: no signal {parts['signal']}")
    if receiver is None or not receiver.has(parts["slot"].split("(")[0]):
        problems.append(f"{parts['receiver']}: no slot {parts['slot']}")
    return problems
