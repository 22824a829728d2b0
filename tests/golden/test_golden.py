"""Did any number move?  A change is fine if it is meant: `make golden`, and a line under Numbers in CHANGELOG.md."""

import json
from itertools import combinations

import pytest

from accel_models import STEPS
from tests.golden.networks import depthwise_network, mixed_network, sequence_network
from tests.golden.update import ALL_POLICIES, GOLDEN, MIXED_ON, Figures, predictions
from traces import GATE_KINDS


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


@pytest.mark.parametrize(("one", "other"), list(combinations(("none", *STEPS), 2)))
def test_every_step_of_the_compiler_moves_something_of_its_own(
    golden: dict[str, Figures], one: str, other: str
) -> None:
    assert golden[f"steps, without {one}"] != golden[f"steps, without {other}"]


def test_the_networks_have_what_they_are_there_for() -> None:
    gates = [*mixed_network().gates, *sequence_network().gates]
    assert {gate.kind for gate in gates} == set(GATE_KINDS)
    assert len(gates) == len(GATE_KINDS)
    assert any(op.is_depthwise for op in depthwise_network().ops)


def test_frames_of_a_stream_wait_and_are_late(golden: dict[str, Figures]) -> None:
    streams = [figures for case, figures in golden.items() if case.startswith("stream of")]
    assert all(0 < figures["miss_rate"] < 1 and figures["wait_us"] > 0 for figures in streams)
    assert any(figures["dropped"] > 0 for figures in streams)
