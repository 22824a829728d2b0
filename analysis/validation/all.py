"""Every comparison with truth from outside, in one list."""

from __future__ import annotations

from analysis.validation.area import area_comparisons
from analysis.validation.array import array_comparisons
from analysis.validation.comparison import Comparison
from analysis.validation.dpacs import dpacs_latency
from analysis.validation.energy import energy_comparisons
from analysis.validation.gemmini import gemmini_comparisons
from analysis.validation.known import known_accelerators
from analysis.validation.rows.gemmini_dynamic import dynamic_comparisons
from analysis.validation.simd import simd_comparisons
from analysis.validation.vela.compare import vela_comparisons


def all_comparisons() -> tuple[Comparison, ...]:
    """Run all comparisons: arrays, cores, pruning, microNPUs, energy, area."""
    return (
        *array_comparisons(),
        *gemmini_comparisons(),
        *dynamic_comparisons(),
        *simd_comparisons(),
        dpacs_latency(),
        *known_accelerators(),
        *vela_comparisons(),
        *energy_comparisons(),
        *area_comparisons(),
    )
