"""Ops of a network as passes of a microNPU's engines.

===================  ==========================================================================
op                   passes
===================  ==========================================================================
conv, linear         one; one a group where a grouped convolution is not depthwise; then one for a clip (ReLU, ...)
                     that is not fused: behind groups, or fewer than 8 channels
pools                one; a global one has a kernel of the whole image
add, mul             one for every operand but the first
activation           one through the pooling engine; a sigmoid or tanh loads its table first
softmax              its maximum, six over all elements, 22 over one element a row (Vela's 28 ops)
recurrent cells      a step: the product of the gates, then Choice: five tables, three products
matmul               Choice: a product like that of a linear layer, its second operand in the SRAM
layer_norm           Choice: five over all elements, in 32 bits
everything else      Choice: one that copies its output
===================  ==========================================================================
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

import numpy as np

from accel_models.cost import States
from accel_models.units.micronpu.clips import LEAST_FUSED, refolded
from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.memory.transfers import BRICK
from accel_models.units.micronpu.output import OutputFunction, element_cycles
from accel_models.units.micronpu.passes import Doing, Layout, Pass, Plane, work_of
from accel_models.units.micronpu.settings import OutputCycles
from accel_models.units.micronpu.work import Engine, NpuWork
from accel_models.work.shapes import Shapes
from traces import RECURRENT, Floats, Ints

_SOFTMAX_WHOLE, _SOFTMAX_ROWS = 6, 22  # 32-bit ops over all elements, and over one element a row
_NORM_WHOLE = 5
_GLOBAL = frozenset({"global_avg_pool", "global_max_pool"})
_WINDOWED = frozenset({"max_pool", "avg_pool"})


def passes_of(states: States, layout: Layout, machine: MicroNpu) -> tuple[Pass, ...]:
    """Return the passes of states of one kind of op; sizes of what does not run are 1, ``times`` 0."""
    shapes = states.shapes
    runs = (shapes.in_channels > 0) & (shapes.out_channels > 0) & (shapes.m > 0)
    once = np.where(runs, shapes.batch, 0)
    match shapes.kind:
        case "conv" | "conv_transpose" | "linear" | "matmul":
            return _products(shapes, layout, machine, once)
        case "lstm_cell" | "gru_cell" | "rnn_cell":
            return _recurrent(shapes, layout, machine, once)
        case "softmax":
            return _softmax(shapes, layout, machine, once)
        case "layer_norm":
            whole = _elementwise(shapes, layout, machine.npu.output_cycles.binary_32, bits=32)
            return (Pass(work=whole, times=once * _NORM_WHOLE),)
        case "add" | "mul":
            function: OutputFunction = "add" if shapes.kind == "add" else "mul"
            work = _elementwise(
                shapes, layout, _cycles(function, shapes, machine.npu.output_cycles, elementwise=True)
            )
            return (Pass(work=work, times=once * np.maximum(shapes.operands - 1, 1)),)
        case (
            "max_pool"
            | "avg_pool"
            | "global_max_pool"
            | "global_avg_pool"
            | "reduce"
            | "activation"
            | "threshold"
            | "upsample"
            | "concat"
            | "copy"
            | "slice"
            | "reshape"
        ):
            return (Pass(work=_pooled(shapes, layout, machine), times=once),)
        case _:
            assert_never(shapes.kind)


def _cycles(
    function: OutputFunction, shapes: Shapes, output: OutputCycles, *, elementwise: bool = False
) -> Floats:
    """Cycles per element with the activation behind the op."""
    table = element_cycles(output, function, elementwise=elementwise, binary=elementwise, behind=("table",))
    plain = element_cycles(output, function, elementwise=elementwise, binary=elementwise, behind=("clip",))
    return np.where(shapes.table_behind, table, plain)


def _products(shapes: Shapes, layout: Layout, machine: MicroNpu, once: Ints) -> tuple[Pass, ...]:
    """Return a pass for each group, and one for the clip behind where Vela does not fuse it.

    Whether it does is the compiler's choice for the whole op: as many channels as all gates open leave.
    """
    groups = np.where(shapes.depthwise, 1, np.maximum(shapes.groups, 1))
    few = (shapes.clipped_channels > 0) & (shapes.clipped_channels < LEAST_FUSED)
    alone = few | ((shapes.clipped_channels > 0) & (groups > 1))
    if not alone.any():
        return (Pass(work=_product(shapes, layout, machine), times=once * groups),)
    bricks = alone & (shapes.clipped_channels % BRICK == 0)
    between = replace(
        layout,
        out_bricks=np.where(alone, bricks, layout.out_bricks),
        out_offchip=layout.out_offchip & ~alone,
    )
    behind = replace(layout, in_bricks=bricks, in_offchip=layout.in_offchip & ~alone)
    return (
        Pass(work=_product(shapes, between, machine), times=once * groups),
        Pass(work=_pooled(refolded(shapes, few), behind, machine), times=once * alone),
    )


def _product(shapes: Shapes, layout: Layout, machine: MicroNpu) -> NpuWork:
    groups = np.where(shapes.depthwise, 1, np.maximum(shapes.groups, 1))
    upscaled = shapes.kind == "conv_transpose"  # runs as a convolution of its output's size
    in_height = shapes.out_height if upscaled else shapes.in_height
    in_width = shapes.out_width if upscaled else shapes.in_width
    stride = (np.ones_like(in_height),) * 2 if upscaled else (shapes.stride_height, shapes.stride_width)
    return work_of(
        shapes,
        layout,
        Plane(
            size=(in_height, in_width),
            channels=(shapes.in_channels // groups, shapes.out_channels // groups),
            kernel=(shapes.kernel_height, shapes.kernel_width),
            stride=stride,
        ),
        Doing(
            engine=np.where(shapes.depthwise, Engine.DEPTHWISE, Engine.CONV),
            cycles=_cycles("sum", shapes, machine.npu.output_cycles),
        ),
    )


def _pooled(shapes: Shapes, layout: Layout, machine: MicroNpu) -> NpuWork:
    """Pools, and what the pooling engine copies: activations of their own, rows and pixels moved."""
    one = np.ones(len(shapes), np.int64)
    pool = shapes.kind in _WINDOWED
    kernel = (shapes.kernel_height, shapes.kernel_width) if pool else (one, one)
    stride = (shapes.stride_height, shapes.stride_width) if pool else (one, one)
    plane = (shapes.in_height, shapes.in_width) if pool else (shapes.out_height, shapes.out_width)
    if shapes.kind in _GLOBAL:
        kernel = plane = (shapes.in_height, shapes.in_width)
    largest, output = shapes.kind in {"max_pool", "global_max_pool"}, machine.npu.output_cycles
    return work_of(
        shapes,
        layout,
        Plane(size=plane, channels=(shapes.out_channels, shapes.out_channels), kernel=kernel, stride=stride),
        Doing(
            engine=np.full(len(shapes), Engine.POOL),
            cycles=np.full(len(shapes), output.max_pool if largest else output.default),
            looks_up=shapes.table_behind if shapes.kind == "activation" else None,
        ),
    )


def _elementwise(shapes: Shapes, layout: Layout, cycles: Floats | float, bits: int = 8) -> NpuWork:
    elements = shapes.out_height * shapes.out_width * shapes.out_channels
    return work_of(
        shapes,
        layout,
        Plane(
            size=(shapes.out_height, shapes.out_width), channels=(shapes.out_channels, shapes.out_channels)
        ),
        Doing(
            engine=np.full(len(shapes), Engine.ELEMENTWISE),
            cycles=np.broadcast_to(np.asarray(cycles, np.float64), (len(shapes),)),
            second=elements,
            bits=bits,
        ),
    )


def _softmax(shapes: Shapes, layout: Layout, machine: MicroNpu, once: Ints) -> tuple[Pass, ...]:
    one = np.ones(len(shapes), np.int64)
    largest = work_of(
        shapes,
        layout,
        Plane(
            size=(shapes.out_height * shapes.out_width, shapes.out_channels),
            channels=(one, one),
            kernel=(one, shapes.out_channels),
            out=(shapes.out_height * shapes.out_width, one),
        ),
        Doing(
            engine=np.full(len(shapes), Engine.POOL),
            cycles=np.full(len(shapes), machine.npu.output_cycles.max_pool),
        ),
    )
    within = replace(layout, in_bricks=one > 0, out_bricks=one > 0, in_offchip=one < 0, out_offchip=one < 0)
    whole = _elementwise(shapes, within, machine.npu.output_cycles.binary_32, bits=32)
    rows = work_of(
        shapes,
        within,
        Plane(size=(shapes.out_height, shapes.out_width), channels=(one, one)),
        Doing(
            engine=np.full(len(shapes), Engine.ELEMENTWISE),
            cycles=np.full(len(shapes), machine.npu.output_cycles.binary_32),
            second=one,
            bits=32,
        ),
    )
    return (
        Pass(work=largest, times=once),
        Pass(work=whole, times=once * _SOFTMAX_WHOLE),
        Pass(work=rows, times=once * _SOFTMAX_ROWS),
    )


def _recurrent(shapes: Shapes, layout: Layout, machine: MicroNpu, once: Ints) -> tuple[Pass, ...]:
    one = np.ones(len(shapes), np.int64)
    steps = once * shapes.out_height * shapes.out_width
    gates = RECURRENT[shapes.kind]
    product = work_of(
        shapes,
        layout,
        Plane(
            size=(one, one),
            channels=(shapes.in_channels + shapes.out_channels, gates * shapes.out_channels),
            out=(one, one),
        ),
        Doing(
            engine=np.full(len(shapes), Engine.CONV),
            cycles=np.full(len(shapes), machine.npu.output_cycles.default),
        ),
    )
    each = max(machine.npu.output_cycles.mul, machine.npu.output_cycles.table)
    tables = work_of(
        shapes,
        layout,
        Plane(size=(one, one), channels=(shapes.out_channels, shapes.out_channels), out=(one, one)),
        Doing(engine=np.full(len(shapes), Engine.ELEMENTWISE), cycles=np.full(len(shapes), each)),
    )
    return Pass(work=product, times=steps), Pass(work=tables, times=steps * (5 + 3))
