"""Energy beside truth from outside: chips of MLPerf Tiny, Eyeriss, GAP9, and CACTI's own points."""

from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from accel_models.energy import Actions, array_actions, energy_pj, static_energy_pj
from accel_models.energy_params import SramMacro, TechnologyParams
from accel_models.energy_tables import core_power, read_table
from accel_models.price_list import price_list
from accel_models.sram import sram_cost, sram_grid
from accel_models.technology import energy_factor
from accel_models.validation import Comparison

Floats = NDArray[np.float64]

# Eyeriss, JSSC 2017: 65 nm LP at 1.0 V; 168 PEs, each with registers for 12 activations and 24 partial
# sums of 16 b; pipeline, FIFO and control registers come to about 250 b (assumption); no gating of the
# PE clock is described (assumption: none).
EYERISS_PES = 168
EYERISS_REGISTER_BITS = 16 * (12 + 24) + 250
EYERISS = TechnologyParams(
    node_nm=65,
    voltage_v=1.0,
    device="lstp",
    operations="eyeriss_65nm",
    precision="int16",
    idle_clocking=1.0,
    register_bits_per_pe=EYERISS_REGISTER_BITS,
    pe_buffer_bytes=512,
)
EYERISS_BUFFER = SramMacro(role="activation", size_bytes=108 * 1024, word_bits=64, banks=27)


def energy_comparisons() -> tuple[Comparison, ...]:
    """Return every comparison of the energy model, in the order they are printed."""
    return (mcu_energy(), eyeriss_energy(), voltage_scaling(), sram_left_out(), sram_horowitz())


def mcu_energy() -> Comparison:
    """Energy per inference of microcontrollers at their measured latency: the power model alone.

    Cycles are measured latency x clock; the price of a cycle is the chip's row of ``tables/cores.csv``.
    Rows that do not state their supply get the chip's own.
    """
    rows = [row for row in _reference("energy_mlperf_tiny") if row["soc"].startswith("STM32")]
    predicted = []
    for row in rows:
        core = core_power(_core_of(row))
        supply = float(row["supply_v"]) if row["supply_v"] else None
        cycles = float(row["latency_ms"]) * 1e3 * float(row["freq_mhz"])
        predicted.append(cycles * core.cycle_pj(supply) * 1e-6)
    return Comparison(
        name="MCU energy per inference at measured latency",
        truth="MLPerf Tiny v0.5-v1.3, closed division, STM32L4R5 and STM32H7A3",
        labels=tuple(f"{row['round']} {row['soc']} {row['software']} {row['benchmark']}" for row in rows),
        measured=np.array([float(row["energy_uj"]) for row in rows]),
        predicted=np.array(predicted),
        unit="uJ",
        bound_mean=0.12,
        bound_worst=0.35,
    )


def eyeriss_energy() -> Comparison:
    """Eyeriss v1 on AlexNet, priced from its published access counts and times: the energy model alone."""
    rows = _reference("eyeriss_alexnet")
    return Comparison(
        name="Eyeriss energy on AlexNet from published accesses",
        truth="Chen et al., JSSC 2017, Table V (chip only, batch 4)",
        labels=tuple(row["layer"] for row in rows),
        measured=np.array([float(row["energy_uj"]) for row in rows]),
        predicted=_eyeriss_pj(rows) * 1e-6,
        unit="uJ",
        bound_mean=0.30,
        bound_worst=0.30,
    )


def _eyeriss_pj(rows: tuple[dict[str, str], ...]) -> Floats:
    prices = price_list(EYERISS, (EYERISS_BUFFER,), pes=EYERISS_PES)
    column = {name: np.array([float(row[name]) for row in rows]) for name in _EYERISS_COLUMNS}
    cycles = column["latency_ms"] * 1e3 * column["clock_mhz"]
    buffer_bytes = column["glb_access_mb"] * 1e6
    inside = array_actions(
        EYERISS,
        column["macs"],
        EYERISS_PES * cycles,
        gated_macs=column["macs"] * column["ifmap_zero_percent"] / 100,
    )
    outside = Actions(noc_bytes=buffer_bytes, activation_sram_read_bytes=buffer_bytes)
    clock_hz = float(column["clock_mhz"][0]) * 1e6
    return energy_pj(inside + outside, prices).total_pj + static_energy_pj(prices, cycles, clock_hz)


_EYERISS_COLUMNS = ("macs", "clock_mhz", "latency_ms", "ifmap_zero_percent", "glb_access_mb")


def voltage_scaling() -> Comparison:
    """Energy of one chip at two voltages: Stillmaker & Baas between 0.65 V and 0.80 V at 22 nm."""
    rows = [row for row in _reference("energy_mlperf_tiny") if row["soc"] == "Gap9"]
    energy = {(row["benchmark"], row["supply_v"]): float(row["energy_uj"]) for row in rows}
    names = sorted({row["benchmark"] for row in rows})
    return Comparison(
        name="energy ratio 0.80 V / 0.65 V at 22 nm",
        truth="MLPerf Tiny v1.0, GAP9 with NE16",
        labels=tuple(names),
        measured=np.array([energy[name, "0.8"] / energy[name, "0.65"] for name in names]),
        predicted=np.full(len(names), energy_factor(22, 0.65, 22, 0.80)),
        unit="ratio",
        bound_mean=0.05,
        bound_worst=0.10,
    )


def sram_left_out() -> Comparison:
    """Read energy at each inner CACTI size, predicted from the sizes around it alone (4x apart)."""
    rows = read_table("sram_cacti7")
    largest, smallest = (f(int(row["size_bytes"]) for row in rows) for f in (max, min))
    inner = [row for row in rows if smallest < int(row["size_bytes"]) < largest]
    predicted = [
        sram_grid(int(row["node_nm"]), row["device"], int(row["size_bytes"])).at(
            np.array(float(row["size_bytes"])), np.array(float(row["word_bits"]))
        )[0]
        for row in inner
    ]
    return Comparison(
        name="SRAM read energy, each size left out",
        truth="CACTI 7.0.3DD, 45 to 22 nm, three device classes, 2 KiB to 1 MiB",
        labels=tuple(
            f"{row['node_nm']} nm {row['device']} {row['size_bytes']} B x {row['word_bits']} b"
            for row in inner
        ),
        measured=np.array([float(row["read_pj"]) for row in inner]),
        predicted=np.array(predicted, np.float64),
        unit="pJ",
        bound_mean=0.10,
        bound_worst=0.70,
    )


def sram_horowitz() -> Comparison:
    """CACTI's 45 nm SRAM beside Horowitz's: two sources that should agree and do so within 2x."""
    sizes = np.array([8192, 32768])
    cost = sram_cost(sizes, 64, node_nm=45, device="hp")
    return Comparison(
        name="SRAM read of 64 bits, CACTI beside Horowitz",
        truth="Horowitz, ISSCC 2014, Fig. 1.1.9",
        labels=("8 KiB", "32 KiB"),
        measured=np.array([10.0, 20.0]),
        predicted=cost.read_pj,
        unit="pJ",
        bound_mean=0.50,
        bound_worst=0.50,
    )


def _core_of(row: dict[str, str]) -> str:
    if row["soc"] == "STM32H7A3":
        return "cortex_m7"
    return "stm32l4r5_smps" if row["regulator"] == "smps" else "cortex_m4"


def _reference(name: str) -> tuple[dict[str, str], ...]:
    text = (files("accel_models.tables") / "reference" / f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
