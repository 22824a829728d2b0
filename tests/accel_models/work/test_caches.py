"""What caches hold when an op begins, by hand."""

from math import exp

import pytest

from accel_models import cached_shares, load_design, place
from traces import GraphBuilder, Window


def test_bytes_stay_by_what_came_in_since() -> None:
    """100 bytes, then 50 others, then the 100 again, in a cache of 1,000: all 50 and half of the 100 between."""
    program = [(("a", 100),), (("b", 50),), (("a", 100),)]
    (first,), (second,), (third,) = cached_shares(program, [1000], laps=1)
    assert first == second == (0.0,)
    assert third == (pytest.approx(exp(-(50 + 50) / 1000)),)


def test_what_was_never_touched_is_not_there() -> None:
    """Of 400 bytes the first 100 were touched; a lap later all of them."""
    program = [(("a", 100),), (("a", 400),)]
    assert cached_shares(program, [1 << 40], laps=1)[1][0][0] == pytest.approx(0.25)
    assert cached_shares(program, [1 << 40], laps=2)[1][0][0] == pytest.approx(1.0)


def test_an_op_finds_its_input_where_the_op_before_left_it() -> None:
    """A small network lies in the caches of Gemmini whole, input after input; its camera's image never does."""
    builder = GraphBuilder("two", 16, 16, 16)
    builder.conv("b", builder.conv("a", builder.input, 16, Window.square(3)), 16, Window.square(3))
    graph = builder.finish()
    first, second = (placement.cached for placement in place(graph, load_design("gemmini_16x16")))
    assert first[0][0] == first[1][0] == 0
    assert min(second[0]) > 0.95
    assert all(far >= near for near, far in zip(*second, strict=True))
    assert {placement.cached for placement in place(graph, load_design("edge_npu_16x16"))} == {()}
