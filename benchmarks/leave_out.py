"""What comparisons with fitted constants miss on groups of rows left out, by a refit of first order.

    python benchmarks/leave_out.py            print, and how far each constant moves
    python benchmarks/leave_out.py --write    and record in analysis/validation/reference/left_out.csv

Every fitted constant is moved by 1 % and the comparison run again: the slopes of its predictions.  A group of rows is
then left out, the constants moved to where the relative errors of the other rows have the least squares, were the
slopes constant, and the group predicted from there.  A constant that the other rows do not determine stays as shipped.
Instruction counts and tuned stacks have exact refits of their own (`fit_counts.py`, `fit_simd.py`, `fit_energy.py`).
"""

from __future__ import annotations

import functools
import gc
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from accel_models.design import load
from accel_models.energy import area, tables
from accel_models.units.simd import software
from analysis.validation.arrays.gemmini import firesim, firesim_alone, products
from analysis.validation.comparison import Comparison
from analysis.validation.energy.area import nvdla_fitted
from analysis.validation.energy.mcu import energy_end_to_end, energy_of_other_chips
from analysis.validation.energy.npu import nvdla_peak
from analysis.validation.left_out import first_order_refit, predicted_errors, record
from analysis.validation.simd.compare import (
    application_cores,
    compiled_kernels,
    cortex_m7_layers,
    cortex_m55_layers,
    gap8_cluster,
    reference_kernels,
)
from traces import Floats

STEP = 1.01


@dataclass(frozen=True, slots=True)
class Setting:
    """A number in a shipped design."""

    design: str
    path: str

    @contextmanager
    def scaled(self, factor: float) -> Iterator[None]:
        """Read the design with this number times ``factor``."""
        read = load._read

        def changed(name: str) -> tuple[dict[str, Any], str]:
            data, origin = read(name)
            if origin == self.design:
                *groups, last = self.path.split(".")
                place = data
                for group in groups:
                    place = place[group]
                number, _, unit = str(place[last]).partition(" ")
                place[last] = f"{float(number) * factor} {unit}" if unit else float(number) * factor
            return data, origin

        with mock.patch.object(load, "_read", changed):
            yield


@dataclass(frozen=True, slots=True)
class Software:
    """A number of a software set."""

    name: str
    isa: str
    number: str

    @contextmanager
    def scaled(self, factor: float) -> Iterator[None]:
        """Read the set with this number times ``factor``."""
        collect = software._collect

        def changed(table: dict[str, Any], name: str, isa: str) -> dict[str, Any]:
            values = collect(table, name, isa)  # type: ignore[arg-type]  # one of the kinds of the caller
            if name == self.name:
                values[self.number] *= factor
            return values

        with mock.patch.object(software, "_collect", changed):
            yield


@dataclass(frozen=True, slots=True)
class Price:
    """An energy or an area of an operation table."""

    table: str
    action: str
    quantity: str

    @contextmanager
    def scaled(self, factor: float) -> Iterator[None]:
        """Read the table with this value times ``factor``."""
        read = tables.read_table
        wanted = (self.table, self.action, self.quantity == "area")

        def changed(name: str) -> tuple[dict[str, str], ...]:
            rows = read(name)
            return tuple(
                {**row, "value": str(float(row["value"]) * factor)}
                if name == "operations" and (row["table"], row["action"], row["unit"] == "um2") == wanted
                else row
                for row in rows
            )

        with mock.patch.object(tables, "read_table", changed):
            yield


@dataclass(frozen=True, slots=True)
class MacroFactor:
    """How much larger a compiled macro is than its cells."""

    @contextmanager
    def scaled(self, factor: float) -> Iterator[None]:
        """Compute areas with it times ``factor``."""
        with mock.patch.object(area, "MACRO_FACTOR", area.MACRO_FACTOR * factor):
            yield


@dataclass(frozen=True, slots=True)
class Charge:
    """The charge per cycle of a chip or mode, which all energies of rows with this text in their label follow."""

    text: str


Constant = Setting | Software | Price | MacroFactor | Charge


@dataclass(frozen=True, slots=True)
class Fit:
    """A comparison, its fitted constants, and what is left out together."""

    compare: Callable[[], Comparison]
    constants: Sequence[Constant]
    group: Callable[[str], str]  # from a row's label
    left_out: str
    seen: Callable[[str], bool] = bool  # whether the shipped fit saw a row, from its label


def _whole(label: str) -> str:
    return label


def _network(label: str) -> str:
    return next((word for word in ("VWW", "IC", "KWS", "AD") if word in label), label)


def _settings(design: str, paths: str) -> list[Constant]:
    return [Setting(design, path) for path in paths.split()]


def _of_set(name: str, isa: str, numbers: str) -> list[Constant]:
    return [Software(name, isa, number) for number in numbers.split()]


_GEMMINI = (
    "memory.dram.bandwidth gemmini.search_cycles gemmini.l2_beat_cycles gemmini.crowded_line_cycles "
    "gemmini.same_line_store_cycles"
)
_UINT8 = "unpack step linear_step block pixel requant im2col_tap im2col_word depthwise_tap depthwise_mac"
FITS = (
    *(
        Fit(
            compare,
            _settings("gemmini_16x16", _GEMMINI),
            lambda label: str(sum(map(ord, label)) % 3),
            "a third of the layers",
        )
        for compare in (functools.partial(firesim, "gemmini_default_tiler"), firesim_alone)
    ),
    Fit(
        nvdla_peak,
        [Price("horowitz_45nm", name, "energy") for name in ("mac_overhead", "pe_overhead", "array_control")],
        _whole,
        "each configuration",
    ),
    Fit(
        nvdla_fitted,
        [
            *(Price("horowitz_45nm", name, "area") for name in ("pe_overhead", "array_control")),
            MacroFactor(),
        ],
        _whole,
        "each configuration",
    ),
    Fit(
        compiled_kernels,
        _of_set("compiled", "dsp", "linear_step_instructions depthwise_mac_instructions"),
        _network,
        "each network",
    ),
    Fit(
        reference_kernels,
        _of_set("reference", "dsp", "step_instructions depthwise_mac_instructions"),
        _whole,
        "each network",
    ),
    Fit(
        application_cores,
        _settings("cortex_a72", "simd.issue simd.dispatch"),
        _network,
        "each network",
        lambda label: "VWW" not in label,
    ),
    Fit(
        gap8_cluster,
        _settings("gap8", "simd.issue simd.dispatch"),
        _whole,
        "each network",
    ),
    Fit(
        cortex_m7_layers,
        _of_set("cmsis_nn_uint8", "dsp", " ".join(f"{word}_instructions" for word in _UINT8.split()))
        + _of_set("cmsis_nn_uint8", "dsp", "depthwise_output_instructions"),
        lambda label: str(int(label.split()[0]) % 3),
        "a third of the layers",
    ),
    Fit(
        energy_end_to_end,
        [Charge("STM32L4R5"), Charge("STM32H7A3"), Charge("PSoC"), Charge("STM32F746")],
        lambda label: " ".join(label.split()[:-1]),
        "each submission",
    ),
    Fit(
        energy_of_other_chips,
        [Charge("Apollo510.* 96 MHz"), Charge("Apollo510.* 250 MHz"), Charge("GAP8")],
        _whole,
        "each row",
    ),
    Fit(cortex_m55_layers, _settings("cortex_m55", "simd.alu_cycles"), _whole, "each layer"),
)


def main() -> None:
    """Print, and record with ``--write``."""
    if "--write" in sys.argv:
        record_products()
    for fit in FITS:
        base = fit.compare()
        slopes = np.stack([_slope(fit, base, constant) for constant in fit.constants], axis=1)
        groups = np.array([fit.group(label) for label in base.labels])
        errors, moves = first_order_refit(
            base.relative_errors, slopes, groups, np.array([fit.seen(label) for label in base.labels])
        )
        found = predicted_errors(fit.left_out, errors)
        print(
            f"{base.name}: {base.mean_error:.1%} as shipped, {found.mean:.1%} left out, worst {found.worst:.1%}"
        )
        for constant, move in zip(fit.constants, np.abs(moves).max(axis=0), strict=True):
            print(f"    {constant}: moves by up to {move:.1%}")
        if "--write" in sys.argv:
            record(base.name, found)


def _slope(fit: Fit, base: Comparison, constant: Constant) -> Floats:
    """Return how much each prediction changes, relative, per relative change of a constant, shape (n,)."""
    if isinstance(constant, Charge):
        return np.array([float(re.search(constant.text, label) is not None) for label in base.labels])
    with constant.scaled(STEP):
        _forget()
        moved = fit.compare().predicted
    _forget()
    return np.asarray((moved / base.predicted - 1) / (STEP - 1), np.float64)


def record_products() -> None:
    """Record what products on Gemmini miss beyond the runs that pipeline depths were read off: the smallest."""
    for found in (products("ws"), products("os")):
        larger = found.measured > np.quantile(found.measured, 0.25)
        record(found.name, predicted_errors("the larger three quarters", found.relative_errors[larger]))


def _forget() -> None:
    """Empty every cache: they hold what was read before a constant moved."""
    for held in gc.get_objects():
        if isinstance(held, functools._lru_cache_wrapper):
            held.cache_clear()


if __name__ == "__main__":
    main()
