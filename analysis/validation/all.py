"""Every comparison with truth from outside, in one list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from analysis.validation.arrays.dpacs import dpacs_comparisons
from analysis.validation.arrays.gemmini import gemmini_comparisons
from analysis.validation.arrays.known import known_accelerators
from analysis.validation.arrays.systolic import array_comparisons
from analysis.validation.arrays.zigzag import zigzag_arrays
from analysis.validation.comparison import Comparison
from analysis.validation.energy.area import area_comparisons
from analysis.validation.energy.compare import energy_comparisons
from analysis.validation.rows.gemmini_dynamic import dynamic_comparisons
from analysis.validation.simd.compare import simd_comparisons
from analysis.validation.vela.compare import vela_comparisons

COMPARED: Final[tuple[Callable[[], Iterable[Comparison]], ...]] = (
    array_comparisons,
    gemmini_comparisons,
    dynamic_comparisons,
    simd_comparisons,
    dpacs_comparisons,
    known_accelerators,
    zigzag_arrays,
    vela_comparisons,
    energy_comparisons,
    area_comparisons,
)


def all_comparisons(advance: Callable[[int, int], None] = lambda done, total: None) -> tuple[Comparison, ...]:
    """Run all comparisons: arrays, cores, pruning, microNPUs, energy, area.

    ``advance`` is told how many kinds of them are done, of how many.
    """
    found: list[Comparison] = []
    for done, kind in enumerate(COMPARED):
        advance(done, len(COMPARED))
        found += kind()
    return tuple(found)
