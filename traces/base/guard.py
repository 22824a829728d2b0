"""One guard per reader: what a library raises for bad bytes becomes the one error, with path and place.

Readers of outside files wrap the call into a library in :func:`reading`, and measure what came out with
:func:`check_tree`: depth, size, numbers and text of plain data are bounded where data enters.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from traces.base.errors import ConfigError, FileProblem, LacunaError, first_line

# Choice: bounds of plain data (YAML, JSON). A graph of 10,000 ops has some 400,000 values, six levels deep.
MOST_DEPTH = 40
MOST_VALUES = 1_000_000  # counted with what aliases repeat
MOST_TEXT = 1 << 20  # characters of one string
MOST_READ = (
    1 << 26
)  # bytes of a text file that is read whole (64 MiB); Choice: a million values need half of it
MOST_MODEL = 1 << 31  # bytes of a model: where the formats of ONNX and TFLite end
_INT64 = 1 << 63
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # but tab and newline


@contextmanager
def reading(
    where: object, what: str = "is damaged", *, error: type[LacunaError] = FileProblem
) -> Iterator[None]:
    """Turn whatever the block raises into ``error``: ``where: what: the first line of the reason``.

    A :class:`LacunaError` from inside passes as it is.  For calls into libraries alone: zip, zlib, Arrow, YAML and
    NumPy raise a dozen kinds for damaged bytes, and new ones with each version.
    """
    try:
        yield
    except LacunaError:
        raise
    except FileNotFoundError:
        raise FileProblem(f"{where}: no such file") from None
    except IsADirectoryError:
        raise FileProblem(f"{where}: is a directory; name a file") from None
    except RecursionError:
        raise error(f"{where}: {what}: nested too deeply") from None
    except MemoryError:
        raise error(f"{where}: {what}: needs more memory than there is") from None
    except OSError as problem:
        why = f"cannot be read: {problem.strerror}" if problem.strerror else f"{what}: {first_line(problem)}"
        raise error(
            f"{where}: {why}"
        ) from None  # libraries raise OSError without a number for what they decode
    except Exception as problem:
        raise error(f"{where}: {what}: {first_line(problem)}") from None


def check_file(path: str | Path, most: int | None = None) -> None:
    """Refuse what is no regular file (a pipe may be waited for, a device has no end), or has over ``most`` bytes."""
    with reading(path):
        found = Path(path).stat()
    if stat.S_ISDIR(found.st_mode):
        raise FileProblem(f"{path}: is a directory; name a file")
    if not stat.S_ISREG(found.st_mode):
        raise FileProblem(f"{path}: is no regular file but a pipe or a device")
    if most is not None and found.st_size > most:
        raise FileProblem(f"{path}: holds {found.st_size:,} bytes; at most {most:,}")


def file_bytes(path: str | Path, most: int = MOST_READ) -> bytes:
    """Return what a file of at most ``most`` bytes holds; :class:`FileProblem` if it cannot be read."""
    check_file(path, most)
    with reading(path):
        return Path(path).read_bytes()


def file_text(path: str | Path, most: int = MOST_READ) -> str:
    """Return the text of a file, every end of a line as a newline; :class:`FileProblem` if it is not UTF-8."""
    try:
        text = file_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileProblem(f"{path}: is not a text file (UTF-8)") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def name_of(path: str | Path) -> str:
    """Return the name of a file without its ending; bytes that are no text are spelled out."""
    return os.fsencode(Path(path).stem).decode("utf-8", "backslashreplace")


def check_seed(seed: int, what: str = "seed") -> int:
    """Return a seed that every generator takes; :class:`ConfigError` for another."""
    if not 0 <= seed < _INT64:
        raise ConfigError(f"{what} = {seed}: must be 0 to 2**63 - 1")
    return seed


def check_tree(
    value: object, where: str, *, most: int = MOST_VALUES, error: type[LacunaError] = FileProblem
) -> None:
    """Refuse plain data that is too deep or too large, or holds what no file of ours means.

    Allowed are null, booleans, whole numbers of 64 bits, finite numbers, printable text, lists and mappings.
    """
    left, stack = most, [(value, 0)]
    while stack:
        part, depth = stack.pop()
        left -= 1
        if depth > MOST_DEPTH or left < 0:
            bound = f"{MOST_DEPTH} levels" if depth > MOST_DEPTH else f"{most:,} values"
            raise error(f"{where}: holds more than {bound}")
        if isinstance(part, dict):
            stack += [(inner, depth + 1) for pair in part.items() for inner in pair]
        elif isinstance(part, list):
            stack += [(inner, depth + 1) for inner in part]
        else:
            problem = _problem(part)
            if problem:
                raise error(f"{where}: {problem}")


def _problem(leaf: object) -> str:
    """Return what is wrong with a value that holds no others; empty if nothing is."""
    match leaf:
        case None | bool():
            return ""
        case int():
            return "" if -_INT64 <= leaf < _INT64 else "holds a whole number of more than 64 bits"
        case float():
            return "" if math.isfinite(leaf) else f"holds {leaf}, which is no finite number"
        case str():
            if len(leaf) > MOST_TEXT:
                return f"holds a text of {len(leaf)} characters; needs at most {MOST_TEXT}"
            found = _UNPRINTABLE.search(leaf)
            return f"holds the control character {found.group()!r} in a text" if found else ""
        case _:
            return f"holds a {type(leaf).__name__}; needs numbers, text, lists and mappings"


def is_inside(place: str) -> bool:
    """Whether a path that a file names leads into the file's own folder, by its words alone."""
    parts = place.replace("\\", "/").split("/")
    depth = 0
    for part in parts:
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return False
    return not place.startswith(("/", "\\")) and place[1:2] != ":"  # a drive of Windows
