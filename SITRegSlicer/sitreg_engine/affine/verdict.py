"""Is an alignment to be believed? Numbers, warnings and refusals."""

from dataclasses import dataclass

import numpy as np

from sitreg_engine.contract import Measure
from sitreg_engine.errors import AlignmentError
from sitreg_engine.geometry import apply

from .levels import Level
from .matrices import expm, generators
from .mutual_information import BINS, score
from .objective import LevelPair, translation

# A right alignment of real images shows 4 to 20 times the mutual information of wrong poses, a failed one 1 to 2 times.
ABOVE_CHANCE = 2.5
# Below this one looks further; what is found among quarter and half turns must reach it, as the best of so many
# failures looks better than one.
FAR_ABOVE_CHANCE = 4.0
# Objects that look the same from several sides (a ball) are right in wrong poses too; they are believed when they
# share this much of all the information there is. (Real pairs 0.15 to 0.3, failed ones below 0.1.)
ENOUGH_INFORMATION = 0.35
LEAST_INFORMATION = 0.01  # nats; less is nothing, however much more than by chance
SCALES = (0.5, 2.0)  # what an affine between two people, or two breath states, may do to lengths
SCALE_RATIO = 1.8  # and how differently along different directions
TURN_LIMIT, OVERLAP_LIMIT = 45.0, 0.5  # degrees, share: beyond these a person should look
_OTHER_UNIT = 30  # so many times wider is no part of the other, but the same thing in metres or micrometres


@dataclass(frozen=True)
class Agreement:
    """How well two images agree under one map; the same for its inverse with the images swapped."""

    information: float  # mutual information, nats, mean of both directions
    fixed_overlap: float  # share of the fixed image's points inside the moving image, 0..1
    moving_overlap: float  # the reverse


def agreement(pair: LevelPair, matrix: np.ndarray) -> Agreement:
    """Of the 4x4 map fixed -> moving, mm of the pair's own space."""
    there = _one_way(pair.fixed, pair.moving, matrix)
    back = _one_way(pair.moving, pair.fixed, np.linalg.inv(matrix))
    return Agreement((there[0] + back[0]) / 2, float(there[1]), float(back[1]))


def _one_way(source: Level, target: Level, matrix: np.ndarray) -> tuple[float, float]:
    found = score(source.values, target.image, apply(target.world_to_voxel @ matrix, source.points))
    return found.information, found.overlap


def chance(pair: LevelPair, matrix: np.ndarray) -> float:
    """Mean mutual information of poses that are certainly wrong: the map with quarter and half turns in it, nats.

    The turns are made about the middle of what each image shows, in the fixed image and, with the opposite sign, in
    the moving one: swapping the images gives the inverse poses and the same number.
    """
    turns = [expm(angle * axis) for axis in generators(1.0)[3:6] for angle in (np.pi, np.pi / 2)]
    c = pair.centring
    before = [matrix @ _about(c.fixed_centre, turn) for turn in turns]
    after = [_about(c.moving_centre, turn.T) @ matrix for turn in turns]
    return float(np.mean([agreement(pair, pose).information for pose in before + after]))


def _about(centre: np.ndarray, turn: np.ndarray) -> np.ndarray:
    return translation(centre) @ turn @ translation(-centre)


@dataclass(frozen=True)
class Verdict:
    """Whether an alignment that was searched for is to be believed."""

    information: float  # mutual information under the alignment, nats
    by_chance: float  # of wrong poses
    available: float  # the most there can be

    def convincing(self, above_chance: float = ABOVE_CHANCE) -> bool:
        """Do the images agree better than by chance?"""
        return self.information > self._enough(above_chance)

    def _enough(self, above_chance: float) -> float:
        return max(min(above_chance * self.by_chance, ENOUGH_INFORMATION * self.available), LEAST_INFORMATION)

    def doubt(self) -> str:
        """What to tell when it is believed, but not far from where it would not be."""
        above = self.information / max(self.by_chance, 1e-6)
        return (
            f"The automatic alignment is not certain: the images share {above:.1f} times what wrong poses do, "
            f"{FAR_ABOVE_CHANCE:g} times and more are usual. Look at it, or give masks of the anatomy."
        )

    def refusal(self, sizes: tuple[float, float]) -> AlignmentError:
        """What to tell the user when it is not; `sizes` (mm): of what the fixed and the moving image show."""
        advice = (
            "Check that both images show the same anatomy, give masks of it, or give a transform file made by hand."
        )
        if max(sizes) > _OTHER_UNIT * min(sizes):
            advice = (
                f"What the fixed image shows is about {sizes[0]:.3g} mm wide, what the moving one shows "
                f"{sizes[1]:.3g}: check the spacing in their headers, it is in mm."
            )
        return AlignmentError(
            "The automatic alignment found no convincing match: wanted more than "
            f"{self._enough(ABOVE_CHANCE):.3f} nats of mutual information (wrong poses have {self.by_chance:.3f}), "
            f"found {self.information:.3f}. {advice}"
        )


def judge(pair: LevelPair, matrix: np.ndarray) -> Verdict:
    """The evidence for a 4x4 map fixed -> moving, mm of the pair's own space."""
    available = min(_entropy(pair.fixed.values), _entropy(pair.moving.values))
    return Verdict(agreement(pair, matrix).information, chance(pair, matrix), available)


def require_overlap(pair: LevelPair, matrix: np.ndarray) -> None:
    """Raises AlignmentError when nothing that one image shows lies inside the other."""
    found = agreement(pair, matrix)
    if max(found.fixed_overlap, found.moving_overlap) < 0.01:
        offset = np.linalg.norm(apply(matrix, pair.centring.fixed_centre) - pair.centring.moving_centre)
        raise AlignmentError(
            f"The images do not overlap under the given alignment (what they show lies {offset:.0f} mm apart): let the "
            "alignment be found automatically, or give a transform file that maps fixed to moving points in LPS mm."
        )


def plausible(matrix: np.ndarray) -> bool:
    """Whether lengths change by what bodies allow."""
    scales = scales_of(matrix)
    return SCALES[0] <= scales[-1] and scales[0] <= SCALES[1] and scales[0] / scales[-1] <= SCALE_RATIO


def scales_of(matrix: np.ndarray) -> np.ndarray:
    """The three principal changes of length of a 4x4 map, largest first."""
    return np.linalg.svd(matrix[:3, :3], compute_uv=False)


def rotation_of(matrix: np.ndarray) -> float:
    """By how much a 4x4 map turns, degrees (its polar rotation)."""
    u, _, vt = np.linalg.svd(matrix[:3, :3])
    return float(np.degrees(np.arccos(np.clip((np.trace(u @ vt) - 1) / 2, -1.0, 1.0))))


def measures(pair: LevelPair, matrix: np.ndarray) -> list[Measure]:
    """The alignment in numbers, for the report."""
    found = agreement(pair, matrix)
    volume = 100 * (float(np.linalg.det(matrix[:3, :3])) - 1)
    return [
        Measure("alignment_similarity", "Mutual information of the aligned images", found.information, "nats"),
        Measure("alignment_rotation", "Rotation between the images", rotation_of(matrix), "degrees"),
        Measure("alignment_volume_change", "Change of volume, fixed to moving, by the alignment", volume, "%"),
        Measure("alignment_fixed_overlap", "Fixed anatomy seen by the moving image", 100 * found.fixed_overlap, "%"),
        Measure("alignment_moving_overlap", "Moving anatomy seen by the fixed image", 100 * found.moving_overlap, "%"),
    ]


def warnings(pair: LevelPair, matrix: np.ndarray) -> list[str]:
    """What a person should look at before trusting the result."""
    found, turn, notes = agreement(pair, matrix), rotation_of(matrix), []
    if turn > TURN_LIMIT:
        notes.append(f"The images are turned by {turn:.0f} degrees against each other: check their orientation.")
    sides = (("fixed", "moving", found.fixed_overlap), ("moving", "fixed", found.moving_overlap))
    for one, other, overlap in sides:
        if overlap < OVERLAP_LIMIT:
            notes.append(
                f"Only {100 * overlap:.0f} % of what the {one} image shows lies within the {other} image: "
                "the rest is aligned by extrapolation."
            )
    return notes


def _entropy(values: np.ndarray) -> float:
    """Of values in bins, nats."""
    shares = np.bincount(np.rint(values).astype(np.int64), minlength=BINS) / len(values)
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
