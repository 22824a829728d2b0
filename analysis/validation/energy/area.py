"""Area of NPUs beside published figures."""

from __future__ import annotations

from collections.abc import Mapping

from accel_models import (
    Area,
    Chip,
    MemoryRole,
    Silicon,
    SramMacro,
    Technology,
    area_mm2,
)
from analysis.validation.comparison import Comparison, Promise, published_group
from analysis.validation.reference_rows import reference_rows
from traces import ConfigError

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
    half, accumulators = int(row["buffer_kib"]) << 9, int(row["accumulator_kib"]) << 10
    sizes: tuple[tuple[MemoryRole, int], ...] = (
        ("activation", half),
        ("weight", half),
        ("accumulator", accumulators),
    )
    word = int(row["word_bits"])
    technology = Technology.model_validate(
        {
            "node": f"{row['node_nm']} nm",
            "voltage": VOLTAGE,
            "precision": row["precision"],
            "pe_buffer": f"{row['pe_buffer_bytes']} B",
            **_REGISTER_BITS[row["precision"]],
        }
    )
    buffers = tuple(
        SramMacro(role=role, size_bytes=size, word_bits=word, banks=BANKS) for role, size in sizes if size
    )
    silicon = Silicon(pes=int(row["macs"]), lanes=int(row["lanes"]))
    return area_mm2(technology, Chip(silicon=silicon, buffers=buffers))
