"""What a stream's folder says twice must agree: its figures are those of its frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simulator.agreement import Columns, check_same
from simulator.streams.summary import StreamSummary
from simulator.summary import Spread
from traces import FileProblem, reading, shown

_FLAGS = ("dropped", "missed", "correct")
_TIMES = ("wait_us", "latency_us")  # NaN where a frame was dropped


def check_against_frames(figures: StreamSummary, columns: Columns, folder: Path) -> None:
    """Refuse figures that are not those of the frames beside them, and frames that contradict themselves."""
    path = folder / "per_frame.parquet"
    with reading(path, "does not match stream.json"):
        if any(len(values) != figures.frames for values in columns.values()) or not columns:
            raise FileProblem(
                f"{folder}: is damaged: {figures.frames} frames in stream.json, others in per_frame"
            )
        done = _checked(columns, path)
        counted = {
            "completed": int(done.sum()),
            "dropped": int((~done).sum()),
            "missed": int(columns["missed"].sum()),
        }
        for name, count in counted.items():
            check_same(f"number of {name} frames", count, getattr(figures, name), path, "stream.json")
        for name, flag in (("miss_rate", "missed"), ("accuracy", "correct")):
            check_same(name, float(columns[flag].mean()), getattr(figures, name), path, "stream.json")
        for name in _TIMES:
            found, stated = Spread.of(columns[name][done]), getattr(figures, name)
            for part in Spread.model_fields:
                check_same(
                    f"{part} of {name}", getattr(found, part), getattr(stated, part), path, "stream.json"
                )


def _checked(columns: Columns, path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which frames were answered; refuse a value that no frame can hold."""
    for name in _FLAGS:
        if columns[name].dtype.kind != "b":
            raise FileProblem(f"{path}: column {shown(name)} holds {columns[name].dtype}, needs yes or no")
    done = ~columns["dropped"].astype(bool)
    for name, values in columns.items():
        if values.dtype.kind not in "iufb":
            raise FileProblem(f"{path}: column {shown(name)} holds {values.dtype}, needs numbers")
        known = values[done] if name in _TIMES else values
        if not (np.isfinite(known).all() and (known >= 0).all()):
            raise FileProblem(f"{path}: column {shown(name)} holds NaN, infinite or negative numbers")
    if not np.array_equal(columns["frame"], np.arange(len(done))):
        raise FileProblem(f"{path}: column 'frame' does not count the rows")
    if (~done & (columns["correct"] | ~columns["missed"])).any():
        raise FileProblem(f"{path}: a dropped frame counts as correct, or as in time")
    return done
