"""docs/adding_a_unit.md, tried: a folder, a row and a design make a unit that every command knows."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accel_models.design.load import load_design
from accel_models.units.kinds import KINDS, _load
from analysis.sweeps.evaluate import evaluate
from analysis.sweeps.sweep import model_version, request_of, task_of
from simulator import estimate, replay
from tests.analysis.sweeps.sweep_fakes import make_space
from traces import ConfigError, cifar_resnet, load_network, synthetic_trace

PAGE = Path(__file__).parents[1] / "docs" / "adding_a_unit.md"


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "units" / "toy_kind"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "unit.py").write_text(block("python"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setitem(KINDS, "toy", "toy_kind.unit")
    design = tmp_path / "toy_npu.yaml"
    design.write_text(block("yaml"), encoding="utf-8")
    yield design
    _load.cache_clear()
    for name in ("toy_kind", "toy_kind.unit"):
        sys.modules.pop(name, None)


def test_the_page_names_the_table() -> None:
    assert "units/kinds.py::KINDS" in PAGE.read_text(encoding="utf-8")


def test_it_estimates(toy: Path) -> None:
    """Every product takes its MACs over eight, rounded up, with nothing on the bus beside it."""
    table = estimate(load_network("resnet8_tiny"), load_design(toy))
    assert [row.compute_cycles for row in table.rows if row.macs] == [
        -(-row.macs // 8) for row in table.rows if row.macs
    ]
    assert all(row.energy_pj > 0 for row in table.rows if row.compute_cycles)


@pytest.mark.parametrize("engine", ["fast", "events"])
def test_it_replays(toy: Path, engine: str) -> None:
    trace = synthetic_trace(cifar_resnet(8, gates="both"), 16, seed=1)
    results = replay(trace, load_design(toy), engine=engine)  # type: ignore[arg-type]
    assert "busy_toy_cycles" in results.per_input.columns
    assert set(results.per_op["unit"]) <= {"toy", "none"}
    assert 0 < results.replayed.utilization["toy"] <= 1


def test_it_sweeps(toy: Path, tmp_path: Path) -> None:
    text = f"designs: {toy}\ntraces: easy.parquet\nset: {{toy.macs: [8, 16]}}\ninputs: 5"
    space = make_space(tmp_path, text)
    requests = [request_of(space, point, model_version()) for point in space.points()]
    slow, fast = evaluate(task_of(space, 0, 0, requests))
    assert slow.latency_us > fast.latency_us
    assert slow.area_mm2 < fast.area_mm2


def test_its_settings_are_checked_like_any_other(toy: Path) -> None:
    with pytest.raises(ConfigError, match=r"toy.mcas: no such setting; did you mean 'macs'"):
        load_design(toy, {"toy.mcas": 4})
    with pytest.raises(ConfigError, match=r"toy.macs = 0"):
        load_design(toy, {"toy.macs": 0})
