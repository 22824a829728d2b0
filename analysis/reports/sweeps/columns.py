"""What the columns of a sweep are called, their units, and what a row holds in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.words import percent, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.pareto.ranks import Costs
    from analysis.sweeps.row import SweepRow

QUANTITIES: Final = {
    # column of a row: (title, unit)
    "latency_us": ("Mean latency", "us"),
    "latency_us_p50": ("Latency p50", "us"),
    "latency_us_p95": ("Latency p95", "us"),
    "latency_us_p99": ("Latency p99", "us"),
    "latency_us_max": ("Largest latency", "us"),
    "energy_uj": ("Mean energy", "uJ"),
    "energy_uj_p99": ("Energy p99", "uJ"),
    "area_mm2": ("Area", "mm2"),
    "power_mw": ("Power", "mW"),
    "accuracy": ("Accuracy", "%"),
    "macs": ("MACs", "MAC"),
    "dram_bytes": ("DRAM traffic", "B"),
}
SHOWN: Final = ("accuracy", "macs", "latency_us", "latency_us_p99", "energy_uj", "area_mm2", "dram_bytes")


def title_of(column: str) -> str:
    """Return what a column is called."""
    return QUANTITIES.get(column, (column, ""))[0]


def unit_of(column: str) -> str:
    """Return the unit of a column's values; "" of one that has none."""
    return QUANTITIES.get(column, ("", ""))[1]


def value_of(row: SweepRow, column: str) -> float:
    """Return what a row holds in the unit of :func:`unit_of`; NaN where it is not known."""
    value = float(getattr(row, column))
    return 100 * value if column == "accuracy" else value


def text_of(row: SweepRow, column: str) -> str:
    """Return what a row holds as people read it."""
    value, unit = value_of(row, column), unit_of(column)
    return percent(value / 100) if unit == "%" else quantity(value, unit)


def is_scaled(row: SweepRow, column: str) -> bool:
    """Return whether a value leans on prices or areas scaled over process nodes."""
    return (
        row.area_scaled
        if column == "area_mm2"
        else row.energy_scaled and column.startswith(("energy", "power"))
    )


def costs_of_rows(rows: Sequence[SweepRow], minimize: Sequence[str], maximize: Sequence[str]) -> Costs:
    """Return the objectives of rows (rows, objectives), the smaller the better."""
    columns = [[value_of(row, name) for row in rows] for name in minimize]
    columns += [[-value_of(row, name) for row in rows] for name in maximize]
    return np.array(columns, np.float64).T
