"""Rows of processor cores: latency and energy of networks and layers, and instruction counts."""

from __future__ import annotations

import re

from analysis.validation.asked import layer_estimates
from analysis.validation.energy.mcu import energy_uj
from analysis.validation.reference_rows import Row
from analysis.validation.rows.kind import NotCovered, number
from analysis.validation.rows.ops import row_op
from analysis.validation.rows.tables import cortexm_row, is_network, mlperf_row
from analysis.validation.simd.instructions import call_instructions
from analysis.validation.simd.reference import latency_ms, row_design, row_software

_CORE = re.compile(r"Cortex-[AMR]\d+\+?|RI5CY")


def instructions(row: Row) -> tuple[float, float]:
    """Instructions of one call of a kernel."""
    return number(row, "instructions"), call_instructions(row)


def mlperf_latency(row: Row) -> tuple[float, float]:
    """Latency of a network of MLPerf Tiny on a chip's cores [ms]."""
    return number(row, "latency_ms"), latency_ms(mlperf_row(row), row_software(row))


def mlperf_energy(row: Row) -> tuple[float, float]:
    """Energy of a network of MLPerf Tiny on a chip's cores, from modelled cycles [uJ]."""
    return number(row, "energy_uJ"), energy_uj(mlperf_row(row))


def cortexm(row: Row) -> tuple[float, float]:
    """Cycles of a layer, or of a whole network."""
    adapted = cortexm_row(row)
    measured = number(row, "cycles")
    if is_network(row):
        return measured, latency_ms(adapted, row_software(row)) * float(adapted["freq_mhz"]) * 1e3
    design = row_design(adapted, row_software(row))
    return measured, float(layer_estimates([row_op(adapted)], design).rows[0].total_cycles)


def cortexm_energy(row: Row) -> tuple[float, float]:
    """Energy of a whole network, from modelled cycles [uJ]."""
    if not is_network(row):
        raise NotCovered("energy is compared of whole networks alone")
    return number(row, "energy_uJ"), energy_uj(cortexm_row(row))


def core_word(row: Row) -> str:
    """Return a row's core in one word: ``Cortex-M4``."""
    text = re.sub("[®™]", "", row["cpu_core"] if "cpu_core" in row else row["core"])
    found = _CORE.search(text)
    return found[0] if found else text
