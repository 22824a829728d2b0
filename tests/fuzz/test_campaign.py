"""A part of the campaign that `make fuzz` runs, and checks that the campaign can fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from accel_models import load_design
from simulator import replay
from tests.fuzz.campaign import GOOD, KINDS, campaign, compile_loops, failures, judge
from tests.fuzz.home import small_trace
from tests.fuzz.kind import Kind
from tests.fuzz.oracles import counted_macs, macs_of, wrong_costs, wrong_results
from tests.shared import there
from traces import load_network


def test_hostile_inputs_are_read_or_refused() -> None:
    ends = campaign(300, seed=2)
    assert sum(sum(found.values()) - found["ms"] for found in ends.values()) == 300
    assert failures(ends) == 0, ends


@pytest.mark.slow
def test_two_thousand_hostile_inputs_are_read_or_refused() -> None:
    compile_loops()
    assert failures(campaign(2000, seed=3)) == 0


def test_the_campaign_sees_what_is_wrong(tmp_path: Path) -> None:
    def crash(_: Path) -> str:
        raise ZeroDivisionError

    def judged(read: object, *, sealed: bool = False) -> str:
        kind = Kind("k", "k", lambda _: b"b", read, lambda: [b"a"], sealed)  # type: ignore[arg-type]
        return judge(kind, b"b", tmp_path)[0]

    def swell(_: Path) -> str:
        raise MemoryError

    assert judged(crash) == "traceback"
    assert judged(swell) == "memory"
    assert judged(lambda _: "cannot be") == "silent"
    assert judged(lambda _: "", sealed=True) == "silent"
    assert judged(lambda _: "") == "read"


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_what_is_not_changed_is_read(kind: Kind, tmp_path: Path) -> None:
    assert judge(kind, kind.valid()[0], tmp_path) == ("read", "")


DRAWN = {"command line", "space, drawn", "expression, drawn"}  # files of the campaign's own
FILES = [kind for kind in KINDS if kind.name not in DRAWN]


@pytest.mark.parametrize("kind", FILES, ids=[kind.name for kind in FILES])
def test_next_to_nothing_is_refused_or_read(kind: Kind, tmp_path: Path) -> None:
    for data in (b"", b"\n", b"\0", b"{", b"0", b"a,b", kind.valid()[0][:1]):
        end, said = judge(replace(kind, sealed=False), data, tmp_path)
        assert end in GOOD, (data, said)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_a_case_is_drawn_again_by_its_number(kind: Kind) -> None:
    drawn = [kind.draw(Random("1 case 7")) for _ in range(2)]
    assert len(drawn[0]) == len(drawn[1])  # archives hold the time they were written


def test_oracles_see_what_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them fails on figures that were made wrong."""
    results = replay(small_trace(), load_design("edge_npu_16x16"))
    macs = there(counted_macs(small_trace()))
    assert wrong_results(results, macs) == ""
    assert "MACs" in wrong_results(results, [macs[0] + 1, *macs[1:]])
    for column, value, said in (
        ("energy_mac_pj", 0.0, "sum of its parts"),
        ("latency_us", -1.0, "holds -1"),
        ("dram_bytes", 1 << 40, "B in"),
    ):
        columns = {**results.columns, column: results.columns[column] * 0 + value}
        assert said in wrong_results(replace(results, columns=columns), macs)
    design, graph = load_design("edge_npu_16x16"), load_network("resnet8_tiny")
    assert wrong_costs(graph, design) == ""
    monkeypatch.setattr("tests.fuzz.oracles.macs_of", lambda op: macs_of(op) + 1)
    assert "counted" in wrong_costs(graph, design)
