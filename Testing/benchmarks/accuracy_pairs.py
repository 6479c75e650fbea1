"""The pairs that the accuracy tables are made of, all from `../shared/data` (or the folder in SITREG_DATA)."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import SimpleITK as sitk
from accuracy_made import slab, stripped, t2_like, write_once

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ("mindboggle", "ixi", "contrast", "stripped", "slab", "hippocampus", "lung")

# Three pairs that earlier tables have, then neighbours: nobody twice until all have been used.
_MINDBOGGLE = (
    *(("01", "02"), ("05", "09"), ("12", "17"), ("03", "04"), ("06", "07"), ("08", "10")),
    *(("11", "13"), ("14", "15"), ("16", "18"), ("19", "20"), ("20", "01"), ("10", "11")),
)
_IXI_PAIRS = 20
_MADE_PAIRS = 10
_SLABS = (14, 22)  # planes of 2 mm, of the fixed and of the moving image
# The first five hardly overlap before alignment (Dice of the whole hippocampi 0.04 to 0.11), the others are neighbours.
_HIPPOCAMPUS = (
    *(("099", "125"), ("067", "099"), ("102", "125"), ("067", "091"), ("051", "092")),
    *(("001", "003"), ("004", "006"), ("007", "008"), ("011", "014"), ("015", "017")),
    *(("019", "020"), ("023", "024"), ("025", "026"), ("033", "034"), ("035", "036")),
    *(("037", "038"), ("039", "040"), ("041", "042"), ("044", "045"), ("046", "048")),
)


@dataclass(frozen=True)
class Case:
    """One image with the label map it is scored by."""

    name: str
    image: Path
    labels: Path


@dataclass(frozen=True)
class Pair:
    """fixed <- moving."""

    group: str  # of GROUPS
    fixed: Case
    moving: Case
    masked: bool = False  # the labels are given as masks

    @property
    def name(self) -> str:
        return f"{self.fixed.name} <- {self.moving.name}"

    @property
    def folder(self) -> Path:
        """Where its files lie below the benchmark's output."""
        return Path(self.group) / f"{self.fixed.name}_{self.moving.name}"

    @property
    def files(self) -> tuple[Path, Path, Path, Path]:
        """fixed image, moving image, fixed labels, moving labels"""
        return self.fixed.image, self.moving.image, self.fixed.labels, self.moving.labels


def data_folder() -> Path:
    """Where the data is looked for."""
    return Path(os.environ.get("SITREG_DATA") or ROOT.parent / "shared" / "data")


def pairs_of(group: str, data: Path) -> list[Pair]:
    """The pairs of one group, in the table's order. Raises FileNotFoundError when a file is missing."""
    makers = {
        "mindboggle": _mindboggle,
        "ixi": _ixi,
        "contrast": _contrast,
        "stripped": _stripped,
        "slab": _slab,
        "hippocampus": _hippocampus,
        "lung": _lung,
    }
    pairs = makers[group](data)
    for path in (path for pair in pairs for path in pair.files):
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; set SITREG_DATA to the folder with the benchmark's images.")
    return pairs


def _mindboggle(data: Path) -> list[Pair]:
    folder = data / "brain_mindboggle_1mm"
    return [Pair("mindboggle", _case(folder, f), _case(folder, m)) for f, m in _MINDBOGGLE]


def _ixi(data: Path) -> list[Pair]:
    """Neighbours in sorted order: (0, 1), (1, 2), ..., (19, 20)."""
    folder = data / "brain_ixi_2mm" / "val"
    names = sorted(path.name.removesuffix("_t1.nii.gz") for path in folder.glob("*_t1.nii.gz"))
    if len(names) <= _IXI_PAIRS:
        raise FileNotFoundError(f"{folder} holds {len(names)} people, {_IXI_PAIRS + 1} are needed: set SITREG_DATA.")
    return [Pair("ixi", _case(folder, names[n]), _case(folder, names[n + 1])) for n in range(_IXI_PAIRS)]


def _contrast(data: Path) -> list[Pair]:
    """The first pairs of IXI, the moving image as if T2-weighted."""
    return [Pair("contrast", pair.fixed, _as_t2(pair.moving)) for pair in _ixi(data)[:_MADE_PAIRS]]


def _as_t2(case: Case) -> Case:
    written = ROOT / "bench" / "contrast" / f"{case.name}_t2.nii.gz"
    write_once(written, lambda: t2_like(sitk.ReadImage(str(case.image))))
    return replace(case, image=written)


def _stripped(data: Path) -> list[Pair]:
    """The first pairs of IXI, the moving image without its skull, the fixed one with it."""
    return [Pair("stripped", pair.fixed, _brain_of(pair.moving)) for pair in _ixi(data)[:_MADE_PAIRS]]


def _brain_of(case: Case) -> Case:
    written = ROOT / "bench" / "stripped" / f"{case.name}_brain.nii.gz"
    write_once(written, lambda: stripped(sitk.ReadImage(str(case.image)), sitk.ReadImage(str(case.labels))))
    return replace(case, image=written)


def _slab(data: Path) -> list[Pair]:
    """The first pairs of IXI, of the fixed image a slab, of the moving one a thicker one; about the same anatomy."""
    return [
        Pair("slab", *(_cut(case, n) for case, n in zip((pair.fixed, pair.moving), _SLABS, strict=True)))
        for pair in _ixi(data)[:_MADE_PAIRS]
    ]


def _cut(case: Case, planes: int) -> Case:
    name = f"{case.name}_{planes}"
    paths = [ROOT / "bench" / "slab" / f"{name}_{kind}.nii.gz" for kind in ("t1", "labels")]
    for path, whole in zip(paths, (case.image, case.labels), strict=True):
        write_once(path, lambda given=whole: slab(sitk.ReadImage(str(given)), planes))
    return Case(name, *paths)


def _hippocampus(data: Path) -> list[Pair]:
    cases = {name: _case(data / "hippocampus", f"hippocampus_{name}") for pair in _HIPPOCAMPUS for name in pair}
    return [Pair("hippocampus", cases[f], cases[m]) for f, m in _HIPPOCAMPUS]


def _lung(data: Path) -> list[Pair]:
    """Two breath states of one patient, with the lung masks as masks; they are what it is scored by, too."""
    folder = data / "lung_ct"
    cases = [
        Case(name, folder / f"3DCT_lung_{name}.mha", folder / f"3DCT_lung_{name}_mask.mha")
        for name in ("baseline", "followup")
    ]
    return [Pair("lung", *cases, masked=True)]


def _case(folder: Path, name: str) -> Case:
    return Case(name, folder / f"{name}_t1.nii.gz", folder / f"{name}_labels.nii.gz")
