"""Why a network takes on a design what it takes: the losses in words, and per op what it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.words import change_words, percent
from simulator import Explained, Loss, OpRow, Results
from traces import Card

# What bounds an op, as results call it: in words.
BOUNDS: Mapping[str, str] = {
    "compute": "its unit's work",
    "memory": "transfers",
    "gate": "its decision",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A loss of the waterfall, as a share of the dense network."""

    name: str
    latency: float
    energy: float
    remedy: str
    latency_other: float | None = (
        None  # if waits for decisions counted before their compute, where it matters
    )
    energy_other: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundOps:
    """Ops that one resource bounds."""

    resource: str  # in words
    unit: str
    ops: int
    share: float  # of the cycles that all units are busy or wait for decisions [0..1]
    largest: tuple[str, ...]  # the ops that take longest of them, at most three


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Why(Card):
    """An explanation of one replay."""

    network: str
    design: str
    promised: float  # share of the dense network's latency that MACs promise
    saved: float  # really
    energy_promised: float
    energy_saved: float
    losses: tuple[Held, ...]  # largest share of latency first, gains last
    bounds: tuple[BoundOps, ...]  # largest share first
    notes: tuple[str, ...] = ()  # to be read before the figures, as a replay has them
    skipped: tuple[str, ...] = ()  # of the model, what has no price

    def facts(self) -> list[tuple[str, str]]:
        """Return what it is of, and the answer in short."""
        of = [("network", self.network), ("design", self.design)]
        return [
            *of,
            ("latency", change_words(self.saved, "faster", "slower")),
            (
                "energy",
                change_words(self.energy_saved, "less", "more"),
            ),
        ]

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        lost = [held for held in self.losses if held.latency >= 0.0005]
        named = " and ".join(f"{held.name} ({percent(held.latency)})" for held in lost[:2])
        why = f"; what is missing went to {named}" if lost else ""
        macs = f"the MACs it skips promise {percent(self.promised)} of the dense network's time"
        if self.promised == 0 and not lost:
            return "nothing is skipped: it has no gates, or all of them are open for every input"
        if self.promised < 0:
            macs = f"it does {percent(-self.promised)} more MACs than the dense network"
        return f"{macs}, really it is {change_words(self.saved, 'faster', 'slower')}{why}"


def explain_results(results: Results) -> Why:
    """Return why a replay took what it took.

    Raises
    ------
    UnsupportedError
        If the network does not fit, or was replayed without explaining.
    """
    figures = results.explained
    latency, energy = figures.waterfall.latency, figures.waterfall.energy
    return Why(
        network=figures.network,
        design=results.design.title,
        promised=latency.ideal_saved / latency.dense,
        saved=latency.saved / latency.dense,
        energy_promised=energy.ideal_saved / energy.dense,
        energy_saved=energy.saved / energy.dense,
        losses=_losses(figures),
        bounds=_bounds(results.ops),
        notes=results.notes,
        skipped=figures.skipped,
    )


def _losses(figures: Explained) -> tuple[Held, ...]:
    def other(loss: Loss, dense: float) -> float | None:
        return None if loss.other is None else loss.other / dense

    wholes = figures.waterfall.latency.dense, figures.waterfall.energy.dense
    pairs = zip(figures.waterfall.latency.losses, figures.waterfall.energy.losses, strict=True)
    held = [
        Held(
            name=time.name,
            latency=time.amount / wholes[0],
            energy=power.amount / wholes[1],
            remedy=time.remedy,
            latency_other=other(time, wholes[0]),
            energy_other=other(power, wholes[1]),
        )
        for time, power in pairs
    ]
    return tuple(sorted(held, key=lambda each: -each.latency))


def _bounds(ops: tuple[OpRow, ...]) -> tuple[BoundOps, ...]:
    """Return the ops by what bounds them and where they run."""
    total = sum(_cycles(op) for op in ops) or 1.0
    found: dict[tuple[str, str], list[OpRow]] = {}
    for op in ops:
        if _cycles(op) > 0:
            found.setdefault((op.bound, op.unit), []).append(op)
    bounds = [
        BoundOps(
            resource=BOUNDS[bound],
            unit=unit,
            ops=len(rows),
            share=sum(map(_cycles, rows)) / total,
            largest=tuple(row.op for row in sorted(rows, key=_cycles, reverse=True)[:3]),
        )
        for (bound, unit), rows in found.items()
    ]
    return tuple(sorted(bounds, key=lambda each: -each.share))


def _cycles(op: OpRow) -> float:
    return op.cycles_mean + op.gate_wait_cycles_mean
