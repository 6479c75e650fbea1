"""Where the module's resources lie: beside the installed module, or one folder up in a developer's checkout."""

from pathlib import Path


def resourcesFolder() -> Path:
    """The folder that holds UI, Icons and Models."""
    moduleFolder = Path(__file__).resolve().parent.parent
    beside = moduleFolder / "Resources"
    return beside if beside.is_dir() else moduleFolder.parent / "Resources"
