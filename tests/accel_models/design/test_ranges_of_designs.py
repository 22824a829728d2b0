"""Every number of a design has a finite range on both sides, and what lies outside is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_args

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le
from pydantic import BaseModel

from accel_models import design_model, design_names, load_design
from accel_models.cost import Cost
from accel_models.energy.actions import EnergyParts
from accel_models.units.assemble import check_cost
from traces import ConfigError, UnsupportedError


def numbers(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, list[Any], Any]]:
    """Yield every field that holds a number, with its constraints."""
    for name, field in model.model_fields.items():
        kinds: list[Any] = [field.annotation]
        while kinds:
            kind = kinds.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from numbers(kind, f"{prefix}{name}.")
            elif kind in (int, float):
                yield prefix + name, list(field.metadata), kind
            meta = getattr(kind, "__metadata__", ())
            if meta and kind.__origin__ in (int, float):
                yield prefix + name, [p for m in meta for p in getattr(m, "metadata", [m])], kind.__origin__
            else:
                kinds += get_args(kind)


FOUND = list(numbers(design_model()))


def test_there_are_numbers_to_check() -> None:
    assert {"clock", "array.rows", "simd.mac_cycles", "memory.dram.latency", "skip.group"} <= {
        name for name, _, _ in FOUND
    }


@pytest.mark.parametrize(("name", "rules", "kind"), FOUND, ids=[name for name, _, _ in FOUND])
def test_a_number_has_both_bounds(name: str, rules: list[Any], kind: type) -> None:
    flat = [p for rule in rules for p in getattr(rule, "metadata", [rule])]
    assert any(isinstance(rule, Ge | Gt) for rule in flat), name
    limits: list[Any] = [rule.le for rule in flat if isinstance(rule, Le)]
    upper = [float(limit) for limit in limits]
    assert upper, name
    assert np.isfinite(upper[0])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("array.rows", 32_000_000_000),
        ("array.gemm_overhead_cycles", -100_000),
        ("array.count", True),
        ("simd.mac_cycles", 1e15),
        ("simd.mac_cycles", "1e15"),
        ("simd.issue", ".inf"),
        ("simd.issue", "'1'"),
        ("clock", "1e308 GHz"),
        ("clock", "1e99999999999999999999999 GHz"),
        ("clock", "\u00b2 MHz"),
        ("clock", "\u0663 MHz"),
        ("clock", "1e-18 Hz"),
        ("clock", "9" * 5000 + " Hz"),
        ("memory.dram.latency", "1e18 s"),
        ("memory.activation_buffer", "1e18 GiB"),
        ("skip.group", 3_200_000_000_000_000),
        ("technology.node", "1e18 nm"),
    ],
)
def test_out_of_range(setting: str, value: object) -> None:
    with pytest.raises(ConfigError, match=setting.split(".", maxsplit=1)[0]) as found:
        load_design("edge_npu_16x16", {setting: value})
    assert len(str(found.value)) <= 300


@pytest.mark.parametrize("name", design_names())
def test_shipped_designs_are_in_range(name: str) -> None:
    assert load_design(name).name == name


COUNTS = [field.name for field in fields(Cost) if field.type == "Ints"]


def cost(**changed: Any) -> Cost:
    counted = {name: np.array([0, 5]) for name in COUNTS}
    rest = {
        "energy": EnergyParts.zeros((2,)),
        "weight_energy_pj": np.zeros(2),
        "feasible": np.ones(2, bool),
    }
    return Cost(**{**counted, **rest, **changed})


def test_a_cost_that_can_be_passes() -> None:
    check_cost(cost(), "conv1", "npu")


@pytest.mark.parametrize("bad", [-1, 2**62, np.iinfo(np.int64).min])
@pytest.mark.parametrize("name", COUNTS)
def test_a_count_that_cannot_be(name: str, bad: int) -> None:
    with pytest.raises(UnsupportedError, match=rf"design 'npu': op 'conv1': {name} = "):
        check_cost(cost(**{name: np.array([3, bad])}), "conv1", "npu")


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_an_energy_that_cannot_be(bad: float) -> None:
    with pytest.raises(UnsupportedError, match="weight_energy_pj = "):
        check_cost(cost(weight_energy_pj=np.array([bad, 0.0])), "conv1", "npu")
