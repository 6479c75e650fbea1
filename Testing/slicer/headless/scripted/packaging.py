"""slicer.packaging: checks are real, installing is refused, since a test must not change its environment."""

import importlib.metadata
import logging
import shlex
import tomllib
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

import slicer


def load_requirements(path):
    """The requirements of a requirements.txt; comments and pip options are left out."""
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def load_pyproject_dependencies(path):
    """[project.dependencies] of a pyproject.toml; KeyError when it has no [project]."""
    return [
        Requirement(line)
        for line in tomllib.loads(Path(path).read_text(encoding="utf-8"))["project"].get("dependencies", [])
    ]


def pip_check(req):
    """Whether every requirement is installed in a fitting version; those for other platforms count as met."""
    return all(_isMet(requirement) for requirement in _asRequirements(req))


def _isMet(requirement):
    """One requirement, its extras not looked at."""
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        return importlib.metadata.version(requirement.name) in requirement.specifier
    except importlib.metadata.PackageNotFoundError:
        return False


def _asRequirements(given):
    """A string (one requirement, or several apart by spaces), a Requirement, or a list of both, as a list."""
    if isinstance(given, Requirement):
        return [given]
    if isinstance(given, str):
        try:
            return [Requirement(given)]
        except InvalidRequirement:
            return [Requirement(word) for word in given.split()]
    return [Requirement(item) if isinstance(item, str) else item for item in given]


def pip_ensure(
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install=True,
    prompt_restart=True,
    requester=None,
    skip_in_testing=True,
    show_progress=True,
):
    """Install what is missing; in testing mode Slicer skips that unless told otherwise."""
    missing = [requirement for requirement in _asRequirements(requirements) if not _isMet(requirement)]
    if not missing:
        return None
    if skip_in_testing and slicer.app.testingEnabled():
        logging.info("Testing mode is enabled: pip_ensure skips %s", ", ".join(map(str, missing)))
        return None
    question = f"{len(missing)} Python packages need to be installed."
    if prompt_install and not slicer.util.confirmOkCancelDisplay(question, requester):
        raise RuntimeError("User declined package installation")
    return pip_install([str(requirement) for requirement in missing], constraints=constraints)


def pip_install(
    requirements,
    constraints=None,
    no_deps_requirements=None,
    skip_packages=None,
    blocking=True,
    show_progress=True,
    requester=None,
    parent=None,
    logCallback=None,
    completedCallback=None,
):
    """Refuse; the error says what pip would have been asked to do."""
    words = shlex.split(requirements) if isinstance(requirements, str) else list(requirements)
    if constraints is not None:
        words += ["-c", str(constraints)]
    raise RuntimeError("the headless Slicer installs nothing: pip install " + " ".join(words))


def pip_uninstall(requirements, blocking=True, show_progress=True, requester=None, parent=None):
    """Refuse; the error says what pip would have been asked to do."""
    words = requirements if isinstance(requirements, str) else " ".join(requirements)
    raise RuntimeError("the headless Slicer uninstalls nothing: pip uninstall " + words)


def isPipInstallInProgress():
    """Nothing is ever being installed here."""
    return False
