"""Lowering by hand: blocks, gaps, flattened pixels, cells, means, tiles."""

from __future__ import annotations

import numpy as np
import pytest

from tests.traces.trace_strategies import SAME, add_gate
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.parts import INPUT, Op
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.trace import Trace, TraceInfo, open_trace, pack_mask
from traces.work.lowering import dense_workload, lower
from traces.work.mean import mean_workload


def test_an_lcnet_block_by_hand() -> None:
    """ResNet-8: block1 skipped for input 0; for input 1 its first convolution keeps channels 0 and 9."""
    graph = cifar_resnet(8, "both")
    trace = open_trace(graph, 2)
    mask = np.zeros((2, 16), np.bool_)
    mask[1, [0, 9]] = True
    decisions = dict(trace.decisions)
    decisions["block1.lnet"] = np.array([False, True])
    decisions["block1.cnet"] = pack_mask(mask)
    trace = Trace(graph, trace.info, trace.labels, trace.predictions, decisions)
    workload = lower(trace)

    def column(name: str) -> list[tuple[bool, int, int]]:
        j = graph.index[name]
        parts = (workload.runs, workload.in_channels, workload.out_channels)
        return list(zip(*(part[:, j].tolist() for part in parts), strict=True))

    assert column("block1.lnet.fc") == [(True, 16, 1), (True, 16, 1)]
    assert column("block1.cnet.fc") == [(False, 0, 0), (True, 16, 16)]
    assert column("block1.conv1") == [(False, 0, 0), (True, 16, 2)]
    assert column("block1.scale_channels") == [(False, 0, 0), (True, 2, 2)]
    assert column("block1.conv2") == [(False, 0, 0), (True, 2, 16)]
    assert column("block1.add") == [(False, 0, 0), (True, 16, 16)]
    assert column("block2.conv1") == [(True, 16, 32), (True, 16, 32)]
    assert np.flatnonzero(workload.in_mask("block1.conv2")[1]).tolist() == [0, 9]
    conv1, conv2 = graph.op("block1.conv1").macs, graph.op("block1.conv2").macs
    saved = np.array([conv1 + conv2 + 16 * 16, (conv1 + conv2) * 14 // 16])
    assert (graph.macs - workload.macs == saved).all()


def test_a_projection_runs_when_its_block_is_skipped() -> None:
    graph = cifar_resnet(8, "layer")
    trace = open_trace(graph, 1)
    decisions = {name: np.zeros_like(values) for name, values in trace.decisions.items()}
    workload = lower(Trace(graph, trace.info, trace.labels, trace.predictions, decisions))
    ran = {op.name for op, runs in zip(graph.ops, workload.runs[0], strict=True) if runs}
    assert {"stem", "block2.shortcut", "block3.shortcut", "pool", "classifier"} <= ran
    assert not any(name.endswith((".conv1", ".conv2", ".add")) for name in ran)


def test_a_skipped_dense_layer_leaves_a_gap_in_the_concatenation() -> None:
    """DenseNet: 4 + 3 channels; without the 3 the next convolution reads the first 4."""
    builder = GraphBuilder("densenet", 1, 4, 4)
    x = builder.conv("stem", builder.input, 4, SAME)
    y = builder.conv("layer", x, 3, SAME)
    add_gate(builder, "g", "layer", x, ("layer",))
    z = builder.concat("concat", (y, x))
    builder.conv("next", z, 2, SAME)
    graph = builder.finish()
    decisions = {"g": np.array([True, False])}
    zeros = np.zeros(2, np.int32)
    workload = lower(Trace(graph, TraceInfo(model_name="d"), zeros, zeros, decisions))
    assert workload.in_channels[:, graph.index["next"]].tolist() == [7, 4]
    assert np.flatnonzero(workload.in_mask("next")[1]).tolist() == [3, 4, 5, 6]


def test_flattening_keeps_the_pixels_of_kept_channels() -> None:
    """Channels 0 and 2 of three, 2x2 pixels: features 0-3 and 8-11 of the fully connected layer."""
    builder = GraphBuilder("flat", 1, 2, 2)
    x = builder.conv("conv", builder.input, 3, Window.square(1))
    add_gate(builder, "g", "channel", builder.input, ("conv",), size=3)
    builder.linear("fc", x, 5)
    graph = builder.finish()
    decisions = {"g": pack_mask(np.array([[True, False, True]]))}
    zeros = np.zeros(1, np.int32)
    workload = lower(Trace(graph, TraceInfo(model_name="f"), zeros, zeros, decisions))
    assert workload.in_channels[0].tolist() == [1, 8]
    assert np.flatnonzero(workload.in_mask("fc")[0]).tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
    assert workload.op_macs[0].tolist() == [1 * 2 * 4, 8 * 5]


def test_an_lstm_cell_works_on_its_own_state() -> None:
    """SkipNet's gate: 4 * hidden * (input + hidden) MACs."""
    builder = GraphBuilder("rnn", 10, 1, 1)
    builder.ops.append(Op(name="cell", kind="lstm_cell", inputs=(INPUT,), in_channels=10, out_channels=7))
    workload = dense_workload(builder.finish())
    assert workload.macs.tolist() == [4 * 7 * 17]


def test_mean_workload_rounds_half_up_and_keeps_rates() -> None:
    """Kept channels 1, 2, skipped, skipped: mean 1.5 of what runs becomes 2, rate 0.5."""
    builder = GraphBuilder("mean", 1, 4, 4)
    builder.conv("conv", builder.input, 3, SAME)
    add_gate(builder, "c", "channel", builder.input, ("conv",), size=3)
    add_gate(builder, "l", "layer", builder.input, ("conv",))
    graph = builder.finish()
    bits = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 1], [1, 1, 1]], np.bool_)
    decisions = {"c": pack_mask(bits), "l": np.array([True, True, False, False])}
    zeros = np.zeros(4, np.int32)
    mean = mean_workload(lower(Trace(graph, TraceInfo(model_name="m"), zeros, zeros, decisions)))
    assert mean.rate.tolist() == [0.5]
    assert mean.out_channels.tolist() == [1.5]
    assert mean.workload.out_channels.tolist() == [[2]]
    assert mean.workload.runs.tolist() == [[True]]
    assert mean.workload.macs.tolist() == [9 * 2 * 16]
    assert mean.workload.out_mask("conv").tolist() == [[True, True, False]]


def test_mean_workload_of_what_never_runs_is_empty() -> None:
    graph = cifar_resnet(8, "layer")
    trace = synthetic_trace(graph, 10, SyntheticSettings(rates=0.0))
    mean = mean_workload(lower(trace))
    skipped = graph.index["block1.conv1"]
    assert mean.rate[skipped] == 0
    assert not mean.workload.runs[0, skipped]


def test_a_product_with_a_score_that_was_not_computed_is_skipped() -> None:
    """A score of one channel has no mask to intersect with, but it must be there."""
    builder = GraphBuilder("scored", 1, 4, 4)
    x = builder.conv("conv", builder.input, 3, SAME)
    score = builder.linear("score", builder.global_pool("pool", x), 1)
    add_gate(builder, "g", "layer", x, ("score",))
    builder.conv("next", builder.elementwise("mul", "scale", (x, score)), 2, SAME)
    zeros = np.zeros(2, np.int32)
    decisions = {"g": np.array([True, False])}
    workload = lower(Trace(builder.finish(), TraceInfo(model_name="s"), zeros, zeros, decisions))
    assert workload.runs.tolist() == [[True] * 5, [True, True, False, False, False]]


@pytest.mark.parametrize(("tiles", "pixels"), [(0, 0), (1, 7), (2, 13), (3, 19), (4, 25)])
def test_tiles_compute_their_share_of_the_pixels_rounded_up(tiles: int, pixels: int) -> None:
    """A 2x2 grid over 5x5 pixels: a tile is 6.25 pixels."""
    builder = GraphBuilder("tiles", 1, 5, 5)
    builder.conv("conv", builder.input, 2, SAME)
    add_gate(builder, "s", "spatial", builder.input, ("conv",), size=4, tile_rows=2, tile_cols=2)
    zeros = np.zeros(1, np.int32)
    decisions = {"s": pack_mask(np.arange(4)[None, :] < tiles)}
    workload = lower(Trace(builder.finish(), TraceInfo(model_name="t"), zeros, zeros, decisions))
    assert workload.tiles.tolist() == [[tiles]]
    assert workload.macs.tolist() == [9 * 2 * pixels]
    assert workload.runs.tolist() == [[tiles > 0]]
