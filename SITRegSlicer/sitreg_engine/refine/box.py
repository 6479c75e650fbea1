"""The part of a grid in which an update can win anything; elsewhere the images show nothing, or nobody asks.

Around a head lies air, around a lung under its mask the rest of the body: a fifth to most of all voxels. An update that
is looked for in the box alone is found sooner, and stays nothing outside.
"""

from sitreg_engine.lattices import Box, box_around

from .local_ncc import Windows, telling
from .views import Views

_MARGIN = 6  # voxels in which an update fades out


def telling_box(seen: Views, windows: Windows, stride: int) -> Box:
    """The box around all windows that tell something, and a margin, in whole steps of `stride` voxels.

    The whole grid where none does.
    """
    where = telling(seen.moving, seen.fixed, windows)[0, 0]
    if not bool(where.any()):
        return tuple(slice(0, n) for n in seen.shape)
    around = box_around(where.cpu().numpy(), _MARGIN)
    return tuple(
        slice(part.start // stride * stride, min(-(-part.stop // stride) * stride, size))
        for part, size in zip(around, seen.shape, strict=True)
    )


def in_steps(box: Box, stride: int) -> Box:
    """The box on the grid of control points, of which one covers `stride` voxels along each axis."""
    return tuple(slice(part.start // stride, -(-part.stop // stride)) for part in box)
