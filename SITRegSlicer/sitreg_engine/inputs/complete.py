"""Files that are not whole, refused in the same words whatever their format."""

import contextlib
import zlib
from collections.abc import Iterator

from sitreg_engine.errors import InputError


@contextlib.contextmanager
def damage_refused(path: str, role: str) -> Iterator[None]:
    """Raises InputError for what goes wrong inside when a file is not what its header says."""
    try:
        yield
    except (OSError, EOFError, zlib.error, ValueError, OverflowError) as error:  # the last two: an offset of NaN, inf
        raise InputError(f"The {role} is incomplete or damaged: {path} ({error}). Copy or export it again.") from error


def require_bytes(found: int, wanted: int, path: str, role: str) -> None:
    """Raises InputError when there are fewer than a header asks for."""
    if found < wanted:
        raise InputError(f"The {role} is cut short: {path} holds {found} of {wanted} bytes. Copy or export it again.")
