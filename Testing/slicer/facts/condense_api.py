"""Make api.json.gz from a full record of the Python API of a real Slicer.

    python condense_api.py RECORD.json.gz

For every class of qt, ctk and slicer: all attribute names, properties and signals, each class written as the
difference to the class that it shares most with. For slicer, slicer.util, slicer.app and slicer.modules: their names.
"""

import gzip
import json
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("api.json.gz")
OBJECTS = ("slicer.app", "slicer.util", "slicer.modules")


def condense(record):
    """The facts of a full record."""
    facts = {module: {name: factsOf(entry) for name, entry in classesOf(record[module]).items()} for module in MODULES}
    for name, entry in record["live"].items():
        facts["slicer"].setdefault(LIVE_CLASSES[name], factsOf(entry))
    names = {name: " ".join(sorted(record[name])) for name in OBJECTS}
    names["slicer"] = " ".join(sorted(record["slicer"]["_names"]))
    return {"classes": {module: differences(facts, module) for module in MODULES}, "names": names}


def differences(facts, module):
    """The classes of a module, each as the difference to the one that it shares most with."""
    bases = {f"qt.{name}": value for name, value in facts["qt"].items()}
    bases |= {f"{module}.{name}": value for name, value in facts[module].items()}
    return {name: difference(value, bases) for name, value in facts[module].items()}


MODULES = ("qt", "ctk", "slicer")
LIVE_CLASSES = {
    "layoutManager": "qSlicerLayoutManager",
    "mainWindow": "qSlicerAppMainWindow",
    "sliceController": "qMRMLSliceControllerWidget",
    "sliceView": "qMRMLSliceView",
    "sliceWidget": "qMRMLSliceWidget",
}


def classesOf(module):
    """The entries that are classes."""
    return {name: entry for name, entry in module.items() if isinstance(entry, dict) and "dir" in entry}


def factsOf(entry):
    """(names, properties, signals) of a class; the last two are empty where no object could be made."""
    properties = {f"{name}:{'rw' if value['writable'] else 'r'}" for name, value in entry.get("properties", {}).items()}
    return set(entry["dir"]), properties, set(entry.get("signals", ()))


def difference(facts, bases):
    """A class as a base and what it has beyond it."""
    fitting = [name for name in bases if all(base <= own for base, own in zip(bases[name], facts, strict=True))]
    fitting = [name for name in fitting if bases[name] != facts]
    base = max(sorted(fitting), key=lambda name: len(bases[name][0]) + len(bases[name][1]), default=None)
    known = bases[base] if base else (set(), set(), set())
    written = {"base": base} if base else {}
    for key, own, inherited in zip(("names", "properties", "signals"), facts, known, strict=True):
        if own - inherited:
            written[key] = " ".join(sorted(own - inherited))
    return written


if __name__ == "__main__":
    record = json.loads(gzip.decompress(Path(sys.argv[1]).read_bytes()))
    text = json.dumps(condense(record), indent=0, sort_keys=True)
    TARGET.write_bytes(gzip.compress(text.encode(), mtime=0))  # without a time the same record gives the same file
