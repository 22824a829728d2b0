"""The story, losses of many replays, and rows under the names of their groups, worked out by hand."""

import math

import pytest

from analysis.figures.report.losses import COLOURED, OTHER, losses_info
from analysis.figures.report.story import StoryGroup, StoryInfo, StoryRow, Worth, story_info
from analysis.figures.rows import FigureRows, RowName


def _row(label: str, latency: float, energy: float, written: float | None = None) -> StoryRow:
    return StoryRow(label=label, anchor=label, latency=Worth(latency, written), energy=Worth(energy))


def _story() -> StoryInfo:
    one = StoryGroup("one", "", 0.5, (_row("npu", 0.31, 0.2, -0.44), _row("core", 0.45, 0.45)))
    misfit = StoryRow(label="tiny", anchor="tiny", latency=None, energy=None, reason="too small")
    return story_info([one, StoryGroup("two", "", 0.72, (_row("npu", -0.05, 0.1), misfit))])


def test_the_best_and_the_worst_are_marked_per_quantity() -> None:
    one, two = _story().groups
    assert [(row.latency.mark, row.energy.mark) for row in one.rows if row.latency and row.energy] == [
        ("", ""),
        ("best", "best"),
    ]
    assert two.rows[0].latency == Worth(-0.05, None, "worst")
    assert two.rows[0].energy == Worth(0.1, None, "worst")
    assert two.rows[1].latency is None


def test_the_axis_holds_every_number_in_whole_steps() -> None:
    """From -44 % as written to 72 % of the MACs: -60 to 80 %, a tick every 20."""
    story = _story()
    assert (story.low, story.high) == pytest.approx((-0.6, 0.8))
    assert story.ticks == pytest.approx((-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8))
    assert [story.place(share) for share in (-0.6, 0.1, 0.8)] == pytest.approx([0, 50, 100])
    assert story.written


def test_an_axis_that_is_long_has_few_ticks_and_zero_among_them() -> None:
    story = story_info([StoryGroup("n", "", 0.5, (_row("a", -2.5, 0.4), _row("b", 0.5, 0.4)))])
    assert len(story.ticks) <= 9
    assert 0.0 in story.ticks


def test_one_value_is_neither_best_nor_worst_and_no_network_at_all_is_no_fault() -> None:
    alone = story_info([StoryGroup("n", "", 0.5, (_row("a", 0.3, 0.4),))])
    assert alone.groups[0].rows[0].latency == Worth(0.3)
    nothing = StoryRow(label="a", anchor="a", latency=None, energy=None, reason="too small")
    empty = story_info([StoryGroup("n", "", math.nan, (nothing,))])
    assert (empty.low, empty.high) == (0.0, 0.2)


def test_losses_and_what_is_saved_add_up_to_the_macs_saved() -> None:
    losses = [{"fixed work": 0.1, "gather": 0.0}, {"fixed work": -0.05, "gather": 0.35}]
    info = losses_info("latency", [RowName("a"), RowName("b")], [0.5, 0.5], [0.4, 0.2], losses)
    assert dict(info.losses) == {"fixed work": pytest.approx((10, -5)), "gather": pytest.approx((0, 35))}
    for i in range(2):
        assert info.saved[i] + sum(values[i] for _, values in info.losses) == pytest.approx(info.promised[i])


def test_small_losses_are_summed_under_one_name() -> None:
    losses = [{f"loss {k}": 0.01 * (k + 1) for k in range(COLOURED + 3)}]
    info = losses_info("energy", [RowName("a")], [0.9], [0.35], losses)
    assert [name for name, _ in info.losses] == [*(f"loss {k}" for k in range(3, COLOURED + 3)), OTHER]
    assert info.losses[-1][1] == pytest.approx((1 + 2 + 3,))


def test_a_groups_name_takes_a_place_above_its_rows() -> None:
    rows = FigureRows.of([RowName("a", "x"), RowName("b", "x"), RowName("c", "y"), "d"])
    assert rows.places == (1, 2, 4, 5)
    assert rows.ticks == (
        (0, "x", True), (1, "a", False), (2, "b", False), (3, "y", True), (4, "c", False), (5, "d", False),
    )  # fmt: skip
    assert rows.height == 6
