"""Ops of rows that state a layer's sizes: layers on silicon, kernels whose instructions were counted."""

from __future__ import annotations

from accel_models import CountedIsa, CountedKernel, Shapes, shapes_of
from analysis.validation.reference_rows import Row
from analysis.validation.rows.kind import NotCovered, whole
from analysis.validation.simd.reference import network
from traces import Op, OpKind, did_you_mean

# Kind of op by the word for it in tables of layers, lower case.
_KINDS: dict[str, OpKind] = {
    "conv": "conv",
    "dw": "conv",
    "pw": "conv",
    "conv_2d": "conv",
    "depthwise_conv_2d": "conv",
    "avgpool": "global_avg_pool",
    "average_pool_2d": "global_avg_pool",
    "fc": "linear",
    "fully_connected": "linear",
    "mean": "global_avg_pool",
    "maxpool": "max_pool",
    "max_pool_2d": "max_pool",
    "add": "add",
    "mul": "mul",
    "relu": "activation",
    "relu6": "activation",
    "softmax": "softmax",
}
_ALIKE = {"conv", "add", "mul", "activation", "max_pool"}  # outputs where inputs are, one a stride
_PAIRS = {"add", "mul"}
_DEPTHWISE = ("dw", "depthwise_conv_2d")


def row_op(row: Row) -> Op:
    """Return the op of a row of layers: by its sizes, or by its number in its network."""
    if row["in_h"]:
        return layer_op(row)
    place = int(row["layer"]) if row["layer"].isdigit() else -1
    word = row["type"].casefold()
    for op in network(row["network"]).ops[max(place - 1, 0) : place + 1][::-1]:  # a reshape is no op of ours
        if op.kind == _KINDS.get(word) and (op.groups > 1) == (word in _DEPTHWISE):
            return op
    raise NotCovered(f"layer {row['layer']} {row['type']} of {row['network']}: no such op and no sizes")


def layer_op(row: Row) -> Op:
    """Return the op of a row that states its sizes (padding "same")."""
    word = row["type"].casefold()
    if word not in _KINDS:
        raise NotCovered(f"no op kind for a layer of type {row['type']!r}")
    kind = _KINDS[word]
    size, channels = whole(row, "in_h"), whole(row, "in_c")
    stride_height, stride_width = _sides(row["stride"])
    kernel_height, kernel_width = _sides(row["k"])
    windowed, keeps = kind in {"conv", "max_pool"}, kind in _ALIKE
    width = whole(row, "in_w") if row.get("in_w") else size
    return Op.model_validate(
        {
            "name": row["layer"],
            "kind": kind,
            "inputs": ("input", "other") if kind in _PAIRS else ("input",),
            "in_channels": channels,
            "out_channels": whole(row, "out_c"),
            "in_height": size,
            "in_width": width,
            "out_height": -(-size // stride_height) if keeps else 1,
            "out_width": -(-width // stride_width) if keeps else 1,
            "kernel_height": kernel_height if windowed else 1,
            "kernel_width": kernel_width if windowed else 1,
            "stride_height": stride_height if windowed else 1,
            "stride_width": stride_width if windowed else 1,
            "groups": channels if word in _DEPTHWISE else 1,
        }
    )


def _sides(cell: str) -> tuple[int, int]:
    """Return height and width of a window or a step: ``3`` is square, ``10x4`` is not, nothing is 1."""
    height, _, width = (cell or "1").lower().partition("x")
    sides = {"height": height, "width": width or height}
    return whole(sides, "height"), whole(sides, "width")


# Kernel and kind of op by the word for it in the table of counted kernels; a convolution takes one of three.
COUNTED: dict[str, tuple[CountedKernel, OpKind]] = {
    "conv": ("conv", "conv"),
    "dwconv": ("depthwise", "conv"),
    "fc": ("linear", "linear"),
    "add": ("add", "add"),
    "chscale": ("mul", "mul"),
    "softmax": ("softmax", "softmax"),
    "avgpool": ("pool", "avg_pool"),
    "gather": ("gather", "concat"),
    "prefix": ("copy", "concat"),
    "requant": ("requantise", "activation"),
}
COUNTED_CORES: dict[str, CountedIsa] = {
    "cortex-m0plus": "v6m",
    "cortex-m3": "scalar",
    "cortex-m4": "dsp",
    "cortex-m55": "mve",
}


def counted_call(row: Row) -> tuple[CountedKernel, CountedIsa, Shapes]:
    """Return kernel, instruction set and sizes of a row of ``simd_instructions``."""
    if row["core"] not in COUNTED_CORES:
        raise NotCovered(f"core {row['core']!r}{did_you_mean(row['core'], COUNTED_CORES)}")
    if row["kind"] not in COUNTED:
        raise NotCovered(f"kernel of kind {row['kind']!r}{did_you_mean(row['kind'], COUNTED)}")
    kernel, _ = COUNTED[row["kind"]]
    if row["kind"] == "conv" and row["kh"] == row["kw"] == "1":
        kernel = "pointwise"
    return kernel, COUNTED_CORES[row["core"]], shapes_of(counted_op(row))


def counted_op(row: Row) -> Op:
    """Return the op of a row of ``simd_instructions``; a gather or prefix copies ``kept`` of its channels."""
    _, kind = COUNTED[row["kind"]]
    channels, pairs = whole(row, "kept" if row.get("kept") else "in_ch"), kind in {"add", "mul", "concat"}
    window = kind in {"conv", "avg_pool"}
    return Op.model_validate(
        {
            "name": row["layer"],
            "kind": kind,
            "inputs": ("input", "other") if pairs else ("input",),
            "in_channels": channels,
            "out_channels": whole(row, "kept" if row.get("kept") else "out_ch"),
            "in_height": whole(row, "in_h"),
            "in_width": whole(row, "in_w"),
            "out_height": whole(row, "out_h"),
            "out_width": whole(row, "out_w"),
            "kernel_height": whole(row, "kh") if window else 1,
            "kernel_width": whole(row, "kw") if window else 1,
            "stride_height": whole(row, "stride") if window else 1,
            "stride_width": whole(row, "stride") if window else 1,
            "groups": channels if row["kind"] == "dwconv" else 1,
        }
    )
