"""What a training reads and resumes from: its configuration, its last state, its log, what its teachers answered."""

from __future__ import annotations

import copy
import shutil
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.home import home
from tests.fuzz.kind import Kind, bytes_of, mutated, renumbered

CONFIG = """name: net
dataset: cifar10
start_from: start.pt
teachers: [a.pt, b.pt]
rounds: 2
model: {kind: resnet, depth: 8, widths: [4, 8, 8], layer_gates: true, channel_gates: true}
training: {epochs: 2, batch_size: 8, learning_rate: 0.1, warmup: 0.1, crop: 24, crop_share: 0.5, seed: 1}
cost: {kind: target, target: 0.5, start: 0.9, weight: 12, anneal: 0.1, layer_pull: 0.25}
"""
DENSE = """name: net
dataset: digits
model: {kind: densenet, layers: [2, 3], growth: 4, layer_gates: true, channel_gates: true, exits: true}
training: {epochs: 2, learning_rate: 0.1, gate_learning_rate: 3.0e-3}
cost: {kind: sign_flip, target: 0.5, beta: 4, gate_epochs: 1, exit_weight: 0.3}
"""


def _configs() -> list[bytes]:
    return [CONFIG.encode(), DENSE.encode()]


def _read_config(path: Path) -> str:
    """Read a configuration; a network it describes can be built and counted, unless it is too large."""
    from networks.models.families import build_model  # noqa: PLC0415
    from networks.training.config import load_config  # noqa: PLC0415  (torch)

    config = load_config(path)
    model = build_model(config.model)
    graph = config.model.graph(model, config.name, (3, 32, 32))
    return "" if 0 <= graph.macs < 1 << 62 else f"{graph.macs} MACs"


@cache
def _trained() -> Path:
    """Return the folder of a training of one epoch of two on thirty-two made-up images."""
    _train(home() / "run", stop=1)
    return home() / "run"


def _train(folder: Path, stop: int = 2) -> Any:
    """Train up to an epoch, as one that is killed does."""

    from networks.training.run import train  # noqa: PLC0415  (torch)

    class Stop(Exception):
        pass

    def tell(report: Any) -> None:
        if report.epoch == stop:
            raise Stop

    model, data, settings, objective = _parts()
    with suppress(Stop):
        train(model, data, settings, objective, folder, progress=tell)
    return model


def _parts() -> tuple[Any, Any, Any, Any]:
    import torch  # noqa: PLC0415  (slow to import)

    from networks.training.data import Dataset, Images  # noqa: PLC0415
    from networks.training.optimizing.optimizers import TrainSettings  # noqa: PLC0415
    from networks.training.run import Answering  # noqa: PLC0415
    from tests.networks.networks_fixtures import lcnet_config  # noqa: PLC0415

    pixels = (torch.arange(32 * 3 * 64) % 251).to(torch.uint8).reshape(32, 3, 8, 8)
    part = Images(pixels, torch.arange(32) % 10)
    spread = (0.5, 0.5, 0.5)
    data = Dataset("made up", part, part, part, spread, spread, classes=10, flip=False, crop_pad=0)

    settings = TrainSettings(epochs=2, batch_size=16, seed=1, learning_rate=0.01, bfloat16=False)
    torch.manual_seed(0)
    return lcnet_config().build(), data, settings, Answering(0.0)


@cache
def _states() -> list[bytes]:
    return [(_trained() / "last.pt").read_bytes()]


@cache
def _state() -> dict[str, Any]:
    from networks.training import checkpoint  # noqa: PLC0415  (torch)

    return checkpoint.read(_trained() / "last.pt", checkpoint.TRAINING_STATE)


def _changed_state(rng: Random) -> bytes:
    """Draw a state whose settings, weights or optimizers are others, its hash right."""
    from networks.training import checkpoint  # noqa: PLC0415  (torch)

    content = mutated(copy.deepcopy({k: v for k, v in _state().items() if not k.startswith("format")}), rng)
    path = home() / "drawn.pt"
    checkpoint.write(
        path, checkpoint.TRAINING_STATE, content if isinstance(content, dict) else {"state": content}
    )
    return path.read_bytes()


def _resume(name: str) -> Any:
    """Return what puts a file into the folder of the run and trains on."""

    def read(path: Path) -> str:
        import torch  # noqa: PLC0415  (slow to import)

        folder = path.parent / "resumed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(_trained(), folder)
        (folder / name).write_bytes(path.read_bytes())
        model = _train(folder)
        if not all(torch.isfinite(tensor).all() for tensor in model.state_dict().values()):
            return "a weight is not finite"
        rows = (folder / "log.csv").read_text().splitlines()
        return "" if rows[-1].startswith("2,") else f"the log ends in {rows[-1]!r}"

    return read


def _logs() -> list[bytes]:
    return [(_trained() / "log.csv").read_bytes()]


def _kinds() -> list[Kind]:
    """Return the kinds, if torch is installed."""
    if find_spec("torch") is None:
        return []
    return [
        Kind("training", "c.yaml", bytes_of(_configs), _read_config, _configs),
        Kind(
            "training, numbers",
            "c.yaml",
            lambda rng: renumbered(rng.choice([CONFIG, DENSE]), rng).encode(),
            _read_config,
            _configs,
        ),
        Kind("training state", "last.pt", bytes_of(_states, text=False), _resume("last.pt"), _states),
        Kind("training state, hashed", "last.pt", _changed_state, _resume("last.pt"), _states),
        Kind("training log", "log.csv", bytes_of(_logs), _resume("log.csv"), _logs),
    ]


KINDS = tuple(_kinds())
