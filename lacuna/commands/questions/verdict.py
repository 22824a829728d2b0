"""``lacuna verdict TRACE -d DESIGN``: what skipping is worth once both networks are compiled well."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.commands.replay import TracePath
from lacuna.console import fits, gain_words, show_json, show_notes, show_table
from lacuna.options import (
    AsJson,
    DesignName,
    Settings,
    SizesOption,
    SkipUnsupported,
    design_from,
    inputs_from,
    missing_note,
)

if TYPE_CHECKING:
    from analysis import Saving, Turning, Verdict


def verdict(
    trace: TracePath,
    design: DesignName,
    limit: Annotated[int | None, typer.Option(min=1, help="Look at the first N inputs only.")] = None,
    sizes: SizesOption = [],  # noqa: B006  (typer copies it)
    skip_unsupported: SkipUnsupported = False,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    as_json: AsJson = False,
) -> None:
    """Tell what skipping saves under each step of a compiler, and what the sign of that depends on."""
    from analysis import verdict as find  # noqa: PLC0415  (loads the simulator)

    inputs = inputs_from(trace, limit, sizes, skip_unsupported)
    found = find(inputs, design_from(design, settings), limit=limit)
    if as_json:
        show_json(_as_json(found))
        return
    title = f"{found.network} on {found.design}, {found.inputs:,} inputs"
    columns = ["", "latency us", "dense us", "than dense", "p99", "energy uJ", "dense uJ", "than dense"]
    rows = [_row(saving) for saving in found.savings]
    if fits(columns, rows):
        show_table(title, columns, rows, note="dense: compiled alike")
    else:  # two tables of a line each read better than one of two lines each
        show_table(title, columns[:5], [row[:5] for row in rows])
        energy = [[row[0], *row[5:]] for row in rows]
        show_table("", [columns[0], *columns[5:]], energy, note="dense: compiled alike")
    if found.turnings:
        rows = [_turned(turning) for turning in found.turnings]
        show_table("What the sign depends on", ["", "time than dense", "energy than dense"], rows)
    else:
        show_notes(["no single step of the compiler, and nothing asked of the hardware, turns a sign"])
    show_notes([*missing_note(found.skipped), *found.notes])


def _row(saving: Saving) -> list[str]:
    return [
        saving.name,
        digits(saving.latency_us),
        digits(saving.dense_latency_us),
        gain_words(saving.latency_saved, "latency"),
        gain_words(saving.p99_saved, "latency"),
        digits(saving.energy_uj),
        digits(saving.dense_energy_uj),
        gain_words(saving.energy_saved, "energy"),
    ]


def _turned(turning: Turning) -> list[str]:
    """Return a change that turns a sign, and what skipping is worth under it; nothing where the sign stays."""
    latency, energy = turning.latency_saved, turning.energy_saved
    return [
        turning.change,
        "" if latency is None else gain_words(latency, "latency"),
        "" if energy is None else gain_words(energy, "energy"),
    ]


def _as_json(found: Verdict) -> dict[str, object]:
    savings = [
        {
            **asdict(saving),
            "latency_saved": saving.latency_saved,
            "latency_p99_saved": saving.p99_saved,
            "energy_saved": saving.energy_saved,
        }
        for saving in found.savings
    ]
    return {**asdict(found), "savings": savings}
