"""Replays of what a network would take if only some of it were real: the levels of a waterfall.

Products on a matrix unit come closer to what they take in ``ARRAY_STEPS``; transfers and all the rest follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from accel_models import FREE, Cost, OpCosts, Skip, deciding_gates, matrix_names, static_pj, unit_kind
from simulator.engines.fast import simulate
from simulator.engines.walk import SHARE_BITS, InputShares, Scaling
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import TICKS, Times, mapped, with_known_decisions
from simulator.schedules.schedule import Task
from traces import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One replay's time, and the energy that its time costs."""

    cycles: Floats  # (n,)
    static: Floats  # (n,) [pJ]

    @classmethod
    def of(cls, prepared: Prepared, times: Times, fine: int = 1) -> Level:
        """Return the level of a replay whose times are in parts of a cycle, ``fine`` of them."""
        cycles = times.latency / fine
        static = static_pj(prepared.design, prepared.schedule.units, cycles, times.busy / fine)
        return cls(cycles, static)


ARRAY_STEPS = (
    "useful",
    "usable",
    "computed",
    "bare",
    "gathered",
    "real",
)  # what products take, level by level


class Ideals:
    """Replays without gates, decisions known: first all at their share of MACs, then one class after the other."""

    def __init__(self, alone: Prepared, shares: Floats) -> None:
        self.alone = alone
        self.shares = shares
        self.parts = InputShares(np.rint(shares * (1 << SHARE_BITS)).astype(np.int64))
        units = alone.schedule.units
        matrix = matrix_names(alone.design)
        self.classes = [_class(task, alone, units, matrix) for task in alone.schedule.tasks]
        known, every = (deciding_gates(alone.graph, skip) for skip in (alone.design.skip, _ALL_SKIPPING))
        unusable = [one != other for one, other in zip(known, every, strict=True)]
        self.steps = [_ArraySteps.of(alone, i, lost) for i, lost in enumerate(unusable)]
        self.beside_dram = _beside_dram(alone.costs)  # of each op, energy of its states [pJ]
        self.ticks = alone.tables.by_op(np.where(alone.dynamic, 0, TICKS))  # of each entry's cycle
        self.products = [  # what the static network needs, and where in a table its states lie
            (self.steps[task.op], place)
            for task, place in zip(alone.schedule.tasks, alone.tables.places, strict=True)
            if task.kind == "compute" and self.steps[task.op].product and not alone.dynamic[task.op]
        ]

    def replays(self) -> list[Level]:
        """Return the levels: all at their share; products at each of ``ARRAY_STEPS``; transfers; the rest."""
        found = [self._replay(0, None)]
        before = None
        for step in ARRAY_STEPS:
            same = before is not None and all(each.equal(before, step) for each in self.steps)
            found.append(found[-1] if same else self._replay(1, step))
            before = step
        return [*found, self._replay(2, "real"), self._replay(3, "real")]

    def _replay(self, real: int, step: str | None) -> Level:
        """Replay with the first ``real`` classes (products, transfers, the rest) at their own cycles."""
        alone = self.alone

        def fine(table: Ints) -> Ints:
            found: Ints = table * self.ticks
            if step is not None and step != "real":
                for product, place in self.products:
                    found[place] = product.at(step, table[place])
            return found

        tables = mapped(with_known_decisions(alone.tables), fine)
        scaled = np.array([kind >= real for kind in self.classes], np.bool_)
        times = simulate(tables, alone.work.state_index, scaling=Scaling(scaled, self.parts))
        return Level.of(alone, times, TICKS)

    def moving_pj(self) -> list[Floats]:
        """Return the energy but static, of all but gates, at the levels of :meth:`replays`."""
        levels = [
            (0, ""), *((1, step) for step in ARRAY_STEPS), (2, "real"), (3, "real")
        ]  # fmt: skip
        totals = [np.zeros(len(self.shares)) for _ in levels]
        for i in np.flatnonzero(~self.alone.dynamic).tolist():
            states = self.alone.work.state_index[:, i].astype(np.intp)
            dram, own, step_of = self.alone.costs[i].energy.dram_pj, self.beside_dram[i], self.steps[i]
            dram_real, dram_shared = dram.take(states), dram[-1] * self.shares
            own_real, own_shared = own.take(states), own[-1] * self.shares
            for total, (real, step) in zip(totals, levels, strict=True):
                if real <= (0 if step_of.product else 2):
                    moved = own_shared
                elif step in step_of.shares:
                    moved = (step_of.shares[step] * own[-1]).take(states)
                else:
                    moved = own_real
                np.add(total, dram_real if real > 1 else dram_shared, out=total)
                np.add(total, moved, out=total)
        return totals


@dataclass(frozen=True, slots=True, eq=False)
class _ArraySteps:
    """What one op's states take at each of ``ARRAY_STEPS``; anything but a product takes its own time at all."""

    product: bool  # runs on a matrix unit and has MACs
    shares: Mapping[str, Floats]  # of the whole op's cycles, shape (states,)
    cost: Cost

    @classmethod
    def of(cls, alone: Prepared, i: int, unusable: bool) -> _ArraySteps:
        """Return those of op i; ``unusable``: some gate over it is of a kind the design cannot use."""
        cost, unit = alone.costs[i], alone.placements[i].unit
        whole = float(cost.macs[-1])
        product = unit != FREE and unit_kind(unit).matrix and whole > 0
        if not product:
            return cls(product, {}, cost)
        useful, computed = cost.useful_macs / whole, cost.macs / whole
        usable = computed if unusable else useful
        return cls(product, {"useful": useful, "usable": usable, "computed": computed}, cost)

    def equal(self, one: str, other: str) -> bool:
        """Whether two steps take the same."""
        if not self.product:
            return True
        return bool(np.array_equal(self._cycles(one), self._cycles(other)))

    def _cycles(self, step: str) -> Floats:
        cost = self.cost
        if step in self.shares:
            return np.asarray(self.shares[step] * cost.compute_cycles[-1])
        promised = self.shares["computed"] * float(cost.control_cycles[-1])  # in the dense network's time too
        control = cost.control_cycles - promised
        left = {"bare": cost.gather_cycles + control, "gathered": control}
        return np.asarray(np.maximum(cost.compute_cycles - left.get(step, 0), 0), np.float64)

    def at(self, step: str, cycles: Ints) -> Ints:
        """Return a table of a product at a step before the real one, in ticks."""
        share = self.shares.get(step)
        left = np.minimum(cycles, self._cycles(step)) if share is None else share * float(cycles[-1])
        return np.asarray(np.rint(left * TICKS), np.int64)


_ALL_SKIPPING = Skip(layers=True, channels="compact", spatial=True)


def _class(task: Task, alone: Prepared, units: tuple[str, ...], matrix: frozenset[str]) -> int:
    """Return 0 for products on a matrix unit, 1 for a transfer, 2 for the rest."""
    if task.kind not in {"compute", "handover"}:
        return 1
    product = task.kind == "compute" and task.unit >= 0 and units[task.unit] in matrix
    return 0 if product and alone.graph.ops[task.op].macs > 0 else 2


def _beside_dram(costs: OpCosts) -> list[Floats]:
    energy = costs.joint.energy
    return np.split(replace(energy, dram_pj=np.zeros_like(energy.dram_pj)).total_pj, costs.starts[1:])
