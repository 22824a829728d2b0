"""How Gemmini's library, or a DOSA mapping, cuts convolutions."""

import numpy as np
import pytest
from hypothesis import given, settings

from accel_models.design.load import load_design
from accel_models.units.gemmini.loops import run_layers
from accel_models.units.gemmini.machine import Run
from accel_models.units.gemmini.tiling import ConvLayer, ConvTiling, dosa_tiling, search_tiling
from analysis.validation.arrays.firesim import estimated_cycles
from tests.accel_models.units.gemmini.conv_layers import (
    DESIGN,
    LAYERS,
    MACHINE,
    WHOLE,
    default_tiling,
    layer,
)
from traces.base.errors import ConfigError


def test_the_host_weighs_every_candidate() -> None:
    """8 x 8 x 64 fits as it is: one.  A row of 1 x 520 pixels shrinks to 512 and cannot grow back.

    That is one for 520, eight on the way down, one more column (twice: first alone, then among all sizes).
    """
    assert search_tiling(layer(8, 64, 64), MACHINE).candidates == 1
    row = layer(520, 16, 16)._replace(in_height=1, out_height=1)
    search = search_tiling(row, MACHINE)
    assert (search.tiling.P, search.candidates) == (512, 1 + 8 + 1 + 1)
    known = load_design("gemmini_16x16", {"gemmini.search_cycles": 0})
    assert estimated_cycles(layer(8, 64, 64), DESIGN) == estimated_cycles(layer(8, 64, 64), known) + 272


def test_what_fits_is_one_tile() -> None:
    assert default_tiling(layer(8, 64, 64)) == WHOLE


def test_filters_then_rows_then_columns_shrink() -> None:
    """32 x 32 x 16 outputs are 1024 accumulator rows; half of 1024 holds 22 x 23 of them.

    The largest size shrinks first, the earlier letter of equals: Q and P take turns from 32 down.
    """
    assert default_tiling(layer(32, 3, 16, kernel=3)) == ConvTiling(Q=22, P=23, K=16, S=3, R=3, C=3)


def test_channels_shrink_by_rows_of_the_array_and_grow_back_one_by_one() -> None:
    tile = default_tiling(layer(56, 256, 64))
    assert (tile.Q, tile.P, tile.K, tile.C) == (22, 23, 16, 240)  # 241 would need a 16th row of every pixel
    assert default_tiling(layer(7, 512, 512, kernel=3)).C == 119


@given(shape=LAYERS)
@settings(deadline=None, max_examples=40)
def test_default_tiles_fit_half_of_each_memory(shape: ConvLayer) -> None:
    tile = default_tiling(shape)
    stride = shape.stride_height
    inputs = -(-tile.C // 16) * (tile.Q * stride + tile.S - 1) * (tile.P * stride + tile.R - 1)
    weights = -(-tile.K // 16) * tile.S * tile.R * tile.C
    assert inputs + weights <= 8192
    assert -(-tile.K // 16) * tile.Q * tile.P <= 512


@given(shape=LAYERS)
@settings(deadline=None, max_examples=40)
def test_tiles_cover_the_layer_once(shape: ConvLayer) -> None:
    """Into an array of one column, every MAC reads its input from the scratchpad."""
    tile = default_tiling(shape)
    runs = run_layers(np.array([shape], np.int64), tile.sizes[None], tile.loops, MACHINE._replace(cols=1))
    macs = 1
    for size in shape.sizes.values():
        macs *= size
    assert Run(*runs[0]).array_input_reads == macs


def test_a_dosa_mapping_by_hand() -> None:
    """Levels 0 to 2 multiply to the tile; level 3 lists its loops from the outermost in."""
    tile = dosa_tiling("L3[WIO] Q7 P6 - L2[WI] N1 K16X - L1[O] K4 S7 R7 Q2 P4 C3X - L0[W] Q8 P4")
    assert tile == ConvTiling(Q=16, P=16, K=64, S=7, R=7, C=3, order="NKSRCQP")


def test_a_mapping_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot read 'Z4'"):
        dosa_tiling("L3[WIO] Z4 - L2[WI] N1 - L1[O] K4 - L0[W] Q8")
