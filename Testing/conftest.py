"""For all tests: threads that wait sleep; what needs a GPU is skipped, with the reason, where there is none."""

import pytest

from sitreg_engine.threads import wait_without_spinning

# Also without make, and before anything imports torch: two processes of tests share the cores.
wait_without_spinning()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only asks torch when a test needs the answer."""
    wanting = [item for item in items if item.get_closest_marker("gpu")]
    if wanting and not _has_gpu():
        for item in wanting:
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
