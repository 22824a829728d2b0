"""``lacuna verdict TRACE -d DESIGN``: what skipping is worth once both networks are compiled well."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.commands.replay import TracePath
from lacuna.console import percent, show_json, show_lines, show_table
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
    from analysis import Saving, Verdict


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
    columns = ["", "latency us", "dense us", "saved", "p99 saved", "energy uJ", "dense uJ", "saved"]
    show_table(title, columns, [_row(saving) for saving in found.savings], note="dense: compiled alike")
    show_lines(_lines(found))


def _row(saving: Saving) -> list[str]:
    return [
        saving.name,
        digits(saving.latency_us),
        digits(saving.dense_latency_us),
        percent(saving.latency_saved),
        percent(saving.p99_saved),
        digits(saving.energy_uj),
        digits(saving.dense_energy_uj),
        percent(saving.energy_saved),
    ]


def _lines(found: Verdict) -> list[str]:
    """Return what the signs depend on, a line each."""
    lines = [*missing_note(found.skipped), *found.notes]
    steady = "no single step of the compiler, and nothing asked of the hardware, turns a sign"
    for turning in found.turnings:
        changed = [
            _in_words(saved, worse)
            for saved, worse in ((turning.latency_saved, "slower"), (turning.energy_saved, "more energy"))
            if saved is not None
        ]
        lines.append(f"the sign depends on it: {turning.change}: {', '.join(changed)}")
    return lines if found.turnings else [*lines, steady]


def _in_words(saved: float, worse: str) -> str:
    """Return what skipping is worth, never as a negative saving."""
    if saved > 0:
        return f"{percent(saved)} {'faster' if worse == 'slower' else 'less energy'} than the dense network"
    return f"{percent(-saved)} {worse} than the dense network"


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
