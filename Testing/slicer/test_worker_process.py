"""The worker's client against separate processes that behave well and badly."""

import sys
import time

import pytest
from moduleSteps import alive

SPEAK = "import json, os, subprocess, sys, time\n"
READY = (
    'print(json.dumps(dict(kind="ready", version="1", protocol=1, devices=["cpu"], models=["sitreg"])), flush=True)\n'
)


class Listener:
    """Keeps what it is told."""

    def __init__(self):
        self.events, self.exits, self.quits = [], [], 0

    def onWorkerEvent(self, event):
        self.events.append(event)

    def onWorkerExit(self, report):
        self.exits.append(report)

    def onQuit(self):
        assert not self.exits  # it is told first
        self.quits += 1


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def startWorker(slicerApp, tmp_path, listener, waitUntil):
    """Function that starts the client with a script for its process; what still runs at the end is killed."""
    from SITRegSlicerLib.workerProcess import WorkerCommand, WorkerProcess

    workers = []

    def start(script):
        path = tmp_path / "wörker with space.py"
        path.write_text(SPEAK + script, encoding="utf-8")
        workers.append(WorkerProcess(WorkerCommand(sys.executable, ["-u", str(path)], {"PYTHONUTF8": "1"})))
        workers[-1].attach(listener)
        workers[-1].start()
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        waitUntil(lambda: not worker.running, 5)  # noqa: B023 - called at once


def testTheReadyEventArrivesAndIsRemembered(startWorker, listener, waitUntil):
    worker = startWorker(READY + "sys.stdin.read()")
    waitUntil(lambda: listener.events)
    assert worker.ready is listener.events[0]
    assert worker.ready.devices == ["cpu"]


def testALineThatArrivesInPiecesIsOneEvent(startWorker, listener, waitUntil):
    script = (
        'line = json.dumps(dict(kind="progress", id="7", stage="read", fraction=0.5, text="Größe 3 µm"), '
        "ensure_ascii=False).encode() + b'\\n'\n"
        "for byte in line:\n    sys.stdout.buffer.write(bytes([byte])); sys.stdout.buffer.flush(); time.sleep(0.001)\n"
        "sys.stdin.read()"
    )
    startWorker(script)
    waitUntil(lambda: listener.events)
    assert [(event.id, event.text) for event in listener.events] == [("7", "Größe 3 µm")]


def testWhatALibraryPrintsIsNoEventButIsKeptForTheReport(startWorker, listener, waitUntil):
    worker = startWorker('print("a library says hello", flush=True)\n' + READY + "sys.stdin.read()")
    waitUntil(lambda: listener.events)
    assert len(listener.events) == 1
    assert "a library says hello" in worker.lastWords


def testACommandReachesTheProcessWithEveryCharacter(startWorker, listener, waitUntil):
    from sitreg_engine import contract

    echo = (
        "line = sys.stdin.readline()\n"
        'print(json.dumps(dict(kind="failure", id="", message=json.loads(line)["id"], detail="")), flush=True)\n'
    )
    worker = startWorker(echo + "sys.stdin.read()")
    worker.send(contract.Cancel("Müller & søn\n2"))
    waitUntil(lambda: listener.events)
    assert listener.events[0].message == "Müller & søn\n2"


def testAWorkerThatIsAskedToStopLeavesByItself(startWorker, listener, waitUntil):
    worker = startWorker(READY + "sys.stdin.read()")
    waitUntil(lambda: worker.ready)
    worker.stop()
    waitUntil(lambda: not worker.running, 2.0)
    assert [(report.exitCode, report.crashed) for report in listener.exits] == [(0, False)]


def testStoppingReturnsAtOnce(startWorker, waitUntil):
    worker = startWorker(READY + "time.sleep(60)")
    waitUntil(lambda: worker.ready)
    before = time.monotonic()
    worker.stop()
    assert time.monotonic() - before < 0.1


def testAWorkerThatDoesNotListenIsTerminatedWithItsChildren(startWorker, listener, waitUntil):
    script = 'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])\n'
    script += 'print("child", child.pid, file=sys.stderr, flush=True)\n' + READY + "time.sleep(60)"
    worker = startWorker(script)
    waitUntil(lambda: worker.ready and "child" in worker.lastWords)
    child = int(worker.lastWords.split()[-1])
    worker.stop()
    waitUntil(lambda: not worker.running, 6.0)
    waitUntil(lambda: not alive(child), 2.0)


def testAWorkerThatIgnoresSignalsIsKilled(startWorker, listener, waitUntil):
    script = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + "time.sleep(60)"
    worker = startWorker(script)
    waitUntil(lambda: worker.ready)
    processId = worker.processId
    worker.stop()
    waitUntil(lambda: not worker.running, 8.0)
    assert listener.exits[0].crashed
    assert not alive(processId)


def testKillEndsTheWholeTreeAtOnce(startWorker, waitUntil):
    script = 'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])\n'
    script += 'print("child", child.pid, file=sys.stderr, flush=True)\n' + READY + "time.sleep(60)"
    worker = startWorker(script)
    waitUntil(lambda: worker.ready and "child" in worker.lastWords)
    child = int(worker.lastWords.split()[-1])
    worker.kill()
    waitUntil(lambda: not worker.running and not alive(child), 2.0)


def testTheLastWordsOfACrashAreReported(startWorker, listener, waitUntil):
    startWorker('print("the ceiling fell down", file=sys.stderr, flush=True); os.abort()')
    waitUntil(lambda: listener.exits)
    assert listener.exits[0].crashed
    assert "the ceiling fell down" in listener.exits[0].lastWords


def testOnlyTheEndOfALongComplaintIsKept(startWorker, listener, waitUntil):
    startWorker('sys.stderr.write("x" * 200000 + "END"); sys.exit(3)')
    waitUntil(lambda: listener.exits)
    assert listener.exits[0].exitCode == 3
    assert listener.exits[0].lastWords.endswith("END")
    assert len(listener.exits[0].lastWords) <= 20_000


def testAProgramThatIsNotThereIsReported(slicerApp, listener, waitUntil):
    from SITRegSlicerLib.workerProcess import WorkerCommand, WorkerProcess

    worker = WorkerProcess(WorkerCommand("/no/such/python", []))
    worker.attach(listener)
    worker.start()
    waitUntil(lambda: listener.exits)
    assert "/no/such/python" in listener.exits[0].lastWords
    assert not worker.running


def testAWorkerThatHasEndedCanBeStartedAgain(startWorker, listener, waitUntil):
    worker = startWorker(READY + "sys.stdin.read()")
    waitUntil(lambda: worker.ready)
    first = worker.processId
    worker.stop()
    waitUntil(lambda: not worker.running, 2.0)
    worker.start()
    waitUntil(lambda: worker.ready)
    assert worker.processId != first


def testAStartWhileTheWorkerIsLeavingIsNotLost(startWorker, listener, waitUntil):
    worker = startWorker(READY + "sys.stdin.read()")
    waitUntil(lambda: worker.ready)
    first = worker.processId
    worker.stop()
    worker.start()
    waitUntil(lambda: worker.ready and worker.processId != first)
    assert not listener.exits


def testAnIdleWorkerWhoseOwnerLetGoLeaves(startWorker, listener, waitUntil):
    worker = startWorker(READY + "sys.stdin.read()")
    waitUntil(lambda: worker.ready)
    worker.stopWhenIdle()
    assert worker.running
    worker.detach(listener)
    waitUntil(lambda: not worker.running, 2.0)


def testWhatLiesInTheCurrentFolderIsNoLibrary(slicerApp, listener, waitUntil, tmp_path, monkeypatch):
    from SITRegSlicerLib.workerProcess import WorkerProcess, engineCommand

    (tmp_path / "random.py").write_text("raise RuntimeError('a script of the user')")
    monkeypatch.chdir(tmp_path)
    worker = WorkerProcess(engineCommand())
    worker.attach(listener)
    worker.start()
    waitUntil(lambda: worker.ready or listener.exits, 60)
    assert worker.ready, listener.exits
    worker.kill()
    waitUntil(lambda: not worker.running, 5)


def testTheApplicationsEndTakesTheWorkerAlong(startWorker, listener, slicerApp, waitUntil):
    worker = startWorker(READY + "time.sleep(60)")
    waitUntil(lambda: worker.ready)
    processId = worker.processId
    slicerApp.aboutToQuit.emit()
    assert listener.quits == 1
    assert not worker.running
    assert not alive(processId)
