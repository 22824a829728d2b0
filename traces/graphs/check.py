"""What makes a network graph whole: names, order, sizes and gates agree.

Every refusal is one :class:`~traces.base.errors.GraphError` that names the op or gate, the value and the need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from math import prod
from typing import assert_never

from traces.base.errors import GraphError, did_you_mean
from traces.graphs.kinds import CHANNEL_PRESERVING, PIXEL_PRESERVING, POOLS, TensorSize
from traces.graphs.parts import INPUT, Gate, GraphParts, Op

_WINDOWED = frozenset({"conv", *POOLS})
_RESERVED_COLUMNS = frozenset({"label", "prediction"})  # of a stored trace

# Windows and strides up to this are taken over any input; beyond, up to twice its size.  Choice: DeepLabV3's atrous
# windows reach over 73 of 14 padded pixels, WaveNet's over 513 steps.
WIDEST = 1024
MOST_WORK = 2**44  # MACs or elements of one op; beyond, cycles of a batch may not fit 64 bits


def check_graph(graph: GraphParts) -> None:
    """Raise ``GraphError`` unless names, order, sizes and gates of the graph agree."""
    if not graph.ops:
        raise GraphError(f"network {graph.name!r}: has no ops; needs at least one")
    _check_unique("op", [op.name for op in graph.ops], {INPUT, *graph.input_sizes})
    _check_unique("input", [each.name for each in graph.other_inputs], {INPUT})
    _check_unique("gate", _columns(graph.gates), _RESERVED_COLUMNS)
    sizes: dict[str, TensorSize] = dict(graph.input_sizes)
    for op in graph.ops:
        _check_producers(op, sizes, graph)
        _check_own_sizes(op)
        if graph.chained or INPUT not in op.inputs:
            _check_input_sizes(op, [sizes[name] for name in op.inputs])
        sizes[op.name] = (op.out_channels, op.out_height, op.out_width)
    for gate in graph.gates:
        _check_gate_names(gate, graph)
        _check_gate_order(gate, graph)
        _check_gate_sizes(gate, graph)


def _columns(gates: Iterable[Gate]) -> list[str]:
    """Return the columns that the gates take in a stored trace."""
    columns: list[str] = []
    for gate in gates:
        columns += [gate.name, f"{gate.name}.score"]
        if gate.rules.picks_answer:
            columns += [f"{gate.name}.exit_prediction", f"{gate.name}.exit_confidence"]
    return columns


def _check_unique(what: str, names: list[str], reserved: Iterable[str]) -> None:
    for name, times in Counter(names).items():
        if not name:
            raise GraphError(f"{what} name is empty; every {what} needs a name of its own")
        if times > 1:
            raise GraphError(f"{what} {name!r}: {times} {what}s have this name; names must be unique")
        if name in reserved:
            raise GraphError(f"{what} {name!r}: this name is reserved; rename the {what}")


def _check_producers(op: Op, earlier: dict[str, TensorSize], graph: GraphParts) -> None:
    for name in op.inputs:
        if name in earlier:
            continue
        if name in graph.index:
            raise GraphError(f"op {op.name!r}: reads {name!r}, a later op; needs program order")
        raise GraphError(
            f"op {op.name!r}: no producer {name!r}{did_you_mean(name, [*graph.input_sizes, *graph.index])}"
        )


def _check_own_sizes(op: Op) -> None:
    """Check that an op's sizes can be counted, and its output against its own input."""
    window = op.kernel_height * op.kernel_width if op.kind in POOLS else 0
    counts = {
        "MACs": op.macs,
        "input elements": op.input_elements,
        "output elements": op.output_elements,
        "window elements": op.output_elements * window,
    }
    for what, count in counts.items():
        if count > MOST_WORK:
            raise GraphError(
                f"op {op.name!r} ({op.kind}): {count:,} {what}; at most {MOST_WORK:,} are priced"
            )
    if op.kind in CHANNEL_PRESERVING and op.out_channels != op.in_channels:
        raise GraphError(
            f"op {op.name!r} ({op.kind}): out_channels = {op.out_channels}, needs {op.in_channels} as in"
        )
    inside, outside = (op.in_height, op.in_width), (op.out_height, op.out_width)
    if op.kind in PIXEL_PRESERVING and inside != outside:
        raise GraphError(
            f"op {op.name!r} ({op.kind}): output is {_by(outside)} pixels, needs {_by(inside)} as its input"
        )
    if op.kind in {"global_avg_pool", "global_max_pool"} and outside != (1, 1):
        raise GraphError(f"op {op.name!r} ({op.kind}): output is {_by(outside)} pixels, needs 1x1")
    _check_moved(op)
    for axis in ("height", "width"):
        _check_reach(op, axis)
        if op.kind in _WINDOWED:
            _check_window(op, axis)
        if op.kind == "conv_transpose":
            _check_transposed_window(op, axis)


def _check_moved(op: Op) -> None:
    """Check the number of elements that an op may put out of those it is given."""
    given, out = op.input_elements, op.output_elements
    if (op.kind == "reshape" and given != out) or (op.kind in {"slice", "reduce"} and out > given):
        need = f"{given:,}" if op.kind == "reshape" else f"at most {given:,}"
        raise GraphError(f"op {op.name!r} ({op.kind}): puts out {out:,} elements, needs {need} as its input")


def _check_reach(op: Op, axis: str) -> None:
    """Check that a window is not out of all proportion to its input."""
    size, kernel, stride, dilation = (
        getattr(op, f"{what}_{axis}") for what in ("in", "kernel", "stride", "dilation")
    )
    most = max(WIDEST, 2 * size + 1)
    for what, value in (("a window", dilation * (kernel - 1) + 1), ("a stride", stride)):
        if value > most:
            raise GraphError(
                f"op {op.name!r} ({op.kind}): {what} of {value:,} over an input of {axis} {size:,}; "
                f"at most {most:,}"
            )


def _check_transposed_window(op: Op, axis: str) -> None:
    """Check an output against all that a transposed convolution can make: cut by its padding, or padded."""
    size, out, kernel, stride, dilation = (
        getattr(op, f"{what}_{axis}") for what in ("in", "out", "kernel", "stride", "dilation")
    )
    most = (size - 1) * stride + dilation * (kernel - 1) + max(stride, dilation)
    if out > most:
        raise GraphError(
            f"op {op.name!r} (conv_transpose): out_{axis} = {out}; an input of {size} with kernel {kernel}, "
            f"stride {stride}, dilation {dilation} gives at most {most}"
        )


def _check_window(op: Op, axis: str) -> None:
    """Check an output size against every padding from none to a whole window, rounded down or up."""
    size, out, kernel, stride, dilation = (
        getattr(op, f"{what}_{axis}") for what in ("in", "out", "kernel", "stride", "dilation")
    )
    reach = dilation * (kernel - 1) + 1
    least = max((size - reach) // stride + 1, 1)
    most = -(-(size + reach - 2) // stride) + 1
    if not least <= out <= most:
        raise GraphError(
            f"op {op.name!r} ({op.kind}): out_{axis} = {out}; an input of {size} with kernel {kernel}, "
            f"stride {stride}, dilation {dilation} gives {least} to {most}"
        )


def _check_input_sizes(op: Op, producers: list[TensorSize]) -> None:
    """Check an op's input against what its producers put out."""
    need: TensorSize = (op.in_channels, op.in_height, op.in_width)
    match op.kind:
        case "concat":
            fits = any(_joins(producers, need, axis) for axis in range(3))
        case "add" | "mul":
            fits = need == tuple(map(max, *producers)) and all(_broadcasts(size, need) for size in producers)
        case "matmul":
            weights = prod(op.product[1:]) * op.groups
            fits = len(producers) == 2 and producers[0] == need and prod(producers[1]) == weights
        case "copy" | "upsample":  # and what says which elements
            fits = producers[0] == need
        case "lstm_cell" | "gru_cell" | "rnn_cell":  # and the states that it starts from
            states = producers[1:]
            fits = producers[0] == need and all(size == (op.out_channels, 1, 1) for size in states)
        case "linear":
            flattened: TensorSize = (prod(producers[0]), 1, 1)
            fits = len(producers) == 1 and need in {producers[0], flattened}
        case (
            "conv" | "conv_transpose" | "max_pool" | "avg_pool" | "global_avg_pool" | "global_max_pool" | "reduce"
            | "layer_norm" | "activation" | "softmax" | "threshold" | "reshape" | "slice"
        ):  # fmt: skip
            fits = len(producers) == 1 and producers[0] == need
        case _:
            assert_never(op.kind)
    if not fits:
        got = ", ".join(f"{name!r} {_by(size)}" for name, size in zip(op.inputs, producers, strict=True))
        raise GraphError(
            f"op {op.name!r} ({op.kind}): input is {_by(need)} (channels x height x width), "
            f"its producers give {got}"
        )


def _joins(parts: list[TensorSize], whole: TensorSize, axis: int) -> bool:
    """Whether the parts, laid one behind the other along an axis, are the whole."""
    alike = all(part[i] == whole[i] for part in parts for i in range(3) if i != axis)
    return alike and sum(part[axis] for part in parts) == whole[axis]


def _broadcasts(size: TensorSize, onto: TensorSize) -> bool:
    return all(own in {1, other} for own, other in zip(size, onto, strict=True))


def _by(size: Iterable[int]) -> str:
    return "x".join(str(n) for n in size)


def _check_gate_names(gate: Gate, graph: GraphParts) -> None:
    if not gate.guards:
        raise GraphError(f"gate {gate.name!r}: guards no op; name at least one")
    for role, names in (
        ("reads", (gate.reads,)),
        ("computed_by", gate.computed_by),
        ("guards", gate.guards),
        ("exits", gate.exits),
    ):
        known = [*graph.input_sizes, *graph.index] if role == "reads" else list(graph.index)
        for name in names:
            if name not in known:
                raise GraphError(f"gate {gate.name!r}: {role}: no op {name!r}{did_you_mean(name, known)}")
        if role != "reads" and len(set(names)) != len(names):
            raise GraphError(f"gate {gate.name!r}: {role} names an op twice")


def _check_gate_order(gate: Gate, graph: GraphParts) -> None:
    """Check that a decision is there before the first op that obeys it."""
    place = {**dict.fromkeys(graph.input_sizes, -1), **graph.index}
    if gate.rules.picks_answer:
        _check_exit_order(gate, place)
        return
    steps = [gate.reads, *(name for name in gate.computed_by if name != gate.reads)]
    for before, after in pairwise(steps):
        if place[before] >= place[after]:
            raise GraphError(f"gate {gate.name!r}: {after!r} must come after {before!r} in program order")
    for name in gate.guards:
        if place[name] <= place[steps[-1]]:
            raise GraphError(
                f"gate {gate.name!r}: guards {name!r}, which comes before its decision in {steps[-1]!r}"
            )


def _check_exit_order(gate: Gate, place: dict[str, int]) -> None:
    ordered = sorted(gate.exits, key=place.__getitem__)
    if list(gate.exits) != ordered:
        raise GraphError(f"gate {gate.name!r}: exits must be in program order: {', '.join(ordered)}")
    for name, level in zip(gate.guards, gate.levels, strict=True):
        if level >= gate.size:
            raise GraphError(f"gate {gate.name!r}: level {level} of {name!r}; has exits 0 to {gate.size - 1}")
        if place[name] <= place[gate.exits[level]]:
            raise GraphError(
                f"gate {gate.name!r}: guards {name!r}, which comes before its exit {gate.exits[level]!r}"
            )


def _check_gate_sizes(gate: Gate, graph: GraphParts) -> None:
    for name in gate.guards:
        op = graph.op(name)
        if (gate.rules.decides, gate.rules.stored) == ("channels", "bits") and gate.size != op.out_channels:
            raise GraphError(
                f"gate {gate.name!r}: size = {gate.size}, needs {op.out_channels}: "
                f"out_channels of guarded op {name!r}"
            )
        if gate.widths and gate.widths[-1] > op.out_channels:
            raise GraphError(
                f"gate {gate.name!r}: width {gate.widths[-1]}, needs at most {op.out_channels}: "
                f"out_channels of guarded op {name!r}"
            )
        whole = {"rows": op.out_pixels, "elements": op.output_elements}.get(gate.rules.decides, gate.size)
        if gate.size != whole:
            raise GraphError(
                f"gate {gate.name!r}: size = {gate.size}, needs {whole}: {gate.rules.decides} of guarded op {name!r}"
            )
        if gate.rules.decides in {"tiles", "rows", "elements"}:
            _check_grid(gate, op, graph)


def _check_grid(gate: Gate, op: Op, graph: GraphParts) -> None:
    grid = (gate.tile_rows, gate.tile_cols)
    if gate.tile_rows > op.out_height or gate.tile_cols > op.out_width:
        raise GraphError(
            f"gate {gate.name!r}: a grid of {_by(grid)} tiles over {op.out_height}x{op.out_width} "
            f"output pixels of {op.name!r}; needs at least one pixel per tile"
        )
    for other in graph.guards_of(op.name):
        parts = other.rules.decides in {"tiles", "rows", "elements"}
        same = (other.tile_rows, other.tile_cols) == grid and other.rules.decides == gate.rules.decides
        if parts and not same:
            raise GraphError(
                f"gates {gate.name!r} and {other.name!r}: guard {op.name!r} with different grids of tiles"
            )
