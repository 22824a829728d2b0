"""Instructions of kernels and layers beside counts: of CMSIS-NN under an emulator, and by a Cortex-M55 itself.

On a core whose instructions all take one cycle, and whose memories never let it wait, the cycles of an estimate are
the instructions of an op, and of the interpreter's call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from accel_models import (
    CountedIsa,
    Design,
    core_of,
    kernel_instructions,
    load_design,
    load_software,
    shapes_of,
    simd_cycles,
)
from analysis.validation.asked import layer_estimates
from analysis.validation.comparison import Comparison, Promise
from analysis.validation.over_largest import over_largest
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.kind import number
from analysis.validation.rows.ops import counted_call, counted_op
from analysis.validation.simd.reference import network
from traces import Op

KERNELS_OF_OPS: Final = "instructions of CMSIS-NN kernels"
SHRINKING: Final = "instructions of CMSIS-NN kernels over the most channels"
KERNELS_BESIDE_OPS: Final = "instructions of CMSIS-NN kernels beside ops"
_TRUTH = "CMSIS-NN @99f736a, gcc 12.2 -O3, counted under qemu"
_SOFTWARE: Final = "cmsis_nn"
_DESIGNS: Final[dict[CountedIsa, str]] = {
    "v6m": "cortex_m0plus",
    "scalar": "cortex_m4",
    "dsp": "cortex_m4",
    "mve": "cortex_m55",
}
_CLASSES: Final = ("mac", "alu", "load", "store", "branch")
# Kernels that no op of a network calls as they were counted: packing kept channels and requantising stand for parts of
# ops, and softmax was counted on random scores, most of which a trained network's kernel would skip.
BESIDE_OPS: Final = frozenset({"gather", "requant", "softmax"})

_OF_OPS: Final = frozenset(
    {"conv", "pointwise", "depthwise", "linear", "add", "pool"}
)  # kernels that price an op


def instruction_comparisons() -> tuple[Comparison, ...]:
    """Return every comparison with counted instructions, in the order they are printed."""
    return *instruction_counts(), kernels_beside_ops(), armv6m_cycles(), retired_instructions()


def counts_instructions(isa: CountedIsa) -> Design:
    """Return a core of this instruction set whose cycles are the instructions of CMSIS-NN."""
    settings: dict[str, object] = {f"simd.{name}_cycles": 1 for name in _CLASSES}
    settings |= {f"simd.{memory}_memory.line_time": "0 s" for memory in ("weight", "activation")}
    return load_design(
        _DESIGNS[isa],
        {**settings, "simd.isa": isa, "simd.issue": 1, "simd.dispatch": "0 s", "software": _SOFTWARE},
    )


def call_instructions(row: Row) -> float:
    """Return the instructions of one call of a row's kernel: as its op is estimated, or of the kernel alone."""
    kernel, isa, shapes = counted_call(row)
    if row["kind"] in BESIDE_OPS:
        return float(kernel_instructions(kernel, isa, shapes)[0])
    return _estimated([counted_op(row)], isa)[0] - load_software(_SOFTWARE, isa).op_instructions


def instruction_counts() -> tuple[Comparison, Comparison]:
    """Instructions of CMSIS-NN kernels on four instruction sets, without the interpreter's call; as channels shrink."""
    rows = [row for row in reference_rows("simd_instructions") if row["kind"] not in BESIDE_OPS]
    counted = _counted(
        KERNELS_OF_OPS,
        rows,
        Promise(0.01, 0.05, constants=191, left_out=(0.03, 0.25)),  # prices of loop bodies, kernel_counts.csv
    )
    return counted, over_largest(counted, SHRINKING, *stairs_of(rows), Promise(0.01, 0.05, 191, (0.03, 0.10)))


def stairs_of(rows: Sequence[Row]) -> tuple[list[tuple[str, ...] | None], list[int]]:
    """Return the staircase that each counted call is a step of, and its channels in and out, multiplied."""
    stairs = [
        tuple(row[name] for name in ("core", "kind", "in_h", "kh", "stride"))
        if "staircase" in row["group"]
        else None
        for row in rows
    ]
    return stairs, [int(row["in_ch"]) * int(row["out_ch"]) for row in rows]


def kernels_beside_ops() -> Comparison:
    """Instructions of kernels that no op of a network calls as they were counted."""
    rows = [row for row in reference_rows("simd_instructions") if row["kind"] in BESIDE_OPS]
    return _counted(
        KERNELS_BESIDE_OPS,
        rows,
        Promise(0.01, 0.05, constants=28, left_out=(0.03, 0.25)),
        part="the kernels that pack and requantise, and softmax of random scores, by the loops that price all kernels",
    )


def armv6m_cycles() -> Comparison:
    """Cycles of CMSIS-NN's kernels on a Cortex-M0+ that never waits for memory: counted instructions, each timed."""
    rows = [row for row in reference_rows("simd_instructions") if row["trm_cycles_mul1"]]
    rows = [row for row in rows if counted_call(row)[0] in _OF_OPS]
    at_hand = {"software": "cmsis_nn", "simd.weight_memory.line_time": "0 ns"}
    core = core_of(load_design("cortex_m0plus", at_hand))
    costs = [simd_cycles(shapes_of(counted_op(row)), core) for row in rows]
    return Comparison(
        name="cycles of CMSIS-NN kernels on Cortex-M0+, no wait states",
        truth="CMSIS-NN @99f736a, gcc 12.2 -O3, counted under qemu, timed by the Cortex-M0+ TRM (DDI 0484C, table 3-1)",
        labels=tuple(row["layer"] for row in rows),
        measured=np.array([float(row["trm_cycles_mul1"]) for row in rows]),
        predicted=np.array([float(cost.total_cycles[0] - cost.op_cycles[0]) for cost in costs]),
        unit="cycles",
        bound_mean=0.04,
        bound_worst=0.08,
        part="a kernel's cycles without the interpreter's call",
    )


def retired_instructions() -> Comparison:
    """Instructions per layer that a Cortex-M55 counted itself, TFLM's calls included."""
    rows = [row for row in reference_rows("simd_layers") if row["instructions"]]
    return Comparison(
        name="instructions retired by Cortex-M55, CMSIS-NN",
        truth=rows[0]["source"],
        labels=tuple(f"{row['layer']} {row['type']}" for row in rows),
        measured=np.array([number(row, "instructions") for row in rows]),
        predicted=np.array(_estimated(network("KWS").ops, "mve")),
        unit="instructions",
        bound_mean=0.05,
        bound_worst=0.10,
    )


def _estimated(ops: Sequence[Op], isa: CountedIsa) -> list[float]:
    return [float(op.total_cycles) for op in layer_estimates(ops, counts_instructions(isa)).rows]


def _counted(name: str, rows: Sequence[Row], promise: Promise, part: str = "") -> Comparison:
    return Comparison(
        name=name,
        truth=_TRUTH,
        labels=tuple(f"{row['core']} {row['layer']}" for row in rows),
        measured=np.array([number(row, "instructions") for row in rows]),
        predicted=np.array([call_instructions(row) for row in rows]),
        unit="instructions",
        bound_mean=promise.mean,
        bound_worst=promise.worst,
        predicted_bounds=promise.left_out,
        constants=promise.constants,
        part=part,
    )
