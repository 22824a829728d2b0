"""The sizes of a model's inputs: fixed by the file, given by the user, or 1 along an open batch axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from traces.base.arrays import Shape
from traces.base.errors import ConfigError, GraphError, UnsupportedError, did_you_mean


def input_shapes(inputs: Sequence[Any], sizes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return the shape of every input: fixed, given, or 1 along an open batch axis."""
    names = [info.name for info in inputs]
    for name in sizes:
        if name not in names:
            raise ConfigError(f"--size {name}=...: the model has no such input{did_you_mean(name, names)}")
    batch_names = {
        dims[0].dim_param
        for info in inputs
        if len(dims := info.type.tensor_type.shape.dim) and dims[0].dim_param
    }
    found: dict[str, Shape] = {}
    open_axes: list[str] = []
    for info in inputs:
        shape, problem = _input_shape(info, sizes.get(info.name), batch_names)
        found[info.name] = shape
        open_axes += [problem] if problem else []
    if open_axes:
        raise UnsupportedError("; ".join(open_axes)[:400])
    return found


def _input_shape(info: Any, given: Shape | None, batch_names: set[str]) -> tuple[Shape, str]:
    tensor = info.type.tensor_type
    dims = list(tensor.shape.dim)
    known = tensor.HasField("shape")
    if given is not None:
        if known and len(dims) != len(given):
            return (), f"--size {info.name}: {len(given)} axes, the input has {len(dims)}"
        for dim, n in zip(dims, given, strict=False):
            if dim.HasField("dim_value") and dim.dim_value not in {n, 0, -1}:
                return (), f"--size {info.name}: {n} along an axis that the model fixes at {dim.dim_value}"
        return given, ""
    if not known:
        return (), f"input {info.name!r} has no shape; give it: --size {info.name}=1x3x224x224"
    shape: list[int] = []
    words: list[str] = []
    for i, dim in enumerate(dims):
        if dim.HasField("dim_value"):
            if dim.dim_value < 1 and not (i == 0 and dim.dim_value == -1):
                raise GraphError(f"input {info.name!r}: axis {i} has size {dim.dim_value}; needs at least 1")
            n = max(dim.dim_value, 1)
        elif i == 0 or dim.dim_param in batch_names:
            n = 1
        else:
            words.append(f"{i} ({dim.dim_param or 'no name'})")
            n = 1
        shape.append(n)
    if not words:
        return tuple(shape), ""
    sizes = [str(dim.dim_value) if dim.HasField("dim_value") else _shown(dim.dim_param) for dim in dims]
    first = sizes[0] if dims[0].dim_value > 0 else "1"
    example = "x".join([first, *sizes[1:]])
    return (
        (),
        f"input {info.name!r}: axes {', '.join(words)} are open; give sizes: --size {info.name}={example}",
    )


def _shown(name: str) -> str:
    return name if name.isidentifier() and len(name) < 20 else "N"
