"""Runs the command line in-process, through the same ``main`` that the console script calls."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lacuna import console
from lacuna.__main__ import main
from traces import SyntheticSettings, cifar_resnet, save_trace, synthetic_trace


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What ``--json`` printed; constants that are not JSON (NaN) are refused."""

        def refuse(name: str) -> None:
            raise ValueError(name)

        return json.loads(self.out, parse_constant=refuse)

    @property
    def message(self) -> str:
        """The one error message of a run that was refused."""
        assert self.code == 2, self.out + self.err
        assert "Traceback" not in self.err + self.out
        last = self.err.strip().splitlines()[-1]
        assert last.startswith("error: "), self.err
        assert self.err.count("error: ") == 1, self.err
        return last.removeprefix("error: ")


Lacuna = Callable[..., Ran]


@pytest.fixture
def lacuna(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lacuna:
    """Run ``lacuna ARGS``; the terminal is wide, so that no message wraps."""

    def run(*args: object, width: int = 1000) -> Ran:
        monkeypatch.setattr(sys, "argv", ["lacuna", *map(str, args)])
        monkeypatch.setattr(console.out, "width", width)
        monkeypatch.setattr(console.err, "width", width)
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
