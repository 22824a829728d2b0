"""``lacuna break-even NETWORK -d DESIGN``: how much must be skipped before skipping pays."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.console import Gain, gain_words, percent, show_json, show_notes, show_table
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
        [percent(rate), digits(time), faster, digits(joule), less]
        for rate, time, faster, joule, less in zip(
            latency.skipped,
            latency.dynamic,
            _than_dense(latency, "latency"),
            energy.dynamic,
            _than_dense(energy, "energy"),
            strict=True,
        )
    ]
    columns = ["skipped", "latency us", "than dense", "energy uJ", "than dense"]
    note = "every gate skips at this rate, each input and gate by itself"
    show_table(f"{graph.name} on {chosen.title}, {inputs:,} synthetic inputs a row", columns, rows, note=note)
    show_notes([_line("latency", latency), _line("energy", energy), *missing_note(graph.skipped)])


def _than_dense(found: BreakEven, what: Gain) -> list[str]:
    return [gain_words(1 - value / found.dense, what) for value in found.dynamic]


def _line(name: str, found: BreakEven) -> str:
    cost = f"with nothing skipped the gates cost {percent(found.overhead)} more"
    if found.rate is None:
        return f"{name}: never pays on this design; {cost}"
    return f"{name}: pays from {percent(found.rate)} skipped on; {cost}"
