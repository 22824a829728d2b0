"""``lacuna sensitivity``: what a better resource would bring one design, or which axes decided a sweep."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.console import fits, gain_words, percent, show_json, show_notes, show_table
from lacuna.options import (
    AsJson,
    BudgetOption,
    Settings,
    SizesOption,
    SkipUnsupported,
    design_from,
    inputs_from,
    missing_note,
    missing_of_each,
    takes,
)
from traces import ConfigError

if TYPE_CHECKING:
    from accel_models import Design
    from analysis import Change, Sensitivity


@dataclass(frozen=True, kw_only=True)
class SensitivityOptions:
    """What is asked about, and how much better resources get."""

    what: Annotated[
        Path,
        typer.Argument(help="Folder of a sweep, a space, or a network.", metavar="DIR|SPACE.yaml|NETWORK"),
    ]
    design: Annotated[
        str | None, typer.Option("--design", "-d", help="Of a network: shipped name or YAML.", metavar="D")
    ] = None
    factor: Annotated[float, typer.Option(help="How much better each resource gets.")] = 2.0
    limit: Annotated[int | None, typer.Option(min=1, help="Look at the first N inputs only.")] = None
    budget: BudgetOption = field(default_factory=list)
    sizes: SizesOption = field(default_factory=list)
    skip_unsupported: SkipUnsupported = False
    settings: Settings = field(default_factory=list)
    as_json: AsJson = False


@takes(SensitivityOptions)
def sensitivity(_: typer.Context, asked: SensitivityOptions) -> None:
    """Tell what matters: each resource of a design made better alone, each axis of a space alone, or of a sweep."""
    what = asked.what
    if what.is_dir() or what.suffix in {".yaml", ".yml"}:
        if asked.design is not None or asked.settings:
            raise ConfigError(f"{what}: names designs of its own; leave out --design and --set")
        if what.is_dir():
            _of_sweep(what, asked.budget, asked.as_json)
        else:
            _of_space(what, asked.as_json)
    elif asked.design is None:
        raise ConfigError(
            f"{what}: is no folder of a sweep and no space; a network needs a design to run on: --design D"
        )
    else:
        _of_network(asked, design_from(asked.design, asked.settings))


def _of_network(asked: SensitivityOptions, base: Design) -> None:
    """Print what each resource of a design would bring, made better alone."""
    from accel_models import CORES_ALONE, has_matrix_unit  # noqa: PLC0415  (pydantic is slow to import)
    from analysis import sensitivity as find  # noqa: PLC0415  (loads the simulator)

    inputs = inputs_from(asked.what, asked.limit, asked.sizes, asked.skip_unsupported)
    found = find(inputs, base, factor=asked.factor, limit=asked.limit)
    if asked.as_json:
        show_json(asdict(found))
        return
    now = f"{digits(found.base.latency_us)} us, {digits(found.base.energy_uj)} uJ"
    title = f"{found.network} on {found.design} ({now}), each resource {found.factor:g} times better alone"
    columns = ["", "from", "to", "latency us", "than it is", "p99 us", "energy uJ", "than it is", "mm2"]
    rows = [_row(found, change) for change in (found.base, *found.changes)]
    notes = [] if has_matrix_unit(base) else [CORES_ALONE]
    if not fits(columns, rows):  # a row on one line is worth more
        columns, *rows = [[*row[:5], *row[7:]] for row in (columns, *rows)]
        columns[5], left = "energy", "p99 and uJ"
        if not fits(columns, rows):
            columns, *rows = [row[:6] for row in (columns, *rows)]
            left = "p99, uJ and mm2"
        notes.append(f"{left}: in a wider terminal, or with --json")
    show_table(title, columns, rows, note="\n".join(notes))
    cannot = [f"{change.name}: {change.problem}" for change in found.changes if change.problem]
    show_notes([*missing_note(found.skipped), *cannot])


def _row(found: Sensitivity, change: Change) -> list[str]:
    if change.problem:
        return [change.name, change.before, change.after, "cannot be", "", "", "", "", ""]
    base = found.base
    return [
        change.name,
        change.before,
        change.after,
        digits(change.latency_us),
        "" if change is base else gain_words(1 - change.latency_us / base.latency_us, "latency"),
        digits(change.latency_us_p99),
        digits(change.energy_uj),
        "" if change is base else gain_words(1 - change.energy_uj / base.energy_uj, "energy"),
        digits(change.area_mm2, 3),
    ]


def _of_space(path: Path, as_json: bool) -> None:
    """Print what each axis does to a space's first design, policy and network while all else stays."""
    from analysis import load_space, one_at_a_time  # noqa: PLC0415  (loads the simulator)

    space = load_space(path)
    effects, skipped = one_at_a_time(space), space.traces[0].skipped
    if as_json:
        show_json([{**asdict(each), "swing": each.swing, "skipped": skipped} for each in effects])
        return
    rows = [
        [
            each.axis,
            each.design,
            each.column,
            percent(each.swing),
            digits(each.base),
            ", ".join(f"{label}: {digits(value)}" for label, value in each.values),
        ]
        for each in effects
    ]
    note = "swing: largest less smallest value over the design's own; a dash: does not fit"
    columns = ["axis", "design", "quantity", "swing", "as it is", "at each value"]
    show_table("Each axis alone", columns, rows, note=note)
    show_notes(missing_note(skipped))


def _of_sweep(folder: Path, budget: list[str], as_json: bool) -> None:
    """Print which axis decides an objective, and what is left of the front with one value of it."""
    from analysis import front_sensitivity, importances, load_sweep, objectives_of  # noqa: PLC0415

    results = load_sweep(folder).under(budget)
    manifest = results.manifest
    axes = [axis for axis in manifest.axes if results.frame[axis].nunique() > 1]
    if not axes:
        raise ConfigError(f"{folder}: no axis varies in this sweep")
    objectives = objectives_of(manifest.minimize, manifest.maximize)
    shares = {each.column: importances(results.frame, axes, each) for each in objectives}
    held = front_sensitivity(results.frame, axes, manifest.minimize, manifest.maximize)
    if as_json:
        found = {"importances": shares, "held": [asdict(each) for each in held]}
        show_json({**found, "skipped": manifest.skipped})
        return
    decided = [each for each in objectives if any(shares[each.column].values())]
    rows = [[axis, *(percent(shares[each.column][axis]) for each in decided)] for axis in axes]
    note = "shares add up to 100 %: how much an axis decides whether a design is among the best tenth (PED-ANOVA)"
    show_table("Importance of each axis", ["axis", *(each.column for each in decided)], rows, note=note)
    table = [[each.axis, each.label, percent(each.kept), str(each.on_front)] for each in held]
    columns = ["axis", "held at", "of the front's hypervolume", "points on the front"]
    show_table("What is left of the front if one axis is held", columns, table)
    show_notes(missing_of_each(manifest.skipped))
