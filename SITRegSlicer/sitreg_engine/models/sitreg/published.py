"""The published SITReg configurations: what a checkpoint does not say about itself, and a card must."""

from dataclasses import dataclass

CITATION = (
    "Honkamaa & Marttinen: SITReg: Multi-resolution architecture for symmetric, inverse consistent, and topology "
    "preserving image registration. MELBA 2 (2024) 2148-2194."
)


@dataclass(frozen=True)
class Published:
    """A family of networks. `finest`: channels of the finest two levels that its members have."""

    title: str
    finest: tuple[tuple[int, int], ...]
    groups: int
    update_groups: int | None
    spacing: float  # mm
    anatomy: str
    modality: str
    contrast: str
    data: str
    limits: str


_BRAIN_LIMITS = (
    "Trained on images of one data set, prepared by its own pipeline (skull-stripped, affinely aligned); intensities "
    "are normalised differently here."
)
_LUNG_LIMITS = (
    "Trained on CT clipped to (HU + 1024) of 0 to 1024, divided by 1024; intensities are normalised differently here."
)

PUBLISHED: dict[str, Published] = {
    "oasis": Published(
        *("SITReg for OASIS brains", ((8, 40), (8, 36)), 2, None, 1.0, "brain", "MR", "T1-weighted"),
        data="OASIS-1, as prepared for Learn2Reg",
        limits=_BRAIN_LIMITS,
    ),
    "lpba40": Published(
        *("SITReg for LPBA40 brains", ((8, 36),), 2, None, 1.0, "brain", "MR", "T1-weighted"),
        data="LPBA40",
        limits=_BRAIN_LIMITS,
    ),
    "lung": Published(
        *("SITReg for Lung250M-4B", ((8, 36),), 2, None, 2.0, "lung", "CT", "native"),
        data="Lung250M-4B",
        limits=_LUNG_LIMITS,
    ),
    "lumir": Published(
        *("SITReg for LUMIR brains", ((12, 32),), 4, 4, 1.0, "brain", "MR", "T1-weighted"),
        data="LUMIR (OpenBHB), Learn2Reg 2024",
        limits=_BRAIN_LIMITS,
    ),
    "nlst": Published(
        *("SITReg for NLST lungs", ((12, 32),), 2, 2, 1.75, "lung", "CT", "native"),
        data="NLST, Learn2Reg",
        limits=_LUNG_LIMITS,
    ),
    "mir-ixi": Published(
        *("SITReg for IXI brains (MIR)", ((12, 16),), 2, 4, 1.0, "brain", "MR", "T1-weighted"),
        data="IXI, as prepared for TransMorph",
        limits=_BRAIN_LIMITS,
    ),
}
