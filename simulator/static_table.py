"""What each op of a network costs by itself: the table that static estimators print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import NamedTuple

import numpy as np

from accel_models import (
    Compiler,
    CostAsked,
    Design,
    OpCosts,
    place,
    plan,
    price_alike,
    shapes_of_ops,
    whole_ops,
)
from simulator.policy import Policy
from simulator.replays.collect import unit_peaks
from traces import Card, NetworkGraph, Op, UnsupportedError, csv_text

NOT_PRICED = "not priced"  # in place of an op's kind


@dataclass(frozen=True, slots=True, kw_only=True)
class OpEstimate:
    """One op, dense, with no other beside it."""

    layer: str
    op: str
    M: int  # output pixels, of all inputs of the batch
    K: int  # reduction of one group
    N: int  # output channels of one group
    macs: int
    compute_cycles: int  # its unit works
    stall_cycles: int  # and waits for operands, or for its outputs to be stored
    total_cycles: int
    utilization: float  # MACs / (peak of its unit x total cycles)
    sram_bytes: int
    dram_bytes: int
    energy_pj: float  # without leakage
    batch: int  # inputs that all of this is for


@dataclass(frozen=True, slots=True, repr=False)
class StaticTable(Card):
    """A network's ops in program order."""

    network: str
    design: str  # with the values that were set
    rows: tuple[OpEstimate, ...]
    batch: int = 1  # inputs that the rows are for
    skipped: tuple[str, ...] = ()  # of the model, priced by no row
    command: str = ""  # what was typed, as a shell takes it, without where to write; "" from Python

    def facts(self) -> list[tuple[str, str]]:
        """Return what it is of and what all ops take."""
        cycles = sum(row.total_cycles for row in self.rows)
        return [
            ("network", self.network),
            ("design", self.design),
            ("ops", f"{len(self.rows):,}"),
            ("cycles", f"{cycles:,}"),
        ]

    def to_records(self) -> list[dict[str, str | int | float]]:
        """Return one mapping per op, for JSON or a data frame; what has no price is a row of zeros."""
        of: dict[str, str | int | float] = {"network": self.network, "design": self.design}
        priced = [asdict(row) | of for row in self.rows]
        return [*priced, *(_unpriced(name, self.batch) | of for name in self.skipped)]

    def to_csv(self) -> str:
        """Return the table as CSV text; the last three columns say of what it is, and by which command."""
        columns = [*(field.name for field in fields(OpEstimate)), "network", "design", "command"]
        return csv_text(columns, [row | {"command": self.command} for row in self.to_records()])


def estimate(graph: NetworkGraph, design: Design, batch: int | None = None) -> StaticTable:
    """Return what each op takes on the design when every gate is open and ops run one after the other.

    Tiles are chosen for each op by itself, not for a schedule that it is no part of; of ops that are alike one is
    priced.

    Parameters
    ----------
    graph, design
        The network and the accelerator.
    batch
        Inputs that run together; as many as one run of the model computes if left out.

    Raises
    ------
    UnsupportedError
        If an op does not fit the design; the message says what it needs.
    """
    together = Policy(batch=graph.batch if batch is None else batch).batch
    placements = place(graph, design, plan(graph, design, Compiler(), together))
    alike = [_alike(op) for op in graph.ops]
    first = dict(zip(reversed(alike), reversed(graph.ops), strict=True))
    works = dict(zip(first, whole_ops(list(first.values()), design, together), strict=True))
    asked = [CostAsked(works[size], where, design) for size, where in zip(alike, placements, strict=True)]
    costs = price_alike(asked).each()
    if costs.misfit is not None:
        raise UnsupportedError(f"design {design.name!r}: {costs.misfit.reason}")
    products = dict(zip(first, _products(list(first.values()), together), strict=True))
    peaks = unit_peaks(design)
    rows = tuple(
        _row(op, products[size], whole, peaks.get(where.unit, 0.0), together)
        for op, size, where, whole in zip(graph.ops, alike, placements, _whole(costs), strict=True)
    )
    return StaticTable(graph.name, design.title, rows, together, graph.skipped)


def _alike(op: Op) -> tuple[object, ...]:
    """Return what decides what an op takes: all but names."""
    return len(op.inputs), *(value for name, value in vars(op).items() if name not in {"name", "inputs"})


def _unpriced(node: str, batch: int) -> dict[str, str | int | float]:
    """Return the row of what of a model has no price."""
    zeros = {field.name: 0 for field in fields(OpEstimate)}
    return {**zeros, "layer": node, "op": NOT_PRICED, "batch": batch}


def _products(ops: Sequence[Op], batch: int) -> list[tuple[int, int, int]]:
    """Return M, K and N of each op's product, of so many inputs; ops of a kind are worked out together."""
    found: dict[int, tuple[int, int, int]] = {}
    kinds: dict[str, list[int]] = {}
    for i, op in enumerate(ops):
        kinds.setdefault(op.kind, []).append(i)
    for members in kinds.values():
        mine = [ops[i] for i in members]
        shapes = shapes_of_ops(
            mine,
            [1] * len(mine),
            (np.array([op.in_channels for op in mine]), np.array([op.out_channels for op in mine])),
            np.array([op.out_height for op in mine]),
            np.full(len(mine), batch),
        )
        sizes = zip(shapes.m.tolist(), shapes.k.tolist(), shapes.n.tolist(), strict=True)
        found.update(zip(members, sizes, strict=True))
    return [found[i] for i in range(len(ops))]


class _Whole(NamedTuple):
    """What a whole op takes."""

    macs: int
    compute: int  # [cycles]
    total: int  # [cycles]
    sram_bytes: int
    dram_bytes: int
    energy_pj: float


def _whole(costs: OpCosts) -> Iterator[_Whole]:
    """Yield what each whole op takes: its last state."""
    joint, last = costs.joint, costs.ends - 1
    counted = joint.macs, joint.compute_cycles, joint.alone_cycles, joint.sram_bytes, joint.dram_bytes
    return map(_Whole._make, zip(*(v[last].tolist() for v in (*counted, joint.energy.total_pj)), strict=True))


def _row(op: Op, product: tuple[int, int, int], whole: _Whole, peak: float, batch: int) -> OpEstimate:
    return OpEstimate(
        layer=op.name,
        op=op.kind,
        M=product[0],
        K=product[1],
        N=product[2],
        macs=whole.macs,
        compute_cycles=whole.compute,
        stall_cycles=whole.total - whole.compute,
        total_cycles=whole.total,
        utilization=whole.macs / (peak * whole.total) if peak and whole.total else 0.0,
        sram_bytes=whole.sram_bytes,
        dram_bytes=whole.dram_bytes,
        energy_pj=whole.energy_pj,
        batch=batch,
    )
