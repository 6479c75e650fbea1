"""Learning from a teacher: pairs with the maps that a model of the shelf finds for them, made once and kept."""

import csv
from dataclasses import replace

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models import load_model
from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.lessons import Lessons, with_lessons
from sitreg_engine.training.loop import LOG, train
from sitreg_engine.training.losses import LOSSES
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.sampler import make_sampler
from sitreg_engine.training.settings import LossSettings, TeacherSettings
from sitreg_engine.training.step import score

TEACHER = "brain-t1"  # at 4 mm
ONE_LESSON = TeacherSettings(TEACHER, pairs=1)
NEPHI = {"shape": [32, 32, 32], "hidden": 16, "frequencies": 8, "norm": "group"}


@pytest.fixture
def settings(config):
    """Of a run at 4 mm whose teacher is brain-t1."""
    given = read_settings(config(augment="gamma = 0.5"))
    losses = (LossSettings("taught", points=200),)
    data = replace(given.data, spacing=4.0)
    return replace(given, data=data, losses=losses, teacher=TeacherSettings(TEACHER, pairs=2))


def lessons_of(settings) -> Lessons:
    return with_lessons(settings, make_sampler(settings, lambda _: None))


def test_a_lesson_has_the_maps_that_the_teacher_finds_in_what_the_losses_compare(settings):
    lessons = lessons_of(settings)
    group = lessons.draw(0, 0)
    one, two = group.views
    assert not torch.equal(one.image, one.target)  # the pupil sees other greys
    found = load_model(TEACHER).predict(one.target, two.target, torch.device("cpu"))
    for kept, wanted in zip(group.taught, (found.forward(), found.inverse()), strict=True):
        # Of the images as they are kept, in half the precision.
        assert (kept - wanted).abs().mean() < 0.05 * wanted.abs().mean() and wanted.abs().max() > 0.2


def test_a_lesson_is_drawn_in_either_order_with_the_maps_that_belong_to_it(settings):
    lessons = lessons_of(replace(settings, teacher=ONE_LESSON))
    drawn = [lessons.draw(step, 0) for step in range(12)]
    first = drawn[0]
    turned = [g for g in drawn if not torch.equal(g.views[0].image, first.views[0].image)]
    assert 0 < len(turned) < 12
    for group in turned:
        assert torch.equal(group.views[0].image, first.views[1].image)
        assert torch.equal(group.taught[0], first.taught[1]) and torch.equal(group.taught[1], first.taught[0])


def test_lessons_are_made_once_and_others_for_other_settings(settings):
    lessons = lessons_of(settings)
    first = [lessons.draw(step, 0) for step in range(8)]
    files = sorted(lessons.folder.iterdir())
    assert [path.name for path in files] == ["000000.pt", "000001.pt"]
    times = [path.stat().st_mtime_ns for path in files]
    again = [lessons_of(settings).draw(step, 0) for step in range(8)]
    assert [path.stat().st_mtime_ns for path in files] == times
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.views[0].image, other.views[0].image) and torch.equal(one.taught[0], other.taught[0])
    assert lessons_of(replace(settings, seed=4)).folder != lessons.folder


def test_a_training_goes_through_its_lessons(settings, tmp_path):
    run = tmp_path / "taught"
    train(replace(settings, model="nephi", network=NEPHI, steps=3, run=str(run)), None, 0, lambda _: None)
    with open(run / LOG, newline="", encoding="utf-8") as file:
        distances = [float(line["taught"]) for line in csv.DictReader(file)]
    assert len(distances) == 3 and all(0 < distance < 10 for distance in distances)


def test_lessons_are_taken_by_maps_that_are_functions_alone(settings, tmp_path):
    with pytest.raises(InputError, match="nephi"):
        train(replace(settings, run=str(tmp_path / "run")), None, 0, lambda _: None)


def test_the_loss_without_lessons_says_what_is_missing(settings):
    network, group = build_network("nephi", NEPHI, 1), make_sampler(settings, lambda _: None).draw(0, 0)
    with pytest.raises(InputError, match=r"teacher\.model"):
        LOSSES["taught"](score(network, group, torch.device("cpu")), settings.losses[0])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"teacher": TeacherSettings()}, "need each other"),
        ({"losses": (LossSettings("mse"),)}, "need each other"),
        ({"group": 3}, "set group = 2, got 3"),
        ({"teacher": TeacherSettings("sitreg")}, "sitreg is no trained model"),
        ({"teacher": TeacherSettings("nobody")}, "must be one of"),
        ({"data": {"spacing": 8.0}}, "has learnt at 4 mm"),
        ({"augment": {"second_look": 0.5}}, "without second looks"),
    ],
)
def test_a_teacher_that_does_not_suit_is_refused(settings, change, match):
    whole = {k: replace(getattr(settings, k), **v) if isinstance(v, dict) else v for k, v in change.items()}
    with pytest.raises(InputError, match=match):
        lessons_of(replace(settings, **whole))
