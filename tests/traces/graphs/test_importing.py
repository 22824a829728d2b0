"""The importer core: real shapes and axis orders become ops whose sizes are worked by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from traces.base.errors import UnsupportedError
from traces.graphs.importing.core import import_model
from traces.graphs.importing.ops import (
    Concat,
    Contraction,
    Convolution,
    Elementwise,
    Function,
    ImportedOp,
    Missing,
    Move,
    Pooling,
    Recurrence,
    Reduction,
    Reshape,
    Transpose,
)
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Op

Shape = tuple[int, ...]
Ops = list[ImportedOp | Missing]


def imported(
    ops: Sequence[ImportedOp | Missing], shapes: Mapping[str, Shape], skip: bool = False
) -> NetworkGraph:
    return import_model("net", ["x"], ops, shapes, ["y"], skip_unsupported=skip).graph


def sizes(op: Op) -> tuple[int, int, int, int]:
    return (*op.product, op.groups)


def linear(name: str, x: str, out: str) -> Contraction:
    return Contraction(name=name, a=x, b="w", out=out, a_axes="btk", b_axes="kn", out_axes="btn")


def test_heads_of_attention_are_groups_and_nothing_is_moved() -> None:
    """49 rows of 64 features in 4 heads: 49 x 16 by 16 x 49 per head, then 49 x 49 by 49 x 16."""
    shapes = {"x": (1, 49, 64), "w": (64, 64), "y": (1, 49, 64)}
    ops: list[ImportedOp | Missing] = []
    for name in "qkv":
        shapes |= {name: (1, 49, 64), f"{name}r": (1, 49, 4, 16), f"{name}t": (1, 4, 49, 16)}
        ops += [
            linear(name, "x", name),
            Reshape(name=f"{name}r", x=name, out=f"{name}r"),
            Transpose(name=f"{name}t", x=f"{name}r", out=f"{name}t", permutation=(0, 2, 1, 3)),
        ]
    shapes |= {
        "s": (1, 4, 49, 49),
        "p": (1, 4, 49, 49),
        "o": (1, 4, 49, 16),
        "ot": (1, 49, 4, 16),
        "m": (1, 49, 64),
    }
    ops += [
        Contraction(name="qk", a="qt", b="kt", out="s", a_axes="bhmd", b_axes="bhnd", out_axes="bhmn"),
        Function(name="softmax", x="s", out="p", kind="softmax"),
        Contraction(name="pv", a="p", b="vt", out="o", a_axes="bhmn", b_axes="bhnd", out_axes="bhmd"),
        Transpose(name="ot", x="o", out="ot", permutation=(0, 2, 1, 3)),
        Reshape(name="merge", x="ot", out="m"),
        linear("proj", "m", "y"),
    ]
    graph = imported(ops, shapes)
    assert [op.kind for op in graph] == ["linear"] * 3 + ["matmul", "softmax", "matmul", "linear"]
    assert sizes(graph.op("q")) == (49, 64, 64, 1)
    assert sizes(graph.op("qk")) == (49, 16, 49, 4)
    assert sizes(graph.op("pv")) == (49, 49, 16, 4)
    assert graph.op("softmax").output_elements == 4 * 49 * 49
    assert graph.macs == 4 * 49 * 64 * 64 + 2 * 4 * 49 * 49 * 16


def test_a_real_reshape_is_not_looked_through() -> None:
    """(1, 16, 32, 32) as 64 rows of 256: a product of 64 x 256 by 256 x 10, not of one row of 16,384."""
    ops: Ops = [
        Reshape(name="r", x="x", out="r"),
        Contraction(name="mm", a="r", b="w", out="y", a_axes="btk", b_axes="kn", out_axes="btn"),
    ]
    graph = imported(ops, {"x": (1, 16, 32, 32), "r": (1, 64, 256), "w": (256, 10), "y": (1, 64, 10)})
    assert sizes(graph.op("mm")) == (64, 256, 10, 1)
    assert graph.op("mm").weight_count == 2560


def test_a_flattened_image_reads_its_weights_in_any_order() -> None:
    ops: Ops = [
        Convolution(name="c", x="x", out="a", kernel=(3, 3)),
        Reshape(name="f", x="a", out="f"),
        Contraction(name="fc", a="f", b="w", out="y", a_axes="bk", b_axes="kn", out_axes="bn"),
    ]
    graph = imported(ops, {"x": (1, 3, 8, 8), "a": (1, 4, 6, 6), "f": (1, 144), "w": (144, 10), "y": (1, 10)})
    assert [op.kind for op in graph] == ["conv", "linear"]
    assert sizes(graph.op("fc")) == (1, 144, 10, 1)


def test_channels_last_is_an_order_of_axes_and_no_work() -> None:
    """ConvNeXt: a convolution, NHWC for two products over channels, back."""
    ops: Ops = [
        Convolution(name="dw", x="x", out="a", kernel=(7, 7), groups=8),
        Transpose(name="t", x="a", out="t", permutation=(0, 2, 3, 1)),
        Function(name="ln", x="t", out="n", kind="layer_norm"),
        Contraction(name="up", a="n", b="w", out="u", a_axes="bhwk", b_axes="kn", out_axes="bhwn"),
        Transpose(name="back", x="u", out="y", permutation=(0, 3, 1, 2)),
    ]
    shapes = {
        "x": (1, 8, 14, 14),
        "a": (1, 8, 14, 14),
        "t": (1, 14, 14, 8),
        "n": (1, 14, 14, 8),
        "w": (8, 32),
    }
    graph = imported(ops, {**shapes, "u": (1, 14, 14, 32), "y": (1, 32, 14, 14)})
    assert [op.kind for op in graph] == ["conv", "layer_norm", "linear"]
    assert sizes(graph.op("up")) == (196, 8, 32, 1)


def test_shuffled_channels_are_copied() -> None:
    """ShuffleNet: two groups of four channels interleaved; a grouped convolution cares, so they move."""
    ops: Ops = [
        Convolution(name="c", x="x", out="a", kernel=(1, 1), groups=2),
        Reshape(name="r", x="a", out="r"),
        Transpose(name="t", x="r", out="t", permutation=(0, 2, 1, 3, 4)),
        Reshape(name="m", x="t", out="m"),
        Convolution(name="d", x="m", out="y", kernel=(1, 1), groups=2),
    ]
    shapes = {
        "x": (1, 8, 4, 4),
        "a": (1, 8, 4, 4),
        "r": (1, 2, 4, 4, 4),
        "t": (1, 4, 2, 4, 4),
        "m": (1, 8, 4, 4),
    }
    graph = imported(ops, {**shapes, "y": (1, 8, 4, 4)})
    assert [op.kind for op in graph] == ["conv", "copy", "conv"]


def test_padding_is_done_by_the_window_behind_it() -> None:
    ops: Ops = [
        Move(name="p", x="x", out="p", kind="pad"),
        Convolution(name="c", x="p", out="y", kernel=(3, 3), stride=(2, 2)),
    ]
    graph = imported(ops, {"x": (1, 3, 224, 224), "p": (1, 3, 225, 225), "y": (1, 16, 112, 112)})
    assert [op.kind for op in graph] == ["conv"]
    assert graph.macs == 5_419_008


def test_outer_products_broadcast() -> None:
    """(16, 1, 1) x (1, 20, 20) is (16, 20, 20)."""
    ops: Ops = [
        Reduction(name="ca", x="x", out="ca", axes=(2, 3)),
        Convolution(name="sa", x="x", out="sa", kernel=(7, 7)),
        Elementwise(name="outer", inputs=("ca", "sa"), out="y", kind="mul"),
    ]
    graph = imported(
        ops, {"x": (1, 16, 20, 20), "ca": (1, 16, 1, 1), "sa": (1, 1, 20, 20), "y": (1, 16, 20, 20)}
    )
    assert [op.kind for op in graph] == ["global_avg_pool", "conv", "mul"]
    assert graph.op("outer").output_elements == 16 * 400


def test_constants_fold_and_activations_fuse_only_where_nobody_else_looks() -> None:
    shapes = {"x": (1, 4, 8, 8), **dict.fromkeys("abcy", (1, 4, 8, 8)), "k": (1, 4, 1, 1)}
    ops: Ops = [
        Convolution(name="conv", x="x", out="a", kernel=(1, 1)),
        Elementwise(name="bn", inputs=("a", "k"), out="b", kind="mul"),
        Function(name="relu", x="b", out="c", activation="relu"),
        Elementwise(name="sum", inputs=("c", "x"), out="y", kind="add"),
    ]
    graph = imported(ops, shapes)
    assert [(op.kind, op.activation) for op in graph] == [("conv", "relu"), ("add", "none")]
    ops[-1] = Elementwise(name="sum", inputs=("c", "b"), out="y", kind="add")
    assert [op.kind for op in imported(ops, shapes)] == ["conv", "activation", "add"]


def test_a_class_token_is_a_row_more() -> None:
    ops: Ops = [
        linear("e", "x", "a"),
        Concat(name="cat", inputs=("cls", "a"), out="c", axis=1),
        linear("f", "c", "y"),
    ]
    graph = imported(
        ops, {"x": (1, 4, 8), "a": (1, 4, 8), "w": (8, 8), "cls": (1, 1, 8), "c": (1, 5, 8), "y": (1, 5, 8)}
    )
    assert sizes(graph.op("f")) == (5, 8, 8, 1)
    assert [op.kind for op in graph] == ["linear", "copy", "linear"]


def test_steps_of_a_cell_follow_each_other_and_directions_are_joined() -> None:
    ops = [Recurrence(name="lstm", x="x", out="y", kind="lstm_cell", hidden=64, directions=2)]
    graph = imported(ops, {"x": (100, 1, 32), "y": (100, 2, 1, 64)})
    assert [op.kind for op in graph] == ["lstm_cell", "lstm_cell", "concat"]
    assert graph.macs == 2 * 100 * 256 * (32 + 64)


def test_groups_of_pixels_pooled_by_windows() -> None:
    ops = [Pooling(name="p", x="x", out="y", kind="max_pool", kernel=(2, 2), stride=(2, 2))]
    graph = imported(ops, {"x": (1, 4, 8, 8), "y": (1, 4, 4, 4)})
    assert graph.ops[0].output_elements == 64


def test_everything_missing_is_listed_at_once_or_left_out_by_name() -> None:
    ops: Ops = [
        Missing(type="NonMaxSuppression", name="nms", outputs=("a",)),
        Missing(type="Scan", name="scan", outputs=("b",)),
        Elementwise(name="sum", inputs=("a", "b"), out="y", kind="add"),
        Missing(type="Scan", name="scan2", outputs=("c",)),
    ]
    shapes = dict.fromkeys("xaby", (1, 4, 8, 8))
    with pytest.raises(
        UnsupportedError,
        match=r"3 of 4 nodes \(75 %\).*2 Scan \(first 'scan'\); 1 NonMax.*--skip-unsupported",
    ):
        imported(ops, {**shapes, "c": (1, 1)})
    graph = imported(ops, {**shapes, "c": (1, 1)}, skip=True)
    assert graph.skipped == ("NonMaxSuppression nms", "Scan scan", "Scan scan2")
    assert graph.op("sum").inputs[0] == "input"
