"""The figures of a replay: what ``summary.json`` holds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from simulator.replays.waterfall import LOSSES, REMEDIES, LevelSums
from traces import Card, Frozen

# Of a results folder; major: readers refuse another; 1.1: SHA256SUMS beside it; 1.2: skipped, losses in either order;
# 1.3: what ops add to the latency, notes, batch; 1.4: command, and of streams the deadline.
RESULTS_SCHEMA_VERSION = "1.4"
MODEL_VERSION = "1.3"  # of everything that decides a number


Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
SummedShare = Annotated[float, Field(ge=0, le=1 + 1e-9)]  # sums of floats may be a hair above


def in_digits(value: float) -> str:
    """Return four digits of a figure, and all of a whole part that has more."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


class Spread(Frozen):
    """A quantity over inputs; percentiles interpolate linearly."""

    mean: Amount
    p50: Amount
    p95: Amount
    p99: Amount
    max: Amount

    @classmethod
    def of(cls, values: ArrayLike) -> Spread:
        """Return the spread of one value or more."""
        data = np.asarray(values, np.float64)
        p50, p95, p99 = (float(p) for p in np.percentile(data, (50, 95, 99)))
        return cls(mean=float(data.mean()), p50=p50, p95=p95, p99=p99, max=float(data.max()))


class Estimate(Frozen):
    """Another way to answer the same question; per input."""

    macs: Amount
    latency_us: Amount
    energy_uj: Amount


class Loss(Frozen):
    """One step of a waterfall; a negative amount is a gain."""

    name: str
    amount: int
    remedy: str = ""  # what an architect, a compiler or a trainer can do about it
    other: int | None = (
        None  # the amount if waits for decisions counted before their compute, where it matters
    )


class Waterfall(Frozen):
    """From what MACs promise to what is saved, in whole units per input; adds up exactly.

    ``ideal_saved`` - sum of the losses = ``saved``, and ``dense`` - ``saved`` is the mean of the replay.
    """

    unit: str  # "ps" or "fJ"
    dense: int
    ideal_saved: int  # dense x share of MACs saved
    losses: tuple[Loss, ...]
    saved: int

    @model_validator(mode="after")
    def _check(self) -> Self:
        lost = sum(loss.amount for loss in self.losses)
        if self.ideal_saved - lost != self.saved:
            raise ValueError(f"{self.ideal_saved} - {lost} {self.unit} of losses are not {self.saved} saved")
        return self


class Waterfalls(Frozen):
    """Where savings went."""

    latency: Waterfall
    energy: Waterfall


class _Facts(Card, Frozen):
    """What is known of a replay however it ends."""

    schema_version: str = RESULTS_SCHEMA_VERSION
    model_version: str = MODEL_VERSION
    network: str
    design: str
    design_hash: str
    seed: int
    engine: str
    scaled_energy: bool = False  # prices were scaled over process nodes: read energies with a band of x/÷ 2
    inputs: int
    batch: int = 1  # inputs that run together: latency is that of the whole batch, all else is per input
    skipped: tuple[str, ...] = ()  # what the model does and nothing here prices, as its reader was asked to
    notes: tuple[
        str, ...
    ] = ()  # to be read before the figures: gates that the design cannot use, what nothing sorts
    command: str = ""  # what was typed, as a shell takes it, without where to write; "" from Python

    def facts(self) -> list[tuple[str, str]]:
        """Return what was replayed, and what it took where it fits."""
        told = [("network", self.network), ("design", self.design), ("inputs", f"{self.inputs:,}")]
        if isinstance(self, Replayed):
            latency, energy = self.latency_us, self.energy_uj
            told += [
                ("latency", f"{in_digits(latency.mean)} us (p99 {in_digits(latency.p99)})"),
                ("energy", f"{in_digits(energy.mean)} uJ"),
            ]
        return told


class DoesNotFit(_Facts):
    """The network does not fit the design: why, and by how much."""

    feasible: Literal[False] = False
    reason: str
    demand: int | None = None  # what the smallest tile needs, if a buffer is too small [B]
    bound: int | None = None  # what is there [B]


class Replayed(_Facts):
    """Figures of a replay; means are over inputs, and the latency of an input is that of its whole batch."""

    trace_hash: str
    feasible: Literal[True] = True
    accuracy: SummedShare | None  # None where no label is known
    macs: Amount
    latency_us: Spread
    energy_uj: Spread
    dram_bytes: Amount
    wasted_bytes: Amount
    gate_wait_us: Amount
    utilization: dict[str, SummedShare]  # useful MACs / (peak x cycles), per computing unit
    busy: dict[str, SummedShare]  # share of the time that each unit works
    dense: Estimate
    mac_proportional: Estimate


class Explained(Replayed):
    """Figures of a replay beside those of its idealisations: where savings went."""

    mean_rate: Estimate  # as published estimators do it
    expected: Estimate  # expected task times, decisions waited for: the best static estimate
    oracle: Estimate
    waterfall: Waterfalls

    @property
    def answers(self) -> dict[str, Estimate]:
        """What a replay is held against, by its word in docs/nomenclature.md."""
        return {
            "dense": self.dense,
            "MAC-proportional": self.mac_proportional,
            "mean rate": self.mean_rate,
            "expected": self.expected,
            "oracle": self.oracle,
        }


Summary = Replayed | DoesNotFit

# What summary.json holds, in its order, and what stands there for a figure that a replay does not have.
_KEYS = (
    "schema_version", "model_version", "network", "design", "design_hash", "trace_hash", "seed", "engine",
    "feasible", "reason", "demand", "bound", "scaled_energy", "inputs", "batch", "skipped", "notes", "command",
    "accuracy", "macs", "latency_us", "energy_uj", "dram_bytes", "wasted_bytes", "gate_wait_us", "utilization",
    "busy", "dense", "mean_rate", "expected", "mac_proportional", "oracle", "waterfall",
)  # fmt: skip
_ABSENT: dict[str, object] = {"trace_hash": "", "reason": "", "utilization": {}, "busy": {}}  # others: null


def summary_json(summary: Summary) -> dict[str, object]:
    """Return what ``summary.json`` holds: the same keys however a replay ends."""
    known = summary.model_dump(mode="json")
    return {key: known.get(key, _ABSENT.get(key)) for key in _KEYS}


def summary_of(data: Mapping[str, object]) -> Summary:
    """Return the summary that :func:`summary_json` wrote; pydantic's ``ValidationError`` if it is none."""
    kind = DoesNotFit if data.get("feasible") is False else Explained if data.get("waterfall") else Replayed
    absent = [key for key in _KEYS if key not in kind.model_fields and data.get(key) == _ABSENT.get(key)]
    return kind.model_validate({key: value for key, value in data.items() if key not in absent})


_EITHER_ORDER = ("gate compute", "decision wait")  # where they overlap, either can count first


def waterfalls(levels: LevelSums, dense: tuple[float, float], inputs: int, clock_hz: float) -> Waterfalls:
    """Return both waterfalls from sums over inputs; ``dense`` holds cycles and energy [pJ] of the dense network."""
    ps = 1e12 / clock_hz
    return Waterfalls(
        latency=_waterfall(
            "ps", dense[0] * ps, levels.cycles * (ps / inputs), levels.free_cycles * ps / inputs
        ),
        energy=_waterfall(
            "fJ", dense[1] * 1e3, levels.energy_pj * (1e3 / inputs), levels.free_pj * 1e3 / inputs
        ),
    )


def _waterfall(unit: str, dense: float, steps: ArrayLike, free: float) -> Waterfall:
    """Round every level once; the differences of whole numbers then add up exactly, in either order."""
    whole, level = round(dense), [round(float(step)) for step in np.asarray(steps)]
    uneven, *losses = [after - before for before, after in pairwise(level[1:])]
    losses[LOSSES.index("array rounding")] += uneven
    losses[LOSSES.index("fixed work")] += level[1] - level[0]
    compute, wait = (LOSSES.index(name) for name in _EITHER_ORDER)
    both = losses[compute] + losses[wait]
    waited = round(free) - level[compute + 2]  # the level before gates compute is two behind its loss
    others = {compute: both - waited, wait: waited}
    return Waterfall(
        unit=unit,
        dense=whole,
        ideal_saved=whole - level[0],
        losses=tuple(
            Loss(
                name=name,
                amount=lost,
                remedy=REMEDIES[name],
                other=others[i] if i in others and others[i] != lost else None,
            )
            for i, (name, lost) in enumerate(zip(LOSSES, losses, strict=True))
        ),
        saved=whole - level[-1],
    )
