"""Contract: the shipped checkpoints and traces are those that provenance.json tells of, and belong together."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from networks.recording.catalogue import shipped_networks
from networks.recording.record import CheckpointInfo, describe_checkpoint
from networks.recording.shipping import method_of
from networks.training.config import load_config
from traces.files.storage import load_trace
from traces.statistics import execution_rates
from traces.work.lowering import lower

ROOT = Path(__file__).parents[2]
ARTEFACTS: dict[str, dict[str, Any]] = json.loads((ROOT / "networks/shipped/provenance.json").read_text())[
    "artefacts"
]
SHIPPED = {name for name, entry in ARTEFACTS.items() if "checkpoint" in entry}


@cache
def described(checkpoint: str) -> CheckpointInfo:
    """Return what a shipped checkpoint tells of itself, read once for all tests of this file."""
    return describe_checkpoint(ROOT / checkpoint)


def test_what_ships_is_small() -> None:
    files = [path for folder in ("networks", "traces") for path in (ROOT / folder / "shipped").iterdir()]
    assert sum(path.stat().st_size for path in files) < 45_000_000  # bytes


def test_networks_without_weights_can_be_trained_again() -> None:
    for name in set(ARTEFACTS) - SHIPPED:
        entry = ARTEFACTS[name]
        assert "trace" not in entry
        assert (ROOT / entry["log"]).is_file()
        assert (ROOT / entry["command"].split()[2]).is_file()  # lacuna train FILE


@pytest.mark.parametrize("name", sorted(ARTEFACTS))
def test_methods_are_those_of_the_configurations(name: str) -> None:
    assert ARTEFACTS[name]["method"] == method_of(load_config(ROOT / f"networks/shipped/{name}.yaml"))


def test_everything_shipped_has_its_provenance() -> None:
    checkpoints = {path.stem for path in (ROOT / "networks/shipped").glob("*.pt")}
    assert checkpoints == SHIPPED
    assert checkpoints == {network.name for network in shipped_networks()}
    traces = {path.name for path in (ROOT / "traces/shipped").glob("*.parquet")}
    assert traces == {Path(entry["trace"]).name for entry in ARTEFACTS.values() if "trace" in entry}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_checkpoints_are_unchanged_and_readable(name: str) -> None:
    entry = ARTEFACTS[name]
    path = ROOT / entry["checkpoint"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["checkpoint_sha256"]
    assert described(entry["checkpoint"]).name == name
    assert (ROOT / entry["log"]).is_file()


@pytest.mark.parametrize("name", sorted(name for name, entry in ARTEFACTS.items() if "trace" in entry))
def test_traces_are_of_these_checkpoints(name: str) -> None:
    entry = ARTEFACTS[name]
    trace = load_trace(ROOT / entry["trace"])
    info = described(entry["checkpoint"])
    assert len(trace) == 10_000
    assert trace.info.weights_hash == info.weights_hash
    assert trace.graph == info.graph
    assert trace.accuracy == pytest.approx(entry["test_accuracy"], abs=5e-5)
    assert set(trace.info.rates) == {gate.name for gate in trace.graph.gates}
    tested = execution_rates(trace)  # of other images: alike, not the same
    apart = [np.abs(np.subtract(rates, tested[name])).max() for name, rates in trace.info.rates.items()]
    assert max(apart) < 0.05
    assert max(apart) > 0 or {gate.kind for gate in trace.graph.gates} == {
        "exit"
    }  # the last one answers always
    kept = lower(trace).macs.mean() / trace.graph.without_gates().macs
    assert kept == pytest.approx(entry["macs_kept"]["mean"], abs=5e-5)
