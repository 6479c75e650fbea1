"""The worker's way in: commands are obeyed at every moment, jobs wait in order."""

import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .contract import Cancel, ContractError, Failure, Job, Message, Register, Shutdown, decode


@dataclass(frozen=True, eq=False)
class Task:
    """A job and the flag that asks it to stop."""

    job: Job
    stop: threading.Event = field(default_factory=threading.Event)


class Inbox:
    """Shared by the thread that reads commands and the one that works off the tasks."""

    def __init__(self, send: Callable[[Message], None]):
        self._send = send
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._open: dict[str, Task] = {}  # job id -> task that is waiting or running
        self._running: Task | None = None
        self._idle = threading.Event()
        self._idle.set()

    def read(self, lines: Iterable[bytes]) -> None:
        """Obey every line; returns at the end of the stream and at `Shutdown`."""
        for line in lines:
            if not line.strip():
                continue
            try:
                command = decode(line.decode("utf-8", errors="replace"))
            except ContractError as error:
                self._send(Failure("", str(error), ""))
                continue
            if isinstance(command, Shutdown):
                return
            self._obey(command)

    def _obey(self, command: Message) -> None:
        if isinstance(command, Register):
            self._add(Task(command.job))
        elif isinstance(command, Cancel):
            self._cancel(command.id)
        else:
            name = type(command).__name__.lower()
            self._send(Failure("", f"Expected register, cancel or shutdown, got {name!r}.", ""))

    def _add(self, task: Task) -> None:
        with self._lock:
            known = task.job.id in self._open
            if not known:
                self._open[task.job.id] = task
                self._queue.put(task)
        if known:
            self._send(Failure("", f"A job with the id {task.job.id!r} is already waiting or running.", ""))

    def _cancel(self, name: str) -> None:
        with self._lock:
            task = self._open.get(name)
            if task is None:  # finished meanwhile, or never known: nothing to stop and nothing to answer
                return
            task.stop.set()
            waiting = task is not self._running
            if waiting:
                del self._open[name]
        if waiting:  # a running job answers by itself
            self._send(Failure(name, "The registration was cancelled before it began.", "", cancelled=True))

    def next(self) -> Task:
        """The next task that was not cancelled; blocks until there is one."""
        while True:
            task = self._queue.get()
            with self._lock:
                if self._open.get(task.job.id) is task:
                    self._running = task
                    self._idle.clear()
                    return task

    def done(self) -> None:
        """The task last given by `next` has ended, well or not."""
        with self._lock:
            del self._open[self._running.job.id]
            self._running = None
            self._idle.set()

    def stop_all(self, seconds: float) -> Job | None:
        """Ask every job to stop and give the running one some time. Returns it when it still runs after that."""
        with self._lock:
            for task in self._open.values():
                task.stop.set()
        if self._idle.wait(seconds):
            return None
        with self._lock:  # meanwhile a waiting one may have begun, or the last one ended
            return self._running and self._running.job
