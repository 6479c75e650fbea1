"""From the scene to the files of a job, in small steps between which Slicer stays responsive."""

from collections.abc import Iterator
from pathlib import Path

from sitreg_engine import contract

from .labelExport import exportLabels, exportVolume, segmentNames
from .registrationRequest import RegistrationRequest
from .transformNodes import takenOut


def exportSteps(
    request: RegistrationRequest, jobId: str, folder: Path, names: list[str]
) -> Iterator[str] | Iterator[contract.Job]:
    """Write the inputs to `folder`; yields a line of text before each step and returns the engine's job.

    `names` of all segments, see `segmentNames`: label n of both label files is the segment names[n - 1].

    Everything is written where it lies in the world, so parent transforms are honoured. What moves is written where
    it lies without an earlier result of ours above it: the new result takes that one's place. Raises RequestError.
    """
    yield "Exporting the fixed volume"
    fixed = folder / "fixed.nrrd"
    exportVolume(request.fixedVolume, fixed)
    yield "Exporting the moving volume"
    moving = folder / "moving.nrrd"
    with takenOut(request.movingVolume):
        exportVolume(request.movingVolume, moving)
    labelFiles = yield from _exportLabelFiles(request, folder, names)
    return contract.Job(
        id=jobId,
        fixed=str(fixed),
        moving=str(moving),
        output=str(folder / "result"),
        model=request.model,
        device=request.device,
        affine=request.affine,
        refine=request.refine,
        spacing=request.workingSpacing,
        format="nrrd",
        fixed_mask=labelFiles.get("fixedMask", ""),
        moving_mask=labelFiles.get("movingMask", ""),
        fixed_labels=labelFiles.get("fixedLabels", ""),
        moving_labels=labelFiles.get("movingLabels", ""),
    )


def exportedNodes(request: RegistrationRequest, job: contract.Job) -> list[tuple]:
    """(file, node) of everything that was exported."""
    pairs = (
        (job.fixed, request.fixedVolume),
        (job.moving, request.movingVolume),
        (job.fixed_mask, request.fixedMask),
        (job.moving_mask, request.movingMask),
        (job.fixed_labels, request.fixedLabels),
        (job.moving_labels, request.movingLabels),
    )
    return [(path, node) for path, node in pairs if path]


def _exportLabelFiles(request: RegistrationRequest, folder: Path, names: list[str]):
    """Write masks and labels that are there; returns {name of the request's field: file}."""
    wanted = (
        ("fixedMask", request.fixedMask, request.fixedVolume),
        ("movingMask", request.movingMask, request.movingVolume),
        ("fixedLabels", request.fixedLabels, request.fixedVolume),
        ("movingLabels", request.movingLabels, request.movingVolume),
    )
    files = {}
    for field, node, referenceVolume in wanted:
        if node is not None:
            yield f"Exporting '{node.GetName()}'"
            path = folder / f"{field}.nrrd"
            found = names if "Labels" in field else segmentNames(node)
            moving = (node, referenceVolume) if referenceVolume is request.movingVolume else ()
            with takenOut(*moving):
                exportLabels(node, referenceVolume, found, path)
            files[field] = str(path)
    return files
