"""A core of round costs, and a kernel in which nothing but the MAC loop costs anything."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from accel_models.design.unit_sections import Simd
from accel_models.units.simd.core import Core
from accel_models.units.simd.software import Software
from accel_models.units.simd.unit import SimdCost, simd_cycles
from accel_models.work.shapes import Shapes, shapes_of
from tests.sections import but, section
from traces.graphs.kinds import OpKind
from traces.graphs.parts import Op

# Loads and stores cost 2, branches 3: one instruction of overhead is 0.60 + 0.24 x 2 + 0.07 x 2 + 0.09 x 3 cycles.
CLOCK_HZ = 120e6


TIGHTLY_COUPLED = {"line_time": "0 ns", "line": "4 B", "cache": "0 B"}


M4 = section(
    Simd,
    isa="dsp",
    lanes_int8=2,
    lanes_int16=2,
    lanes_fp32=1,
    vector="4 B",
    issue=1.0,
    mac_cycles=1.0,
    alu_cycles=1.0,
    load_cycles=2.0,
    store_cycles=2.0,
    branch_cycles=3.0,
    weight_memory=TIGHTLY_COUPLED,
    activation_memory=TIGHTLY_COUPLED,
)


OVERHEAD_CYCLES = 1.49


VECTOR_UNIT = but(M4, isa="vector", lanes_int8=16)


# A kernel in which nothing but the 2 x 2 MAC loop costs anything.
NOTHING: dict[str, Any] = {f.name: 0 for f in fields(Software)}


BARE = Software(
    **NOTHING
    | {
        "vectorised": True,
        "block_pixels": 2,
        "block_channels": 2,
        "linear_channels": 4,
        "depthwise_lanes": 1,
        "load_burst": 1,
        "unroll": 1,
        "im2col_widens": False,
        "channels_outer": False,
        "reduces_by_tap": False,
    }
)


def bare_with(setting: str, value: int) -> Software:
    values: dict[str, Any] = {setting: value}
    return replace(BARE, **values)


def op(kind: OpKind = "conv", *, cin: int = 8, cout: int = 4, size: int = 2, **more: int) -> Op:
    """One op on a square map; add and mul get two inputs."""
    spatial = {"in_height": size, "in_width": size, "out_height": size, "out_width": size}
    inputs = ("input", "other") if kind in {"add", "mul"} else ("input",)
    values = {"name": "op", "kind": kind, "inputs": inputs, "in_channels": cin, "out_channels": cout}
    return Op.model_validate(values | spatial | more)


def flash(line: int = 16, cache: int = 0, ns: float = 50) -> dict[str, str]:
    """A memory of so many bytes a line, 50 ns or 6 cycles each."""
    return {"line_time": f"{ns} ns", "line": f"{line} B", "cache": f"{cache} B"}


def cost(work: Op | Shapes, simd: Simd = M4, software: Software = BARE, **kw: int) -> SimdCost:
    shapes = work if isinstance(work, Shapes) else shapes_of(work)
    return simd_cycles(shapes, Core(simd, CLOCK_HZ, software), **kw)


def total(work: Op | Shapes, simd: Simd = M4, software: Software = BARE, **kw: int) -> int:
    return int(cost(work, simd, software, **kw).total_cycles[0])
