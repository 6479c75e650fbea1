"""Pairs with the maps that a trained model finds for them: what the loss `taught` compares with."""

import dataclasses
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models import Model, load_model
from sitreg_engine.whole import written_whole

from .sampler import Sampler
from .settings import RunSettings
from .subjects import key_of
from .views import Group, View

_VERSION = 1  # of what is stored; another one is made anew


@dataclass(frozen=True)
class Lessons:
    """Draws like a Sampler, out of a number of pairs that are each made once, and kept without their labels."""

    sampler: Sampler
    teacher: Model
    pairs: int
    folder: Path

    def draw(self, step: int, index: int) -> Group:
        """Group `index` of a step, on the CPU: a pair in either order, with the maps that belong to it."""
        rng = np.random.default_rng([self.sampler.seed, step, index])
        group = self._lesson(int(rng.integers(self.pairs)))
        return _swapped(group) if rng.random() < 0.5 else group

    def _lesson(self, number: int) -> Group:
        path = self.folder / f"{number:06d}.pt"
        if not path.is_file():
            _store(self._made(number), path)
        return _stored(path)

    def _made(self, number: int) -> Group:
        group = self.sampler.draw(0, number)
        # The teacher sees what the losses compare, whatever its pupil is shown.
        found = self.teacher.predict(*(view.target for view in group.views), torch.device("cpu"))
        return replace(group, taught=(found.forward(), found.inverse()))


def with_lessons(settings: RunSettings, sampler: Sampler) -> Sampler | Lessons:
    """What a run draws its groups from: the sampler itself, where no teacher is set.

    Raises InputError for a teacher without its loss, the loss without a teacher, triplets, and teachers that cannot be
    used or have learnt at another spacing.
    """
    name, wanted = settings.teacher.model, any(loss.name == "taught" for loss in settings.losses)
    if wanted != bool(name):
        raise InputError("A teacher (teacher.model) and the loss taught need each other: set both, or neither.")
    if not name:
        return sampler
    if settings.group != 2:
        raise InputError(f"A teacher registers pairs: set group = 2, got {settings.group}.")
    teacher = load_model(name)
    card = teacher.info.card
    if card is None or card.spacing != sampler.spacing or sampler.augment.second_look:
        learnt = "is no trained model" if card is None else f"has learnt at {card.spacing:g} mm, without second looks"
        raise InputError(f"The teacher {name} {learnt}: choose another, or set data.spacing and second_look so.")
    return Lessons(sampler, teacher, settings.teacher.pairs, sampler.cache / "lessons" / _key(sampler, card.sha256))


def _key(sampler: Sampler, teacher: str) -> str:
    """Names the lessons by all that they follow from."""
    what = sampler.seed, sampler.spacing, sampler.template, dataclasses.asdict(sampler.augment)
    parts = [_VERSION, teacher, what, sampler.poses is None, *(key_of(row) for row in sampler.rows)]
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:20]


def _swapped(group: Group) -> Group:
    return replace(group, views=group.views[::-1], taught=group.taught[::-1])


def _store(group: Group, path: Path) -> None:
    """In half the precision: displacements to a few thousandths of a voxel."""
    views = [{name: _half(getattr(view, name)) for name in ("image", "target", "seen", "mask")} for view in group.views]
    content = {"views": views, "taught": [u.half() for u in group.taught], "spacing": group.spacing}
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        torch.save(content, file)


def _half(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else tensor.half()


def _stored(path: Path) -> Group:
    content = torch.load(path, map_location="cpu", weights_only=True)
    views = tuple(
        View(**{name: None if tensor is None else tensor.float() for name, tensor in view.items()}, labels=None)
        for view in content["views"]
    )
    return Group(views, content["spacing"], tuple(u.float() for u in content["taught"]))
