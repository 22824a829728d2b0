"""What there is to tile: ops on one design, and one cut of each of their axes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from accel_models.design.side_by_side import columns_of
from accel_models.dram import Bus, either_bus
from accel_models.units.array.machine import ArrayMachine
from accel_models.units.array.op_sizes import OpSizes
from accel_models.units.array.tiling import ChannelCut, PixelCut, ReductionCut, take
from traces import Bools, Floats

_NO_COLUMNS = frozenset({"machine", "op", "weights_first"})  # for all ops, or holds columns itself


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """``n`` ops to tile, with what is on chip already; arrays of shape ``(n,)``.

    Numbers of the machine in which designs side by side differ are arrays too.
    """

    machine: ArrayMachine
    op: OpSizes
    untiled_cycles: Floats  # of the array for the op in one piece, exact
    untiled_extra: Floats  # of them, beyond whole folds: fill and drain, less what trimming saves
    input_element_bytes: Floats  # in a buffer tile; 0 if the input is on chip
    fetch_input: Floats  # 1.0 if the input comes from DRAM, 0.0 if it is on chip
    fetch_weights: Floats
    store_output: Floats
    reserved_bytes: Floats  # of the activation buffer, held by tensors that stay on chip
    pinned_bytes: Floats  # of the weight buffer, held by weights of other ops that stay
    aim: Floats  # index into accel_models.cost.TILE_AIMS
    inputs_behind: Bools  # what is fetched comes from the second level on the chip, not from DRAM
    weights_behind: Bools
    output_behind: Bools
    weights_first: bool  # all weights come before the first input, not tile by tile

    def take(self, rows: slice | NDArray[np.intp]) -> Job:
        """Return the ops at ``rows``."""
        arrays = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name not in _NO_COLUMNS}
        return replace(self, machine=self.machine.take(rows), op=take(self.op, rows), **arrays)

    @property
    def input_bus(self) -> Bus:
        """The way inputs come."""
        return either_bus(self.machine.bus, self.machine.near, self.inputs_behind)

    @property
    def weight_bus(self) -> Bus:
        """The way weights come."""
        return either_bus(self.machine.bus, self.machine.near, self.weights_behind)

    @property
    def output_bus(self) -> Bus:
        """The way results go."""
        return either_bus(self.machine.bus, self.machine.near, self.output_behind)

    def columns(self) -> Iterator[Floats | Bools]:
        """Yield every array: what tells two ops apart."""
        yield from (getattr(self.op, f.name) for f in fields(self.op))
        yield from (getattr(self, f.name) for f in fields(self) if f.name not in _NO_COLUMNS)
        yield from columns_of(self.machine.array)
        yield from columns_of(self.machine.memory)


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """One cut of every axis."""

    pixels: PixelCut
    channels: ChannelCut
    reduction: ReductionCut
