"""A seal over every byte of a Parquet file, inside the file, invisible to other readers.

Parquet's page checksums cover the pages' data, but neither page headers nor the footer.  The seal closes
the gap: two SHA-256 digests in the unused space that the format allows before its footer::

    PAR1 | pages ... | "LACUNA01" sha256(all before) sha256(all behind) | footer | footer length | PAR1
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from traces.base.errors import FileProblem
from traces.base.guard import check_file

_MAGIC = b"PAR1"
_TAIL = 8  # footer length (4 bytes, little end first) and the magic
_SEAL_MAGIC = b"LACUNA01"
_SEAL_BYTES = len(_SEAL_MAGIC) + 2 * 32
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the parts of a Parquet file begin [byte offset]."""

    footer: int  # of the footer
    end: int  # of the file


def seal(path: Path) -> None:
    """Insert the seal into a finished Parquet file that has none."""
    with path.open("r+b") as file:
        layout = _layout(file, path)
        body = _digest(file, 0, layout.footer)
        file.seek(layout.footer)
        footer = file.read()
        file.seek(layout.footer)
        file.write(_SEAL_MAGIC + body + hashlib.sha256(footer).digest() + footer)


def verify_seal(path: Path, *, footer_only: bool = False) -> bool:
    """Check the seal against the file's bytes; return False when there is none.

    Raises ``FileProblem`` when the file is missing, no Parquet file, truncated, or differs from its seal.
    """
    check_file(path)
    try:
        with path.open("rb") as file:
            layout = _layout(file, path)
            start = layout.footer - _SEAL_BYTES
            file.seek(max(start, 0))
            found = file.read(_SEAL_BYTES)
            if start < 0 or not found.startswith(_SEAL_MAGIC):
                return False
            body, footer = found[len(_SEAL_MAGIC) : -32], found[-32:]
            intact = _digest(file, layout.footer, layout.end) == footer
            if intact and not footer_only:
                intact = _digest(file, 0, start) == body
    except FileNotFoundError:
        raise FileProblem(f"{path}: no such file") from None
    except OSError as problem:
        raise FileProblem(f"{path}: cannot be read: {problem.strerror}") from None
    if not intact:
        raise FileProblem(f"{path}: is damaged: its bytes do not match the checksum inside; copy it again")
    return True


def _layout(file: BinaryIO, path: Path) -> _Layout:
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(4) != _MAGIC:
        raise FileProblem(f"{path}: is not a Parquet file (or its first bytes are damaged)")
    file.seek(max(end - _TAIL, 0))
    tail = file.read(_TAIL)
    footer = end - _TAIL - int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or footer < len(_MAGIC):
        raise FileProblem(f"{path}: is truncated or damaged at its end ({end} bytes); copy it again")
    return _Layout(footer=footer, end=end)


def _digest(file: BinaryIO, start: int, stop: int) -> bytes:
    """Return the SHA-256 of the bytes from ``start`` to ``stop``, read in bounded memory."""
    digest = hashlib.sha256()
    file.seek(start)
    while start < stop:
        block = file.read(min(_CHUNK, stop - start))
        if not block:
            break
        digest.update(block)
        start += len(block)
    return digest.digest()
