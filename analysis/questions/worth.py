"""What skipping is worth on a design, under every step of a compiler, and what that answer depends on.

Dense and dynamic network are compiled alike at every row, so a row says what skipping saves and not what
compiling does.  A verdict whose sign one step or one property of the hardware can turn says so by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from accel_models import STEPS, Compiler, Design, altered
from analysis.words import change_words
from simulator import Policy, hints, replay
from traces import Card, Trace

if TYPE_CHECKING:
    import pandas as pd

AS_WRITTEN = "as written"
ORACLE = "oracle"
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "fold": "scores folded",
        "fuse": "ops fused",
        "sort": "channels sorted",
        "place_gates": "gates placed",
        "pin": "weights pinned",
        "tile": "tiles in context",
        "depth_first": "layers fused depth-first",
    }
)

# What a reviewer asks of the hardware, and the settings that answer.  Choice: half and double, and the time of an
# interrupt, a host's read and a restart.
HARDWARE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "handing a decision over takes 10 us": {"gate_handover": "10 us"},
        "the output stage can only activate": {"output_stage": "[activation]"},
        "channels cannot be skipped": {"skip.channels": "none"},
        "layers cannot be skipped": {"skip.layers": "false"},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What skipping saves against the dense network compiled alike; negative where it costs."""

    name: str
    steps: tuple[str, ...]  # of the compiler
    latency_us: float  # mean over inputs
    latency_us_p99: float
    energy_uj: float
    dense_latency_us: float
    dense_energy_uj: float

    @property
    def latency_saved(self) -> float:
        """Share of the dense network's latency."""
        return 1 - self.latency_us / self.dense_latency_us

    @property
    def p99_saved(self) -> float:
        """The same for the latency that 99 % of the inputs stay below."""
        return 1 - self.latency_us_p99 / self.dense_latency_us

    @property
    def energy_saved(self) -> float:
        """Share of the dense network's energy."""
        return 1 - self.energy_uj / self.dense_energy_uj


@dataclass(frozen=True, slots=True, kw_only=True)
class Turning:
    """A change that turns a sign of the well-compiled verdict."""

    change: str
    latency_saved: float | None  # with the change, if it turns that sign
    energy_saved: float | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Verdict(Card):
    """Savings as steps of the compiler are added, then the oracle's; and what turns their sign."""

    network: str
    design: str
    inputs: int
    savings: tuple[Saving, ...]  # as written, after each step, oracle
    turnings: tuple[Turning, ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()  # of the model, what has no price

    def facts(self) -> list[tuple[str, str]]:
        """Return what it is of, and the answer in short."""
        of = [("network", self.network), ("design", self.design), ("inputs", f"{self.inputs:,}")]
        ends = (self.savings[0], self.savings[-1])
        return [*of, *((each.name, change_words(each.latency_saved, "faster", "slower")) for each in ends)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per step of the compiler, then the oracle: what is left of the saving."""
        import pandas as pd  # noqa: PLC0415  (slow to import)

        shares = ("latency_saved", "p99_saved", "energy_saved")
        return pd.DataFrame(
            [
                {"step": saving.name, "latency_us": saving.latency_us, "energy_uj": saving.energy_uj}
                | {name: getattr(saving, name) for name in shares}
                for saving in self.savings
            ]
        )

    @property
    def compiled(self) -> Saving:
        """The verdict: everything the compiler can do, decisions waited for."""
        return self.savings[-2]

    @property
    def naive(self) -> Saving:
        """What it would be as written."""
        return self.savings[0]


def verdict(trace: Trace | str | Path, design: Design, *, limit: int | None = None) -> Verdict:
    """Return what skipping is worth on the design, step by step.

    Parameters
    ----------
    trace
        A trace, or a stored one's path or shipped name.
    design
        The accelerator.
    limit
        Look at the first inputs only.

    Raises
    ------
    UnsupportedError
        If the network does not fit the design.
    """
    loaded = _loaded(trace, limit)
    compilers = [(AS_WRITTEN, Compiler.naive())]
    for k, step in enumerate(STEPS):
        compilers.append((_NAMES[step], Compiler.without(STEPS[k + 1 :])))
    savings = [_saving(name, loaded, design, compiler) for name, compiler in compilers]
    savings.append(_saving(ORACLE, loaded, design, Compiler(), prefetch="oracle"))
    return Verdict(
        network=loaded.graph.name,
        design=design.title,
        inputs=len(loaded),
        savings=tuple(savings),
        turnings=tuple(_turnings(loaded, design, savings[-2])),
        notes=hints(loaded, design, Compiler()),
        skipped=loaded.graph.skipped,
    )


def _loaded(trace: Trace | str | Path, limit: int | None) -> Trace:
    from traces import load_inputs  # noqa: PLC0415  (Arrow is slow to import)

    whole = trace if isinstance(trace, Trace) else load_inputs(trace, limit)
    return whole if limit is None else whole.rows(0, min(limit, len(whole)))


def _saving(name: str, trace: Trace, design: Design, compiler: Compiler, prefetch: str = "wait") -> Saving:
    steps = {step: step in compiler.steps for step in STEPS}
    policy = Policy.of({"prefetch": prefetch, **steps})
    figures = replay(trace, design, policy=policy, explain=False).replayed
    return Saving(
        name=name,
        steps=compiler.steps,
        latency_us=figures.latency_us.mean,
        latency_us_p99=figures.latency_us.p99,
        energy_uj=figures.energy_uj.mean,
        dense_latency_us=figures.dense.latency_us,
        dense_energy_uj=figures.dense.energy_uj,
    )


def _turnings(trace: Trace, design: Design, compiled: Saving) -> list[Turning]:
    """Return the changes, one at a time, that turn a sign."""
    changed = [
        (f"without {_NAMES[step]}", _saving("", trace, design, Compiler.without([step]))) for step in STEPS
    ]
    for name, settings in HARDWARE.items():
        other = altered(design, settings)
        if other.hash != design.hash:
            changed.append((name, _saving("", trace, other, Compiler())))
    found = []
    for name, saving in changed:
        latency = saving.latency_saved if (saving.latency_saved > 0) != (compiled.latency_saved > 0) else None
        energy = saving.energy_saved if (saving.energy_saved > 0) != (compiled.energy_saved > 0) else None
        if latency is not None or energy is not None:
            found.append(Turning(change=name, latency_saved=latency, energy_saved=energy))
    return found
