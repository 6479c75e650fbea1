"""Make behaviour.json from a full record of probes run in a real Slicer.

    python condense_behaviour.py RECORD.json

The record is a list of {name, code, setup?, result and type, or error}. Setups are stored once; of an error only the
class is kept, since its text differs between Qt bindings and says nothing that a script relies on.
"""

import json
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("behaviour.json")


def condense(record):
    """The facts of a full record."""
    setups = sorted({probe["setup"] for probe in record if "setup" in probe})
    return {"setups": setups, "probes": [condenseProbe(probe, setups) for probe in record]}


def condenseProbe(probe, setups):
    """One probe with what the real Slicer answered."""
    facts = {"name": probe["name"], "code": probe["code"]}
    if "setup" in probe:
        facts["setup"] = setups.index(probe["setup"])
    if "error" in probe:
        return facts | {"error": probe["error"].split(":")[0]}
    return facts | {"result": probe["result"], "type": probe["type"]}


if __name__ == "__main__":
    record = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    TARGET.write_text(json.dumps(condense(record), indent=1) + "\n")
