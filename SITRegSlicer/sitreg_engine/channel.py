"""The worker's way out: messages as lines, progress not too often."""

import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from .contract import Message, Progress, encode

_PAUSE = 0.1  # s between two progress lines within a stage


class Channel:
    """One message a line, from any thread."""

    def __init__(self, stream: BinaryIO):
        self._stream, self._lock = stream, threading.Lock()

    def send(self, message: Message) -> None:
        """Raises BrokenPipeError when nobody listens any more."""
        # A path that is no UTF-8 arrives as lone surrogates; as \\udcXX they are valid JSON and survive the journey.
        line = encode(message).encode("utf-8", errors="backslashreplace")
        with self._lock:
            self._stream.write(line)
            self._stream.flush()


class ProgressSender:
    """A Reporter's listener: tells of every stage, but within a stage not more than about ten times a second."""

    def __init__(self, job_id: str, send: Callable[[Message], None]):
        self._id, self._send = job_id, send
        self._stage, self._sent, self._fraction = "", 0.0, 0.0

    def __call__(self, stage: str, fraction: float, text: str) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._sent < _PAUSE:
            return
        self._stage, self._sent, self._fraction = stage, now, max(fraction, self._fraction)
        self._send(Progress(self._id, stage, self._fraction, text))
