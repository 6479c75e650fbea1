"""The whole recipe on one page: two images in, two exact transforms and everything that judges them out."""

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import torch

from .affine import Alignment, align
from .allocator import kept_memory, large_blocks_returned
from .assess import Assessment, assess
from .case import Case, read_case
from .compose import WorldMaps
from .contract import Job, Result
from .contrast import contrast_between
from .devices import choose_device
from .effort import Effort
from .fallback import Attempt, first_that_fits
from .inputs import check_job, files_of
from .memory import free_memory
from .models import Model, load_model, shelf_folder
from .outputs import Staging, check_folder, staged
from .parallel import in_parallel
from .precision import keep_float32
from .predict import finest_look, predict
from .prepare import REFINED_SHARE, Layout, Pair, affordable_spacing, lay_out, make_pair
from .progress import Reporter
from .quality.consistency import consistency_doubts
from .quality.landmarks import landmark_doubts
from .quality.outcome import outcome_doubts
from .record import Record, describe_inputs, peak_memory
from .refine import make_schedule, refine_pair
from .scan import make_scan
from .unfold import JudgedMaps, compose_without_folds


@dataclass(frozen=True)
class Deformed:
    """What becomes of the aligned pair."""

    fields: JudgedMaps
    doubts: list[str]  # for people, about the maps that it was made with


@dataclass(frozen=True)
class BroughtTogether:
    """The two images, as far as their transforms go."""

    alignment: Alignment
    fields: JudgedMaps
    done: Attempt  # on which device and at which spacing
    warnings: list[str]


def register(job: Job, reporter: Reporter) -> Result:
    """Run one job from its files to its files.

    Raises EngineError (InputError, AlignmentError, OutputError, ResourceError, Cancelled) with nothing written.
    """
    device = choose_device(job.device)
    keep_float32()
    check_job(job)
    check_folder(job.output, [path for _, path in files_of(job)])

    reporter.start("read", "Reading the images")
    model = _loaded(job.model, job.weights, job.groups)
    inputs = describe_inputs(job)
    case = read_case(job)
    brought = _brought_together(case, model, job, device, reporter)

    reporter.start("measure", "Measuring the quality")
    found = assess(case, brought.fields, brought.alignment.matrix, reporter.step)
    warnings = [*brought.warnings, *_measured_doubts(case, brought, found)]

    reporter.start("write", "Writing the results")
    with staged(job.output) as staging:
        _stage(staging, found, brought.fields, case, job.format)
        reporter.step(0.9)
        reporter.end()
        measures = brought.alignment.measures + found.measures
        record = Record(
            settings=job,
            inputs=inputs,
            model=model.info.title,
            weights=model.info.weights,
            weights_sha256=model.info.weights_sha256,
            device=str(brought.done.device),
            precision=model.precision(brought.done.device),
            working_spacing=brought.done.spacing,
            seconds=reporter.seconds,
            peak_memory_mib=peak_memory(),
            measures=measures,
            warnings=warnings,
        )
        outputs = staging.publish(record)
    return Result(job.id, job.output, outputs, measures, reporter.seconds, str(brought.done.device), warnings)


def _brought_together(case: Case, model: Model, job: Job, device: torch.device, reporter: Reporter) -> BroughtTogether:
    """From two images to two fields. The images' copies that this needs are gone when it is done."""
    effort = Effort.of(job.refine)
    reporter.start("align", "Aligning the images")
    scans = in_parallel(lambda side: make_scan(side.image, side.mask), (case.fixed, case.moving))
    alignment = align(*scans, job.affine, reporter)

    reporter.start("prepare", "Preparing the working grid")
    layout = lay_out(*scans, alignment)
    finest, share = _fine_enough(model, effort, job.spacing, layout)
    spacing, warnings = affordable_spacing(layout, job.spacing, free_memory() + kept_memory(), finest, share)
    warnings = [*alignment.warnings, *_doubts(model, effort), *warnings]

    def deform(attempt: Attempt) -> Deformed:
        return _deform(case, layout, model, effort, attempt, reporter)

    def tell(text: str) -> None:
        warnings.append(text)
        reporter.step(0.0, text)

    deformed, done = first_that_fits(deform, Attempt(device, spacing), tell)
    return BroughtTogether(alignment, deformed.fields, done, [*warnings, *deformed.doubts])


def _measured_doubts(case: Case, brought: BroughtTogether, found: Assessment) -> list[str]:
    """What the measures, and where they were taken, say against the result."""
    doubts = outcome_doubts(found.measures) + consistency_doubts(found.measures, brought.done.spacing)
    if case.landmarks is not None:
        doubts += landmark_doubts(case.landmarks[0], brought.fields.forward.grid)
    return doubts


def _deform(case: Case, layout: Layout, model: Model, effort: Effort, attempt: Attempt, reporter: Reporter) -> Deformed:
    reporter.start("prepare", "Preparing the working grid")
    pair = make_pair(layout, attempt.spacing)
    contrast = contrast_between(pair)
    alike = contrast.applied(pair)

    def alike_at(spacing: float) -> Pair:
        return contrast.applied(make_pair(layout, spacing))

    reporter.start("model", f"Predicting with {model.info.title}")
    with large_blocks_returned():
        found = predict(model, alike, alike_at, attempt.device, alone=effort.is_none)

    reporter.start("refine", "Refining on this pair")
    maps = model.optimise(alike, found.maps, effort, attempt.device, reporter.step)
    if maps is None:
        schedule = make_schedule(pair.grid.shape, effort)
        maps = refine_pair(pair, found.maps, schedule, attempt.device, reporter.step, alike)

    reporter.start("compose", "Composing the transforms")
    fields = compose_without_folds(pair, maps, case.fixed.image.grid, case.moving.image.grid, reporter.step)
    nothing_compared = effort.is_none and found.maps is None
    comparing = [] if nothing_compared else [*pair.doubts, *contrast.doubts]
    return Deformed(fields, list(dict.fromkeys([*comparing, *found.doubts, *maps.doubts])))


def _stage(staging: Staging, found: Assessment, fields: WorldMaps, case: Case, file_format: str) -> None:
    fixed, moving = case.fixed.image, case.moving.image
    transforms = [("forward", fields.forward, file_format), ("inverse", fields.inverse, file_format)]
    images = [
        ("warped_moving", found.warped_moving, fixed.grid, moving.dtype),
        ("warped_fixed", found.warped_fixed, moving.grid, fixed.dtype),
        ("jacobian", found.jacobian, fixed.grid, found.jacobian.dtype),
    ]
    if found.warped_labels is not None:
        images.append(("warped_labels", found.warped_labels, fixed.grid, found.warped_labels.dtype))
    files = [
        *(partial(staging.add_transform, *t) for t in transforms),
        *(partial(staging.add_image, *i) for i in images),
    ]
    in_parallel(lambda add: add(), files)


def _fine_enough(model: Model, effort: Effort, given: float, layout: Layout) -> tuple[float, float]:
    """(finest working spacing in mm that is of use, 0 where every voxel counts; its share of the images' own).

    A prediction alone is smooth at the spacing of its last look. Fields at that hold it, and are eight times
    smaller than those of a head at 1 mm; where a smaller inverse error matters more, a spacing can be `given`.
    """
    card = model.info.card
    if effort.is_none:
        return finest_look(card, layout.extent.side) if card and not given else 0.0, 1.0
    return 0.0, 1.0 if model.fits_itself else REFINED_SHARE


def _doubts(model: Model, effort: Effort) -> list[str]:
    """What the user should know about the way the result came about."""
    if model.info.weights or not effort.is_none:
        return []
    return [f"{model.info.title} has no weights and refinement is off: the transforms hold the alignment alone."]


def _loaded(name: str, weights: str, groups: int) -> Model:
    """Loaded models are kept, as long as their files stay as they are: the worker's second job does not load again."""
    files = [Path(weights)] if weights else sorted(shelf_folder().glob("*/*"))
    states = tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files if path.is_file())
    return _kept(name, weights, groups, states)


@lru_cache(maxsize=2)
def _kept(name: str, weights: str, groups: int, _states: tuple) -> Model:
    return load_model(name, weights, groups)
