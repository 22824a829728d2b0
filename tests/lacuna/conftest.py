"""Runs the command line in-process, through the same ``main`` that the console script calls."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lacuna import console
from lacuna.__main__ import main
from tests.lacuna.lacuna_runner import Lacuna, Ran
from traces import SyntheticSettings, cifar_resnet, save_trace, synthetic_trace


@pytest.fixture
def lacuna(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lacuna:
    """Run ``lacuna ARGS``; the terminal is wide, so that no message wraps, and sweeps start no processes.

    That processes find the same is held by ``tests/analysis/sweeps/test_workers.py``, and that a command starts them by
    ``test_public_face.py``.
    """
    monkeypatch.setattr("analysis.sweeps.workers._cores", lambda: 0)  # of ours alone: torch counts cores, too

    def run(*args: object, width: int = 1000) -> Ran:
        monkeypatch.setattr(sys, "argv", ["lacuna", *map(str, args)])
        monkeypatch.setattr(console.out(), "width", width)
        monkeypatch.setattr(console.err(), "width", width)
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic LC-Net trace of 24 inputs."""
    settings = SyntheticSettings(rates=0.6, layer_correlation=0.3)
    path = tmp_path_factory.mktemp("trace") / "lcnet_resnet8.parquet"
    save_trace(synthetic_trace(cifar_resnet(8, "both"), 24, settings, seed=1), path)
    return path
