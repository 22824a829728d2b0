"""What a core waits for: flash, caches, wait states, weights outside the chip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accel_models import load_design
from accel_models.units.simd.core import Core
from accel_models.units.simd.unit import simd_cycles
from accel_models.work.shapes import shapes_of
from simulator import estimate
from tests.accel_models.units.simd.bare_core import (
    BARE,
    CLOCK_HZ,
    M4,
    cost,
    flash,
    op,
)
from tests.sections import but
from traces import GraphBuilder


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


def test_weights_beyond_the_chip_come_from_outside() -> None:
    """Of 96 B, 64 find room: a third of 32 weights at 10 ns and 120 MHz; nothing up to the edge."""
    core = but(M4, outside={"inside": "64 B", "byte": "10 ns"})
    assert core.outside_share(64) == 0.0
    assert core.outside_share(96) == pytest.approx(1 / 3)
    found = simd_cycles(shapes_of(op()), Core(core, CLOCK_HZ, BARE), outside_share=core.outside_share(96))
    assert int(found.wait_cycles[0]) == np.ceil(32 / 3 * 10e-9 * 120e6)
    assert int(cost(op(), core).wait_cycles[0]) == 0


@pytest.mark.parametrize(("ns", "wait"), [(39, 0), (50, 40)])
def test_weights_streamed_from_outside_hide_behind_the_loops(ns: int, wait: int) -> None:
    """32 weights take 149.8 or 192 cycles at 120 MHz, the loops 152: only what is left over is waited for."""
    assert int(cost(op(), M4).mac_cycles[0]) == 152
    core = but(M4, outside={"inside": "0 B", "byte": f"{ns} ns", "streamed": True})
    found = simd_cycles(shapes_of(op()), Core(core, CLOCK_HZ, BARE), outside_share=1.0)
    assert int(found.wait_cycles[0]) == wait


@pytest.mark.parametrize(("design", "l2_mib"), [("cortex_a53", 0.5), ("cortex_a55", 0.25), ("cortex_a72", 1)])
def test_a_layer_larger_than_the_l2_cache_takes_its_time_in_dram(design: str, l2_mib: float) -> None:
    """16 MiB of weights, each read once: 2.2 GB/s on the A53's board, 5.3 GB/s on the others'; 3 ns a line before."""
    builder = GraphBuilder("classifier", 4096, 1, 1)
    builder.linear("layer", builder.input, 4096)
    core = load_design(design)
    seconds = estimate(builder.finish(), core).rows[0].total_cycles / core.clock
    streamed = (16 - l2_mib) * 2**20 * (0.45e-9 if design == "cortex_a53" else 0.19e-9)
    assert streamed < seconds < 1.4 * streamed
