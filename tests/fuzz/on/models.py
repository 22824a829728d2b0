"""Models of other tools, and checkpoints: changed bytes, and changed values inside files that stay whole."""

from __future__ import annotations

import copy
import math
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.home import home
from tests.fuzz.kind import VALUES, Kind, bytes_of, mutated
from tests.fuzz.on.networks import wrong_network
from tests.fuzz.oracles import macs_of
from traces import load_network

OPS = (
    "Conv",
    "MaxPool",
    "AveragePool",
    "Gemm",
    "MatMul",
    "Relu",
    "Add",
    "Flatten",
    "Transpose",
    "Concat",
    "Softmax",
    "Clip",
    "LSTM",
    "Where",
)
INTS = (0, 1, -1, 2, 3, 4, 8, 16, 2**31 - 1, 2**31, 2**62, -(2**63))


# -- ONNX


@cache
def _onnx() -> list[bytes]:
    """Return two models: images through convolutions and products, and an attention of two inputs."""
    import numpy as np  # noqa: PLC0415
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415  (an extra)

    def weight(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(np.ones(shape, np.float32), name)

    def value(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def model(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: list[Any]) -> bytes:
        graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return bytes(made.SerializeToString())

    node = helper.make_node
    images = [
        node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        node("Relu", ["c"], ["r"]),
        node("Conv", ["r", "dw"], ["d"], group=8, pads=[1, 1, 1, 1]),
        node("Add", ["d", "r"], ["a"]),
        node("MaxPool", ["a"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", ["p"], ["t"], perm=[0, 2, 3, 1]),
        node("Transpose", ["t"], ["t2"], perm=[0, 3, 1, 2]),
        node("Concat", ["t2", "p"], ["cc"], axis=1),
        node("ConvTranspose", ["cc", "up"], ["u"], kernel_shape=[2, 2], strides=[2, 2]),
        node("GlobalAveragePool", ["u"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "fc"], ["m"], transB=1),
        node("Softmax", ["m"], ["y"]),
    ]
    weights = [
        weight("w", 8, 3, 3, 3),
        weight("b", 8),
        weight("dw", 8, 1, 3, 3),
        weight("up", 16, 4, 2, 2),
        weight("fc", 10, 4),
    ]
    attention = [
        node("MatMul", ["x", "wq"], ["q"]),
        node("MatMul", ["z", "wq"], ["k"]),
        node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        node("MatMul", ["q", "kt"], ["s"]),
        node("Softmax", ["s"], ["p"], axis=-1),
        node("MatMul", ["p", "z"], ["o"]),
        node("ReduceMean", ["o"], ["y"], axes=[1], keepdims=0),
    ]
    return [
        model(images, [value("x", 1, 3, 8, 8)], [value("y", 1, 10)], weights),
        model(
            attention, [value("x", 1, 6, 8), value("z", 1, 5, 8)], [value("y", 1, 8)], [weight("wq", 8, 8)]
        ),
    ]


def _onnx_values(rng: Random) -> bytes:
    """Draw a model with one to three nodes, attributes or sizes changed."""
    import onnx  # noqa: PLC0415  (an extra)

    model = onnx.ModelProto.FromString(rng.choice(_onnx()))
    graph = model.graph
    for _ in range(rng.choice([1, 1, 2, 3])):
        node = rng.choice(graph.node)
        match rng.choice(
            ["int", "int", "size", "dims", "weight", "op", "edge", "drop", "swap", "name", "opset", "data"]
        ):
            case "int" if node.attribute:
                attribute = rng.choice(node.attribute)
                if attribute.ints:
                    attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(INTS)
                else:
                    attribute.i = rng.choice(INTS)
            case "size":
                shape = rng.choice([*graph.input, *graph.output]).type.tensor_type.shape
                rng.choice(shape.dim).dim_value = rng.choice([*INTS, 5, 7, 32])
            case "dims":
                shape = rng.choice(graph.input).type.tensor_type.shape
                shape.dim.add().dim_value = 1 if rng.random() < 0.5 else 4
            case "weight":
                tensor = rng.choice(graph.initializer)
                tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice([*INTS, 5, 12])
            case "op":
                node.op_type = rng.choice(OPS)
            case "edge":
                names = [name for each in graph.node for name in (*each.input, *each.output)]
                node.input[rng.randrange(len(node.input))] = rng.choice([*names, "", "?"])
            case "drop":
                graph.node.remove(node)
            case "swap":
                other = rng.choice(graph.node)
                node.op_type, other.op_type = other.op_type, node.op_type
            case "name":
                node.name = rng.choice(["\x1b[2J", "input", "a" * 5000, "=1+1", "²", node.name])
            case "opset":
                model.opset_import[0].version = rng.choice([0, -1, 1, 7, 13, 22, 999])
            case "data":
                tensor = rng.choice(graph.initializer)
                tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
        if not graph.node:
            break
    return bytes(model.SerializeToString())


def _read_onnx(path: Path) -> str:
    """Read a model, count its MACs from the shapes that onnx itself infers, and price it."""
    graph = load_network(path)
    counted = _onnx_macs(path)
    if counted is not None and counted != graph.macs * graph.batch:
        return f"{graph.macs * graph.batch} MACs, counted {counted}"
    return wrong_network(path)


def _onnx_macs(path: Path) -> int | None:
    """Count the MACs of what reaches an output; None where onnx knows too little."""
    import onnx  # noqa: PLC0415  (an extra)

    model = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True)
    graph, total = model.graph, 0
    shapes = {t.name: list(t.dims) for t in graph.initializer}
    for info in (*graph.input, *graph.value_info, *graph.output):
        dims = info.type.tensor_type.shape.dim
        shapes.setdefault(info.name, [d.dim_value for d in dims])
    known = set(shapes) - {info.name for info in (*graph.input, *graph.value_info, *graph.output)}
    for node in graph.node:
        if node.input and known.issuperset(node.input):
            known.update(node.output)  # worked out once, before any input comes
    wanted = {output.name for output in graph.output}
    for node in reversed(graph.node):
        if wanted.isdisjoint(node.output):
            continue  # nobody asks for it
        wanted.update(node.input)
        if known.issuperset(node.output):
            continue
        if node.op_type not in {"Conv", "ConvTranspose", "Gemm", "MatMul"}:
            if node.op_type not in _PLAIN:
                return None
            continue
        sides = [shapes.get(name) for name in (node.input[0], node.input[1], node.output[0])]
        if not all(sides) or any(d <= 0 for side in sides for d in side or ()):
            return None
        first, second, out = (side or [] for side in sides)
        group = next((a.i for a in node.attribute if a.name == "group"), 1)
        match node.op_type:
            case "Conv":
                total += math.prod(out) * math.prod(second[1:])
            case "ConvTranspose":
                total += math.prod(first) * math.prod(second[1:])
            case "Gemm":
                turned = next((a.i for a in node.attribute if a.name == "transA"), 0)
                total += math.prod(out) * first[0 if turned else -1]
            case _:
                total += math.prod(out) * first[-1]
        if group < 1:
            return None
    return total


_PLAIN = frozenset(
    {
        "Relu",
        "Add",
        "MaxPool",
        "AveragePool",
        "Transpose",
        "Concat",
        "GlobalAveragePool",
        "Flatten",
        "Softmax",
        "ReduceMean",
        "Clip",
    }
)


# -- TFLite


@cache
def _tflite() -> list[bytes]:
    from tests.traces.graphs.test_tflite_reader import written  # noqa: PLC0415  (an extra)

    names = ("resnet8_tiny", "dscnn_kws", "fc_autoencoder")
    return [written(load_network(name), home() / f"{name}.tflite").read_bytes() for name in names]


def _tflite_values(rng: Random) -> bytes:
    """Draw a file of which one or two small whole numbers are others: sizes, strides, indices, codes."""
    data = bytearray(rng.choice(_tflite()))
    small = [
        at for at in range(0, len(data) - 3, 4) if 0 < int.from_bytes(data[at : at + 4], "little") < 4096
    ]
    for _ in range(rng.choice([1, 1, 2])):
        at = rng.choice(small)
        data[at : at + 4] = (rng.choice(INTS) % (1 << 32)).to_bytes(4, "little")
    return bytes(data)


def _read_tflite(path: Path) -> str:
    """Read a model; its MACs are those of its convolutions and products, counted from their tensors' shapes."""
    graph = load_network(path)
    counted = _tflite_macs(path)
    if counted is not None and counted != graph.macs * graph.batch:
        return f"{graph.macs * graph.batch} MACs, counted {counted}"
    return wrong_network(path)


def _tflite_macs(path: Path) -> int | None:
    """Count the MACs of what the inputs decide; None where an operator is none of those that are counted."""
    import tflite  # noqa: PLC0415  (an extra)

    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    part, total = model.Subgraphs(0), 0
    given = {int(i) for i in part.InputsAsNumpy()}
    for at in range(part.OperatorsLength()):
        operator = part.Operators(at)
        if not operator.InputsLength() or given.isdisjoint(int(i) for i in operator.InputsAsNumpy()):
            continue  # worked out once, before any input comes
        given.update(int(i) for i in operator.OutputsAsNumpy())
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind not in {getattr(tflite.BuiltinOperator, name) for name in (*_TFLITE_MACS, *_TFLITE_PLAIN)}:
            return None
        for name, axes in _TFLITE_MACS.items():
            if kind == getattr(tflite.BuiltinOperator, name):
                out, weights = (
                    [int(d) for d in part.Tensors(int(i)).ShapeAsNumpy()]
                    for i in (operator.Outputs(0), operator.Inputs(1))
                )
                total += math.prod(out) * math.prod(weights[axes])
    return total


_TFLITE_MACS = {  # axes of the weights that are summed over
    "CONV_2D": slice(1, None),
    "DEPTHWISE_CONV_2D": slice(1, 3),
    "FULLY_CONNECTED": slice(1, None),
}
_TFLITE_PLAIN = ("ADD", "AVERAGE_POOL_2D", "MAX_POOL_2D", "SOFTMAX", "RELU")


# -- checkpoints


@cache
def _content() -> dict[str, Any]:
    from tests.networks.networks_fixtures import lcnet_config  # noqa: PLC0415  (torch)

    config = lcnet_config()
    training = {
        "name": "net", "dataset": "digits", "image_shape": [3, 8, 8], "preprocessing": "", "seed": 3, "epochs": 5,
        "start_from": "", "validation_accuracy": 0.5,
    }  # fmt: skip
    state = {
        name: t.half() if t.is_floating_point() else t for name, t in config.build().state_dict().items()
    }
    return {"model": config.model_dump(mode="json"), "state_dict": state, "training": training}


def _written(content: Any, kind: str = "lacuna-model") -> bytes:
    from networks.training import checkpoint  # noqa: PLC0415  (torch)

    path = home() / "drawn.pt"
    checkpoint.write(path, kind, content)
    return path.read_bytes()


@cache
def _checkpoints() -> list[bytes]:
    return [_written(_content())]


def _checkpoint(rng: Random) -> bytes:
    """Draw a checkpoint of changed settings or tensors, its hash right."""
    content = dict(_content())
    match rng.choice(["model", "model", "training", "tensor", "tensor", "all"]):
        case "tensor":
            content["state_dict"] = _tensors(dict(content["state_dict"]), rng)
        case "all":
            content = {k: v for k, v in content.items() if rng.random() < 0.8} | {
                rng.choice(["x", "model"]): rng.choice(VALUES)
            }
        case part:
            content[part] = mutated(copy.deepcopy(content[part]), rng)
    return _written(content)


def _tensors(state: dict[str, Any], rng: Random) -> dict[str, Any]:
    import torch  # noqa: PLC0415  (slow to import)

    name = rng.choice(list(state))
    tensor = state[name].clone()
    match rng.choice(["nan", "inf", "big", "shape", "type", "drop", "none", "extra", "huge"]):
        case "nan" | "inf" | "big" as what:
            flat = tensor.float().reshape(-1)
            flat[rng.randrange(len(flat))] = {"nan": math.nan, "inf": math.inf, "big": 1e38}[what]
            state[name] = flat.reshape(tensor.shape)
        case "shape":
            state[name] = rng.choice(
                [tensor.reshape(-1), tensor.reshape(-1)[:1], tensor[None], tensor.new_empty(0)]
            )
        case "type":
            state[name] = tensor.to(
                rng.choice([torch.int64, torch.complex64, torch.bool, torch.float64, torch.bfloat16])
            )
        case "drop":
            del state[name]
        case "none":
            state[name] = rng.choice(VALUES)
        case "extra":
            state[rng.choice(["x", "", "\x1b[2J"])] = tensor
        case "huge":
            state[name] = torch.zeros(1).expand(1 << 12, 1 << 12)
    return state


def _read_checkpoint(path: Path) -> str:
    """Rebuild a network, run it on nothing but zeros, and count its graph's MACs."""
    import torch  # noqa: PLC0415  (slow to import)

    from networks.training.loading import load_model  # noqa: PLC0415  (torch)

    loaded = load_model(path)
    if not all(torch.isfinite(t).all() for t in loaded.model.state_dict().values()):
        return "a weight is not finite"
    if not 0 <= loaded.training.validation_accuracy <= 1:
        return f"an accuracy of {loaded.training.validation_accuracy}"
    counted = sum(macs_of(op) for op in loaded.graph.ops)
    if counted != loaded.graph.macs:
        return f"{loaded.graph.macs} MACs, counted {counted}"
    if math.prod(loaded.training.image_shape) <= 3 * 64 * 64:
        with torch.inference_mode():
            loaded.model(torch.zeros(1, *loaded.training.image_shape))
    return ""


@cache
def _batches() -> list[bytes]:
    """Return a batch of a data set: a pickle of arrays, as CIFAR-10 comes."""
    import pickle  # noqa: PLC0415  (written here, never read)

    import numpy as np  # noqa: PLC0415

    pixels = np.arange(4 * 3072).reshape(4, 3072) % 251
    batch = {"data": pixels.astype(np.uint8), "labels": [0, 3, 9, 1]}
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        path = home() / "cifar-10-batches-py" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pickle.dumps(batch, protocol=2))
    return [path.read_bytes()]


def _read_batch(path: Path) -> str:
    from networks.training.data import load_cifar10  # noqa: PLC0415  (torch)

    _batches()
    home().joinpath("cifar-10-batches-py", "test_batch").write_bytes(path.read_bytes())
    found = load_cifar10(home(), validation=2).test
    labels = found.labels.tolist()
    if not all(0 <= label < 10 for label in labels) or len(labels) != len(found.pixels):
        return f"labels {labels} of {tuple(found.pixels.shape)} pixels"
    return ""


def _kinds() -> list[Kind]:
    """Return the kinds whose libraries are installed."""
    kinds = []
    if find_spec("onnx") is not None:
        kinds += [
            Kind("ONNX", "m.onnx", bytes_of(_onnx, text=False), _read_onnx, _onnx),
            Kind("ONNX, values", "m.onnx", _onnx_values, _read_onnx, _onnx),
        ]
    if find_spec("tflite") is not None:
        kinds += [
            Kind("TFLite", "m.tflite", bytes_of(_tflite, text=False), _read_tflite, _tflite),
            Kind("TFLite, values", "m.tflite", _tflite_values, _read_tflite, _tflite),
        ]
    if find_spec("torch") is not None:
        kinds += [
            Kind("checkpoint", "m.pt", bytes_of(_checkpoints, text=False), _read_checkpoint, _checkpoints),
            Kind("data batch", "test_batch", bytes_of(_batches, text=False), _read_batch, _batches),
            Kind("checkpoint, hashed", "m.pt", _checkpoint, _read_checkpoint, _checkpoints),
        ]
    return kinds


KINDS = tuple(_kinds())
