"""SCALE-Sim topology files: lists of independent convolutions or matrix products.

Both layouts have a header line, and rows that may end in a comma::

    Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
    Layer, M, N, K,

A convolution layer may give two strides (height, width).  As in SCALE-Sim, a name with ``DP`` in it is a
depthwise layer of ``Channels`` groups with ``Num Filter`` outputs each, and output sizes follow that tool's
own rule, ceil((H - F + S) / S).  Layers are not chained: the files do not say who reads whom.

Source: scalesim/topology_utils.py of scalesim-project/SCALE-Sim (v3).
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from traces.base.errors import FileProblem, GraphError, UnsupportedError
from traces.graphs.build import GraphBuilder, Tensor, Window
from traces.graphs.files import read_text
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT

_CONV_COLUMNS = (
    "IFMAP Height",
    "IFMAP Width",
    "Filter Height",
    "Filter Width",
    "Channels",
    "Num Filter",
    "Strides",
)
_GEMM_COLUMNS = ("M", "N", "K")


def load_topology(path: str | Path) -> NetworkGraph:
    """Read a SCALE-Sim topology, convolutions or matrix products, as a graph of unchained layers."""
    rows = _rows(path)
    builder = GraphBuilder(Path(path).stem, 1, 1, 1)
    names: Counter[str] = Counter()
    for line, cells in rows:
        where = f"{path}, line {line}"
        names[cells[0]] += 1
        name = cells[0] if names[cells[0]] == 1 else f"{cells[0]}#{names[cells[0]]}"
        numbers = _numbers(cells, where)
        try:
            if len(numbers) == len(_GEMM_COLUMNS):
                _add_gemm(builder, name, numbers)
            else:
                _add_conv(builder, name, numbers)
        except GraphError as problem:
            raise GraphError(f"{where}: {problem}") from None
    return _finished(builder, path)


def _finished(builder: GraphBuilder, path: str | Path) -> NetworkGraph:
    """Return the graph, its input as large as the first layer's; a layer that cannot be names the file."""
    first = builder.ops[0]
    builder.input_channels = first.in_channels
    builder.input_height, builder.input_width = first.in_height, first.in_width
    try:
        return builder.finish(chained=False)
    except GraphError as problem:
        raise GraphError(f"{path}: {problem}") from None


def _rows(path: str | Path) -> list[tuple[int, list[str]]]:
    """Return the layers' lines and cells, the header and trailing commas left out."""
    rows = []
    for line, cells in enumerate(csv.reader(read_text(path).splitlines()), start=1):
        stripped = [cell.strip() for cell in cells]
        while stripped and not stripped[-1]:
            stripped.pop()
        if stripped:
            rows.append((line, stripped))
    if rows and not any(cell.isdigit() for cell in rows[0][1][1:]):
        rows = rows[1:]
    if not rows:
        raise FileProblem(f"{path}: has no layers; needs a header line and a row per layer")
    return rows


def _numbers(cells: list[str], where: str) -> list[int]:
    """Return a layer's sizes; SCALE-Sim's optional sparsity column must say dense."""
    name, *values = cells
    if values and ":" in values[-1]:
        ratio = values.pop()
        if len(set(ratio.split(":"))) > 1:
            raise UnsupportedError(f"{where}: layer {name!r} has sparsity {ratio}; needs 1:1, dense")
    if len(values) not in {3, 7, 8}:
        raise GraphError(
            f"{where}: layer {name!r} has {len(values)} numbers; a convolution needs 7 or 8 "
            f"({', '.join(_CONV_COLUMNS)}), a matrix product 3 ({', '.join(_GEMM_COLUMNS)})"
        )
    columns = _GEMM_COLUMNS if len(values) == 3 else (*_CONV_COLUMNS, "Stride width")
    for column, value in zip(columns, values, strict=False):
        if not value.isdigit() or int(value) < 1:
            raise GraphError(
                f"{where}: {column} of layer {name!r} = {value!r}; must be a whole number, at least 1"
            )
    return [int(value) for value in values]


def _add_gemm(builder: GraphBuilder, name: str, numbers: list[int]) -> None:
    m, n, k = numbers
    builder.matmul(name, Tensor(INPUT, k, m), n)


def _add_conv(builder: GraphBuilder, name: str, numbers: list[int]) -> None:
    height, width, kernel_height, kernel_width, channels, filters, *strides = numbers
    stride_height, stride_width = strides[0], strides[-1]
    if kernel_height > height or kernel_width > width:
        raise GraphError(
            f"layer {name!r} has a filter of {kernel_height}x{kernel_width}; "
            f"needs at most its input, {height}x{width}"
        )
    window = Window(
        kernel=(kernel_height, kernel_width),
        stride=(stride_height, stride_width),
        out=(
            _scalesim_size(height, kernel_height, stride_height),
            _scalesim_size(width, kernel_width, stride_width),
        ),
    )
    x = Tensor(INPUT, channels, height, width)
    depthwise = "DP" in name
    groups, outputs = (channels, channels * filters) if depthwise else (1, filters)
    builder.conv(name, x, outputs, window, groups=groups)


def _scalesim_size(size: int, kernel: int, stride: int) -> int:
    return -(-(size - kernel + stride) // stride)
