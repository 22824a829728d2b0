"""Rows of public tables of chips: which design, network, flash and supply a row is about, from its words alone."""

from __future__ import annotations

import re

from analysis.validation.reference_rows import Row
from analysis.validation.rows.kind import NotCovered

# Design by a part of the chip's, board's and core's names; the first that matches.
_DESIGNS = (
    ("STM32L4R5", "stm32l4r5"),
    ("PSoC 62", "psoc62"),
    ("CY8C62", "psoc62"),
    ("PSoC62", "psoc62"),
    ("CY8CPROTO-062", "psoc62"),
    ("CY8CKIT-062", "psoc62"),
    ("STM32U57", "stm32u575"),
    ("STM32U58", "stm32u575"),
    ("STM32U5", "stm32u575"),
    ("STM32U3", "stm32u385"),
    ("RA6M4", "ra6m4"),
    ("R7FA6M4", "ra6m4"),
    ("RA8", "ra8d1"),
    ("R7FA8D", "ra8d1"),
    ("STM32G0", "stm32g0b1"),
    ("STM32F746", "stm32f746"),
    ("STM32H7A3", "stm32h7a3"),
    ("STM32H747", "stm32h747"),
    ("STM32H757", "stm32h747"),
    ("STM32H74", "stm32h747"),
    ("STM32H7 ", "stm32h747"),
    ("Apollo510", "apollo510"),
    ("Apollo5", "apollo510"),
    ("GAP8", "gap8"),
    # the core alone: what to expect of a chip of which nothing is known
    ("Cortex-M0", "cortex_m0plus"),
    ("Cortex-M33", "cortex_m33"),
    ("Cortex-M4", "cortex_m4"),
    ("Cortex-M55", "cortex_m55"),
    ("Cortex-M7", "cortex_m7"),
    ("Cortex-M85", "cortex_m85"),
    ("Cortex-A53", "cortex_a53"),
    ("Cortex-A55", "cortex_a55"),
    ("Cortex-A72", "cortex_a72"),
)
# How tables spell a core, a chip, and a board of ST's, which is called by its chip: NUCLEO-L4R5ZI, B-U585I-IOT02A.
_SPELT = (
    (re.compile(r"Cortex[ _]?(?=[AM]\d)", re.IGNORECASE), "Cortex-"),
    (re.compile(r"Apollo[ -](?=5)", re.IGNORECASE), "Apollo"),
    (re.compile(r"\b(?:NUCLEO|DISCO|B)[ -](?=[A-Z]\d[A-Z\d]\d)", re.IGNORECASE), "STM32"),
)
_BENCHMARKS = ("AD", "IC", "KWS", "VWW")
# OctoML's and cTuning's runs state no flash mode and are taken as Krai's, whose runs of the same programs took the
# same time to four digits.
_AS_DUAL_BANK = ("OctoML", "cTuning")
_REMOVE_SINCE = {
    "x-cube-ai": (8, 1),
    "stm32cube.ai": (8, 1),
    "st edge ai": (0, 0),  # what X-CUBE-AI since version 9 calls itself
    "stedgeai": (0, 0),
    "plumerai": (2023, 5),
    "onnc": (1, 1),
}
_VERSION = re.compile(r"(\d+)(?:\.(\d+))?")
_SEVERAL = re.compile(r"(\d+) ?x ")  # "4x Cortex-A53": so many cores at work


def design_of(*names: str) -> str:
    """Return the design for a chip, board and core by their names in a public table."""
    text = re.sub(r"[®™]", "", " ".join(names))
    for spelt, plain in _SPELT:
        text = spelt.sub(plain, text)
    for part, design in _DESIGNS:
        if part.casefold() in text.casefold():
            return design
    raise NotCovered(f"no design covers {' / '.join(filter(None, names))}")


def mlperf_row(row: Row) -> Row:
    """Return a row of MLPerf Tiny with its design, network, flash mode, supply and regulator."""
    if row.get("accelerator"):
        raise NotCovered(f"ran on the accelerator {row['accelerator']}")
    if row["benchmark"] not in _BENCHMARKS:
        raise NotCovered(f"no graph of benchmark {row['benchmark']}")
    said = row.get("dead_channel_removal_inferred", "")
    removed = said.startswith("yes") if said else row["benchmark"] == "VWW" and _removes(row["software"])
    notes = row.get("notes", "")
    dual = "dual bank" in notes.casefold() or row["submitter"] in _AS_DUAL_BANK
    return {
        **row,
        "design": design_of(row["soc"], row["device"], row["cpu_core"]),
        "network": row["benchmark"] + (" live" if removed else ""),
        "flash": "dual bank" if dual else "",
        "supply_v": row.get("voltage", ""),
        "regulator": "smps" if "SMPS" in notes else "",
    }


def _removes(stack: str) -> bool:
    """Whether a stack leaves out the dead channels of the visual-wake-words model, where a row does not say so.

    Those seen to: X-CUBE-AI since 8.1, Plumerai since 2023.05, ONNC since 1.1; others of these versions alike, and
    ST Edge AI, which X-CUBE-AI became.
    """
    found = _VERSION.search(stack)
    least = next((first for name, first in _REMOVE_SINCE.items() if name in stack.casefold()), None)
    version = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    return least is not None and version >= least


def cortexm_row(row: Row) -> Row:
    """Return a row of the table of layers and networks on Cortex-M and GAP8 with its design."""
    design, found = design_of(row["device"], row["core"]), _SEVERAL.match(row["core"])
    cores = row.get("cores") or row.get("threads") or (found[1] if found and design != "gap8" else "")
    return {**row, "design": design, "cores": cores, "supply_v": "", "regulator": ""}


def is_network(row: Row) -> bool:
    """Tell a whole network from a layer."""
    return row["type"] == "network"
