"""What each op of a network costs by itself: the table that static estimators print."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

from accel_models import (
    Compiler,
    Cost,
    CostAsked,
    Design,
    Shapes,
    place,
    plan,
    price_alike,
    shapes_of,
    whole_op,
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
    works = {size: whole_op(op, design, together) for size, op in first.items()}
    shapes = {size: shapes_of(op, batch=together) for size, op in first.items()}
    asked = [CostAsked(works[size], where, design) for size, where in zip(alike, placements, strict=True)]
    priced = price_alike(asked)
    costs = priced.each()
    if costs.misfit is not None:
        raise UnsupportedError(f"design {design.name!r}: {costs.misfit.reason}")
    peaks = unit_peaks(design)
    rows: dict[int, OpEstimate] = {}  # by the place of a cost, which equal ops on equal terms share
    for i, (op, at) in enumerate(zip(graph.ops, priced.place, strict=True)):
        if at not in rows:
            rows[at] = _row(op, shapes[alike[i]], costs[i], peaks.get(placements[i].unit, 0.0), together)
    named = (replace(rows[at], layer=op.name) for op, at in zip(graph.ops, priced.place, strict=True))
    return StaticTable(graph.name, design.title, tuple(named), together, graph.skipped)


def _alike(op: Op) -> tuple[object, ...]:
    """Return what decides what an op takes: all but names."""
    return len(op.inputs), *(value for name, value in vars(op).items() if name not in {"name", "inputs"})


def _unpriced(node: str, batch: int) -> dict[str, str | int | float]:
    """Return the row of what of a model has no price."""
    zeros = {field.name: 0 for field in fields(OpEstimate)}
    return {**zeros, "layer": node, "op": NOT_PRICED, "batch": batch}


def _row(op: Op, shapes: Shapes, cost: Cost, peak: float, batch: int) -> OpEstimate:
    compute, total = int(cost.compute_cycles[-1]), int(cost.alone_cycles[-1])
    macs = int(cost.macs[-1])
    return OpEstimate(
        layer=op.name,
        op=op.kind,
        M=int(shapes.m[0]),
        K=int(shapes.k[0]),
        N=int(shapes.n[0]),
        macs=macs,
        compute_cycles=compute,
        stall_cycles=total - compute,
        total_cycles=total,
        utilization=macs / (peak * total) if peak and total else 0.0,
        sram_bytes=int(cost.sram_bytes[-1]),
        dram_bytes=int(cost.dram_bytes[-1]),
        energy_pj=float(cost.energy.total_pj[-1]),
        batch=batch,
    )
