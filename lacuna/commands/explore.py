"""``lacuna sweep`` and ``search``: many designs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lacuna.console import progress, shell, show_json, show_lines, show_notes, stoppable
from lacuna.options import AsJson, OutFolder, Settings, missing_of_each, takes, typed
from traces import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis import Progress, Space, SweepResults, TlsScheduler

SpacePath = Annotated[
    Path, typer.Argument(help="Space of designs, policies and traces (YAML).", metavar="SPACE.yaml")
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Start a local Dask cluster of N workers.", metavar="N")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Run on this Dask cluster, e.g. tcp://host:8786, or tls://host:8786 with --tls. It is trusted: who "
        "reaches it can run code on it.",
        metavar="ADDRESS",
    ),
]
Tls = Annotated[
    str | None,
    typer.Option(
        help="PEM files for a tls:// scheduler: the authority's certificate, one's own certificate and its key.",
        metavar="CA,CERT,KEY",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on in a folder that holds part of the results.")]


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """What is swept, where its rows go, and who works."""

    space: SpacePath
    out: OutFolder
    workers: WorkersOption = None
    scheduler: Scheduler = None
    tls: Tls = None
    resume: Resume = False
    settings: Settings = field(default_factory=list)
    as_json: AsJson = False

    def loaded(self) -> Space:
        """Return the space, and print what it holds."""
        from accel_models import parse_override  # noqa: PLC0415
        from analysis import load_space  # noqa: PLC0415

        space = load_space(self.space, dict(parse_override(text) for text in self.settings))
        if not self.as_json:
            _show_space(space)
        return space

    def cluster(self) -> str | TlsScheduler | None:
        """Return where the work is done, if not here."""
        return _cluster(self.workers, self.scheduler, self.tls)


@dataclass(frozen=True, kw_only=True)
class SearchOptions(SweepOptions):
    """How a space is searched."""

    evaluations: Annotated[int, typer.Option(min=1, help="Points to evaluate.")] = 200
    sampler: Annotated[str, typer.Option(help="nsga2 or tpe.")] = "nsga2"
    seed: Annotated[int, typer.Option(help="Same seed, same points.")] = 0


@takes(SweepOptions)
def sweep(context: typer.Context, asked: SweepOptions) -> None:
    """Evaluate every point of a space: designs x policies x operating points."""
    from analysis import sweep as run  # noqa: PLC0415

    space = asked.loaded()
    with _stoppable(asked.out), _shown("sweeping") as advance:
        results = run(
            space,
            asked.out,
            workers=asked.workers,
            scheduler=asked.cluster(),
            resume=asked.resume,
            progress=advance,
            command=typed(context),
        )
    _show_done(results, asked.out, asked.as_json)


@takes(SearchOptions)
def search(context: typer.Context, asked: SearchOptions) -> None:
    """Search a space for its Pareto front instead of evaluating all of it."""
    from analysis import search as run  # noqa: PLC0415

    if asked.sampler not in {"nsga2", "tpe"}:
        raise ConfigError(f"--sampler {asked.sampler!r}: must be nsga2 or tpe")
    space = asked.loaded()
    with _stoppable(asked.out), _shown("searching") as advance:
        results = run(
            space,
            asked.out,
            evaluations=asked.evaluations,
            sampler="tpe" if asked.sampler == "tpe" else "nsga2",
            seed=asked.seed,
            workers=asked.workers,
            scheduler=asked.cluster(),
            resume=asked.resume,
            progress=advance,
            command=typed(context),
        )
    _show_done(results, asked.out, asked.as_json)


def _show_space(space: Space) -> None:
    """Print how many points there are, and which gates a design of theirs cannot use."""
    from simulator import hints  # noqa: PLC0415

    show_notes([space.describe()])
    compiler = space.policies[0].compiler
    for ref in space.traces:
        first = ref.inputs(1)
        told = [note for family in space.families for note in hints(first, family.base, compiler)]
        show_notes([f"{ref.name}: {note}" for note in dict.fromkeys(told)])


def _cluster(workers: int | None, scheduler: str | None, tls: str | None) -> str | TlsScheduler | None:
    if workers is not None and scheduler is not None:
        raise ConfigError("--workers starts a cluster, --scheduler names one: give one of them")
    if tls is None:
        return "local" if workers is not None else scheduler
    from analysis import TlsScheduler  # noqa: PLC0415

    files = [Path(part.strip()) for part in tls.split(",")]
    if scheduler is None or len(files) != 3:
        raise ConfigError(
            f"--tls {tls!r}: goes with --scheduler tls://HOST:PORT and names three files: CA,CERT,KEY"
        )
    return TlsScheduler(address=scheduler, ca=files[0], cert=files[1], key=files[2])


@contextmanager
def _shown(label: str) -> Iterator[Callable[[Progress], None]]:
    with progress(label) as advance:
        yield lambda state: advance(state.done, state.total)


@contextmanager
def _stoppable(out: Path) -> Iterator[None]:
    """Say, should Ctrl-C be pressed, how to go on: what was typed, every option of it, and --resume.

    However it ends, no report stays that does not know the points that came.
    """
    typed = [word for word in sys.argv[1:] if word != "--resume"]
    try:
        with stoppable(
            f"finished points are kept in {out}; go on with: {shell('lacuna', *typed, '--resume')}"
        ):
            yield
    finally:
        _remove_stale_report(out)


def _remove_stale_report(out: Path) -> None:
    report = out / "report.html"
    if report.is_file():
        written = report.stat().st_mtime_ns
        if any(rows.stat().st_mtime_ns > written for rows in (out / "rows").glob("*")):
            report.unlink()


def _show_done(results: SweepResults, out: Path, as_json: bool) -> None:
    from analysis import is_over, misfit_words  # noqa: PLC0415

    rows, manifest = results.rows, results.manifest
    over = sum(is_over(row.reason) for row in rows)
    misfits = sum(not row.feasible for row in rows) - over
    if as_json:
        objectives = {"minimize": list(manifest.minimize), "maximize": list(manifest.maximize)}
        counts = {
            "points": len(rows),
            "do_not_fit": misfits,
            "over_budget": over,
            "skipped": manifest.skipped,
        }
        show_json({"folder": str(out), **counts, **objectives})
        return
    show_notes(missing_of_each(manifest.skipped))
    show_lines(
        [
            f"wrote {out}: {len(rows):,} points, {misfit_words(misfits + over, over)}",
            f"next: {shell('lacuna', 'pareto', out)}; {shell('lacuna', 'report', out)}",
        ]
    )
