"""Work that is killed: each runs in a folder, goes on where a killed run stopped, and leaves what can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from analysis.reports.report import write_report
from analysis.sweeps.evaluate import evaluate
from analysis.sweeps.folder.results import load_sweep
from analysis.sweeps.search import search
from analysis.sweeps.spaces.file import load_space
from analysis.sweeps.sweep import sweep
from simulator import Arrivals, StreamSettings, load_results, replay, stream
from tests.analysis.sweeps.sweep_fakes import slow
from tests.fuzz.home import design, small_trace
from traces import LacunaError, load_trace, save_trace

SPACE = """designs: edge_npu_16x16
networks: t.parquet
set: {array.rows: 1..4, array.cols: [4, 8, 16]}
policies: {prefetch: [wait, speculate]}
"""
CONFIG = """name: tiny
dataset: digits
model: {kind: resnet, blocks: [1, 1], widths: [4, 8], in_channels: 1, layer_gates: true}
training: {epochs: 3, batch_size: 64, bfloat16: false}
"""


@dataclass(frozen=True)
class Job:
    """A piece of work that may be killed at any moment."""

    name: str
    prepare: Callable[[Path], None]  # what it starts from
    run: Callable[[Path], None]  # begins, or goes on
    left: Callable[
        [Path], str
    ]  # what a whole run leaves, to be compared; raises LacunaError where it is not whole


def _trace(folder: Path) -> None:
    save_trace(small_trace(), folder / "t.parquet")


def _earlier(folder: Path) -> None:
    """Put other results where a replay writes."""
    _trace(folder)
    replay(small_trace().rows(0, 3), design("cortex_m4")).save(folder / "out")


def _replay(folder: Path) -> None:
    replay(folder / "t.parquet", design("edge_npu_16x16"), timeline=2).save(folder / "out")


def _results(folder: Path) -> str:
    load_results(folder / "out")
    return (folder / "out" / "SHA256SUMS").read_text()


def _stream(folder: Path) -> None:
    settings = StreamSettings(arrivals=Arrivals(rate_hz=1e4))
    stream(load_trace(folder / "t.parquet"), design("edge_npu_16x16"), settings).save(folder / "out")


def _streamed(folder: Path) -> str:
    path = folder / "out" / "SHA256SUMS"
    if not path.is_file():
        raise LacunaError("no results yet")
    return path.read_text()


def _sweep(workers: int) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        out = folder / "out"
        resume = (out / "space.json").exists()
        evaluator = evaluate if workers else slow  # a process that is alone is to be killed between rows
        sweep(load_space(folder / "s.yaml"), out, workers=workers, resume=resume, evaluator=evaluator)

    return run


def _search(folder: Path) -> None:
    out = folder / "out"
    resume = (out / "space.json").exists()
    space = load_space(folder / "s.yaml")
    search(space, out, evaluations=20, seed=4, workers=0, resume=resume, evaluator=slow)


def _space(folder: Path) -> None:
    _trace(folder)
    (folder / "s.yaml").write_text(SPACE)


def _rows(folder: Path) -> str:
    """Return every row; a row that stands in two parts is one too many.  An unfinished part is none yet."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (slow to import)

    rows = load_sweep(folder / "out").rows
    stored = sum(pq.read_metadata(part).num_rows for part in (folder / "out" / "rows").glob("*.parquet"))
    return f"{stored} stored\n" + "\n".join(map(repr, rows))


def _report(folder: Path) -> None:
    write_report(folder / "out")


def _reported(folder: Path) -> str:
    path = folder / "out" / "report.html"
    if not path.is_file():
        raise LacunaError("no report yet")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _config(folder: Path) -> None:
    (folder / "c.yaml").write_text(CONFIG)


def _train(folder: Path) -> None:
    from networks.training.launch import train_from_config  # noqa: PLC0415  (torch)

    train_from_config(folder / "c.yaml", folder / "out")


def _trained(folder: Path) -> str:
    from networks.training import checkpoint  # noqa: PLC0415  (torch)
    from networks.training.loading import load_model  # noqa: PLC0415  (torch)

    loaded = load_model(folder / "out" / "model.pt")
    log = [line.split(",") for line in (folder / "out" / "log.csv").read_text().splitlines()]
    learnt = [[cell for i, cell in enumerate(line) if i != 1] for line in log]  # but the seconds
    return f"{checkpoint.weights_hash(loaded.model.state_dict())} {learnt}"


def _recorded_from(folder: Path) -> None:
    _config(folder)
    _train(folder)


def _record(folder: Path) -> None:
    from networks.recording.record import record_checkpoint  # noqa: PLC0415  (torch)

    save_trace(record_checkpoint(folder / "out" / "model.pt"), folder / "r.parquet")


def _recorded(folder: Path) -> str:
    load_trace(folder / "r.parquet")
    return hashlib.sha256((folder / "r.parquet").read_bytes()).hexdigest()


def warm() -> None:
    """Import what the jobs use, so that processes that are copied from this one need not."""
    for name in ("pandas", "pyarrow.parquet", "plotly.graph_objects", "jinja2", "optuna", "sklearn.datasets"):
        if find_spec(name.partition(".")[0]) is not None:
            import_module(name)
    import_module("simulator.replays.run")
    import_module("analysis.figures.charts")
    import_module("analysis.reports.replays.page")
    if find_spec("torch") is not None:
        import_module("networks.training.launch")
        import_module("networks.recording.record")


def jobs() -> tuple[Job, ...]:
    """Return the jobs whose libraries are installed."""
    found = [
        Job("replay", _earlier, _replay, _results),
        Job("stream", _trace, _stream, _streamed),
        Job("sweep", _space, _sweep(0), _rows),
        Job("sweep, 2 workers", _space, _sweep(2), _rows),
        Job("report", _earlier, _report, _reported),
    ]
    if find_spec("optuna") is not None:
        found.append(Job("search", _space, _search, _rows))
    if find_spec("torch") is not None and find_spec("sklearn") is not None:
        found += [Job("train", _config, _train, _trained), Job("record", _recorded_from, _record, _recorded)]
    return tuple(found)
