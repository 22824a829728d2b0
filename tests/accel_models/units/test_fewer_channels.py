"""A gated op costs no more the fewer channels it keeps, and no more than all of it: every count, on every array."""

import numpy as np
import pytest

from accel_models.cost import Cost
from accel_models.design.design import Design
from accel_models.design.load import design_names, load_design
from accel_models.design.unit_sections import Array
from accel_models.units.kinds import units_of
from accel_models.units.pricing import price
from tests.accel_models.units.test_pricing import CONV, placed, states
from traces import Floats, Ints
from traces.graphs.parts import Op

ROOM = 1e-9  # of sums of floats


def cuts_its_folds(design: Design) -> bool:
    """Whether it is an array in whose tiles work can be cut short: rows that stay are laid out anew for each count."""
    return units_of(design)[0].name == "array" and design.section(Array).dataflow != "rs"


# Output tiles are stored when their compute ends; how much the last one holds is guessed from its share of that.
SHARED_STORES = frozenset({"edge_tpu_class", "nvdla_small"})
ARRAYS = [name for name in design_names() if cuts_its_folds(load_design(name))]
OPS = {
    "3x3": CONV,
    "1x1": CONV.model_copy(update={"kernel_height": 1, "kernel_width": 1}),
    "5x5, few pixels": CONV.model_copy(
        update={"kernel_height": 5, "kernel_width": 5}
        | dict.fromkeys(("in_height", "in_width", "out_height", "out_width"), 2)
    ),
}


def every_count(op: Op, design: Design, *, on_chip: bool) -> Cost:
    """Return the cost of each pair of counts, input channels by output channels."""
    cin, cout = (1 + np.arange(count) for count in (op.in_channels, op.out_channels))
    ins, outs = np.repeat(cin, len(cout)).tolist(), np.tile(cout, len(cin)).tolist()
    width = design.memory.weight_bits // 8 if design.memory else 1
    return price(states(op, ins, outs, width), placed(design, on_chip=on_chip), design)


def falls(values: Ints | Floats) -> bool:
    """Whether more channels, of inputs or outputs, ever take less."""
    table = values.reshape(CONV.in_channels, CONV.out_channels)
    return any(bool((np.diff(table, axis=axis) < -ROOM * table.max()).any()) for axis in (0, 1))


@pytest.mark.parametrize("on_chip", [False, True])
@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
@pytest.mark.parametrize("name", ARRAYS)
def test_no_count_of_channels_costs_more_than_a_larger_one(name: str, op: Op, on_chip: bool) -> None:
    cost = every_count(op, load_design(name), on_chip=on_chip)
    assert cost.feasible.all()
    assert cost.compute_cycles[0] > 0
    assert 0 < cost.energy.total_pj[0] < cost.energy.total_pj[-1]
    assert not falls(cost.compute_cycles)
    assert not falls(cost.dram_bytes)
    assert not falls(cost.energy.total_pj)
    if name not in SHARED_STORES:
        assert not falls(cost.alone_cycles)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
@pytest.mark.parametrize("name", sorted(SHARED_STORES))
def test_where_the_last_store_is_a_share_of_compute_a_count_costs_a_little_more(name: str, op: Op) -> None:
    """Of a few of 32 input channels, whose folds are short beside fill and drain."""
    took = every_count(op, load_design(name), on_chip=False).alone_cycles.reshape(op.in_channels, -1)
    assert 0 < took[0, 0] < took[-1, -1]
    assert (took[:-1] <= 1.03 * took[1:]).all()
    assert (took[:, :-1] <= took[:, 1:]).all()
