"""Refit the constants of the tuned software sets and say how well they carry over to what was left out.

    python benchmarks/fit_simd.py
    python benchmarks/fit_simd.py --write      record what rows left out miss, without the trials at the end

Fitted together on 96 rows (`tuned_rows`): four constants shared by all generations of stacks and three of each
generation, each weakly pulled towards CMSIS-NN's.  Everything else is as shipped.  Prints the constants beside
the shipped ones, the mean error per chip and per version of a stack with and without its own rows in the fit,
the same for one set instead of three, and the least error that any one set could have.  Last, how good the fit
would be with other values of the four constants it takes from designs and sets (`ELSEWHERE`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from accel_models import Shapes, core_of, joined, shapes_of, simd_cycles
from accel_models.units.simd.core import Core
from accel_models.units.simd.software import Software, load_software
from analysis.validation.left_out import predicted_errors, record
from analysis.validation.reference_rows import Row
from analysis.validation.simd.reference import network, row_design, software_of, tuned_rows
from traces import Bools, Floats, Ints, OpKind

SHARED = (
    "requant_instructions",
    "im2col_tap_instructions",
    "depthwise_output_instructions",
    "add_instructions",
)
# One constant, because it is one job: finding and bounds-checking the input under a kernel tap.
TIED = {"im2col_tap_instructions": "depthwise_tap_instructions"}
OWN = ("step_instructions", "linear_step_instructions", "depthwise_mac_instructions")
GENERATIONS = ("tuned_2021", "tuned_2022", "tuned_2023")
# What was fitted on the same rows by hand: the core constant of some designs, or a constant of all sets; trial values.
ELSEWHERE: tuple[tuple[str, tuple[str, ...], tuple[float, ...]], ...] = (
    ("issue", ("stm32h7a3", "stm32f746", "stm32h747"), (1.6, 1.68, 1.76)),
    ("sram_ns", ("psoc62",), (6.67, 12.0, 15.0)),
    ("wait_hidden", (), (0.4, 0.56, 0.7)),
    ("depthwise_code", (), (0.0, 1400.0, 1700.0, 2000.0)),
)
PRIOR_WEIGHT = 0.1  # how firmly a constant stays at CMSIS-NN's: a factor e weighs like a 5 % miss
LARGE_MISS = 0.3  # misses beyond this count by their size, smaller ones by their square


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """``n`` measured latencies and the model of each, which is linear in the constants of its software set."""

    measured: Floats  # (n,) [ms]
    fixed: Floats  # (n,) latency with all constants 0 [ms]
    slopes: Floats  # (n, 7) latency per unit of each constant, SHARED then OWN [ms]
    generation: Ints  # (n,) which own constants
    chip: NDArray[np.str_]  # (n,)
    version: NDArray[np.str_]  # (n,)


def main() -> None:
    """Fit, print, and fit again without each chip and each version of a stack."""
    rows = tuned_rows()
    print_sets("tuned stacks on Cortex-M4 and M7, latency", GENERATIONS, rows, software_of)
    print_sets("tuned stacks as one software set, latency", ("tuned",), rows, lambda _stack: "tuned")
    if "--write" in sys.argv:
        return
    print(
        f"any one set: mean error at least {least_error(rows):.3f}, were every chip and network fitted alone\n"
    )
    for constant, designs, values in ELSEWHERE:
        for value in values:
            print_trial(rows, constant, designs, value)


def print_trial(rows: Sequence[Row], constant: str, designs: tuple[str, ...], value: float) -> None:
    """Fit three sets with one constant of cores or sets at another value; print the errors, left out ones too."""

    def changed_core(row: Row, software: str) -> Core:
        core = row_core(row, software)
        return with_core_constant(core, constant, value) if row["design"] in designs else core

    fixed = {} if designs else {constant: value}
    data = linear_rows(rows, GENERATIONS, software_of, make_core=changed_core, fixed=fixed)
    misses = errors(data, fit(data, len(GENERATIONS)))
    outside = np.zeros(len(misses))
    for chip in set(data.chip.tolist()):
        outside[data.chip == chip] = left_out_errors(data, data.chip == chip, len(GENERATIONS))
    print(
        f"{constant:15s} {value:8.2f}: mean {misses.mean():.3f}, worst {misses.max():.3f}; "
        f"each chip left out {outside.mean():.3f}, {outside.max():.3f}"
    )


def with_core_constant(core: Core, constant: str, value: float) -> Core:
    """Return a core with another issue rate or time per access of its SRAM."""
    wait = core.simd.activation_memory
    change: dict[str, Any] = {"issue": value}
    if constant != "issue":
        change = {"activation_memory": wait.model_copy(update={"line_time": value * 1e-9})}
    return replace(core, simd=core.simd.model_copy(update=change))


def print_sets(title: str, sets: Sequence[str], rows: Sequence[Row], set_of: Callable[[str], str]) -> None:
    """Fit ``sets`` on all rows, print constants and errors, then leave out."""
    data = linear_rows(rows, sets, set_of)
    fitted = fit(data, len(sets))
    names = [*SHARED, *(f"{name} {constant}" for name in sets for constant in OWN)]
    print(f"{title:45s} shipped  fitted")
    for name, before, after in zip(names, shipped(sets), fitted, strict=True):
        print(f"{name:45s} {before:7.2f} {after:7.2f}")
    misses = errors(data, fitted)
    print(
        f"mean error {misses.mean():.3f}, worst {misses.max():.3f}, {np.sum(misses > 0.25)} rows beyond 25 %"
    )
    for what, of in (("chip", data.chip), ("version", data.version)):
        outside = np.zeros(len(misses))
        for value in sorted(set(of.tolist())):
            inside = of == value
            outside[inside] = left_out_errors(data, inside, len(sets))
            print(f"  {value:40s} {inside.sum():3d} rows: {misses[inside].mean():.3f} in the fit, ", end="")
            print(f"{outside[inside].mean():.3f} left out")
        if "--write" in sys.argv and what == "version":
            record(title, predicted_errors("each version of a stack", outside))
        print(f"each {what} left out: mean error {outside.mean():.3f}, worst {outside.max():.3f}\n")


def linear_rows(
    rows: Sequence[Row],
    sets: Sequence[str],
    set_of: Callable[[str], str],
    *,
    make_core: Callable[[Row, str], Core] | None = None,
    fixed: dict[str, float] | None = None,
) -> Rows:
    """Return the model of each row as constants times slopes, by setting one constant at a time.

    The wait for code beyond the cache bends where executing takes longer than fetching it: nearly linear.
    """
    names = [set_of(row["software"]) for row in rows]
    cores = [(make_core or row_core)(row, name) for row, name in zip(rows, names, strict=True)]
    start = dict.fromkeys((*SHARED, *OWN), 0.0) | (fixed or {})
    zero = {name: with_constants(load_software(name, "dsp"), start) for name in sets}

    def latencies(values: dict[str, float]) -> Floats:
        software = [with_constants(zero[name], values) for name in names]
        each = zip(rows, cores, software, strict=True)
        return np.array([latency_ms(row, replace(core, software=kernels)) for row, core, kernels in each])

    at_zero = latencies({})
    return Rows(
        measured=np.array([float(row["latency_ms"]) for row in rows]),
        fixed=at_zero,
        slopes=np.array([latencies({constant: 1.0}) - at_zero for constant in (*SHARED, *OWN)]).T,
        generation=np.array([sets.index(name) for name in names]),
        chip=np.array([row["design"] for row in rows]),
        version=np.array([version(row) for row in rows]),
    )


def with_constants(software: Software, values: dict[str, float]) -> Software:
    """Return the set with some constants replaced, and with them those that are tied to them."""
    changed: dict[str, Any] = values | {TIED[name]: value for name, value in values.items() if name in TIED}
    return replace(software, **changed)


def row_core(row: Row, software: str) -> Core:
    """Return the core of a row, with kernels of its own."""
    return core_of(row_design(row, software))


def latency_ms(row: Row, core: Core) -> float:
    """Return the latency of one row on a core [ms]: a set under trial is no design's, so no estimate tells it."""
    share = core.simd.outside_share(sum(int(shapes.weights.sum()) for shapes in work(row["network"])))
    costs = [simd_cycles(shapes, core, outside_share=share) for shapes in work(row["network"])]
    return float(sum(cost.total_cycles.sum() for cost in costs)) / core.clock_hz * 1e3


@cache
def work(name: str) -> tuple[Shapes, ...]:
    """Return the dense work of a row's network, ops of a kind together."""
    by_kind: dict[OpKind, list[Shapes]] = {}
    for op in network(name):
        by_kind.setdefault(op.kind, []).append(shapes_of(op))
    return tuple(joined(pieces) for pieces in by_kind.values())


def version(row: Row) -> str:
    """Return the version of a row's stack; Plumerai's early ones are told apart by their round alone."""
    stack = row["software"].removesuffix(".0") if row["software"].count(".") > 1 else row["software"]
    return f"{stack}, {row['round']}" if stack == "Plumerai Inference Engine" else stack


def shipped(sets: Sequence[str]) -> Floats:
    """Return the constants as shipped: the shared ones, then each set's own."""
    loaded = [load_software(name, "dsp") for name in sets]
    own = [getattr(software, name) for software in loaded for name in OWN]
    return np.array([*(getattr(loaded[0], name) for name in SHARED), *own])


def fit(rows: Rows, sets: int) -> Floats:
    """Return the constants that fit ``rows`` best, each pulled towards CMSIS-NN's."""
    library = load_software("cmsis_nn", "dsp")
    before = np.log([getattr(library, name) for name in (*SHARED, *OWN * sets)])

    def residuals(x: Floats) -> Floats:
        misses = np.log(predict(rows, np.exp(x)) / rows.measured)
        return np.concatenate([misses, PRIOR_WEIGHT * (x - before)])

    return np.asarray(np.exp(least_squares(residuals, before, loss="soft_l1", f_scale=LARGE_MISS).x))


def left_out_errors(rows: Rows, left_out: Bools, sets: int) -> Floats:
    """Return the errors of rows that had no part in the fit; a set left without rows gives way to the next."""
    constants = fit(select(rows, ~left_out), sets)
    remaining = np.unique(rows.generation[~left_out])
    outside = select(rows, left_out)
    nearest = remaining[np.searchsorted(remaining, outside.generation).clip(max=len(remaining) - 1)]
    return errors(replace(outside, generation=nearest), constants)


def select(rows: Rows, chosen: Bools) -> Rows:
    """Return some of the rows."""
    return Rows(**{field.name: getattr(rows, field.name)[chosen] for field in fields(Rows)})


def predict(rows: Rows, constants: Floats) -> Floats:
    """Return the latency of each row [ms]."""
    own = constants[len(SHARED) :].reshape(-1, len(OWN))[rows.generation]
    shared = np.broadcast_to(constants[: len(SHARED)], (len(rows.fixed), len(SHARED)))
    return np.asarray(rows.fixed + np.sum(rows.slopes * np.hstack([shared, own]), axis=1))


def errors(rows: Rows, constants: Floats) -> Floats:
    """Return the absolute relative error of each row."""
    return np.asarray(np.abs(predict(rows, constants) / rows.measured - 1))


def least_error(rows: Sequence[Row]) -> float:
    """Return the mean error of the best single latency per chip, clock and network.

    A sum of |c / m - 1| bends only where c is one of the measured values, so its least is at one of them.
    """
    groups: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        key = row["design"], row["freq_mhz"], row["network"]
        groups.setdefault(key, []).append(float(row["latency_ms"]))
    least = [min(np.abs(c / np.array(group) - 1).sum() for c in group) for group in groups.values()]
    return float(np.sum(least) / len(rows))


if __name__ == "__main__":
    main()
