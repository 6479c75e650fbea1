"""The methods that the accuracy tables compare, and how each is started."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accuracy_pairs import ROOT, Pair

PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
_HERE = Path(__file__).parent
START, OURS, PEERS = "start", "ours", "peers"


@dataclass(frozen=True)
class Method:
    name: str  # on the command line and in file names
    title: str  # in the tables
    kind: str  # START, OURS or PEERS
    settings: tuple[str, ...] = ()  # of `sitreg register`, or of the peer's adapter
    adapter: str = ""  # file in peers/
    prepared: bool = True  # works on the common grid, from the common start; False: on the files as they are

    def command(self, pair: Pair, start: Path, out: Path) -> list[str]:
        """What to run. `start` is the folder with the common start, `out` the one for the method's own files."""
        makers = {START: self._start, OURS: self._ours, PEERS: self._peer}
        return [str(part) for part in makers[self.kind](pair, start, out)]

    def _start(self, pair: Pair, _start: Path, out: Path) -> list:
        masked = ["--masked"] if pair.masked else []
        return [sys.executable, _HERE / "accuracy_start.py", *pair.files, out, *masked]

    def _ours(self, pair: Pair, start: Path, out: Path) -> list:
        sitreg = Path(sys.executable).with_name("sitreg")
        options = ["-o", out, "--device", "cpu", *self.settings]
        if self.prepared:
            return [sitreg, "register", start / "fixed.nrrd", start / "moving.nrrd", "--affine", "none", *options]
        masks = ["--fixed-mask", pair.fixed.labels, "--moving-mask", pair.moving.labels] if pair.masked else []
        images = [pair.fixed.image, pair.moving.image, "--affine", start / "affine.tfm"]
        return [sitreg, "register", *images, *masks, *options]

    def _peer(self, _pair: Pair, start: Path, out: Path) -> list:
        script = _HERE / "peers" / f"{self.adapter}.py"
        return [PEERS_PYTHON, script, start / "fixed.nrrd", start / "moving.nrrd", out, *self.settings]


AFFINE = Method("affine", "affine start, common to all", START)
_REFINED = Method("sitreg", "**SITReg + refinement**, whole files", OURS, prepared=False)
_OURS = (
    _REFINED,
    Method("sitreg-same", "**SITReg + refinement**, the peers' images", OURS),
)
_OF_ONE_MODEL = (
    # As long as a tenth of the time that SyN takes at full resolution, on heads at 1 mm.
    Method(
        "brain-t1-fine",
        "**brain-t1**, network alone, `--spacing 1.4`",
        OURS,
        ("--model", "brain-t1", "--refine", "0", "--spacing", "1.4"),
        prepared=False,
    ),
    Method("any-contrast-same", "**any-contrast** + refinement, the peers' images", OURS, ("--model", "any-contrast")),
)
PEER_METHODS = (
    Method("greedy-short", "greedy, 100x60x15", PEERS, ("100x60x15",), "greedy"),
    Method("greedy-long", "greedy, 100x100x50", PEERS, ("100x100x50",), "greedy"),
    Method("syn", "ANTsPy SyN, its default", PEERS, (), "ants_syn"),
    Method("syn-long", "ANTsPy SyN, 100,70,50,20", PEERS, ("100,70,50,20",), "ants_syn"),
    Method("demons", "SimpleITK diffeomorphic demons", PEERS, ("100x100x60x30",), "demons"),
    Method("elastix", "elastix, B-splines", PEERS, ("5", "500"), "elastix"),
    Method("convexadam", "ConvexAdam, MIND", PEERS, (), "convex_adam"),
    Method("fireants-greedy", "FireANTs greedy", PEERS, ("greedy",), "fire_ants"),
    Method("fireants-syn", "FireANTs SyN", PEERS, ("syn",), "fire_ants"),
)


def methods(trained: Sequence[str], also: Sequence[str] = ()) -> list[Method]:
    """All methods: the start, ours (two for each trained model's id), `also` given ones, the peers.

    `also` holds texts like "DDR-Net alone=--model ddrnet --refine 0": options of `sitreg register` under a title.
    """
    networks = [method for model in trained for method in _of_model(model)]
    more = [method for method in _OF_ONE_MODEL if method.settings[1] in trained]
    return [AFFINE, *_OURS, *networks, *more, *(_given(text) for text in also), *PEER_METHODS]


def _of_model(model: str) -> list[Method]:
    use = ("--model", model)
    return [
        Method(f"{model}-alone", f"**{model}**, network alone", OURS, (*use, "--refine", "0"), prepared=False),
        Method(f"{model}-refined", f"**{model}** + refinement", OURS, use, prepared=False),
    ]


def _given(text: str) -> Method:
    title, _, options = text.partition("=")
    if not title.strip() or not options.strip():
        raise ValueError(f"A method was wanted as 'TITLE=OPTIONS OF sitreg register', got {text!r}.")
    return Method("-".join(title.lower().split()), f"**{title.strip()}**", OURS, tuple(options.split()), prepared=False)


def chosen(known: Sequence[Method], names: Sequence[str]) -> list[Method]:
    """The methods named, by name or by kind ("ours", "peers"), in the tables' order. Raises ValueError."""
    unknown = set(names) - {method.name for method in known} - {OURS, PEERS}
    if unknown:
        listed = ", ".join([OURS, PEERS, *(method.name for method in known)])
        raise ValueError(f"Methods are {listed}; got {', '.join(sorted(unknown))}.")
    return [m for m in known if not names or m.name in names or m.kind in names]
