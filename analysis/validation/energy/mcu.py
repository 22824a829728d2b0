"""Energy per inference of microcontrollers: the power model alone, then power times modelled latency."""

from __future__ import annotations

from functools import cache

import numpy as np

from accel_models import altered, load_design
from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.kind import number
from analysis.validation.rows.tables import cortexm_row
from analysis.validation.simd.reference import (
    mlperf_rows,
    network,
    row_design,
    row_software,
    x_cube_ai_version,
)
from simulator import StaticTable, estimate

_TRUTH = "MLPerf Tiny v0.5-v1.3, closed division, STM32L4R5 and STM32H7A3"
LOW_POWER_MHZ = 96  # highest clock of Apollo510's low-power mode
# Versions of X-CUBE-AI whose STM32H7A3 was set up in one of two ways; version 8.0 lies between, like cortex_m7.
_H7A3_2021_LAST, _H7A3_2023_FIRST = (7, 99), (8, 1)


def energy_at_measured_latency() -> Comparison:
    """Energy that ``lacuna estimate`` tells, at the measured instead of the modelled latency: its power alone.

    Rows that do not state their supply get the chip's own.  One row contradicts its neighbours: v1.1 IC on the
    L4R5 states 7,019 uJ in 214.0 ms, 32.8 mW, where the three others of its submission draw 42.9 to 47.3 mW and
    this network 41 to 49 mW at 1.8 V in every other round.  Its energy run took 6.2 % less or more than its
    performance run (the table's note), which makes it 30.9 or 35.0 mW and explains no more than that.
    """
    rows = energy_rows()
    predicted = [float(row["latency_ms"]) * power_mw(row) for row in rows]
    return _energy(
        "MCU energy at measured latency",
        rows,
        predicted,
        bounds=(0.07, 0.35),
        left_out=(0.08, 0.35),
    )


def energy_end_to_end() -> Comparison:
    """Energy from modelled cycles: what ``lacuna estimate`` says, beside the chip."""
    rows = energy_rows()
    return _energy("MCU energy end to end", rows, [energy_uj(row) for row in rows], bounds=(0.10, 0.30))


def energy_of_other_chips() -> Comparison:
    """Apollo510 in its two modes and the GAP8 cluster, from modelled cycles, all cores busy.

    The price of a cycle was fitted on these rows, one constant per chip and mode; the cycles were not, but for
    GAP8's issue rate.
    """
    rows = [cortexm_row(row) for row in reference_rows("simd_networks") if row["energy_uj"]]
    return Comparison(
        name="energy of Apollo510 and GAP8 end to end",
        truth="AmbiqAI/neuralSPOT@308c4e63; GreenWaves-Technologies/image_classification_networks@50ad1beb",
        labels=tuple(f"{row['device']} {row['network']} {row['freq_mhz']} MHz" for row in rows),
        measured=np.array([float(row["energy_uj"]) for row in rows]),
        predicted=np.array([energy_uj(row) for row in rows]),
        unit="uJ",
        bound_mean=0.05,
        bound_worst=0.15,
        constants=3,
    )


def energy_rows() -> list[Row]:
    """Rows of MLPerf Tiny with energy, of the chips we ship designs for."""
    return [row for row in mlperf_rows() if row["energy_uJ"] and row["latency_ms"]]


def energy_uj(row: Row) -> float:
    """Return the energy of a row's network on its chip as it was set up and supplied [uJ]."""
    return sum(op.energy_pj for op in _estimated(row).rows) * 1e-6


def power_mw(row: Row) -> float:
    """Return the power that a row's network takes on its chip: energy over time, as modelled [mW]."""
    table = _estimated(row)
    cycles = sum(op.total_cycles for op in table.rows)
    return sum(op.energy_pj for op in table.rows) / cycles * number(row, "freq_mhz") * 1e-3


def _estimated(row: Row) -> StaticTable:
    settings = {"technology.core_power": chip_set_up(row)}
    if row["supply_v"]:
        settings["technology.supply"] = f"{number(row, 'supply_v')} V"
    chip = altered(row_design(row, row_software(row)), settings)
    return estimate(network(row["network"]), chip)


def _energy(  # what is compared, and with what
    name: str,
    rows: list[Row],
    predicted: list[float],
    *,
    bounds: tuple[float, float],
    left_out: tuple[float, float] | None = None,
) -> Comparison:
    return Comparison(
        name=name,
        truth=_TRUTH,
        labels=tuple(f"{row['round']} {row['soc']} {row['software']} {row['benchmark']}" for row in rows),
        measured=np.array([float(row["energy_uJ"]) for row in rows]),
        predicted=np.array(predicted),
        unit="uJ",
        bound_mean=bounds[0],
        bound_worst=bounds[1],
        predicted_bounds=left_out,
        constants=5,  # a charge per chip, regulator and set-up
    )


def chip_set_up(row: Row) -> str:
    """Return the row of ``tables/cores.csv`` for a measurement: its chip, regulator and set-up."""
    design = row["design"]
    if design == "stm32l4r5" and row["regulator"] == "smps":
        return "stm32l4r5_smps"
    if design == "apollo510" and float(row["freq_mhz"]) <= LOW_POWER_MHZ:
        return "cortex_m55_lp"
    version = x_cube_ai_version(row["software"])
    shipped = _core_power_name(design)
    if design != "stm32h7a3" or version is None:
        return shipped
    if version <= _H7A3_2021_LAST:
        return "stm32h7a3_2021"
    return "stm32h7a3_2023" if version >= _H7A3_2023_FIRST else shipped


@cache
def _core_power_name(design: str) -> str:
    return load_design(design).technology.core_power or design
