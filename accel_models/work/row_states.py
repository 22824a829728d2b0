"""Rows of equal work share one state: what tells two apart, and what is packed before an op can read it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from accel_models.cost import WorkStates
from accel_models.design.design import Design
from accel_models.work.kept_data import (
    OpRows,
)
from traces import (
    MAC_KINDS,
    Ints,
    Op,
)

_TABLE = 1 << 20  # codes, above which sorting takes less than a table


def _columns(rows: OpRows) -> tuple[Ints, ...]:
    """Return what tells two pieces of work apart; zero where nothing runs."""
    parts = (rows.cin, rows.cout, rows.out_rows, rows.patch, rows.batch, rows.useful, rows.fetch)
    return tuple([np.where(rows.runs, part, 0) for part in parts])


def distinct(op: Op, rows: OpRows, design: Design) -> tuple[WorkStates, NDArray[np.int32]]:
    """Return the distinct rows as states, and each row's place among them."""
    _, first, index = np.unique(_code(rows), return_index=True, return_inverse=True)
    runs = rows.runs[first]
    cin, cout, out_rows, patch, batch, useful, fetch = (column[first] for column in _columns(rows))
    states = WorkStates(
        op=op,
        runs=runs,
        in_channels=cin,
        out_channels=cout,
        out_rows=out_rows,
        batch=batch,
        useful_macs=useful,
        weight_fetch_bytes=fetch,
        gathered_elements=_gathered_elements(op, cin, patch, design) * batch,
    )
    return states, index.astype(np.int32)


def numbered(code: Ints, bound: int) -> tuple[Ints, NDArray[np.intp]]:
    """Return the distinct codes, sorted, and the place of each among them; codes are below ``bound``."""
    if bound > _TABLE:
        return np.unique(code, return_inverse=True)
    present = np.zeros(bound, np.bool_)
    present[code] = True
    places = np.cumsum(present, dtype=np.intp)
    places -= 1
    return np.flatnonzero(present), places.take(code)


def _gathered_elements(op: Op, cin: Ints, patch: Ints, design: Design) -> Ints:
    """Elements of one input that are packed before the op can read them.

    Choice: scattered tiles are packed with their halo, compacted channels over the whole input; what is
    read whole is not packed.
    """
    if op.kind not in MAC_KINDS:
        return np.zeros(len(cin), np.int64)
    gathers = design.skip.packs and not design.skip.packed_outputs and op.kind != "matmul"
    compacted = gathers & (cin < op.in_channels)
    pixels = np.where(patch > 0, patch, np.where(compacted, op.in_height * op.in_width, 0))
    return np.asarray(pixels * cin, np.int64)


def _code(rows: OpRows) -> Ints:
    """Return one number per row, equal for equal work: the columns are its digits, kept below 2**62."""
    code, size = rows.runs.astype(np.int64), 2
    for column in _columns(rows):
        base = int(column.max(initial=0)) + 1
        if size * base >= 2**62:
            found, code = np.unique(code, return_inverse=True)
            size = len(found)
        if size * base >= 2**62:
            found, column = np.unique(column, return_inverse=True)  # noqa: PLW2901  # its rank tells as much
            base = len(found)
        code, size = code * base + column, size * base
    return code
