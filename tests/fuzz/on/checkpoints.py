"""Checkpoints, their hash wrong or right, and batches of a data set."""

from __future__ import annotations

import copy
import math
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.home import home
from tests.fuzz.kind import VALUES, Kind, bytes_of, mutated
from tests.fuzz.oracles import macs_of


@cache
def _content() -> dict[str, Any]:
    from tests.networks.networks_fixtures import lcnet_config  # noqa: PLC0415  (torch)

    config = lcnet_config()
    training = {
        "name": "net", "dataset": "digits", "image_shape": [3, 8, 8], "preprocessing": "", "seed": 3, "epochs": 5,
        "start_from": "", "validation_accuracy": 0.5,
    }  # fmt: skip
    state = {
        name: t.half() if t.is_floating_point() else t for name, t in config.build().state_dict().items()
    }
    return {"model": config.model_dump(mode="json"), "state_dict": state, "training": training}


def _written(content: Any, kind: str = "lacuna-model") -> bytes:
    from networks.training import checkpoint  # noqa: PLC0415  (torch)

    path = home() / "drawn.pt"
    checkpoint.write(path, kind, content)
    return path.read_bytes()


@cache
def _checkpoints() -> list[bytes]:
    return [_written(_content())]


def _checkpoint(rng: Random) -> bytes:
    """Draw a checkpoint of changed settings or tensors, its hash right."""
    content = dict(_content())
    match rng.choice(["model", "model", "training", "tensor", "tensor", "all"]):
        case "tensor":
            content["state_dict"] = _tensors(dict(content["state_dict"]), rng)
        case "all":
            content = {k: v for k, v in content.items() if rng.random() < 0.8} | {
                rng.choice(["x", "model"]): rng.choice(VALUES)
            }
        case part:
            content[part] = mutated(copy.deepcopy(content[part]), rng)
    return _written(content)


def _tensors(state: dict[str, Any], rng: Random) -> dict[str, Any]:
    import torch  # noqa: PLC0415  (slow to import)

    name = rng.choice(list(state))
    tensor = state[name].clone()
    match rng.choice(["nan", "inf", "big", "shape", "type", "drop", "none", "extra", "huge"]):
        case "nan" | "inf" | "big" as what:
            flat = tensor.float().reshape(-1)
            flat[rng.randrange(len(flat))] = {"nan": math.nan, "inf": math.inf, "big": 1e38}[what]
            state[name] = flat.reshape(tensor.shape)
        case "shape":
            state[name] = rng.choice(
                [tensor.reshape(-1), tensor.reshape(-1)[:1], tensor[None], tensor.new_empty(0)]
            )
        case "type":
            state[name] = tensor.to(
                rng.choice([torch.int64, torch.complex64, torch.bool, torch.float64, torch.bfloat16])
            )
        case "drop":
            del state[name]
        case "none":
            state[name] = rng.choice(VALUES)
        case "extra":
            state[rng.choice(["x", "", "\x1b[2J"])] = tensor
        case "huge":
            state[name] = torch.zeros(1).expand(1 << 12, 1 << 12)
    return state


def _read_checkpoint(path: Path) -> str:
    """Rebuild a network, run it on nothing but zeros, and count its graph's MACs."""
    import torch  # noqa: PLC0415  (slow to import)

    from networks.training.loading import load_model  # noqa: PLC0415  (torch)

    loaded = load_model(path)
    if not all(torch.isfinite(t).all() for t in loaded.model.state_dict().values()):
        return "a weight is not finite"
    if not 0 <= loaded.training.validation_accuracy <= 1:
        return f"an accuracy of {loaded.training.validation_accuracy}"
    counted = sum(macs_of(op) for op in loaded.graph.ops)
    if counted != loaded.graph.macs:
        return f"{loaded.graph.macs} MACs, counted {counted}"
    if math.prod(loaded.training.image_shape) <= 3 * 64 * 64:
        with torch.inference_mode():
            loaded.model(torch.zeros(1, *loaded.training.image_shape))
    return ""


@cache
def _batches() -> list[bytes]:
    """Return a batch of a data set: a pickle of arrays, as CIFAR-10 comes."""
    import pickle  # noqa: PLC0415  (written here, never read)

    import numpy as np  # noqa: PLC0415

    pixels = np.arange(4 * 3072).reshape(4, 3072) % 251
    batch = {"data": pixels.astype(np.uint8), "labels": [0, 3, 9, 1]}
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        path = home() / "cifar-10-batches-py" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pickle.dumps(batch, protocol=2))
    return [path.read_bytes()]


def _read_batch(path: Path) -> str:
    from networks.training.data import load_cifar10  # noqa: PLC0415  (torch)

    _batches()
    home().joinpath("cifar-10-batches-py", "test_batch").write_bytes(path.read_bytes())
    found = load_cifar10(home(), validation=2).test
    labels = found.labels.tolist()
    if not all(0 <= label < 10 for label in labels) or len(labels) != len(found.pixels):
        return f"labels {labels} of {tuple(found.pixels.shape)} pixels"
    return ""


def _kinds() -> list[Kind]:
    """Return the kinds, if torch is installed."""
    if find_spec("torch") is None:
        return []
    return [
        Kind("checkpoint", "m.pt", bytes_of(_checkpoints, text=False), _read_checkpoint, _checkpoints),
        Kind("data batch", "test_batch", bytes_of(_batches, text=False), _read_batch, _batches),
        Kind("checkpoint, hashed", "m.pt", _checkpoint, _read_checkpoint, _checkpoints),
    ]


KINDS = tuple(_kinds())
