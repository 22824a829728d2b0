"""Write a file whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from traces.base.errors import FileProblem

PART = ".part"  # ends the name of what is not finished


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield the path of a temporary file beside ``path`` that takes its place when the block ends well.

    The file is flushed to the disk before it is renamed, so a reader sees the old file or the whole new
    one.  When the block raises, the temporary file is removed; a full disk or a missing folder becomes a
    :class:`~traces.base.errors.FileProblem`.
    """
    target = Path(path)
    if target.is_dir():
        raise FileProblem(f"{target}: is a folder; name a file to write")
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.{os.getpid()}.", suffix=PART, dir=target.parent
        )
        os.close(handle)
    except OSError as problem:
        raise _explain(target, problem) from problem
    part = Path(name)
    try:
        yield part
        _sync(part)
        part.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
        part.replace(target)
        _sync(target.parent)
    except OSError as problem:
        raise _explain(target, problem) from problem
    finally:
        part.unlink(missing_ok=True)


def clear_parts(folder: Path) -> None:
    """Remove the hidden unfinished files and folders that killed processes left in ``folder``.

    Their names hold the process that made them; what a living one is writing stays.
    """
    for part in folder.glob(f".*{PART}"):
        maker = re.search(rf"\.([0-9]+)\.[^.]*{re.escape(PART)}$", part.name)
        if maker is not None and _alive(int(maker.group(1))):
            continue
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def _sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    """Return the process's umask, which can be read only by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _explain(target: Path, problem: OSError) -> FileProblem:
    if not target.parent.exists():
        return FileProblem(f"{target}: no such folder {str(target.parent)!r}; make it first")
    return FileProblem(f"{target}: cannot be written: {problem.strerror or problem}")
