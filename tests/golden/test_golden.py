"""Did any number move?  A change is fine if it is meant: `make golden`, and a line under Numbers in CHANGELOG.md."""

import json

import pytest

from tests.golden.update import GOLDEN, predictions


def test_no_prediction_moved() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    today = predictions()
    assert set(today) == set(golden)
    moved = [
        f"{case}: {name} {golden[case][name]:g} -> {value:g}"
        for case, values in today.items()
        for name, value in values.items()
        if value != pytest.approx(golden[case][name], rel=1e-9)
    ]
    assert moved == []
