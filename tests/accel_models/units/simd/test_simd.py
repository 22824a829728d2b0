"""The SIMD core's cycles: each term by hand, both sides of each edge, and laws that physics forbids to break."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.load import load_design
from accel_models.design.unit_sections import Simd
from accel_models.units.simd.core import Core
from accel_models.units.simd.software import ISAS, Software, load_software, software_names
from accel_models.units.simd.unit import SimdCost, simd_cycles
from accel_models.work.shapes import Shapes, shapes_of
from tests.sections import but, section
from traces.base.errors import ConfigError
from traces.graphs.kinds import OpKind
from traces.graphs.parts import Op

# Loads and stores cost 2, branches 3: one instruction of overhead is 0.60 + 0.24 x 2 + 0.07 x 2 + 0.09 x 3 cycles.
CLOCK_HZ = 120e6
TIGHTLY_COUPLED = {"line_time": "0 ns", "line": "4 B", "cache": "0 B"}
M4 = section(
    Simd,
    isa="dsp",
    lanes_int8=2,
    lanes_int16=2,
    lanes_fp32=1,
    vector="4 B",
    issue=1.0,
    mac_cycles=1.0,
    alu_cycles=1.0,
    load_cycles=2.0,
    store_cycles=2.0,
    branch_cycles=3.0,
    weight_memory=TIGHTLY_COUPLED,
    activation_memory=TIGHTLY_COUPLED,
)
OVERHEAD_CYCLES = 1.49
VECTOR_UNIT = but(M4, isa="vector", lanes_int8=16)
# A kernel in which nothing but the 2 x 2 MAC loop costs anything.
NOTHING: dict[str, Any] = {f.name: 0 for f in fields(Software)}
BARE = Software(
    **NOTHING
    | {
        "vectorised": True,
        "block_pixels": 2,
        "block_channels": 2,
        "linear_channels": 4,
        "depthwise_lanes": 1,
        "load_burst": 1,
        "unroll": 1,
        "im2col_widens": False,
        "channels_outer": False,
        "reduces_by_tap": False,
    }
)


def bare_with(setting: str, value: int) -> Software:
    values: dict[str, Any] = {setting: value}
    return replace(BARE, **values)


def op(kind: OpKind = "conv", *, cin: int = 8, cout: int = 4, size: int = 2, **more: int) -> Op:
    """One op on a square map; add and mul get two inputs."""
    spatial = {"in_height": size, "in_width": size, "out_height": size, "out_width": size}
    inputs = ("input", "other") if kind in {"add", "mul"} else ("input",)
    values = {"name": "op", "kind": kind, "inputs": inputs, "in_channels": cin, "out_channels": cout}
    return Op.model_validate(values | spatial | more)


def flash(line: int = 16, cache: int = 0, ns: float = 50) -> dict[str, str]:
    """A memory of so many bytes a line, 50 ns or 6 cycles each."""
    return {"line_time": f"{ns} ns", "line": f"{line} B", "cache": f"{cache} B"}


def cost(work: Op | Shapes, simd: Simd = M4, software: Software = BARE, **kw: int) -> SimdCost:
    shapes = work if isinstance(work, Shapes) else shapes_of(work)
    return simd_cycles(shapes, Core(simd, CLOCK_HZ, software), **kw)


def total(work: Op | Shapes, simd: Simd = M4, software: Software = BARE, **kw: int) -> int:
    return int(cost(work, simd, software, **kw).total_cycles[0])


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


def test_flash_waits_by_hand() -> None:
    """32 B of weights, two rows of blocks, 16 B a line: 4 lines of 50 ns, 6 cycles at 120 MHz."""
    core = but(M4, weight_memory=flash())
    assert int(cost(op(), core).wait_cycles[0]) == 4 * 6
    half = replace(BARE, wait_hidden=0.5)
    assert int(cost(op(), core, half).wait_cycles[0]) == 4 * 3


@pytest.mark.parametrize(("cache", "lines"), [(31, 4), (32, 2)])
def test_weights_that_fit_the_cache_are_fetched_once(cache: int, lines: int) -> None:
    core = but(M4, weight_memory=flash(cache=cache))
    assert int(cost(op(), core).wait_cycles[0]) == lines * 6


@pytest.mark.parametrize(("cache", "lines"), [(15, 4), (16, 2)])
def test_a_1x1_kernel_with_channels_outside_returns_to_one_block_of_them(cache: int, lines: int) -> None:
    """Two channels of 8 weights stay cached while both rows of pixel blocks go by."""
    core = but(M4, weight_memory=flash(cache=cache))
    outer = replace(BARE, channels_outer=True)
    assert int(cost(op(), core, outer).wait_cycles[0]) == lines * 6
    window = cost(op(kernel_height=2, kernel_width=2), core, outer).wait_cycles
    assert int(window[0]) == 4 * 4 * 6, "windows larger than 1x1 take all weights for each block of pixels"


@pytest.mark.parametrize(
    ("code", "line", "cycles"),
    [(2048, 8, 55), (1024, 8, 0), (2048, 16, 0), (2048, 11, 11)],
)
def test_depthwise_code_beyond_the_cache_waits_where_fetching_is_slower(
    code: int, line: int, cycles: int
) -> None:
    """4 pixels x 9 taps x 4 channels are 144 instructions of 3 B, half of them missed; 6 cycles a line.

    At 8 B a line fetching takes 144 x 3 / 8 x 6 = 324 cycles, executing 144 x 1.49 = 214.6.
    """
    core = but(M4, weight_memory=flash(line, cache=1 << 20), instruction_cache="1024 B")
    kernels = replace(BARE, depthwise_code=code, depthwise_mac_instructions=1)
    depthwise = op(cin=4, cout=4, groups=4, kernel_height=3, kernel_width=3)
    weights = 36 / line * 6
    wait = int(cost(depthwise, core, replace(kernels, wait_hidden=1)).wait_cycles[0])
    assert wait == cycles
    shown = int(cost(depthwise, core, kernels).wait_cycles[0])
    assert shown == pytest.approx(cycles + weights, abs=1)
    assert int(cost(op(), core, replace(kernels, wait_hidden=1)).wait_cycles[0]) == 0, "loops stay cached"
    tight = but(core, instruction_cache=None)
    assert int(cost(depthwise, tight, replace(kernels, wait_hidden=1)).wait_cycles[0]) == 0


@pytest.mark.parametrize(("channels", "steps"), [(1, 9), (4, 9), (5, 18)])
def test_kernels_without_im2col_fill_words_with_the_channels_of_one_tap(channels: int, steps: int) -> None:
    """3 x 3 taps, each in whole words of four channels; one output, so every step is one activation load."""
    by_tap = replace(BARE, reduces_by_tap=True, block_pixels=1, block_channels=1)
    work = op(cin=channels, cout=1, size=1, kernel_height=3, kernel_width=3)
    macs, loads, branches = steps * 2, steps * 2, steps
    assert int(cost(work, software=by_tap).mac_cycles[0]) == macs + loads * 2 + branches * 3


def test_kernels_hide_no_wait_for_activations() -> None:
    slow = but(M4, activation_memory=flash(4))
    assert cost(op(), slow, replace(BARE, wait_hidden=1)).wait_cycles == cost(op(), slow).wait_cycles


def test_sram_wait_states_are_paid_by_every_activation_access() -> None:
    """16 activation loads, one extra cycle each at 120 MHz."""
    core = but(M4, activation_memory=flash(4, ns=1e9 / 120e6))
    assert int(cost(op(), core).wait_cycles[0]) == 16


@pytest.mark.parametrize(("cache", "lines"), [(47, 3), (48, 0)])
def test_activations_behind_a_cache_wait_once_per_line(cache: int, lines: int) -> None:
    """4 pixels x (8 + 4) channels are 48 B."""
    core = but(M4, activation_memory=flash(cache=cache))
    assert int(cost(op(), core).wait_cycles[0]) == lines * 6


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


KINDS: tuple[OpKind, ...] = (
    "conv", "linear", "lstm_cell", "add", "mul", "concat", "max_pool", "avg_pool", "global_avg_pool",
    "activation", "softmax", "threshold",
)  # fmt: skip
SAME_CHANNELS = {"add", "mul", "concat", "max_pool", "avg_pool", "global_avg_pool", "activation", "softmax"}
WAITS = st.builds(
    flash,
    line=st.sampled_from([4, 16, 32]),
    cache=st.sampled_from([0, 1024, 16384]),
    ns=st.integers(0, 1000).map(lambda tenths: tenths / 10),
)
CORES = st.builds(
    section,
    st.just(Simd),
    isa=st.sampled_from(ISAS),
    lanes_int8=st.sampled_from([1, 2, 6, 16]),
    lanes_int16=st.sampled_from([1, 2, 8]),
    lanes_fp32=st.sampled_from([1, 4]),
    vector=st.sampled_from(["1 B", "4 B", "16 B"]),
    issue=st.floats(0.5, 3),
    mac_cycles=st.just(1.0),
    alu_cycles=st.just(1.0),
    load_cycles=st.floats(1, 3),
    store_cycles=st.floats(1, 3),
    branch_cycles=st.floats(0, 4),
    weight_memory=WAITS,
    instruction_cache=st.sampled_from([None, "0 B", "1024 B", "8 KiB"]),
    activation_memory=WAITS,
    dispatch=st.sampled_from(["0 ns", "1 us"]),
    cores=st.sampled_from([1, 4]),
)
KERNELS = st.sampled_from([3, 1])
BYTES = st.sampled_from([1, 2, 4])


@st.composite
def works(draw: st.DrawFn) -> Op:
    """Any op on maps and channels of modest size, depthwise included."""
    kind = draw(st.sampled_from(KINDS))
    cin = draw(st.integers(1, 40))
    depthwise = kind == "conv" and draw(st.booleans())
    cout = cin if kind in SAME_CHANNELS or depthwise else draw(st.integers(1, 40))
    kernel = draw(KERNELS) if kind in {"conv", "max_pool", "avg_pool"} else 1
    size = draw(st.integers(1, 6))
    out = 1 if kind == "global_avg_pool" else size
    return op(
        kind,
        cin=cin,
        cout=cout,
        size=size,
        out_height=out,
        out_width=out,
        kernel_height=kernel,
        kernel_width=kernel,
        groups=cin if depthwise else 1,
    )


@st.composite
def cores(draw: st.DrawFn) -> Core:
    simd, clock_hz = draw(CORES), draw(st.sampled_from([48e6, 120e6, 1e9]))
    return Core(simd, clock_hz, load_software(draw(st.sampled_from(software_names())), simd.isa))


def test_a_dense_layer_down_to_one_channel_is_no_depthwise_layer() -> None:
    """1 -> 1 channels run the matrix kernel: cheaper than 1 -> 2, whatever the depthwise kernel would cost."""
    one = Op(name="one", kind="conv", inputs=("input",), in_channels=1, out_channels=2)
    for name in software_names():
        core = Core(M4, CLOCK_HZ, load_software(name, M4.isa))
        cycles = simd_cycles(shapes_of(one, 1, [1, 2]), core).total_cycles
        assert cycles[0] <= cycles[1], name


LAWS = settings(deadline=None, max_examples=60)


@LAWS
@given(work=works(), core=cores(), size=BYTES)
def test_skipping_channels_never_costs_cycles(work: Op, core: Core, size: int) -> None:
    """From all channels down to none, in and out: every step is as cheap or cheaper, and none is free.

    Counted kernels step by whole groups: CMSIS-NN multiplies three rows of a fully connected layer at once
    (arm_nn_vec_mat_mult_t_s8) and those left over one by one, so that two alone take longer than three together;
    memcpy moves 16 bytes at once, then words, then bytes, so that three bytes take longer than four.
    """
    software = core.software
    for kept in ("in_channels", "out_channels"):
        counts = np.arange(getattr(work, kept) + 1)
        both = (
            {"in_channels": counts, "out_channels": counts} if work.kind in SAME_CHANNELS else {kept: counts}
        )
        priced_work = simd_cycles(shapes_of(work, **both), core, weight_bytes=size, act_bytes=size)
        together = {"linear": software.linear_channels if kept == "out_channels" else 1, "concat": 16}
        step = together.get(work.kind, 1) if software.counted else 1
        assert np.all(np.diff(priced_work.total_cycles[::step]) >= 0)
        assert priced_work.total_cycles[0] == 0


@LAWS
@given(work=works(), core=cores())
def test_skipped_work_costs_nothing_at_all(work: Op, core: Core) -> None:
    nothing = simd_cycles(shapes_of(work, batch=0), core)
    assert all(not np.any(getattr(nothing, f.name)) for f in fields(nothing))


@LAWS
@given(work=works(), core=cores(), size=BYTES)
def test_never_beats_the_roofline(work: Op, core: Core, size: int) -> None:
    simd = core.simd
    priced_work = simd_cycles(shapes_of(work), core, weight_bytes=size, act_bytes=size)
    peak = simd.lanes(size) * simd.issue * simd.cores / simd.mac_cycles
    assert int(priced_work.total_cycles[0]) * peak * (1 + 1e-9) >= work.macs


@LAWS
@given(work=works(), core=cores())
def test_the_total_is_the_sum_of_its_terms(work: Op, core: Core) -> None:
    priced_work = simd_cycles(shapes_of(work), core)
    terms = [getattr(priced_work, f.name) for f in fields(priced_work) if f.name.endswith("_cycles")]
    assert len(terms) == 7
    assert np.array_equal(priced_work.total_cycles, np.sum(terms, axis=0))
    assert all(np.all(term >= 0) for term in terms)


@LAWS
@given(work=works(), core=cores(), faster=st.floats(1, 10))
def test_a_faster_clock_saves_time_but_never_cycles(work: Op, core: Core, faster: float) -> None:
    quick = replace(core, clock_hz=core.clock_hz * faster)
    slow_cycles, quick_cycles = (int(simd_cycles(shapes_of(work), c).total_cycles[0]) for c in (core, quick))
    assert quick_cycles >= slow_cycles
    assert quick_cycles <= np.ceil(slow_cycles * faster) + 7  # each of seven terms rounds up


@LAWS
@given(work=works(), core=cores())
def test_tightly_coupled_memory_is_never_slower(work: Op, core: Core) -> None:
    simd = but(core.simd, weight_memory=TIGHTLY_COUPLED, activation_memory=TIGHTLY_COUPLED)
    coupled = simd_cycles(shapes_of(work), replace(core, simd=simd))
    assert coupled.total_cycles[0] <= simd_cycles(shapes_of(work), core).total_cycles[0]
    assert int(coupled.wait_cycles[0]) == 0


@LAWS
@given(work=works(), core=cores())
def test_pieces_are_priced_one_by_one(work: Op, core: Core) -> None:
    """A piece of work costs the same alone and among others."""
    counts = np.arange(1, work.in_channels + 1)
    both = {"out_channels": counts} if work.kind in SAME_CHANNELS else {}
    many = shapes_of(work, counts, **both)
    alone = [simd_cycles(many.take(slice(i, i + 1)), core).total_cycles[0] for i in range(len(many))]
    assert np.array_equal(simd_cycles(many, core).total_cycles, alone)


def test_cores_divide_what_is_not_serial_and_synchronise() -> None:
    """Amdahl: 0.2 + 0.8 / 4 of one core's work; 1 us per op at 120 MHz to wake the others."""
    alone = but(M4, serial_share=0.2, sync="1 us")
    four = but(alone, cores=4)
    assert total(op(), alone) == total(op())
    assert int(cost(op(), four).mac_cycles[0]) == np.ceil(int(cost(op()).mac_cycles[0]) * 0.4)
    assert int(cost(op(), four).op_cycles[0]) == 120


def test_weights_beyond_the_chip_come_from_outside() -> None:
    """Of 96 B, 64 find room: a third of 32 weights at 10 ns and 120 MHz; nothing up to the edge."""
    core = but(M4, outside={"inside": "64 B", "byte": "10 ns"})
    assert core.outside_share(64) == 0.0
    assert core.outside_share(96) == pytest.approx(1 / 3)
    found = simd_cycles(shapes_of(op()), Core(core, CLOCK_HZ, BARE), outside_share=core.outside_share(96))
    assert int(found.wait_cycles[0]) == np.ceil(32 / 3 * 10e-9 * 120e6)
    assert int(cost(op(), core).wait_cycles[0]) == 0


@pytest.mark.parametrize("mac_cycles", [1.0, 100.0, 1e6])
def test_no_kernel_beats_the_mac_instructions_that_a_design_states(mac_cycles: float) -> None:
    """A depthwise kernel's loops are counted whole, MACs and all; its MACs still take what the design says.

    3x3 over 8 x 8 pixels of 16 channels: 9,216 MACs, two an instruction.
    """
    op = Op(
        name="dw", kind="conv", inputs=("input",), in_channels=16, out_channels=16, in_height=8, in_width=8,
        out_height=8, out_width=8, kernel_height=3, kernel_width=3, groups=16,
    )  # fmt: skip
    core = Core(but(M4, mac_cycles=mac_cycles), CLOCK_HZ, load_software("tuned", "dsp"))
    cycles = int(simd_cycles(shapes_of(op, [16], [16]), core).mac_cycles[0])
    assert cycles >= 9_216 / 2 * mac_cycles
    if mac_cycles == 1e6:
        assert cycles == 4_608_000_000
