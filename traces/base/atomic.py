"""Write a file whole or not at all."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from traces.base.errors import FileProblem

PART = ".part"  # ends the name of what is not finished


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield the path of a temporary file beside ``path`` that takes its place when the block ends well.

    The file is flushed to the disk before it is renamed, so a reader sees the old file or the whole new
    one.  When the block raises, the temporary file is removed; a full disk or a missing folder becomes a
    :class:`~traces.base.errors.FileProblem`.  What killed processes left of the same file is removed first.
    """
    target = Path(path)
    if target.is_dir():
        raise FileProblem(f"{target}: is a folder; name a file to write")
    try:
        clear_parts(target.parent, target.name)
        part, lock = _part(target)
    except OSError as problem:
        raise _explain(target, problem) from problem
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
        os.close(lock)


@contextmanager
def stage_beside(target: Path) -> Iterator[Path]:
    """Yield an empty hidden folder beside ``target``; what is left in it at the end is removed."""
    parent = target.absolute().parent
    clear_parts(parent, target.name)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=PART, dir=parent))
    lock = _held(folder)
    folder.chmod(0o777 & ~_umask())  # mkdtemp makes folders that only their owner may enter
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def clear_parts(folder: Path, name: str = "") -> None:
    """Remove the hidden unfinished files and folders that killed processes left in ``folder``.

    Who writes one holds a lock on it, which ends with the process; what is locked stays.

    Parameters
    ----------
    folder
        Where to look.
    name
        Of the file or folder that was being written; any if empty.
    """
    for part in folder.glob(f".{glob.escape(name)}*{PART}"):
        try:
            lock = _locked(part)
        except OSError:  # somebody is writing it, or has just finished
            continue
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
        os.close(lock)


def exchange(stage: Path, target: Path) -> bool:
    """Let two folders of one file system trade places in one step; False where the system cannot.

    Linux's ``renameat2`` with ``RENAME_EXCHANGE``: whoever opens ``target`` sees the old folder or the new one.
    """
    import ctypes  # noqa: PLC0415  (only where folders are written)

    flag, here = 2, -100  # RENAME_EXCHANGE, AT_FDCWD
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or a C library older than 2018
        return False
    if call(here, os.fsencode(stage), here, os.fsencode(target.absolute()), flag) != 0:
        return False  # another file system, a mount point, or a file system that cannot
    _sync(target.parent)
    return True


def _part(target: Path) -> tuple[Path, int]:
    """Return a new hidden file beside ``target`` and the lock on it."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=PART, dir=target.parent)
        os.close(handle)
        with suppress(BlockingIOError, FileNotFoundError):
            return Path(name), _held(Path(name))
        # taken for one of a dead process by somebody who clears this very moment: another name


def _held(path: Path) -> int:
    """Return a lock on what was just made; on a file system without locks a plain handle: nothing is cleared there."""
    try:
        return _locked(path)
    except (BlockingIOError, FileNotFoundError):
        raise
    except OSError:
        return os.open(path, os.O_RDONLY)


def _locked(path: Path) -> int:
    """Return a lock on a file or folder; ``OSError`` if another process has it, or the path is gone."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_nlink == 0:
            raise FileNotFoundError(path)
    except OSError:
        os.close(handle)
        raise
    return handle


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
