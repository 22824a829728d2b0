"""Biases and scales that the network computes: a sum or a product more behind the operation that takes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from networks.capturing.calls import Ref
from networks.capturing.translation import CallStep
from traces import Elementwise, Missing, Reshape

# Which arguments are added to, or multiplied with, what an operation puts out; constant ones are folded.
_OPERANDS: dict[str, tuple[tuple[int, Literal["add", "mul"]], ...]] = {
    **dict.fromkeys(("addmm", "addmv", "baddbmm"), ((0, "add"),)),
    **dict.fromkeys(("convolution", "_convolution"), ((2, "add"),)),
    **dict.fromkeys(
        ("native_group_norm", "native_batch_norm", "cudnn_batch_norm", "batch_norm"), ((1, "mul"), (2, "add"))
    ),
    "_native_batch_norm_legit_no_training": ((1, "mul"), (2, "add")),
    "native_layer_norm": ((2, "mul"), (3, "add")),
    "_fused_rms_norm": ((2, "mul"),),
}
_OF_LAST_AXES = frozenset({"addmm", "addmv", "baddbmm", "native_layer_norm", "_fused_rms_norm"})


def add_operands(step: CallStep, before: int) -> None:
    """Add what the operations behind ``before`` leave out: operands that depend on the network's input."""
    if step.call.options.get("beta", 1) == 0:
        return
    for place, kind in _OPERANDS.get(step.call.op, ()):
        given = step.argument(place, "")
        if not isinstance(given, Ref) or step.constant(given.id):
            continue
        inner, out = step.all.new(step.out_shape), step.out
        step.all.ops[before:] = [
            op if isinstance(op, Missing) or op.out != out else replace(op, out=inner)
            for op in step.all.ops[before:]
        ]
        operand = step.all.tensor(given.id, repeated=True)
        if step.call.op not in _OF_LAST_AXES:  # one per channel
            along = step.all.new((1, step.out_shape[1], *(1 for _ in step.out_shape[2:])))
            step.add(Reshape(name=f"{step.name}.{kind}.channels", x=operand, out=along))
            operand = along
        step.add(Elementwise(name=f"{step.name}.{kind}", inputs=(inner, operand), out=out, kind=kind))
