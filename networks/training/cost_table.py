"""A design's cost of each op by its active channels, as ``accel_models`` exports it and training reads it.

The file is JSON::

    {"format": "lacuna-cost-table", "format_version": 1, "unit": "pJ", "design": "edge_npu_16x16",
     "ops": {"block1.conv1": {"in_channels": [0, 8, 16], "out_channels": [0, 8, 16],
                              "cost": [[0, 0, 0], [0, 10, 18], [0, 18, 34]]}}}

``cost[i][j]`` is the cost at ``in_channels[i]`` and ``out_channels[j]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from traces import (
    COST_TABLE_VERSION,
    ConfigError,
    FileProblem,
    Floats,
    did_you_mean,
    file_bytes,
    parse_json_mapping,
    reading,
    shown,
)

FORMAT = "lacuna-cost-table"
COST_UNITS = ("cycles", "pJ")
_MOST = 2.0**62  # of a cost, as where designs are priced


@dataclass(frozen=True, slots=True, eq=False)
class OpCost:
    """Cost of one op on a grid of active channels."""

    in_channels: Floats  # (i,), rising
    out_channels: Floats  # (j,), rising
    cost: Floats  # (i, j), in the table's unit

    def __post_init__(self) -> None:
        for side, knots in (("in_channels", self.in_channels), ("out_channels", self.out_channels)):
            if knots.ndim != 1 or len(knots) < 2 or not bool(np.all(np.diff(knots) > 0)) or knots[0] < 0:
                raise ConfigError(
                    f"cost table: {side} = {shown(knots.tolist())}: needs two or more rising counts"
                )
        if self.cost.shape != (len(self.in_channels), len(self.out_channels)):
            raise ConfigError(
                f"cost table: cost is {self.cost.shape}, needs one row for each of "
                f"{len(self.in_channels)} in_channels, one column for each of "
                f"{len(self.out_channels)} out_channels"
            )
        if not bool(np.all((self.cost >= 0) & (self.cost < _MOST))):  # NaN is neither
            raise ConfigError(f"cost table: a cost is negative, not a number, or above {_MOST:.2g}")


@dataclass(frozen=True, slots=True, eq=False)
class CostTable:
    """Costs of the ops of one network on one design."""

    design: str
    unit: str  # e.g. "cycles" or "pJ"
    ops: Mapping[str, OpCost]

    def dense(self, op_name: str) -> float:
        """Cost of the op with all channels [unit]; 0 for an op that is not in the table."""
        entry = self.ops.get(op_name)
        return 0.0 if entry is None else float(entry.cost[-1, -1])

    def interpolate(self, op_name: str, in_channels: Tensor, out_channels: Tensor) -> Tensor:
        """Return the bilinear cost at fractional channel counts [unit], shaped as they; differentiable."""
        entry = self.ops[op_name]
        row, down = _place(in_channels, entry.in_channels)
        column, right = _place(out_channels, entry.out_channels)
        grid = torch.as_tensor(entry.cost, dtype=in_channels.dtype)
        upper = grid[row, column] * (1 - right) + grid[row, column + 1] * right
        lower = grid[row + 1, column] * (1 - right) + grid[row + 1, column + 1] * right
        return upper * (1 - down) + lower * down


def load_cost_table(path: Path) -> CostTable:
    """Read a cost table from JSON."""
    if not path.is_file():
        raise FileProblem(f"{path}: no such cost table")
    content = parse_json_mapping(file_bytes(path), str(path))
    if content.get("format") != FORMAT:
        raise FileProblem(f"{path}: not a cost table; needs format = {FORMAT!r}")
    if content.get("format_version") != COST_TABLE_VERSION:
        raise FileProblem(
            f"{path}: cost table format {content.get('format_version')}; this version reads {COST_TABLE_VERSION}"
        )
    with reading(path, "damaged cost table"):
        if not isinstance(content["design"], str) or content["unit"] not in COST_UNITS:
            raise FileProblem(
                f"{path}: design = {shown(content['design'])}, unit = {shown(content['unit'])}: needs a name, and "
                f"{' or '.join(COST_UNITS)}"
            )
        ops = {name: _op_cost(name, entry) for name, entry in content["ops"].items()}
        return CostTable(design=content["design"], unit=content["unit"], ops=ops)


def check_cost_table(table: CostTable, op_names: set[str]) -> None:
    """Refuse a table of another network: every op it prices must exist."""
    for name in table.ops:
        if name not in op_names:
            raise ConfigError(
                f"cost table of {table.design}: op {name!r} is not in the network"
                f"{did_you_mean(name, op_names)}"
            )


def _op_cost(name: str, entry: Mapping[str, object]) -> OpCost:
    columns = {}
    for field in fields(OpCost):
        found = np.asarray(entry[field.name])  # refuses rows of several lengths
        if found.dtype.kind not in "iuf":
            raise ConfigError(
                f"cost table: op {shown(name)}: {field.name} holds {found.dtype}, needs numbers"
            )
        columns[field.name] = found.astype(np.float64)
    return OpCost(**columns)


def _place(at: Tensor, knots: Floats) -> tuple[Tensor, Tensor]:
    """Return the knot left of each value and the fraction of the way to the next."""
    positions = torch.as_tensor(knots, dtype=at.dtype)
    left = (torch.searchsorted(positions, at.detach().contiguous(), right=True) - 1).clamp(0, len(knots) - 2)
    fraction = (at - positions[left]) / (positions[left + 1] - positions[left])
    return left, fraction
