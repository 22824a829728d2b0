"""The convolution that tests of several units ask for."""

from __future__ import annotations

from traces import INPUT, Op


def square_conv(  # its sizes
    channels: int,
    filters: int,
    *,
    size: int,
    kernel: int,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> Op:
    """Return a convolution on a padded square image: a pixel out for every ``stride`` in."""
    out = -(-size // stride)
    return Op(
        name="op", kind="conv", inputs=(INPUT,), in_channels=channels, out_channels=filters, in_height=size,
        in_width=size, out_height=out, out_width=out, kernel_height=kernel, kernel_width=kernel, groups=groups,
        stride_height=stride, stride_width=stride, dilation_height=dilation, dilation_width=dilation,
    )  # fmt: skip
