"""SRAM macros: read and write energy, leakage and area, interpolated between CACTI 7 runs.

One power law over size misses CACTI by up to 47 %, so each quantity is interpolated between the two
neighbouring sizes and the two neighbouring word widths, linearly in logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel_models.design.sections import Technology
from accel_models.energy.chip import DeviceClass, SramMacro
from accel_models.energy.tables import read_table
from accel_models.energy.technology import LEAKAGE_EXPONENT, area_factor, sram_energy_factor
from traces import ConfigError, Floats, did_you_mean

SIZE_MARGIN = 4.0  # sizes up to 4x outside CACTI's 1 KiB .. 2 MiB follow the slope of the last two points
TEMPERATURE_MARGIN_K = 10.0  # beyond CACTI's 300 .. 360 K
FINFET_LEAKAGE = 0.79  # below 22 nm; accelergy-cacti-plug-in citing Parvais, VLSI-TSA 2009
_QUANTITIES = ("read_pj", "write_pj", "leakage_mw", "gate_leakage_mw", "area_mm2")


class SizeError(ConfigError):
    """A bank is smaller or larger than CACTI's runs can tell."""


@dataclass(frozen=True, slots=True, eq=False)
class SramFigures:
    """What macros of shape (n,) cost; ``scaled`` tells that CACTI was not run at this node (+-2x)."""

    read_pj: Floats  # per access of one word
    write_pj: Floats
    read_pj_per_byte: Floats
    write_pj_per_byte: Floats
    leakage_mw: Floats  # subthreshold, at the temperature asked for
    gate_leakage_mw: Floats
    area_mm2: Floats
    scaled: bool

    @property
    def static_mw(self) -> Floats:
        """All leakage [mW]."""
        return self.leakage_mw + self.gate_leakage_mw


def sram_figures(  # noqa: PLR0913  # what tells a macro from another, by name
    size_bytes: ArrayLike,
    word_bits: ArrayLike = 64,
    *,
    node_nm: int,
    device: DeviceClass,
    temperature_k: float = 330.0,
    voltage_v: float | None = None,
) -> SramFigures:
    """Price SRAM macros of one bank and one read/write port.

    Parameters
    ----------
    size_bytes
        Capacity of each macro [B], shape (n,) or broadcastable to it; 256 B to 8 MiB.
    word_bits
        Width of one access [bit].  Below 32 bits a 32-bit word is read all the same; above 256 bits
        several 256-bit macros work side by side.
    node_nm, device
        Process node and ITRS class.  45, 32, 28 and 22 nm come from CACTI; any other node is scaled from
        the nearest one (energy at equal voltage, area; leakage is kept per macro).
    temperature_k
        Junction temperature [K]; acts on subthreshold leakage only, as in CACTI.
    voltage_v
        Supply [V]; ``None`` is CACTI's own of the class at the node that was run (``tables/sram_supply.csv``).

    Notes
    -----
    CACTI's energies go with the square of the supply: 64 bits of 32 KiB at 22 nm take 3.5, 3.8 and 2.1 pJ in classes of
    0.8, 0.8 and 0.6 V, which is 3.5 to 3.8 pJ for all three at 0.8 V.  So energy is CACTI's times (V / V of the class)
    squared, leakage times its third power (``LEAKAGE_EXPONENT``).  The level is right: NVDLA's published power leaves
    no room for the 8.5 pJ of Jouppi's 7 nm table (``benchmarks/fit_nvdla.py``); Horowitz's 20 pJ at 45 nm is a cache's.

    CACTI picks another organisation at each size, so its energies step and here and there fall as the size
    grows.  A smaller macro can never need more than the next larger one that holds it, so each curve is
    replaced by its greatest non-decreasing lower bound (14 of 1,320 read steps change).

    Source: CACTI 7 runs, ``tables/sram_cacti7.csv``.  Checked against: each CACTI point left out in turn
    (``analysis.validation.energy.compare.sram_left_out``).
    """
    sizes, words = np.broadcast_arrays(np.asarray(size_bytes, np.float64), np.asarray(word_bits, np.float64))
    nodes = cacti_nodes()
    cacti_node = min(nodes, key=lambda node: abs(np.log(node / node_nm)))
    beside = np.maximum(words / 256.0, 1.0)  # macros side by side
    values = _interpolate(cacti_node, device, sizes / beside, np.clip(words, 32.0, 256.0)) * beside
    read, write, leakage, gate_leakage, area = values
    supply = 1.0 if voltage_v is None else voltage_v / class_supply(cacti_node, device)
    read, write = read * supply**2, write * supply**2
    leakage = leakage * _leakage_factor(cacti_node, device, temperature_k) * supply**LEAKAGE_EXPONENT
    gate_leakage = gate_leakage * supply**LEAKAGE_EXPONENT
    if cacti_node != node_nm:
        energy = sram_energy_factor(cacti_node, node_nm)
        finfet = FINFET_LEAKAGE if node_nm < 22 else 1.0
        read, write, area = read * energy, write * energy, area * area_factor(cacti_node, node_nm)
        leakage, gate_leakage = leakage * finfet, gate_leakage * finfet
    return SramFigures(
        read_pj=read,
        write_pj=write,
        read_pj_per_byte=read * 8.0 / words,
        write_pj_per_byte=write * 8.0 / words,
        leakage_mw=leakage,
        gate_leakage_mw=gate_leakage,
        area_mm2=area,
        scaled=cacti_node != node_nm,
    )


def macro_figures(technology: Technology, macro: SramMacro) -> SramFigures:
    """Price one bank of a design's buffer (leakage and area are per bank)."""
    try:
        return sram_figures(
            macro.bank_bytes,
            macro.word_bits,
            node_nm=technology.node,
            device=technology.device_class,
            temperature_k=technology.temperature,
            voltage_v=technology.voltage,
        )
    except SizeError as problem:
        banks = f" in {macro.banks} banks" if macro.banks > 1 else ""
        raise ConfigError(f"{macro.named} = {macro.size_bytes} B{banks}: {problem}") from None


@cache
def class_supply(node_nm: int, device: str) -> float:
    """Return the supply that CACTI takes for a device class at a node it was run at [V]."""
    rows = {(int(row["node_nm"]), row["device"]): row for row in read_table("sram_supply")}
    return float(rows[node_nm, device]["voltage_v"])


@cache
def cacti_nodes() -> tuple[int, ...]:
    """Nodes CACTI was run at [nm], rising."""
    return tuple(sorted({int(row["node_nm"]) for row in read_table("sram_cacti7")}))


@dataclass(frozen=True, slots=True, eq=False)
class SramGrid:
    """CACTI's points of one node and class: logarithms on a grid of (quantity, word width, size)."""

    log_words: Floats  # (w,)
    log_sizes: Floats  # (s,)
    log_values: Floats  # (5, w, s)

    def at(self, sizes: Floats, words: Floats) -> Floats:
        """Interpolate all quantities, linearly in logarithms; returns shape (5, n)."""
        s, s_part = _place(np.log(sizes), self.log_sizes)
        w, w_part = _place(np.log(words), self.log_words)
        v = self.log_values
        low = v[:, w, s] * (1 - s_part) + v[:, w, s + 1] * s_part
        high = v[:, w + 1, s] * (1 - s_part) + v[:, w + 1, s + 1] * s_part
        return np.asarray(np.exp(low * (1 - w_part) + high * w_part))


@cache
def sram_grid(node_nm: int, device: str, left_out_bytes: int = 0) -> SramGrid:
    """Return CACTI's grid of a node and class, without the size ``left_out_bytes`` when one is named."""
    rows = [row for row in read_table("sram_cacti7") if int(row["node_nm"]) == node_nm]
    devices = {row["device"] for row in rows}
    if device not in devices:
        raise ConfigError(
            f"technology.device = {device!r}: no such device class{did_you_mean(device, devices)}"
        )
    cells = {
        (int(row["word_bits"]), int(row["size_bytes"])): [float(row[name]) for name in _QUANTITIES]
        for row in rows
        if row["device"] == device and int(row["size_bytes"]) != left_out_bytes
    }
    words, sizes = (sorted({key[axis] for key in cells}) for axis in (0, 1))
    raw = np.array([[cells[w, s] for s in sizes] for w in words])  # (w, s, 5)
    rising = np.minimum.accumulate(raw[:, ::-1], axis=1)[:, ::-1]
    return SramGrid(np.log(words), np.log(sizes), np.log(np.moveaxis(rising, 2, 0)))


def _interpolate(node_nm: int, device: str, sizes: Floats, words: Floats) -> Floats:
    grid = sram_grid(node_nm, device)
    smallest, largest = np.exp(grid.log_sizes[[0, -1]])
    low, high = smallest / SIZE_MARGIN, largest * SIZE_MARGIN
    outside = (sizes < low * (1 - 1e-9)) | (sizes > high * (1 + 1e-9))
    if np.any(outside):
        worst = np.atleast_1d(sizes)[np.atleast_1d(outside)][0]
        way_out = "use fewer banks or a larger memory" if worst < low else "split the memory into more banks"
        raise SizeError(
            f"{worst:.10g} B per bank; SRAM prices reach from {low:.0f} B to {high:.0f} B: {way_out}"
        )
    return grid.at(sizes, words)


def _place(x: Floats, grid: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the cell of ``grid`` each ``x`` lies in (the end cells reach beyond it) and the part of it."""
    cell = np.clip(np.searchsorted(grid, x, side="right") - 1, 0, len(grid) - 2)
    return cell, (x - grid[cell]) / (grid[cell + 1] - grid[cell])


def _leakage_factor(node_nm: int, device: str, temperature_k: float) -> float:
    """Subthreshold leakage relative to 330 K, log-linear in temperature between CACTI's runs."""
    rows = [
        row
        for row in read_table("sram_temperature")
        if int(row["node_nm"]) == node_nm and row["device"] == device
    ]
    kelvin = np.array([float(row["temperature_k"]) for row in rows])
    if not kelvin[0] - TEMPERATURE_MARGIN_K <= temperature_k <= kelvin[-1] + TEMPERATURE_MARGIN_K:
        raise ConfigError(
            f"technology.temperature = {temperature_k:g} K: leakage is known "
            f"from {kelvin[0]:.0f} K to {kelvin[-1]:.0f} K, {TEMPERATURE_MARGIN_K:.0f} K beyond allowed"
        )
    logs = np.log([float(row["leakage_factor"]) for row in rows])
    cell, part = _place(np.asarray(temperature_k, np.float64), kelvin)
    return float(np.exp(logs[cell] * (1 - part) + logs[cell + 1] * part))
