"""Section "growth": time and memory of the forward pass against the number of voxels."""

from math import prod

import numpy as np
from speed_network import Setting, both_maps, images, network_for
from speed_process import Cost, cost_of, in_fresh_processes, tell
from speed_table import Figure

TITLE = "growth of the forward pass, float32"
SIDES = (64, 96, 128, 160, 192, 256)
_REPEATED = 128  # voxels; what is larger is run once


def measure(device: str, repeats: int, sides: tuple[int, ...] = SIDES) -> list[Figure]:
    """Cubes of `sides` voxels on "cpu" or "cuda"."""
    found = {}
    for side in sides:
        tell(f"forward pass, {side}x{side}x{side}, {device}")
        setting = Setting((side,) * 3, "float32", device)
        found[side] = in_fresh_processes(pass_cost, setting, repeats=repeats if side <= _REPEATED else 1)
    return [figure for side in sides for figure in _of_a_cube(side, found[side], device)] + _exponents(found, device)


def pass_cost(setting: Setting) -> Cost:
    """One pass, after a small one that loads what is loaded once."""
    network, given = network_for(setting), images(setting)
    both_maps(network, images(Setting((32, 32, 32), setting.dtype, setting.device)))
    if setting.device != "cpu":
        both_maps(network, given)
    return cost_of(lambda: both_maps(network, given), setting.device)[1]


def _of_a_cube(side: int, costs: list[Cost], device: str) -> list[Figure]:
    return [
        Figure(f"{side}^3: seconds (on a CPU, CPU seconds)", tuple(_seconds(cost, device) for cost in costs), 2),
        Figure(f"{side}^3: peak MiB", tuple(cost.peak_mib for cost in costs), 0),
    ]


def _seconds(cost: Cost, device: str) -> float:
    return cost.cpu_seconds if device == "cpu" else cost.wall_seconds


def _exponents(found: dict[int, list[Cost]], device: str) -> list[Figure]:
    """Of voxels^exponent, fitted to the medians; 1 is proportional."""
    seconds = {side: float(np.median([_seconds(c, device) for c in costs])) for side, costs in found.items()}
    memory = {side: float(np.median([c.grown_mib for c in costs])) for side, costs in found.items()}
    return [
        Figure("exponent of the time", (exponent(seconds),), 2),
        Figure("exponent of the memory above that of the loaded program", (exponent(memory),), 2),
    ]


def exponent(values: dict[int, float]) -> float:
    """e in value ~ (side^3)^e: the slope of the line through the logarithms."""
    voxels = [prod((side,) * 3) for side in values]
    return float(np.polyfit(np.log(voxels), np.log(list(values.values())), 1)[0])
