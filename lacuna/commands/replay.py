"""``lacuna replay`` and ``lacuna stream``: a trace on a design, input by input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lacuna.console import percent, quantity, show_json, show_lines, show_table
from lacuna.options import AsJson, DesignName, OutFolder, Settings, design_from

if TYPE_CHECKING:
    from simulator import Results, Summary

TracePath = Annotated[Path, typer.Argument(help="Trace (.parquet or .npz).", metavar="TRACE")]
Prefetch = Annotated[
    str, typer.Option(help="Weights behind a gate: wait, speculate, predict or oracle.", metavar="P")
]


def replay(
    trace: TracePath,
    design: DesignName,
    out: OutFolder,
    prefetch: Prefetch = "wait",
    theta: Annotated[float, typer.Option(help="predict: speculate above this execution rate.")] = 0.5,
    batch: Annotated[int, typer.Option(min=1, help="Inputs that run together.")] = 1,
    batch_order: Annotated[str, typer.Option(help="arrival or similar.")] = "arrival",
    compaction: Annotated[str, typer.Option(help="Channels of a batch: union or per_input.")] = "union",
    engine: Annotated[str, typer.Option(help="fast or events.")] = "fast",
    limit: Annotated[int | None, typer.Option(min=1, help="Replay only the first N inputs.")] = None,
    timeline: Annotated[int, typer.Option(min=0, help="Write a timeline of the first N inputs.")] = 0,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    as_json: AsJson = False,
) -> None:
    """Replay a trace input by input on one design."""
    from simulator import Policy  # noqa: PLC0415
    from simulator import replay as run  # noqa: PLC0415

    policy = Policy(
        prefetch=prefetch, theta=theta, batch=batch, batch_order=batch_order, compaction=compaction
    )
    chosen = design_from(design, settings)
    results = run(trace, chosen, policy=policy, engine=parse_engine(engine), limit=limit, timeline=timeline)
    results.save(out)
    show_summary(results, as_json=as_json)
    if not as_json:
        show_lines([f"wrote {out}/", f"next: lacuna report {out}"])


def parse_engine(name: str) -> Literal["fast", "events"]:
    """Return the engine's name, checked."""
    from traces.errors import ConfigError, did_you_mean  # noqa: PLC0415

    if name not in {"fast", "events"}:
        raise ConfigError(f"--engine {name!r}: no such engine{did_you_mean(name, ['fast', 'events'])}")
    return "events" if name == "events" else "fast"


def show_summary(results: Results, *, as_json: bool) -> None:
    """Print what a replay found: the static network, the estimates and the replay beside each other."""
    summary = results.summary()
    if as_json:
        show_json(summary.model_dump(mode="json"))
        return
    policy = results.policy
    title = f"{summary.network} on {summary.design}, {summary.inputs:,} inputs, prefetch {policy.prefetch}"
    if not summary.feasible:
        show_lines([f"{title}: does not fit: {summary.reason}"])
        return
    show_table(title, ["", "MACs", "latency us", "saved", "energy uJ", "saved"], _estimate_rows(summary))
    latency, energy = summary.latency_us, summary.energy_uj
    show_lines(
        [
            f"accuracy {percent(summary.accuracy)}; latency p50 {quantity(latency.p50)}, p95 "
            f"{quantity(latency.p95)}, p99 {quantity(latency.p99)}, max {quantity(latency.max)} us; "
            f"energy p99 {quantity(energy.p99)} uJ"
        ]
    )
    _show_waterfall(summary)


def _estimate_rows(summary: Summary) -> list[list[str]]:
    dense = summary.dense
    estimates = [
        ("static network", dense.macs, dense.latency_us, dense.energy_uj),
        (
            "MACs kept x static",
            summary.macs,
            summary.mac_proportional.latency_us,
            summary.mac_proportional.energy_uj,
        ),
        ("estimated at mean rates", summary.macs, summary.mean_rate.latency_us, summary.mean_rate.energy_uj),
        ("decisions known ahead", summary.macs, summary.oracle.latency_us, summary.oracle.energy_uj),
        ("replayed per input", summary.macs, summary.latency_us.mean, summary.energy_uj.mean),
    ]
    return [
        [
            name,
            quantity(macs),
            quantity(latency),
            percent(1 - latency / dense.latency_us),
            quantity(energy),
            percent(1 - energy / dense.energy_uj),
        ]
        for name, macs, latency, energy in estimates
    ]


def _show_waterfall(summary: Summary) -> None:
    rows = []
    for waterfall in (summary.waterfall.latency, summary.waterfall.energy):
        base = waterfall.dense
        losses = [_signed(-loss.amount / base) for loss in waterfall.losses]
        rows.append([percent(waterfall.ideal_saved / base), *losses, percent(waterfall.saved / base)])
    names = ["promised by the MACs", *(loss.name for loss in summary.waterfall.latency.losses), "really saved"]
    table = [[name, rows[0][i], rows[1][i]] for i, name in enumerate(names)]
    title = "Where the promised saving went (shares of the static network's latency and energy)"
    show_table(title, ["", "latency", "energy"], table)


def _signed(share: float) -> str:
    """Return a gain or loss as a percentage with its sign."""
    return f"{100 * share:+.1f} %" if abs(share) >= 0.0005 else "0.0 %"
