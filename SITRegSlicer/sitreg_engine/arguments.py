"""What the command line understands, turned into a Job. Loads nothing heavy, so that `sitreg --help` is instant."""

import argparse
import os
import sys
from typing import NoReturn

from . import __version__
from .contract import AFFINE_CHOICES, FORMATS, Job

_PATHS = (
    *("fixed", "moving", "output", "weights", "fixed_mask", "moving_mask"),
    *("fixed_labels", "moving_labels", "fixed_points", "moving_points"),
)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; argparse would print the usage of every option above it."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message} (see {self.prog} --help)\n")
        raise SystemExit(2)


def build_parser() -> argparse.ArgumentParser:
    """All commands."""
    parser = Parser(prog="sitreg", description="Symmetric, inverse consistent, topology preserving registration.")
    parser.add_argument("--version", action="version", version=f"sitreg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_register(commands)
    _add_verify(commands)
    commands.add_parser("models", help="list the models that a registration can use")
    _add_train(commands)
    _add_export(commands)
    _add_import(commands)
    return parser


def _add_register(commands) -> None:
    command = commands.add_parser(
        "register",
        help="register two volumes",
        description="Find the transform between two volumes and write both directions, warped volumes and measures. "
        "Volumes are any 3-D scalar image file SimpleITK reads, or the folder of a DICOM series.",
    )
    command.add_argument("fixed", metavar="FIXED", help="the volume that stays in place")
    command.add_argument("moving", metavar="MOVING", help="the volume that is warped onto it")
    command.add_argument("-o", "--output", metavar="OUT", required=True, help="folder for the results")
    _add_method(command)
    _add_extra_inputs(command)


def _add_method(command: argparse.ArgumentParser) -> None:
    defaults = Job.__dataclass_fields__
    options = [
        ("--model", str, "NAME", "the model; `sitreg models` lists them"),
        ("--weights", str, "FILE", "checkpoint to use instead of the model's own"),
        ("--groups", int, "N", "groups of the normalisation layers, for a checkpoint that does not say"),
        ("--device", str, "DEVICE", "auto, cpu, cuda or cuda:N"),
        ("--affine", str, "HOW", f"{', '.join(AFFINE_CHOICES)}, or an ITK transform file (fixed to moving points)"),
        ("--refine", str, "HOW", "auto, optimisation steps per resolution (0 = off), or seconds for all of them: 60s"),
        ("--spacing", float, "MM", "working spacing; 0 = chosen from the images"),
    ]
    for flag, kind, metavar, text in options:
        default = defaults[flag[2:]].default
        shown = f"{text} (default: {default})" if default not in ("", 0) else text
        command.add_argument(flag, type=kind, metavar=metavar, default=default, help=shown)
    command.add_argument("--format", choices=FORMATS, default="h5", help="of the two transforms (default: h5)")


def _add_extra_inputs(command: argparse.ArgumentParser) -> None:
    kinds = [
        ("mask", "mask: only what lies in it is compared"),
        ("labels", "label map: moving labels are warped, overlap is measured when both are given"),
        ("points", "landmarks, CSV x,y,z in LPS mm or Slicer .mrk.json, paired by order"),
    ]
    for kind, text in kinds:
        for side in ("fixed", "moving"):
            command.add_argument(f"--{side}-{kind}", metavar="FILE", default="", help=f"{side} {text}")


def _add_verify(commands) -> None:
    command = commands.add_parser(
        "verify",
        help="compare a SITReg checkpoint with stored outputs",
        description="Run a checkpoint in the published SITReg format on image_1 and image_2 of an .npz file and "
        "compare with the f12 and f21 stored there. Exit code 1 when the largest difference is above the tolerance.",
    )
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="file with the published weights (.pt)")
    command.add_argument("pair", metavar="PAIR.npz", help="file with image_1, image_2, f12 and f21")
    command.add_argument("--groups", type=int, metavar="N", help="of the normalisation layers, when the file is silent")
    command.add_argument("--update-groups", type=int, metavar="N", help="of the update networks, when they differ")
    command.add_argument("--tolerance", type=float, metavar="T", help="voxels (default: by architecture)")


def _add_train(commands) -> None:
    command = commands.add_parser(
        "train",
        help="train a model",
        description="Train a network as a TOML file says (examples: sitreg_engine/training/configs). Checkpoints, logs "
        "and pictures go to the run's folder. Ctrl-C and SIGTERM end it after the present step, with a checkpoint.",
    )
    command.add_argument("config", metavar="CONFIG.toml", help="the settings of the run")
    command.add_argument(
        "--resume", metavar="CHECKPOINT", nargs="?", const="", help="go on from the run's last checkpoint, or this one"
    )
    command.add_argument(
        "--minutes", type=float, metavar="N", default=0.0, help="end after so long (default: no limit)"
    )


def _add_export(commands) -> None:
    command = commands.add_parser(
        "export",
        help="make a model of a training run",
        description="Write the averaged weights of a run's best checkpoint as safetensors, and their card, to a folder "
        "whose name becomes the model's id: Resources/Models/ID is where the panel and `sitreg models` look.",
    )
    command.add_argument("run", metavar="RUN", help="folder of the run, or one of its checkpoints")
    command.add_argument("-o", "--output", metavar="FOLDER/ID", required=True, help="folder of the model")
    command.add_argument("--card", metavar="CONFIG.toml", default="", help="take the card's texts from there")


def _add_import(commands) -> None:
    command = commands.add_parser(
        "import-checkpoint",
        help="make a model of a published SITReg checkpoint",
        description="Bring a checkpoint of the published code, of any version but the first one (2023-09), into the "
        "form of our models.",
    )
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="file with the published weights (.pt)")
    command.add_argument("-o", "--output", metavar="FOLDER/ID", required=True, help="folder of the model")
    known = "oasis, lpba40, lung, lumir, nlst, mir-ixi, or a TOML file"
    command.add_argument("--config", metavar="NAME", default="", help=f"what it was trained for: {known}")
    command.add_argument("--groups", type=int, metavar="N", help="of the normalisation layers, when nothing says it")
    command.add_argument("--update-groups", type=int, metavar="N", help="of the update networks, when they differ")


def job_from(arguments: argparse.Namespace) -> Job:
    """The job of a `register` command; paths are made absolute."""
    given = {name: getattr(arguments, name) for name in Job.__dataclass_fields__ if hasattr(arguments, name)}
    for name in _PATHS:
        given[name] = os.path.abspath(given[name]) if given[name] else ""
    if given["affine"] not in AFFINE_CHOICES:
        given["affine"] = os.path.abspath(given["affine"])
    return Job(id="cli", **given)
