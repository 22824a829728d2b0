"""Counted kernels: loops by hand from the kernels' structure, both sides of each stair, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.units.simd.counted import (
    COUNTED_ISAS,
    CountedIsa,
    CountedKernel,
    counted_parts,
    kernel_instructions,
    kernel_terms,
    taps_in_bounds,
    term_prices,
)
from accel_models.units.simd.kernels import Target, count_instructions
from accel_models.units.simd.software import load_software
from accel_models.work.shapes import Shapes, shapes_of
from tests.accel_models.units.convolutions import square_conv
from traces import Op


def conv(
    cin: int, cout: int, *, size: int = 4, kernel: int = 3, stride: int = 1, depthwise: bool = False
) -> Op:
    groups = cin if depthwise else 1
    return square_conv(cin, cout, size=size, kernel=kernel, stride=stride, groups=groups)


def terms(kernel: CountedKernel, isa: CountedIsa, op: Op) -> dict[str, int]:
    return {name: int(count[0]) for name, count in kernel_terms(kernel, isa, shapes_of(op)).items()}


def count(kernel: CountedKernel, isa: CountedIsa, op: Op) -> float:
    return float(kernel_instructions(kernel, isa, shapes_of(op))[0])


def test_pairs_and_tails_on_the_dsp_extension() -> None:
    """3 x 3 pixels, K = 45, 5 channels: 4 pairs of pixels and one, 2 pairs of channels and one; 45 = 11 x 4 + 1."""
    found = terms("conv", "dsp", conv(5, 5, size=3))
    assert [found[f"block{kind}"] for kind in ("22", "21", "1")] == [4 * 2, 4 * 1, 1 * 5]
    assert [found[f"step{kind}"] for kind in ("22", "21", "1")] == [8 * 11, 4 * 11, 5 * 11]
    assert [found[f"tail{kind}"] for kind in ("22", "21", "1")] == [8, 4, 5]
    assert (found["copy"], found["copy_rest"], found["tap"]) == (81, 81, 81)  # 9 pixels x 9 taps


def test_vectors_of_sixteen_on_helium() -> None:
    """9 pixels are two fours and one; K = 45 is three vectors."""
    found = terms("conv", "mve", conv(5, 7, size=3))
    assert (found["block4"], found["step4"]) == (2 * 7, 2 * 7 * 3)
    assert (found["block1"], found["step1"]) == (7, 7 * 3)


def test_depthwise_skips_padding_but_on_helium() -> None:
    """3x3 over 4x4 with one pixel of padding: 100 of 144 taps are inside."""
    op = conv(8, 8, depthwise=True)
    assert int(taps_in_bounds(shapes_of(op))[0]) == 100
    assert terms("depthwise", "dsp", op)["tap4"] == 100 * 2
    assert terms("depthwise", "mve", op)["step4"] == 4 * 2 * 9  # four fours of pixels, two vectors, nine taps


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "inside"),
    [(4, 3, 2, 5 * 5), (5, 3, 2, 7 * 7), (6, 5, 1, 24 * 24), (3, 1, 1, 9), (8, 3, 4, 6 * 6)],
)
def test_taps_in_bounds_along_both_sides(size: int, kernel: int, stride: int, inside: int) -> None:
    assert int(taps_in_bounds(shapes_of(conv(1, 1, size=size, kernel=kernel, stride=stride)))[0]) == inside


def test_a_strided_pointwise_is_a_product_per_row() -> None:
    """4x4 outputs in one product of 16 pixels, or two rows of two pixels each; weights are summed for each."""
    whole, strided = (terms("pointwise", "dsp", conv(8, 6, kernel=1, stride=s)) for s in (1, 2))
    assert (whole["product"], whole["channel_sum"]) == (1, 48)
    assert (strided["product"], strided["channel_sum"]) == (2, 96)
    assert (whole["block22"], strided["block22"]) == (8 * 3, 2 * 1 * 3)


def test_the_published_staircases() -> None:
    """M4: a pair of outputs is 143,104 at 16x16, K = 144; M55: an output is 9,920, a vector of inputs 11,264."""
    pair = count("conv", "dsp", conv(16, 8, size=16)) - count("conv", "dsp", conv(16, 6, size=16))
    assert pair == pytest.approx(143_104, rel=0.01)
    output = count("conv", "mve", conv(16, 5, size=16)) - count("conv", "mve", conv(16, 4, size=16))
    assert output == pytest.approx(9_920, rel=0.01)
    vector = count("conv", "mve", conv(8, 16, size=16)) - count("conv", "mve", conv(7, 16, size=16))
    assert vector == pytest.approx(11_264, rel=0.01)  # 63 elements are four vectors, 72 are five
    assert count("conv", "mve", conv(6, 16, size=16)) == count("conv", "mve", conv(7, 16, size=16))


def test_armv6m_takes_three_to_five_times_the_instructions_of_the_dsp_extension() -> None:
    for op in (conv(16, 16, size=16), conv(64, 64, size=8)):
        assert 3 < count("conv", "v6m", op) / count("conv", "dsp", op) < 5


@pytest.mark.parametrize("isa", COUNTED_ISAS)
def test_every_term_has_a_price_and_shares(isa: CountedIsa) -> None:
    kernels: tuple[CountedKernel, ...] = (
        "conv", "pointwise", "depthwise", "linear", "add", "mul", "pool", "gather", "copy",
    )  # fmt: skip
    for kernel in kernels:
        op = conv(8, 8, depthwise=kernel == "depthwise")
        prices = term_prices(isa, kernel)
        assert set(kernel_terms(kernel, isa, shapes_of(op))) == set(prices)
        assert all(min(price.shares) >= -1e-9 for price in prices.values())
        parts = counted_parts(kernel, isa, shapes_of(op))
        total = sum(float(classes.sum()) for classes in parts.values())
        assert total == pytest.approx(count(kernel, isa, op))


SIZES = st.integers(1, 40)


@given(isa=st.sampled_from(COUNTED_ISAS), cin=SIZES, cout=SIZES, size=st.integers(1, 9))
@settings(max_examples=60)
def test_an_output_more_never_costs_fewer_pairs(isa: CountedIsa, cin: int, cout: int, size: int) -> None:
    """Two channels more are never cheaper; one more may turn a dear single into half a pair."""
    assert count("conv", isa, conv(cin, cout + 2, size=size)) >= count(
        "conv", isa, conv(cin, cout, size=size)
    )


def test_wide_types_take_the_modelled_kernel() -> None:
    """What was counted is int8: 16 bits fall back to the register-block model, which needs no counts."""
    software = load_software("cmsis_nn", "dsp")
    target = Target(isa="dsp", lanes=2, vector_bytes=4)
    shapes: Shapes = shapes_of(conv(16, 16, size=8))
    narrow = count_instructions(shapes, target, software)
    wide = count_instructions(shapes, target, software, weight_bytes=2, act_bytes=2)
    modelled = count_instructions(
        shapes, target, replace(software, counted=False), weight_bytes=2, act_bytes=2
    )
    assert np.array_equal(wide.mac.total, modelled.mac.total)
    assert not np.array_equal(narrow.mac.total, wide.mac.total)
