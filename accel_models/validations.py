"""Every comparison with truth from outside, in one list."""

from __future__ import annotations

from accel_models.validation import Comparison
from accel_models.validation_area import area_comparisons
from accel_models.validation_array import array_comparisons
from accel_models.validation_dpacs import dpacs_latency
from accel_models.validation_energy import energy_comparisons
from accel_models.validation_gemmini import gemmini_comparisons
from accel_models.validation_simd import simd_comparisons


def all_comparisons() -> tuple[Comparison, ...]:
    """Run all comparisons: arrays, cores, pruning, energy, area."""
    return (
        *array_comparisons(),
        *gemmini_comparisons(),
        *simd_comparisons(),
        dpacs_latency(),
        *energy_comparisons(),
        *area_comparisons(),
    )
