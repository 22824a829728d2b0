"""Dynamic pruning beside DPACS's FPGA design: its cycles by hand, its rows within the bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.validation.arrays.dpacs import dpacs_dense, dpacs_latency, network_cycles
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.resnets import resnet18, resnet50


def block_of_resnet18(number: int) -> NetworkGraph:
    """Return a graph of one residual block of 64 channels on 16 x 16 pixels."""
    builder = GraphBuilder("resnet18", 64, 16, 16)
    y = builder.conv(f"block{number}.conv1", builder.input, 64, Window.square(3))
    builder.conv(f"block{number}.conv2", y, 64, Window.square(3))
    return builder.finish()


@pytest.mark.parametrize(
    ("number", "pixels", "channels", "cycles"),
    [
        (1, 1.0, 1.0, (2 * 256 + 64) * 9 * 2 * 2),
        (1, 0.25, 0.5, (64 + 16 + 64 + 64) * 9 * 2 * 2),  # its channels are never pruned
        (5, 1.0, 0.5, (2 * 256 + 64) * 9 * 2),
        (5, 0.5, 0.5, (128 + 16 + 128 + 64) * 9 * 2),
    ],
)
def test_a_block_by_hand(number: int, pixels: float, channels: float, cycles: int) -> None:
    """(Pixels + 32 rows of weights) x 9 taps x channel groups in x groups out, of one convolution and then the other.

    Where pixels are pruned the first computes one row more, which the second's kernels read.
    """
    graph = block_of_resnet18(number)
    found = network_cycles(graph, np.array([pixels]), np.array([channels]))[0]
    assert 0 <= found - cycles < 200  # the array fills and drains once per convolution


@pytest.mark.parametrize("graph", [resnet18(), resnet50()], ids=lambda g: g.name)
def test_more_pruning_never_takes_longer(graph: NetworkGraph) -> None:
    shares = np.array([1.0, 0.75, 0.5, 0.25])
    whole = np.ones(4)
    for pixels, channels in ((shares, whole), (whole, shares), (shares, shares)):
        assert (np.diff(network_cycles(graph, pixels, channels)) < 0).all()


def test_every_pruned_row_is_compared_and_the_bound_holds() -> None:
    """Nor is the bound vacuous: to promise half as much again, or nothing saved, breaks it."""
    comparison = dpacs_latency()
    assert len(comparison.labels) == 18
    assert comparison.holds, (comparison.mean_error, comparison.worst_error)
    assert not replace(comparison, predicted=comparison.predicted / 1.5).holds
    assert not replace(comparison, predicted=np.ones(18)).holds


def test_dense_networks_over_the_smallest() -> None:
    """Published latencies: 53.0, 58.8 and 95.3 ms over 29.9 ms."""
    found = dpacs_dense()
    assert found.measured.tolist() == pytest.approx([53.046 / 29.872, 58.811 / 29.872, 95.325 / 29.872])
    assert found.holds
    assert not replace(found, predicted=found.predicted * 1.1).holds
