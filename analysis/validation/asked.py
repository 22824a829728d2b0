"""Networks that comparisons ask the product about: rows of layers, products and convolutions, each by itself."""

from __future__ import annotations

from collections.abc import Sequence

from accel_models import Design
from simulator import StaticTable, estimate
from traces import NetworkGraph, Op


def layer_estimates(ops: Sequence[Op], design: Design) -> StaticTable:
    """Return what ``lacuna estimate`` says of each op, a layer that depends on no other."""
    ops = [
        op.model_copy(update={"name": f"layer{i}", "inputs": ("input",) * len(op.inputs)})
        for i, op in enumerate(ops)
    ]
    graph = NetworkGraph(
        name="layers",
        input_channels=ops[0].in_channels,
        input_height=ops[0].in_height,
        input_width=ops[0].in_width,
        ops=tuple(ops),
        chained=False,
    )
    return estimate(graph, design)


def product(m: int, k: int, n: int) -> Op:
    """Return a product (M, K) x (K, N): a fully connected layer on M pixels."""
    return Op(
        name="product",
        kind="linear",
        inputs=("input",),
        in_channels=k,
        out_channels=n,
        in_height=m,
        in_width=1,
        out_height=m,
        out_width=1,
    )


def convolution(
    channels: int, filters: int, size: tuple[int, int], out: tuple[int, int], window: tuple[int, int, int]
) -> Op:
    """Return a convolution: sizes are height and width [pixels], a window is kernel height, width and stride."""
    return Op(
        name="conv",
        kind="conv",
        inputs=("input",),
        in_channels=channels,
        out_channels=filters,
        in_height=size[0],
        in_width=size[1],
        out_height=out[0],
        out_width=out[1],
        kernel_height=window[0],
        kernel_width=window[1],
        stride_height=window[2],
        stride_width=window[2],
    )
