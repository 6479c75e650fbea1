"""The background worker as the scene side sees it: commands go in, events come out, Slicer never waits."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import qt

import slicer
from sitreg_engine import contract

from .processTree import ProcessTree

ASK_MS = 2500  # the worker leaves within 2 s when its stdin closes
TERMINATE_MS = 1500
STDERR_BYTES = 20_000  # of its last words, kept for the error report


@dataclass(frozen=True)
class WorkerCommand:
    """How the worker is started."""

    program: str
    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)  # added to Slicer's own


@dataclass(frozen=True)
class WorkerExit:
    """How the worker ended."""

    exitCode: int
    crashed: bool
    lastWords: str  # the end of its stderr, or why it could not be started


def engineCommand() -> WorkerCommand:
    """The engine's worker in Slicer's own Python. The engine's package lies beside SITRegSlicerLib."""
    modulePath = str(Path(__file__).resolve().parent.parent)
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, [modulePath, os.environ.get("PYTHONPATH", "")])),
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONSAFEPATH": "1",  # what lies in Slicer's current folder must not be taken for a library
    }
    return WorkerCommand(sys.executable, ["-u", "-m", "sitreg_engine.worker"], environment)


class WorkerProcess:
    """One worker, started when first needed and kept warm between jobs.

    The attached listener is told `onWorkerEvent(event)` for every event, `onWorkerExit(WorkerExit)` at the end, and
    before that `onQuit()` when it is Slicer that ends.
    """

    def __init__(self, command: WorkerCommand):
        self.ready: contract.Ready | None = None  # what the running worker said of itself
        self._command = command
        self._listener = None
        self._leavesWhenIdle = False
        self._process: qt.QProcess | None = None
        self._tree: ProcessTree | None = None  # set once ending it by force has begun
        self._startAgain = False  # wanted while the process before is still leaving
        self._line, self._stderr = b"", b""
        self._deadline = qt.QTimer()
        self._deadline.setSingleShot(True)
        self._deadline.connect("timeout()", self._onDeadline)

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def processId(self) -> int:
        """Of the process that was started (in Slicer a launcher); 0 when none runs."""
        return self._process.processId() if self._process is not None else 0

    @property
    def lastWords(self) -> str:
        return self._stderr.decode("utf-8", "replace").strip()

    def attach(self, listener) -> None:
        """Tell this listener, and no other, what the worker says."""
        self._listener = listener

    def detach(self, listener) -> None:
        """Tell this listener nothing more."""
        if self._listener is listener:
            self._listener = None
            if self._leavesWhenIdle:
                self.stop()

    def start(self) -> None:
        """Start the worker when none runs; it says `Ready` when it listens."""
        if self._process is not None:
            self._startAgain = self._deadline.active
            return
        self.ready, self._tree, self._line, self._stderr = None, None, b"", b""
        self._process = qt.QProcess()
        self._process.setProcessEnvironment(_environment(self._command.environment))
        self._connect()
        self._process.start(self._command.program, self._command.arguments)

    def send(self, message: contract.Message) -> None:
        """Write one command to the worker's stdin."""
        if self._process is not None:
            self._process.write(contract.encode(message).encode("utf-8"))

    def stop(self) -> None:
        """Ask the worker to leave, and see to it that it does. Returns at once; the end is told to the listener."""
        if self._process is None or self._deadline.active:
            return
        self.send(contract.Shutdown())
        self._process.closeWriteChannel()
        self.ready = None
        self._deadline.start(ASK_MS)

    def stopWhenIdle(self) -> None:
        """Stop now, or as soon as the listener has let go."""
        self._leavesWhenIdle = True
        if self._listener is None:
            self.stop()

    def kill(self) -> None:
        """End the worker and its children now. Returns at once; the end is told to the listener."""
        if self._process is None:
            return
        if self.processId:  # 0 while it could not be started
            self._tree = self._tree or ProcessTree(self.processId)
            self._tree.kill()
        self._process.kill()

    def _connect(self) -> None:
        self._process.connect("readyReadStandardOutput()", self._readOutput)
        self._process.connect("readyReadStandardError()", self._readErrors)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._onFinished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._onError)
        slicer.app.connect("aboutToQuit()", self._onQuit)

    def _readOutput(self) -> None:
        # A pipe delivers lines in pieces: what has no end yet waits for the rest.
        received = self._line + self._process.readAllStandardOutput().data()
        *lines, self._line = received.split(b"\n")
        for line in lines:
            self._deliver(line)

    def _deliver(self, line: bytes) -> None:
        try:
            event = contract.decode(line.decode("utf-8"))
        except (contract.ContractError, UnicodeDecodeError):
            self._remember(line + b"\n")  # some library printed to stdout: not an event, but perhaps a hint
            return
        if isinstance(event, contract.Ready):
            if self._deadline.active:  # it was asked to leave before it could say so
                return
            self.ready = event
        if self._listener is not None:
            self._listener.onWorkerEvent(event)

    def _readErrors(self) -> None:
        self._remember(self._process.readAllStandardError().data())

    def _remember(self, words: bytes) -> None:
        self._stderr = (self._stderr + words)[-STDERR_BYTES:]

    def _onDeadline(self) -> None:
        if self._process is None:
            return
        if self._tree is None:
            self._tree = ProcessTree(self.processId)
            self._tree.terminate()
            self._deadline.start(TERMINATE_MS)
        else:
            self.kill()

    def _onError(self, error) -> None:
        if error == qt.QProcess.FailedToStart:  # the only error that `finished` does not follow
            reason = f"{self._command.program} could not be started: {self._process.errorString()}"
            self._end(WorkerExit(-1, True, reason))

    def _onFinished(self, exitCode: int, exitStatus) -> None:
        self._readOutput()
        self._readErrors()
        if self._tree is not None:
            self._tree.kill()  # a launcher may be gone while its child lives on
        self._end(WorkerExit(exitCode, exitStatus == qt.QProcess.CrashExit, self.lastWords))

    def _end(self, report: WorkerExit) -> None:
        self._deadline.stop()
        slicer.app.disconnect("aboutToQuit()", self._onQuit)
        process, self._process, self.ready = self._process, None, None
        # The process still works inside the very signal that brought us here; dropping it now would delete it at once.
        qt.QTimer.singleShot(0, lambda: process.deleteLater())
        if self._startAgain:
            self._startAgain = False
            self.start()
        elif self._listener is not None:
            self._listener.onWorkerExit(report)

    def _onQuit(self) -> None:
        # No event loop follows that could see the deadlines through, so there is no asking.
        if self._listener is not None:
            self._listener.onQuit()
        process = self._process
        self.kill()
        process.waitForFinished(1000)


def _environment(additions: dict[str, str]) -> qt.QProcessEnvironment:
    environment = qt.QProcessEnvironment.systemEnvironment()
    for name, value in additions.items():
        environment.insert(name, value)
    return environment
