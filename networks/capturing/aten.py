"""PyTorch's operations as the importer's: one small function per family of operations.

What no function here knows is listed, all at once, never counted as no work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from networks.capturing.arithmetic import (
    ACTIVATIONS,
    activation,
    batch_norm,
    choose,
    clamp,
    compare,
    divide,
    glu,
    masked_fill,
    norm,
    pair,
    pairs,
    power,
    reduce,
    softmax,
)
from networks.capturing.calls import Ref, Tracing, living_calls
from networks.capturing.moving import (
    cat,
    copied,
    copy,
    cut,
    expand,
    lookup,
    overlay,
    padded,
    parts,
    ranked,
    same,
    sample,
    select,
    transpose,
    upsample,
)
from networks.capturing.naming import operation_names
from networks.capturing.translation import CallStep, Counted, Translation, Unknown
from networks.capturing.windows import (
    adaptive_pool,
    attention,
    convolution,
    pool,
    product,
    recurrent_cell,
    recurrent_layers,
)
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


def translate(tracing: Tracing) -> Translation:
    """Return what the answer of the network needs, in the importer's words."""
    result = Translation(tracing)
    calls = living_calls(tracing)
    for number in tracing.inputs:
        result.tensor(number)
    for call, name in zip(calls, operation_names(calls), strict=True):
        step = CallStep(result, call, name)
        before = len(result.ops)
        try:
            _convert(step)
        except Unknown as problem:
            del result.ops[before:]
            outs = tuple(result.tensor(number) for number in call.outputs)
            result.ops.append(Missing(type=call.op, name=name, outputs=outs, why=str(problem)))
        if call.macs:
            result.counted.append(Counted(tuple(op.name for op in result.ops[before:]), call.macs))
    return result


def _convert(step: CallStep) -> None:
    name = step.call.op
    plain = name[:-1] if name.endswith("_") and not name.endswith("__") else name
    convert = _TABLE.get(plain)
    if convert is None and plain in ACTIVATIONS:
        convert = activation
    if convert is None:
        raise Unknown("not known")
    before = len(step.all.ops)
    try:
        convert(step)
        _add_operands(step, before)
    except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise Unknown("called with arguments of a kind that is not known") from None


def _add_operands(step: CallStep, before: int) -> None:
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


def _each(names: str, convert: Callable[[CallStep], None]) -> dict[str, Callable[[CallStep], None]]:
    return dict.fromkeys(names.split(), convert)


_TABLE: dict[str, Callable[[CallStep], None]] = {
    **_each("clamp clamp_min clamp_max hardtanh", clamp),
    **_each("convolution _convolution", convolution),
    "addmm": product(1, 2, "mk,kn,mn"),
    "mm": product(0, 1, "mk,kn,mn"),
    "mv": product(0, 1, "mk,k,m"),
    "addmv": product(1, 2, "mk,k,m"),
    **_each("dot vdot", product(0, 1, "k,k,")),
    "bmm": product(0, 1, "bmk,bkn,bmn"),
    "baddbmm": product(1, 2, "bmk,bkn,bmn"),
    **_each("native_batch_norm _native_batch_norm_legit_no_training cudnn_batch_norm batch_norm", batch_norm),
    **_each("native_layer_norm native_group_norm _fused_rms_norm", norm),
    **_each("_softmax _safe_softmax _log_softmax", softmax),
    **_each("add sub rsub maximum minimum fmin fmax fmod remainder hypot", lambda step: pair(step, "add")),
    "mul": lambda step: pair(step, "mul"),
    "div": divide,
    **_each("gt ge lt le eq ne logical_and logical_or logical_xor logical_not bitwise_not", compare),
    **_each("bitwise_and bitwise_or round floor ceil trunc frac sign bernoulli heaviside", compare),
    **_each("floor_divide isnan isinf bucketize", compare),
    "glu": glu,
    "pow": power,
    "lerp": lambda step: pairs(step, "lerp"),
    "addcmul": lambda step: pairs(step, "addcmul"),
    "addcdiv": lambda step: pairs(step, "addcdiv"),
    "where": choose,
    "masked_fill": masked_fill,
    **_each("mean nanmean sum nansum prod var std var_mean std_mean all any logsumexp count_nonzero", reduce),
    **_each("norm linalg_vector_norm", lambda step: reduce(step, 2)),
    **_each("amax amin max min argmax argmin aminmax", lambda step: reduce(step, extreme=True)),
    **_each("topk sort kthvalue median nanmedian mode", ranked),
    "select": select,
    "slice": cut,
    **_each("split split_with_sizes unbind chunk", parts),
    **_each("view _unsafe_view reshape _reshape_alias squeeze unsqueeze flatten", same),
    **_each("detach alias clone contiguous _to_copy dropout lift_fresh native_dropout", same),
    **_each(
        "fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask "
        "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams quantize_per_tensor dequantize",
        same,  # Choice: rescaling folds into what is before it, as in a quantised ONNX model
    ),
    "copy": copied,
    "expand": expand,
    **_each("permute transpose t numpy_T", transpose),
    **_each("cat stack", cat),
    **_each("max_pool2d_with_indices max_pool2d avg_pool2d max_pool3d_with_indices avg_pool3d", pool),
    **_each("_adaptive_avg_pool2d adaptive_max_pool2d", adaptive_pool),
    **_each("_adaptive_avg_pool3d adaptive_max_pool3d", adaptive_pool),
    **_each("upsample_nearest2d upsample_bilinear2d upsample_nearest1d upsample_bicubic2d", upsample),
    **_each("_upsample_nearest_exact2d upsample_linear1d _upsample_bilinear2d_aa", upsample),
    **_each("upsample_nearest3d upsample_trilinear3d", upsample),
    **_each("pad as_strided", padded),
    **_each("constant_pad_nd repeat roll flip rot90 tril triu diagonal unfold im2col col2im", copy),
    **_each("pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle max_unpool2d", copy),
    **_each("index index_select gather embedding take_along_dim nonzero", lookup),
    **_each("scatter scatter_add scatter_reduce index_put index_copy index_add index_fill", overlay),
    **_each("lacuna_overlay slice_scatter select_scatter masked_scatter one_hot", overlay),
    **_each("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", recurrent_cell),
    **_each("lstm gru rnn_tanh rnn_relu", recurrent_layers),
    **_each("grid_sampler_2d grid_sampler_3d", sample),
    "scaled_dot_product_attention": attention,
    **_each("_local_scalar_dense is_nonzero equal", lambda step: None),
}
