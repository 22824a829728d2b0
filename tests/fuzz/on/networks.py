"""Networks: graphs that are valid but extreme, graphs with changed values, layer lists of SCALE-Sim."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from math import prod
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.home import design, home, small_network, stored
from tests.fuzz.kind import Draw, Kind, as_json, bytes_of, mutated, renumbered
from tests.fuzz.oracles import wrong_costs
from traces import load_network

DESIGNS = (
    "edge_npu_16x16",
    "edge_npu_32x32",
    "cortex_m7",
    "ethos_u55_128",
    "eyeriss",
    "gemmini_16x16",
    "nvdla_small",
    "dpu_b4096",
    "systolic_bare",
)
CONV_HEAD = b"Layer,IFMAP h,IFMAP w,Filter h,Filter w,Channels,Num Filter,Strides,\n"
CONV_CSV = CONV_HEAD + b"conv1,34,34,3,3,3,16,1,\nfc,1,1,1,1,512,10,1,\n"
GEMM_CSV = b"Layer,M,K,N,\na,128,64,32,\nb,1,512,1000,\n"
SIZES = (
    1,
    1,
    2,
    3,
    4,
    7,
    8,
    15,
    16,
    17,
    31,
    32,
    33,
    64,
    100,
    127,
    128,
    255,
    256,
    1000,
    4096,
    65535,
    65536,
    1 << 20,
    (1 << 31) - 1,
)


def wrong_network(path: Path) -> str:
    """Read a network and price it on a design that its size decides."""
    graph = load_network(path)
    rng = Random(graph.macs + len(graph.ops))
    return wrong_costs(graph, design(rng.choice(DESIGNS)))


Count = Callable[[Path], int | None]  # of the MACs of a model; None where a count knows too little


def counted_network(count: Count) -> Callable[[Path], str]:
    """Return what reads a model and compares its MACs with a count of one's own, where there is one; and prices it."""

    def read(path: Path) -> str:
        graph, counted = load_network(path), count(path)
        if counted is not None and counted != graph.macs * graph.batch:
            return f"{graph.macs * graph.batch} MACs, counted {counted}"
        return wrong_network(path)

    return read


def model_kinds(
    name: str, file: str, seeds: Callable[[], list[bytes]], values: Draw, count: Count
) -> tuple[Kind, ...]:
    """Return the kinds of a format of models, whose bytes and whose values change; none where its reader is missing."""
    if find_spec(name.lower()) is None:
        return ()
    read = counted_network(count)
    return (
        Kind(name, file, bytes_of(seeds, text=False), read, seeds),
        Kind(f"{name}, values", file, values, read, seeds),
    )


def _size(rng: Random, most: int) -> int:
    return rng.choice([size for size in SIZES if size <= most])


def _grown(rng: Random) -> bytes:
    """Draw a chain of one to four ops whose sizes are right, and may be very large."""
    most = rng.choice([16, 256, 65536, (1 << 31) - 1])
    size = (_size(rng, most), _size(rng, most), _size(rng, min(most, 4096)))
    ops: list[dict[str, Any]] = []
    given = ["input"]
    start = size
    for i in range(rng.randint(1, 4)):
        op, size = _op(rng, f"o{i}", given, size, most)
        ops.append(op)
        given = [op["name"]]
    graph = dict(zip(("input_channels", "input_height", "input_width"), start, strict=True))
    tree = {"name": "n", **graph, "ops": ops}
    return as_json(mutated(tree, rng) if rng.random() < 0.15 else tree)


Size = tuple[int, int, int]  # channels, height, width
_KINDS = [
    "conv", "conv", "depthwise", "linear", "flat", "pool", "global", "self", "activation", "norm", "cell", "transposed",
    "up",
]  # fmt: skip


def _op(rng: Random, name: str, given: list[str], size: Size, most: int) -> tuple[dict[str, Any], Size]:
    """Return an op that reads a tensor of this size, and what it puts out."""
    c, h, w = size
    op = {"name": name, "inputs": given, "in_channels": c, "in_height": h, "in_width": w}
    kind = rng.choice(_KINDS)
    match kind:
        case "conv" | "depthwise" | "pool":
            return _windowed(rng, op, kind, size, most)
        case "linear" | "cell":
            channels = _size(rng, most)
            cell = rng.choice(["lstm_cell", "gru_cell", "rnn_cell"])
            return _made(op, (channels, h, w), kind=cell if kind == "cell" else "linear")
        case "flat":
            flat = {"in_channels": prod(size), "in_height": 1, "in_width": 1}
            return _made(op | flat, (_size(rng, most), 1, 1), kind="linear")
        case "global":
            return _made(op, (c, 1, 1), kind=rng.choice(["global_avg_pool", "global_max_pool"]))
        case "self":
            return _made(op, size, inputs=given * 2, kind=rng.choice(["add", "mul"]))
        case "activation":
            return _made(op, size, activation=rng.choice(["relu", "gelu", "sigmoid"]), kind="activation")
        case "norm":
            return _made(op, size, kind=rng.choice(["layer_norm", "softmax", "copy"]))
        case "transposed":
            channels, stride = _size(rng, most), rng.choice([1, 2])
            window = _window(kernel=stride, stride=stride)
            return _made(op | window, (channels, h * stride, w * stride), kind="conv_transpose")
        case _:
            return _made(op, (c, 2 * h, 2 * w), kind="upsample")


def _windowed(
    rng: Random, op: dict[str, Any], kind: str, size: Size, most: int
) -> tuple[dict[str, Any], Size]:
    """Return a convolution or a pool, padded or not."""
    c, *sides = size
    kernel, stride = rng.choice([1, 1, 2, 3, 5, 7, 11]), rng.choice([1, 1, 2, 3])
    dilation = rng.choice([1, 1, 1, 2])
    reach = dilation * (kernel - 1) + 1
    pad = rng.choice([0, reach - 1])
    height, width = (max((side + pad - reach) // stride + 1, 1) for side in sides)
    op |= _window(kernel=kernel, stride=stride, dilation=dilation)
    match kind:
        case "pool":
            return _made(op, (c, height, width), kind=rng.choice(["max_pool", "avg_pool"]))
        case "depthwise":
            return _made(op, (c * rng.choice([1, 1, 2]), height, width), kind="conv", groups=c)
    groups = rng.choice([1, 1, 1, *(g for g in (2, 3, 4, 8) if c % g == 0)])
    return _made(op, (groups * _size(rng, most), height, width), kind="conv", groups=groups)


def _window(**square: int) -> dict[str, int]:
    return {f"{what}_{axis}": value for what, value in square.items() for axis in ("height", "width")}


def _made(op: dict[str, Any], out: Size, **values: Any) -> tuple[dict[str, Any], Size]:
    """Return the op with these values and what it puts out, and that again."""
    return op | values | dict(zip(("out_channels", "out_height", "out_width"), out, strict=True)), out


def _changed(rng: Random) -> bytes:
    return as_json(mutated(json.loads(stored("g.json")()[0]), rng))


def _layers(rng: Random) -> bytes:
    text = rng.choice([CONV_CSV, GEMM_CSV]).decode()
    return renumbered(text, rng, tuple(map(str, SIZES))).encode()


def _shipped() -> list[bytes]:
    home()
    return [small_network().model_dump_json().encode()]


KINDS = (
    Kind("graph", "g.json", bytes_of(stored("g.json")), wrong_network, stored("g.json")),
    Kind("graph, values", "g.json", _changed, wrong_network, _shipped),
    Kind("graph, extreme", "g.json", _grown, wrong_network, _shipped),
    Kind(
        "topology",
        "n.csv",
        bytes_of(lambda: [CONV_CSV, GEMM_CSV]),
        wrong_network,
        lambda: [CONV_CSV, GEMM_CSV],
    ),
    Kind("topology, extreme", "n.csv", _layers, wrong_network, lambda: [CONV_CSV, GEMM_CSV]),
)
