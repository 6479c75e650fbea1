"""How the Jacobian determinant is shown: dark = no change, blue = shrinks, red = grows, bright green = a fold.

The middle is dark, not white, because the volume is laid over grey anatomy: white would wash it out everywhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import slicer

COLOR_NODE_ATTRIBUTE = "SITReg.JacobianColors"
COLOR_COUNT = 256  # Slicer turns scalars into 8 bits before it looks colours up
WINDOW = 2.0  # of determinants shown, from about 0 to about 2, 1 in the middle
FOLD_COLOR = (0.0, 1.0, 0.0)
SHRUNK_COLOR = (0.25, 0.60, 1.00)
SAME_COLOR = (0.03, 0.03, 0.03)
GROWN_COLOR = (1.00, 0.35, 0.15)


@dataclass(frozen=True)
class DisplayRange:
    """The determinants of the first and the last colour."""

    low: float
    high: float


def displayRange() -> DisplayRange:
    """The window whose first colour is for determinants <= 0 alone.

    Slicer's mapping truncates: colour n of 255 starts at low + n/255 of the window. With its second colour starting
    just above 0, what is not above 0 has the first colour to itself.
    """
    low = 1e-6 - WINDOW / (COLOR_COUNT - 1)
    return DisplayRange(low, low + WINDOW)


def divergingColor(determinant: float) -> tuple[float, float, float]:
    """Red, green, blue (0..1) of a determinant above 0: volume change on a scale with 1 in the middle."""
    end = SHRUNK_COLOR if determinant < 1 else GROWN_COLOR
    share = min(abs(determinant - 1), 1.0)
    return tuple(same + share * (far - same) for same, far in zip(SAME_COLOR, end, strict=True))


def jacobianColorNode():
    """The colour table of this scene's Jacobian volumes, made when there is none yet."""
    for node in slicer.util.getNodesByClass("vtkMRMLColorTableNode"):
        if node.GetAttribute(COLOR_NODE_ATTRIBUTE) is not None:
            return node
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", "Jacobian (folds green)")
    node.SetAttribute(COLOR_NODE_ATTRIBUTE, "1")
    node.SetTypeToUser()
    node.SetNumberOfColors(COLOR_COUNT)
    _fillColors(node)
    return node


def _fillColors(node) -> None:
    shown = displayRange()
    step = (shown.high - shown.low) / (COLOR_COUNT - 1)
    node.SetColor(0, "fold", *FOLD_COLOR, 1.0)
    for index in range(1, COLOR_COUNT):
        determinant = shown.low + (index + 0.5) * step
        node.SetColor(index, f"{determinant:.2f}", *divergingColor(determinant), 1.0)


def setUpJacobianDisplay(volumeNode) -> None:
    """Give a Jacobian volume its colours, its window and its colour legend."""
    volumeNode.CreateDefaultDisplayNodes()
    displayNode = volumeNode.GetDisplayNode()
    shown = displayRange()
    displayNode.SetAndObserveColorNodeID(jacobianColorNode().GetID())
    displayNode.AutoWindowLevelOff()
    displayNode.SetWindowLevelMinMax(shown.low, shown.high)
    displayNode.SetInterpolate(0)  # a fold of one voxel must not be blended away
    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(volumeNode)
    legend.SetTitleText("Volume in moving\nrelative to fixed\n(green: fold)")
    legend.SetLabelFormat("%.1f")


def showOverlay(backgroundVolume, foregroundVolume, opacity: float) -> None:
    """Show one volume over another in all slice views, which are moved there if they showed others; opacity 0..1."""
    shown = {composite.GetBackgroundVolumeID() for composite in _composites()}
    slicer.util.setSliceViewerLayers(
        background=backgroundVolume,
        foreground=foregroundVolume,
        foregroundOpacity=opacity,
        fit=shown != {backgroundVolume.GetID()},
    )


def setOverlayOpacity(volumeNodes: Iterable, opacity: float) -> None:
    """Change the opacity (0..1) in the slice views that have one of the volumes in the foreground, and in no other."""
    ids = {node.GetID() for node in volumeNodes if node is not None}
    for composite in _composites():
        if composite.GetForegroundVolumeID() in ids:
            composite.SetForegroundOpacity(opacity)


def _composites():
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
