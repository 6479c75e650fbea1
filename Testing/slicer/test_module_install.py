"""Missing packages: the panel loads without torch, and Apply explains and offers to install."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from moduleSteps import ROOT

pytest_plugins = ["moduleFixtures"]

# Runs in a Python that has everything but torch: opens the panel, chooses two volumes, clicks Apply.
SCRIPT = """
import json, sys
sys.path[:0] = [{headless!r}, {module!r}, *{extra!r}]
import headless
app = headless.start()
import slicer
from headless.application.loader import loadScriptedModule
from moduleSteps import MODULE_FILE, chooseQuickRegistration, chooseSyntheticPair
slicer.util.confirmOkCancelDisplay = lambda text, **_: told.append(text) or {agrees}
told = []
widget = loadScriptedModule(MODULE_FILE).widget
chooseQuickRegistration(widget)
chooseSyntheticPair(widget)
offered = widget.ui.applyButton.enabled
widget.ui.applyButton.click()
job = widget.logic.job
if job is not None:
    headless.waitUntil(lambda: job.ended, 120)
seen = dict(offered=offered, told=told, status=widget.ui.statusLabel.text, enabled=widget.ui.applyButton.enabled)
seen.update(worker=widget.logic.worker.running, torch="torch" in sys.modules)
print(json.dumps(seen))
widget.logic.worker.kill()
headless.waitUntil(lambda: not widget.logic.worker.running)
"""

EXTENSION = """
from pathlib import Path


class PyTorchUtilsLogic:
    def installTorch(self, askConfirmation=False, forceComputationBackend=None, torchVersionRequirement=None):
        if {broken}:
            raise OSError("no network")
        for entry in Path({real!r}).glob("torch*"):
            Path({site!r}, entry.name).symlink_to(entry)
        return object()
"""


@pytest.fixture(scope="module")
def pythonWithoutTorch(tmp_path_factory):
    """A folder with everything that is installed here except torch."""
    folder = tmp_path_factory.mktemp("site-packages")
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.lower().startswith(("torch", "__pycache__", "__editable__", "_sitreg")):
            (folder / entry.name).symlink_to(entry)
    return folder


def clickApply(site, agrees, extra=()):
    """What a user sees who clicks Apply in that Python and answers the question."""
    script = SCRIPT.format(
        headless=str(ROOT / "Testing" / "slicer"),
        module=str(ROOT / "SITRegSlicer"),
        extra=[str(folder) for folder in extra],
        agrees=agrees,
    )
    # -S: without the real site-packages; the folder above takes their place, in this process and in the worker.
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-S", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def testWithoutTorchThePanelLoadsAndApplySaysWhereToGetIt(pythonWithoutTorch):
    seen = clickApply(pythonWithoutTorch, agrees=True)
    assert seen["offered"]
    assert "torch" in seen["told"][0]
    assert "Extensions Manager" in seen["status"]
    assert seen["enabled"]
    assert not seen["worker"]


def testWhoDeclinesKeepsAUsablePanel(pythonWithoutTorch):
    seen = clickApply(pythonWithoutTorch, agrees=False)
    assert "torch not installed" in seen["status"]
    assert seen["enabled"]
    assert not seen["worker"]


def testThePyTorchExtensionIsAskedToInstallTorch(pythonWithoutTorch, tmp_path):
    """An extension that 'installs' by linking the real torch: what comes after it is real."""
    real = sysconfig.get_paths()["purelib"]
    (tmp_path / "PyTorchUtils.py").write_text(EXTENSION.format(real=real, site=str(pythonWithoutTorch), broken=False))
    try:
        seen = clickApply(pythonWithoutTorch, agrees=True, extra=[tmp_path])
    finally:
        for entry in pythonWithoutTorch.glob("torch*"):
            entry.unlink()
    assert "PyTorch extension" in seen["told"][0]
    assert not seen["torch"]  # Slicer's own process never loads it
    assert seen["status"].startswith("Done") or (seen["state"] == "failed" and "-S" in seen["status"])


def testAnInstallationThatFailsIsSaidAndThePanelStaysUsable(pythonWithoutTorch, tmp_path):
    (tmp_path / "PyTorchUtils.py").write_text(EXTENSION.format(real="", site="", broken=True))
    seen = clickApply(pythonWithoutTorch, agrees=True, extra=[tmp_path])
    assert seen["status"] == "torch could not be installed: no network"
    assert seen["enabled"]


def testAnImpatientClickStartsNoSecondInstallation(widget, quick, monkeypatch):
    import headless

    from SITRegSlicerLib import panel

    seen = []

    def install(missing):
        seen.append((missing, widget.ui.applyButton.enabled, widget.ui.statusLabel.text))
        widget.ui.applyButton.click()
        headless.processEvents()  # as Slicer does for every line that pip prints
        raise panel.InstallError("no network")

    monkeypatch.setattr(panel, "missingPackages", lambda: ["torch"])
    monkeypatch.setattr(panel, "installMissing", install)
    monkeypatch.setattr(panel.Panel, "_tell", lambda *_: None)
    widget.ui.applyButton.click()
    assert seen == [(["torch"], False, "Installing packages: this takes some minutes.")]
    assert widget.ui.applyButton.enabled and widget.ui.statusLabel.text == "no network"


def testNothingIsMissingWhereEverythingIsInstalled(slicerApp):
    from SITRegSlicerLib.installer import missingPackages

    assert missingPackages() == []


def testInstallingHoldsFastWhatIsThere(slicerApp):
    from importlib.metadata import version

    from SITRegSlicerLib.installer import heldVersions

    lines = heldVersions().splitlines()
    assert f"numpy=={version('numpy')}" in lines
    assert f"SimpleITK=={version('SimpleITK')}" in lines
    assert f"torch=={version('torch')}" in lines
