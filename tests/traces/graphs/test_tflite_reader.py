"""TFLite models as graphs: the shipped MLPerf Tiny networks, written as flatbuffers here, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from traces.base.errors import FileProblem, LacunaError, UnsupportedError
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.named import load_network
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT, Op

tflite = pytest.importorskip("tflite", reason="the tflite extra is not installed")
flatbuffers = pytest.importorskip("flatbuffers", reason="the tflite extra is not installed")

ACTIVATIONS = {"none": 0, "relu": 1, "relu1": 2, "relu6": 3, "tanh": 4}
CODES = {
    "conv": "CONV_2D", "depthwise": "DEPTHWISE_CONV_2D", "linear": "FULLY_CONNECTED", "add": "ADD",
    "avg_pool": "AVERAGE_POOL_2D", "max_pool": "MAX_POOL_2D", "softmax": "SOFTMAX", "activation": "RELU",
    "global_avg_pool": "AVERAGE_POOL_2D", "strange": "WHERE",
}  # fmt: skip


class Writer:
    """Writes one graph of images, NHWC, as a TFLite file."""

    def __init__(self) -> None:
        self.fb = flatbuffers.Builder(1024)
        self.tensors: list[tuple[str, tuple[int, ...], bytes]] = []
        self.open: dict[int, tuple[int, ...]] = {}  # shapes with -1 for an open axis, by tensor
        self.types: dict[int, int] = {}  # of tensors that are no floats: TensorType of schema.fbs
        self.closed: list[Any] = []  # subgraphs that are whole
        # Code, inputs, output or outputs, options, their type.
        self.operators: list[tuple[str, list[int], int | list[int], int, int]] = []

    def tensor(self, name: str, shape: tuple[int, ...], data: bytes = b"") -> int:
        self.tensors.append((name, shape, data))
        return len(self.tensors) - 1

    def vector(self, values: list[int], start: Any, offsets: bool = False) -> int:
        start(self.fb, len(values))
        for value in reversed(values):
            (self.fb.PrependUOffsetTRelative if offsets else self.fb.PrependInt32)(value)
        return int(self.fb.EndVector())

    def options(self, kind: str, op: Op) -> tuple[int, int]:
        fb, act = self.fb, ACTIVATIONS[op.activation]
        if kind in {"conv", "depthwise"}:
            name = "Conv2DOptions" if kind == "conv" else "DepthwiseConv2DOptions"
            getattr(tflite, f"{name}Start")(fb)
            getattr(tflite, f"{name}AddStrideH")(fb, op.stride_height)
            getattr(tflite, f"{name}AddStrideW")(fb, op.stride_width)
            getattr(tflite, f"{name}AddFusedActivationFunction")(fb, act)
            return int(getattr(tflite, f"{name}End")(fb)), getattr(tflite.BuiltinOptions, name)
        if "pool" in kind:
            tflite.Pool2DOptionsStart(fb)
            whole = kind == "global_avg_pool"
            tflite.Pool2DOptionsAddFilterHeight(fb, op.in_height if whole else op.kernel_height)
            tflite.Pool2DOptionsAddFilterWidth(fb, op.in_width if whole else op.kernel_width)
            tflite.Pool2DOptionsAddStrideH(fb, op.in_height if whole else op.stride_height)
            tflite.Pool2DOptionsAddStrideW(fb, op.in_width if whole else op.stride_width)
            return int(tflite.Pool2DOptionsEnd(fb)), tflite.BuiltinOptions.Pool2DOptions
        others = {"linear": "FullyConnectedOptions", "add": "AddOptions"}
        if kind not in others:
            return 0, 0
        name = others[kind]
        getattr(tflite, f"{name}Start")(fb)
        getattr(tflite, f"{name}AddFusedActivationFunction")(fb, act)
        return int(getattr(tflite, f"{name}End")(fb)), getattr(tflite.BuiltinOptions, name)

    def close(self, inputs: list[int], outputs: list[int]) -> int:
        """End a subgraph that operators of the next ones run, and return its number."""
        self.closed.append((self.tensors, self.open, self.types, self.operators, inputs, outputs))
        self.tensors, self.open, self.types, self.operators = [], {}, {}, []
        return len(self.closed)

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        """Return the file whose first subgraph is what was written last."""
        fb, first = self.fb, (self.tensors, self.open, self.types, self.operators, inputs, outputs)
        buffers: list[int] = []
        codes: list[int] = []
        graphs = [self.subgraph(part, buffers, codes) for part in (first, *self.closed)]
        vectors = [
            self.vector(graphs, tflite.ModelStartSubgraphsVector, True),
            self.vector(buffers, tflite.ModelStartBuffersVector, True),
            self.vector(codes, tflite.ModelStartOperatorCodesVector, True),
        ]
        tflite.ModelStart(fb)
        tflite.ModelAddVersion(fb, 3)
        for add, part in zip(("Subgraphs", "Buffers", "OperatorCodes"), vectors, strict=True):
            getattr(tflite, f"ModelAdd{add}")(fb, part)
        fb.Finish(tflite.ModelEnd(fb), file_identifier=b"TFL3")
        return bytes(fb.Output())

    def subgraph(self, closed: Any, buffers: list[int], codes: list[int]) -> int:
        """Write a subgraph, its constants into buffers, and return its offset."""
        fb, (written, open_, types, operators_, inputs, outputs) = self.fb, closed
        tensors: list[int] = []
        operators: list[int] = []
        for name, shape, data in written:
            raw = fb.CreateByteVector(data) if data else 0
            tflite.BufferStart(fb)
            if data:
                tflite.BufferAddData(fb, raw)
            buffers.append(tflite.BufferEnd(fb))
            label, sizes = fb.CreateString(name), self.vector(list(shape), tflite.TensorStartShapeVector)
            signed = open_.get(len(tensors))
            signature = signed and self.vector(list(signed), tflite.TensorStartShapeSignatureVector)
            tflite.TensorStart(fb)
            tflite.TensorAddName(fb, label)
            tflite.TensorAddShape(fb, sizes)
            tflite.TensorAddBuffer(fb, len(buffers) - 1)
            tflite.TensorAddType(fb, types.get(len(tensors), 0))
            if signature:
                tflite.TensorAddShapeSignature(fb, signature)
            tensors.append(tflite.TensorEnd(fb))
        for code, reads, made, options, kind in operators_:
            number = getattr(tflite.BuiltinOperator, code)
            tflite.OperatorCodeStart(fb)
            tflite.OperatorCodeAddDeprecatedBuiltinCode(fb, min(number, 127))
            tflite.OperatorCodeAddBuiltinCode(fb, number)
            codes.append(tflite.OperatorCodeEnd(fb))
            ins = self.vector(reads, tflite.OperatorStartInputsVector)
            results = [made] if isinstance(made, int) else made
            outs = self.vector(results, tflite.OperatorStartOutputsVector)
            tflite.OperatorStart(fb)
            tflite.OperatorAddOpcodeIndex(fb, len(codes) - 1)
            tflite.OperatorAddInputs(fb, ins)
            tflite.OperatorAddOutputs(fb, outs)
            if options:
                second = "2" if code.startswith("STABLEHLO") else ""
                getattr(tflite, f"OperatorAddBuiltinOptions{second}Type")(fb, kind)
                getattr(tflite, f"OperatorAddBuiltinOptions{second}")(fb, options)
            operators.append(tflite.OperatorEnd(fb))
        parts = [
            self.vector(tensors, tflite.SubGraphStartTensorsVector, True),
            self.vector(inputs, tflite.SubGraphStartInputsVector),
            self.vector(outputs, tflite.SubGraphStartOutputsVector),
            self.vector(operators, tflite.SubGraphStartOperatorsVector, True),
        ]
        tflite.SubGraphStart(fb)
        for add, part in zip(("Tensors", "Inputs", "Outputs", "Operators"), parts, strict=True):
            getattr(tflite, f"SubGraphAdd{add}")(fb, part)
        return int(tflite.SubGraphEnd(fb))


def written(graph: NetworkGraph, path: Path) -> Path:
    """Write the network as converters do: NHWC, weights (out, h, w, in), depthwise (1, h, w, out)."""
    writer = Writer()
    made = {INPUT: writer.tensor("serving", (1, graph.input_height, graph.input_width, graph.input_channels))}
    last = made[INPUT]
    for op in graph:
        reads = [made[name] for name in op.inputs]
        kind: str = "depthwise" if op.is_depthwise else op.kind
        shape: tuple[int, ...] = (1, op.out_height, op.out_width, op.out_channels)
        if op.kind in {"linear", "softmax"}:
            shape = (1, op.out_channels)
        kernel = (op.kernel_height, op.kernel_width)
        if kind == "conv":
            weights = (op.out_channels, *kernel, op.in_channels // op.groups)
            reads.append(writer.tensor(f"{op.name}/w", weights, b"\0"))
        elif kind == "depthwise":
            reads.append(writer.tensor(f"{op.name}/w", (1, *kernel, op.out_channels), b"\0"))
        elif kind == "linear":
            reads.append(writer.tensor(f"{op.name}/w", (op.out_channels, op.in_channels), b"\0"))
        last = made[op.name] = writer.tensor(op.name, shape)
        writer.operators.append((CODES[kind], reads, last, *writer.options(kind, op)))
    path.write_bytes(writer.finish([made[INPUT]], [last]))
    return path


@pytest.mark.parametrize("name", ["resnet8_tiny", "mobilenetv1_025_96", "dscnn_kws", "fc_autoencoder"])
def test_the_mlperf_tiny_networks_read_back(name: str, tmp_path: Path) -> None:
    """Product by product, the graphs that were made from the real files by hand."""
    truth = load_network(name)
    graph = load_network(written(truth, tmp_path / "net.tflite"))
    sizes = [(*op.product, op.groups) for op in truth if op.macs]
    assert [(*op.product, op.groups) for op in graph if op.macs] == sizes
    assert graph.macs == truth.macs


def strange() -> NetworkGraph:
    builder = GraphBuilder("net", 3, 8, 8)
    x = builder.conv("conv", builder.input, 4, Window.square(3), activation="relu6")
    builder.elementwise("activation", "act", (x,), "relu")
    return builder.finish()


def test_fused_activations_are_fused_and_strange_operators_listed(tmp_path: Path) -> None:
    graph = load_network(written(strange(), tmp_path / "net.tflite"))
    assert [(op.kind, op.activation) for op in graph] == [("conv", "relu6"), ("activation", "relu")]
    code, CODES["activation"] = CODES["activation"], CODES["strange"]
    try:
        path = written(strange(), tmp_path / "odd.tflite")
    finally:
        CODES["activation"] = code
    with pytest.raises(
        UnsupportedError, match=r"odd.tflite: 1 of 3 nodes .* 1 WHERE \(first 'act': how much it puts out"
    ):
        load_network(path)


def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    whole = written(strange(), tmp_path / "net.tflite").read_bytes()
    with pytest.raises(FileProblem, match="is not a TFLite model"):
        load_network(_saved(tmp_path, b"no model at all"))
    for at in range(8, len(whole), 7):
        broken = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        problem = _problem_of(_saved(tmp_path, broken))
        assert problem is None or len(problem) < 500


@pytest.mark.parametrize(
    ("reads", "weights", "ends", "says"),
    [
        ([], (4, 3, 3, 3), [2], r"operator 0 \(CONV_2D\) needs two tensors to multiply"),
        ([-1, 1], (4, 3, 3, 3), [2], r"operator 0 \(CONV_2D\) needs two tensors to multiply"),
        ([0, 1], (4, 3, 3, -3), [2], r"the constant 'w' has shape \(4, 3, 3, -3\); needs sizes of 0 or more"),
        ([0, 1], (4, 3, 3, 3), [], "no output depends on an input"),
        ([0, 1], (4, 3, 3, 3), [1], "no output depends on an input"),
    ],
)
def test_what_would_silently_cost_nothing_is_refused(
    tmp_path: Path, reads: list[int], weights: tuple[int, ...], ends: list[int], says: str
) -> None:
    """A product that reads nothing would count as worked out before a run, and all behind it with it."""
    writer = Writer()
    writer.tensor("x", (1, 8, 8, 3))
    writer.tensor("w", weights, b"\0")
    writer.tensor("y", (1, 8, 8, 4))
    op = next(op for op in load_network("resnet8_tiny") if op.kind == "conv")
    writer.operators.append(("CONV_2D", reads, 2, *writer.options("conv", op)))
    with pytest.raises(LacunaError, match=says):
        load_network(_saved(tmp_path, writer.finish([0], ends)))


def _problem_of(path: Path) -> str | None:
    try:
        load_network(path)
    except LacunaError as problem:
        return str(problem)
    return None


def _saved(folder: Path, data: bytes) -> Path:
    (folder / "bad.tflite").write_bytes(data)
    return folder / "bad.tflite"
