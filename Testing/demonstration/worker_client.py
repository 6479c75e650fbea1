"""One job through the background worker, as Slicer runs it, with the progress on the terminal."""

import subprocess
import sys

from tqdm import tqdm

from sitreg_engine.contract import Failure, Job, Progress, Ready, Register, Result, decode, encode


class JobFailed(RuntimeError):
    """The worker's own words."""


def register_in_worker(job: Job) -> Result:
    """Start a worker, give it the job, wait for the result. Raises JobFailed."""
    command = [sys.executable, "-m", "sitreg_engine.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as worker:
        worker.stdin.write(encode(Register(job)))
        worker.stdin.flush()
        try:
            return _listen(worker.stdout)
        finally:
            worker.stdin.close()  # the worker leaves


def _listen(lines) -> Result:
    with tqdm(total=100, miniters=0, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}", leave=False) as bar:
        for line in lines:
            message = decode(line)
            if isinstance(message, Progress):
                bar.set_description_str(message.text, refresh=False)
                bar.update(100 * message.fraction - bar.n)
            elif isinstance(message, Result):
                return message
            elif isinstance(message, Failure):
                raise JobFailed(f"{message.message}\n{message.detail}")
            else:
                assert isinstance(message, Ready)
    raise JobFailed("The worker ended without an answer; what it wrote above tells why.")
