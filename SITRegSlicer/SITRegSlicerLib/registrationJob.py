"""One registration from Apply to nodes in the scene. It never blocks: Slicer's event loop drives every step."""

import enum
import shutil
import time
import traceback
import uuid
from collections.abc import Callable, Generator
from pathlib import Path

import qt

import slicer
from sitreg_engine import contract

from .labelExport import segmentNames
from .registrationRequest import RegistrationRequest, RequestError
from .sceneExport import exportedNodes, exportSteps
from .sceneImport import ImportFailure, RegistrationResult, importSteps
from .temporaryFolder import makeFolder
from .workerProcess import WorkerExit, WorkerProcess

CANCEL_MS = 15_000  # a worker that has not stopped its job by then is ended
ENGINE_SHARE = (0.03, 0.95)  # of the whole progress; before it the export, after it the import


class JobState(enum.StrEnum):
    """Where a job is."""

    EXPORTING = "exporting"
    STARTING = "starting"  # the worker loads its libraries
    RUNNING = "running"
    LOADING = "loading"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class RegistrationJob:
    """State, fraction, text, result and error of one registration; `cancel()` works at every moment."""

    def __init__(self, request: RegistrationRequest, worker: WorkerProcess):
        self.request = request
        self.state = JobState.EXPORTING
        self.fraction = 0.0  # 0..1, never falling
        self.text = "Starting"  # one line for people
        self.result: RegistrationResult | None = None
        self.error = ""  # one line for people, once the job has failed or was cancelled
        self.detail = ""  # technical, for the log
        self._id = uuid.uuid4().hex
        self._folder: Path | None = None
        self._begun = time.monotonic()
        self._worker = worker
        self._engineJob: contract.Job | None = None
        self.segmentNames = segmentNames(request.fixedLabels, request.movingLabels)  # label n is segmentNames[n - 1]
        self._steps: Generator | None = None
        self._changed: list[Callable] = []
        self._finished: list[Callable] = []
        self._sceneTags: list[int] = []
        self._isSceneGone = False
        self._cancelDeadline = _singleShotTimer(self._worker.kill)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def seconds(self) -> float:
        """Since the job began."""
        return time.monotonic() - self._begun

    def whenChanged(self, callback: Callable[["RegistrationJob"], None]) -> None:
        """Call back whenever state, fraction or text change."""
        self._changed.append(callback)

    def whenFinished(self, callback: Callable[["RegistrationJob"], None]) -> None:
        """Call back once when the job is done, has failed or was cancelled; at once when it has ended already."""
        if self.ended:
            callback(self)
        else:
            self._finished.append(callback)

    def start(self) -> None:
        """Begin, and return at once."""
        self._watchScene()
        self._worker.attach(self)
        try:
            self._folder = makeFolder()
        except OSError as error:
            self._fail(f"No files can be written to Slicer's temporary folder ({error}): set another in its settings.")
            return
        self._run(exportSteps(self.request, self._id, self._folder, self.segmentNames))
        self._worker.start()  # it loads its libraries while the volumes are exported

    def cancel(self, reason: str = "Cancelled.") -> None:
        """Stop at once; what was half done is removed. The scene stays as it was."""
        if self.ended or self.state == JobState.CANCELLING:
            return
        self.error = reason
        self._closeSteps()
        if self.state != JobState.RUNNING:
            if self.state == JobState.STARTING:
                self._worker.stop()  # it may never get ready: the next Apply shall have another one
            self._end(JobState.CANCELLED)
            return
        self._worker.send(contract.Cancel(self._id))
        self._cancelDeadline.start(CANCEL_MS)
        self._change(JobState.CANCELLING, self.fraction, "Cancelling")

    # ---- what the worker says

    def onWorkerEvent(self, event) -> None:
        """Called by the worker for everything it says."""
        if isinstance(event, contract.Ready):
            self._sendWhenReady()
        elif getattr(event, "id", "") not in ("", self._id):
            return  # the last words of a job that was given up
        elif isinstance(event, contract.Progress) and self.state == JobState.RUNNING:
            low, high = ENGINE_SHARE
            self._change(JobState.RUNNING, low + (high - low) * event.fraction, event.text)
        elif isinstance(event, contract.Result):
            self._onResult(event)
        elif isinstance(event, contract.Failure):
            self._onFailure(event)

    def onWorkerExit(self, report: WorkerExit) -> None:
        """Called by the worker when it has ended; nobody but the job's own Cancel should have asked for that."""
        if self.state == JobState.LOADING or self.ended:
            return
        if self.state == JobState.CANCELLING:
            self._end(JobState.CANCELLED)
            return
        self.detail = report.lastWords
        self._fail(
            f"The background process ended before the registration was finished (exit code {report.exitCode}). "
            "The log has its last words; Apply starts a new one."
        )

    def onQuit(self) -> None:
        """Called when Slicer ends, by whichever of Slicer and the worker comes first."""
        self.cancel("Slicer was closed; the registration was stopped.")

    def _sendWhenReady(self) -> None:
        ready = self._worker.ready
        if ready is None or self._engineJob is None or self.state != JobState.STARTING:
            return
        if ready.protocol != contract.PROTOCOL:
            self._fail(
                f"The background process speaks version {ready.protocol} of the protocol, this panel "
                f"version {contract.PROTOCOL}: reinstall the extension and restart Slicer."
            )
            return
        self._worker.send(contract.Register(self._engineJob))
        self._change(JobState.RUNNING, ENGINE_SHARE[0], "Registering")

    def _onResult(self, event: contract.Result) -> None:
        if self.state == JobState.CANCELLING:
            self._end(JobState.CANCELLED)
        elif self.state == JobState.RUNNING:
            self._change(JobState.LOADING, ENGINE_SHARE[1], "Loading the result")
            self._run(importSteps(self.request, event, self.segmentNames))

    def _onFailure(self, event: contract.Failure) -> None:
        self.detail = event.detail
        if self.state == JobState.STARTING:
            self._worker.stop()  # it cannot work and is leaving: the next Apply shall not take it for a warm one
        if event.cancelled or self.state == JobState.CANCELLING:
            self._end(JobState.CANCELLED)
        else:
            self._fail(self._inNamesOfTheScene(event.message))

    def _inNamesOfTheScene(self, message: str) -> str:
        """The engine knows temporary files only; people know the volumes that are in them."""
        if self._engineJob is not None:
            for path, node in exportedNodes(self.request, self._engineJob):
                message = message.replace(path, f"'{node.GetName()}'")
        return message

    # ---- steps in Slicer itself

    def _run(self, steps: Generator) -> None:
        self._steps = steps
        qt.QTimer.singleShot(0, self._step)

    def _step(self) -> None:
        steps = self._steps
        if steps is None:  # cancelled meanwhile
            return
        try:
            text = next(steps)
        except StopIteration as finished:
            if self._steps is not steps:  # cancelled within this very step
                return
            self._steps = None
            self._onStepsDone(finished.value)
        except Exception as error:  # whatever it is, the job must come to an end that people see
            if self._steps is not steps:  # the folder it worked in is gone
                return
            self.detail = traceback.format_exc()
            known = isinstance(error, (RequestError, ImportFailure))
            self._fail(str(error) if known else f"Slicer could not go on: {error}")
        else:
            if self._steps is not steps:
                steps.close()
                return
            self._change(self.state, self.fraction, text)
            qt.QTimer.singleShot(0, self._step)

    def _onStepsDone(self, value: contract.Job | RegistrationResult) -> None:
        if isinstance(value, contract.Job):
            self._engineJob = value
            self._change(JobState.STARTING, ENGINE_SHARE[0], "Starting the background process")
            self._sendWhenReady()
        else:
            self.result = value
            self._end(JobState.DONE)

    def _closeSteps(self) -> None:
        steps, self._steps = self._steps, None
        if steps is not None and not steps.gi_running:  # else `_step` does it: some dialog of Slicer handles clicks
            steps.close()

    # ---- the scene

    def _watchScene(self) -> None:
        scene = slicer.mrmlScene
        self._sceneTags = [
            scene.AddObserver(scene.StartCloseEvent, self._onSceneClose),
            scene.AddObserver(scene.NodeRemovedEvent, self._onNodeRemoved),
        ]
        slicer.app.connect("aboutToQuit()", self.onQuit)

    def _onSceneClose(self, _scene, _event) -> None:
        self._isSceneGone = True
        self.cancel("The scene was closed; the registration was stopped.")

    def _onNodeRemoved(self, _scene, _event) -> None:
        for node in (*self.request.inputs(), *self.request.outputs.nodes()):
            if not slicer.mrmlScene.IsNodePresent(node):
                self.cancel(f"'{node.GetName()}' was removed from the scene; the registration was stopped.")
                return

    # ---- the end

    def _fail(self, message: str) -> None:
        self.error = message
        self._closeSteps()
        self._end(JobState.FAILED)

    def _end(self, state: JobState) -> None:
        self._cancelDeadline.stop()
        self._worker.detach(self)
        for tag in self._sceneTags:
            slicer.mrmlScene.RemoveObserver(tag)
        slicer.app.disconnect("aboutToQuit()", self.onQuit)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._change(state, 1.0 if state == JobState.DONE else self.fraction, self.error or "Done.")
        finished, self._finished, self._changed = self._finished, [], []
        for callback in finished:
            callback(self)
        if self._isSceneGone:
            self.request = None  # or the images of a closed scene would stay in memory with this job

    def _change(self, state: JobState, fraction: float, text: str) -> None:
        self.state, self.fraction, self.text = state, max(self.fraction, fraction), text
        for callback in list(self._changed):
            callback(self)


def _singleShotTimer(slot: Callable) -> qt.QTimer:
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.connect("timeout()", slot)
    return timer
