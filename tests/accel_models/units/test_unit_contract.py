"""What every kind of unit keeps, on every shipped design that has it; a kind joins by its row in KINDS."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pytest

from accel_models.cost import Cost, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.design.load import design_names, load_design
from accel_models.design.sections import Part
from accel_models.energy.actions import Idle, static_energy_pj
from accel_models.units.kinds import KINDS, Unit, design_area, design_prices, silicon_of, unit_kind, units_of
from accel_models.units.pricing import price, price_all
from traces import INPUT, ConfigError, Op, OpKind

DESIGNS = {name: load_design(name) for name in design_names()}
CASES = [pytest.param(u, d, id=f"{u.name} of {n}") for n, d in DESIGNS.items() for u in units_of(d)]
LADDER = [8, 16, 32, 64]  # channels


def op_of(kind: OpKind, *, pixels: int = 8, name: str = "", **sizes: int) -> Op:
    """Return an op of 64 channels on a square image that it leaves as large as it is."""
    side: dict[str, Any] = {
        "in_height": pixels,
        "in_width": pixels,
        "out_height": pixels,
        "out_width": pixels,
    }
    inputs = ("a", "b") if kind in {"add", "matmul"} else (INPUT,)
    return Op(name=name or kind, kind=kind, inputs=inputs, in_channels=64, out_channels=64, **(side | sizes))


OPS = (
    op_of("conv", name="conv3", kernel_height=3, kernel_width=3),
    op_of("conv", name="conv1"),
    op_of("conv", name="depthwise", kernel_height=3, kernel_width=3, groups=64),
    op_of("linear", pixels=1),
    op_of("matmul"),
    op_of("lstm_cell", in_height=4, in_width=1, out_height=4, out_width=1),
    op_of("add"),
    op_of("layer_norm"),
    op_of("max_pool", kernel_height=2, kernel_width=2),
    op_of(
        "avg_pool",
        kernel_height=2,
        kernel_width=2,
        stride_height=2,
        stride_width=2,
        out_height=4,
        out_width=4,
    ),
    op_of("global_avg_pool", out_height=1, out_width=1),
)


def narrowed(op: Op, channels: int) -> Op:
    """Return the op with so many channels on both sides; a depthwise layer has a group for each."""
    groups = channels if op.is_depthwise else op.groups
    return op.model_copy(update={"in_channels": channels, "out_channels": channels, "groups": groups})


def work(op: Op, channels: list[int]) -> WorkStates:
    """So many channels are kept on both sides of the op; 0 is a state that does not run."""
    kept = np.array(channels)
    left = [narrowed(op, count) if count else None for count in channels]
    return WorkStates(
        op=op,
        runs=kept > 0,
        in_channels=kept,
        out_channels=kept,
        out_rows=np.full(len(kept), op.out_height),
        batch=np.ones(len(kept), np.int64),
        useful_macs=np.array([one.macs if one else 0 for one in left]),
        weight_fetch_bytes=np.array([one.weight_count if one else 0 for one in left]),
        gathered_elements=np.zeros(len(kept), np.int64),
    )


def placed(unit: Unit, design: Design, on_chip: bool) -> Placement:
    return Placement(
        unit=unit.name,
        inputs_on_chip=on_chip or design.memory is None,
        output_on_chip=on_chip or design.memory is None,
        weights_resident=on_chip or design.memory is None,
        weight_prefetch_bytes=0,
        reserved_bytes=0,
    )


def costs(unit: Unit, design: Design, channels: list[int], on_chip: bool = False) -> list[Cost]:
    where = placed(unit, design, on_chip)
    return [price(work(op, channels), where, design) for op in OPS if unit.takes(op, design)]


@cache
def _whole_costs(unit: str, design: str, on_chip: bool) -> list[Cost]:
    return costs(unit_kind(unit), DESIGNS[design], [0, *LADDER], on_chip)


def whole_costs(unit: Unit, design: Design, on_chip: bool) -> list[Cost]:
    """Return the costs of every op that the unit takes: of one that does not run, and of each step of the ladder."""
    return _whole_costs(unit.name, design.name, on_chip)


def assert_same(one: Cost, other: Cost) -> None:
    for field in fields(Cost):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name == "energy":
            for part in fields(theirs):
                np.testing.assert_array_equal(getattr(ours, part.name), getattr(theirs, part.name))
        elif isinstance(theirs, np.ndarray):
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)


@pytest.mark.parametrize("name", KINDS)
def test_a_row_leads_to_a_kind_that_some_design_has(name: str) -> None:
    unit = unit_kind(name)
    assert isinstance(unit, Unit)
    assert unit.name == name
    assert issubclass(unit.settings, Part)
    assert any(unit in units_of(design) for design in DESIGNS.values())


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_units_of_a_design_have_names_of_their_own(design: Design) -> None:
    names = [name for unit in units_of(design) for name in unit.names(design)]
    assert len(set(names)) == len(names) > 0


@pytest.mark.parametrize("on_chip", [False, True])
@pytest.mark.parametrize(("unit", "design"), CASES)
def test_more_work_never_costs_less(unit: Unit, design: Design, on_chip: bool) -> None:
    """Work and energy rise from step to step; with transfers the whole op takes longest.

    Gemmini's requests to the line of the request before wait, so there eight channels of a pixel load slower than 16.
    Off chip a microNPU's LSTM of 8 channels, half a brick, takes longer than one of 16 (U65: 5,884 against 5,636
    cycles), so its steps are whole bricks.
    """
    steps = slice(2 if unit.name == "micronpu" and not on_chip else 1, None)  # the first does not run
    found = whole_costs(unit, design, on_chip)
    assert found
    for cost in found:
        assert cost.feasible.all()
        one_fold = (
            unit.peak_macs_per_cycle(design) >= LADDER[-1] ** 2
        )  # the array holds the whole ladder at once
        alone = cost.alone_cycles[steps]
        for whole, rises in ((cost.compute_cycles, not one_fold), (cost.energy.total_pj, True)):
            values = whole[steps]
            assert (np.diff(values) >= 0).all()
            assert values[-1] - values[0] >= rises
            assert values[0] > 0
        assert alone[-1] == alone.max() > 0
        assert alone[-1] - alone[0] >= (not one_fold)


@pytest.mark.parametrize(("unit", "design"), CASES)
def test_no_work_costs_nothing(unit: Unit, design: Design) -> None:
    for cost in whole_costs(unit, design, False):
        assert cost.alone_cycles[0] == cost.compute_cycles[0] == cost.dram_bytes[0] == cost.sram_bytes[0] == 0
        assert cost.energy.total_pj[0] == 0.0
        assert cost.energy.total_pj[-1] > 0.0


@pytest.mark.parametrize(("unit", "design"), CASES)
def test_nothing_is_faster_than_its_peak(unit: Unit, design: Design) -> None:
    peak = unit.peak_macs_per_cycle(design)
    for cost in whole_costs(unit, design, True):
        assert (cost.compute_cycles * peak >= cost.macs - peak).all()  # SCALE-Sim's cycles are one too few


@pytest.mark.parametrize(("unit", "design"), CASES)
def test_many_states_cost_what_each_costs_alone(unit: Unit, design: Design) -> None:
    """Asked of the ends of the ladder and of a step between: none, 16 and 64 channels."""
    places = [0, 2, 4]
    together = whole_costs(unit, design, False)
    alone = [costs(unit, design, [[0, *LADDER][place]]) for place in places]
    for i, cost in enumerate(together):
        for field in ("compute_cycles", "alone_cycles", "dram_bytes", "sram_bytes", "macs"):
            assert getattr(cost, field)[places].tolist() == [getattr(one[i], field)[0] for one in alone], (
                field
            )
        assert cost.energy.total_pj[places].tolist() == [one[i].energy.total_pj[0] for one in alone]


@pytest.mark.parametrize(("unit", "design"), CASES)
def test_many_ops_cost_what_each_costs_alone(unit: Unit, design: Design) -> None:
    ops = [op for op in OPS if unit.takes(op, design)]
    works = [work(op, LADDER) for op in ops]
    wheres = [placed(unit, design, on_chip=bool(i % 2)) for i in range(len(ops))]
    for joint, each, where in zip(price_all(works, wheres, design), works, wheres, strict=True):
        assert_same(joint, price(each, where, design))


@pytest.mark.parametrize(("unit", "design"), CASES)
def test_waiting_has_a_price_and_idle_never_exceeds_the_time(unit: Unit, design: Design) -> None:
    prices, names = design_prices(design), unit.names(design)
    latency = np.array([0, 1000, 1000])
    busy = np.repeat(np.array([[0], [0], [1000]]), len(names), axis=1)
    idle = unit.idle(design, latency, busy)
    waiting = static_energy_pj(prices, latency, design.clock, idle)
    for counts in (np.asarray(idle.pe_cycles), np.asarray(idle.core_cycles)):
        assert counts.ndim == 0 or (counts[[0, 2]] == 0).all()
    assert waiting[1] >= waiting[2] >= waiting[0] == 0.0
    assert static_energy_pj(prices, latency, design.clock, Idle())[1] <= waiting[1]


@pytest.mark.parametrize(("unit", "design"), CASES)
def test_it_is_made_of_something_that_takes_room(unit: Unit, design: Design) -> None:
    made_of = unit.silicon(design)
    assert made_of.pes + made_of.lanes + made_of.cores > 0
    assert silicon_of(design).pes >= made_of.pes
    assert design_area(design).total_mm2 > 0
    assert all(part.mm2 >= 0 for part in design_area(design))


def test_an_unknown_unit_is_an_error_never_a_core() -> None:
    design = DESIGNS["edge_npu_16x16"]
    where = placed(unit_kind("simd"), design, on_chip=False)
    unknown = Placement(**{f.name: getattr(where, f.name) for f in fields(where)} | {"unit": "arry"})
    with pytest.raises(ConfigError, match="'arry': no such kind of unit; did you mean 'array'"):
        price_all([work(OPS[0], [64]), work(OPS[1], [64])], [unknown, unknown], design)
