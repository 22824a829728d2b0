"""Where each op's time goes, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from analysis import TIME_PARTS, digits
from lacuna.console import fits, show_table

if TYPE_CHECKING:
    from simulator import OpRow, Results

_BAR: Final = 12  # characters of the longest op
_LEAST: Final = 0.001  # Choice: of the latency; ops that add less are counted, not shown
_MARKS: Final = {
    "array": "#", "fill": "=", "gather": "g", "tiles": "t", "simd": "S", "gate": "G", "dram": "~", "wait": ".",
}  # fmt: skip


def show_ops(results: Results) -> None:
    """Print what each op adds to the mean latency and on what it spends that, then what it does, hidden or not."""
    latency = sum(map(_added, results.ops)) or 1.0
    shown = [op for op in results.ops if _added(op) >= _LEAST * latency]
    parts = [part for part in TIME_PARTS if any(op.latency_parts[part] for op in shown)]
    columns = ["op", "all", *map(_head, parts)]
    rows = [
        [op.op, *_shares([_added(op), *(op.latency_parts[part] for part in parts)], latency)] for op in shown
    ]
    every = [sum(op.latency_parts[part] for op in results.ops) for part in parts]
    rows.append(["all ops", *_shares([latency, *every], latency)])
    told = [f"{_head(part)}: {TIME_PARTS[part][0]}" for part in parts if _head(part) != TIME_PARTS[part][0]]
    longest = max(map(_added, shown), default=1.0)
    bars = [_bar(op, longest) for op in shown]
    barred = [[*row, bar] for row, bar in zip(rows, [*bars, ""], strict=True)]
    if fits([*columns, "time"], barred):
        columns, rows = [*columns, "time"], barred
        told = [f"{_MARKS[part]} {TIME_PARTS[part][0]}" for part in parts]
    hidden = len(results.ops) - len(shown)
    note = (
        f"{', '.join(told)}. Fill and drain: all that an array does beside kept MACs at its peak; DRAM: transfers that "
        f"nothing hides. {hidden} ops hide behind others or add less than {100 * _LEAST:g} %"
    )
    us = latency * 1e6 / results.design.clock
    show_table(f"What each op adds to the mean latency of {digits(us)} us [%]", columns, rows, note=note)
    _show_moved(results)


def _show_moved(results: Results) -> None:
    """Print what each op takes of its unit and of the bus."""
    columns = ["op", "unit", "ran %", "cycles", "used %", "DRAM B", "nJ", "bound by"]
    rows = [
        [
            op.op,
            op.unit,
            digits(100 * op.rate, 3),
            digits(op.cycles_mean),
            digits(100 * op.utilization, 3),
            digits(op.dram_bytes_mean),
            digits(op.energy_pj_mean / 1e3, 3),
            op.bound,
        ]
        for op in results.ops
        if op.cycles_mean + op.transfer_cycles_mean > 0
    ]
    note = "cycles of its unit; used: kept MACs over what it could do meanwhile; bound by what takes longest"
    show_table("What each op takes, hidden or not; means over inputs", columns, rows, note=note)


def _shares(cycles: Sequence[float], latency: float) -> list[str]:
    """Return shares in percent, nothing where there is none."""
    return [f"{100 * each / latency:.1f}" if each >= 0.0005 * latency else "" for each in cycles]


def _head(part: str) -> str:
    name = TIME_PARTS[part][0]
    return name if name.lower() == part else part


def _added(op: OpRow) -> float:
    return sum(op.latency_parts.values())


def _bar(op: OpRow, longest: float) -> str:
    return "".join(_MARKS[part] * round(cycles / longest * _BAR) for part, cycles in op.latency_parts.items())
