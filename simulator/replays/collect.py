"""Gathers a replay part by part into results."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel_models import ENERGY_PARTS, Design, Misfit, design_prices, units_of
from simulator.policy import Policy
from simulator.replays.accounting import Answer, OpTotals, Runs, add_ops, op_rows, spent
from simulator.replays.prepare import Prepared
from simulator.replays.waterfall import LevelSums
from simulator.results import Results
from simulator.summary import DoesNotFit, Estimate, Explained, Replayed, Spread, waterfalls
from traces import NO_ANSWER, Floats, Ints, Trace, Workload


class Collector:
    """Adds up the parts of a trace and hands out the results."""

    def __init__(
        self, first: Trace, design: Design, policy: Policy, engine: str, trace_hash: TraceHash
    ) -> None:
        self.design = design
        self.policy = policy
        self.engine = engine
        self.graph = first.graph
        self.hash = trace_hash  # fed with every part by whoever holds them
        self.inputs = 0
        self.batches = 0
        self.columns: list[dict[str, NDArray[Any]]] = []
        self.totals = [OpTotals() for _ in first.graph.ops]
        self.ops = False
        self.busy: dict[str, int] = {}
        self.row_cycles = 0
        self.levels: LevelSums | None = None
        self.mean_rate = np.zeros(2)
        self.expected = np.zeros(2)
        self.prepared: Prepared | None = None
        self.timeline = ""

    def add(self, part: Trace, workload: Workload, replayed: Runs, groups: Ints | None, *, ops: bool) -> None:
        """Add one part, replayed; ``ops``: what each op takes too."""
        prepared, times = replayed.prepared, replayed.times
        self.prepared = prepared
        self.columns.append(_columns(part, workload, replayed, groups, (self.inputs, self.batches)))
        self.inputs += len(part)
        self.batches += len(prepared.work)
        for total, useful in zip(self.totals, prepared.work.useful_macs, strict=True):
            total.useful_macs += useful
        self.ops = ops
        if ops:
            add_ops(self.totals, prepared, times)
        self.row_cycles += int(times.latency.sum())
        for k, unit in enumerate(prepared.schedule.units):
            self.busy[unit] = self.busy.get(unit, 0) + int(times.busy[:, k].sum())

    def explain(
        self, levels: LevelSums, mean_rate: Answer, expected: Answer, inputs: int, added: Floats
    ) -> None:
        """Add what one part's idealised replays found; static estimates are per input, ``added`` is of each op."""
        for total, cycles in zip(self.totals, added, strict=True):
            total.latency = total.latency + cycles
        self.levels = levels if self.levels is None else self.levels + levels
        self.mean_rate += np.array(mean_rate) * inputs
        self.expected += np.array(expected) * inputs

    def does_not_fit(self, misfit: Misfit, inputs: int) -> Results:
        """Return the results of a network that does not fit."""
        figures = DoesNotFit(
            network=self.graph.name,
            design=self.design.name,
            design_hash=self.design.hash,
            seed=self.policy.seed,
            engine=self.engine,
            scaled_energy=design_prices(self.design).scaled,
            inputs=inputs,
            batch=self.policy.batch,
            skipped=self.graph.skipped,
            reason=misfit.reason,
            demand=misfit.demand_bytes,
            bound=misfit.bound_bytes,
        )
        return Results(figures, self.design, self.policy, {}, ())

    def results(self, dense_macs: int, dense: Answer, notes: tuple[str, ...]) -> Results:
        """Return the results of everything added; ``dense`` is the dense network's answer, ``notes`` are for people."""
        if self.prepared is None:
            raise AssertionError("no part was added")
        first = self.columns[0]
        columns = first
        if len(self.columns) > 1:
            columns = {name: np.concatenate([part[name] for part in self.columns]) for name in first}
        peaks = unit_peaks(self.design)
        figures = self._replayed(columns, peaks, (dense_macs, dense), notes)
        if self.levels is not None:
            figures = self._explained(figures, self.levels, dense)
        rows = op_rows(self.prepared, self.totals, self.inputs, peaks) if self.ops else []
        return Results(figures, self.design, self.policy, columns, tuple(rows), self.timeline)

    def _replayed(
        self,
        columns: dict[str, NDArray[Any]],
        peaks: dict[str, float],
        dense_network: tuple[int, Answer],
        notes: tuple[str, ...],
    ) -> Replayed:
        macs, (dense_macs, dense) = float(columns["macs"].mean()), dense_network
        kept = macs / dense_macs if dense_macs else 1.0
        return Replayed(
            network=self.graph.name,
            design=self.design.name,
            design_hash=self.design.hash,
            trace_hash=self.hash.hexdigest(),
            seed=self.policy.seed,
            engine=self.engine,
            scaled_energy=design_prices(self.design).scaled,
            inputs=self.inputs,
            batch=self.policy.batch,
            skipped=self.graph.skipped,
            accuracy=float(columns["correct"].mean()) if np.any(columns["label"] != NO_ANSWER) else None,
            macs=macs,
            latency_us=Spread.of(columns["latency_us"]),
            energy_uj=Spread.of(columns["energy_pj"] * 1e-6),
            dram_bytes=float(columns["dram_bytes"].mean()),
            wasted_bytes=float(columns["wasted_bytes"].mean()),
            gate_wait_us=float(columns["gate_wait_cycles"].mean()) * self._us,
            utilization=self._utilization(peaks),
            busy={unit: cycles / max(self.row_cycles, 1) for unit, cycles in self.busy.items()},
            dense=self._estimate(float(dense_macs), dense),
            mac_proportional=self._estimate(macs, (dense[0] * kept, dense[1] * kept)),
            notes=notes,
        )

    def _explained(self, figures: Replayed, levels: LevelSums, dense: Answer) -> Explained:
        """Return the figures with the other answers to the same question."""
        n, macs = self.inputs, figures.macs
        return Explained(
            **dict(figures),
            mean_rate=self._estimate(macs, (self.mean_rate[0] / n, self.mean_rate[1] / n)),
            expected=self._estimate(macs, (self.expected[0] / n, self.expected[1] / n)),
            oracle=self._estimate(macs, (levels.oracle_cycles / n, levels.oracle_pj / n)),
            waterfall=waterfalls(levels, dense, n, self.design.clock),
        )

    @property
    def _us(self) -> float:
        """Microseconds of a cycle."""
        return 1e6 / self.design.clock

    def _estimate(self, macs: float, answer: Answer) -> Estimate:
        return Estimate(macs=macs, latency_us=answer[0] * self._us, energy_uj=answer[1] * 1e-6)

    def _utilization(self, peaks: dict[str, float]) -> dict[str, float]:
        """Return useful MACs of each kind of unit over what it could have done in the time."""
        placements = self.prepared.placements if self.prepared else ()
        counts = {unit.name: len(unit.names(self.design)) for unit in units_of(self.design)}
        found = {}
        for kind, peak in peaks.items():
            used = sum(
                total.useful_macs
                for total, placement in zip(self.totals, placements, strict=True)
                if placement.unit == kind
            )
            found[kind] = used / (peak * counts[kind] * max(self.row_cycles, 1))
        return found


def _columns(
    part: Trace, workload: Workload, replayed: Runs, groups: Ints | None, before: tuple[int, int]
) -> dict[str, NDArray[Any]]:
    """Return the rows of ``per_input`` of one part; ``before`` counts earlier inputs and batches."""
    prepared, times = replayed.prepared, replayed.times
    us = 1e6 / prepared.design.clock
    paid = spent(prepared, times)
    share = _Share(len(part), groups)
    energy = {name: share.equally(getattr(paid.energy, name)) for name in ENERGY_PARTS}
    latency = share.whole(times.latency)
    columns: dict[str, NDArray[Any]] = {
        "input": before[0] + np.arange(len(part), dtype=np.int64),
        "label": part.labels,
        "prediction": part.predictions,
        "correct": part.labels == part.predictions,
        "macs": workload.macs,
        "latency_cycles": latency,
        "latency_us": latency * us,
        "energy_pj": np.sum(list(energy.values()), axis=0),
        **{f"energy_{name}": values for name, values in energy.items()},
        "dram_bytes": share.in_whole_units(paid.dram_bytes),
        "wasted_bytes": share.in_whole_units(paid.wasted_bytes),
        "gate_wait_cycles": share.whole(replayed.prompt.latency - replayed.known.latency),
    }
    for k, unit in enumerate(prepared.schedule.units):
        columns[f"busy_{unit}_cycles"] = share.whole(times.busy[:, k])
    columns["batch"] = before[1] + share.row
    return columns


class _Share:
    """Spreads what rows took over the inputs of each; alone in its row an input takes it all."""

    def __init__(self, inputs: int, groups: Ints | None) -> None:
        self.row = np.arange(inputs, dtype=np.int64)  # (n,), row of each input
        self.seat = np.zeros(inputs, np.int64)  # (n,), its place among the row's inputs
        self.size = np.ones(inputs, np.int64)  # (n,), inputs in its row
        self.alone = groups is None
        if groups is not None:
            rows, seats = np.nonzero(groups >= 0)
            members = groups[rows, seats]
            self.row[members], self.seat[members] = rows, seats
            self.size = (groups >= 0).sum(axis=1)[self.row]

    def whole(self, values: Ints) -> Ints:
        """Return to each input what its row took: time is shared by all."""
        return values if self.alone else values[self.row]

    def equally(self, values: Floats) -> Floats:
        """Divide what a row took."""
        return values if self.alone else np.asarray(values[self.row] / self.size, np.float64)

    def in_whole_units(self, values: Ints) -> Ints:
        """Divide what a row took; what is left over goes to its first inputs, one unit each."""
        if self.alone:
            return values
        each, rest = np.divmod(values[self.row], self.size)
        return np.asarray(each + (self.seat < rest), np.int64)


def unit_peaks(design: Design) -> dict[str, float]:
    """Return the MACs per cycle of one unit of each kind."""
    return {unit.name: unit.peak_macs_per_cycle(design) for unit in units_of(design)}


class TraceHash:
    """SHA-256 over graph, answers and decisions, whatever parts they come in; first 16 hex digits."""

    def __init__(self, first: Trace) -> None:
        names = ["label", "prediction", *(gate.name for gate in first.graph.gates)]
        self.columns = {name: hashlib.sha256() for name in names}
        self.graph = first.graph.model_dump_json()

    def add(self, part: Trace) -> None:
        """Add a part."""
        values = {"label": part.labels, "prediction": part.predictions, **part.decisions}
        for name, digest in self.columns.items():
            digest.update(np.ascontiguousarray(values[name]).tobytes())

    def hexdigest(self) -> str:
        """Return the hash of what was added."""
        whole = hashlib.sha256(self.graph.encode())
        for digest in self.columns.values():
            whole.update(digest.digest())
        return whole.hexdigest()[:16]
