"""A results folder as one thing: written beside its place, its bytes summed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from traces import (
    FileProblem,
    atomic_write,
    check_file,
    clear_parts,
    exchange,
    file_text,
    reading,
    stage_beside,
)

SUMS: Final = "SHA256SUMS"  # as ``sha256sum --check`` reads it
_REPLACED: Final = ("timeline.json.gz",)  # of an earlier replay, where this one has none
_SUMMED: Final = (
    "summary.json",
    "per_input.parquet",
    "per_op.parquet",
    "stream.json",
    "per_frame.parquet",
    "design.yaml",
    "policy.json",
    *_REPLACED,
)
_OWN: Final = frozenset({*_SUMMED, SUMS})


ResultKind = Literal["a replay", "a stream", "a sweep"]
# By the file that a folder of such results has.
RESULT_KINDS: Final[Mapping[str, ResultKind]] = {
    "summary.json": "a replay",
    "stream.json": "a stream",
    "space.json": "a sweep",
}


def holds_results(folder: Path, kind: ResultKind) -> bool:
    """Whether a folder holds results of this kind already.

    Raises
    ------
    FileProblem
        If it holds results of another, which would then lie among each other.
    """
    held = [of for mark, of in RESULT_KINDS.items() if (folder / mark).is_file()]
    if any(of != kind for of in held):
        raise FileProblem(f"{folder}: holds results of {' and '.join(held)}; name another folder")
    return bool(held)


@contextmanager
def staged(target: Path, kind: ResultKind) -> Iterator[Path]:
    """Yield a folder beside ``target``; when the block ends well the two trade places, and the old one is removed.

    When it does not, ``target`` is as it was, or not there if it was not; the message names files by their place in it.
    A reader sees all of the earlier files or all of the new ones.  Where ``target`` holds more than results, or the
    system cannot exchange folders, files are renamed one by one, the sums last: who reads in between is refused.
    """
    holds_results(target, kind)
    new = _made(target)
    clear_parts(target)
    stage = target
    try:
        with stage_beside(target) as stage:
            yield stage
            if not (_only_results(target) and exchange(stage, target)):
                _rename_each(stage, target)
        new = False
    except FileProblem as problem:
        raise FileProblem(str(problem).replace(str(stage), str(target))) from None
    except OSError as problem:
        raise FileProblem(f"{target}: cannot be written: {problem.strerror or problem}") from None
    finally:
        if new:
            with suppress(OSError):  # somebody put something there
                target.rmdir()


def _made(folder: Path) -> bool:
    """Make the folder and those above it; return whether it is new."""
    try:
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise FileProblem(f"{folder}: cannot be made: {problem.strerror or problem}") from None
    return new


def _only_results(target: Path) -> bool:
    """Whether nothing is lost with the folder; one that somebody works in, or a link to it, stays as well."""
    own = all(path.name in _OWN and path.is_file() for path in target.iterdir())
    return own and not target.is_symlink() and not target.samefile(Path.cwd())


def _rename_each(stage: Path, target: Path) -> None:
    for left in _REPLACED:
        if not (stage / left).exists():
            (target / left).unlink(missing_ok=True)
    for file in sorted(stage.iterdir(), key=lambda path: path.name == SUMS):
        file.replace(target / file.name)


def write_sums(folder: Path) -> None:
    """Write the SHA-256 of every file of a folder."""
    lines = [f"{_sum(path)}  {path.name}\n" for path in sorted(folder.iterdir()) if path.name != SUMS]
    with atomic_write(folder / SUMS) as part:
        part.write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path, *, needed: bool, again: str = "replay again") -> None:
    """Refuse a folder whose files differ from what was written; ``needed``: it must have sums."""
    path = folder / SUMS
    if not path.is_file():
        if needed:
            raise FileProblem(f"{folder}: is damaged: has no {SUMS}; {again}")
        return
    with reading(path):
        known = dict(line.split("  ")[::-1] for line in file_text(path).splitlines())
    for name in _SUMMED:
        file = folder / name
        if file.is_file() and _sum(file) != known.get(name):
            raise FileProblem(f"{file}: is damaged or of another replay: does not match {SUMS}; {again}")


def _sum(path: Path) -> str:
    check_file(path)
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    raise AssertionError  # reading() never swallows
