"""A finished job in words, for the log."""

from .registrationJob import RegistrationJob


def resultText(job: RegistrationJob) -> str:
    """Device, time per stage, measures and warnings."""
    result = job.result
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in result.seconds.items())
    lines = [f"Device: {result.device}", f"Seconds: {stages}"]
    lines += [f"{measure.description}: {measure.value:.4g} {measure.unit}".rstrip() for measure in result.measures]
    lines += [f"Warning: {warning}" for warning in result.warnings]
    return "\n".join(lines)


def failureText(job: RegistrationJob) -> str:
    """The error, and below it the technical detail."""
    return f"{job.error}\n{job.detail}".rstrip()
