"""Fit the price of a cycle of each measured microcontroller again, and say how well it carries over.

    python benchmarks/fit_energy.py [--write]

One constant per chip and set-up (`tables/cores.csv`): the median over its rows of energy / (measured latency x clock),
over the supply behind a linear regulator.  Prints it beside the shipped one, then every submission's error with and
without its own rows in the fit, and what one board of a chip says of its other board.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np

from accel_models.energy.tables import core_power
from analysis.validation.energy.mcu import chip_set_up, energy_rows
from analysis.validation.left_out import predicted_errors, record
from analysis.validation.reference_rows import Row
from traces import Floats

CORE_V = 1.28  # of the STM32L4R5 in range 1 boost (RM0432)
EFFICIENCY = 0.9  # of a switching regulator, before its rows were used (assumption)


def main() -> None:
    """Fit, leave out, print."""
    rows = energy_rows()
    for set_up in sorted({chip_set_up(row) for row in rows}):
        unknown = set_up == "cortex_m7"  # stands for a set-up that is not known: every row of its chip
        own = [
            row for row in rows if (row["design"] == "stm32h7a3" if unknown else chip_set_up(row) == set_up)
        ]
        shipped, fitted = core_power(set_up).charge_pc, fit(own, set_up)
        print(f"{set_up:16s} {len(own):3d} rows: shipped {shipped:6.1f} pC per cycle, fitted {fitted:6.1f}")
    print_left_out(rows, "submission", lambda row: f"{row['round']} {row['submitter']} {row['soc']}")
    print_left_out(rows, "stack", lambda row: f"{row['soc']} {row['software']}")
    print_other_board()


def charges(rows: Sequence[Row], set_up: str) -> Floats:
    """Return each row's charge per cycle at the set-up's own supply, at the measured latency [pC]."""
    core = core_power(set_up)
    cycles = np.array([float(row["latency_ms"]) * float(row["freq_mhz"]) * 1e3 for row in rows])
    energy = np.array([float(row["energy_uJ"]) * 1e6 for row in rows])
    linear = core.regulator == "ldo"
    supply = np.array([float(row["supply_v"] or core.supply_v) if linear else core.supply_v for row in rows])
    return energy / cycles / supply


def fit(rows: Sequence[Row], set_up: str) -> float:
    """Return the median charge per cycle over the rows that state their supply [pC]."""
    return float(np.median(charges([row for row in rows if row["supply_v"]], set_up)))


def print_left_out(rows: Sequence[Row], what: str, group_of: Callable[[Row], str]) -> None:
    """Print each group's mean error with and without its rows in the fit, if others share its set-up."""
    outside: list[float] = []
    print(f"\neach {what} left out:")
    for group in sorted({group_of(row) for row in rows}):
        own = [row for row in rows if group_of(row) == group]
        misses = np.concatenate([_misses([row], rows) for row in own])
        others = [row for row in rows if group_of(row) != group]
        known = {chip_set_up(row) for row in others if row["supply_v"]}
        apart = [row for row in own if chip_set_up(row) in known]
        errors = [float(error) for row in apart for error in _misses([row], others)]
        outside += errors
        left_out = f"{np.mean(errors):.3f} left out" if errors else "none other of its set-up"
        print(f"  {group:58s} {len(own):3d} rows: {misses.mean():.3f} in the fit, {left_out}")
    if "--write" in sys.argv and what == "submission":
        record("MCU energy at measured latency", predicted_errors("each submission", outside))
    print(f"  mean {np.mean(outside):.3f}, worst {np.max(outside):.3f}, {len(outside)} rows")


def _misses(own: Sequence[Row], fitted_on: Sequence[Row]) -> Floats:
    set_up = chip_set_up(own[0])
    same = [row for row in fitted_on if chip_set_up(row) == set_up]
    return np.abs(fit(same, set_up) / charges(own, set_up) - 1)


def print_other_board() -> None:
    """Print what each board of the STM32L4R5 says of the other, by core voltage and regulator alone."""
    rows = energy_rows()
    boards = {name: [r for r in rows if chip_set_up(r) == name] for name in ("cortex_m4", "stm32l4r5_smps")}
    linear = fit(boards["cortex_m4"], "cortex_m4")
    switching = fit(boards["stm32l4r5_smps"], "stm32l4r5_smps")
    supply = core_power("stm32l4r5_smps").supply_v
    predicted = linear * CORE_V / EFFICIENCY / supply
    print("\none board of the STM32L4R5 from the other, efficiency 0.9 assumed:")
    print(
        f"  switching from linear {predicted:6.1f} pC, measured {switching:6.1f}: {predicted / switching - 1:+.3f}"
    )
    predicted = switching * supply * EFFICIENCY / CORE_V
    print(
        f"  linear from switching {predicted:6.1f} pC, measured {linear:6.1f}: {predicted / linear - 1:+.3f}"
    )


if __name__ == "__main__":
    main()
