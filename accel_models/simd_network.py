"""A whole static network on one SIMD core: the sum over its ops, as bare-metal runtimes run them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from accel_models.shapes import Shapes, shapes_of
from accel_models.simd import SimdParams, simd_cycles
from accel_models.software import SoftwareParams
from traces.build import GraphBuilder, Window
from traces.graph import NetworkGraph, OpKind

# Output channels and stride of each depthwise-separable block at width 1.  Howard et al., "MobileNets", 2017,
# table 1.
_MOBILENET_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


def network_work(graph: NetworkGraph) -> tuple[Shapes, ...]:
    """Return the dense work of one input, ops of a kind together."""
    by_kind: dict[OpKind, list[Shapes]] = {}
    for op in graph:
        by_kind.setdefault(op.kind, []).append(shapes_of(op))
    return tuple(_joined(pieces) for pieces in by_kind.values())


def network_cycles(
    graph: NetworkGraph, core: SimdParams, software: SoftwareParams, *, element_bytes: int = 1
) -> int:
    """Return the cycles of one input through every op of a network [cycles]."""
    return work_cycles(network_work(graph), core, software, element_bytes=element_bytes)


def work_cycles(
    work: Iterable[Shapes], core: SimdParams, software: SoftwareParams, *, element_bytes: int = 1
) -> int:
    """Return the cycles of all work, one op after the other [cycles]."""
    costs = (
        simd_cycles(shapes, core, software, weight_bytes=element_bytes, act_bytes=element_bytes)
        for shapes in work
    )
    return int(sum(np.sum(cost.total_cycles) for cost in costs))


def mobilenet_v1(width: float, resolution: int, classes: int, *, input_channels: int = 3) -> NetworkGraph:
    """Return MobileNetV1 at a width multiplier and input size [pixels], its batch norms folded."""
    builder = GraphBuilder(f"mobilenetv1_{width}_{resolution}", input_channels, resolution, resolution)
    x = builder.conv("conv1", builder.input, int(32 * width), Window.square(3, 2), activation="relu6")
    for i, (channels, stride) in enumerate(_MOBILENET_BLOCKS, start=1):
        window = Window.square(3, stride)
        x = builder.conv(f"dw{i}", x, x.channels, window, groups=x.channels, activation="relu6")
        x = builder.conv(f"pw{i}", x, int(channels * width), Window.square(1), activation="relu6")
    logits = builder.linear("classifier", builder.global_pool("pool", x), classes)
    builder.elementwise("softmax", "softmax", (logits,))
    return builder.finish()


def _joined(pieces: list[Shapes]) -> Shapes:
    sizes = (f.name for f in fields(Shapes) if f.name != "kind")
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in sizes
    }
    return replace(pieces[0], **joined)
