"""A training on a GPU, one that is made of the CPU."""

import csv
from dataclasses import replace

import pytest

from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.loop import train

AUGMENT = "gamma = 0.3\nbias = 0.3\nnoise = 0.1\nstrip = 0.3\ncrop = 0.3\n"


def test_a_run_on_a_gpu_learns_what_it_learns_on_the_cpu(config, tmp_path, gpu):
    for device in ("cpu", "cuda"):
        settings = read_settings(config(device, run=device, steps=3, every=3, augment=AUGMENT, optimiser="ema = 0.9"))
        assert train(replace(settings, device=device), None, 0, lambda _: None).step == 3
    for log in ("log.csv", "validation.csv"):
        here, there = (_last_line(tmp_path / device / log) for device in ("cpu", "cuda"))
        for name in set(here) - {"seconds"}:
            assert float(there[name]) == pytest.approx(float(here[name]), rel=0.05, abs=0.02), name


def test_a_run_on_a_gpu_goes_on_from_its_checkpoint(config, tmp_path, gpu):
    settings = replace(read_settings(config(steps=4)), device="cuda")
    half_way = train(replace(settings, steps=2), None, 0, lambda _: None)
    assert half_way.step == 2
    resumed = train(settings, tmp_path / "run" / "last.pt", 0, lambda _: None)
    assert resumed.step == 4


def _last_line(path) -> dict[str, str]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))[-1]
