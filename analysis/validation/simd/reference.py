"""Rows of the SIMD reference tables: which design, software set and network each one measures."""

from __future__ import annotations

import re
from functools import cache

from accel_models import Design, load_design
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.kind import NotCovered
from analysis.validation.rows.tables import mlperf_row
from analysis.validation.simd.mobilenets import named_mobilenet
from simulator import estimate
from traces import ConfigError, NetworkGraph, load_network, network_names

_NETWORKS = {
    "IC": "resnet8_tiny",
    "VWW": "mobilenetv1_025_96",
    "VWW live": "mobilenetv1_025_96_live",
    "KWS": "dscnn_kws",
    "AD": "fc_autoencoder",
    "ResNet8": "resnet8_tiny",
    "ResNet8 CIFAR10 (resnet_v1_8_32)": "resnet8_tiny",
    "DS-CNN": "dscnn_kws",
    "DS-CNN KWS (MLPerf Tiny)": "dscnn_kws",
}
# Software set by a part of the stack's name; the first that matches.
_STACKS = (
    ("Plumerai", "tuned_2022"),
    ("LEIP", "compiled"),
    ("GAP nntool", "tuned"),
    ("EEESlab", "cmsis_nn_uint8"),
    ("CMSIS-NN", "cmsis_nn"),
    ("ONNC", "cmsis_nn"),  # generates calls of CMSIS-NN: Skymizer on Tiny ONNC, May 2021
    ("TVM", "compiled"),
    ("TensorFlow Lite for Microcontrollers", "reference"),
    ("neuralSPOT", "cmsis_nn"),  # TFLM with CMSIS-NN
    ("ST Edge AI", "tuned_2023"),  # what X-CUBE-AI since version 9 calls itself
    ("STEdgeAI", "tuned_2023"),
    ("XNNPACK", "tuned"),
    ("TFLite", "tuned"),  # XNNPACK, on application cores
    ("TensorFlow Lite", "tuned"),
)
# What a table may say behind a network's name that is the graph's anyway: its data set, version, input, type.
_DETAILS = re.compile(r"([ _-]+(imagenet|cifar-?10|v1(\.5)?|224(x224)?|32(x32)?|int8))+$", re.IGNORECASE)
_PLUMERAI_YEAR = re.compile(r"Plumerai\D*(\d{4})")
# Versions of X-CUBE-AI up to this one, by software set; later ones are the last set.
_X_CUBE_AI = (((7, 1), "tuned_2021"), ((8, 99), "tuned_2022"))
_X_CUBE_AI_VERSION = re.compile(r"(?:X-CUBE-AI|STM32Cube\.?AI)\W*v?(\d+)(?:\.(\d+))?", re.IGNORECASE)
_EIGHT_BITS = re.compile(r"(int|uint|i|u|q|qs|qu)?8\b")
_LATEST, _LATEST_YEAR = "tuned_2023", 2023
# Set by the round of MLPerf Tiny that published a stack of which nothing else is known: June 2021, April and November
# 2022.  That of June 2023 has stacks of two generations, so the set of all years; later ones are the last set.
_ROUNDS = {"v0.5": "tuned_2021", "v0.7": "tuned_2022", "v1.0": "tuned_2022", "v1.1": "tuned", "": "tuned"}
# STM32L4R5 reads its flash 64 instead of 128 bits wide in dual-bank mode (RM0432, flash chapter).
_FLASH_MODES: dict[str, dict[str, object]] = {"": {}, "dual bank": {"simd.weight_memory.line": "8 B"}}


def gap8_rows() -> list[Row]:
    """Rows of the GAP8 cluster: MobileNetV1 at four sizes and four widths."""
    rows = [row for row in reference_rows("simd_networks") if row["device"].startswith("GAP8")]
    return [{**row, "design": "gap8"} for row in rows]


def mlperf_rows() -> list[Row]:
    """Rows of MLPerf Tiny that run a network of ours on a CPU; ``network`` names the graph they measure."""
    return [row for row in map(_covered, reference_rows("mlperf_tiny")) if row]


def _covered(row: Row) -> Row | None:
    try:
        return mlperf_row(row)
    except NotCovered:
        return None


def tuned_rows() -> list[Row]:
    """Rows of vendor and specialist stacks on microcontrollers, networks of ST's model zoo included."""
    tiny = [row for row in mlperf_rows() if software_of(row["software"]).startswith("tuned_")]
    tiny = [row for row in tiny if row["latency_ms"]]
    zoo = [row for row in reference_rows("simd_networks") if row["core"] == "Cortex-M7"]
    return tiny + [{**row, "design": "stm32h747"} for row in zoo]


def software_of(stack: str, tiny_round: str = "") -> str:
    """Return the software set for a stack by its name in the reference tables.

    X-CUBE-AI up to 7.1 is ``tuned_2021``, since v9 ``tuned_2023`` as Plumerai since 2023.05, and both between
    ``tuned_2022``.  A name that says nothing gets the set of the round of MLPerf Tiny that it was published in, if any:
    were the 96 rows of tuned stacks nameless, they would be missed by 10.7 % instead of 6.3 %.
    """
    if not stack.strip():
        raise NotCovered("no software")
    version, year = x_cube_ai_version(stack), _PLUMERAI_YEAR.search(stack)
    if version:
        return next((name for last, name in _X_CUBE_AI if version <= last), _LATEST)
    if year and int(year[1]) >= _LATEST_YEAR:
        return _LATEST
    for text, software in _STACKS:
        if text.casefold() in stack.casefold():
            return software
    return _ROUNDS.get(tiny_round.strip().casefold(), _LATEST)


def row_software(row: Row) -> str:
    """Return the software set of a row of a public table."""
    return software_of(row["software"], row.get("round", ""))


def x_cube_ai_version(stack: str) -> tuple[int, int] | None:
    """Return major and minor version of an X-CUBE-AI by its name in the reference tables, of others none."""
    found = _X_CUBE_AI_VERSION.match(stack)
    return (int(found[1]), int(found[2] or 0)) if found else None


def row_design(row: Row, software: str) -> Design:
    """Return a row's ``design`` at its clock, flash, cores and precision set up as the row says, if it does.

    Parameters
    ----------
    row
        Of a reference table.
    software
        The set that describes its kernels.
    """
    settings: dict[str, object] = {"clock": f"{row['freq_mhz']} MHz", "software": software}
    settings |= _FLASH_MODES[row.get("flash", "")]
    if row.get("cores"):
        settings["simd.cores"] = row["cores"]
    precision = row.get("precision", "").strip().casefold()
    if precision in {"fp32", "float32"}:
        settings["technology.precision"] = "fp32"
    elif precision and not _EIGHT_BITS.match(precision):
        raise NotCovered(f"precision {precision!r}: known: int8, uint8, fp32")
    return load_design(row["design"], settings)


@cache
def network(name: str) -> NetworkGraph:
    """Return the graph of a row's ``network``: one of MLPerf Tiny, a MobileNet, or what ships under that name."""
    if name in _NETWORKS:
        return load_network(_NETWORKS[name])
    mobilenet = named_mobilenet(name)
    if mobilenet is not None:
        return mobilenet
    known = {_plain(shipped): shipped for shipped in network_names()}
    known |= {_plain(called): shipped for called, shipped in _NETWORKS.items()}
    plain = _plain(_DETAILS.sub("", name.strip()))
    if plain in known:
        return load_network(known[plain])
    raise ConfigError(f"network {name!r}: no graph is known for it")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def label(row: Row) -> str:
    """Return what a row measures, in a few words."""
    parts = (row.get("round", ""), row["design"], row["software"], row.get("precision", ""), row["network"])
    return " ".join(part for part in parts if part)


def latency_ms(row: Row, software: str) -> float:
    """Return the latency of a row's ``network`` on its ``design`` with a software set [ms]."""
    design = row_design(row, software)
    return _cycles(row["network"], design) / design.clock * 1e3


@cache
def _cycles(name: str, design: Design) -> int:
    """Return the cycles of a row's ``network``, as ``lacuna estimate`` tells them."""
    return sum(op.total_cycles for op in estimate(network(name), design).rows)
