"""What the explorer can show: replays in a folder or the points of a sweep, each ready to be replayed again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from accel_models import altered
from analysis.names import network_titles, words_of_settings
from analysis.pareto.ranks import pareto_mask
from analysis.questions.knobs import scaled_resource
from analysis.reports.folders import results_in
from analysis.reports.replays.names import name_replays
from traces import FileProblem, Floats, UnsupportedError

if TYPE_CHECKING:
    from accel_models import Design
    from simulator import Policy, Results
    from traces import Trace

MOST_POINTS_SHOWN: Final = 2000  # Choice: of a sweep; those on the front first


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A network on a design under a policy, to be replayed again with other values."""

    design: Design
    policy: Policy
    network: Path  # trace, or a network's name


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPoint:
    """A replay or a point of a sweep."""

    name: str
    latency_us: float  # mean
    energy_uj: float  # mean
    on_front: bool
    setup: Callable[[], Setup]  # read when it is chosen


def shown_points(folder: Path, trace: Path | None = None) -> list[ShownPoint]:
    """Return what a folder holds, fastest first.

    Parameters
    ----------
    folder
        Results of a replay, a folder of such, or a sweep.
    trace
        What was replayed; looked for beside the results and among the shipped ones when left out.

    Raises
    ------
    FileProblem
        If the folder holds nothing to explore.
    """
    found = results_in(folder)
    points = _of_sweep(found.sweeps[0]) if found.sweeps else _of_replays(found.replays, folder, trace)
    if not points:
        holds = "is a file" if folder.is_file() else "holds no replay that fits, and no sweep"
        raise FileProblem(
            f"{folder}: {holds}; name a folder that `lacuna replay`, `sweep` or `search` wrote, or one of such replays"
        )
    best = pareto_mask(_costs(points))
    marked = [
        ShownPoint(
            name=point.name,
            latency_us=point.latency_us,
            energy_uj=point.energy_uj,
            on_front=bool(front),
            setup=point.setup,
        )
        for point, front in zip(points, best, strict=True)
    ]
    kept = sorted(marked, key=lambda point: (not point.on_front, point.latency_us))[:MOST_POINTS_SHOWN]
    return sorted(kept, key=lambda point: point.latency_us)


def live(
    trace: Trace, setup: Setup, factors: Mapping[str, float], prefetch: str, limit: int
) -> tuple[Results, Design]:
    """Replay the first ``limit`` inputs with resources of the design made ``factors`` times better.

    Raises
    ------
    ConfigError, UnsupportedError
        If there is no such design, or the network does not fit it.
    """
    from simulator import Policy, replay  # noqa: PLC0415  (slow to import)

    settings: dict[str, object] = {}
    for path, factor in factors.items():
        if factor != 1:
            scaled = scaled_resource(setup.design, path, factor)
            settings |= scaled[0] if scaled else {}
    design = altered(setup.design, settings) if settings else setup.design
    policy = Policy.of({**setup.policy.model_dump(), "prefetch": prefetch})
    results = replay(trace, design, policy=policy, limit=limit)
    if not results.feasible:
        raise UnsupportedError(f"does not fit: {results.reason}")
    return results, design


def _costs(points: Sequence[ShownPoint]) -> Floats:
    return np.array([[point.latency_us, point.energy_uj] for point in points], np.float64)


def _of_replays(folders: Sequence[tuple[Path, str]], place: Path, trace: Path | None) -> list[ShownPoint]:
    from simulator import load_results  # noqa: PLC0415  (slow to import)

    loaded = [(load_results(folder), name) for folder, name in folders]
    fit = [(one, name) for one, name in loaded if one.feasible]
    names = name_replays([one for one, _ in fit], [name for _, name in fit])
    return [
        ShownPoint(
            name=name.full,
            latency_us=one.replayed.latency_us.mean,
            energy_uj=one.replayed.energy_uj.mean,
            on_front=False,
            setup=_setup_of_replay(one, place, trace),
        )
        for (one, _), name in zip(fit, names, strict=True)
    ]


def _setup_of_replay(one: Results, place: Path, trace: Path | None) -> Callable[[], Setup]:
    def setup() -> Setup:
        network = trace or _network(one.figures.network, place)
        return Setup(design=one.design, policy=one.policy, network=network)

    return setup


def _network(name: str, place: Path) -> Path:
    """Return the trace of a network, from beside the results or among those shipped; else its own name."""
    from traces import network_names, read_info, shipped_traces  # noqa: PLC0415  (pulls in pyarrow)

    near = [
        path for folder in (place, *place.resolve().parents[:2]) for path in sorted(folder.glob("*.parquet"))
    ]
    for path in [*near, *shipped_traces().values()]:
        try:
            if read_info(path).graph.name == name:
                return path
        except FileProblem:
            continue  # results are Parquet files too
    if name in network_names():
        return Path(name)
    raise FileProblem(f"{place}: the trace of {name!r} is not beside it; name it with --trace")


def _of_sweep(folder: Path) -> list[ShownPoint]:
    from analysis.sweeps.folder.results import load_sweep  # noqa: PLC0415  (pulls in pandas)
    from simulator import Policy  # noqa: PLC0415  (slow to import)

    results = load_sweep(folder)

    def setup_of(key: str, trace: str, policy: str) -> Callable[[], Setup]:
        def setup() -> Setup:
            network = Path(results.manifest.traces[trace])
            return Setup(design=results.design(key), policy=Policy.of(json.loads(policy)), network=network)

        return setup

    titles = network_titles({row.trace for row in results.rows})
    points = []
    for row in results.rows:
        if not row.feasible:
            continue
        values = {name: str(value) for name, value in json.loads(row.parameters).items()}
        points.append(
            ShownPoint(
                name=f"{titles[row.trace]} on {words_of_settings(row.design, values)}",
                latency_us=row.latency_us,
                energy_uj=row.energy_uj,
                on_front=False,
                setup=setup_of(row.key, row.trace, row.policy),
            )
        )
    return points
