"""Rooflines and timelines as values, by hand."""

import pytest

from analysis.figures.report.roofline import LayerWork, RooflinePoint, roofline_info
from analysis.figures.report.timeline import SPANS_SHOWN, Span, TimelineBar, chrome_spans, timeline_info


def test_roofline_of_two_layers() -> None:
    """Peak 256 MAC/cycle, 16 B/cycle: the roofs meet at 16 MAC/B.

    a: 1000 MACs over 100 B is 10 MAC/B, roof 160; 100 MAC/cycle in 10 cycles; memory bound.
    b: 9000 MACs over 90 B is 100 MAC/B, roof 256; 100 MAC/cycle in 90 cycles; compute bound.
    """
    info = roofline_info([LayerWork("a", 1000, 100, 10), LayerWork("b", 9000, 90, 90)], 256, 16)
    assert info.ridge == 16
    assert info.roof == ((pytest.approx(10 / 3), 16, 300), (pytest.approx(160 / 3), 256, 256))
    assert info.points == (
        RooflinePoint("a", 10.0, 100.0, 160.0, memory_bound=True, share=0.1),
        RooflinePoint("b", 100.0, 100.0, 256.0, memory_bound=False, share=0.9),
    )


def test_the_ridge_itself_is_compute_bound() -> None:
    at, below = roofline_info(
        [LayerWork("at", 1600, 100, 10), LayerWork("below", 1599, 100, 10)], 256, 16
    ).points
    assert (at.memory_bound, below.memory_bound) == (False, True)


def test_layers_without_work_or_dram_have_no_point() -> None:
    info = roofline_info([LayerWork("skipped", 0, 5, 0), LayerWork("inside", 10, 0, 5)], 256, 16)
    assert info.points == ()
    assert info.on_chip == ("inside",)


def test_timeline_begins_at_zero_and_shows_the_first_inputs() -> None:
    """Two units, three inputs, two of them asked for.

    ::

        us      10      14      18  20
        array    |  a0   |  a1   |
        simd             |  s0   |  |s2|
    """
    spans = [
        Span("simd", "s2", 20.0, 22.0, 2),
        Span("array", "a1", 14.0, 18.0, 1),
        Span("array", "a0", 10.0, 14.0, 0),
        Span("simd", "s0", 14.0, 18.0, 0),
    ]
    info = timeline_info(spans, inputs=2)
    assert (info.time_unit, info.units, info.inputs, info.left_out) == ("µs", ("array", "simd"), (0, 1), 1)
    assert info.bars == (
        TimelineBar(0, "a0", 0.0, 4.0, 0),
        TimelineBar(0, "a1", 4.0, 4.0, 1),
        TimelineBar(1, "s0", 4.0, 4.0, 0),
    )


def test_a_long_timeline_is_cut_and_says_so() -> None:
    spans = [Span("array", str(i), float(i), i + 1.0, 0) for i in range(SPANS_SHOWN + 7)]
    info = timeline_info(spans)
    assert (len(info.bars), info.left_out) == (SPANS_SHOWN, 7)


def test_an_empty_timeline_is_empty() -> None:
    assert timeline_info([]).bars == ()


def test_chrome_events_become_spans() -> None:
    events = [
        {"ph": "M", "name": "thread_name", "pid": 1, "tid": 3, "args": {"name": "array"}},
        {"ph": "X", "name": "conv1", "pid": 1, "tid": 3, "ts": 1.5, "dur": 2.0, "args": {"input": 4}},
        {"ph": "X", "name": "dma", "pid": 1, "tid": 9, "ts": 0.0, "dur": 1.0},
        {"ph": "X", "name": "skipped", "pid": 1, "tid": 3, "ts": 0.0, "dur": 0.0},
        {"ph": "C", "name": "counter", "pid": 1, "ts": 0.0},
    ]
    assert chrome_spans(events) == (
        Span("array", "conv1", 1.5, 3.5, 4),
        Span("9", "dma", 0.0, 1.0, -1),
    )


def test_an_event_without_its_time_is_refused() -> None:
    with pytest.raises(KeyError):
        chrome_spans([{"ph": "X", "name": "a", "dur": 1.0}])
