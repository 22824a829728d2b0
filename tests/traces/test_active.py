"""Packed rows of channels, and that nobody makes the bits of a mask that nobody reads."""

from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.traces.trace_strategies import SAME
from traces.graphs.build import GraphBuilder
from traces.work.active import full_row, pack, prefix_rows
from traces.work.lowering import dense_workload
from traces.work.mean import mean_workload


@given(st.integers(1, 70), st.data())
def test_a_prefix_sets_its_first_bits(total: int, data: st.DataObject) -> None:
    widths = data.draw(st.lists(st.integers(0, total), min_size=1, max_size=4))
    bits = np.arange(total)[None, :] < np.array(widths)[:, None]
    assert (prefix_rows(widths, total) == pack(bits)).all()
    assert (full_row(total) == pack(np.ones((1, total), np.bool_))).all()


def test_the_mean_of_the_widest_op_there_may_be_takes_no_memory() -> None:
    """2 ** 31 - 1 channels took 16 GiB for the bits of a mask that was never read."""
    builder = GraphBuilder("wide", 1, 1, 1)
    builder.conv("conv", builder.input, 2**31 - 1, SAME)
    workload = dense_workload(builder.finish())
    tracemalloc.start()
    mean = mean_workload(workload)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mean.workload.out_channels.tolist() == [[2**31 - 1]]
    assert peak < 1 << 20
