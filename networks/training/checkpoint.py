"""Checkpoints: plain dictionaries of tensors and settings, written atomically, read without running code.

A finished network is ``{format, format_version, model, state_dict, training}``: ``model`` is the
configuration that rebuilds it (as plain data), ``training`` says where it comes from.  The state to resume
training from is a format of its own.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from traces import FileProblem

MODEL = "lacuna-model"
TRAINING_STATE = "lacuna-training-state"
ANSWERS = "lacuna-answers"  # of teachers
FORMAT_VERSION = 1


def save_model(
    path: Path, model: Mapping[str, Any], state: Mapping[str, Tensor], training: Mapping[str, Any]
) -> None:
    """Write a finished network, its weights in float16; see :func:`round_weights`."""
    stored = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    write(path, MODEL, {"model": dict(model), "state_dict": stored, "training": dict(training)})


@torch.no_grad()
def round_weights(model: nn.Module) -> None:
    """Round the weights and norms of a network to what float16 can hold, so that its file holds what was measured.

    Choice: files of half the size; they ship with the code.
    """
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())


def write(path: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Save ``content`` so that ``path`` is either the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        torch.save({"format": kind, "format_version": FORMAT_VERSION, **content}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read(path: Path, kind: str) -> dict[str, Any]:
    """Read a file that :func:`write` wrote as ``kind``: tensors and plain values, never code."""
    if not path.is_file():
        raise FileProblem(f"{path}: no such checkpoint")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        reason = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
        raise FileProblem(f"{path}: damaged, or no checkpoint ({reason})") from error
    if not isinstance(content, dict) or content.get("format") not in {MODEL, TRAINING_STATE, ANSWERS}:
        raise FileProblem(f"{path}: not a Lacuna checkpoint; `lacuna train` writes them")
    if content["format"] != kind:
        raise FileProblem(
            f"{path}: a {content['format']} file, needs {kind}; `lacuna train` writes model.pt at its end"
        )
    if content.get("format_version") != FORMAT_VERSION:
        raise FileProblem(
            f"{path}: checkpoint format {content.get('format_version')}; this version reads {FORMAT_VERSION}"
        )
    return content


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of all tensors, by name in sorted order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().contiguous()
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
