"""Ops of a network as passes of a microNPU's engines.

===================  ==========================================================================
op                   passes
===================  ==========================================================================
conv, linear         one; one a group where a grouped convolution is not depthwise
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

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from accel_models.cost import States
from accel_models.units.micronpu.machine import MicroNpu
from accel_models.units.micronpu.output import OutputFunction, element_cycles
from accel_models.units.micronpu.settings import OutputCycles
from accel_models.units.micronpu.work import Engine, NpuWork
from accel_models.work.shapes import Shapes
from traces import RECURRENT, Bools, Floats, Ints

_SOFTMAX_WHOLE, _SOFTMAX_ROWS = 6, 22  # 32-bit ops over all elements, and over one element a row
_NORM_WHOLE = 5
_GLOBAL = frozenset({"global_avg_pool", "global_max_pool"})
_WINDOWED = frozenset({"max_pool", "avg_pool"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pass:
    """A pass of one engine, for each of ``n`` states, and how often it runs."""

    work: NpuWork
    times: Ints  # shape (n,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Where and how the tensors of ``n`` states lie, shape (n,)."""

    in_offchip: Bools
    out_offchip: Bools
    in_bricks: Bools
    out_bricks: Bools
    weight_sigma: float
    weight_zeros: float


def passes_of(states: States, layout: Layout, machine: MicroNpu) -> tuple[Pass, ...]:
    """Return the passes of states of one kind of op; sizes of what does not run are 1, ``times`` 0."""
    shapes = states.shapes
    runs = (shapes.in_channels > 0) & (shapes.out_channels > 0) & (shapes.m > 0)
    once = np.where(runs, shapes.batch, 0)
    match shapes.kind:
        case "conv" | "conv_transpose" | "linear" | "matmul":
            groups = np.where(shapes.depthwise, 1, np.maximum(shapes.groups, 1))
            return (Pass(work=_product(shapes, layout, machine), times=once * groups),)
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


def _one(values: Ints) -> Ints:
    return np.maximum(values, 1)


def _product(shapes: Shapes, layout: Layout, machine: MicroNpu) -> NpuWork:
    groups = np.where(shapes.depthwise, 1, np.maximum(shapes.groups, 1))
    upscaled = shapes.kind == "conv_transpose"  # runs as a convolution of its output's size
    in_height = shapes.out_height if upscaled else shapes.in_height
    in_width = shapes.out_width if upscaled else shapes.in_width
    stride = (np.ones_like(in_height),) * 2 if upscaled else (shapes.stride_height, shapes.stride_width)
    return _work(
        shapes,
        layout,
        _Plane(
            size=(in_height, in_width),
            channels=(shapes.in_channels // groups, shapes.out_channels // groups),
            kernel=(shapes.kernel_height, shapes.kernel_width),
            stride=stride,
        ),
        _Doing(
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
    return _work(
        shapes,
        layout,
        _Plane(size=plane, channels=(shapes.out_channels, shapes.out_channels), kernel=kernel, stride=stride),
        _Doing(
            engine=np.full(len(shapes), Engine.POOL),
            cycles=np.full(len(shapes), output.max_pool if largest else output.default),
            looks_up=shapes.table_behind if shapes.kind == "activation" else None,
        ),
    )


def _elementwise(shapes: Shapes, layout: Layout, cycles: Floats | float, bits: int = 8) -> NpuWork:
    elements = shapes.out_height * shapes.out_width * shapes.out_channels
    return _work(
        shapes,
        layout,
        _Plane(
            size=(shapes.out_height, shapes.out_width), channels=(shapes.out_channels, shapes.out_channels)
        ),
        _Doing(
            engine=np.full(len(shapes), Engine.ELEMENTWISE),
            cycles=np.broadcast_to(np.asarray(cycles, np.float64), (len(shapes),)),
            second=elements,
            bits=bits,
        ),
    )


def _softmax(shapes: Shapes, layout: Layout, machine: MicroNpu, once: Ints) -> tuple[Pass, ...]:
    one = np.ones(len(shapes), np.int64)
    largest = _work(
        shapes,
        layout,
        _Plane(
            size=(shapes.out_height * shapes.out_width, shapes.out_channels),
            channels=(one, one),
            kernel=(one, shapes.out_channels),
            out=(shapes.out_height * shapes.out_width, one),
        ),
        _Doing(
            engine=np.full(len(shapes), Engine.POOL),
            cycles=np.full(len(shapes), machine.npu.output_cycles.max_pool),
        ),
    )
    whole = _elementwise(shapes, layout, machine.npu.output_cycles.binary_32, bits=32)
    rows = _work(
        shapes,
        layout,
        _Plane(size=(shapes.out_height, shapes.out_width), channels=(one, one)),
        _Doing(
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
    product = _work(
        shapes,
        layout,
        _Plane(
            size=(one, one),
            channels=(shapes.in_channels + shapes.out_channels, gates * shapes.out_channels),
            out=(one, one),
        ),
        _Doing(
            engine=np.full(len(shapes), Engine.CONV),
            cycles=np.full(len(shapes), machine.npu.output_cycles.default),
        ),
    )
    each = max(machine.npu.output_cycles.mul, machine.npu.output_cycles.table)
    tables = _work(
        shapes,
        layout,
        _Plane(size=(one, one), channels=(shapes.out_channels, shapes.out_channels), out=(one, one)),
        _Doing(engine=np.full(len(shapes), Engine.ELEMENTWISE), cycles=np.full(len(shapes), each)),
    )
    return Pass(work=product, times=steps), Pass(work=tables, times=steps * (5 + 3))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Plane:
    """What a pass reads and how: height and width; sizes that are left out are 1, or the op's own output."""

    size: tuple[Ints, Ints]  # height and width of what is read
    channels: tuple[Ints, Ints]  # read and written
    kernel: tuple[Ints, Ints] | None = None
    stride: tuple[Ints, Ints] | None = None
    out: tuple[Ints, Ints] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Doing:
    """Which engine does a pass, and what that does with each element."""

    engine: Ints
    cycles: Floats  # of an element in the output stage
    second: Ints | None = None  # elements of a second operand
    looks_up: Bools | None = None  # a table is loaded before
    bits: int = 8


def _work(shapes: Shapes, layout: Layout, plane: _Plane, doing: _Doing) -> NpuWork:
    one = np.ones(len(shapes), np.int64)
    kernel, stride = plane.kernel or (one, one), plane.stride or (one, one)
    out_height, out_width = plane.out or (shapes.out_height, shapes.out_width)
    none = np.zeros(len(shapes), np.bool_)
    return NpuWork(
        engine=np.asarray(doing.engine, np.int64),
        in_height=_one(plane.size[0]),
        in_width=_one(plane.size[1]),
        in_channels=_one(plane.channels[0]),
        out_height=_one(out_height),
        out_width=_one(out_width),
        out_channels=_one(plane.channels[1]),
        kernel_height=_one(kernel[0]),
        kernel_width=_one(kernel[1]),
        stride_height=_one(stride[0]),
        stride_width=_one(stride[1]),
        reach_height=(_one(kernel[0]) - 1) * _one(shapes.dilation_height) + 1,
        reach_width=(_one(kernel[1]) - 1) * _one(shapes.dilation_width) + 1,
        in_bits=np.full(len(shapes), doing.bits),
        out_bits=np.full(len(shapes), doing.bits),
        element_cycles=np.asarray(doing.cycles, np.float64),
        in_bricks=layout.in_bricks,
        out_bricks=layout.out_bricks,
        second_bricks=layout.in_bricks,
        second=np.zeros(len(shapes), np.int64) if doing.second is None else _one(doing.second),
        in_offchip=layout.in_offchip,
        second_offchip=layout.in_offchip,
        out_offchip=layout.out_offchip,
        looks_up=none if doing.looks_up is None else doing.looks_up,
        weight_sigma=np.full(len(shapes), layout.weight_sigma),
        weight_zeros=np.full(len(shapes), layout.weight_zeros),
    )
