"""Area of NPUs beside published figures."""

from __future__ import annotations

from collections.abc import Mapping

from accel_models import (
    Area,
    design_area,
    load_design,
)
from analysis.validation.comparison import Comparison, Promise, published_group
from analysis.validation.reference_rows import reference_rows
from traces import ConfigError

ANY_NPU = "edge_npu_16x16"  # an array, its buffers and a vector unit; what is compared is set
BANKS = 2  # of every buffer: assumption
VOLTAGE = "0.9 V"  # area does not depend on it
# Eyeriss, JSSC 2017: 12 activations and 24 sums of 16 bit in the registers of a PE; no pipeline, it is overhead.
_REGISTER_BITS = {"int8": {}, "int16": {"register_bits_per_pe": 36 * 16}}


def area_comparisons() -> tuple[Comparison, ...]:
    """Return every comparison of the area model, in the order they are printed."""
    return (nvdla_fitted(), nvdla_scaled(), chips())


def nvdla_fitted() -> Comparison:
    """NVDLA's estimates at 28 nm, cells and macros before placement; three constants were fitted on them."""
    return _comparison(
        "NVDLA area, 28 nm", "nvdla 28 nm", Promise(0.03, 0.09, constants=3, left_out=(0.05, 0.11))
    )


def nvdla_scaled() -> Comparison:
    """NVDLA's estimates at 16 nm: what scaling between nodes adds to the error."""
    return _comparison("NVDLA area, 16 nm, scaled", "nvdla 16 nm", Promise(0.20, 0.28))


def chips() -> Comparison:
    """Areas of three other accelerators as placed; nothing was fitted on them.

    Gemmini's is that of array and memories alone and compared without control, Voltra's that of a system with cores.
    """
    return _comparison("NPU chips, area", "chips", Promise(0.40, 0.72))


def _comparison(
    name: str,
    group: str,
    promise: Promise,
) -> Comparison:
    rows = [row for row in reference_rows("npu_area") if row["group"] == group]
    return published_group(
        name,
        rows,
        "mm2",
        _predicted,
        unit="mm2",
        promise=promise,
        part="the area, which `lacuna inspect --area` tells of a design",
    )


def _predicted(row: Mapping[str, str]) -> float:
    area = published_area(row)
    match row["measures"]:
        case "cells":
            return area.cell_mm2
        case "placed without control":
            return sum(part.mm2 for part in area if part.name != "array_control")
        case "placed":
            return area.total_mm2
        case other:
            raise ConfigError(f"measures {other!r}: known: cells, placed, placed without control")


def published_area(row: Mapping[str, str]) -> Area:
    """Return the model's area of one row: its buffer is half weights and half activations (assumption)."""
    half, accumulators = f"{int(row['buffer_kib']) << 9} B", int(row["accumulator_kib"])
    sums = {"accumulator_buffer": f"{accumulators} KiB"} if accumulators else {"shared_sums": True}
    memory = {"activation_buffer": half, "weight_buffer": half, "word": f"{row['word_bits']} bit", **sums}
    technology = {
        "node": f"{row['node_nm']} nm",
        "voltage": VOLTAGE,
        "precision": row["precision"],
        "pe_buffer": f"{row['pe_buffer_bytes']} B",
        **_REGISTER_BITS[row["precision"]],
    }
    settings: dict[str, object] = {
        "array.rows": int(row["macs"]),
        "array.cols": 1,
        "simd.lanes_int8": int(row["lanes"]),
        "memory.banks": BANKS,
        **{f"memory.{name}": value for name, value in memory.items()},
        "technology": technology,
    }
    return design_area(load_design(ANY_NPU, settings))
