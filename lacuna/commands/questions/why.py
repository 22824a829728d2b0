"""``lacuna why TRACE -d DESIGN``: where the promised saving went, and what each op waits for."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lacuna.commands.replay import PrefetchOption, TracePath
from lacuna.console import percent, show_json, show_notes, show_table
from lacuna.options import (
    AsJson,
    DesignName,
    Settings,
    SizesOption,
    SkipUnsupported,
    Without,
    design_from,
    inputs_from,
    left_out,
    missing_note,
)
from lacuna.replayed import promised, really_saved

if TYPE_CHECKING:
    from analysis import Why


def why(
    trace: TracePath,
    design: DesignName,
    prefetch: PrefetchOption = "wait",
    limit: Annotated[int | None, typer.Option(min=1, help="Look at the first N inputs only.")] = None,
    sizes: SizesOption = [],  # noqa: B006  (typer copies it)
    skip_unsupported: SkipUnsupported = False,
    without: Without = [],  # noqa: B006  (typer copies it)
    settings: Settings = [],  # noqa: B006  (typer copies it)
    as_json: AsJson = False,
) -> None:
    """Tell why a network saves what it saves: each loss with its remedy, and what bounds the ops."""
    from analysis import explain_results  # noqa: PLC0415  (loads the simulator)
    from simulator import Policy, replay  # noqa: PLC0415

    policy = Policy.of({"prefetch": prefetch, **left_out(without)})
    inputs = inputs_from(trace, limit, sizes, skip_unsupported)
    found = explain_results(replay(inputs, design_from(design, settings), policy=policy, limit=limit))
    if as_json:
        show_json({**asdict(found), "sentence": found.sentence})
        return
    sentence = f"{found.network} on {found.design}: {found.sentence}."
    show_notes([sentence, *missing_note(found.skipped), *found.notes, ""])
    rows = _losses(found)
    ranges = any(" to " in cell for row in rows for cell in row[1:3])
    note = "a range: what a loss is counted depends on which is taken off first" if ranges else ""
    columns = ["", "latency", "energy", "what helps"]
    show_table("What stands between promise and saving", columns, rows, note=note)
    columns = ["bound by", "unit", "ops", "of busy time", "the longest of them"]
    rows = [
        [each.resource, each.unit, str(each.ops), percent(each.share), ", ".join(each.largest)]
        for each in found.bounds
    ]
    show_table("What bounds the ops", columns, rows)


def _losses(found: Why) -> list[list[str]]:
    """Return the waterfall's steps that are seen, promise first and saving last."""
    seen = [held for held in found.losses if max(abs(held.latency), abs(held.energy)) >= 0.0005]
    return [
        ["promised by the MACs", promised(found.promised), promised(found.energy_promised), ""],
        *(
            [
                held.name,
                _range(held.latency, held.latency_other),
                _range(held.energy, held.energy_other),
                held.remedy,
            ]
            for held in seen
        ),
        [
            "really saved",
            really_saved(found.saved, "latency"),
            really_saved(found.energy_saved, "energy"),
            "",
        ],
    ]


def _range(loss: float, other: float | None) -> str:
    """Return a loss, and where the order of losses matters what it is in the other order."""
    one = _change(loss)
    two = one if other is None else _change(other)
    return one if one == two else f"{one.removesuffix(' %')} to {two}"


def _change(loss: float) -> str:
    return f"{-100 * loss:+.1f} %" if abs(loss) >= 0.0005 else "0.0 %"
