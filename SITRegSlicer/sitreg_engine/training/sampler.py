"""Step number -> training group: the same on every machine, whatever ran before."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sitreg_engine.errors import AlignmentError, InputError

from .augment import random_poses
from .fields_of_view import random_views
from .intensities import random_intensities
from .poses import Tell, pair_poses, template_poses
from .settings import AugmentSettings, RunSettings
from .subjects import Subject, load_subject
from .synthesis import painted, shapes
from .table import Row, read_table
from .views import Group, make_group

_TRIES = 5  # pairs that cannot be aligned, before that is no accident


@dataclass(frozen=True)
class Sampler:
    """All that groups are drawn from."""

    rows: Sequence[Row]  # of the training persons
    poses: Sequence[np.ndarray] | None  # of each row, common mm -> image mm; None = every pair is aligned
    cache: Path
    spacing: float
    group: int
    seed: int
    augment: AugmentSettings
    tell: Tell  # what is left out
    template: str = ""  # a person, whose image is the second of every pair

    def draw(self, step: int, index: int) -> Group:
        """Group `index` of a step, on the CPU."""
        rng = np.random.default_rng([self.seed, step, index])
        if rng.random() < self.augment.from_shapes:
            made = shapes(rng, self.group, self.spacing)
            return augmented(rng, made, [np.eye(4)] * self.group, self.spacing, self.augment)
        chosen, poses = self._posed(rng)
        subjects = [load_subject(self.rows[n], self.cache) for n in chosen]
        return augmented(rng, subjects, poses, self._spacing(rng), self.augment)

    def _spacing(self, rng: np.random.Generator) -> float:
        """Half of it for a pair whose second look the network is to learn from."""
        again = self.augment.second_look
        return self.spacing / 2 if again and rng.random() < again else self.spacing

    def _posed(self, rng: np.random.Generator) -> tuple[list[int], list[np.ndarray]]:
        """People and their poses; others instead of a pair that cannot be aligned. Raises AlignmentError."""
        for _ in range(_TRIES - 1):
            chosen = self._people(rng)
            try:
                return chosen, self._poses(chosen)
            except AlignmentError as error:
                self.tell(f"Left out: {error}")
        chosen = self._people(rng)
        return chosen, self._poses(chosen)

    def _people(self, rng: np.random.Generator) -> list[int]:
        """Row numbers of images of different persons; the template's last, where there is one."""
        order = rng.permutation(len(self.rows)).tolist()
        of_template = [n for n in order if self.rows[n].person == self.template][:1]
        chosen = list(of_template)
        for number in order:
            if all(self.rows[number].person != self.rows[n].person for n in chosen):
                chosen.append(number)
            if len(chosen) == self.group:
                break
        return [n for n in chosen if n not in of_template] + of_template

    def _poses(self, chosen: list[int]) -> list[np.ndarray]:
        if self.poses is not None:
            return [self.poses[n] for n in chosen]
        return list(pair_poses(*(self.rows[n] for n in chosen), self.cache))


def augmented(
    rng: np.random.Generator, subjects: list[Subject], poses: list[np.ndarray], spacing: float, how: AugmentSettings
) -> Group:
    """The subjects as a group, changed at random. What the losses compare keeps its intensities."""
    poses = random_poses(rng, poses, how)
    return make_group(random_views(rng, _shown_otherwise(rng, subjects, how), how), poses, spacing)


def _shown_otherwise(rng: np.random.Generator, subjects: list[Subject], how: AugmentSettings) -> list[Subject]:
    """The subjects with other intensities, or painted from their labels."""
    paint = rng.random() < how.from_labels
    if paint:
        subjects = [painted(rng, subject) for subject in subjects]
    if paint or how.changes_intensities:
        subjects = [random_intensities(rng, subject, how) for subject in subjects]
    return subjects


def make_sampler(settings: RunSettings, tell: Tell) -> Sampler:
    """Reads the table, aligns what is not yet aligned. Raises InputError when there are too few persons."""
    rows = [row for row in read_table(settings.data) if row.split == "train"]
    persons = len({row.person for row in rows})
    if persons < settings.group:
        raise InputError(
            f"A group needs images of {settings.group} persons, the table {settings.data.table} has {persons} to "
            "train on: add rows."
        )
    if settings.augment.second_look and settings.group != 2:
        raise InputError("A second look (augment.second_look) is at pairs: set group = 2, or second_look = 0.")
    _check_template(settings, {row.person for row in rows})
    if settings.data.alignment == "pair" and settings.group != 2:
        raise InputError('Triplets (group = 3) need the common pose: set data.alignment to "template".')
    cache = Path(settings.data.cache)
    poses = template_poses(rows, cache, tell) if settings.data.alignment == "template" else None
    return Sampler(
        *(rows, poses, cache, settings.data.spacing, settings.group, settings.seed, settings.augment, tell),
        template=settings.data.template,
    )


def _check_template(settings: RunSettings, persons: set[str]) -> None:
    if not settings.data.template:
        return
    if settings.group != 2:
        raise InputError("A template (data.template) is one of two images: set group = 2, or leave it empty.")
    if settings.data.template not in persons:
        raise InputError(
            f"The template (data.template) must be a person to train on in {settings.data.table}, got "
            f"{settings.data.template!r}."
        )


def validation_groups(settings: RunSettings, tell: Tell) -> list[Group]:
    """Fixed pairs of the validation persons, each aligned and prepared as at inference."""
    if not settings.validation.every:
        return []
    rows = [row for row in read_table(settings.data) if row.split == "val"]
    pairs = [(rows[n], rows[(n + 1) % len(rows)]) for n in range(len(rows)) if len(rows) > 1]
    pairs = [pair for pair in pairs if pair[0].person != pair[1].person][: settings.validation.pairs]
    return [_validation_group(settings, number, pair, tell) for number, pair in enumerate(pairs)]


def _validation_group(settings: RunSettings, number: int, pair: tuple[Row, Row], tell: Tell) -> Group:
    tell(f"Preparing validation pair {number + 1}")
    cache = Path(settings.data.cache)
    subjects = [load_subject(row, cache) for row in pair]
    if settings.validation.changed:
        subjects = _shown_otherwise(np.random.default_rng([settings.seed, number]), subjects, settings.augment)
    return make_group(subjects, pair_poses(*pair, cache), settings.data.spacing)
