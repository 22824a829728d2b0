"""Where each op's time goes, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import digits
from lacuna.console import percent, show_table

if TYPE_CHECKING:
    from simulator import OpRow, Results

_BAR = 24  # characters of the longest op
_PARTS = (("work", "#"), ("rounding", "="), ("gather", "g"), ("control", "c"), ("wait", "."))


def show_ops(results: Results) -> None:
    """Print per op what its unit does while it has it, and what it waits for; means over inputs [cycles]."""
    longest = max((sum(_parts(op).values()) for op in results.ops), default=0.0) or 1.0
    timed = [op for op in results.ops if sum(_parts(op).values()) + op.transfer_cycles_mean > 0]
    rows = [_row(op, longest) for op in timed]
    columns = [
        "op",
        "unit",
        "ran",
        *(name for name, _ in _PARTS),
        "transfers",
        "DRAM B",
        "uJ",
        "bound by",
        "time",
    ]
    marks = ", ".join(f"{mark} {name}" for name, mark in _PARTS)
    note = (
        f"cycles of its unit: {marks}. work: kept MACs at the unit's peak; rounding: part-filled folds, fill and "
        "drain, or all work that is no MAC; wait: ready but for a decision; transfers overlap with all of these; "
        f"{len(results.ops) - len(timed)} ops that take no time are left out"
    )
    show_table("Where each op's time goes", columns, rows, note=note)


def _parts(op: OpRow) -> dict[str, float]:
    rest = op.cycles_mean - op.work_cycles_mean - op.gather_cycles_mean - op.control_cycles_mean
    return {
        "work": op.work_cycles_mean,
        "rounding": max(rest, 0.0),
        "gather": op.gather_cycles_mean,
        "control": op.control_cycles_mean,
        "wait": op.gate_wait_cycles_mean,
    }


def _row(op: OpRow, longest: float) -> list[str]:
    parts = _parts(op)
    return [
        op.op,
        op.unit,
        percent(op.rate),
        *(digits(cycles) for cycles in parts.values()),
        digits(op.transfer_cycles_mean),
        digits(op.dram_bytes_mean),
        digits(op.energy_pj_mean / 1e6, 3),
        op.bound,
        "".join(mark * round(parts[name] / longest * _BAR) for name, mark in _PARTS),
    ]
