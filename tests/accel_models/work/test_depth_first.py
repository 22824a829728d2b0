"""Rows that bands need, make and keep, worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel_models.work.depth_first import BandRows, band_count, band_rows
from traces.graphs.parts import Op


def conv(kernel: int, stride: int, rows: int) -> Op:
    """Return a convolution of so many output rows, padded as "same"."""
    return Op(
        name="conv", kind="conv", inputs=("input",), in_channels=4, out_channels=4, in_height=rows * stride, in_width=8,
        out_height=rows, out_width=8, kernel_height=kernel, kernel_width=kernel,
        stride_height=stride, stride_width=stride,
    )  # fmt: skip


def test_two_convolutions_in_two_bands() -> None:
    """Six rows, three a band: the second convolution reads rows 0..3, then 2..5, of the first's six.

    Kept, rows 2 and 3 are computed once, and the second band makes but two; else all eight are computed.
    """
    ops = [conv(3, 1, 6), conv(3, 1, 6)]
    assert band_rows(ops, 2, halo_kept=True) == (BandRows(6, 4, 4), BandRows(6, 3, 3))
    assert band_rows(ops, 2, halo_kept=False) == (BandRows(8, 4, 4), BandRows(6, 3, 3))


def test_halos_grow_from_layer_to_layer() -> None:
    """Eight rows in four bands of two, three 3x3 convolutions: four rows of the second's, six of the first's.

    At the edges a row less each time: the second computes 3 + 4 + 4 + 3, the first 4 + 6 + 6 + 4 less what is no row:
    its bands read 0..3, 0..5, 2..7, 4..7.
    """
    ops = [conv(3, 1, 8)] * 3
    again = band_rows(ops, 4, halo_kept=False)
    assert [row.computed for row in again] == [4 + 6 + 6 + 4, 3 + 4 + 4 + 3, 8]
    kept = band_rows(ops, 4, halo_kept=True)
    assert [row.computed for row in kept] == [8, 8, 8]
    assert [row.held for row in kept] == [
        4,
        4,
        2,
    ]  # the first's rows under the two or three new ones of the second's


def test_a_stride_reads_twice_the_rows() -> None:
    """Four rows at stride 2 in two bands: padding 0 above, so rows 0..4 and 4..7 of eight; one is shared."""
    ops = [conv(1, 1, 8), conv(3, 2, 4)]
    assert band_rows(ops, 2, halo_kept=False) == (BandRows(9, 5, 5), BandRows(4, 2, 2))


def test_pointwise_layers_have_no_halo() -> None:
    assert band_rows([conv(1, 1, 8), conv(1, 1, 8)], 8, halo_kept=False)[0] == BandRows(8, 1, 1)


@pytest.mark.parametrize(("rows", "asked", "got"), [(8, 4, 4), (7, 4, 4), (7, 5, 4), (5, 4, 3), (3, 8, 3)])
def test_bands_of_equal_height(rows: int, asked: int, got: int) -> None:
    """Seven rows in four or five bands are 2 + 2 + 2 + 1; five in four are 2 + 2 + 1."""
    assert band_count(conv(3, 1, rows), asked) == got


@given(
    kernels=st.lists(st.sampled_from([1, 3, 5]), min_size=2, max_size=3),
    rows=st.integers(1, 40),
    bands=st.integers(1, 40),
)
def test_what_is_kept_is_computed_once_and_nothing_is_left_out(
    kernels: list[int], rows: int, bands: int
) -> None:
    ops = [conv(kernel, 1, rows) for kernel in kernels]
    kept, again = (band_rows(ops, bands, halo_kept=flag) for flag in (True, False))
    assert all(row.computed == rows for row in kept)
    assert all(a.computed >= rows and a.held >= k.made for a, k in zip(again, kept, strict=True))
    assert all(1 <= row.made <= row.held <= rows for row in (*kept, *again))
