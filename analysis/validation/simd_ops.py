"""Ops of rows that state a layer's sizes: layers on silicon, kernels whose instructions were counted."""

from __future__ import annotations

from analysis.validation.reference_rows import Row
from analysis.validation.rows.kind import NotCovered, number
from analysis.validation.simd_reference import network
from traces import Op, OpKind

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
    "add": "add",
    "softmax": "softmax",
}
_DEPTHWISE = ("dw", "depthwise_conv_2d")


# ... by the word for it in tables of kernels.
_COUNTED: dict[str, OpKind] = {"conv": "conv", "dwconv": "conv", "fc": "linear"}


def row_op(row: Row) -> Op:
    """Return the op of a row of layers: by its sizes, or by its number in its network."""
    if row["in_h"]:
        return layer_op(row)
    place = int(row["layer"]) if row["layer"].isdigit() else -1
    kind = _KINDS.get(row["type"].casefold())
    for op in network(row["network"]).ops[max(place - 1, 0) : place + 1][::-1]:  # a reshape is no op of ours
        if op.kind == kind:
            return op
    raise NotCovered(f"layer {row['layer']} {row['type']} of {row['network']}: no such op and no sizes")


def layer_op(row: Row) -> Op:
    """Return the op of a row that states its sizes (padding "same")."""
    word = row["type"].casefold()
    if word not in _KINDS:
        raise NotCovered(f"no op kind for a layer of type {row['type']!r}")
    kind = _KINDS[word]
    size, channels = int(number(row, "in_h")), int(number(row, "in_c"))
    stride, kernel = int(row["stride"] or 1), int(row["k"] or 1)
    is_conv, keeps = kind == "conv", kind in {"conv", "add"}
    out = -(-size // stride) if keeps else 1
    return Op.model_validate(
        {
            "name": row["layer"],
            "kind": kind,
            "inputs": ("input", "other") if kind == "add" else ("input",),
            "in_channels": channels,
            "out_channels": int(number(row, "out_c")),
            "in_height": size,
            "in_width": int(row.get("in_w") or size),
            "out_height": out,
            "out_width": -(-int(row.get("in_w") or size) // stride) if keeps else 1,
            "kernel_height": kernel if is_conv else 1,
            "kernel_width": kernel if is_conv else 1,
            "stride_height": stride if is_conv else 1,
            "stride_width": stride if is_conv else 1,
            "groups": channels if word in _DEPTHWISE else 1,
        }
    )


def counted_op(row: Row) -> Op:
    """Return the op of a row of ``simd_instructions``."""
    if row["kind"] not in _COUNTED:
        raise NotCovered(f"kernel of kind {row['kind']!r} is not modelled")
    kind = _COUNTED[row["kind"]]
    channels = int(row["in_ch"])
    return Op.model_validate(
        {
            "name": row["layer"],
            "kind": kind,
            "inputs": ("input",),
            "in_channels": channels,
            "out_channels": int(row["out_ch"]),
            "in_height": int(row["in_h"]),
            "in_width": int(row["in_w"]),
            "out_height": int(row["out_h"]),
            "out_width": int(row["out_w"]),
            "kernel_height": int(row["kh"]),
            "kernel_width": int(row["kw"]),
            "stride_height": int(row["stride"]),
            "stride_width": int(row["stride"]),
            "groups": channels if row["kind"] == "dwconv" else 1,
        }
    )
