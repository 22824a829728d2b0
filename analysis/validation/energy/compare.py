"""Energy beside truth from outside: chips of MLPerf Tiny, Eyeriss, NPUs, GAP9, and CACTI's own points."""

from __future__ import annotations

import numpy as np

from accel_models import design_prices, load_design, read_table, sram_grid
from analysis.validation.asked import without_dram
from analysis.validation.comparison import Comparison
from analysis.validation.energy import eyeriss, mcu, npu
from analysis.validation.energy.area import ANY_NPU
from analysis.validation.reference_rows import reference_rows
from analysis.validation.simd.reference import network
from simulator import estimate


def energy_comparisons() -> tuple[Comparison, ...]:
    """Return every comparison of the energy model, in the order they are printed."""
    return (
        mcu.energy_at_measured_latency(),
        mcu.energy_end_to_end(),
        mcu.energy_of_other_chips(),
        eyeriss.energy_from_accesses(),
        eyeriss.latency_of_the_design(),
        eyeriss.accesses_of_the_design(),
        eyeriss.dram_of_the_design(),
        eyeriss.energy_of_the_design(),
        npu.nvdla_peak(),
        npu.chips_at_peak(),
        voltage_scaling(),
        sram_left_out(),
        sram_horowitz(),
    )


def voltage_scaling() -> Comparison:
    """Energy of one chip at two voltages: Stillmaker & Baas between 0.65 V and 0.80 V at 22 nm.

    Choice: the networks run on an array of 16 x 16 in place of NE16, without its DRAM.
    """
    rows = [row for row in reference_rows("mlperf_tiny") if row["soc"] == "Gap9"]
    energy = {(row["benchmark"], row["voltage"]): float(row["energy_uJ"]) for row in rows}
    names = sorted({row["benchmark"] for row in rows})
    return Comparison(
        name="energy ratio 0.80 V / 0.65 V at 22 nm",
        truth="MLPerf Tiny v1.0, GAP9 with NE16",
        labels=tuple(names),
        measured=np.array([energy[name, "0.8"] / energy[name, "0.65"] for name in names]),
        predicted=np.array([_energy_pj(name, "0.80 V") / _energy_pj(name, "0.65 V") for name in names]),
        unit="ratio",
        bound_mean=0.05,
        bound_worst=0.10,
    )


def _energy_pj(benchmark: str, voltage: str) -> float:
    at_22_nm = without_dram(load_design(ANY_NPU, {"technology.node": "22 nm", "technology.voltage": voltage}))
    return sum(op.energy_pj for op in estimate(network(benchmark), at_22_nm).rows)


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
        part="the table of memories between its own points",
    )


def sram_horowitz() -> Comparison:
    """CACTI's 45 nm SRAM beside Horowitz's: two sources that should agree and do so within 2x."""
    return Comparison(
        name="SRAM read of 64 bits, CACTI beside Horowitz",
        truth="Horowitz, ISSCC 2014, Fig. 1.1.9",
        labels=("8 KiB", "32 KiB"),
        measured=np.array([10.0, 20.0]),
        predicted=np.array([_read_pj(size) for size in ("8 KiB", "32 KiB")]),
        unit="pJ",
        bound_mean=0.50,
        bound_worst=0.50,
        part="the price of a read, which `lacuna inspect --prices` tells of a design",
    )


def _read_pj(size: str) -> float:
    """Return what a design pays for reading 64 bits out of a buffer of a bank [pJ]."""
    memory = {"activation_buffer": size, "word": "64 bit", "banks": 1}
    settings: dict[str, object] = {f"memory.{name}": value for name, value in memory.items()}
    technology = {"node": "45 nm", "device": "hp", "voltage": "1.0 V"}
    settings |= {f"technology.{name}": value for name, value in technology.items()}
    return 8 * design_prices(load_design(ANY_NPU, settings)).value("activation_sram_read_bytes")
