"""The button that puts the moving volume, and its labels, under the forward transform, or takes them out again."""

from collections.abc import Callable

import slicer

from .jacobianDisplay import showOverlay
from .transformNodes import allPutUnder, isPutUnder, isUnder, putUnder, takeOut


class PutUnderButton:
    """Says what it does, also after the volume was put elsewhere, or hardened, in another module."""

    def __init__(self, button, whenMoved: Callable[[], None]):
        """`whenMoved` is called when the moving volume has come under another transform."""
        self._button = button
        self._whenMoved = whenMoved
        self._watched: tuple = (None, 0)  # the moving volume, and the observer of what it lies under

    def update(self, parameters) -> None:
        """Enable what can be done for these choices; None = there are none."""
        forward = parameters.forwardTransform if parameters is not None else None
        moving = parameters.movingVolume if parameters is not None else None
        self._watch(moving)
        carried = _carried(parameters) if forward is not None and moving is not None else []
        inPlace = carried and all(isPutUnder(node, forward) for node in carried)
        # Below transforms of the user's own they can be neither put under once more nor taken out from here.
        stuck = any(isUnder(node, forward) and not isPutUnder(node, forward) for node in carried)
        self._button.enabled = bool(carried) and not stuck
        what = "Take moving volume out of the transform" if inPlace else "Put moving volume under the transform"
        self._button.text = what

    def act(self, parameters) -> None:
        """What the button says."""
        forward, carried = parameters.forwardTransform, _carried(parameters)
        if all(isPutUnder(node, forward) for node in carried):
            for node in [*carried, *allPutUnder(forward)]:  # labels that were chosen before, too
                takeOut(node, forward)
            return
        for node in carried:
            putUnder(node, forward)
        if parameters.fixedVolume is not None:
            showOverlay(parameters.fixedVolume, parameters.movingVolume, parameters.overlayOpacity)

    def close(self) -> None:
        """Let go of the volume."""
        self._watch(None)

    def _watch(self, moving) -> None:
        watched, tag = self._watched
        if moving is watched:
            return
        if watched is not None:
            watched.RemoveObserver(tag)
        self._watched = (moving, 0)
        if moving is not None:
            event = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
            self._watched = (moving, moving.AddObserver(event, lambda *_: self._whenMoved()))


def _carried(parameters) -> list:
    """What goes with the moving volume, itself included."""
    return [node for node in (parameters.movingVolume, parameters.movingLabels) if node is not None]
