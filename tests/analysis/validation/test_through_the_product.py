"""Every comparison asks what users ask, `estimate` or `replay`; a few test a part, by functions that users reach."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from functools import cache, partial
from types import CodeType, FrameType, ModuleType
from typing import Any
from unittest import mock

import pytest

import analysis.validation
import simulator
from accel_models import load_design
from analysis.validation import all as everything
from analysis.validation.arrays import gemmini
from analysis.validation.comparison import Comparison
from analysis.validation.energy import area, compare, eyeriss, npu
from analysis.validation.simd import instructions
from analysis.validation.vela.compare import vela_passes
from lacuna.commands.design_parts import show_area, show_prices
from simulator import estimate
from traces import NetworkGraph, load_network
from traces.base.compiled import Loop

_QUEUES = "accel_models.units.gemmini.memory.queues"
_ACTIONS = "accel_models.energy.actions"
_NPU = "accel_models.units.micronpu"
_SOFTWARE: dict[str, dict[str, object]] = {"cortex_m4": {"software": "cmsis_nn"}}
# What cannot be asked of `estimate` or `replay`, and the functions of the product that tell it all the same.
PARTS: dict[str, tuple[Callable[[], Comparison], tuple[str, ...]]] = {
    "Gemmini loads alone": (gemmini.loads, (f"{_QUEUES}:load",)),
    "Gemmini stores alone": (gemmini.stores, (f"{_QUEUES}:store",)),
    "Gemmini stores out of the scratchpad": (gemmini.scratchpad_stores, (f"{_QUEUES}:store",)),
    "Gemmini products end to end, os": (
        lambda: gemmini.products("os"),
        ("accel_models.units.gemmini.loops:run_products",),
    ),
    "Gemmini in FireSim, dosa mapping": (
        lambda: gemmini.firesim("dosa_mapping"),
        ("accel_models.units.gemmini.loops:run_layers",),
    ),
    "Gemmini in FireSim, gemmini default tiler": (
        lambda: gemmini.firesim("gemmini_default_tiler"),
        ("accel_models.units.pricing:_priced",),
    ),
    instructions.KERNELS_BESIDE_OPS: (
        instructions.kernels_beside_ops,
        ("accel_models.units.simd.counted:counted_parts",),
    ),
    **{
        f"Vela on {accelerator}, cycles of an op": (
            partial(vela_passes, accelerator),
            (
                f"{_NPU}.cycles:op_cycles",
                f"{_NPU}.memory.staging:stage_weights",
                f"{_NPU}.total:memory_cycles",
            ),
        )
        for accelerator in (
            "ethos-u55-128",
            "ethos-u55-32",
            "ethos-u55-64",
            "ethos-u55-256",
            "ethos-u65-256",
            "ethos-u85-256",
        )
    },
    "cycles of CMSIS-NN kernels on Cortex-M0+, no wait states": (
        instructions.armv6m_cycles,
        ("accel_models.units.simd.unit:simd_cycles",),
    ),
    "Eyeriss energy on AlexNet from published accesses": (
        eyeriss.energy_from_accesses,
        (f"{_ACTIONS}:array_actions", f"{_ACTIONS}:energy_pj"),
    ),
    "NPU chips at peak, energy per MAC": (
        npu.chips_at_peak,
        ("accel_models.energy.price_list:price_list", f"{_ACTIONS}:energy_pj"),
    ),
    "SRAM read energy, each size left out": (compare.sram_left_out, ("accel_models.energy.sram:sram_grid",)),
    "SRAM read of 64 bits, CACTI beside Horowitz": (
        compare.sram_horowitz,
        ("accel_models.units.kinds:design_prices",),
    ),
    **{
        name: (told, ("accel_models.units.kinds:design_area",))
        for name, told in (
            ("NVDLA area, 28 nm", area.nvdla_fitted),
            ("NVDLA area, 16 nm, scaled", area.nvdla_scaled),
            ("NPU chips, area", area.chips),
        )
    },
}


def entered(work: Callable[[], object]) -> set[CodeType]:
    """Return the functions that a piece of work enters; what was remembered is found out anew."""
    _forget()
    codes: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            codes.add(frame.f_code)

    before = sys.getprofile()
    with mock.patch.object(Loop, "__call__", _as_written):
        sys.setprofile(note)
        try:
            work()
        finally:
            sys.setprofile(before)
    return codes


def _as_written(loop: Loop, walk_us: float, *arguments: object) -> None:
    """Run a loop that would be compiled where much has been walked, and then show no function."""
    loop._function(*arguments)


def _forget() -> None:
    for name in [name for name in sys.modules if name.startswith("accel_models.")]:
        for value in vars(sys.modules[name]).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def _estimated(graph: NetworkGraph, design: str) -> None:
    estimate(graph, load_design(design, _SOFTWARE.get(design)))


@cache
def reached_by_users() -> set[CodeType]:
    """Return the functions that commands and estimates of a few designs enter."""
    graph, codes = load_network("resnet8_tiny"), set[CodeType]()
    for name in ("gemmini_16x16", "ethos_u55_128", "edge_npu_16x16", "cortex_m4", "eyeriss"):
        codes |= entered(partial(_estimated, graph, name))
    for show in (show_area, show_prices):
        codes |= entered(partial(show, load_design("edge_npu_16x16"), as_json=True))
    return codes


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_what_users_reach(name: str) -> None:
    """What is compared runs the same functions as commands, `estimate` and `replay`."""
    told, functions = PARTS[name]
    codes = entered(told)
    for path in functions:
        module, function = path.split(":")
        found = getattr(importlib.import_module(module), function)
        code = getattr(found, "__wrapped__", found).__code__
        assert code in codes, f"{name} does not call {path}"
        assert code in reached_by_users(), f"no command calls {path}"


def modules() -> list[ModuleType]:
    """Return every module of the folder."""
    found = pkgutil.walk_packages(analysis.validation.__path__, "analysis.validation.")
    return [importlib.import_module(each.name) for each in found]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_compared_is_what_users_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between one comparison and the next the product was asked, unless the next is one of those of a part."""
    here, asked, told = modules(), [0], dict[str, bool]()
    caches = [value for module in here for value in vars(module).values() if hasattr(value, "cache_clear")]
    product = {name: getattr(simulator, name) for name in ("estimate", "replay")}

    def watched(name: str) -> Any:
        def ask(*args: Any, **settings: Any) -> Any:
            asked[0] += 1
            return product[name](*args, **settings)

        return ask

    for module in here:
        for name in product:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, watched(name))
    check = Comparison.__post_init__

    labels: list[set[str]] = []  # of comparisons that asked

    def noted(self: Comparison) -> None:
        of_another = (
            any(set(self.labels) <= of for of in labels) and not self.part
        )  # ratios of what it was told
        told[self.name] = asked[0] > 0 or of_another
        if asked[0]:
            labels.append(set(self.labels))
        asked[0] = 0
        for known in caches:  # what one comparison was told, the next asks again
            known.cache_clear()
        check(self)

    monkeypatch.setattr(Comparison, "__post_init__", noted)
    found = everything.all_comparisons()
    assert {each.name: told[each.name] for each in found} == {each.name: not each.part for each in found}
    assert {each.name for each in found if each.part} == set(PARTS)
