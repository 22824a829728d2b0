"""Does each skip mechanism compute and fetch what it says, for masks small enough to count by hand?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from accel_models.design.design import Design
from accel_models.design.load import load_design
from accel_models.work.skipping import SkippedWorkload, skip
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.trace import Trace, TraceInfo, pack_mask
from traces.work.lowering import lower

CHANNELS = 8
MODES = ("none", "compact", "tile", "prefix")


def design(**changes: object) -> Design:
    settings = {"skip.channels": "compact", "memory.dram.burst": "16 B", **changes}
    return load_design("edge_npu_16x16", settings)


def network() -> NetworkGraph:
    """A gated convolution to 8 channels, then one that reads them; 3x3 kernels over 4x4 pixels."""
    builder = GraphBuilder("two_layers", 4, 4, 4)
    first = builder.conv("first", builder.input, CHANNELS, Window.square(3))
    builder.conv("second", first, 6, Window.square(3))
    builder.gate(Gate(name="gate", kind="channel", size=CHANNELS, reads="input", guards=("first",)))
    return builder.finish()


def trace_of(*masks: list[int]) -> Trace:
    bits = np.array(masks, np.bool_)
    zeros = np.zeros(len(bits), np.int32)
    return Trace(network(), TraceInfo(model_name="m"), zeros, zeros, {"gate": pack_mask(bits)})


def seen(
    trace: Trace, design: Design, groups: NDArray[np.int64] | None = None, **how: str
) -> SkippedWorkload:
    return skip(lower(trace), design, groups, **how)  # type: ignore[arg-type]


def field(work: SkippedWorkload, op: int, name: str) -> list[int]:
    values = getattr(work.states[op], name)[work.state_index[:, op]]
    return [int(value) for value in values]


MASK = [0, 1, 1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("mode", "computed"),
    [("none", 8), ("compact", 3), ("tile", 6), ("prefix", 7)],
)
def test_channels_that_are_computed(mode: str, computed: int) -> None:
    """Groups of two: 01, 10, 00, 10 leave three groups; the last kept channel is the seventh."""
    work = seen(trace_of(MASK), design(**{"skip.channels": mode, "skip.group": 2}))
    assert field(work, 0, "out_channels") == [computed]
    assert field(work, 1, "in_channels") == [computed]
    assert field(work, 1, "out_channels") == [6]
    assert field(work, 0, "useful_macs") == [3 * 4 * 9 * 16]


def test_only_compaction_gathers() -> None:
    """The second convolution reads 3 packed channels of 4x4 pixels; the first reads the whole input."""
    gathered = {
        mode: seen(trace_of(MASK), design(**{"skip.channels": mode, "skip.group": 2})) for mode in MODES
    }
    assert {mode: field(work, 1, "gathered_elements") for mode, work in gathered.items()} == {
        "none": [0],
        "compact": [48],
        "tile": [0],
        "prefix": [0],
    }
    assert field(gathered["compact"], 0, "gathered_elements") == [0]


def test_weights_of_masked_outputs_come_in_whole_bursts() -> None:
    """An output channel is 4 x 9 = 36 B: channels 1 and 2 are bytes 36..107, bursts 2..6; 6 is 216..251, 13..15.

    Dense, 8 x 36 = 288 B are 18 bursts.
    """
    work = seen(trace_of(MASK, [1] * 8), design())
    assert field(work, 0, "weight_fetch_bytes") == [(5 + 3) * 16, 18 * 16]


def test_weights_of_masked_inputs_break_the_run_of_every_output() -> None:
    """A row of the second layer holds 8 x 9 B; kept 1, 2, 6 are bytes 9..26 and 54..62: bursts 0, 1, 3, for each of 6.

    Six rows of 72 B whole would be 27 bursts.
    """
    work = seen(trace_of(MASK), design())
    assert field(work, 1, "weight_fetch_bytes") == [6 * 3 * 16]


def test_positions_tell_states_apart_only_where_they_cost() -> None:
    near, far = [1, 1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 1]
    compact = seen(trace_of(near, far), design())
    assert field(compact, 0, "weight_fetch_bytes") == [5 * 16, (3 + 3) * 16]
    nowhere = seen(trace_of(near, far), design(**{"memory.dram.burst": "1 B"}))
    assert len(nowhere.states[0]) == 2  # one for both inputs, one for the whole op


def test_a_skipped_layer_is_computed_by_hardware_that_cannot_skip() -> None:
    trace = trace_of([0] * 8, [1] * 8)
    able, unable = seen(trace, design()), seen(trace, design(**{"skip.layers": False}))
    assert field(able, 0, "out_channels") == [0, 8]
    assert field(unable, 0, "out_channels") == [8, 8]
    assert field(unable, 0, "useful_macs") == [0, 8 * 4 * 9 * 16]


def test_the_last_state_is_the_whole_op() -> None:
    work = seen(trace_of(MASK), design())
    last = work.states[0]
    assert (last.out_channels[-1], last.in_channels[-1], last.batch[-1]) == (8, 4, 1)
    assert last.weight_fetch_bytes[-1] == 288


def test_a_batch_takes_the_union_of_its_inputs() -> None:
    """Channels 1, 2, 6 and 2, 3 together are 1, 2, 3, 6; the third input is skipped and adds nothing."""
    trace = trace_of(MASK, [0, 0, 1, 1, 0, 0, 0, 0], [0] * 8)
    groups = np.array([[0, 1], [2, -1]], np.int64)
    work = seen(trace, design(), groups)
    assert field(work, 0, "batch") == [2, 0]
    assert field(work, 0, "out_channels") == [4, 0]
    assert field(work, 0, "useful_macs") == [5 * 4 * 9 * 16, 0]
    per_input = seen(trace, design(), groups, compaction="per_input")
    assert field(per_input, 0, "out_channels") == [3, 0]  # (3 + 2) / 2, rounded up
    assert field(per_input, 0, "weight_fetch_bytes") == field(work, 0, "weight_fetch_bytes")


def test_spatial_gates_leave_rows() -> None:
    builder = GraphBuilder("spatial", 4, 8, 8)
    builder.conv("conv", builder.input, 8, Window.square(3))
    builder.gate(
        Gate(name="g", kind="spatial", size=4, reads="input", guards=("conv",), tile_rows=2, tile_cols=2)
    )
    zeros = np.zeros(2, np.int32)
    masks = pack_mask(np.array([[1, 0, 0, 0], [1, 1, 1, 0]], np.bool_))
    trace = Trace(builder.finish(), TraceInfo(model_name="m"), zeros, zeros, {"g": masks})
    assert field(seen(trace, design(**{"skip.spatial": True})), 0, "out_rows") == [2, 6]
    assert field(seen(trace, design()), 0, "out_rows") == [8, 8]


@pytest.mark.parametrize(
    ("grid", "kept", "pixels"), [(2, 1, 5 * 5), (4, 3, 3 * 7), (8, 32, 0), (8, 4, 2 * 5)]
)
def test_tiles_are_packed_with_their_halo_but_bands_are_not(grid: int, kept: int, pixels: int) -> None:
    """A corner tile of 4 x 4 pixels reads 5 x 5, three of 2 x 2 along an edge 3 x 7, four pixels of it 2 x 5.

    The upper half, 32 tiles of one pixel, is a band of whole rows: read as it lies.
    """
    work = seen(tiled(grid, kept), design(**{"skip.spatial": True}))
    assert field(work, 0, "gathered_elements") == [4 * pixels]
    assert field(
        seen(tiled(grid, grid * grid), design(**{"skip.spatial": True})), 0, "gathered_elements"
    ) == [0]


def two_behind_one_gate(*masks: list[int]) -> Trace:
    """A 1x1 and a 3x3 convolution over 8x8 pixels behind one gate of 4 x 4 tiles of 2 x 2 pixels."""
    builder = GraphBuilder("spatial", 4, 8, 8)
    first = builder.conv("first", builder.input, 4, Window.square(1))
    builder.conv("second", first, 4, Window.square(3))
    guards = ("first", "second")
    builder.gate(
        Gate(name="g", kind="spatial", size=16, reads="input", guards=guards, tile_rows=4, tile_cols=4)
    )
    bits, zeros = np.array(masks, np.bool_), np.zeros(len(masks), np.int32)
    return Trace(builder.finish(), TraceInfo(model_name="m"), zeros, zeros, {"g": pack_mask(bits)})


def test_the_halo_goes_into_the_op_before_and_bands_are_cheaper_than_scattered_tiles() -> None:
    """Four tiles each: the upper band needs 3 of 8 rows before it, four that do not touch need 4 x 4 pixels each.

    Corners and edges are cut off: of the tiles at (0, 0), (0, 2), (2, 0), (2, 2) the first reads 3 x 3 pixels, the next
    two 3 x 4, the last 4 x 4; 49 of them differ, 6.1 rows.  The op behind the gate computes 16 pixels in both.
    """
    band = [1, 1, 1, 1] + [0] * 12
    apart = [int(r % 2 == 0 and c % 2 == 0) for r in range(4) for c in range(4)]
    work = seen(two_behind_one_gate(band, apart), design(**{"skip.spatial": True}))
    assert field(work, 1, "out_rows") == [2, 2]
    assert field(work, 0, "out_rows") == [3, 7]
    assert field(work, 1, "gathered_elements") == [0, 4 * 49]
    assert field(work, 0, "gathered_elements") == [0, 4 * 49]
    assert field(work, 0, "useful_macs") == [16 * 16, 16 * 16]


def tiled(grid: int, kept: int) -> Trace:
    """Return a 3x3 convolution of 4 channels over 8x8 pixels that keeps ``kept`` of grid x grid tiles."""
    builder = GraphBuilder("spatial", 4, 8, 8)
    builder.conv("conv", builder.input, 8, Window.square(3))
    size = grid * grid
    builder.gate(
        Gate(
            name="g",
            kind="spatial",
            size=size,
            reads="input",
            guards=("conv",),
            tile_rows=grid,
            tile_cols=grid,
        )
    )
    zeros = np.zeros(1, np.int32)
    masks = pack_mask(np.arange(size)[None, :] < kept)
    return Trace(builder.finish(), TraceInfo(model_name="m"), zeros, zeros, {"g": masks})


MASKS = st.lists(st.lists(st.integers(0, 1), min_size=8, max_size=8), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(masks=MASKS, mode=st.sampled_from(MODES), group=st.integers(2, 5))
def test_no_mechanism_computes_or_fetches_less_than_is_kept(
    masks: list[list[int]], mode: str, group: int
) -> None:
    trace = trace_of(*masks)
    work = seen(trace, design(**{"skip.channels": mode, "skip.group": group}))
    kept = np.array(masks).sum(axis=1)
    computed = np.array(field(work, 0, "out_channels"))
    fetched = np.array(field(work, 0, "weight_fetch_bytes"))
    assert ((computed >= kept) & (computed <= CHANNELS)).all()
    assert ((fetched >= computed * 36) & (fetched <= 288)).all()
    assert (fetched % 16 == 0).all()


@settings(deadline=None, max_examples=40)
@given(masks=MASKS, mode=st.sampled_from(MODES))
def test_a_batch_of_one_is_the_input_alone(masks: list[list[int]], mode: str) -> None:
    trace, chosen = trace_of(*masks), design(**{"skip.channels": mode, "skip.group": 2})
    alone = seen(trace, chosen)
    batched = seen(trace, chosen, np.arange(len(masks), dtype=np.int64)[:, None])
    for op in range(2):
        for name in ("in_channels", "out_channels", "batch", "useful_macs", "weight_fetch_bytes"):
            assert field(alone, op, name) == field(batched, op, name)
