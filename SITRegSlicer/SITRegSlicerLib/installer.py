"""The Python packages that the worker needs: looked for when Apply is clicked, installed only after asking.

torch comes from the PyTorch extension, which knows the build for this graphics card. Everything else goes through
Slicer's own package manager with what is installed held fast, so that numpy, SimpleITK and torch are never replaced.
"""

import importlib.util
import tempfile
from importlib import metadata
from pathlib import Path

import slicer

OTHER_PACKAGES = ("numpy", "SimpleITK")  # import names, which are their names on PyPI too; Slicer brings both
HELD_PACKAGES = ("numpy", "SimpleITK", "torch", "torchvision")


class InstallError(RuntimeError):
    """Packages are missing and were not installed; its text is one clear line that says what to do."""


def missingPackages() -> list[str]:
    """Names of the packages that the worker needs and Slicer's Python lacks. Looks, imports nothing."""
    importlib.invalidate_caches()
    return [name for name in ("torch", *OTHER_PACKAGES) if importlib.util.find_spec(name) is None]


def installMissing(missing: list[str]) -> None:
    """Explain what is missing, ask, install. Raises InstallError when something is missing still."""
    if not slicer.util.confirmOkCancelDisplay(_question(missing), windowTitle="Install Python packages"):
        raise InstallError(f"{', '.join(missing)} not installed: Apply asks again.")
    try:
        _install(missing)
    except InstallError:
        raise
    except Exception as error:  # pip, the network, the extension: whatever it was, people must hear of it
        raise InstallError(f"{', '.join(missing)} could not be installed: {error}") from error
    left = missingPackages()
    if left:
        raise InstallError(f"{', '.join(left)} could not be installed: Slicer's error log tells why.")


def _install(missing: list[str]) -> None:
    if "torch" in missing:
        _installTorch()
    others = [name for name in missing if name != "torch"]
    if others:
        _installOthers(others)


def _question(missing: list[str]) -> str:
    text = f"The registration runs in the background and needs: {', '.join(missing)}.\n\n"
    if "torch" in missing:
        text += "torch is installed by the PyTorch extension (some minutes, up to 3 GB).\n"
    return text + "What is installed already will not be replaced. Install now?"


def _installTorch() -> None:
    if importlib.util.find_spec("PyTorchUtils") is None:
        raise InstallError(
            "torch is missing and so is the PyTorch extension, which installs it: open the Extensions Manager, "
            "install 'PyTorch', restart Slicer and click Apply again."
        )
    import PyTorchUtils

    if PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=False) is None:
        raise InstallError("torch was not installed: Apply asks again.")


def _installOthers(names: list[str]) -> None:
    import slicer.packaging
    from packaging.requirements import Requirement

    with tempfile.TemporaryDirectory(prefix="sitreg-") as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(heldVersions(), encoding="utf-8")
        requirements = [Requirement(name) for name in names]
        # Asked already, hence no second question.
        slicer.packaging.pip_ensure(
            requirements, constraints=constraints, prompt_install=False, requester="SITRegSlicer"
        )


def heldVersions() -> str:
    """A constraints file: the installed versions of what must never be replaced."""
    lines = []
    for name in HELD_PACKAGES:
        try:
            lines.append(f"{name}=={metadata.version(name)}\n")
        except metadata.PackageNotFoundError:
            continue
    return "".join(lines)
