"""A job in words, for the status line and for the log."""

import re

from .registrationJob import RegistrationJob

_LABEL = re.compile(r"\blabel (\d+)\b")


def progressText(job: RegistrationJob) -> str:
    """What is done now, and how long it may still take once that can be guessed."""
    if job.seconds < 5 or not 0.1 < job.fraction < 1:
        return job.text
    left = job.seconds * (1 - job.fraction) / job.fraction
    return f"{job.text} (about {left:.0f} s left)"


def headline(job: RegistrationJob) -> str:
    """The three things to know first about a finished registration."""
    values = {measure.name: measure.value for measure in job.result.measures}
    parts = []
    if "forward_folds" in values:
        folds = values["forward_folds"] + values.get("inverse_folds", 0.0)
        parts.append("no folded voxel" if folds == 0 else f"{folds:.0f} folded voxels")
    if "forward_consistency_mean" in values:
        parts.append(f"mean inverse consistency error {values['forward_consistency_mean']:.3f} mm")
    if "dice_mean" in values:
        parts.append(f"mean Dice {values['dice_mean']:.3f}")
    pair = f"{job.request.movingVolume.GetName()} to {job.request.fixedVolume.GetName()}"
    text = f"Done in {job.seconds:.0f} s, {pair}{': ' if parts else ''}{', '.join(parts)}."
    return " ".join([text, *job.result.warnings])


def resultText(job: RegistrationJob) -> str:
    """Device, time per stage, measures and warnings."""
    result = job.result
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in result.seconds.items())
    lines = [f"Device: {result.device}", f"Seconds: {stages}"]
    told = [f"{measure.description}: {measure.value:.4g} {measure.unit}".rstrip() for measure in result.measures]
    lines += [_LABEL.sub(lambda found: _segment(int(found[1]), job.segmentNames) or found[0], line) for line in told]
    lines += [f"Warning: {warning}" for warning in result.warnings]
    return "\n".join(lines)


def _segment(label: int, names: list[str]) -> str:
    """The name of the segment that was exported under a number; nothing for the numbers of a label map."""
    return f"'{names[label - 1]}'" if 0 < label <= len(names) else ""


def failureText(job: RegistrationJob) -> str:
    """The error, and below it the technical detail."""
    return f"{job.error}\n{job.detail}".rstrip()
