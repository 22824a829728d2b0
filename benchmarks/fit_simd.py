"""Refit the constants of the tuned software sets and say how well they carry over to a chip left out.

    python benchmarks/fit_simd.py

Fitted together on 96 rows (`tuned_rows`): four constants shared by both generations of stacks, three of each
generation, the issue rate of Cortex-M7, the share of flash waits that computing hides, and two memories of
one chip.  Everything else is as shipped.  Prints the constants beside the shipped ones, the mean error per
chip, and the same with that chip left out of the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from accel_models.load import load_design
from accel_models.params import simd_params
from accel_models.simd import SimdParams
from accel_models.simd_network import work_cycles
from accel_models.simd_reference import Row, software_of, tuned_rows, work
from accel_models.software import SoftwareParams, load_software

Floats = NDArray[np.float64]
SHARED = (
    "requant_instructions",
    "im2col_tap_instructions",
    "depthwise_output_instructions",
    "add_instructions",
)
OWN = ("step_instructions", "linear_step_instructions", "depthwise_mac_instructions")
GENERATIONS = ("tuned_2022", "tuned_2023")
CORE = ("cortex_m7 issue", "overlap", "psoc62 flash [ns]", "psoc62 SRAM [ns]")
NAMES = (*SHARED, *(f"{g} {name}" for g in GENERATIONS for name in OWN), *CORE)
SHIPPED_SETS = {name: load_software(name, "dsp") for name in GENERATIONS}
# How firmly a constant stays at its shipped value, which is what documents say where they say something.
SPREAD = np.array([*[0.5] * (len(NAMES) - len(CORE)), 0.1, 0.1, 0.3, 0.1])
PRIOR_WEIGHT = 0.15


def main() -> None:
    """Fit, print, and fit again without each chip."""
    rows = tuned_rows()
    fitted = fit(rows)
    print(f"{'constant':45s} shipped  fitted")
    for name, before, after in zip(NAMES, shipped(), fitted, strict=True):
        print(f"{name:45s} {before:7.2f} {after:7.2f}")
    print(f"\nall chips: mean error {np.mean(errors(fitted, rows)):.3f} on {len(rows)} rows")
    for chip in sorted({row["design"] for row in rows}):
        inside = [row for row in rows if row["design"] == chip]
        without = fit([row for row in rows if row["design"] != chip])
        within, outside = np.mean(errors(fitted, inside)), np.mean(errors(without, inside))
        print(f"{chip:10s} {len(inside):3d} rows: {within:.3f} in the fit, {outside:.3f} left out")


def shipped() -> Floats:
    """Return the constants as shipped, in the order of ``NAMES``."""
    sets = [getattr(SHIPPED_SETS[GENERATIONS[0]], name) for name in SHARED]
    sets += [getattr(SHIPPED_SETS[g], name) for g in GENERATIONS for name in OWN]
    m7, psoc = (simd_params(load_design(name)) for name in ("cortex_m7", "psoc62"))
    memory = psoc.weight_memory
    return np.array([*sets, m7.issue, memory.overlap, memory.line_ns, psoc.activation_memory.line_ns])


def fit(rows: Sequence[Row]) -> Floats:
    """Return the constants that fit ``rows`` best, each pulled towards its shipped value."""
    start = np.log(shipped())
    measured = np.array([float(row["latency_ms"]) for row in rows])

    def residuals(x: Floats) -> Floats:
        misses = np.log(predict(np.exp(x), rows) / measured)
        return np.concatenate([misses, PRIOR_WEIGHT * (x - start) / SPREAD])

    found = least_squares(residuals, start, loss="soft_l1", f_scale=0.1, diff_step=1e-2, max_nfev=12)
    return np.asarray(np.exp(found.x))


def errors(constants: Floats, rows: Sequence[Row]) -> Floats:
    """Return the absolute relative error of each row."""
    measured = np.array([float(row["latency_ms"]) for row in rows])
    return np.asarray(np.abs(predict(constants, rows) / measured - 1))


def predict(constants: Floats, rows: Sequence[Row]) -> Floats:
    """Return the latency of each row under the given constants [ms]."""
    values = dict(zip(NAMES, constants.tolist(), strict=True))
    sets = {g: _software(g, values) for g in GENERATIONS}
    known: dict[tuple[str, ...], float] = {}
    latencies = []
    for row in rows:
        generation = software_of(row["software"])
        key = (row["design"], row["freq_mhz"], generation, row["network"])
        if key not in known:
            core = _core(row, values)
            known[key] = work_cycles(work(row["network"]), core, sets[generation]) / core.clock_hz * 1e3
        latencies.append(known[key])
    return np.array(latencies)


def _software(generation: str, values: dict[str, float]) -> SoftwareParams:
    own: dict[str, Any] = {name: values[f"{generation} {name}"] for name in OWN}
    own |= {name: values[name] for name in SHARED}
    return replace(SHIPPED_SETS[generation], **own)


def _core(row: Row, values: dict[str, float]) -> SimdParams:
    core = simd_params(load_design(row["design"], {"clock": f"{row['freq_mhz']} MHz"}))
    flash = replace(core.weight_memory, overlap=min(values["overlap"], 1.0))
    if row["design"] == "psoc62":
        sram = replace(core.activation_memory, line_ns=values["psoc62 SRAM [ns]"])
        flash = replace(flash, line_ns=values["psoc62 flash [ns]"])
        return replace(core, weight_memory=flash, activation_memory=sram)
    issue = core.issue if row["design"] == "cortex_m4" else values["cortex_m7 issue"]
    return replace(core, weight_memory=flash, issue=issue)


if __name__ == "__main__":
    main()
