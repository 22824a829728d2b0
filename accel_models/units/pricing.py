"""Price an op's states on a design: the one place where cost models meet."""

from __future__ import annotations

from typing import assert_never

import numpy as np

from accel_models.cost import Cost, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.energy.actions import EnergyParts
from accel_models.units.array.price import price_on_array
from accel_models.units.simd.price import price_on_simd
from accel_models.work.shapes import Shapes, shapes_of


def price(work: WorkStates, placement: Placement, design: Design) -> Cost:
    """Return cycles, bytes and energy of each of the op's states on the design.

    Parameters
    ----------
    work
        The op's distinct states, arrays (s,), as the design's skip mechanism sees them.
    placement
        The op's unit and where its tensors live.
    design
        The accelerator.
    """
    shapes = shapes_left(work)
    match placement.unit:
        case "array" if design.mapping == "gemmini_library":
            from accel_models.units.gemmini.price import price_on_gemmini  # noqa: PLC0415  # numba is slow to import

            return price_on_gemmini(work, shapes, design)
        case "array":
            return price_on_array(work, shapes, placement, design)
        case "simd":
            return price_on_simd(work, shapes, placement, design)
        case "none":
            return _free(work)
        case _:
            assert_never(placement.unit)


def shapes_left(work: WorkStates) -> Shapes:
    """Return the sizes of what each state computes; nothing where it does not run."""
    return shapes_of(
        work.op,
        np.where(work.runs, work.in_channels, 0),
        np.where(work.runs, work.out_channels, 0),
        out_height=work.out_rows,
        batch=work.batch,
    )


def _free(work: WorkStates) -> Cost:
    zero = np.zeros(len(work), np.int64)
    return Cost(
        unit="none",
        compute_cycles=zero,
        first_tile_cycles=zero,
        last_tile_cycles=zero,
        weight_cycles=zero,
        weight_first_cycles=zero,
        input_cycles=zero,
        input_first_cycles=zero,
        output_cycles=zero,
        weight_bytes=zero,
        input_bytes=zero,
        output_bytes=zero,
        macs=zero,
        useful_macs=zero,
        sram_bytes=zero,
        energy=EnergyParts.zeros((len(work),)),
        weight_energy_pj=np.zeros(len(work)),
        feasible=np.ones(len(work), np.bool_),
    )
