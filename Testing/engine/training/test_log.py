"""The journal of a run, as files."""

import importlib.util

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from sitreg_engine.models.halfway import HalfWay, Registration
from sitreg_engine.training.log import Board, append, cut
from sitreg_engine.training.pictures import save_picture
from sitreg_engine.training.scored import Pairing
from sitreg_engine.training.views import View


def test_a_log_has_a_header_and_a_line_for_each_step(tmp_path):
    append(tmp_path / "log.csv", 1, {"loss": 0.25})
    append(tmp_path / "log.csv", 2, {"loss": 1 / 3})
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").splitlines() == ["step,loss", "1,0.25", "2,0.333333"]


def test_a_log_is_cut_after_a_step(tmp_path):
    for step in (1, 2, 10):
        append(tmp_path / "log.csv", step, {"loss": 0.5})
    cut(tmp_path / "log.csv", 2)
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").splitlines() == ["step,loss", "1,0.5", "2,0.5"]


@pytest.mark.parametrize("content", [None, "", "step,loss\n", "step,loss\n1,0."])
def test_a_log_that_a_killed_run_has_left_can_be_cut(tmp_path, content):
    if content is not None:
        (tmp_path / "log.csv").write_text(content)
    cut(tmp_path / "log.csv", 0)
    append(tmp_path / "log.csv", 1, {"loss": 0.5})
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").splitlines() == ["step,loss", "1,0.5"]


@pytest.mark.skipif(not importlib.util.find_spec("tensorboard"), reason="TensorBoard is not installed")
def test_tensorboard_gets_the_same_numbers(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = Board(tmp_path)
    board.add("train", 7, {"loss": 0.5})
    board.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(7, 0.5)]


def test_a_picture_shows_both_images_what_became_of_one_and_the_differences(tmp_path):
    still = HalfWay(*(torch.zeros(1, 3, 10, 12, 8) for _ in range(4)))
    bright, dark = (torch.full((1, 1, 10, 12, 8), value) for value in (1.0, 0.2))
    views = [View(image, image, torch.ones_like(image), None, None) for image in (bright, dark)]
    save_picture(Pairing(0, 1, *views, Registration(still)), tmp_path / "there" / "p.png")
    sheet = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "there" / "p.png")))
    row = sheet[4, :60].reshape(5, 12).mean(axis=1)  # sagittal slices, 12 wide
    assert row == pytest.approx([255, 51, 255, 204, 204], abs=1)
    assert np.array_equal(sheet[8:10], np.zeros_like(sheet[8:10]))
