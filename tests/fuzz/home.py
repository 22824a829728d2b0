"""One valid thing of each kind, made once, in a folder that ends with the process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from accel_models import Design, load_design
from simulator import Arrivals, StreamSettings, replay, stream
from tests.analysis.sweeps.sweep_fakes import analytic, make_space
from tests.traces.trace_strategies import SAME, add_gate, lc_block, random_trace
from traces import GraphBuilder, NetworkGraph, Trace, export_npz, save_graph, save_trace

SPACE = """designs: edge_npu_16x16
traces: easy.parquet
set: {array.rows: 1..4, clock: 100 MHz..200 MHz step 50 MHz}
policies: {theta: 0.1..0.9 step 0.4, prefetch: predict}
where: ['array.rows * 2 <= 8 or clock >= "100 MHz"']
budget: {area: 2 mm2}
"""


@cache
def small_network() -> NetworkGraph:
    """Return a network with layer, channel and exit gates, a depthwise convolution and pools."""
    builder = GraphBuilder("small", 3, 8, 8)
    x = builder.conv("stem", builder.input, 8, SAME, activation="relu")
    x = lc_block(builder, "b", x, 12, layer=True, channel=True)
    builder.linear("early", builder.global_pool("early.pool", x), 4)
    mark = len(builder.ops)
    x = builder.conv("dw", x, 8, SAME, groups=8)
    x = builder.pool("max_pool", "pool", x, SAME)
    builder.linear("late", builder.global_pool("late.pool", x), 4)
    guards = builder.names_since(mark)
    exits = {"size": 2, "exits": ("early", "late"), "levels": (0,) * len(guards)}
    add_gate(builder, "exit", "exit", x.__class__("early", 4), guards, **exits)
    return builder.finish()


@cache
def small_trace() -> Trace:
    """Return five inputs of it, with every column a trace can have."""
    return random_trace(small_network(), 5, seed=1)


@cache
def design(name: str) -> Design:
    """Return a shipped design, read once."""
    return load_design(name)


@cache
def home() -> Path:
    """Return the folder."""
    folder = Path(tempfile.mkdtemp(prefix="lacuna_fuzz_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    save_trace(small_trace(), folder / "t.parquet")
    export_npz(small_trace(), folder / "t.npz")
    save_graph(small_network(), folder / "g.json")
    replay(small_trace(), design("edge_npu_16x16")).save(folder / "results")
    settings = StreamSettings(arrivals=Arrivals(rate_hz=1e5), frames=20, queue=1)
    stream(small_trace(), design("edge_npu_16x16"), settings).save(folder / "stream")
    from analysis.sweeps.sweep import sweep  # noqa: PLC0415  (pandas)

    sweep(make_space(folder, SPACE), folder / "sweep", workers=0, evaluator=analytic)
    return folder


def stored(*path: str) -> Callable[[], list[bytes]]:
    """Return what reads one of its files."""

    @cache
    def read() -> list[bytes]:
        return [home().joinpath(*path).read_bytes()]

    return read


def beside(folder: str, name: str, load: Callable[[Path], str]) -> Callable[[Path], str]:
    """Return a reader that puts the file into its folder, loads that, and puts back all that was there."""

    def read(path: Path) -> str:
        target = home() / folder
        before = {file: file.read_bytes() for file in target.rglob("*") if file.is_file()}
        try:
            (target / name).write_bytes(path.read_bytes())
            return load(target)
        finally:
            for file, data in before.items():
                file.write_bytes(data)

    return read
