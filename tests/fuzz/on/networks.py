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


Size = tuple[int, int, int]


def _op(rng: Random, name: str, given: list[str], size: Size, most: int) -> tuple[dict[str, Any], Size]:
    """Return an op that reads a tensor of this size, and what it puts out."""
    c, h, w = size
    op = {"name": name, "inputs": given, "in_channels": c, "in_height": h, "in_width": w}
    kind = rng.choice(
        [
            "conv",
            "conv",
            "depthwise",
            "linear",
            "flat",
            "pool",
            "global",
            "self",
            "activation",
            "norm",
            "cell",
            "transposed",
            "up",
        ]
    )
    match kind:
        case "conv" | "depthwise" | "pool":
            kernel, stride, dilation = (
                rng.choice([1, 1, 2, 3, 5, 7, 11]),
                rng.choice([1, 1, 2, 3]),
                rng.choice([1, 1, 1, 2]),
            )
            reach = dilation * (kernel - 1) + 1
            pad = rng.choice([0, reach - 1])
            out = [max((side + pad - reach) // stride + 1, 1) for side in (h, w)]
            groups = (
                c if kind == "depthwise" else rng.choice([1, 1, 1, *(g for g in (2, 3, 4, 8) if c % g == 0)])
            )
            channels = (
                c
                if kind == "pool"
                else c * rng.choice([1, 1, 2])
                if kind == "depthwise"
                else groups * _size(rng, most)
            )
            named = {"kernel": kernel, "stride": stride, "dilation": dilation}
            op |= {f"{what}_{axis}": value for what, value in named.items() for axis in ("height", "width")}
            if kind == "pool":
                return op | {"kind": rng.choice(["max_pool", "avg_pool"]), **_out(c, *out)}, (
                    c,
                    out[0],
                    out[1],
                )
            return op | {"kind": "conv", "groups": groups, **_out(channels, *out)}, (channels, out[0], out[1])
        case "linear" | "cell":
            channels = _size(rng, most)
            cell = rng.choice(["lstm_cell", "gru_cell", "rnn_cell"])
            return op | {"kind": cell if kind == "cell" else "linear", **_out(channels, h, w)}, (
                channels,
                h,
                w,
            )
        case "flat":
            channels = _size(rng, most)
            flat = {"in_channels": prod(size), "in_height": 1, "in_width": 1}
            return op | flat | {"kind": "linear", **_out(channels, 1, 1)}, (channels, 1, 1)
        case "global":
            return op | {"kind": rng.choice(["global_avg_pool", "global_max_pool"]), **_out(c, 1, 1)}, (
                c,
                1,
                1,
            )
        case "self":
            return op | {"inputs": given * 2, "kind": rng.choice(["add", "mul"]), **_out(c, h, w)}, size
        case "activation" | "norm":
            act = {"activation": rng.choice(["relu", "gelu", "sigmoid"])} if kind == "activation" else {}
            named_kind = (
                "activation" if kind == "activation" else rng.choice(["layer_norm", "softmax", "copy"])
            )
            return op | act | {"kind": named_kind, **_out(c, h, w)}, size
        case "transposed":
            channels, stride = _size(rng, most), rng.choice([1, 2])
            window = {
                f"{what}_{axis}": stride for what in ("kernel", "stride") for axis in ("height", "width")
            }
            return op | window | {"kind": "conv_transpose", **_out(channels, h * stride, w * stride)}, (
                channels,
                h * stride,
                w * stride,
            )
        case _:
            return op | {"kind": "upsample", **_out(c, 2 * h, 2 * w)}, (c, 2 * h, 2 * w)


def _out(channels: int, height: int, width: int) -> dict[str, int]:
    return {"out_channels": channels, "out_height": height, "out_width": width}


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
