"""What would help: a replay with each resource of a design made better alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel_models import Design, altered, design_area, spell
from analysis.names import RESOURCES
from simulator import Policy, Replayed, Views, replay
from traces import Card, ConfigError, Trace, load_inputs

if TYPE_CHECKING:
    import pandas as pd

# A time is made shorter, all else is made larger.
_SMALLER = frozenset({"memory.dram.latency", "memory.tile_overhead_cycles", "gate_handover"})
_QUANTITIES: Mapping[str, str] = {
    "memory.activation_buffer": "size",
    "memory.weight_buffer": "size",
    "memory.accumulator_buffer": "size",
    "memory.dram.bandwidth": "bandwidth",
    "memory.dram.latency": "time",
    "gate_handover": "time",
    "clock": "frequency",
}
# Lanes go together: a vector unit with more of one precision has wider registers.
_TOGETHER: Mapping[str, tuple[str, ...]] = {"simd.lanes_int8": ("simd.lanes_int16", "simd.lanes_fp32")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A resource made better by a factor, all else as it was."""

    name: str
    path: str
    before: str  # as a design file spells it
    after: str
    latency_us: float = float("nan")  # mean over inputs
    latency_us_p99: float = float("nan")
    energy_uj: float = float("nan")
    dense_latency_us: float = float("nan")
    area_mm2: float = float("nan")
    problem: str = ""  # why such a design cannot be


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sensitivity(Card):
    """A network on a design, and with each of its resources made better; largest gain in latency first."""

    network: str
    design: str
    inputs: int
    factor: float
    base: Change
    changes: tuple[Change, ...]
    skipped: tuple[str, ...] = ()  # of the model, what has no price

    def facts(self) -> list[tuple[str, str]]:
        """Return what it is of, and the answer in short."""
        best = self.changes[0].name if self.changes else "none"
        of = [("network", self.network), ("design", self.design), ("inputs", f"{self.inputs:,}")]
        return [*of, ("changes", f"{len(self.changes)}"), ("largest gain", best)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per change that can be: what it takes, and the share of latency and energy it saves."""
        import pandas as pd  # noqa: PLC0415  (slow to import)

        base = self.base
        rows = [
            {
                "change": change.name,
                "before": change.before,
                "after": change.after,
                "latency_us": change.latency_us,
                "latency_saved": self.gain(change),
                "energy_uj": change.energy_uj,
                "energy_saved": 1 - change.energy_uj / base.energy_uj,
            }
            for change in self.changes
            if not change.problem
        ]
        return pd.DataFrame(rows)

    def gain(self, change: Change) -> float:
        """Return the share of the base's latency that a change saves."""
        return 1 - change.latency_us / self.base.latency_us


def sensitivity(
    trace: Trace | str | Path,
    design: Design,
    *,
    policy: Policy | None = None,
    factor: float = 2.0,
    limit: int | None = None,
) -> Sensitivity:
    """Return what a network gains from each resource of a design made ``factor`` times better, one at a time.

    Parameters
    ----------
    trace
        A trace, or a stored one's path or shipped name; any other network runs whole.
    design, policy
        Hardware, and how decisions meet it.
    factor
        Above 1.  Counts are rounded up.
    limit
        Look at the first inputs only.

    Raises
    ------
    UnsupportedError
        If the network does not fit the design.
    """
    if not 1 < factor <= 1024:
        raise ConfigError(f"factor = {factor:g}: must be above 1 and at most 1024")
    loaded = trace if isinstance(trace, Trace) else load_inputs(trace, limit)
    views = Views(loaded)

    def asked(changed: Design, name: str, path: str, words: tuple[str, str]) -> Change:
        results = replay(loaded, changed, policy=policy, explain=False, limit=limit, views=views)
        return _change(results.replayed, changed, name, path, words)

    base = asked(design, "as it is", "", ("", ""))
    changes = []
    for path, name in RESOURCES.items():
        better = scaled_resource(design, path, factor)
        if better is None:
            continue
        settings, words = better
        try:
            changes.append(asked(altered(design, settings), name, path, words))
        except ConfigError as problem:
            changes.append(
                Change(name=name, path=path, before=words[0], after=words[1], problem=str(problem))
            )
    ordered = sorted(changes, key=lambda change: (change.problem != "", change.latency_us, change.energy_uj))
    return Sensitivity(
        network=loaded.graph.name,
        design=design.title,
        inputs=len(loaded) if limit is None else min(limit, len(loaded)),
        factor=factor,
        base=base,
        changes=tuple(ordered),
        skipped=loaded.graph.skipped,
    )


def _change(figures: Replayed, design: Design, name: str, path: str, words: tuple[str, str]) -> Change:
    return Change(
        name=name,
        path=path,
        before=words[0],
        after=words[1],
        latency_us=figures.latency_us.mean,
        latency_us_p99=figures.latency_us.p99,
        energy_uj=figures.energy_uj.mean,
        dense_latency_us=figures.dense.latency_us,
        area_mm2=design_area(design).total_mm2,
    )


def scaled_resource(
    design: Design, path: str, factor: float
) -> tuple[dict[str, object], tuple[str, str]] | None:
    """Return the settings that make a resource better (below 1: worse), and its value before and after.

    ``None`` if the design has no such resource.
    """
    value = _value(design, path)
    if not value:
        return None
    better = _scaled(value, path, factor)
    settings: dict[str, object] = {path: _spelled(better, path)}
    for other in _TOGETHER.get(path, ()):
        settings[other] = _spelled(_scaled(_value(design, other) or 1, other, factor), other)
    return settings, (_told(value, path), _told(better, path))


def _scaled(value: float, path: str, factor: float) -> float:
    better = value / factor if path in _SMALLER else value * factor
    return -int(-better // 1) if isinstance(value, int) else better


def _value(design: Design, path: str) -> float | int | None:
    part: object = design
    for name in path.split("."):
        part = getattr(part, name, None)
    return part if isinstance(part, int | float) else None


def _told(value: float, path: str) -> str:
    spelled = _spelled(value, path)
    return f"{spelled:g}" if isinstance(spelled, float) else str(spelled)


def _spelled(value: float, path: str) -> object:
    return spell(value, _QUANTITIES[path]) if path in _QUANTITIES else value
