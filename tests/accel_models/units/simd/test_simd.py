"""The SIMD core's cycles: each term by hand, both sides of each edge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from accel_models.design.load import load_design
from accel_models.units.simd.core import Core
from accel_models.units.simd.software import load_software, software_names
from accel_models.units.simd.unit import simd_cycles
from accel_models.work.shapes import shapes_of
from tests.accel_models.units.simd.bare_core import (
    BARE,
    CLOCK_HZ,
    M4,
    OVERHEAD_CYCLES,
    VECTOR_UNIT,
    bare_with,
    cost,
    op,
    total,
)
from tests.sections import but
from traces.base.errors import ConfigError
from traces.graphs.kinds import OpKind
from traces.graphs.parts import Op


def test_mac_loop_by_hand() -> None:
    """4 pixels x 4 channels, K = 8: two steps of one 4-byte word for each of 2 x 2 register blocks.

    MACs 4 x 4 x 8 / 2 lanes = 64; weight loads 4 channels x 2 pixel blocks x 2 steps = 16, activation loads
    4 pixels x 2 channel blocks x 2 steps = 16, 2 cycles each; 8 block steps, one branch of 3 cycles each.
    """
    assert int(cost(op()).mac_cycles[0]) == 64 + (16 + 16) * 2 + 8 * 3


def test_unpacking_and_steps_by_hand() -> None:
    software = replace(BARE, unpack_instructions=2, step_instructions=5)
    assert total(op(), software=software) - total(op()) == (16 + 16) * 2 + 8 * 5


def test_16_bit_operands_need_no_unpacking_but_twice_the_loads() -> None:
    software = replace(BARE, unpack_instructions=2)
    wide = int(cost(op(), software=software, weight_bytes=2, act_bytes=2).mac_cycles[0])
    assert wide == 64 + (32 + 32) * 2 + 16 * 3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"cin": 4}, {"cin": 5}),  # a fifth element opens a second word
        ({"cout": 2}, {"cout": 3}),  # a third channel opens a second register block
    ],
)
def test_an_edge_is_paid_when_it_is_crossed(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert total(op(**after)) > total(op(**before))


def test_within_a_word_more_input_channels_are_free() -> None:
    assert total(op(cin=5)) == total(op(cin=8)) < total(op(cin=9))


def test_a_third_pixel_opens_a_second_row_of_blocks() -> None:
    """1 x 3 pixels against 1 x 2: 4 more weight loads a step, and half as many MACs again."""
    two, three = (op(in_height=1, out_height=1, in_width=n, out_width=n) for n in (2, 3))
    weight_loads = 4 * 2  # channels x steps, for one more block of pixels
    activation_loads = 1 * 2 * 2  # one pixel x channel blocks x steps
    assert total(three) - total(two) == 16 + (weight_loads + activation_loads) * 2 + 4 * 3


def test_neighbouring_loads_overlap_all_but_the_first() -> None:
    """A burst of 4 loads of 2 cycles takes 5: 1.25 each."""
    software = replace(BARE, load_burst=4)
    assert total(op()) - total(op(), software=software) == pytest.approx(32 * 0.75)


@pytest.mark.parametrize(
    ("setting", "count", "term"),
    [
        ("requant_instructions", 16, "requant_cycles"),  # 4 pixels x 4 channels
        ("pixel_instructions", 4, "row_cycles"),
        ("block_instructions", 4, "row_cycles"),  # 2 x 2 register blocks
        ("op_instructions", 1, "op_cycles"),
    ],
)
def test_overheads_by_hand(setting: str, count: int, term: str) -> None:
    software = bare_with(setting, 100)
    assert int(getattr(cost(op(), software=software), term)[0]) == np.ceil(count * 100 * OVERHEAD_CYCLES)


def test_im2col_is_paid_by_windows_not_by_1x1() -> None:
    """3 x 3 over 4 pixels is 36 taps, each of 8 channels or 2 words."""
    software = replace(BARE, im2col_tap_instructions=10, im2col_word_instructions=3)
    window = op(kernel_height=3, kernel_width=3)
    assert int(cost(window, software=software).im2col_cycles[0]) == np.ceil(
        36 * (10 + 2 * 3) * OVERHEAD_CYCLES
    )
    assert int(cost(op(), software=software).im2col_cycles[0]) == 0


def test_widening_im2col_doubles_activation_loads_and_spares_their_unpacking() -> None:
    window = op(kernel_height=3, kernel_width=3)
    narrow = replace(BARE, unpack_instructions=5)
    widened = replace(narrow, im2col_widens=True)
    loads = 4 * 2 * 18  # pixels x channel blocks x steps of 4 elements in K = 72
    assert total(window, software=narrow) - total(window, software=widened) == loads * 5 - loads * 2


def test_depthwise_by_hand() -> None:
    """8 channels, 4 pixels, 9 taps: 288 MACs at 3 instructions, 32 outputs at 10."""
    software = replace(BARE, depthwise_mac_instructions=3, depthwise_output_instructions=10)
    depthwise = op(cin=8, cout=8, groups=8, kernel_height=3, kernel_width=3)
    expected = np.ceil(288 * 3 * OVERHEAD_CYCLES) + np.ceil(32 * 10 * OVERHEAD_CYCLES)
    assert total(depthwise, software=software) == expected


@pytest.mark.parametrize(("channels", "paid"), [(3, 4), (4, 4), (5, 8)])
def test_depthwise_rounds_channels_up_to_lanes(channels: int, paid: int) -> None:
    software = replace(BARE, depthwise_lanes=4, depthwise_mac_instructions=1)
    work = shapes_of(op(cin=8, cout=8, groups=8, kernel_height=3, kernel_width=3), channels, channels)
    assert int(cost(work, software=software).mac_cycles[0]) == np.ceil(4 * 9 * paid * OVERHEAD_CYCLES)


def test_depthwise_down_to_its_last_channel_stays_depthwise() -> None:
    software = replace(BARE, depthwise_mac_instructions=3)
    work = shapes_of(op(cin=8, cout=8, groups=8, kernel_height=3, kernel_width=3), [1, 2], [1, 2])
    one, two = cost(work, software=software).mac_cycles
    assert two == pytest.approx(2 * one, abs=1)


@pytest.mark.parametrize(
    ("kind", "setting", "elements"),
    [
        ("add", "add_instructions", 16),
        ("mul", "mul_instructions", 16),
        ("concat", "copy_instructions", 16),
        ("activation", "activation_instructions", 16),
        ("softmax", "exp_instructions", 16),
        ("threshold", "threshold_instructions", 16),
        ("max_pool", "pool_instructions", 16 * 9),
        ("global_avg_pool", "pool_instructions", 36 * 4),
    ],
)
def test_elementwise_by_hand(kind: OpKind, setting: str, elements: int) -> None:
    """4 pixels x 4 channels; pooling counts its windows, global pooling its 6 x 6 input."""
    more = {"kernel_height": 3, "kernel_width": 3} if kind == "max_pool" else {}
    if kind == "global_avg_pool":
        more = {"in_height": 6, "in_width": 6, "out_height": 1, "out_width": 1}
    software = bare_with(setting, 10)
    elementwise = cost(op(kind, cin=4, **more), software=software)
    assert int(elementwise.elementwise_cycles[0]) == np.ceil(elements * 10 * OVERHEAD_CYCLES)


def test_lstm_is_four_matrix_vector_products_and_its_activations() -> None:
    """2 hidden from 6 inputs: K = 8 is two steps, N = 8 channels; 5 exponentials and 3 products per unit."""
    cell = op("lstm_cell", cin=6, cout=2, size=1)
    macs = 8 * 8 // 2
    loads = (8 * 2 + 2 * 2) * 2
    assert int(cost(cell).mac_cycles[0]) == macs + loads + 2 * 2 * 3
    software = replace(BARE, exp_instructions=10, mul_instructions=1)
    expected = np.ceil(2 * (5 * 10 + 3 * 1) * OVERHEAD_CYCLES)
    assert int(cost(cell, software=software).elementwise_cycles[0]) == expected


def test_reference_kernels_use_neither_lanes_nor_wide_loads() -> None:
    """One element a step: 128 MACs, 8 x 4 x 2 weight and 8 x 4 x 2 activation loads, 32 branches."""
    scalar = replace(BARE, vectorised=False)
    assert total(op(), software=scalar) == 128 + (64 + 64) * 2 + 32 * 3


@pytest.mark.parametrize(("channels", "steps"), [(1, 9), (4, 9), (5, 18)])
def test_kernels_without_im2col_fill_words_with_the_channels_of_one_tap(channels: int, steps: int) -> None:
    """3 x 3 taps, each in whole words of four channels; one output, so every step is one activation load."""
    by_tap = replace(BARE, reduces_by_tap=True, block_pixels=1, block_channels=1)
    work = op(cin=channels, cout=1, size=1, kernel_height=3, kernel_width=3)
    macs, loads, branches = steps * 2, steps * 2, steps
    assert int(cost(work, software=by_tap).mac_cycles[0]) == macs + loads * 2 + branches * 3


def test_dispatch_and_cores_by_hand() -> None:
    """Two cores halve the loop; the thread pool's 1 us is 120 cycles."""
    pair = but(M4, cores=2, dispatch="1 us")
    assert int(cost(op(), pair).mac_cycles[0]) == int(cost(op()).mac_cycles[0]) // 2
    assert int(cost(op(), pair).op_cycles[0]) == 120


@pytest.mark.parametrize(("channels", "vectors"), [(15, 1), (16, 1), (17, 2)])
def test_vector_unit_rounds_channels_up_to_lanes(channels: int, vectors: int) -> None:
    add = cost(op("add", cin=channels, cout=channels), VECTOR_UNIT)
    assert int(add.elementwise_cycles[0]) == int(add.total_cycles[0]) == 4 * vectors


def test_vector_unit_multiplies_and_requantises() -> None:
    """9 taps and a requantisation per output vector; a third operand of an add is one more pass."""
    depthwise = cost(op(cin=16, cout=16, groups=16, kernel_height=3, kernel_width=3), VECTOR_UNIT)
    assert (int(depthwise.mac_cycles[0]), int(depthwise.requant_cycles[0])) == (4 * 9, 4)
    three = op("add", cin=16, cout=16).model_copy(update={"inputs": ("a", "b", "c")})
    assert int(cost(three, VECTOR_UNIT).elementwise_cycles[0]) == 8


def test_bad_settings_are_named() -> None:
    for name, value in (("lanes_int8", 0), ("issue", 0.0), ("isa", "mvee")):
        with pytest.raises(ConfigError, match=rf"simd\.{name}"):
            load_design("cortex_m4", {f"simd.{name}": value})
    with pytest.raises(ConfigError, match=r"wait_hidden = 1.5: must be at most 1"):
        replace(BARE, wait_hidden=1.5)
    with pytest.raises(ConfigError, match=r"element size = 3 B"):
        cost(op(), weight_bytes=3)


def test_a_dense_layer_down_to_one_channel_is_no_depthwise_layer() -> None:
    """1 -> 1 channels run the matrix kernel: cheaper than 1 -> 2, whatever the depthwise kernel would cost."""
    one = Op(name="one", kind="conv", inputs=("input",), in_channels=1, out_channels=2)
    for name in software_names():
        core = Core(M4, CLOCK_HZ, load_software(name, M4.isa))
        cycles = simd_cycles(shapes_of(one, 1, [1, 2]), core).total_cycles
        assert cycles[0] <= cycles[1], name


def test_cores_divide_what_is_not_serial_and_synchronise() -> None:
    """Amdahl: 0.2 + 0.8 / 4 of one core's work; 1 us per op at 120 MHz to wake the others."""
    alone = but(M4, serial_share=0.2, sync="1 us")
    four = but(alone, cores=4)
    assert total(op(), alone) == total(op())
    assert int(cost(op(), four).mac_cycles[0]) == np.ceil(int(cost(op()).mac_cycles[0]) * 0.4)
    assert int(cost(op(), four).op_cycles[0]) == 120


def test_a_multiply_and_its_add_are_two_instructions_of_armv6m() -> None:
    """16 MACs one by one: MULS 1 cycle, ADDS 1; a kernel of which nothing else costs anything, loads aside."""
    core = but(M4, isa="v6m", lanes_int8=1, vector="1 B", load_cycles=1)
    one = cost(op(cin=16, cout=1, size=1), core)
    dsp = cost(op(cin=16, cout=1, size=1), but(core, isa="scalar"))
    assert int(one.mac_cycles[0]) - int(dsp.mac_cycles[0]) == 16
    assert int(one.instructions[0]) - int(dsp.instructions[0]) == 16
