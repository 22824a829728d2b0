"""Export a design's cost of each op by its active channels, for training towards that design.

The file is JSON; ``networks.training.cost_table`` reads it and interpolates between the knots::

    {"format": "lacuna-cost-table", "format_version": 1, "unit": "pJ", "design": "edge_npu_16x16",
     "ops": {"block1.conv1": {"in_channels": [0, 8, 16], "out_channels": [0, 8, 16], "cost": [[0, 0, 0], ...]}}}

Ops are placed as a compiler leaves them: scores that join an output stage, fused sums, and weights that stay cost what
they cost there; what its producer takes over has no row.  Costs are of one op alone, from its first byte asked for to
its last one stored; energy without leakage.  What ops hide behind each other only a replay can tell.

A design that leaves out whole groups of channels, or none, computes more channels than are kept.  Choice: the table
prices the channels it computes on average, were the kept ones anywhere with equal chance; so training towards such
a design is not paid for channels that it would compute anyway.  Gates that decide about aligned groups keep whole
ones: ``group`` says so, and the knots are then at whole groups.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Literal, assert_never

import numpy as np

from accel_models.compiling.places import place
from accel_models.compiling.plan import plan
from accel_models.compiling.steps import Compiler
from accel_models.cost import FREE, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.design.sections import Skip
from accel_models.units.pricing import price
from traces import (
    COST_TABLE_VERSION,
    ConfigError,
    Floats,
    Ints,
    NetworkGraph,
    Op,
    UnsupportedError,
    atomic_write,
)

TableUnit = Literal["cycles", "pJ"]
KNOTS = 17  # Choice: per axis; a staircase of 16-wide folds over 256 channels keeps its steps


def cost_table(
    graph: NetworkGraph, design: Design, unit: TableUnit, compiler: Compiler | None = None, group: int = 1
) -> dict[str, object]:
    """Return the table of every op that multiplies and every op on the way between them.

    Parameters
    ----------
    graph
        The dynamic network; the gates' own ops are priced too.
    design
        The accelerator.
    unit
        ``"cycles"`` of the design's clock, or ``"pJ"``.
    compiler
        Which steps a compiler takes; all of them unless given.  Sorting moves no price: see above.
    group
        Neighbouring channels that the network's gates keep or skip together (``channel_group`` of its training).

    Raises
    ------
    ConfigError
        If the design's own groups and these do not nest.
    UnsupportedError
        If an op does not fit the design.
    """
    _check_group(group, design.skip)
    placed = place(graph, design, plan(graph, design, compiler or Compiler()))
    ops = {
        op.name: _op_table(op, placement, design, unit, group)
        for op, placement in zip(graph.ops, placed, strict=True)
        if placement.unit != FREE
    }
    return {
        "format": "lacuna-cost-table",
        "format_version": COST_TABLE_VERSION,
        "unit": unit,
        "design": design.name,
        "ops": ops,
    }


def save_cost_table(graph: NetworkGraph, design: Design, unit: TableUnit, path: Path, group: int = 1) -> None:
    """Write the table as JSON, atomically."""
    content = json.dumps(cost_table(graph, design, unit, group=group))
    with atomic_write(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def channel_knots(channels: int, group: int = 1) -> Ints:
    """Return at most :data:`KNOTS` counts of whole groups from 0 to ``channels``, evenly spread.

    Channels that ``group`` does not divide are of no gate: all or nothing.
    """
    if channels % group:
        return np.array([0, channels])
    groups = channels // group
    return group * np.unique(np.round(np.linspace(0, groups, min(KNOTS, groups + 1))).astype(np.int64))


def _check_group(group: int, skip: Skip) -> None:
    """Refuse groups that lie across the design's own."""
    if group < 1:
        raise ConfigError(f"group = {group}: needs at least 1 channel")
    if skip.channels == "tile" and group % skip.group and skip.group % group:
        raise ConfigError(
            f"group = {group}: the design's skip.group = {skip.group}; one must divide the other"
        )


def _op_table(op: Op, placement: Placement, design: Design, unit: TableUnit, group: int) -> dict[str, object]:
    rows, cols = channel_knots(op.in_channels, group), channel_knots(op.out_channels, group)
    grid = np.stack(np.meshgrid(rows, cols, indexing="ij")).reshape(2, -1)
    cost = price(_work(op, grid[0], grid[1], design, group), placement, design)
    if cost.misfit is not None:
        raise UnsupportedError(f"design {design.name!r}: {cost.misfit.reason}")
    values = cost.energy.total_pj if unit == "pJ" else cost.alone_cycles
    return {
        "in_channels": rows.tolist(),
        "out_channels": cols.tolist(),
        "cost": _rising(np.asarray(values, np.float64).reshape(len(rows), len(cols))).tolist(),
    }


def _rising(grid: Floats) -> Floats:
    """Return the running maximum along both axes: whole bursts can make one more channel a few cycles cheaper.

    Choice: training must not be paid for keeping a channel.
    """
    return np.asarray(np.maximum.accumulate(np.maximum.accumulate(grid, axis=0), axis=1))


def computed_channels(kept: Ints, channels: int, skip: Skip, group: int = 1) -> Ints:
    """Return how many of ``channels`` a design computes on average where ``kept`` of them are, rounded up.

    ``group`` neighbours are kept or skipped together; where it does not divide ``channels``, all are.
    """
    if channels % group:
        group = channels
    match skip.channels:
        case "none":
            counts = np.where(kept > 0, channels, 0)
        case "compact":
            counts = kept
        case "tile":
            gated = channels // group  # groups that gates keep or skip
            theirs = max(skip.group // group, 1)  # of them in one of the design's
            sizes = [min(theirs, gated - start) for start in range(0, gated, theirs)]
            counts = np.array(
                [group * sum(size * _touched(size, int(k) // group, gated) for size in sizes) for k in kept]
            )
        case "prefix":  # the mean of the largest of k places
            counts = kept * (channels + group) / (kept + group)
        case _:
            assert_never(skip.channels)
    return np.ceil(np.round(counts, 9)).astype(np.int64)


def _touched(size: int, kept: int, channels: int) -> float:
    """Chance that at least one of ``kept`` channels (or groups of them) out of ``channels`` is among ``size``."""
    return 1.0 - math.comb(channels - size, kept) / math.comb(channels, kept)


def _work(op: Op, cin: Ints, cout: Ints, design: Design, group: int) -> WorkStates:
    """Return the states of every pair of counts of kept channels."""
    states = len(cin)
    runs = (cin > 0) & (cout > 0)
    useful = np.where(runs, cin / op.in_channels * cout / op.out_channels, 0.0)
    cin = computed_channels(cin, op.in_channels, design.skip, group)
    cout = computed_channels(cout, op.out_channels, design.skip, group)
    fetched = np.where(runs, cin / op.in_channels * cout / op.out_channels, 0.0)
    width = design.memory.weight_bits if design.memory else 8
    return WorkStates(
        op=op,
        runs=runs,
        in_channels=cin,
        out_channels=cout,
        out_rows=np.full(states, op.out_height),
        batch=np.ones(states, np.int64),
        useful_macs=np.ceil(op.macs * useful).astype(np.int64),
        weight_fetch_bytes=np.ceil(op.weight_count * fetched * width / 8).astype(np.int64),
        gathered_elements=np.zeros(states, np.int64),
    )
