"""SCALE-Sim topology files: lists of independent convolutions or matrix products.

Both layouts have a header line, whose names say what the columns are, in any order; what follows the last comma
of a line is dropped, as that tool does, and so are lines that begin with ``#``::

    Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides, Batch Size,
    Layer, M, N, K,

A convolution layer may give two strides (height, width).  As in SCALE-Sim, a name with ``DP`` in it is a
depthwise layer of ``Channels`` groups with ``Num Filter`` outputs each, and output sizes follow that tool's
own rule, ceil((H - F + S) / S).  Layers are not chained: the files do not say who reads whom.  A batch that all
layers share is the graph's; sizes are of one input.

Source: scalesim/topology_utils.py of scalesim-project/SCALE-Sim (v3).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from traces.base.errors import FileProblem, GraphError, UnsupportedError, did_you_mean
from traces.base.guard import file_text, name_of, reading
from traces.graphs.build import GraphBuilder, Tensor, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT

_CONV = ("ifmap height", "ifmap width", "filter height", "filter width", "channels", "num filter", "strides")
_GEMM = ("m", "n", "k")
_KNOWN = (*_CONV, *_GEMM, "stride height", "stride width", "batch size", "sparsity")
_LAYER = ("layer", "layer name", "name")
_REMARKS = frozenset(
    {"note", "notes", "comment", "comments", "remark", "remarks"}
)  # columns that say nothing
_ALIASES = {
    "stride": "strides", "strides height": "stride height", "strides width": "stride width", "batch": "batch size",
    "num filters": "num filter", "number of filters": "num filter", "sparsity support": "sparsity", "n:m": "sparsity",
    "ifmap h": "ifmap height", "ifmap w": "ifmap width", "filter h": "filter height", "filter w": "filter width",
    "ifmap rows": "ifmap height", "ifmap cols": "ifmap width", "filter rows": "filter height",
    "filter cols": "filter width",
}  # fmt: skip
_BY_LETTERS = {name.replace(" ", ""): _ALIASES.get(name, name) for name in (*_KNOWN, *_ALIASES)}
_OTHER_ORDER = {**{name: name for name in _CONV}, "h": "ifmap height", "w": "ifmap width"}
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class _Layer:
    """A line of the file."""

    line: int
    name: str
    sizes: dict[str, int]  # by column


def load_topology(path: str | Path) -> NetworkGraph:
    """Read a SCALE-Sim topology, convolutions or matrix products, as a graph of unchained layers."""
    layers = _layers(path)
    builder = GraphBuilder(name_of(path), 1, 1, 1)
    names: Counter[str] = Counter()
    for layer in layers:
        names[layer.name] += 1
        name = layer.name if names[layer.name] == 1 else f"{layer.name}#{names[layer.name]}"
        try:
            if "m" in layer.sizes:
                builder.matmul(name, Tensor(INPUT, layer.sizes["k"], layer.sizes["m"]), layer.sizes["n"])
            else:
                _add_conv(builder, name, layer.sizes)
        except GraphError as problem:
            raise GraphError(f"{path}, line {layer.line}: {problem}") from None
    return _finished(builder, path, layers)


def _finished(builder: GraphBuilder, path: str | Path, layers: Sequence[_Layer]) -> NetworkGraph:
    """Return the graph, its input as large as the first layer's; a layer that cannot be names the file."""
    batches = {layer.sizes.get("batch size", 1) for layer in layers}
    if len(batches) > 1:
        raise UnsupportedError(
            f"{path}: layers of batch size {', '.join(map(str, sorted(batches)[:4]))}; needs one for all layers"
        )
    first = builder.ops[0]
    builder.input_channels = first.in_channels
    builder.input_height, builder.input_width = first.in_height, first.in_width
    try:
        return builder.finish(chained=False).model_copy(update={"batch": batches.pop()})
    except GraphError as problem:
        raise GraphError(f"{path}: {problem}") from None


def _layers(path: str | Path) -> list[_Layer]:
    """Return the layers with the sizes that the header names, or that SCALE-Sim's order does without one."""
    text = file_text(path)
    with reading(path, "is not CSV", error=GraphError):
        rows = list(_rows(text))
    columns: tuple[str, ...] | None = None
    named_at = 0
    if rows and not any(cell.isdigit() for cell in rows[0][1][1:]):
        (line, header), *rows = rows
        plain = [_plain(cell) for cell in header]
        named_at = next((i for i, name in enumerate(plain) if name in _LAYER), 0)
        header.pop(named_at)
        columns = _columns(header, f"{path}, line {line}")
    if not rows:
        raise FileProblem(f"{path}: has no layers; needs a header line and a row per layer")
    layers = []
    for line, cells in rows:
        name = cells.pop(named_at) if named_at < len(cells) else ""
        layers.append(_layer(name, cells, f"{path}, line {line}", line, columns))
    return layers


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that say something, with their numbers; a semicolon or a tab may part the cells."""
    delimiter = max(",;\t", key=text.count)
    for line, cells in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), start=1):
        stripped = [cell.strip() for cell in cells]
        if len(stripped) > 1 and any(stripped) and not stripped[0].startswith("#"):
            yield line, stripped


def _plain(cell: str) -> str:
    """Return a column's name in small letters, without its unit in brackets."""
    words = re.sub(r"\(.*?\)|\[.*?\]", "", cell.lower().replace("_", " "))
    return " ".join(words.split())


def _columns(header: Sequence[str], where: str) -> tuple[str, ...] | None:
    """Return the columns that a header names, in its order; ``None`` where it names them in its own words.

    Such a file has SCALE-Sim's order, as that tool assumes of all.
    """
    names = [_plain(cell) for cell in header]
    while names and not names[-1]:
        names.pop()
    found = tuple(_BY_LETTERS.get(name.replace(" ", ""), name) for name in names)
    if {*_CONV[:6]} <= {*found}:  # whose N is that of NCHW
        found = tuple("batch size" if name == "n" else name for name in found)
    whole = {*_GEMM} <= {*found} or {*_CONV[:6]} <= {*found}
    if not whole and (len(found) <= len(_GEMM) or len(found) in {7, 8}) and "m" not in found:
        _check_order(found, where)
        return None
    for name, plain in zip(names, found, strict=True):
        if plain not in _KNOWN and plain not in _REMARKS:
            raise UnsupportedError(f"{where}: column {name[:40]!r} is not known{did_you_mean(name, _KNOWN)}")
    if len(set(found)) < len(found):
        raise GraphError(f"{where}: names a column twice")
    if not whole:
        raise GraphError(f"{where}: needs {', '.join(map(_title, _CONV))}, or M, N, K")
    return found


def _check_order(found: Sequence[str], where: str) -> None:
    """Refuse a header in words of its own whose known words are at another place than in SCALE-Sim's order."""
    for name, expected in zip(found, _CONV, strict=False):
        if _OTHER_ORDER.get(name, expected) != expected:
            raise GraphError(
                f"{where}: column {name!r} where {_title(expected)} is; needs SCALE-Sim's names or its order"
            )


def _layer(name: str, values: list[str], where: str, line: int, columns: tuple[str, ...] | None) -> _Layer:
    shown = name if len(name) <= 40 else f"{name[:40]}..."
    if not name or len(name) > 200:
        raise GraphError(f"{where}: layer {shown!r}: a name needs 1 to 200 characters")
    layer = f"layer {shown!r}"
    while values and not values[-1]:
        values.pop()
    kinds = _by_count(values) if columns is None else _with_extra(columns, values, f"{where}: {layer}")
    if kinds is None or sum(bool(value) for value in values[: len(kinds)]) < len(kinds):
        raise GraphError(f"{where}: {layer} {_what_is_missing(kinds, values)}")
    sizes = {}
    for column, value in zip(kinds, values, strict=False):
        if column == "sparsity":
            _check_dense(value, f"{where}: {layer}")
        elif column not in _REMARKS:
            sizes[column] = _number(value, f"{where}: {_title(column)} of {layer}")
    return _Layer(line, name, sizes)


def _what_is_missing(kinds: Sequence[str] | None, values: Sequence[str]) -> str:
    if kinds is None or kinds in {_CONV, _GEMM}:
        return (
            f"has {len(values)} numbers; a convolution needs 7 or 8 "
            f"({', '.join(map(_title, _CONV))}), a matrix product 3 ({', '.join(map(_title, _GEMM))})"
        )
    empty = next(name for i, name in enumerate(kinds) if i >= len(values) or not values[i])
    return f"has no {_title(empty)}; its header names {', '.join(map(_title, kinds))}"


def _by_count(values: Sequence[str]) -> tuple[str, ...] | None:
    """Return the columns of a file without a header, by how many numbers its line begins with."""
    numbers = _leading_numbers(values)
    return _with_extra({3: _GEMM, 7: _CONV, 8: _CONV}.get(numbers, ()), values, "") or None


def _leading_numbers(values: Sequence[str]) -> int:
    return next((i for i, value in enumerate(values) if not value.isdigit()), len(values))


def _with_extra(columns: tuple[str, ...], values: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the columns of a line that may say more than its header: a second stride, a sparsity.

    Other text behind the last column is a remark; a number there is none.
    """
    extra = values[len(columns) :]
    if extra and extra[0].isdigit() and "strides" in columns:
        at = columns.index("strides")
        columns, extra = (*columns[:at], "stride height", "stride width", *columns[at + 1 :]), extra[1:]
    if extra and extra[0].isdigit() and columns:
        raise GraphError(f"{where} has {_leading_numbers(values)} numbers, its header names {len(columns)}")
    return (*columns, "sparsity") if extra and ":" in extra[0] and columns else columns


def _title(column: str) -> str:
    """Return a column as SCALE-Sim writes it."""
    return column.upper() if len(column) == 1 else column.title().replace("Ifmap", "IFMAP")


def _check_dense(ratio: str, where: str) -> None:
    if len({part.strip() for part in ratio.split(":")}) > 1:
        raise UnsupportedError(f"{where} has sparsity {ratio[:20]}; needs 1:1, dense")


def _number(value: str, what: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > _MOST_DIGITS or int(value) < 1:
        shown = value if len(value) <= 20 else f"{value[:20]}... ({len(value)} characters)"
        raise GraphError(f"{what} = {shown!r}; must be a whole number, at least 1")
    return int(value)


def _add_conv(builder: GraphBuilder, name: str, sizes: dict[str, int]) -> None:
    height, width, kernel_height, kernel_width, channels, filters = (sizes[column] for column in _CONV[:6])
    both = sizes.get("strides", 1)
    stride_height, stride_width = sizes.get("stride height", both), sizes.get("stride width", both)
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
