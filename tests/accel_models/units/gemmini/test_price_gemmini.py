"""gemmini_16x16 as a user prices it: its library's tiles, its queues, and every kind of op."""

import numpy as np
import pytest

from accel_models.compiling.places import place
from accel_models.design.load import load_design
from accel_models.design.unit_sections import Array
from accel_models.units.gemmini.machine import gemmini_of
from accel_models.units.gemmini.ops import is_product
from accel_models.units.gemmini.tiling import ConvLayer, search_tiling
from analysis.validation.arrays.firesim import estimated_cycles, firesim_layers
from analysis.validation.arrays.gemmini import firesim
from analysis.validation.arrays.systolic import array_design, reference
from simulator import replay
from simulator.static_table import estimate
from tests.accel_models.units.gemmini.priced import conv, cost, design, linear
from tests.shared import there
from traces.base.errors import ConfigError, UnsupportedError
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Op
from traces.graphs.resnets import cifar_resnet
from traces.trace import open_trace


def test_its_array_is_the_one_that_the_rtl_comparison_runs() -> None:
    assert design().section(Array) == array_design("Gemmini", 16, 16, "ws").section(Array)


def test_lacuna_estimate_meets_firesim() -> None:
    """The table that users get, row by row what `lacuna validate` compares."""
    comparison = firesim("gemmini_default_tiler")
    assert comparison.mean_error <= 0.07
    assert comparison.worst_error <= 0.20
    builder = GraphBuilder("one", 64, 56, 56)
    builder.conv("conv", builder.input, 64, Window.square(3))
    (row,) = estimate(builder.finish(), design()).rows
    assert row.total_cycles == pytest.approx(comparison.predicted[2], rel=0.1)  # it finds other caches


@pytest.mark.parametrize(("bandwidth", "mean"), [("5.378 GB/s", 0.19), ("8 GB/s", 0.18)])
def test_a_search_of_lacunas_own_is_the_other_option(bandwidth: str, mean: float) -> None:
    """Lacuna's own search takes better tiles than the library, and knows less of its queues; the docs say how much.

    8 GB/s is what meets FireSim best without caches, pages and conflicts.
    """
    table = reference("gemmini_firesim")
    measured = np.minimum(
        table["cycles_dosa_mapping"].astype(float), table["cycles_gemmini_default_tiler"].astype(float)
    )
    searched = design(gemmini=None, memory__dram__bandwidth=bandwidth)
    errors = np.abs([estimated_cycles(layer, searched) for layer in firesim_layers(table)] / measured - 1)
    assert errors.mean() <= mean
    assert errors.max() <= 0.75


def test_the_host_searches_before_the_array_begins() -> None:
    """8 x 8 x 64 to 64 fits as it is, one candidate: 272 cycles of waiting, none of computing."""
    slow, known = cost(conv(64, 64)), cost(conv(64, 64), gemmini__search_cycles=0)
    assert slow.alone_cycles == known.alone_cycles + 272
    assert slow.compute_cycles == known.compute_cycles == 4 * 4 * (8 * 8 + 16 - 8)


def test_a_product_computes_what_its_rtl_does() -> None:
    """(7, 40) x (40, 33): 1 x 3 x 3 blocks of 16 cycles, the last streams seven rows."""
    assert cost(linear(40, 33), batch=7).compute_cycles == 16 * (9 - 1) + 7 + 62
    assert is_product(linear(40, 33))
    assert not is_product(conv(40, 33))
    assert is_product(conv(40, 33, size=1))


def test_rows_of_a_batch_are_rows_of_the_product() -> None:
    assert cost(linear(64, 64), batch=32).alone_cycles == cost(linear(64, 64, rows=32)).alone_cycles


def test_images_of_a_batch_share_their_weights() -> None:
    """The last-level cache keeps nearly all of the weights from one image to the next."""
    one, four = cost(conv(64, 64, kernel=3)), cost(conv(64, 64, kernel=3), batch=4)
    assert four.weight_bytes == pytest.approx(one.weight_bytes, rel=0.01)
    assert four.input_bytes == pytest.approx(4 * one.input_bytes, rel=0.01)
    assert four.macs == 4 * one.macs
    assert four.alone_cycles < 4 * one.alone_cycles


def test_depthwise_runs_channel_by_channel() -> None:
    channel = cost(conv(1, 1, kernel=3), gemmini__search_cycles=0)
    depthwise = cost(conv(32, 32, kernel=3, groups=32), gemmini__search_cycles=0)
    assert depthwise.compute_cycles == 32 * channel.compute_cycles
    assert depthwise.input_bytes == pytest.approx(
        64 * 32, rel=0.01
    )  # their channels share lines: each comes once
    fewer = cost(conv(32, 32, kernel=3, groups=32), 8, 8)
    assert fewer.compute_cycles == 8 * channel.compute_cycles


def test_groups_run_one_behind_the_other() -> None:
    """Two groups of 64 channels lie in lines of their own: twice one group."""
    one = cost(conv(64, 64, kernel=3), gemmini__search_cycles=0)
    two = cost(conv(128, 128, kernel=3, groups=2), gemmini__search_cycles=0)
    assert two.compute_cycles == 2 * one.compute_cycles
    assert two.macs == 2 * one.macs


def test_dilation_reads_further_and_computes_alike() -> None:
    near, far = (cost(conv(64, 64, size=16, kernel=3, dilation=d)) for d in (1, 2))
    assert near.macs == far.macs
    assert near.compute_cycles == far.compute_cycles
    assert near.alone_cycles != far.alone_cycles  # wider windows, more padding


def test_a_gated_op_keeps_the_whole_ones_tiles() -> None:
    """14 x 14 x 568 of 1024 channels are a tile; 600 are one such tile and 32 channels, not a search anew."""
    layer = ConvLayer.square(size=14, channels=1024, filters=256, kernel=1, stride=1, padding=0)
    assert search_tiling(layer, gemmini_of(design())).tiling.C == 568
    gated = cost(conv(1024, 256, size=14), 600)
    assert gated.compute_cycles == 16 * (-(-568 // 16) + 2) * (14 * 14 + 16 - 14)


def test_wider_operands_move_more_and_compute_alike() -> None:
    narrow = cost(conv(64, 64, size=14, kernel=3))
    weights = cost(conv(64, 64, size=14, kernel=3), memory__weight_bits=16)
    both = cost(conv(64, 64, size=14, kernel=3), memory__weight_bits=16, memory__activation_bits=16)
    for part, factors in (("weight", (2, 2)), ("input", (1, 2)), ("output", (1, 2))):
        once, *more = (getattr(c, f"{part}_bytes")[0] for c in (narrow, weights, both))
        assert more == pytest.approx(
            [factor * once for factor in factors], rel=0.01
        )  # caches keep a bit less
    assert narrow.compute_cycles == both.compute_cycles
    assert narrow.alone_cycles < weights.alone_cycles < both.alone_cycles
    fewer = cost(linear(640, 128)), cost(linear(640, 128), memory__weight_bits=16)
    assert fewer[1].weight_bytes == 2 * fewer[0].weight_bytes


def test_scattered_weights_take_longer_to_fetch() -> None:
    """Half of the filters, in the lines of all of them."""
    packed, scattered = (cost(conv(256, 256, size=7, kernel=3), cout=128, spread=s) for s in (0.0, 1.0))
    assert scattered.alone_cycles > packed.alone_cycles
    assert scattered.weight_bytes == 2 * packed.weight_bytes
    assert scattered.compute_cycles == packed.compute_cycles


def test_nothing_stays_on_chip_between_ops() -> None:
    graph = cifar_resnet(8)
    assert not any(p.inputs_on_chip or p.output_on_chip or p.weights_resident for p in place(graph, design()))
    assert any(p.inputs_on_chip for p in place(graph, design(gemmini=None)))


def test_every_operand_comes_with_its_tile() -> None:
    """Weights are part of the loads: no policy fetches them ahead."""
    one = cost(conv(64, 64, kernel=3))
    assert one.weight_cycles == 0
    assert one.weight_bytes == 9 * 64 * 64
    assert one.input_cycles > 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"array__dataflow": "os"}, r"array.dataflow = 'os': .* knows 'ws' alone; set gemmini = null"),
        ({"memory__shared_buffer": False}, r"memory.shared_buffer = False: .* knows True alone"),
        ({"array__stream_block": 0}, r"array.stream_block = 0: .* needs 1 or more"),
        ({"array": None}, r"gemmini needs an array, its mesh, and a memory"),
        ({"gemmini__l2_beat_cycles": -1}, r"gemmini.l2_beat_cycles = -1"),
    ],
)
def test_what_the_library_does_not_know_is_refused(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        design(**overrides)


def test_a_tile_that_does_not_fit_says_what_it_needs() -> None:
    refused = cost(linear(64, 64), memory__activation_buffer="512 B", memory__banks=1)
    assert not refused.feasible[0]
    misfit = there(refused.misfit)
    assert (misfit.demand_bytes, misfit.bound_bytes) == (512, 256)
    assert "activation" in misfit.reason


@pytest.mark.parametrize("op", [conv(24, 24, 12, 3, groups=24), linear(300, 70), conv(3, 64, 32, 7, 2)])
@pytest.mark.parametrize("engine", ["fast", "events"])
def test_one_op_takes_what_its_replay_takes(op: Op, engine: str) -> None:
    graph = NetworkGraph(
        name="one",
        input_channels=op.in_channels,
        input_height=op.in_height,
        input_width=op.in_width,
        ops=(op,),
        gates=(),
    )
    (row,) = estimate(graph, design()).rows
    replayed = replay(open_trace(graph), design(), explain=False, engine=engine)  # type: ignore[arg-type]
    assert row.total_cycles == int(replayed.per_input.latency_cycles[0])


def test_a_product_that_would_be_walked_for_minutes_is_refused_at_once() -> None:
    """8.8e12 MACs: 2,147,483,648 blocks of 16 x 16 x 16."""
    builder = GraphBuilder("large", 2048, 1000, 1000)
    builder.conv("c", builder.input, 4295, Window.square(1))
    with pytest.raises(UnsupportedError, match="split the op"):
        estimate(builder.finish(), load_design("gemmini_16x16"))


@pytest.mark.parametrize("key", ["gemmini.l2", "gemmini.last_level_cache", "gemmini.row_align"])
def test_sizes_that_the_equations_divide_by_are_not_nothing(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"{key} = .*greater than 0"):
        load_design("gemmini_16x16", {key: "0 B"})
