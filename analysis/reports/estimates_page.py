"""The part of a report on tables of ``lacuna estimate``: what each op takes, alone and dense."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from analysis.figures.pictures import Picture
from analysis.figures.report.time_spent import estimate_time_info
from analysis.names import network_title, words_of_settings
from analysis.reports.provenance import again
from analysis.reports.report_page import Cell, Page, Section, Table, text_row
from analysis.words import MISSING, digits, percent, quantity, slug
from traces import FileProblem, csv_rows, file_text, reading

_FIRST: Final = ["layer", "op", "M", "K", "N"]
_LONGEST_HEAD: Final = 4096  # characters; ours has some 200
_NEEDED: Final = (
    "layer",
    "op",
    "macs",
    "compute_cycles",
    "stall_cycles",
    "total_cycles",
    "utilization",
    "dram_bytes",
    "energy_pj",
)


def estimates_page(files: Sequence[Path]) -> Page:
    """Return the page of one table of estimates or more."""
    tables = [_read(path) for path in files]
    names = [_name(rows, path) for rows, path in zip(tables, files, strict=True)]
    sections = tuple(
        _section(rows, name, i) for i, (rows, name) in enumerate(zip(tables, names, strict=True))
    )
    provenance = Section(
        anchor="provenance",
        title="Where the numbers come from",
        tables=(Table("Estimates", ("Estimate", "File", "Command"), _commands(tables, names, files)),),
    )
    title = names[0] if len(files) == 1 else f"{len(files)} estimates"
    return Page(f"{title}: op by op", (*sections, provenance))


def _commands(
    tables: Sequence[Sequence[dict[str, str]]], names: Sequence[str], files: Sequence[Path]
) -> tuple[tuple[Cell, ...], ...]:
    """Return by which command each table was made; an older one does not say."""
    return tuple(
        text_row(name, path.name, again(rows[0]["command"], "FILE.csv") if "command" in rows[0] else MISSING)
        for rows, name, path in zip(tables, names, files, strict=True)
    )


def is_estimate(path: Path) -> bool:
    """Whether a file begins as a table of ``lacuna estimate --out`` does."""
    if not path.is_file():
        return False  # a pipe or folder of that name
    with reading(path), path.open(encoding="utf-8", errors="replace") as file:
        head = file.readline(_LONGEST_HEAD).strip().split(",")
    return head[: len(_FIRST)] == _FIRST


def _name(rows: Sequence[dict[str, str]], path: Path) -> str:
    """Return what a table is of: network and design, or the file's name where an older one does not say."""
    if not rows[0].get("network") or not rows[0].get("design"):
        return path.name
    return f"{network_title(rows[0]['network'])} on {_design(rows[0]['design'])}"


def _design(title: str) -> str:
    """Return a design's name with its settings, ``edge_npu_16x16, array.rows=8``, as people write both."""
    name, *settings = re.split(r", (?=[a-z0-9_.]+=)", title)
    return words_of_settings(name, dict(setting.split("=", 1) for setting in settings))


def _section(rows: Sequence[dict[str, str]], name: str, i: int) -> Section:
    cycles, macs, energy = (
        sum(float(row[name]) for row in rows) for name in ("total_cycles", "macs", "energy_pj")
    )
    slowest = max(rows, key=lambda row: float(row["total_cycles"]))
    words = (
        f"{len(rows)} ops of a dense network, one after the other: {digits(cycles)} cycles, {quantity(macs, 'MAC')}, "
        f"{quantity(energy * 1e-6, 'uJ')} without leakage. The slowest, {slowest['layer']}, takes "
        f"{percent(float(slowest['total_cycles']) / cycles if cycles else math.nan)} of the cycles."
    )
    head = (
        "Layer",
        "Op",
        "MACs",
        "Compute",
        "Stall",
        "Cycles",
        "Of all cycles",
        "Utilization",
        "DRAM",
        "Energy",
    )
    return Section(
        anchor=f"estimate-{i}",
        title=f"Op by op: {name}",
        words=(words,),
        pictures=_pictures(rows, name, i),
        tables=(Table("Ops", head, tuple(_row(row, cycles) for row in rows)),),
    )


def _pictures(rows: Sequence[dict[str, str]], name: str, i: int) -> tuple[Picture, ...]:
    """Return where the cycles go, op by op."""
    ops = [(row["layer"], float(row["compute_cycles"]), float(row["stall_cycles"])) for row in rows]
    info = estimate_time_info(ops)
    if not info.parts:
        return ()
    rest = f" The {info.others} ops that take least are one row." if info.others else ""
    return (
        Picture(
            f"{slug(name)}_cycles-{i}",
            f"What each op takes: {name}",
            f"Cycles of a dense network's ops, one after the other: its unit at work, and waiting for transfers.{rest}",
            info,
        ),
    )


def _row(row: dict[str, str], cycles: float) -> tuple[Cell, ...]:
    def number(name: str) -> Cell:
        return Cell(f"{float(row[name]):,.0f}", number=True, order=float(row[name]))

    share = float(row["total_cycles"]) / cycles if cycles else math.nan
    utilization, moved, energy = (float(row[name]) for name in ("utilization", "dram_bytes", "energy_pj"))
    return (
        Cell(row["layer"]),
        Cell(row["op"]),
        *(number(name) for name in ("macs", "compute_cycles", "stall_cycles", "total_cycles")),
        Cell(percent(share), number=True, order=share),
        Cell(percent(utilization), number=True, order=utilization),
        Cell(quantity(moved, "B"), number=True, order=moved),
        Cell(quantity(energy * 1e-6, "uJ"), number=True, order=energy),
    )


def _read(path: Path) -> list[dict[str, str]]:
    with reading(path):
        rows = csv_rows(file_text(path))
        missing = [name for name in _NEEDED if rows and name not in rows[0]]
        if missing or not rows:
            raise FileProblem(
                f"{path}: is no table of `lacuna estimate --out`: has no {(missing or ['rows'])[0]}"
            )
        for row in rows:
            for name in _NEEDED[2:]:
                if not math.isfinite(float(row[name])):
                    raise FileProblem(f"{path}: {row['layer']}: {name} = {row[name]}: is no number")
    return rows
