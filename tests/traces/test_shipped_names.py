"""Shipped traces are found by name, files by path, and a file wins over a name."""

from pathlib import Path

import pytest

from networks import shipped_networks
from traces.base.errors import FileProblem
from traces.files.storage import find_trace, load_trace, shipped_traces
from traces.graphs.named import load_network, shipped_file

NAMES = sorted(shipped_traces())


def test_traces_of_both_networks_ship() -> None:
    assert any(name.startswith("lcnet_") for name in NAMES)
    assert any(name.startswith("ddi_") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_trace_holds_the_whole_test_set(name: str) -> None:
    trace = load_trace(name)
    assert len(trace) == 10_000
    assert trace.accuracy == pytest.approx(trace.info.test_accuracy, abs=1e-4)


def test_a_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_trace(NAMES[0]) == shipped_traces()[NAMES[0]]
    Path(NAMES[0]).touch()
    assert find_trace(NAMES[0]) == Path(NAMES[0])
    assert find_trace("nothing.parquet") == Path("nothing.parquet")
    with pytest.raises(FileProblem, match=f"{NAMES[0][:-1]}: no such file.*did you mean '{NAMES[0]}'"):
        find_trace(NAMES[0][:-1])


def test_a_shipped_trace_is_a_network_too() -> None:
    assert load_network(NAMES[0]) == load_trace(NAMES[0]).graph


def test_what_lacuna_networks_lists_is_found_by_that_name() -> None:
    for network in shipped_networks():
        if network.trace:
            assert find_trace(network.name) == shipped_traces()[network.trace]
        else:
            assert shipped_file(network.name).name == f"{network.name}.pt"
    assert load_network("resnet20_dense").macs == 40_813_184
    with pytest.raises(
        FileProblem, match="'resnet20_dens': no such network or file; did you mean 'resnet20_dense'"
    ):
        load_network("resnet20_dens")
