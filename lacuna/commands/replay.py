"""``lacuna replay``: a trace on a design, input by input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lacuna.console import shell, show_lines
from lacuna.options import (
    DesignName,
    OutFolder,
    RunOptions,
    design_from,
    free_folder,
    left_out,
    network_from,
    networks_like,
    takes,
    typed,
)
from lacuna.replayed import show_ops, show_summary

if TYPE_CHECKING:
    from simulator import Policy
    from traces import Trace


TracePath = Annotated[
    Path,
    typer.Argument(
        help="Trace (.parquet, .npz), shipped name, or any network.",
        metavar="NETWORK",
        autocompletion=networks_like,
    ),
]
PrefetchOption = Annotated[
    str, typer.Option(help="Weights behind a gate: wait, speculate, predict or oracle.", metavar="P")
]

ExitThreshold = Annotated[
    float | None,
    typer.Option(
        help="The first exit with this confidence answers; above 1 the last. As recorded if left out."
    ),
]


@dataclass(frozen=True, kw_only=True)
class ReplayOptions(RunOptions):
    """What is replayed, on what, and how."""

    trace: TracePath
    design: DesignName
    out: OutFolder
    prefetch: PrefetchOption = "wait"
    theta: Annotated[float, typer.Option(help="predict: speculate above this execution rate.")] = 0.5
    batch: Annotated[int, typer.Option(min=1, help="Inputs that run together.")] = 1
    batch_order: Annotated[str, typer.Option(help="arrival or similar.")] = "arrival"
    compaction: Annotated[str, typer.Option(help="Channels of a batch: union or per_input.")] = "union"
    engine: Annotated[str, typer.Option(help="fast or events.")] = "fast"
    exit_threshold: ExitThreshold = None
    limit: Annotated[int | None, typer.Option(min=1, help="Replay only the first N inputs.")] = None
    timeline: Annotated[int, typer.Option(min=0, help="Write a timeline of the first N inputs.")] = 0
    ops: Annotated[bool, typer.Option("--ops", help="Also print where each op's time goes.")] = False

    def policy(self) -> Policy:
        """Return how decisions meet the hardware."""
        from simulator import Policy  # noqa: PLC0415

        named = ("prefetch", "theta", "batch", "batch_order", "compaction")
        return Policy.of({name: getattr(self, name) for name in named} | left_out(self.without))

    def inputs(self) -> Path | Trace:
        """Return a trace; of a network without one, a batch of inputs that run it whole."""
        from traces import is_trace, load_trace, static_trace, with_exit_threshold  # noqa: PLC0415

        if self.exit_threshold is not None:
            return with_exit_threshold(load_trace(self.trace, self.limit), self.exit_threshold)
        if is_trace(self.trace):
            return self.trace
        return static_trace(network_from(str(self.trace), self.sizes, self.skip_unsupported), self.batch)


@takes(ReplayOptions)
def replay(context: typer.Context, asked: ReplayOptions) -> None:
    """Replay a trace input by input on one design, or a network without one: a batch of inputs that run it whole."""
    from simulator import replay as run  # noqa: PLC0415

    policy, design = asked.policy(), design_from(asked.design, asked.settings)
    inputs, engine = asked.inputs(), parse_engine(asked.engine)
    replaced = free_folder(asked.out, "a replay", asked.force)
    found = run(inputs, design, policy=policy, engine=engine, limit=asked.limit, timeline=asked.timeline)
    results = found.made_by(typed(context))
    results.save(asked.out)
    show_summary(results, as_json=asked.as_json)
    if asked.ops and not asked.as_json:
        show_lines([""])
        show_ops(results)
    if not asked.as_json:
        show_lines([f"wrote {asked.out}/", *replaced, f"next: {shell('lacuna', 'report', asked.out)}"])


def parse_engine(name: str) -> Literal["fast", "events"]:
    """Return the engine's name, checked."""
    from traces import ConfigError, did_you_mean  # noqa: PLC0415

    if name not in {"fast", "events"}:
        raise ConfigError(f"--engine {name!r}: no such engine{did_you_mean(name, ['fast', 'events'])}")
    return "events" if name == "events" else "fast"
