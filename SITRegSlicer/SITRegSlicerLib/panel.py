"""What the panel does: choices in, Apply and Cancel, progress and results out."""

from collections.abc import Callable

import qt

import slicer

from . import choices
from .applyCheck import whatIsMissing
from .installer import InstallError, installMissing, missingPackages
from .jacobianDisplay import setOverlayOpacity, showOverlay
from .jobReport import failureText, headline, progressText, resultText
from .likelyPair import likelyPair
from .parameterBinding import ParameterBinding, choiceLink, nodeLink, numberLink
from .parameters import OUTPUT_NAMES, chosenOutputs, requestOf
from .putUnderButton import PutUnderButton
from .registrationJob import JobState, RegistrationJob
from .registrationRequest import RequestError
from .transformNodes import isResult, linkedPair


class Panel:
    """Connects the widgets of the .ui file with the parameters and with the logic."""

    def __init__(self, ui, logic, modelsFolder):
        self._ui = ui
        self._logic = logic
        self._parameters = None
        self._job: RegistrationJob | None = None
        self._pair: tuple = (None, None)
        self._opacity = None  # of the overlay, as last chosen
        self._sides: dict[str, object] = self._currentSides()  # the volumes that were last chosen
        self._installing = False
        self._loggedText = ""
        self._models = choices.models(modelsFolder)
        self._connections: list[tuple[object, str, Callable]] = []
        self._binding = ParameterBinding(self._links(), self._onParametersChanged)
        self._putUnder = PutUnderButton(ui.putUnderButton, self.update)
        self._connect(ui.applyButton, "clicked(bool)", self._onApply)
        self._connect(ui.cancelButton, "clicked(bool)", self._onCancel)
        self._connect(ui.putUnderButton, "clicked(bool)", self._onPutUnder)
        scene = slicer.mrmlScene
        self._sceneTags = [
            scene.AddObserver(scene.NodeAddedEvent, lambda *_: qt.QTimer.singleShot(0, self._chooseLikely)),
            scene.AddObserver(scene.NodeRemovedEvent, lambda *_: self._forgetEndedJob()),
        ]
        self._showProgress(0.0, "")
        self.update()

    def bind(self, parameters) -> None:
        """Show and change these parameters from now on; None = none (the scene is closing)."""
        self._parameters = parameters
        self._sides = self._currentSides()
        self._binding.bind(parameters)
        self.update()

    def close(self) -> None:
        """Let go of every widget, which may be gone when a running job ends."""
        self._job = None
        self._parameters = None
        self._binding.close()
        self._putUnder.close()
        for tag in self._sceneTags:
            slicer.mrmlScene.RemoveObserver(tag)
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)

    def enter(self) -> None:
        """The panel is shown: what it complained of may have been mended elsewhere, and volumes may have come."""
        self._chooseLikely()
        self.update()

    def update(self) -> None:
        """Enable what can be done now, and let tooltips say why the rest cannot."""
        ui, running = self._ui, self._job is not None
        problem = self._problem()
        ui.applyButton.enabled = not problem
        ui.applyButton.toolTip = problem or "Register the moving volume onto the fixed volume."
        ui.cancelButton.enabled = running and self._job.state != JobState.CANCELLING
        ui.outputsHintLabel.text = self._outputsHint()
        model = self._chosenModel()
        ui.modelHintLabel.text, ui.modelHintLabel.toolTip = (model.about, model.origin) if model else ("", "")
        self._putUnder.update(self._parameters)

    # ---- widgets

    def _links(self):
        ui = self._ui
        nodes = ("fixedVolume", "movingVolume", *OUTPUT_NAMES, "fixedMask", "movingMask", "fixedLabels", "movingLabels")
        return [
            *(nodeLink(name, getattr(ui, f"{name}Selector")) for name in nodes),
            choiceLink("model", ui.modelSelector, self._models),
            choiceLink("device", ui.deviceSelector, choices.DEVICES),
            choiceLink("affine", ui.affineSelector, choices.AFFINES),
            choiceLink("refine", ui.refineSelector, choices.REFINEMENTS),
            numberLink("workingSpacing", ui.workingSpacingSpinBox),
            numberLink("overlayOpacity", ui.overlayOpacitySlider),
        ]

    def _connect(self, widget, signal: str, slot: Callable) -> None:
        widget.connect(signal, slot)
        self._connections.append((widget, signal, slot))

    def _onParametersChanged(self) -> None:
        parameters = self._parameters
        if self._pair != self._currentPair():
            self._onOtherPair()
        if self._opacity != parameters.overlayOpacity:
            self._opacity = parameters.overlayOpacity
            shown = (parameters.jacobianVolume, parameters.warpedVolume, parameters.movingVolume)
            setOverlayOpacity(shown, self._opacity)
        self.update()

    def _chooseLikely(self) -> None:
        if self._parameters is not None and self._currentPair() == (None, None) and (pair := likelyPair()):
            self._parameters.fixedVolume, self._parameters.movingVolume = pair

    def _letGoOfOthers(self, side: str, volume) -> None:
        """What belongs to a volume that was exchanged for another; half of it may be out of sight."""
        former = self._sides.get(side)
        self._sides[side] = volume
        if former not in (None, volume):
            for what in ("Mask", "Labels"):
                setattr(self._parameters, f"{side}{what}", None)

    def _currentSides(self) -> dict:
        """ "fixed" and "moving" -> the chosen volume, where there is one."""
        pair = self._currentPair() if self._parameters is not None else (None, None)
        return {side: volume for side, volume in zip(("fixed", "moving"), pair, strict=True) if volume is not None}

    def _currentPair(self) -> tuple:
        return self._parameters.fixedVolume, self._parameters.movingVolume

    def _onOtherPair(self) -> None:
        """What was said of the pair before is gone, and its results shall not be overwritten by the next Apply."""
        self._pair = self._currentPair()
        for side, volume in self._currentSides().items():
            self._letGoOfOthers(side, volume)
        if self._job is None and None not in self._pair:  # else it may say which of the two was removed
            self._showProgress(0.0, "")
        outputs = (getattr(self._parameters, name) for name in OUTPUT_NAMES)
        results = [node for node in outputs if node is not None and isResult(node)]
        if None not in self._pair and any(linkedPair(node) != self._pair for node in results):
            for name in OUTPUT_NAMES:
                setattr(self._parameters, name, None)

    def _problem(self) -> str:
        if self._parameters is None:
            return "There is no scene."
        if self._job is not None:
            return "A registration is running."
        if self._installing:
            return "Packages are being installed."
        if self._chosenModel() is None:
            return f"The model '{self._parameters.model}' is not installed here: choose another."
        return whatIsMissing(requestOf(self._parameters))

    def _chosenModel(self) -> choices.Choice | None:
        chosen = self._parameters.model if self._parameters is not None else ""
        return next((model for model in self._models if model.id == chosen), None)

    def _outputsHint(self) -> str:
        if self._parameters is None or not chosenOutputs(self._parameters).nodes():
            return "None is chosen: all will be made new."
        return "Only the chosen ones will be made, and warped labels; what they hold is overwritten."

    # ---- Apply and Cancel

    def _onApply(self, _checked: bool) -> None:
        try:
            missing = missingPackages()
            if missing:
                self._install(missing)
            self._follow(self._logic.run(requestOf(self._parameters)))
        except (InstallError, RequestError) as error:
            self._ui.statusLabel.text = str(error)
            self._log(str(error))
            self._tell(str(error))

    def _install(self, missing: list[str]) -> None:
        """Slicer shows pip's progress and handles clicks meanwhile: a second Apply must not start a second pip."""
        self._installing = True
        self._showProgress(0.0, "Installing packages: this takes some minutes.")
        self.update()
        try:
            installMissing(missing)
        finally:
            self._installing = False
            self._showProgress(0.0, "")
            self.update()

    def _follow(self, job: RegistrationJob) -> None:
        self._job = job
        self._log(f"{job.request.movingVolume.GetName()} to {job.request.fixedVolume.GetName()}")
        job.whenChanged(self._onJobChanged)
        job.whenFinished(self._onJobFinished)
        self.update()

    def _onCancel(self, _checked: bool) -> None:
        if self._job is not None:
            self._job.cancel()

    def _onJobChanged(self, job: RegistrationJob) -> None:
        if job is not self._job:
            return
        if job.text != self._loggedText:
            self._loggedText = job.text
            self._log(f"{job.seconds:6.1f} s  {job.text}")
        self._showProgress(job.fraction, progressText(job))
        self._ui.cancelButton.enabled = job.state != JobState.CANCELLING

    def _onJobFinished(self, job: RegistrationJob) -> None:
        if job is not self._job:
            return
        self._job = None
        if job.state == JobState.DONE:
            self._showResult(job)
        elif job.state == JobState.FAILED:
            self._showProgress(0.0, job.error)
            self._log(failureText(job))
            self._tell(job.error)
        else:
            self._showProgress(0.0, job.error)
        self.update()

    def _showResult(self, job: RegistrationJob) -> None:
        self._log(resultText(job))
        self._showProgress(1.0, headline(job))
        if self._parameters is None:
            return
        # Another pair may have been chosen meanwhile: what the next Apply makes of it must not replace this result.
        if self._currentPair() == (job.request.fixedVolume, job.request.movingVolume):
            for name in OUTPUT_NAMES:
                setattr(self._parameters, name, getattr(job.result, name))
        foreground = job.result.jacobianVolume or job.result.warpedVolume
        if foreground is not None:
            showOverlay(job.request.fixedVolume, foreground, self._parameters.overlayOpacity)

    def _onPutUnder(self, _checked: bool) -> None:
        self._putUnder.act(self._parameters)
        self.update()

    def _forgetEndedJob(self) -> None:
        """A node was removed: its memory shall be free, where the last job knows it, too."""
        if self._logic.job is not None and self._logic.job.ended:
            self._logic.job = None

    # ---- what people see

    def _showProgress(self, fraction: float, text: str) -> None:
        self._ui.progressBar.value = round(100 * fraction)
        self._ui.statusLabel.text = self._ui.statusLabel.toolTip = text

    def _log(self, text: str) -> None:
        self._ui.logTextEdit.appendPlainText(text)

    def _tell(self, text: str) -> None:
        # Later, not inside the signal that brought the news: the dialog runs an event loop of its own.
        qt.QTimer.singleShot(0, lambda: slicer.util.errorDisplay(text, windowTitle="SITReg"))
