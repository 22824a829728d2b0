"""ONNX nodes that slide a window, or sample pixels: convolutions of all kinds, regions of interest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from traces.base.errors import UnsupportedError
from traces.graphs.importing.ops import (
    Concat,
    Convolution,
    Function,
    ImportedOp,
    Move,
    Pooling,
    Reshape,
    Transpose,
)
from traces.graphs.importing.patches import WeightLayout, by_computed_weights
from traces.graphs.onnx.nodes.node import Node
from traces.graphs.onnx.nodes.norms import with_operands

# Samples along each axis of a pixel of a region where the node leaves that to the size of the region.
# Choice: 2, what Mask R-CNN takes (He et al., ICCV 2017: "we sample four regular locations").
_SAMPLES = 2


def _conv(node: Node) -> Sequence[ImportedOp]:
    weights = node.shape(node.tensor(1))
    rank = len(node.shape(node.tensor(0))) - 2
    if len(weights) != rank + 2 or not 1 <= rank <= 3:
        raise UnsupportedError(
            f"weights {weights} over an input of {rank + 2} axes; needs 1 to 3 axes of pixels"
        )
    channels, groups = node.shape(node.tensor(0))[1], node.integer("group", 1)
    transposed = node.kind == "ConvTranspose"
    if weights[0 if transposed else 1] * (1 if transposed else groups) != channels:
        raise UnsupportedError(f"weights {weights} in {groups} groups over {channels} channels")
    window = node.window(weights[2:])
    layout: WeightLayout = "in out window" if transposed else "out in window"

    def made(out: str) -> list[ImportedOp]:
        convolution = Convolution(
            name=node.name,
            x=node.tensor(0),
            out=out,
            kernel=window["kernel"],
            stride=window["stride"],
            dilation=window["dilation"],
            groups=groups,
            transposed=transposed,
        )
        if node.is_constant(node.tensor(1)):
            return [convolution]
        shapes = node.context.model.shapes
        return by_computed_weights(convolution, node.tensor(1), layout, shapes, node.made_up)

    return with_operands(node, made, {2: "add"})


def _causal_conv(node: Node) -> Sequence[ImportedOp]:
    """Return a convolution of every channel over the steps before it, those of an earlier call in front of them."""
    shape, (channels, _, length) = node.shape(node.tensor(0)), node.weights(1)
    images, _, steps = shape
    found: list[ImportedOp] = []
    x = node.tensor(0)
    if node.has(3):
        rows = (images, channels, node.shape(node.tensor(3))[2] + steps)
        joined = node.made_up("joined", rows)
        found.append(Concat(name=f"{node.name}.joined", inputs=(node.tensor(3), x), out=joined, axis=2))
        x = joined
    function = node.text("activation", "none") in {"silu", "swish"}
    sums = node.made_up("sums", shape) if function else node.out
    found.append(Convolution(name=node.name, x=x, out=sums, kernel=(length,), groups=channels))
    if function:
        found.append(Function(name=f"{node.name}.silu", x=sums, out=node.out, activation="silu"))
    state = node.outputs[1] if len(node.outputs) > 1 else ""
    if state:
        found.append(Move(name=f"{node.name}.state", x=x, out=state, kind="slice"))
    return found


def _deformable(node: Node) -> Sequence[ImportedOp]:
    """Return samples at places that the network computes, and their products with the weights.

    Choice: a sample, blended of four neighbours, is as much work as a pixel of a bilinear resize.
    Source: Dai et al., "Deformable Convolutional Networks", ICCV 2017.
    """
    weights, shape, out = node.weights(1), node.shape(node.tensor(0)), node.out_shape
    if len(weights) != 4 or len(shape) != 4:
        raise UnsupportedError(f"weights {weights} over {shape}; needs two axes of pixels")
    window, pixels, groups = prod(weights[2:]), prod(out[2:]), node.integer("group", 1)
    samples = node.made_up("samples", (shape[0], shape[1], window, pixels))
    row = node.made_up("row", (shape[0], weights[0], 1, pixels))
    by = tuple(node.tensor(i) for i in (2, 4) if node.has(i) and not node.is_constant(node.tensor(i)))
    return [
        Move(name=f"{node.name}.samples", x=node.tensor(0), out=samples, kind="upsample", by=by),
        Convolution(name=node.name, x=samples, out=row, kernel=(window, 1), groups=groups),
        Reshape(name=f"{node.name}.out", x=row, out=node.out),
    ]


def _regions(node: Node) -> Sequence[ImportedOp]:
    """Return samples of every region, then a mean or maximum of those of each of its pixels."""
    (regions, channels, height, width), aligned = node.out_shape, node.kind == "RoiAlign"
    images = node.shape(node.tensor(0))[0]
    if images != 1:
        raise UnsupportedError(f"reads {images} images; needs one")
    each = (node.integer("sampling_ratio", 0) if aligned else 0) or _SAMPLES
    samples = node.made_up("samples", (1, channels, regions * height * each, width * each))
    pooled = node.made_up("pooled", (1, channels, regions * height, width))
    apart = node.made_up("apart", (channels, regions, height, width))
    by = tuple(name for name in node.tensors()[1:] if not node.is_constant(name))
    largest = not aligned or node.text("mode", "avg") == "max"
    found: list[ImportedOp] = [
        Move(name=f"{node.name}.samples", x=node.tensor(0), out=samples, kind="upsample", by=by)
    ]
    if each > 1:
        found.append(
            Pooling(
                name=node.name,
                x=samples,
                out=pooled,
                kind="max_pool" if largest else "avg_pool",
                kernel=(each, each),
                stride=(each, each),
            )
        )
    return [
        *found,
        Reshape(name=f"{node.name}.apart", x=pooled if each > 1 else samples, out=apart),
        Transpose(name=f"{node.name}.out", x=apart, out=node.out, permutation=(1, 0, 2, 3)),
    ]


WINDOWS: dict[str, Callable[[Node], Sequence[ImportedOp]]] = {
    "CausalConvWithState": _causal_conv,
    "Conv": _conv,
    "ConvTranspose": _conv,
    "DeformConv": _deformable,
    "MaxRoiPool": _regions,
    "RoiAlign": _regions,
}
