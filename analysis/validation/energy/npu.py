"""Energy per MAC of int8 arrays that are fully busy, beside published figures of whole NPUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from accel_models import (
    Actions,
    Array,
    Chip,
    Design,
    PriceList,
    Silicon,
    SramMacro,
    Technology,
    energy_factor,
    energy_pj,
    load_design,
    operation_table,
    price_list,
    static_energy_pj,
)
from analysis.validation.asked import without_dram
from analysis.validation.comparison import Comparison, Promise, published_group
from analysis.validation.energy.area import ANY_NPU, BANKS
from analysis.validation.reference_rows import reference_rows
from simulator import replay
from traces import Floats, GraphBuilder, Window, static_trace

SUM_BYTES = 4  # of an int32 partial sum
ACCUMULATOR_BYTES = 16 << 10  # assumption
BUSY_PIXELS = 64  # of each side; some 4 % of the cycles are filling and draining
CLOCKED_SHARE = (
    0.42  # clock network (28 %) and registers (14 %) of a busy PE, ISA-LAB1-EXAMPLE, power after layout
)


def nvdla_peak() -> Comparison:
    """NVDLA's estimates of its own peak power; the overhead of PEs and of control was fitted on them."""
    return published_group(
        "NVDLA at peak, energy per MAC",
        nvdla_rows(),
        "pj_per_mac",
        replayed_pj_per_mac,
        unit="pJ/MAC",
        promise=Promise(0.06, 0.12, constants=3, left_out=(0.07, 0.14)),
    )


def chips_at_peak() -> Comparison:
    """Peak efficiency that three chips state; nothing was fitted on them.

    They differ by more than nodes and sizes explain, so no one set of constants meets them all.  Voltra's figure
    is that of a system with cores, and what of it is published does not say where its power goes.
    """
    return published_group(
        "NPU chips at peak, energy per MAC",
        _rows("chips"),
        "pj_per_mac",
        busy_pj_per_mac,
        unit="pJ/MAC",
        promise=Promise(0.45, 0.7),
        part="the prices of a cycle whose operands, as published, no array of a design takes",
    )


def _rows(group: str) -> list[Mapping[str, str]]:
    return [row for row in reference_rows("npu_peak") if row["group"] == group]


def nvdla_rows() -> list[Mapping[str, str]]:
    """Return NVDLA's seven configurations."""
    return _rows("nvdla")


def replayed_pj_per_mac(row: Mapping[str, str]) -> float:
    """Energy per MAC of a convolution that keeps the array of a row busy, replayed [pJ]; without its DRAM.

    The array has a column for each sum that leaves it in a cycle; of the convolution's channels its rows and columns
    take all at once, or eighths of them.
    """
    design = _peak_design(row)
    array = design.section(Array)
    builder = GraphBuilder("busy", array.rows, BUSY_PIXELS, BUSY_PIXELS)
    builder.conv("conv", builder.input, 8 * array.cols, Window.square(3))
    graph = builder.finish()
    results = replay(static_trace(graph, 1), design, explain=False)
    return float(results.per_input["energy_pj"].iloc[0]) / graph.macs


def _peak_design(row: Mapping[str, str]) -> Design:
    cols, half = int(row["sum_columns"]), f"{int(row['buffer_kib']) << 9} B"
    settings: dict[str, object] = {
        "clock": f"{row['clock_mhz']} MHz",
        "array.rows": int(row["macs"]) // cols,
        "array.cols": cols,
        "array.dataflow": "ws",
        "simd.lanes_int8": cols,
        "memory.activation_buffer": half,
        "memory.weight_buffer": half,
        "memory.accumulator_buffer": f"{ACCUMULATOR_BYTES} B",
        "memory.word": f"{row['word_bits']} bit",
        "memory.banks": BANKS,
        "memory.dram.bandwidth": "1000 GB/s",  # it is not the DRAM that a peak waits for
        "technology.node": f"{row['node_nm']} nm",
        "technology.voltage": f"{row['voltage_v']} V",
    }
    return without_dram(load_design(ANY_NPU, settings))


def busy_pj_per_mac(row: Mapping[str, str]) -> float:
    """Energy of one cycle in which every MAC switches, over its MACs [pJ]; leakage included, DRAM not.

    A cycle reads the operands that are not held, and reads and writes one partial sum per column whose sums
    leave the array.
    """
    prices, macs = _prices(row), int(row["macs"])
    inside = energy_pj(Actions(macs=macs, pe_cycles=macs, control_cycles=1), prices).total_pj
    return (float(inside) + _buffers_pj(row, prices) + _leaking_pj(row, prices)) / macs


def _buffers_pj(row: Mapping[str, str], prices: PriceList) -> float:
    """Energy of the buffers in one busy cycle [pJ]."""
    sums = int(row["sum_columns"]) * SUM_BYTES
    cycle = Actions(
        activation_sram_read_bytes=int(row["input_bytes"]),
        weight_sram_read_bytes=int(row["weight_bytes"]),
        accumulator_read_bytes=sums,
        accumulator_write_bytes=sums,
    )
    return float(energy_pj(cycle, prices).total_pj)


def _leaking_pj(row: Mapping[str, str], prices: PriceList) -> float:
    return float(static_energy_pj(prices, 1, float(row["clock_mhz"]) * 1e6))


@dataclass(frozen=True, slots=True, eq=False)
class OverheadFit:
    """What a busy cycle takes beside named parts, as a line over MACs; at the rows' node and voltage."""

    control_pj: float
    per_mac_pj: float
    errors: Floats  # of the whole energy of a cycle, (rows,), relative, as sizes


def fit_overhead(table: str, rows: Sequence[Mapping[str, str]], sram_level: float = 1.0) -> OverheadFit:
    """Return the line that is left of the published power, by relative least squares.

    No negative energy per MAC: a table that leaves none has control alone beside it.

    Parameters
    ----------
    table
        Operation table of the MACs and registers that are taken off.
    rows
        Configurations at one node and voltage.
    sram_level
        Price of an SRAM access over the model's own: what the power says of other levels.
    """
    measured = np.array([float(row["pj_per_mac"]) * int(row["macs"]) for row in rows])
    named = np.array([_named_pj(row, table, sram_level) for row in rows])
    design = np.array([[1.0, float(row["macs"])] for row in rows])
    line = _least_squares(design, measured - named, measured)
    if line[1] < 0:
        line = np.append(_least_squares(design[:, :1], measured - named, measured), 0.0)
    return OverheadFit(float(line[0]), float(line[1]), np.abs((named + design @ line) / measured - 1))


def _least_squares(design: Floats, left: Floats, whole: Floats) -> Floats:
    """Return the coefficients whose residuals over ``whole`` have the least squares."""
    line, *_ = np.linalg.lstsq(design / whole[:, None], left / whole, rcond=None)
    return np.asarray(line, np.float64)


def overhead(table: str, rows: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Return the three constants of an operation table, at its own node and voltage [pJ].

    What a PE takes beside the table's MAC and registers is split such that clock and registers are
    ``CLOCKED_SHARE`` of it.
    """
    fit = fit_overhead(table, rows)
    cells, factor = operation_table(table), _factor(table, rows[0])
    mac, registers = cells["int8_mac", "energy"].value, 48 * cells["register_bit", "energy"].value
    whole = mac + registers + fit.per_mac_pj / factor
    if not fit.per_mac_pj:
        return {"mac_overhead": 0.0, "pe_overhead": 0.0, "array_control": fit.control_pj / factor}
    return {
        "mac_overhead": max((1 - CLOCKED_SHARE) * whole - mac, 0.0),
        "pe_overhead": max(CLOCKED_SHARE * whole - registers, 0.0),
        "array_control": fit.control_pj / factor,
    }


def _factor(table: str, row: Mapping[str, str]) -> float:
    """Energy at the row's node and voltage over that of the table's."""
    mac = operation_table(table)["int8_mac", "energy"]
    return energy_factor(mac.node_nm, mac.voltage_v, int(row["node_nm"]), float(row["voltage_v"]))


def _named_pj(row: Mapping[str, str], table: str, sram_level: float) -> float:
    """Energy of a busy cycle in what tables name: MACs, registers, buffers, leakage [pJ]."""
    cells, prices = operation_table(table), _prices(row)
    pe = cells["int8_mac", "energy"].value + 48 * cells["register_bit", "energy"].value
    inside = pe * _factor(table, row) * int(row["macs"])
    return inside + sram_level * _buffers_pj(row, prices) + _leaking_pj(row, prices)


def _prices(row: Mapping[str, str]) -> PriceList:
    word, half = int(row["word_bits"]), int(row["buffer_kib"]) << 9
    buffers = (
        SramMacro(role="activation", size_bytes=half, word_bits=word, banks=BANKS),
        SramMacro(role="weight", size_bytes=half, word_bits=word, banks=BANKS),
        SramMacro(role="accumulator", size_bytes=ACCUMULATOR_BYTES, word_bits=word, banks=BANKS),
    )
    silicon = Silicon(pes=int(row["macs"]), lanes=max(1, int(row["sum_columns"])))
    return price_list(
        Technology.model_validate({"node": f"{row['node_nm']} nm", "voltage": f"{row['voltage_v']} V"}),
        Chip(silicon=silicon, buffers=buffers),
    )
