"""Checkpoints: plain dictionaries of tensors and settings, written atomically, read without running code.

A finished network is ``{format, format_version, sha256, model, state_dict, training}``: ``model`` is the
configuration that rebuilds it (as plain data), ``training`` says where it comes from.  The state to resume
training from is a format of its own.  ``sha256`` is over everything else, every tensor with it, and is verified;
files of version 1 have none, and only the checksums of the zip archive that every checkpoint is are verified.
A network that was added to one that ships, unchanged, may hold its own tensors only: ``rests_on`` names the
file beside it that has the others, and their hash (version 3).
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from traces import FileProblem, atomic_write, first_line

MODEL = "lacuna-model"
TRAINING_STATE = "lacuna-training-state"
_SEAL = "sha256"  # of everything else in the file
ANSWERS = "lacuna-answers"  # of teachers
CHECKPOINT_VERSION = 3
_READABLE = (1, 2, 3)
_RESTS_ON = "rests_on"  # {file, sha256}: the whole checkpoint in the same folder that has the other tensors


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
    whole = {**content, "format": kind, "format_version": CHECKPOINT_VERSION}
    with atomic_write(path) as part, part.open("wb") as file:
        _save({**whole, _SEAL: _digest(whole)}, file, path)


_FOREIGN = "`lacuna train` writes them; any other network: lacuna.capture(model, example), or its ONNX export"


def _save(content: Mapping[str, Any], file: BinaryIO, path: Path) -> None:
    """Write with torch, which says of a full disk only that it stopped writing."""
    try:
        torch.save(content, file)
    except RuntimeError as problem:
        raise FileProblem(f"{path}: cannot be written: {first_line(problem)}") from None


def read(path: Path, kind: str) -> dict[str, Any]:
    """Read a file that :func:`write` wrote as ``kind``: tensors and plain values, never code."""
    if not path.is_file():
        made_by = path.with_suffix(".yaml")  # beside a shipped checkpoint stands what trained it
        way_out = (
            f"; `lacuna train {made_by} --out DIR` makes it, as DIR/model.pt" if made_by.is_file() else ""
        )
        raise FileProblem(f"{path}: no such checkpoint{way_out}")
    try:
        _check_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own words are of how to trust it
        raise FileProblem(f"{path}: holds Python objects, which are not run here; {_FOREIGN}") from error
    except Exception as error:  # zip, pickle and torch raise a dozen kinds for damaged bytes
        reason = str(error).split("\n", maxsplit=1)[0][:200] or type(error).__name__
        raise FileProblem(f"{path}: damaged, or no checkpoint ({reason})") from error
    if not isinstance(content, dict) or content.get("format") not in {MODEL, TRAINING_STATE, ANSWERS}:
        raise FileProblem(f"{path}: not a Lacuna checkpoint; {_FOREIGN}")
    if content["format"] != kind:
        raise FileProblem(
            f"{path}: a {content['format']} file, needs {kind}; `lacuna train` writes model.pt at its end"
        )
    if content.get("format_version") not in _READABLE:
        raise FileProblem(
            f"{path}: checkpoint format {content.get('format_version')}; this version reads {CHECKPOINT_VERSION}"
        )
    found = content.pop(_SEAL, None)
    if content["format_version"] != 1 and found != _digest(content):
        raise FileProblem(f"{path}: damaged: its content does not match the SHA-256 in it; copy it again")
    return content


def _check_archive(path: Path) -> None:
    """Verify the checksum of every record, which torch does not; refuse compressed ones, which torch never writes."""
    with zipfile.ZipFile(path) as archive:
        if any(record.compress_type != zipfile.ZIP_STORED for record in archive.infolist()):
            raise ValueError("a record is compressed")
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of {damaged} does not match")


def _digest(content: object) -> str:
    """Return the SHA-256 of nested dictionaries, lists, tensors and plain values, by key in sorted order."""
    digest = hashlib.sha256()
    for part in _parts(content):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: object) -> Iterator[bytes]:
    match value:
        case Tensor():
            flat = value.detach().contiguous().flatten()
            yield f"tensor:{value.dtype}:{tuple(value.shape)};".encode()
            yield flat.view(torch.uint8).numpy().tobytes() if len(flat) else b""
        case Mapping():
            yield f"mapping:{len(value)};".encode()
            for key in sorted(value, key=repr):
                yield f"{key!r}:".encode()
                yield from _parts(value[key])
        case list() | tuple():
            yield f"list:{len(value)};".encode()
            for item in value:
                yield from _parts(item)
        case _:
            yield f"{value!r};".encode()


def resting_on(content: Mapping[str, Any], beneath: Path) -> dict[str, Any]:
    """Return a finished network without the tensors that the checkpoint ``beneath`` has too, to the bit.

    Raises
    ------
    FileProblem
        Some tensor of ``beneath`` is not in ``content`` as it is: the one is not added to the other.
    """
    base = read(beneath, MODEL)
    state, known = content["state_dict"], base["state_dict"]
    changed = [name for name, tensor in known.items() if not _same(state.get(name), tensor)]
    if changed:
        raise FileProblem(f"{beneath}: {changed[0]} and {len(changed) - 1} more differ; it is not unchanged")
    own = {name: tensor for name, tensor in state.items() if name not in known}
    rests_on = {"file": beneath.name, "sha256": weights_hash(weights_of(base, beneath))}
    return {**content, "state_dict": own, _RESTS_ON: rests_on}


def _same(one: Tensor | None, other: Tensor) -> bool:
    return one is not None and one.dtype == other.dtype and torch.equal(one, other)


def weights_of(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Return all tensors of a finished network, in float32; refuse what is none, and numbers that are not finite."""
    if _RESTS_ON not in content:
        return _own_weights(content, path)
    return {**_weights_beneath(content[_RESTS_ON], path), **_own_weights(content, path)}


def _weights_beneath(rests_on: object, path: Path) -> dict[str, Tensor]:
    """Return the tensors of the checkpoint in the same folder that another, at ``path``, rests on."""
    match rests_on:
        case {"file": str(name), "sha256": str(expected)} if Path(name).name == name:
            beneath = path.parent / name
        case _:
            raise FileProblem(
                f"{path}: {_RESTS_ON} is {str(rests_on)[:80]}, needs a file beside it and a sha256"
            )
    if not beneath.is_file():
        raise FileProblem(f"{path}: rests on {name}, which is not beside it; copy both")
    content = read(beneath, MODEL)
    if _RESTS_ON in content:
        raise FileProblem(f"{path}: rests on {name}, which rests on another; needs a whole one")
    weights = _own_weights(content, beneath)
    if weights_hash(weights) != expected:
        raise FileProblem(f"{path}: rests on another {name} than the one beside it; copy both from one place")
    return weights


def _own_weights(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    state = content.get("state_dict")
    if not isinstance(state, dict):
        raise FileProblem(f"{path}: state_dict is a {type(state).__name__}, needs tensors by name")
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise FileProblem(
                f"{path}: state_dict: {str(name)[:80]!r} is a {type(tensor).__name__}, needs a tensor"
            )
        if not torch.isfinite(tensor).all():
            raise FileProblem(f"{path}: {name[:80]} holds numbers that are not finite; train it again")
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of all tensors, by name in sorted order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().contiguous()
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
