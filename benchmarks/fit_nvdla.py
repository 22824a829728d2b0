"""Split NVDLA's peak power again: buffers and leakage by CACTI, MACs and registers by a table, the rest fitted.

    python benchmarks/fit_nvdla.py

Per operation table the three constants of ``tables/operations.csv`` (``mac_overhead``, ``pe_overhead``,
``array_control``) beside those that ship, then how well the seven configurations are met were an SRAM access dearer
than CACTI's: from about three times CACTI's on, control would have to give energy back.  Last its areas at 28 nm.
"""

from __future__ import annotations

import numpy as np

from accel_models import operation_table
from accel_models.energy.area import MACRO_FACTOR
from analysis.validation.energy.area import published_area
from analysis.validation.energy.npu import fit_overhead, nvdla_rows, overhead
from analysis.validation.reference_rows import reference_rows

LEVELS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)


def main() -> None:
    """Fit and print."""
    for table in ("horowitz_45nm", "aladdin_40nm", "jouppi_7nm"):
        found = overhead(table, nvdla_rows())
        for action, value in found.items():
            shipped = operation_table(table)[action, "energy"].value
            print(f"{table:14s} {action:14s} fitted {value:8.4g} pJ, shipped {shipped:8.4g} pJ")
    print("\nSRAM accesses as a multiple of CACTI's, horowitz_45nm at 16 nm and 0.8 V:")
    for level in LEVELS:
        fit = fit_overhead("horowitz_45nm", nvdla_rows(), level)
        print(
            f"  x {level:3.1f}: control {fit.control_pj:6.1f} pJ per cycle, {fit.per_mac_pj:.3f} pJ per MAC, "
            f"missed by {fit.errors.mean():.1%}, worst {fit.errors.max():.1%}"
        )
    print_areas()


def print_areas() -> None:
    """Print the three constants of area that fit the synthesis areas at 28 nm best beside the shipped ones."""
    rows = [row for row in reference_rows("npu_area") if row["group"] == "nvdla 28 nm"]
    parts = [{part.name: part.cell_mm2 for part in published_area(row)} for row in rows]
    fitted = np.array(
        [
            [part["array_overhead"], part["array_control"], sum(v for k, v in part.items() if "sram" in k)]
            for part in parts
        ]
    )
    whole = np.array([float(row["mm2"]) for row in rows])
    rest = np.array([sum(part.values()) for part in parts]) - fitted.sum(axis=1)
    scale, *_ = np.linalg.lstsq(fitted / whole[:, None], (whole - rest) / whole, rcond=None)
    errors = np.abs((rest + fitted @ scale) / whole - 1)
    table = operation_table("horowitz_45nm")
    shipped = (table["pe_overhead", "area"].value, table["array_control", "area"].value, MACRO_FACTOR)
    print(f"\nareas at 28 nm, missed by {errors.mean():.1%}, worst {errors.max():.1%}:")
    for name, value, factor in zip(
        ("pe_overhead um2", "array_control um2", "MACRO_FACTOR"), shipped, scale, strict=True
    ):
        print(f"  {name:18s} fitted {value * factor:9.4g}, shipped {value:9.4g}")


if __name__ == "__main__":
    main()
