"""What a kind of unit is asked (states of an op, and where their tensors lie) and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accel_models.cost import TILE_AIMS, Cached, Misfit, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.energy.actions import Actions
from accel_models.energy.chip import PRECISION_BYTES
from accel_models.work.shapes import Shapes
from traces import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Behind:
    """Which operands of each state are moved from or to the second level on the chip; arrays of shape (s,)."""

    inputs: Bools
    output: Bools
    weights: Bools

    @classmethod
    def of(cls, placements: Sequence[Placement], states: Sequence[int]) -> Behind:
        """Return those of so many states of each op, end to end."""
        return cls(
            inputs=np.repeat([place.inputs_behind for place in placements], states),
            output=np.repeat([place.output_behind for place in placements], states),
            weights=np.repeat([place.weights_behind for place in placements], states),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Where:
    """Where the tensors of each state lie; arrays of shape (s,).  See :class:`accel_models.cost.Placement`."""

    inputs_on_chip: Bools
    output_on_chip: Bools
    weights_resident: Bools
    reserved_bytes: Ints  # of the activation buffer, held by others [B]
    pinned_bytes: Ints  # of the weight buffer, held by others [B]
    cached: Cached  # of the first op: units before which there are caches do not join ops
    outside_share: Floats  # of the weights, off a chip whose own memory is full [0..1]
    tile_aim: Ints  # index into TILE_AIMS
    stage_reads: Bools  # besides its results, by the output stage that took the op over
    stage_brings: Bools  # of that, what comes from off the chip
    behind: Behind  # what is moved from or to memory.l2 instead of the DRAM

    @classmethod
    def of(cls, placements: Sequence[Placement], states: Sequence[int]) -> Where:
        """Return the places of so many states of each op, end to end."""
        return cls(
            inputs_on_chip=np.repeat([place.inputs_on_chip for place in placements], states),
            output_on_chip=np.repeat([place.output_on_chip for place in placements], states),
            weights_resident=np.repeat([place.weights_resident for place in placements], states),
            reserved_bytes=np.repeat([place.reserved_bytes for place in placements], states),
            pinned_bytes=np.repeat([place.pinned_bytes for place in placements], states),
            cached=placements[0].cached,
            outside_share=np.repeat([place.outside_share for place in placements], states),
            tile_aim=np.repeat([TILE_AIMS.index(place.tile_aim) for place in placements], states),
            stage_reads=np.repeat([place.stage_reads != "nothing" for place in placements], states),
            stage_brings=np.repeat([place.stage_reads == "off_chip" for place in placements], states),
            behind=Behind.of(placements, states),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class States:
    """States of one op, or of several of one kind laid end to end where the unit joins ops; s of them."""

    work: WorkStates  # its ``op`` is that of the first state
    shapes: Shapes  # what each state computes; nothing where it does not run
    where: Where

    def __len__(self) -> int:
        return len(self.work)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Busy:
    """What an op does on its unit, operands at hand; arrays of shape (s,)."""

    cycles: Ints  # of the design's clock
    first_tile_cycles: Ints  # until the first tile of results is there
    last_tile_cycles: Ints  # left to do when the last operand has landed
    actions: Actions  # all but the DRAM's and the writing of fetched weights into their buffer
    feasible: Bools
    misfit: Misfit | None = None  # why, where one is not
    gather_cycles: Ints | int = 0  # of ``cycles``: packing what is kept
    control_cycles: Ints | int = 0  # of ``cycles``: steering tiles


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """Bytes of an op on the bus, and of them what its first tile needs; arrays of shape (s,)."""

    weights: Ints
    inputs: Ints
    outputs: Ints
    first_weights: Ints
    first_inputs: Ints
    turn_cycles: Ints | int = 0  # that loads wait for the first bytes of tiles which take turns in one buffer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BusTimes:
    """Cycles that the DMA works for an op's :class:`Traffic`; arrays of shape (s,)."""

    weights: Ints
    inputs: Ints
    outputs: Ints
    first_weights: Ints
    first_inputs: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitCost:
    """What states of an op take of a unit and of the bus."""

    busy: Busy
    traffic: Traffic
    times: BusTimes | None = None  # of a unit with a memory system of its own; else the design's DRAM tells


def element_bytes(design: Design) -> tuple[int, int, int]:
    """Bytes of an activation, a weight and an accumulator word."""
    memory = design.memory
    if memory is None:
        width = PRECISION_BYTES[design.technology.precision]
        return width, width, 4
    bits = (memory.activation_bits, memory.weight_bits, memory.accumulator_bits)
    act, wgt, acc = (-(-b // 8) for b in bits)
    return act, wgt, acc
