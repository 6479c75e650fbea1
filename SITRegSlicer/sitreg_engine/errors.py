"""The engine's own family of errors: each says what was wanted, what was given and what to do."""


class EngineError(Exception):
    """Base of all errors that a person can act on; its text is one clear line."""


class InputError(EngineError):
    """Something given by the user cannot be used (file, image, mask, points, option)."""


class AlignmentError(EngineError):
    """The affine pre-alignment was not good enough to start a deformable registration from."""


class OutputError(EngineError):
    """The results could not be written."""


class ResourceError(EngineError):
    """The machine lacks what the job needs (memory, device)."""


class Cancelled(EngineError):
    """The user asked to stop; nothing was written."""
