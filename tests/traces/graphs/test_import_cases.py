"""Models as people have them, one of each kind that a reader gets wrong easily: MACs worked by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from traces.base.errors import UnsupportedError
from traces.graphs.network import NetworkGraph
from traces.graphs.onnx.load import load_onnx

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

Shape = tuple[int | str, ...]
PADDED: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
VALUES: dict[str, list[int]] = {"pads": [0, 0, 0, 0, 0, 0, 1, 1]}


def read(
    folder: Path,
    nodes: Sequence[Any],
    inputs: Mapping[str, Shape],
    weights: Mapping[str, tuple[int, ...]],
    values: Mapping[str, Sequence[int]] | None = None,
    opset: int = 17,
    **options: Any,
) -> NetworkGraph:
    """Save a model and read it."""
    tensors = [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in weights.items()]
    tensors += [numpy_helper.from_array(np.array(v, np.int64), name) for name, v in (values or {}).items()]
    infos = [helper.make_tensor_value_info(name, 1, shape) for name, shape in inputs.items()]
    graph = helper.make_graph(nodes, "g", infos, [helper.make_tensor_value_info("y", 1, None)], tensors)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8),
        folder / "m.onnx",
    )
    return load_onnx(folder / "m.onnx", **options)


def node(kind: str, inputs: str, outputs: str = "y", **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), outputs.split(), name=kind.lower(), **attributes)


CONV = node("Conv", "x w", "a", **PADDED)
IMAGE: dict[str, Shape] = {"x": (1, 4, 8, 8)}
FOUR: dict[str, tuple[int, ...]] = {"w": (4, 4, 3, 3)}
CASES: dict[str, tuple[list[Any], dict[str, Shape], dict[str, tuple[int, ...]], dict[str, list[int]], int]] = {
    "reshape of the input": (
        [node("Reshape", "x s", "u"), node("Conv", "u w", **PADDED)],
        {"x": (1, 784)}, {"w": (8, 1, 3, 3)}, {"s": [1, 1, 28, 28]}, 56_448,
    ),
    "rows of a matrix product": ([node("MatMul", "x w")], {"x": (256, 512)}, {"w": (512, 128)}, {}, 16_777_216),
    "rows by a reshape": (
        [node("Conv", "x w0", "c", **PADDED), node("Reshape", "c s", "r"), node("MatMul", "r w")],
        {"x": (1, 3, 32, 32)}, {"w0": (16, 3, 3, 3), "w": (256, 10)}, {"s": [1, 64, 256]}, 442_368 + 64 * 256 * 10,
    ),
    "weights of one value": (
        [node("ConstantOfShape", "s", "w"), node("Conv", "x w", **PADDED)],
        {"x": (1, 3, 8, 8)}, {}, {"s": [4, 3, 3, 3]}, 6_912,
    ),
    "sum of two": ([CONV, node("Sum", "a x")], IMAGE, FOUR, {}, 9_216),
    "asymmetric padding": (
        [node("Pad", "x pads", "a"), node("Conv", "a w", kernel_shape=[3, 3], strides=[2, 2])],
        {"x": (1, 3, 224, 224)}, {"w": (16, 3, 3, 3)}, VALUES, 5_419_008,
    ),
    "one axis": (
        [node("Conv", "x w", kernel_shape=[9], pads=[4, 4])], {"x": (1, 40, 98)}, {"w": (64, 40, 9)}, {}, 2_257_920
    ),
    "three axes": (
        [node("Conv", "x w", kernel_shape=[3, 3, 3], pads=[1] * 6)],
        {"x": (1, 3, 8, 8, 8)}, {"w": (4, 3, 3, 3, 3)}, {}, 512 * 27 * 3 * 4,
    ),
    "transposed": (
        [node("ConvTranspose", "x w", kernel_shape=[2, 2], strides=[2, 2])],
        {"x": (1, 32, 16, 16)}, {"w": (32, 16, 2, 2)}, {}, 524_288,
    ),
    "padding that a transposed convolution multiplies too": (
        [node("Pad", "x pads", "a"), node("ConvTranspose", "a w", kernel_shape=[2, 2], strides=[2, 2])],
        {"x": (1, 32, 15, 15)}, {"w": (32, 16, 2, 2)}, VALUES, 524_288,
    ),
    "padding wider than the window": (
        [node("Conv", "x w", kernel_shape=[1, 1], pads=[2] * 4)], IMAGE, {"w": (4, 4, 1, 1)}, {}, 12 * 12 * 16
    ),
    "weights first": ([node("MatMul", "w x")], {"x": (64, 100)}, {"w": (32, 64)}, {}, 204_800),
    "outer product": (
        [
            node("GlobalAveragePool", "x", "ca"),
            node("Conv", "x w", "sa", kernel_shape=[7, 7], pads=[3] * 4),
            node("Mul", "ca sa", "m"),
            helper.make_node("Conv", ["m", "v"], ["y"], name="after"),
        ],
        {"x": (1, 16, 20, 20)}, {"w": (1, 16, 7, 7), "v": (8, 16, 1, 1)}, {}, 364_800,
    ),
    "attention": (
        [
            node("MatMul", "x wq", "q"),
            node("MatMul", "x wk", "k"),
            node("Transpose", "k", "kt", perm=[0, 2, 1]),
            node("MatMul", "q kt", "s"),
            node("Softmax", "s", "p", axis=-1),
            node("MatMul", "p x"),
        ],
        {"x": (1, 49, 64)}, {"wq": (64, 64), "wk": (64, 64)}, {}, 708_736,
    ),
    "two inputs": (
        [node("Conv", "x w", "a", **PADDED), node("Conv", "z w", "b", **PADDED), node("Add", "a b")],
        {"x": (1, 3, 16, 16), "z": (1, 3, 16, 16)}, {"w": (8, 3, 3, 3)}, {}, 110_592,
    ),
    "steps of a cell": (
        [node("LSTM", "x w r", hidden_size=64)],
        {"x": (100, 1, 64)}, {"w": (1, 256, 64), "r": (1, 256, 64)}, {}, 3_276_800,
    ),
    "weights that are computed": (
        [node("Mul", "w a", "wd"), node("Conv", "x wd", **PADDED)],
        {"x": (1, 3, 16, 16)}, {"w": (8, 3, 3, 3), "a": (8, 1, 1, 1)}, {}, 55_296,
    ),
    "largest of all pixels": (
        [
            node("Conv", "x w", "a", **PADDED),
            node("GlobalMaxPool", "a", "g"),
            node("Flatten", "g", "f"),
            node("MatMul", "f v"),
        ],
        {"x": (1, 3, 16, 16)}, {"w": (8, 3, 3, 3), "v": (8, 10)}, {}, 55_376,
    ),
    "dynamic quantisation": (
        [
            node("DynamicQuantizeLinear", "x", "q s z"),
            node("MatMulInteger", "q w z", "i"),
            node("Cast", "i", "f", to=1),
            node("Mul", "f s"),
        ],
        {"x": (1, 5, 16)}, {"w": (16, 8)}, {}, 5 * 16 * 8,
    ),
    "quantised operands": (
        [
            node("QuantizeLinear", "x s", "q"),
            node("DequantizeLinear", "q s", "d"),
            node("DequantizeLinear", "w s", "e"),
            node("Conv", "d e", **PADDED),
        ],
        IMAGE, {**FOUR, "s": ()}, {}, 9_216,
    ),
    "quantised operators": (
        [node("QuantizeLinear", "x s", "q"), node("QLinearConv", "q s z w s z s z", **PADDED)],
        IMAGE, {**FOUR, "s": (), "z": ()}, {}, 9_216,
    ),
    "einsum of heads": (
        [node("Einsum", "x k", equation="bhid,bhjd->bhij")],
        {"x": (1, 3, 7, 5), "k": (1, 3, 9, 5)}, {}, {}, 3 * 7 * 5 * 9,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_macs_are_those_worked_by_hand(case: str, tmp_path: Path) -> None:
    nodes, inputs, weights, values, macs = CASES[case]
    assert read(tmp_path, nodes, inputs, weights, values).macs == macs


@pytest.mark.parametrize(
    "kind", ["Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "PRelu", "Softplus", "Mish"]
)
def test_an_activation_that_no_output_stage_has_stands_alone(kind: str, tmp_path: Path) -> None:
    behind = node(kind, "a slope" if kind == "PRelu" else "a")
    graph = read(tmp_path, [CONV, behind], IMAGE, {**FOUR, "slope": (4, 1, 1)}, opset=20)
    assert [(op.kind, op.macs) for op in graph] == [("conv", 9_216), ("activation", 0)]


def test_a_node_may_be_called_as_we_call_the_input(tmp_path: Path) -> None:
    named = helper.make_node("Conv", ["x", "w"], ["y"], name="input", **PADDED)
    assert read(tmp_path, [named], IMAGE, FOUR).macs == 9_216


def test_a_batch_that_the_model_fixes_is_said(tmp_path: Path) -> None:
    graph = read(tmp_path, [node("Conv", "x w", **PADDED)], {"x": (8, 3, 32, 32)}, {"w": (16, 3, 3, 3)})
    assert (graph.batch, graph.macs) == (8, 442_368)


def test_a_batch_built_into_a_node_is_one_there_or_refused(tmp_path: Path) -> None:
    head = [node("Conv", "x w", "a", **PADDED), node("Reshape", "a s", "f")]
    batch, weights = {"x": (8, 4, 8, 8)}, {**FOUR, "v": (256, 10), "k": (8, 1)}
    graph = read(tmp_path, [*head, node("MatMul", "f v")], batch, weights, {"s": [8, -1]})
    assert (graph.batch, graph.macs) == (8, 9_216 + 2_560)
    with pytest.raises(UnsupportedError, match="'mul' has the batch of 8 built in"):
        read(tmp_path, [*head, node("Mul", "f k")], batch, weights, {"s": [8, -1]})


def test_open_axes_are_filled_from_outside(tmp_path: Path) -> None:
    shape: dict[str, Shape] = {"x": ("n", 3, "h", "w_")}
    nodes, weights = [node("Conv", "x w", **PADDED)], {"w": (8, 3, 3, 3)}
    with pytest.raises(
        UnsupportedError, match=r"axes 2 \(h\), 3 \(w_\) are open; give sizes: --size x=1x3xhxw_"
    ):
        read(tmp_path, nodes, shape, weights)
    assert read(tmp_path, nodes, shape, weights, sizes={"x": (1, 3, 224, 224)}).macs == 224 * 224 * 27 * 8


def test_a_branch_that_a_constant_takes_is_the_model(tmp_path: Path) -> None:
    def body(name: str, weights: str) -> Any:
        return helper.make_graph(
            [helper.make_node("Conv", ["x", weights], ["b"], name="inner", **PADDED)],
            name, [], [helper.make_tensor_value_info("b", 1, None)],
        )  # fmt: skip

    flag = numpy_helper.from_array(np.array(True), "flag")
    constant = helper.make_node("Constant", [], ["c"], value=flag)
    choice = helper.make_node(
        "If", ["c"], ["y"], name="if", then_branch=body("t", "w"), else_branch=body("e", "v")
    )
    assert read(tmp_path, [constant, choice], IMAGE, {**FOUR, "v": (9, 4, 3, 3)}).macs == 9_216


def test_nodes_of_unknown_domains_are_listed_by_name(tmp_path: Path) -> None:
    strange = helper.make_node("Wobble", ["a"], ["b"], name="wob", domain="my.own")
    nodes = [CONV, strange, node("Relu", "b")]
    with pytest.raises(
        UnsupportedError, match=r"1 of 3 nodes \(33 %\) cannot be priced: 1 my.own.Wobble \(first 'wob'\)"
    ):
        read(tmp_path, nodes, IMAGE, FOUR)
    graph = read(tmp_path, nodes, IMAGE, FOUR, skip_unsupported=True)
    assert graph.macs == 9_216
    assert graph.skipped == ("my.own.Wobble wob", "Relu relu")


def test_quantisers_of_qonnx_are_no_work(tmp_path: Path) -> None:
    quant = helper.make_node("Quant", ["a", "s", "s", "s"], ["y"], name="q", domain="qonnx.custom_op.general")
    assert [op.kind for op in read(tmp_path, [CONV, quant], IMAGE, {**FOUR, "s": ()})] == ["conv"]
