"""Vela's total of whole networks beside the product's replay of the same graphs.

The graphs are those whose rows ``vela_ops.csv`` holds op by op: CIFAR ResNets (dense, narrower, with fewer channels
between the convolutions of a block, with LC-Net's gates), MobileNetV1 (0.5 at 128 pixels), squeeze-and-excite blocks,
blocks of four branches side by side.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from analysis.validation.reference_rows import Row
from analysis.validation.rows.kind import NotCovered, number
from analysis.validation.vela.machine import design_of
from simulator import replay
from traces import GraphBuilder, NetworkGraph, Tensor, Window, synthetic_trace

_RESNET = re.compile(
    r"rn(?P<depth>\d+)_(?:dense(?:_zero(?P<zeros>\d+))?|w(?P<width>\d+)|keep(?P<keep>[\d.]+)"
    r"|gate_(?P<gate>layer|chan|both)_(?P<mul>mul|nomul)(?P<mean>_mean)?)"
)
_MOBILENET_NAME = re.compile(r"mbv1_(?P<percent>\d{3})_(?P<pixels>\d+)")
# Filters and stride of MobileNetV1's separable layers at width 1.0: Howard et al., arXiv 1704.04861, table 1.
_MOBILENET: Final = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip


def network(row: Row) -> tuple[float, float]:
    """Return the total cycles of a network, by Vela and by a replay of one input with every gate open."""
    found = _RESNET.fullmatch(row["network"])
    zeros = float(found["zeros"] or 0) / 100 if found else 0.0
    design = design_of(row, zeros=zeros)
    graph = network_graph(row["network"])
    results = replay(synthetic_trace(graph, 1, seed=0), design)
    return number(row, "total_cycles"), float(results.per_input["latency_cycles"].iloc[0])


@lru_cache(maxsize=64)
def network_graph(name: str) -> NetworkGraph:
    """Return the graph that Vela's rows call so."""
    found = _RESNET.fullmatch(name)
    if found and int(found["depth"]) % 6 == 2:
        return _resnet(name, found)
    mobilenet = _MOBILENET_NAME.fullmatch(name)
    if mobilenet:
        return _mobilenet(name, int(mobilenet["percent"]) / 100, int(mobilenet["pixels"]))
    if name == "se_blocks":
        return _squeeze_and_excite(name)
    if name == "inception_like":
        return _branches(name)
    known = "CIFAR ResNets rn20_... of 6 n + 2 layers, MobileNets mbv1_050_128 ..., se_blocks, inception_like"
    raise NotCovered(f"network {name!r}: no graph; known: {known}")


def _resnet(name: str, found: re.Match[str]) -> NetworkGraph:
    blocks = (int(found["depth"]) - 2) // 6
    width, keep = int(found["width"] or 16), float(found["keep"] or 1)
    builder = GraphBuilder(name, 3, 32, 32)
    x = builder.conv("stem", builder.input, width, Window.square(3), activation="relu")
    late: list[tuple[str, Tensor, int]] = []  # gates whose answers nothing reads: Vela runs them last
    for i in range(3 * blocks):
        channels, stride = width << i // blocks, 2 if i in {blocks, 2 * blocks} else 1
        x = _block(builder, f"b{i + 1}", x, (channels, round(channels * keep), stride), found, late)
    for block, pooled, middle in late:
        _gates(builder, block, pooled, middle, found)
    builder.linear("cls", builder.global_pool("fpool", x), 10)
    return builder.finish()


def _block(  # noqa: PLR0913, PLR0917  # what a block is made of
    builder: GraphBuilder,
    name: str,
    x: Tensor,
    sizes: tuple[int, int, int],
    found: re.Match[str],
    late: list[tuple[str, Tensor, int]],
) -> Tensor:
    channels, middle, stride = sizes
    used = found["mul"] == "mul"
    scores = _gates(builder, name, x, middle, found) if used else {}
    if found["gate"] and not used:
        late.append((name, x, middle))
    y = builder.conv(f"{name}_c1", x, middle, Window.square(3, stride), activation="relu")
    if "channel" in scores:
        y = builder.elementwise("mul", f"{name}_mc", (y, scores["channel"]))
    y = builder.conv(f"{name}_c2", y, channels, Window.square(3))
    if "layer" in scores:
        y = builder.elementwise("mul", f"{name}_ml", (y, scores["layer"]))
    if stride > 1:
        x = builder.conv(f"{name}_sc", x, channels, Window.square(1, stride))
    return builder.elementwise("add", f"{name}_add", (y, x), activation="relu")


def _gates(
    builder: GraphBuilder, name: str, x: Tensor, middle: int, found: re.Match[str]
) -> dict[str, Tensor]:
    pooled = vela_mean(builder, name, x) if found["mean"] else builder.global_pool(f"{name}_gap", x)
    scores: dict[str, Tensor] = {}
    if found["gate"] in {"layer", "both"}:
        scores["layer"] = builder.linear(f"{name}_gl", pooled, 1)
    if found["gate"] in {"chan", "both"}:
        scores["channel"] = builder.linear(f"{name}_gc", pooled, middle, "relu")
    return scores


def vela_mean(builder: GraphBuilder, name: str, x: Tensor) -> Tensor:
    """Add a mean as Vela lowers it: a depthwise convolution with a kernel of the whole image, then a product."""
    window = Window(kernel=(x.height, x.width), out=(1, 1))
    summed = builder.conv(f"{name}_sum", x, x.channels, window, groups=x.channels)
    return builder.elementwise("mul", f"{name}_gap", (summed, summed))


def _mobilenet(name: str, width: float, pixels: int) -> NetworkGraph:
    builder = GraphBuilder(name, 3, pixels, pixels)
    x = builder.conv("stem", builder.input, int(32 * width), Window.square(3, 2), activation="relu6")
    for i, (filters, stride) in enumerate(_MOBILENET):
        window = Window.square(3, stride)
        x = builder.conv(f"dw{i}", x, x.channels, window, groups=x.channels, activation="relu6")
        x = builder.conv(f"pw{i}", x, int(filters * width), Window.square(1), activation="relu6")
    scores = builder.linear("cls", vela_mean(builder, "gap", x), 10)
    builder.elementwise("softmax", "softmax", (scores,))
    return builder.finish()


def _squeeze_and_excite(name: str) -> NetworkGraph:
    builder = GraphBuilder(name, 3, 32, 32)
    x = builder.conv("stem", builder.input, 32, Window.square(3, 2), activation="relu")
    for i in range(4):
        y = builder.conv(f"s{i}c1", x, 32, Window.square(3), activation="relu")
        squeezed = builder.linear(f"s{i}f1", vela_mean(builder, f"s{i}", y), 8, "relu")
        scale = builder.linear(f"s{i}f2", squeezed, 32, "sigmoid")
        y = builder.elementwise("mul", f"s{i}mul", (y, scale))
        x = builder.elementwise("add", f"s{i}add", (y, x), activation="relu")
    builder.linear("cls", vela_mean(builder, "end", x), 10)
    return builder.finish()


def _branches(name: str) -> NetworkGraph:
    builder = GraphBuilder(name, 3, 32, 32)
    x = builder.conv("stem", builder.input, 16, Window.square(3), activation="relu")
    for i in range(3):
        one, three, five = (
            builder.conv(f"i{i}k{kernel}", x, filters, Window.square(kernel), activation="relu")
            for kernel, filters in ((1, 16), (3, 16), (5, 8))
        )
        pooled = builder.pool("max_pool", f"i{i}p", x, Window.square(3))
        pooled = builder.conv(f"i{i}pk1", pooled, 8, Window.square(1), activation="relu")
        x = builder.concat(f"i{i}cat", (one, three, five, pooled))
        if i < 2:
            x = builder.pool("max_pool", f"i{i}dn", x, Window.square(2, 2, same=False))
    builder.linear("cls", vela_mean(builder, "gap", x), 10)
    return builder.finish()
