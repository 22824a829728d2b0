"""Did any number move?  A change is fine if it is meant: `make golden`, and a line under Numbers in CHANGELOG.md."""

import json
from itertools import combinations

import pytest

from tests.golden.networks import depthwise_network, mixed_network
from tests.golden.update import ALL_POLICIES, GOLDEN, MIXED_ON, Figures, predictions


@pytest.fixture(scope="module")
def golden() -> dict[str, Figures]:
    found: dict[str, Figures] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return found


def test_no_prediction_moved(golden: dict[str, Figures]) -> None:
    """A design that is only added has no number that could move; one that went is missed."""
    today = predictions()
    assert set(golden) - set(today) == set()
    for case, values in golden.items():
        assert set(today[case]) == set(values), case
    moved = [
        f"{case}: {name} {value:g} -> {today[case][name]:g}"
        for case, values in golden.items()
        for name, value in values.items()
        if today[case][name] != pytest.approx(value, rel=1e-9)
    ]
    assert moved == []


@pytest.mark.parametrize(("one", "other"), list(combinations(ALL_POLICIES, 2)))
def test_every_policy_differs_from_every_other_somewhere(
    golden: dict[str, Figures], one: str, other: str
) -> None:
    """Otherwise a change that confuses the two would move no number."""
    assert any(golden[f"mixed, {on}, {one}"] != golden[f"mixed, {on}, {other}"] for on in MIXED_ON)


def test_the_networks_have_what_they_are_there_for() -> None:
    assert {gate.kind for gate in mixed_network().gates} == {"exit", "layer", "channel", "spatial"}
    assert any(op.is_depthwise for op in depthwise_network().ops)


def test_frames_of_a_stream_wait_and_are_late(golden: dict[str, Figures]) -> None:
    streams = [figures for case, figures in golden.items() if case.startswith("stream of")]
    assert all(0 < figures["miss_rate"] < 1 and figures["wait_us"] > 0 for figures in streams)
    assert any(figures["dropped"] > 0 for figures in streams)
