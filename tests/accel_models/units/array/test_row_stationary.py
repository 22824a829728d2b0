"""Row-stationary passes: the published accesses of AlexNet, hand-worked time, and what no pass may do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel_models.design.load import load_design
from accel_models.design.unit_sections import Array
from accel_models.units.array.machine import ArrayMachine, array_machine
from accel_models.units.array.mapping import Mapping, Operands
from accel_models.units.array.row_stationary import choosing
from accel_models.units.array.row_stationary.choosing import map_row_stationary
from accel_models.units.array.row_stationary.coding import coded_share
from accel_models.units.array.unit import inside_array
from accel_models.work.kept_data import whole_ops
from accel_models.work.shapes import shapes_of
from traces import INPUT, ConfigError, Op

EYERISS = load_design("eyeriss")
SIZES = st.integers(1, 40)


def conv(channels: int, filters: int, groups: int, size: int, out: int, kernel: int, stride: int) -> Op:
    return Op(
        name="conv", kind="conv", inputs=(INPUT,), in_channels=channels, out_channels=filters, in_height=size,
        in_width=size, out_height=out, out_width=out, kernel_height=kernel, kernel_width=kernel,
        stride_height=stride, stride_width=stride, groups=groups,
    )  # fmt: skip


def mapped(op: Op, batch: int = 4, machine: ArrayMachine | None = None) -> Mapping:
    return map_row_stationary(shapes_of(op, batch=batch), machine or array_machine(EYERISS), Operands())


# Chen et al., JSSC 2017, table V: bytes of the global buffer [MB]; then m, n e F, q r of the pass that implies them.
ALEXNET = [
    (conv(3, 96, 1, 227, 55, 11, 4), 18.5, 96, 1 * 7 * 55, 1),
    (conv(96, 256, 2, 27, 27, 5, 1), 77.6, 32, 2 * 27 * 27, 2),
    (conv(256, 384, 1, 13, 13, 3, 1), 50.2, 64, 4 * 13 * 13, 6),
    (conv(384, 384, 2, 13, 13, 3, 1), 37.4, 64, 4 * 13 * 13, 6),
    (conv(384, 256, 2, 13, 13, 3, 1), 24.9, 64, 4 * 13 * 13, 6),
]


@pytest.mark.parametrize(("op", "megabytes", "filters", "outputs", "channels"), ALEXNET, ids="12345")
def test_the_passes_have_the_published_accesses(
    op: Op, megabytes: float, filters: int, outputs: int, channels: int
) -> None:
    way = mapped(op)
    moved = way.activation_read_bytes + way.accumulator_read_bytes + way.accumulator_write_bytes
    assert moved[0] / 1e6 == pytest.approx(megabytes, rel=0.004)
    assert (way.tile_n[0], way.tile_m[0]) == (filters, outputs)
    assert way.tile_k[0] == channels * op.kernel_height * op.kernel_width


def test_a_pass_by_hand() -> None:
    """CONV4: 2 groups of 192 / 6 channel passes and 192 / 32 filter passes, n p q S F cycles and 432 to fill.

    32 filters of 6 channels and 3 x 3 taps are 1728 weights, four a cycle.
    """
    passes = 2 * 32 * 6
    assert mapped(ALEXNET[3][0]).compute_cycles[0] == passes * 4 * 16 * 3 * 3 * 13
    assert mapped(ALEXNET[3][0]).array_cycles[0] == passes * (4 * 16 * 3 * 3 * 13 + 1728 // 4)


def test_folded_sets_leave_the_sums_of_their_channels_to_the_buffer() -> None:
    """A 28 x 28 plane is folded once: two sets side by side hold filters, and a PE adds up four channels at most.

    A 14 x 14 plane is not, and sets side by side add up channels.  So the port, 15.5 B a cycle, binds the one alone.
    """
    folded, whole = mapped(conv(512, 512, 1, 28, 28, 3, 1), 3), mapped(conv(512, 512, 1, 14, 14, 3, 1), 3)
    assert folded.tile_k[0] <= 4 * 9 < whole.tile_k[0]
    for way, bound in ((folded, True), (whole, False)):
        moved = way.activation_read_bytes + way.accumulator_read_bytes + way.accumulator_write_bytes
        assert (moved[0] / way.array_cycles[0] > 14.8) == bound


def test_sets_fold_as_often_as_the_sums_of_four_filters_find_room() -> None:
    """Four segments of 14 columns are 56 rows.  Of a plane 224 wide their sums take 25 KB a filter, three filters of
    the buffer's 100 KB; those of 42 rows 19 KB, and four find room beside one channel of inputs.  Of one 112 wide, 56.
    """
    for size, rows in ((224, 42), (112, 56)):
        way = mapped(conv(64, 64, 1, size, size, 3, 1), 1)
        assert way.tile_m[0] == rows * size
        assert way.tile_n[0] >= 4


def test_the_fastest_of_all_passes_is_taken() -> None:
    """512 filters: holding 80 of them moves fewer bytes than 64, but leaves room for fewer channels in a pass."""
    way = mapped(conv(512, 512, 1, 14, 14, 3, 1), 3)
    assert (way.tile_n[0], way.tile_k[0]) == (64, 8 * 9)


@pytest.mark.parametrize(
    ("zeros", "share"), [(0.0, 1.0), (0.2, 1.0), (0.25, 1.0), (0.5, 2 / 3), (0.7, 0.4), (1.0, 0.0)]
)
def test_runs_of_zeros_by_hand(zeros: float, share: float) -> None:
    """Three values take 64 bits instead of 48: worth it from a quarter of zeros on."""
    assert coded_share(zeros) == pytest.approx(share)


def test_coding_shrinks_what_crosses_the_bus_and_nothing_else() -> None:
    runs = {"array.run_length.inputs": 0.7, "array.run_length.outputs": 0.5}
    op, plain = ALEXNET[3][0], mapped(ALEXNET[3][0])
    coded = mapped(op, machine=array_machine(load_design("eyeriss", runs)))
    assert coded.dram_input_bytes[0] == pytest.approx(0.4 * plain.dram_input_bytes[0], abs=1)
    assert coded.dram_output_bytes[0] == pytest.approx(2 / 3 * plain.dram_output_bytes[0], abs=1)
    assert coded.dram_weight_bytes[0] == plain.dram_weight_bytes[0]
    assert coded.array_cycles[0] == plain.array_cycles[0]
    assert coded.activation_write_bytes[0] == plain.activation_write_bytes[0]
    with pytest.raises(ConfigError, match=r"array\.run_length: .* dataflow rs alone"):
        load_design("edge_npu_16x16", runs)


def test_macs_of_zero_inputs_do_not_switch() -> None:
    """Half of the inputs zero: half of the MACs, at the price of a check instead; and only where zeros are gated."""
    op = ALEXNET[3][0]

    def counted(zeros: float, *, gating: bool) -> tuple[int, int]:
        settings = {"array.zero_gating": gating, "array.run_length.inputs": zeros}
        work, design = whole_ops([op], EYERISS)[0], load_design("eyeriss", settings)
        found = inside_array(work, shapes_of(op), np.array([1]), design)
        return int(np.sum(found.macs)), int(np.sum(found.zero_gated_macs))

    assert counted(0.5, gating=True) == (op.macs // 2, op.macs // 2)
    assert counted(0.5, gating=False) == (op.macs, 0)
    assert counted(0.0, gating=True) == (op.macs, 0)


def test_padding_is_read_from_the_buffer_and_not_from_dram() -> None:
    """13 x 13 with a border of one: 15 x 15 pass the port, 13 x 13 the bus, once for each of 384 / 2 / 64 passes."""
    way = mapped(ALEXNET[3][0])
    assert way.dram_input_bytes[0] == 2 * 4 * 384 * 13 * 13 * 3
    assert way.activation_read_bytes[0] == 2 * 4 * 384 * 15 * 15 * 6


def test_sets_without_filters_load_no_weights() -> None:
    """Depthwise: one filter a group, however many sets find room; nine taps of 16 bit."""
    op = conv(64, 64, 64, 4, 4, 3, 1)
    assert mapped(op, 1).weight_read_bytes[0] == 64 * 9 * 2


def test_a_narrow_port_takes_the_bytes_over_its_width() -> None:
    """At 8 bits a cycle every byte of inputs and partial sums takes one; the fills stay."""
    narrow = array_machine(load_design("eyeriss", {"memory.ports.activation": "8 bit"}))
    way = mapped(ALEXNET[3][0], machine=narrow)
    moved = way.activation_read_bytes + way.accumulator_read_bytes + way.accumulator_write_bytes
    assert way.array_cycles[0] >= moved[0]
    assert way.array_cycles[0] == pytest.approx(moved[0] + way.weight_read_bytes[0] / 8, abs=1)


@given(channels=SIZES, filters=SIZES, size=SIZES, kernel=st.integers(1, 13), batch=st.integers(1, 3))
def test_never_beats_its_peak_and_always_does_the_work(
    channels: int, filters: int, size: int, kernel: int, batch: int
) -> None:
    op = conv(channels, filters, 1, size + kernel - 1, size, kernel, 1)
    way = mapped(op, batch=batch)
    assert way.feasible.all()
    assert way.compute_cycles[0] * 168 >= op.macs * batch
    assert way.array_cycles[0] >= way.compute_cycles[0]
    assert way.dram_output_bytes[0] == 2 * batch * filters * size * size


@given(channels=st.lists(st.integers(0, 64), min_size=1, max_size=6))
def test_together_costs_what_each_costs_alone(channels: list[int]) -> None:
    op, machine = conv(64, 64, 1, 10, 8, 3, 1), array_machine(EYERISS)
    kept = np.array(channels)
    every = map_row_stationary(shapes_of(op, kept, kept), machine, Operands())
    for i, count in enumerate(channels):
        one = shapes_of(op, np.array([count]), np.array([count]))
        alone = map_row_stationary(one, machine, Operands())
        assert alone.total_cycles[0] == every.total_cycles[i]
        assert (alone.total_cycles[0] > 0) == (count > 0)


def test_blocks_hold_an_op_at_least_however_many_ways_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with scratchpads of 65,536 inputs, whose ways alone are more than a block holds."""
    op, kept = conv(64, 64, 1, 10, 8, 3, 1), np.array([0, 3, 64])
    whole = map_row_stationary(shapes_of(op, kept, kept), array_machine(EYERISS), Operands())
    monkeypatch.setattr(choosing, "LARGEST", 1)
    apart = map_row_stationary(shapes_of(op, kept, kept), array_machine(EYERISS), Operands())
    assert apart.total_cycles.tolist() == whole.total_cycles.tolist()


def test_an_array_without_scratchpads_is_refused() -> None:
    bare = replace(array_machine(EYERISS), array=Array(rows=12, cols=14, dataflow="rs"))
    with pytest.raises(ConfigError, match=r"array\.dataflow = 'rs' needs array\.scratchpads"):
        mapped(ALEXNET[3][0], machine=bare)
    with pytest.raises(ConfigError, match=r"array\.dataflow = 'rs' needs array\.scratchpads"):
        load_design("edge_npu_16x16", {"array.dataflow": "rs"})
