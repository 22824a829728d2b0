"""How ops lie on an array: where their operands are, and the tiles that were chosen with all they come to."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.work.shapes import arrays_of
from traces import Bools, Ints

BUFFERS = ("activation", "weight", "accumulator")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operands:
    """Where ops find their operands; scalars or arrays of shape ``(n,)``.

    The fetch sizes are for channels gathered from a stored layout, whose broken bursts depend on positions;
    whole tensors if left out.
    """

    input_on_chip: ArrayLike = False
    weights_on_chip: ArrayLike = False
    output_on_chip: ArrayLike = False
    reserved_bytes: ArrayLike = 0  # of the activation buffer, held by tensors that stay
    pinned_bytes: ArrayLike = 0  # of the weight buffer, held by weights of other ops that stay
    inputs_behind: ArrayLike = False  # what is not on chip comes from the second level there, not from DRAM
    weights_behind: ArrayLike = False
    output_behind: ArrayLike = False
    input_pixel_bytes: ArrayLike | None = None  # on the bus per input pixel, whole bursts
    weight_bytes: ArrayLike | None = None  # on the bus for all weights, whole bursts
    # All weights of an op come before its first input, as the tasks of a schedule do, instead of both tile by
    # tile: fetching weights again for every tile of pixels then delays what it would delay there.
    weights_first: bool = False
    aim: ArrayLike = 0  # what tiles are chosen for where no prices are given, index into TILE_AIMS
    bands: ArrayLike = 1  # of rows, that an op shares with others; then all its weights are there at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mapping:
    """The chosen tiles of ``n`` ops and what they cost; read-only arrays of shape ``(n,)``.

    Skipped work (a zero size) costs zero and is feasible.  An op that fits no way has ``feasible`` false,
    the buffer (index into ``BUFFERS``) that its smallest tile overflows, that demand and its bound, and
    zero costs.
    """

    feasible: Bools
    short_buffer: Ints
    demand_bytes: Ints
    bound_bytes: Ints
    kept: Ints  # index into KEPT
    tile_m: Ints
    tile_k: Ints
    tile_n: Ints
    tile_groups: Ints
    packed_groups: Ints  # side by side on the array; a group of a tile is then a pack
    pixel_tiles: Ints
    channel_tiles: Ints
    reduction_tiles: Ints
    compute_cycles: Ints  # of the array, the op in one piece and operands at hand
    array_cycles: Ints  # of the array, in tiles
    stall_cycles: Ints  # total less compute
    total_cycles: Ints
    load_cycles: Ints
    store_cycles: Ints
    turn_cycles: Ints  # of loads, for the first bytes of tiles that take turns in one buffer
    last_tile_cycles: Ints  # of the array, after the last load
    output_tile_cycles: Ints  # of the array, for one tile of results over its whole reduction
    first_input_bytes: Ints  # on the bus before the array can start
    first_weight_bytes: Ints
    last_output_bytes: Ints  # on the bus after the array has finished
    dram_input_bytes: Ints
    dram_weight_bytes: Ints
    dram_output_bytes: Ints
    activation_read_bytes: Ints  # by the array
    activation_write_bytes: Ints  # filled from DRAM, and results that stay on chip
    weight_read_bytes: Ints  # by the array
    weight_write_bytes: Ints  # filled from DRAM
    accumulator_read_bytes: Ints  # partial sums to add to, and results leaving
    accumulator_write_bytes: Ints

    @classmethod
    def of_nothing(cls) -> Mapping:
        """Return the mapping of no ops."""
        columns: dict[str, NDArray[Any]] = {field.name: np.zeros(0, np.int64) for field in fields(cls)}
        columns["feasible"] = np.zeros(0, np.bool_)
        return cls(**columns)

    def __post_init__(self) -> None:
        for array in arrays_of(self).values():
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.feasible)
