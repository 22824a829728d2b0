"""A part of the campaign that `make fuzz` runs, and a check that the campaign can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.campaign import KINDS, Kind, campaign, failures, judge


def test_hostile_inputs_are_read_or_refused() -> None:
    ends = campaign(600, seed=2)
    assert sum(sum(found.values()) for found in ends.values()) == 600
    assert failures(ends) == 0, ends


@pytest.mark.slow
def test_more_hostile_inputs_are_read_or_refused() -> None:
    assert failures(campaign(3000, seed=3)) == 0


def test_the_campaign_sees_what_is_wrong(tmp_path: Path) -> None:
    def crash(_: Path) -> str:
        raise ZeroDivisionError

    def judged(read: object, *, sealed: bool = False) -> str:
        kind = Kind("k", "k", lambda: [b"a"], read, sealed=sealed)  # type: ignore[arg-type]
        return judge(kind, b"b", [b"a"], tmp_path)[0]

    assert judged(crash) == "traceback"
    assert judged(lambda _: "cannot be") == "silent"
    assert judged(lambda _: "", sealed=True) == "silent"
    assert judged(lambda _: "") == "read"


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_what_is_not_changed_is_read(kind: Kind, tmp_path: Path) -> None:
    seeds = kind.seeds()
    assert judge(kind, seeds[0], seeds, tmp_path) == ("read", "")
