"""``lacuna break-even NETWORK -d DESIGN``: how much must be skipped before skipping pays."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.console import percent, show_json, show_lines, show_table
from lacuna.options import AsJson, DesignName, Settings, design_from, missing_note

if TYPE_CHECKING:
    from analysis import BreakEven


def break_even(
    network: Annotated[str, typer.Argument(help="A network with gates: shipped name, trace, graph .json.")],
    design: DesignName,
    inputs: Annotated[int, typer.Option(min=1, help="Synthetic inputs per skip rate.")] = 512,
    seed: Annotated[int, typer.Option(help="Of the synthetic decisions.")] = 0,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    as_json: AsJson = False,
) -> None:
    """Tell from which share of skipped work on a dynamic network beats the dense network."""
    from analysis import break_even as find  # noqa: PLC0415  (loads the simulator)
    from lacuna.options import network_from  # noqa: PLC0415

    graph, chosen = network_from(network, [], False), design_from(design, settings)
    found = [
        find(graph, chosen, quantity="latency_us", inputs=inputs, seed=seed),
        find(graph, chosen, quantity="energy_uj", inputs=inputs, seed=seed),
    ]
    if as_json:
        show_json({each.quantity: {**asdict(each), "overhead": each.overhead} for each in found})
        return
    latency, energy = found
    rows = [
        [percent(rate), digits(time), latency_saved, digits(joule), energy_saved]
        for rate, time, latency_saved, joule, energy_saved in zip(
            latency.skipped, latency.dynamic, _saved(latency), energy.dynamic, _saved(energy), strict=True
        )
    ]
    columns = ["skipped", "latency us", "saved", "energy uJ", "saved"]
    note = "every gate skips at this rate, each input and gate by itself"
    show_table(f"{graph.name} on {chosen.title}, {inputs:,} synthetic inputs a row", columns, rows, note=note)
    show_lines([_line("latency", latency), _line("energy", energy), *missing_note(graph.skipped)])


def _saved(found: BreakEven) -> list[str]:
    return [percent(1 - value / found.dense) for value in found.dynamic]


def _line(name: str, found: BreakEven) -> str:
    cost = f"with nothing skipped the gates cost {percent(found.overhead)} more"
    if found.rate is None:
        return f"{name}: never pays on this design; {cost}"
    return f"{name}: pays from {percent(found.rate)} skipped on; {cost}"
