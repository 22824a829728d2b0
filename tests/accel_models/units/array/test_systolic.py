"""The array's cycles: by hand, by law, and against RTL and SCALE-Sim on every row shipped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.load import load_design
from accel_models.design.unit_sections import Array, Dataflow
from accel_models.units.array.systolic import Gemms, buffer_accesses, compute_cycles, drains_of, utilization
from analysis.validation.arrays.systolic import array_comparisons, array_design
from tests.sections import but
from tests.shared import ComparisonsOf
from traces.base.errors import ConfigError

SERIAL = Array(rows=8, cols=4, dataflow="ws")
SIZES = st.integers(0, 300)
GEMMS = st.builds(Gemms.of, SIZES, SIZES, SIZES, st.integers(0, 20), st.sampled_from([1, 4, 9]))


@st.composite
def any_array(draw: st.DrawFn) -> Array:
    dataflow: Dataflow = draw(st.sampled_from(["ws", "is", "os"]))
    drains = ["every_fold", "overlapped", "none"] if dataflow == "os" else ["every_fold", "overlapped"]
    return Array(
        rows=draw(st.integers(1, 20)),
        cols=draw(st.integers(1, 20)),
        dataflow=dataflow,
        weight_preload=draw(st.sampled_from(["serial", "overlapped"])),
        preload_gap_cycles=draw(st.integers(0, 5)),
        preload_crosses_columns=draw(st.booleans()),
        first_preload=draw(st.sampled_from(["counted", "hidden"])),
        drain=draw(st.sampled_from(drains)),
        drain_path=draw(st.sampled_from(["down", "across"])),
        reduction=draw(st.sampled_from(["im2col", "per_tap"])),
        hop_cycles=draw(st.integers(1, 4)),
        trim_folds=draw(st.booleans()),
        stream_block=draw(st.sampled_from([0, 1, 8, 16])),
        min_stream_cycles=draw(st.integers(0, 5)),
        fold_overhead_cycles=draw(st.integers(0, 5)),
        gemm_overhead_cycles=draw(st.integers(0, 20)),
    )


def one(params: Array, m: int, k: int, n: int, groups: int = 1, taps: int = 1) -> int:
    return int(compute_cycles(params, Gemms.of(m, k, n, groups, taps))[0])


@pytest.mark.parametrize(
    ("params", "cycles"),
    [
        # M = 5, K = 9, N = 4 on 8 x 4: two folds of the reduction; skew 7 + 3.
        (SERIAL, 2 * (8 + 5 + 10)),
        (but(SERIAL, drain="overlapped"), 2 * (8 + 5) + 10),
        (but(SERIAL, weight_preload="overlapped"), 8 + (5 + 10) + (5 + 10)),
        (but(SERIAL, weight_preload="overlapped", drain="overlapped"), 8 + 8 + 5 + 10),
        (
            but(SERIAL, weight_preload="overlapped", drain="overlapped", preload_gap_cycles=3),
            8 + 11 + 5 + 10,
        ),
        (  # the change-over crosses 4 columns before the next load
            but(SERIAL, weight_preload="overlapped", drain="overlapped", preload_crosses_columns=True),
            8 + 12 + 5 + 10,
        ),
        (
            but(SERIAL, weight_preload="overlapped", drain="overlapped", first_preload="hidden"),
            8 + 5 + 10,
        ),
        (but(SERIAL, hop_cycles=4), 2 * (8 + 5 + 28 + 3)),
        (but(SERIAL, fold_overhead_cycles=5, gemm_overhead_cycles=-1), 2 * (23 + 5) - 1),
        (but(SERIAL, trim_folds=True), (8 + 5 + 7 + 3) + (1 + 5 + 0 + 3)),
        (but(SERIAL, stream_block=3), 4 * 8 + 2 * (3 + 2) + 4 * 10),
        # is: rows K, columns M (two folds of 4), N = 4 streams.
        (but(SERIAL, dataflow="is"), 2 * 2 * (8 + 4 + 10)),
        # os: one fold of 8 x 4 pixels and channels, K = 9 streams, 8 rows drain.
        (but(SERIAL, dataflow="os"), 9 + 10 + 8),
        (but(SERIAL, dataflow="os", drain_path="across"), 9 + 10 + 4),
        (but(SERIAL, dataflow="os", drain="none"), 9 + 10),
        (but(SERIAL, dataflow="os", drain="overlapped"), 9 + 10 + 8),
        (but(SERIAL, dataflow="os", stream_block=4), 12 + 10 + 8),
    ],
)
def test_each_option_by_hand(params: Array, cycles: int) -> None:
    assert one(params, 5, 9, 4) == cycles


def test_an_overlapped_drain_holds_up_a_shorter_next_tile() -> None:
    params = but(SERIAL, dataflow="os", drain="overlapped")
    assert one(params, 16, 3, 4) == 8 + 3 + 10 + 8  # the second tile waits for 8 rows to drain
    assert one(params, 16, 9, 4) == 9 + 9 + 10 + 8  # here they drain behind it


def test_sizes_on_both_sides_of_a_fold() -> None:
    assert one(SERIAL, 1, 8, 4) == 8 + 1 + 10
    assert one(SERIAL, 1, 9, 4) == 2 * (8 + 1 + 10)
    assert one(SERIAL, 1, 8, 5) == 2 * (8 + 1 + 10)
    assert one(SERIAL, 1, 1, 1) == 8 + 1 + 10  # below the array: a part-filled fold costs a full one


def test_a_group_runs_its_own_folds_and_shows_the_pipeline_once() -> None:
    assert one(SERIAL, 49, 9, 1, groups=32) == 32 * one(SERIAL, 49, 9, 1)
    streaming = but(SERIAL, weight_preload="overlapped", drain="overlapped")
    assert one(streaming, 49, 8, 1, groups=3) == 8 + 3 * 49 + 10


def test_taps_fold_apart_where_the_array_has_no_im2col() -> None:
    assert one(SERIAL, 1, 27, 4, taps=9) == 4 * 19  # ceil(27 / 8)
    assert one(but(SERIAL, reduction="per_tap"), 1, 27, 4, taps=9) == 9 * 19  # 9 x ceil(3 / 8)


@pytest.mark.parametrize("empty", [(0, 9, 4, 1), (5, 0, 4, 1), (5, 9, 0, 1), (5, 9, 4, 0)])
@pytest.mark.parametrize(
    "params",
    [
        SERIAL,
        array_design("Gemmini", 16, 16, "ws").section(Array),
        array_design("systolic_bare", 8, 8, "os").section(Array),
    ],
)
def test_skipped_work_costs_nothing(params: Array, empty: tuple[int, int, int, int]) -> None:
    assert one(params, *empty) == 0
    counts = buffer_accesses(params, Gemms.of(*empty))
    reads = counts.input_reads + counts.weight_reads + counts.partial_reads
    assert int((reads + counts.output_writes)[0]) == 0


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("dataflow", "wz", r"array.dataflow = 'wz': .*'ws'"),
        ("drain", "once", r"array.drain = 'once'"),
        ("rows", 0, r"array.rows = 0: .* greater than or equal to 1"),
        ("stream_block", -1, r"array.stream_block = -1: .* greater than or equal to 0"),
    ],
)
def test_an_impossible_array_is_refused(setting: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_design("systolic_bare", {f"array.{setting}": value})


@pytest.mark.parametrize(("dataflow", "drains"), [("ws", "every_fold"), ("is", "every_fold"), ("os", "none")])
def test_only_os_can_do_without_a_drain(dataflow: str, drains: str) -> None:
    assert drains_of(but(SERIAL, dataflow=dataflow, drain="none")) == drains


def test_agrees_with_outside_truth(comparisons_of: ComparisonsOf) -> None:
    """RTL and SCALE-Sim exactly on every row; ZigZag's staircase within a percent."""
    assert [c.name for c in comparisons_of(array_comparisons) if not c.holds] == []


def test_the_staircase_steps_where_zigzag_steps(comparisons_of: ComparisonsOf) -> None:
    staircase = comparisons_of(array_comparisons)[-1]
    columns = [i for i, label in enumerate(staircase.labels) if label.startswith("C=128")]
    measured, predicted = staircase.measured[columns], staircase.predicted[columns]
    step = 28_224  # 4 tap folds of 32 channels x 9 x 784 pixels / 4
    assert np.array_equal(np.round(np.diff(measured) / step), np.round(np.diff(predicted) / step))
    assert set(np.round(np.diff(predicted) / step)) == {-1, 0}


def test_accesses_by_hand() -> None:
    """M = 5, K = 9, N = 6 on 8 x 4 ws: 2 x 2 folds."""
    counts = buffer_accesses(SERIAL, Gemms.of(5, 9, 6))
    assert int(counts.input_reads[0]) == 2 * 45  # once per fold of columns
    assert int(counts.weight_reads[0]) == 54
    assert int(counts.partial_reads[0]) == 30  # the second reduction fold adds to the first
    assert int(counts.output_writes[0]) == 2 * 30


@settings(deadline=None, max_examples=150)
@given(params=any_array(), gemms=GEMMS)
def test_never_beats_the_roofline(params: Array, gemms: Gemms) -> None:
    cycles = compute_cycles(params, gemms)
    assert cycles[0] * params.peak_macs_per_cycle >= gemms.macs[0]
    assert 0.0 <= utilization(params, gemms.macs, cycles)[0] <= 1.0


@settings(deadline=None, max_examples=150)
@given(
    params=any_array(),
    sizes=st.tuples(SIZES, SIZES, SIZES),
    fewer=st.integers(0, 300),
    axis=st.integers(0, 2),
)
def test_less_work_never_takes_longer(
    params: Array, sizes: tuple[int, int, int], fewer: int, axis: int
) -> None:
    gated = list(sizes)
    gated[axis] = max(0, gated[axis] - fewer)
    assert one(params, *gated) <= one(params, *sizes)


@settings(deadline=None, max_examples=60)
@given(params=any_array(), sizes=st.lists(st.tuples(SIZES, SIZES, SIZES), min_size=1, max_size=5))
def test_many_at_once_equal_one_by_one(params: Array, sizes: list[tuple[int, int, int]]) -> None:
    together = compute_cycles(params, Gemms.of(*np.array(sizes).T))
    assert together.tolist() == [one(params, *size) for size in sizes]


@pytest.mark.parametrize(("multiplier", "accumulator"), [(1, 1), (2, 3)])
def test_latencies_of_multiplier_and_accumulator_show_once(multiplier: int, accumulator: int) -> None:
    """F K + R + 2C - 2 + LM + LA: the equation of axis-systolic-array @44bbe4f for 2 folds of K = 9 on 4 x 8."""
    settings_ = {
        "array.rows": 4,
        "array.cols": 8,
        "array.multiplier_latency_cycles": multiplier,
        "array.accumulator_latency_cycles": accumulator,
    }
    array = load_design("axis_sa", settings_).section(Array)
    assert one(array, 8, 9, 8) == 2 * 9 + 4 + 2 * 8 - 2 + multiplier + accumulator


def test_a_group_is_a_product_of_its_own() -> None:
    """64 groups of 9 x 1 weights and 49 pixels, one fold each: SCALE-Sim's last index of every one of them."""
    array = load_design("systolic_bare").section(Array)
    assert (
        compute_cycles(array, Gemms.of(49, 9, 1, 64)).tolist() == [64 * (2 * 32 + 32 + 49 - 2 - 1)] == [9088]
    )


def test_several_pixels_at_a_time_by_hand() -> None:
    """144 x 16 weights are 9 folds on 16 x 16; 784 pixels stream 8 at a time: 16 + 9 x 98 + 30."""
    array = Array(rows=16, cols=16, pixels=8, dataflow="ws", weight_preload="overlapped", drain="overlapped")
    assert one(array, 784, 144, 16) == 16 + 9 * 98 + 30
    assert array.peak_macs_per_cycle == 2048


@pytest.mark.parametrize("dataflow", ["os", "is"])
def test_several_pixels_need_weights_that_stay(dataflow: str) -> None:
    with pytest.raises(ConfigError, match=r"array\.pixels: several pixels"):
        load_design("edge_npu_16x16", {"array.pixels": 4, "array.dataflow": dataflow})
