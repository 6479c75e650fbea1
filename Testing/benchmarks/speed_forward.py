"""Section "forward": one forward pass of SITReg, and what of it the convolutions alone would take."""

from dataclasses import replace
from pathlib import Path

import speed_precision
import torch
from speed_convolutions import Recorder, seconds_alone
from speed_network import DTYPES, FULL, HALF, LOUD, QUIET, Setting, both_maps, images, network_for
from speed_pairs import head_pair
from speed_process import cost_of, in_fresh_processes, tell
from speed_table import Figure, figures_of

from sitreg_engine.precision import convolution_dtype

TITLE = "forward pass, OASIS configuration"
_GAINS = {HALF: (LOUD,), FULL: (QUIET, LOUD)}
_GOALS = {  # CPU seconds, MiB
    (FULL, "float32"): ("≤ 25", "≤ 2560"),
    (FULL, "bfloat16"): ("≤ 12", ""),
    (HALF, "float32"): ("≤ 3.5", ""),
}
_SMALL = (32, 32, 32)


def measure(
    device: str, repeats: int, folder: Path, shapes: tuple[tuple[int, int, int], ...] = (HALF, FULL)
) -> list[Figure]:
    """All sizes and precisions on "cpu" or "cuda"; bfloat16 where the device has it, emulated it says nothing."""
    dtypes = DTYPES if convolution_dtype(torch.device(device)) == torch.bfloat16 else DTYPES[:1]
    found = []
    for shape in shapes:
        for dtype in dtypes:
            for gain in _GAINS.get(shape, (LOUD,)):
                found += _figures(Setting(shape, dtype, device, gain), repeats)
    if "bfloat16" in dtypes:
        found += speed_precision.measure(device, head_pair(folder, 2.0))
    return found


def _figures(setting: Setting, repeats: int) -> list[Figure]:
    name = f"{'x'.join(map(str, setting.shape))} {setting.dtype}{', as initialised' if setting.gain == QUIET else ''}"
    tell(f"forward pass, {name}, {setting.device}")
    seconds, mib = _GOALS.get((setting.shape, setting.dtype), ("", ""))
    share = "≥ 55" if setting.dtype == "float32" else ""
    names = (
        *((f"{name}: CPU seconds", 1, seconds), (f"{name}: wall seconds", 2, ""), (f"{name}: peak MiB", 0, mib)),
        *((f"{name}: CPU seconds, again", 1, seconds), (f"{name}: wall seconds, again", 2, "")),
        *((f"{name}: convolutions alone, s", 2, ""), (f"{name}: their share of that, %", 0, share)),
    )
    return figures_of(names, in_fresh_processes(forward_pass, setting, repeats=repeats))


def forward_pass(setting: Setting) -> tuple[float, ...]:
    """CPU seconds, wall seconds, peak MiB; both seconds again; convolutions alone: seconds, and their share in %.

    "Again" is a later pass in the same process: its memory is there already, as it is for the convolutions alone, and
    the share is one of it. On a CPU the convolutions are counted in CPU seconds, on a GPU in wall seconds.
    """
    network, given = network_for(setting), images(setting)
    first = replace(setting, shape=_SMALL) if setting.device == "cpu" else setting
    both_maps(network, images(first))  # loads what is loaded once; on a GPU it chooses the algorithms
    _, cost = cost_of(lambda: both_maps(network, given), setting.device)
    recorder = Recorder()  # in another pass: that torch's dispatch can be watched costs 1.5 s at first
    with recorder:
        both_maps(network, given)
    _, again = cost_of(lambda: both_maps(network, given), setting.device)
    cpu, wall = seconds_alone(recorder.convolutions, setting.device)
    alone, whole = (cpu, again.cpu_seconds) if setting.device == "cpu" else (wall, again.wall_seconds)
    passes = cost.cpu_seconds, cost.wall_seconds, cost.peak_mib, again.cpu_seconds, again.wall_seconds
    return *passes, alone, 100 * alone / whole
