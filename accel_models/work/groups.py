"""Inputs that run together: one row of work for each group, of what its inputs keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from accel_models.design.design import Design
from accel_models.dram import kept_channels
from accel_models.work.kept_data import OpRows, counted_bytes, masked_bytes
from traces import Ints, Op, Packed

Compaction = Literal["union", "per_input"]


@dataclass(frozen=True, slots=True, eq=False)
class InputRows:
    """One op's work per input, before grouping."""

    rows: OpRows
    masks: tuple[Packed, Packed] | None = None  # input, output channels computed; None: counts say everything


def grouped(inputs: InputRows, op: Op, design: Design, members: Ints, compaction: Compaction) -> OpRows:
    """Join the inputs of each group, shape (g, B)."""
    rows = inputs.rows
    runs = _take(rows.runs, members)
    batch = runs.sum(axis=1)
    count = np.maximum(batch, 1)

    def mean(values: Ints) -> Ints:
        return np.asarray(-(-(_take(values, members) * runs).sum(axis=1) // count), np.int64)

    cin, cout = mean(rows.cin), mean(rows.cout)
    if inputs.masks is not None:
        in_mask, out_mask = (_union(mask, runs, members) for mask in inputs.masks)
        if compaction == "union":
            cin, cout = kept_channels(in_mask), kept_channels(out_mask)
        fetch = masked_bytes(op, in_mask, out_mask, design)
    else:
        top_in, top_out = ((_take(values, members) * runs).max(axis=1) for values in (rows.cin, rows.cout))
        if compaction == "union":
            cin, cout = top_in, top_out
        fetch = counted_bytes(op, top_in, top_out, design)
    return OpRows(
        runs=batch > 0,
        cin=np.asarray(cin, np.int64),
        cout=np.asarray(cout, np.int64),
        out_rows=mean(rows.out_rows),
        patch=mean(rows.patch),
        batch=np.asarray(batch, np.int64),
        useful=_take(rows.useful, members).sum(axis=1),
        fetch=fetch,
    )


def _take(values: NDArray[np.generic], members: Ints) -> Ints:
    """Return each member's value, 0 for the -1 that fill up a group, shape (g, B)."""
    return np.where(members >= 0, values[members], 0).astype(np.int64)


def _union(mask: Packed, runs: Ints, members: Ints) -> Packed:
    """Return the channels that any running member of a group has, packed, shape (g, bytes)."""
    result = np.zeros((len(members), mask.shape[1]), np.uint8)
    for column, active in zip(members.T, runs.T.astype(np.uint8), strict=True):
        result |= mask[column] * active[:, None]
    return result
