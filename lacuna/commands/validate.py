"""``lacuna validate``: the model beside RTL, other simulators and silicon; the shipped rows or a user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lacuna.console import fits, percent, progress, show_json, show_lines, show_table
from lacuna.options import AsJson
from traces import ConfigError

if TYPE_CHECKING:
    from analysis import Comparison, GroupScore, Score


def validate(
    file: Annotated[
        Path | None, typer.Argument(help="With --rows: measured rows, a CSV file.", metavar="[FILE.csv]")
    ] = None,
    rows: Annotated[
        str | None, typer.Option(help="Compare the rows of FILE.csv, of this kind.", metavar="KIND")
    ] = None,
    kinds: Annotated[bool, typer.Option("--kinds", help="List the kinds of rows and their columns.")] = False,
    docs: Annotated[
        Path | None, typer.Option(help="Also write validation.md and its figure to this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare with every reference, exit code 1 if a bound is broken; or with rows of your own."""
    if kinds:
        _show_kinds(as_json)
    elif rows is not None or file is not None:
        _show_rows(rows, file, as_json)
    else:
        _show_comparisons(docs, as_json)


def _show_kinds(as_json: bool) -> None:
    from analysis import ROW_KINDS  # noqa: PLC0415

    if as_json:
        show_json(
            {
                name: {"what": kind.what, "columns": list(kind.columns), "optional": list(kind.optional)}
                for name, kind in ROW_KINDS.items()
            }
        )
        return
    columns = ["kind", "what is compared", "columns (a file may lack those in brackets)"]
    show_table(
        "Kinds of rows",
        columns,
        [
            [name, kind.what, " ".join(f"({c})" if c in kind.optional else c for c in kind.columns)]
            for name, kind in ROW_KINDS.items()
        ],
    )


def _show_rows(name: str | None, file: Path | None, as_json: bool) -> None:
    from analysis import read_measured_rows, row_kind, score_rows  # noqa: PLC0415

    if name is None or file is None:
        raise ConfigError("rows of your own need both: lacuna validate --rows KIND FILE.csv")
    kind = row_kind(name)
    found = score_rows(kind, read_measured_rows(file, kind))
    if as_json:
        show_json(_score_json(found))
        return
    groups = [*found.groups.items(), *([("all", found.overall)] if found.overall else [])]
    show_table(
        f"{kind.what}: absolute relative errors",
        ["group", "rows", "mean", "median", "worst"],
        [[group, str(s.rows), percent(s.mean), percent(s.median), percent(s.worst)] for group, s in groups],
    )
    if found.skipped:
        show_table("Skipped", ["row", "reason"], [[skip.label, skip.reason] for skip in found.skipped])


def _score_json(found: Score) -> dict[str, object]:
    skipped = [{"row": skip.label, "reason": skip.reason} for skip in found.skipped]
    groups = {name: _group_json(group) for name, group in found.groups.items()}
    return {**_group_json(found.overall), "skipped": skipped, "groups": groups}


def _group_json(group: GroupScore | None) -> dict[str, object]:
    if group is None:
        return {"rows": 0, "mean": None, "median": None, "worst": None}
    return {"rows": group.rows, "mean": group.mean, "median": group.median, "worst": group.worst}


def _show_comparisons(docs: Path | None, as_json: bool) -> None:
    from analysis import all_comparisons, kept  # noqa: PLC0415

    with progress("comparing") as advance:
        comparisons = all_comparisons(advance)
    if as_json:
        show_json([_comparison_json(c) for c in comparisons])
    else:
        columns = ["comparison", "rows", "constants per row", "mean error", "predicted rows", "left out"]
        columns += ["their mean (95 %)", "bound", "their worst", "bound", "spread of truth", "", "truth"]
        cells, note = [_comparison_cells(c) for c in comparisons], ""
        if not fits(columns, cells):  # a row on a line or two says more than one on four
            columns = ["comparison", "rows", "mean error", "bound", "worst", "bound", ""]
            cells = [[row[0], row[1], row[6].split(" (")[0] or row[3], *row[7:10], row[11]] for row in cells]
            note = (
                "errors of rows that no constant was fitted on; constants, intervals, spreads and truths: in "
                "docs/validation.md, or with --json"
            )
        show_table("Absolute relative errors", columns, cells, note=note)
    if docs is not None:
        from analysis import write_validation_page  # noqa: PLC0415

        show_lines([f"wrote {path}" for path in write_validation_page(comparisons, docs)])
    if not all(kept(c) for c in comparisons):
        raise typer.Exit(1)


def _comparison_json(c: Comparison) -> dict[str, object]:
    from dataclasses import asdict  # noqa: PLC0415

    from analysis import kept, predicted_of  # noqa: PLC0415

    predicted = predicted_of(c)
    return {
        "fitted_rows": len(c.labels) if c.constants else 0,
        "constants_per_row": c.constants / len(c.labels),
        "predicted": asdict(predicted) if predicted else None,
        "name": c.name,
        "truth": c.truth,
        "rows": len(c.labels),
        "mean_error": c.mean_error,
        "worst_error": c.worst_error,
        "bound_mean": c.bound_mean,
        "bound_worst": c.bound_worst,
        "promised_mean": c.promised[0],
        "promised_worst": c.promised[1],
        "note": c.note,
        "spread_mean": None if c.spread is None else float(c.spread.mean()),
        "holds": kept(c),
    }


def _comparison_cells(c: Comparison) -> list[str]:
    from analysis import kept, predicted_of  # noqa: PLC0415

    p = predicted_of(c)
    return [
        c.name,
        str(len(c.labels)),
        f"{c.constants / len(c.labels):.2f}",
        percent(c.mean_error),
        str(p.rows) if p else "0",
        p.left_out if p else "nothing",
        f"{percent(p.mean)} ({percent(p.low)} to {percent(p.high)})" if p else "",
        percent(c.promised[0]),
        percent(p.worst if p else c.worst_error),
        percent(c.promised[1]),
        "" if c.spread is None else f"{percent(float(c.spread.mean()))}, {percent(float(c.spread.max()))}",
        "ok" if kept(c) else "BROKEN",
        c.truth,
    ]
