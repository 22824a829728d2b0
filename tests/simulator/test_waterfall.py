"""Does each loss of the waterfall catch the effect it is named after, and nothing else?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import traces
from accel_models.design.load import load_design
from simulator import Explained, Policy, replay
from simulator.policy import Prefetch
from simulator.replays.waterfall import LOSSES
from traces import GateKind
from traces.files.storage import load_trace
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.parts import Gate
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.trace import Trace, TraceInfo, pack_mask

SHIPPED = sorted((Path(traces.__file__).parent / "shipped").glob("*.parquet"))


def one_of_each() -> list[Any]:
    """Return every shipped trace; those that differ from another in how much they keep alone are slow."""
    seen: set[str] = set()
    found = []
    for path in SHIPPED:
        network = re.sub(r"_\d+_cifar10$", "", path.stem)
        found.append(pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (network in seen)))
        seen.add(network)
    return found


def half_open(kept: int, channels: int = 32) -> Trace:
    """One convolution that keeps the first ``kept`` outputs, decided from the start."""
    builder = GraphBuilder("one", 16, 8, 8)
    builder.conv("conv", builder.input, channels, Window.square(3))
    builder.gate(Gate(name="g", kind="channel", size=channels, reads="input", guards=("conv",)))
    masks = pack_mask(np.arange(channels)[None, :] < kept)
    zeros = np.zeros(1, np.int32)
    return Trace(builder.finish(), TraceInfo(model_name="one"), zeros, zeros, {"g": masks})


def losses(figures: Explained, what: str = "latency") -> dict[str, int]:
    fall = figures.waterfall.latency if what == "latency" else figures.waterfall.energy
    return {loss.name: loss.amount for loss in fall.losses}


@pytest.mark.parametrize(("kept", "folds"), [(32, 2), (17, 2), (16, 1), (1, 1)])
def test_rounding_catches_channels_that_do_not_fill_the_array(kept: int, folds: int) -> None:
    """16 columns: 17 channels take as long as 32, and 1 as long as 16."""
    changes = {"array.rows": 16, "array.cols": 16, "array.dataflow": "ws"}
    figures = replay(half_open(kept), load_design("systolic_bare", changes)).explained
    fall = figures.waterfall.latency
    assert fall.saved == pytest.approx(fall.dense * (1 - folds / 2), rel=0.01)
    assert fall.ideal_saved == pytest.approx(fall.dense * (1 - kept / 32), abs=1)
    assert losses(figures)["array rounding"] == fall.ideal_saved - fall.saved


def scattered(kept: tuple[int, ...], kind: GateKind = "channel", grid: int = 1) -> Trace:
    """One convolution of 32 channels on 8 x 8 pixels, and the channels or tiles it keeps."""
    builder = GraphBuilder("one", 16, 8, 8)
    builder.conv("conv", builder.input, 32, Window.square(3))
    size = 32 if kind == "channel" else grid * grid
    builder.gate(
        Gate(name="g", kind=kind, size=size, reads="input", guards=("conv",), tile_rows=grid, tile_cols=grid)
    )
    masks = pack_mask(np.isin(np.arange(size), kept)[None, :])
    zeros = np.zeros(1, np.int32)
    return Trace(builder.finish(), TraceInfo(model_name="one"), zeros, zeros, {"g": masks})


NO_FILL = {"array.rows": 16, "array.cols": 16, "array.dataflow": "ws"}


def test_what_the_design_cannot_skip_is_told_from_rounding() -> None:
    """Half of the tiles and half of the channels, on an array that knows neither: all of the saving is lost so."""
    for trace in (scattered((0, 1), "spatial", 2), scattered(tuple(range(16)))):
        figures = replay(trace, load_design("systolic_bare", {**NO_FILL, "skip.channels": "none"})).explained
        fall = figures.waterfall.latency
        assert losses(figures)["design cannot skip"] == pytest.approx(fall.dense / 2, abs=1)
        assert fall.saved == 0


def test_groups_lose_what_one_kept_channel_drags_along() -> None:
    """One channel in each of four groups of eight is kept: all are computed."""
    design = load_design("systolic_bare", {**NO_FILL, "skip.channels": "tile", "skip.group": 8})
    figures = replay(scattered((0, 8, 16, 24)), design).explained
    fall = figures.waterfall.latency
    assert losses(figures)["group granularity"] == pytest.approx(fall.dense * (1 - 4 / 32), abs=1)
    assert losses(figures)["design cannot skip"] == 0


def test_packing_and_control_are_losses_of_their_own() -> None:
    """Between two convolutions 16 of 32 channels are kept: the second packs 64 x 16 elements, 4 a cycle."""
    builder = GraphBuilder("two", 16, 8, 8)
    first = builder.conv("first", builder.input, 32, Window.square(3))
    builder.conv("second", first, 16, Window.square(3))
    builder.gate(Gate(name="g", kind="channel", size=32, reads="input", guards=("first",)))
    zeros = np.zeros(1, np.int32)
    masks = pack_mask(np.arange(32)[None, :] % 2 == 0)
    trace = Trace(builder.finish(), TraceInfo(model_name="two"), zeros, zeros, {"g": masks})
    slow = {"skip.gather_elements_per_cycle": 4.0, "memory.tile_overhead_cycles": 1000}
    found = losses(replay(trace, load_design("edge_npu_16x16", slow)).explained)
    cycle_ps = 2000  # 500 MHz
    assert found["gather"] == pytest.approx(64 * 16 / 4 * cycle_ps, abs=cycle_ps)
    assert found["tile control"] > 0
    packed = {**slow, "skip.packed_outputs": "true"}
    assert losses(replay(trace, load_design("edge_npu_16x16", packed)).explained)["gather"] == 0


def test_handing_decisions_over_is_a_loss_beside_waiting_for_them() -> None:
    trace = synthetic_trace(cifar_resnet(8, "layer"), 20, seed=1)
    near, far = (
        losses(replay(trace, load_design("edge_npu_16x16", {"gate_handover": time})).explained)
        for time in ("0 us", "10 us")
    )
    assert near["hand-over"] == 0
    assert far["hand-over"] > 0
    assert {name: loss for name, loss in near.items() if name != "hand-over"} == {
        name: loss for name, loss in far.items() if name != "hand-over"
    }


def test_the_memory_floor_catches_inputs_that_come_anyway() -> None:
    """On a slow bus the input takes nearly all the time, and channels that are skipped hardly save any."""
    slow = load_design("edge_npu_16x16", {"memory.dram.bandwidth": "0.01 GB/s", "array.rows": 32})
    figures = replay(half_open(8), slow).explained
    found = losses(figures)
    assert max(found, key=lambda name: found[name]) == "memory floor"
    assert figures.waterfall.latency.saved < 0.2 * figures.waterfall.latency.ideal_saved


def test_gates_that_cost_and_make_wait_are_told_apart() -> None:
    trace = synthetic_trace(cifar_resnet(8, "layer"), 30, seed=1)
    design = load_design("edge_npu_16x16", {"memory.weight_buffer": "8 KiB", "memory.banks": 1})
    figures = {
        prefetch: replay(trace, design, policy=Policy(prefetch=prefetch)).explained
        for prefetch in ("wait", "speculate", "oracle")
    }
    found = {prefetch: losses(summary) for prefetch, summary in figures.items()}
    assert tuple(found["wait"]) == LOSSES
    assert found["wait"]["decision wait"] > found["speculate"]["decision wait"] >= 0
    assert found["oracle"]["decision wait"] == 0
    for before in LOSSES[:7]:  # what the gates' timing does not touch is the same whatever the policy
        assert len({losses_of[before] for losses_of in found.values()}) == 1
    assert found["wait"]["gate compute"] > 0
    assert losses(figures["wait"], "energy")["wasted prefetch"] == 0
    assert losses(figures["speculate"], "energy")["wasted prefetch"] > 0


def test_the_mean_rate_is_right_where_all_inputs_are_alike_and_wrong_where_not() -> None:
    """Jensen: cost at the mean is not the mean of the costs."""
    graph = cifar_resnet(8, "layer")
    design = load_design("edge_npu_16x16")
    closed_or_open = SyntheticSettings(rates={gate.name: float(k % 2) for k, gate in enumerate(graph.gates)})
    alike = replay(synthetic_trace(graph, 20, closed_or_open), design).explained
    assert alike.mean_rate.latency_us == pytest.approx(alike.oracle.latency_us, rel=1e-12)
    assert alike.mean_rate.energy_uj == pytest.approx(alike.oracle.energy_uj, rel=1e-9)
    mixed = replay(synthetic_trace(graph, 200, SyntheticSettings(rates=0.5)), design).explained
    assert mixed.mean_rate.latency_us != pytest.approx(mixed.oracle.latency_us, rel=1e-4)


@pytest.mark.parametrize("path", one_of_each())
@pytest.mark.parametrize("prefetch", ["wait", "speculate"])
def test_engines_agree_on_the_shipped_traces(path: Path, prefetch: Prefetch) -> None:
    trace, design = load_trace(path, 2), load_design("edge_npu_16x16")
    fast, events = (
        replay(trace, design, policy=Policy(prefetch=prefetch), engine=engine, explain=False)
        for engine in ("fast", "events")
    )
    assert fast.per_input.equals(events.per_input)


def test_a_gate_beside_the_array_is_compute_or_wait_by_order() -> None:
    """A gate on the vector unit takes g cycles, in which the array could already compute the op that it guards.

    Waits last: the gate hides behind the op, and waiting for it costs g.  Waits first: a decision made in no time
    is not waited for, and that making it takes g is all of the loss.
    """
    builder = GraphBuilder("one", 16, 16, 16)
    x = builder.conv("stem", builder.input, 32, Window.square(3))
    score = builder.linear("score", builder.global_pool("pool", x), 1)
    builder.conv("body", x, 64, Window.square(3))
    builder.gate(
        Gate(
            name="g",
            kind="layer",
            reads="stem",
            computed_by=("pool", score.name),
            guards=("body",),
        )
    )
    zeros, runs = np.zeros(1, np.int32), np.ones(1, np.bool_)
    trace = Trace(builder.finish(), TraceInfo(model_name="one"), zeros, zeros, {"g": runs})
    design = load_design("edge_npu_16x16", {"gate_unit": "simd", "output_stage": "[]"})
    fall = replay(trace, design).explained.waterfall.latency
    compute, wait = (loss for loss in fall.losses if loss.name in {"gate compute", "decision wait"})
    assert (compute.amount, wait.other) == (0, 0)
    assert compute.other == wait.amount > 0


@pytest.mark.parametrize("prefetch", ["wait", "speculate", "oracle"])
def test_both_orders_add_up_to_the_same(prefetch: Prefetch) -> None:
    trace = synthetic_trace(cifar_resnet(8, "layer"), 30, seed=1)
    figures = replay(trace, load_design("edge_npu_16x16"), policy=Policy(prefetch=prefetch)).explained
    for fall in (figures.waterfall.latency, figures.waterfall.energy):
        either = [loss for loss in fall.losses if loss.name in {"gate compute", "decision wait"}]
        assert sum(loss.amount for loss in either) == sum(
            loss.amount if loss.other is None else loss.other for loss in either
        )
        others = [loss.other for loss in fall.losses if loss not in either]
        assert others == [None] * len(others)
        assert prefetch != "oracle" or [loss.other for loss in either] == [None, None]
