"""The pairs that the accuracy table is made of, all from `../shared/data` (or the folder in SITREG_DATA)."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_MINDBOGGLE = (("01", "02"), ("05", "09"), ("12", "17"))
_IXI_PAIRS = 10


@dataclass(frozen=True)
class Case:
    """One image with the label map it is scored by."""

    name: str
    image: Path
    labels: Path


@dataclass(frozen=True)
class Pair:
    """fixed <- moving."""

    group: str  # "mindboggle", "ixi" or "lung"
    fixed: Case
    moving: Case
    options: tuple[str, ...]  # of `sitreg register`, beyond the two images

    @property
    def name(self) -> str:
        return f"{self.group} {self.fixed.name} <- {self.moving.name}"


def data_folder() -> Path:
    """Where the data is looked for."""
    return Path(os.environ.get("SITREG_DATA") or ROOT.parent / "shared" / "data")


def pairs_of(group: str, data: Path) -> list[Pair]:
    """The pairs of one group, in the table's order. Raises FileNotFoundError when a file is missing."""
    makers = {"mindboggle": _mindboggle, "ixi": _ixi, "lung": _lung}
    pairs = makers[group](data)
    for path in (p for pair in pairs for case in (pair.fixed, pair.moving) for p in (case.image, case.labels)):
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; set SITREG_DATA to the folder with the benchmark's images.")
    return pairs


def _mindboggle(data: Path) -> list[Pair]:
    folder = data / "brain_mindboggle_1mm"
    return [_with_labels("mindboggle", _case(folder, f), _case(folder, m)) for f, m in _MINDBOGGLE]


def _ixi(data: Path) -> list[Pair]:
    """Neighbours in sorted order: (0, 1), (1, 2), ..., (9, 10)."""
    folder = data / "brain_ixi_2mm" / "val"
    names = sorted(path.name.removesuffix("_t1.nii.gz") for path in folder.glob("*_t1.nii.gz"))
    if len(names) <= _IXI_PAIRS:
        raise FileNotFoundError(f"{folder} holds {len(names)} people, {_IXI_PAIRS + 1} are needed.")
    return [_with_labels("ixi", _case(folder, names[n]), _case(folder, names[n + 1])) for n in range(_IXI_PAIRS)]


def _lung(data: Path) -> list[Pair]:
    """Inhale and exhale of one patient, with the lung masks as masks; they are what it is scored by, too."""
    folder = data / "lung_ct"
    cases = [
        Case(name, folder / f"3DCT_lung_{name}.mha", folder / f"3DCT_lung_{name}_mask.mha")
        for name in ("baseline", "followup")
    ]
    options = ("--fixed-mask", str(cases[0].labels), "--moving-mask", str(cases[1].labels))
    return [Pair("lung", *cases, options)]


def _case(folder: Path, name: str) -> Case:
    return Case(name, folder / f"{name}_t1.nii.gz", folder / f"{name}_labels.nii.gz")


def _with_labels(group: str, fixed: Case, moving: Case) -> Pair:
    return Pair(group, fixed, moving, ("--fixed-labels", str(fixed.labels), "--moving-labels", str(moving.labels)))
