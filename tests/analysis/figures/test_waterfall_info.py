"""The waterfall as floating bars, by hand and by law."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.figures.report.waterfall import Bar, WaterfallStep, waterfall_info
from tests.shared import there


def test_two_losses_and_a_gain() -> None:
    """50 % of the MACs; 20 points lost, 5 won back, 10 lost: 25 % of the latency.

    ::

        MACs saved      |=========================|          50
        rounding                       |==========|         -20   (30 .. 50)
        divergence                     |==|                  +5   (30 .. 35)
        gate wait                 |=======|                 -10   (25 .. 35)
        latency saved   |=========|                          25
    """
    steps = [
        WaterfallStep("rounding", 0.20),
        WaterfallStep("nothing", 0.0),
        WaterfallStep("divergence", -0.05),
        WaterfallStep("gate wait", 0.10),
    ]
    info = waterfall_info("latency", 0.50, steps, 0.25)
    expected = [
        Bar("MACs saved", 0.0, 50.0, "total"),
        Bar("rounding", 30.0, 50.0, "loss"),
        Bar("divergence", 30.0, 35.0, "gain"),
        Bar("gate wait", 25.0, 35.0, "loss"),
        Bar("latency saved", 0.0, 25.0, "total"),
    ]
    assert [bar.name for bar in info.bars] == [bar.name for bar in expected]
    assert [bar.kind for bar in info.bars] == [bar.kind for bar in expected]
    assert [bar.bottom for bar in info.bars] == pytest.approx([bar.bottom for bar in expected])
    assert [bar.top for bar in info.bars] == pytest.approx([bar.top for bar in expected])
    assert [bar.label for bar in info.bars] == ["50.0", "−20.0", "+5.0", "−10.0", "25.0"]
    assert there(info.largest_loss).name == "rounding"


def test_a_network_that_got_slower_ends_below_zero() -> None:
    info = waterfall_info("energy", 0.10, [WaterfallStep("gate compute", 0.30)], -0.20)
    last = info.bars[-1]
    assert (last.bottom, last.top, last.kind, last.label) == (-20.0, 0.0, "deficit", "−20.0")


def test_without_losses_there_is_no_largest() -> None:
    assert waterfall_info("latency", 0.5, [], 0.5).largest_loss is None


@given(st.floats(-1, 1), st.lists(st.floats(-0.5, 0.5), max_size=7))
@settings(deadline=None, max_examples=80)
def test_the_bars_meet(saved_macs: float, losses: list[float]) -> None:
    """Each bar begins where the one before ended, from the MACs saved to what is saved in the end."""
    steps = [WaterfallStep(f"loss {i}", loss) for i, loss in enumerate(losses)]
    saved = saved_macs - sum(losses)
    info = waterfall_info("latency", saved_macs, steps, saved)
    level = info.bars[0].change
    for bar in info.bars[1:-1]:
        begin, end = (bar.top, bar.bottom) if bar.kind == "loss" else (bar.bottom, bar.top)
        assert begin == pytest.approx(level, abs=1e-9)
        level = end
    assert info.bars[-1].change == pytest.approx(level, abs=1e-9)
