"""A pass of one engine: what it reads and does, where its tensors lie, and how often it runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models.units.micronpu.work import NpuWork
from accel_models.work.shapes import Shapes
from traces import Bools, Floats, Ints


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plane:
    """What a pass reads and how: height and width; sizes that are left out are 1, or the op's own output."""

    size: tuple[Ints, Ints]  # height and width of what is read
    channels: tuple[Ints, Ints]  # read and written
    kernel: tuple[Ints, Ints] | None = None
    stride: tuple[Ints, Ints] | None = None
    out: tuple[Ints, Ints] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Doing:
    """Which engine does a pass, and what that does with each element."""

    engine: Ints
    cycles: Floats  # of an element in the output stage
    second: Ints | None = None  # elements of a second operand
    looks_up: Bools | None = None  # a table is loaded before
    bits: int = 8


def work_of(shapes: Shapes, layout: Layout, plane: Plane, doing: Doing) -> NpuWork:
    """Return the pass as its engine takes it; sizes of what does not run are 1."""
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
        out_whole=_one(plane.channels[1]),
        second_bricks=layout.in_bricks,
        second=np.zeros(len(shapes), np.int64) if doing.second is None else _one(doing.second),
        in_offchip=layout.in_offchip,
        second_offchip=layout.in_offchip,
        out_offchip=layout.out_offchip,
        looks_up=none if doing.looks_up is None else doing.looks_up,
        weight_sigma=np.full(len(shapes), layout.weight_sigma),
        weight_zeros=np.full(len(shapes), layout.weight_zeros),
    )


def _one(values: Ints) -> Ints:
    return np.maximum(values, 1)
