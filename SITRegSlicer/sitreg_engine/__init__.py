"""Deformable image registration without Slicer: torch, numpy and SimpleITK only.

World space is LPS in millimetres everywhere. `forward` maps a point of the FIXED image to the MOVING
image (the direction used for resampling the moving image); `inverse` maps back.
"""

__version__ = "0.1.0"
