"""``lacuna sweep``, ``search`` and ``pareto``: many designs, and the best of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis import digits
from lacuna.console import percent, progress, shell, show_json, show_lines, show_table, stoppable
from lacuna.options import AsJson, OutFolder, Settings, missing_of_each
from traces import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pandas import DataFrame

    from analysis import Progress, SweepResults

_CHOICES = ("design", "trace", "prefetch", "theta", "batch", "batch_order", "compaction")
SpacePath = Annotated[
    Path, typer.Argument(help="Space of designs, policies and traces (YAML).", metavar="SPACE.yaml")
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Start a local Dask cluster of N workers.", metavar="N")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Run on this Dask cluster, e.g. tcp://host:8786. It is trusted: who reaches it can run code on it.",
        metavar="ADDRESS",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on in a folder that holds part of the results.")]


def sweep(
    space: SpacePath,
    out: OutFolder,
    workers: WorkersOption = None,
    scheduler: Scheduler = None,
    resume: Resume = False,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    as_json: AsJson = False,
) -> None:
    """Evaluate every point of a space: designs x policies x operating points."""
    from accel_models import parse_override  # noqa: PLC0415
    from analysis import load_space  # noqa: PLC0415
    from analysis import sweep as run  # noqa: PLC0415

    loaded = load_space(space, dict(parse_override(text) for text in settings))
    if not as_json:
        show_lines([loaded.describe()])
    with _stoppable("sweep", space, out), _shown("sweeping") as advance:
        results = run(
            loaded,
            out,
            workers=workers,
            scheduler=_address(workers, scheduler),
            resume=resume,
            progress=advance,
        )
    _show_done(results, out, as_json)


def search(
    space: SpacePath,
    out: OutFolder,
    evaluations: Annotated[int, typer.Option(min=1, help="Points to evaluate.")] = 200,
    sampler: Annotated[str, typer.Option(help="nsga2 or tpe.")] = "nsga2",
    seed: Annotated[int, typer.Option(help="Same seed, same points.")] = 0,
    workers: WorkersOption = None,
    scheduler: Scheduler = None,
    resume: Resume = False,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    as_json: AsJson = False,
) -> None:
    """Search a space for its Pareto front instead of evaluating all of it."""
    from accel_models import parse_override  # noqa: PLC0415
    from analysis import load_space  # noqa: PLC0415
    from analysis import search as run  # noqa: PLC0415

    if sampler not in {"nsga2", "tpe"}:
        raise ConfigError(f"--sampler {sampler!r}: must be nsga2 or tpe")
    loaded = load_space(space, dict(parse_override(text) for text in settings))
    if not as_json:
        show_lines([loaded.describe()])
    with _stoppable("search", space, out), _shown("searching") as advance:
        results = run(
            loaded,
            out,
            evaluations=evaluations,
            sampler="tpe" if sampler == "tpe" else "nsga2",
            seed=seed,
            workers=workers,
            scheduler=_address(workers, scheduler),
            resume=resume,
            progress=advance,
        )
    _show_done(results, out, as_json)


def pareto(
    folder: Annotated[Path, typer.Argument(help="Results of a sweep or search.", metavar="DIR")],
    minimize: Annotated[str, typer.Option(help="Columns, comma-separated.")] = "",
    maximize: Annotated[str, typer.Option(help="Columns, comma-separated.")] = "",
    where: Annotated[
        str | None,
        typer.Option(help='Only points that meet this, e.g. "latency_us_p99 <= 5000".', metavar="CONDITION"),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(help="Column to sort by, smallest first; -COLUMN: largest first.", metavar="COLUMN"),
    ] = None,
    best: Annotated[
        int | None, typer.Option(min=1, help="Only the first N of the front.", metavar="N")
    ] = None,
    fronts: Annotated[
        int,
        typer.Option(min=1, help="Also the front of what is left without the first, and so on.", metavar="N"),
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Print the points that no other point beats in every objective, of those that meet a condition."""
    from analysis import load_sweep, ordered  # noqa: PLC0415

    results = load_sweep(folder)
    chosen: dict[str, Any] = {}
    if minimize or maximize:
        chosen = {"minimize": _names(minimize), "maximize": _names(maximize)}
    front = results.front(**chosen, where=where)
    objectives = [objective.column for objective in front.objectives]
    found = front.frame if fronts == 1 else results.ranked(fronts, front, where=where)
    found = found if sort is None else ordered(found, sort)
    rows = found.head(best or len(found)).to_dict("records")
    if as_json:
        found = {"hypervolume": front.hypervolume, "points": _plain(rows)}
        show_json({**found, "skipped": results.manifest.skipped})
        return
    names = [*_that_differ(results.frame), *(axis for axis in results.manifest.axes if axis in front.frame)]
    columns = ["point", "mark", *objectives, *_short(names)]
    table = [
        [
            str(row["key"])[:8],
            _mark(row),
            *(_cell(name, row[name]) for name in objectives),
            *(str(row[name]) for name in names),
        ]
        for row in rows
    ]
    alike = _alike(columns, table)
    columns, table = _without(columns, table, alike)
    shown = f"{len(rows)} of " if len(rows) < len(found) else ""
    which = "the front" if fronts == 1 else f"the first {fronts} fronts"
    title = f"{shown}{len(found)} on {which}, {front.dominated} dominated, {front.infeasible} do not fit"
    if where is not None:
        title = f"Where {where}: {title}"
    doubt = "doubtful: the x/÷ 2 energy band could put another point in its place"
    notes = [f"all have {name} {value}" for name, value in alike.items() if value]
    notes += [f"{short}: {name}" for short, name in zip(_short(names), names, strict=True) if short != name]
    notes += _of_areas(results, objectives)
    notes += [doubt] if any(row.get("doubtful") for row in rows) else []
    most = int(results.frame["batch"].max()) if "batch" in results.frame else 1
    notes += ["latency is that of a whole batch, MACs, bytes and energy are per input"] if most > 1 else []
    notes += missing_of_each(results.manifest.skipped)
    show_table(title, columns, table, note="\n".join(notes))


def _of_areas(results: SweepResults, objectives: list[str]) -> list[str]:
    """Say of which designs the area is that of a core alone, where it is compared with others."""
    cores = results.cores if "area_mm2" in objectives else ()
    if not cores or len(cores) == results.frame["design"].nunique():
        return []
    return [f"the area of a core is known without its memories alone: {', '.join(cores)}"]


def _short(names: list[str]) -> list[str]:
    """Return the last part of each dotted path, where it is enough to tell it from the others."""
    last = [name.rpartition(".")[2] for name in names]
    return [short if last.count(short) == 1 else name for short, name in zip(last, names, strict=True)]


def _alike(columns: list[str], table: list[list[str]]) -> dict[str, str]:
    """Return the columns that say the same in every one of several rows, and what they say."""
    if len(table) < 2:
        return {}
    cells = zip(columns, zip(*table, strict=True), strict=True)
    return {name: values[0] for name, values in cells if len(set(values)) == 1}


def _without(
    columns: list[str], table: list[list[str]], left_out: dict[str, str]
) -> tuple[list[str], list[list[str]]]:
    """Return a table without some of its columns."""
    kept = [i for i, name in enumerate(columns) if name not in left_out]
    return [columns[i] for i in kept], [[row[i] for i in kept] for row in table]


def _that_differ(frame: DataFrame) -> list[str]:
    """Return what of design, trace and policy is not the same for all points."""
    return [name for name in _CHOICES if name in frame and frame[name].nunique() > 1]


def _address(workers: int | None, scheduler: str | None) -> str | None:
    if workers is not None and scheduler is not None:
        raise ConfigError("--workers starts a cluster, --scheduler names one: give one of them")
    return "local" if workers is not None else scheduler


@contextmanager
def _shown(label: str) -> Iterator[Callable[[Progress], None]]:
    with progress(label) as advance:
        yield lambda state: advance(state.done, state.total)


def _stoppable(command: str, space: Path, out: Path) -> AbstractContextManager[None]:
    again = shell("lacuna", command, space, "--out", out, "--resume")
    return stoppable(f"finished points are kept in {out}; go on with: {again}")


def _show_done(results: SweepResults, out: Path, as_json: bool) -> None:
    frame = results.frame
    misfits = int((~frame["feasible"]).sum())
    manifest = results.manifest
    if as_json:
        objectives = {"minimize": list(manifest.minimize), "maximize": list(manifest.maximize)}
        counts = {"points": len(frame), "do_not_fit": misfits, "skipped": manifest.skipped}
        show_json({"folder": str(out), **counts, **objectives})
        return
    show_lines(
        [
            *missing_of_each(manifest.skipped),
            f"wrote {out}: {len(frame):,} points, {misfits:,} of them do not fit",
            f"next: {shell('lacuna', 'pareto', out)}; {shell('lacuna', 'report', out)}",
        ]
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _cell(name: str, value: float) -> str:
    return percent(value) if name == "accuracy" else digits(float(value))


def _mark(row: dict[str, Any]) -> str:
    marks = [mark for mark in ("knee", "doubtful") if row.get(mark)]
    return " ".join([f"front {row['front']}", *marks] if "front" in row else marks)


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with NumPy's numbers as Python's."""
    return [
        {name: value.item() if hasattr(value, "item") else value for name, value in row.items()}
        for row in rows
    ]
