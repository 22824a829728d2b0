"""A folder of results, open for more rows: one writer at a time.

A sweep that is killed, or meets a full disk, leaves only whole parts; what is missing is done again by ``resume``.
A row that two runs both wrote counts once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from analysis.sweeps.folder.manifest import MANIFEST, Manifest, check_same, read_manifest
from analysis.sweeps.folder.parts import ROWS, PartsRead, read_parts, write_part
from analysis.sweeps.row import SweepRow
from simulator import holds_results
from traces import FileProblem, atomic_write, clear_parts


class Store:
    """The rows of one folder, open for more."""

    def __init__(self, folder: Path, found: PartsRead, lock: int) -> None:
        self.folder = folder
        self.found = found  # when it was opened
        self._lock = lock
        self._rows = {row.key: row for row in found.rows}
        self._of_points = {row.index: row for row in found.rows}
        self._unsaved: list[SweepRow] = []
        self._parts = 1 + max((int(part.stem.split("-")[1]) for part in found.parts), default=-1)

    @classmethod
    def open(cls, folder: Path, manifest: Manifest, *, resume: bool) -> Store:
        """Begin a folder, or go on with it.

        Raises
        ------
        FileProblem
            If the folder holds results of a replay or stream.  Without ``resume`` if it holds a sweep already; with
            it if that is of another space or another version of the model.
        """
        if holds_results(folder, "a sweep") and not resume:
            raise FileProblem(
                f"{folder}: holds results already; --resume goes on with them, or name another folder"
            )
        _make(folder / ROWS)
        lock = _lock(folder)
        try:
            for place in (folder, folder / ROWS):
                clear_parts(place)
            if (folder / MANIFEST).exists():
                old = read_manifest(folder)
                check_same(folder, old, manifest)
                runs = tuple(dict.fromkeys([*old.runs, *manifest.runs]))
                manifest = manifest.model_copy(update={"runs": runs})
            with atomic_write(folder / MANIFEST) as part:  # budget and objectives may be others than before
                part.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
            return cls(folder, read_parts(folder), lock)
        except BaseException:
            os.close(lock)
            raise

    def finish(self) -> None:
        """Save, and let other writers in even if that fails."""
        try:
            self.save()
        finally:
            self.close()

    def close(self) -> None:
        """Let other writers in."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> SweepRow:
        return self._rows[key]

    def of_point(self, index: int) -> SweepRow | None:
        """Return the row of a point of the grid, if there is one; the folder is of this space, so it is the point's."""
        return self._of_points.get(index)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: Iterable[SweepRow]) -> None:
        """Take rows in; they are on the disk after :meth:`save`."""
        for row in rows:
            if row.key not in self._rows:
                self._rows[row.key] = self._of_points[row.index] = row
                self._unsaved.append(row)

    def save(self) -> None:
        """Write what is not on the disk yet as one more part."""
        if not self._unsaved:
            return
        write_part(self.folder / ROWS / f"part-{self._parts:06d}.parquet", self._unsaved)
        self._parts += 1
        self._unsaved = []


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise FileProblem(f"{folder}: cannot be made: {problem.strerror}") from None


def _lock(folder: Path) -> int:
    """Return a lock on the folder, which ends with this process; one writer at a time."""
    import fcntl  # noqa: PLC0415  (not on Windows)

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise FileProblem(
            f"{folder}: another sweep or search is writing here; wait for it, or name another folder"
        ) from None
    return handle
