"""What the Python API of a real Slicer (5.13 of 2026-08-21, Qt 5.15) has: facts/api.json.gz, unfolded."""

import functools
import gzip
import json
from dataclasses import dataclass
from pathlib import Path

FACTS = Path(__file__).parents[1] / "facts" / "api.json.gz"
MODULES = ("qt", "ctk", "slicer")
SINGLE_OBJECTS = {"qSlicerApplication": "slicer.app"}  # classes of which only the one object was listed
EVERY_OBJECT = frozenset({"name"})  # PythonQt's short form of objectName, which no listing shows


@dataclass(frozen=True)
class RealClass:
    """One class of qt, ctk or slicer."""

    name: str
    names: frozenset[str]  # every attribute that a script sees
    properties: frozenset[str]
    writable: frozenset[str]  # the properties that can be written
    signals: frozenset[str]  # signatures; empty where the class could not be looked into

    def has(self, name):
        """Whether scripts find an attribute; `exec_` is PythonQt's way to write `exec`."""
        return name in self.names or name.rstrip("_") in self.names or name in EVERY_OBJECT

    def hasSignal(self, signature):
        """Whether a signature can be connected; only the name is compared where signatures are not known."""
        return signature in self.signals if self.signals else signature.split("(")[0] in self.names


@functools.cache
def record():
    """The file as it is."""
    return json.loads(gzip.decompress(FACTS.read_bytes()))


def classesOf(module):
    """Names of the classes of "qt", "ctk" or "slicer"."""
    return frozenset(record()["classes"][module])


def namesOf(what):
    """Names in "slicer", "slicer.util", "slicer.app" or "slicer.modules"."""
    return frozenset(record()["names"][what].split())


@functools.cache
def realClass(module, name):
    """The class, or None when the real Slicer has none of that name."""
    entry = record()["classes"][module].get(name)
    if entry is None:
        return None
    base = realClass(*entry["base"].split(".")) if "base" in entry else NOTHING
    properties = dict(item.split(":") for item in entry.get("properties", "").split())
    return RealClass(
        name,
        base.names | set(entry.get("names", "").split()),
        base.properties | set(properties),
        base.writable | {key for key, access in properties.items() if access == "rw"},
        base.signals | set(entry.get("signals", "").split()),
    )


def findClass(name):
    """The class of that name in any of the modules, or None."""
    if name in SINGLE_OBJECTS:
        return RealClass(name, namesOf(SINGLE_OBJECTS[name]), frozenset(), frozenset(), frozenset())
    return next((realClass(module, name) for module in MODULES if name in classesOf(module)), None)


@functools.cache
def isSignalOfAnyClass(signature):
    """Whether at least one class has that signal."""
    classes = (realClass(module, name) for module in MODULES for name in classesOf(module))
    return any(signature in real.signals for real in classes)


NOTHING = RealClass("", frozenset(), frozenset(), frozenset(), frozenset())
