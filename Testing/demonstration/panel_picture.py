"""README's picture of the panel after the demo's registration: `python Testing/demonstration/panel_picture.py demo`.

Drawn by the headless Slicer of the tests on its stand-in widgets: the real panel wears Slicer's own style.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "Resources" / "Screenshots" / "panel.png"


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    sys.path[:0] = [str(ROOT / "Testing" / "slicer"), str(ROOT / "SITRegSlicer")]
    import headless

    headless.start()
    from headless.application.loader import loadScriptedModule

    import slicer

    slicer.util.loadScene(str(folder / "scene.mrb"))
    widget = loadScriptedModule(ROOT / "SITRegSlicer" / "SITRegSlicer.py").widget
    _choose_the_demo(widget.ui)
    widget.parent.resize(460, 730)
    widget.parent.show()
    headless.processEvents()
    widget.parent.grab().save(str(TARGET))
    widget.logic.shutdown()


def _choose_the_demo(ui) -> None:
    import slicer

    for selector, name in (
        (ui.fixedVolumeSelector, "fixed"),
        (ui.movingVolumeSelector, "moving"),
        (ui.movingLabelsSelector, "moving labels"),
        (ui.forwardTransformSelector, "moving to fixed (forward)"),
        (ui.inverseTransformSelector, "moving to fixed (inverse)"),
        (ui.warpedVolumeSelector, "moving to fixed (warped)"),
        (ui.jacobianVolumeSelector, "moving to fixed (Jacobian)"),
        (ui.warpedLabelsSelector, "moving to fixed (labels)"),
    ):
        selector.setCurrentNode(slicer.util.getNode(name))


if __name__ == "__main__":
    main()
