"""Vela's estimate of single ops, and of the ops of networks: a row is one pass of an NPU's engine.

Predicted and not read from a row: the block, how weights compress, whether they are staged and in how many slices,
and the layout of tensors (networks keep bricks between ops; what comes in and goes out lies pixel by pixel).  Read
are the op, its sizes and which memory its tensors lie in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from accel_models import (
    BRICK,
    LEAST_FUSED,
    Behind,
    Engine,
    MicroNpu,
    NpuWork,
    OutputFunction,
    element_cycles,
    machine_of,
    run_in_order,
)
from analysis.validation.reference_rows import Row
from analysis.validation.rows.kind import NotCovered, Outcome, Pair, Skipped, number
from analysis.validation.vela.machine import design_of
from traces import Bools, ConfigError, Floats, Ints, LacunaError, shown

_SIZES = (
    "ifm_h ifm_w ifm_c ifm2_h ifm2_w ifm2_c ofm_h ofm_w ofm_c kernel_h kernel_w stride_h stride_w"
    " dilation_h dilation_w"
)
COLUMNS = (
    "network accelerator system_config memory_mode row tflite_op op fused ifm_dtype ofm_dtype ifm_memory"
    f" ifm2_memory ofm_memory weight_sigma weight_zero_fraction_made {_SIZES}"
)
WHOLE_COLUMNS = (
    "ifm_full_c",
    "ofm_full_c",
)  # that a file may lack: channels of the tensors that a row's are part of
_ENGINES: Final[dict[str, Engine]] = {
    "Conv2D": Engine.CONV,
    "FullyConnected": Engine.CONV,
    "DepthwiseConv2D": Engine.DEPTHWISE,
    "AvgPool": Engine.POOL,
    "MaxPool": Engine.POOL,
    "MemoryCopy": Engine.POOL,
    "LUT": Engine.POOL,
    "Relu": Engine.POOL,
    "Relu6": Engine.POOL,
    "ReduceSum": Engine.REDUCE,
    "Add": Engine.ELEMENTWISE,
    "Sub": Engine.ELEMENTWISE,
    "Mul": Engine.ELEMENTWISE,
    "Asr": Engine.ELEMENTWISE,
    "SHL": Engine.ELEMENTWISE,
    "CLZ": Engine.ELEMENTWISE,
}
_FUNCTIONS: Final[dict[str, OutputFunction]] = {
    "Add": "add",
    "Sub": "add",
    "Mul": "mul",
    "MaxPool": "max_pool",
}
_CLIPS = frozenset({"Relu", "Relu6", "ReluN1To1", "Relu0To1"})
_TABLES = frozenset({"LUT", "Sigmoid", "Tanh"})
_SIGMA = 20.0  # of weights where a row says nothing
_ALIKE_SIGMA = 0.3  # of a mean's weights, which are all alike
_GAP = 3  # rows that a fused op or two leave out between ops that follow each other

Values = Floats


def evaluate_ops(rows: Sequence[Row], column: str = "op_cycles") -> list[Outcome]:
    """Return an outcome for every row, in order; ops of one network in one file hide each other's weights."""
    found: dict[int, Outcome] = {}
    runs: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        try:
            _check(row, column)
            runs[_run(row)].append(i)
        except (LacunaError, ValueError) as error:
            found[i] = Skipped(_label(row), str(error))
    for members in runs.values():
        members.sort(key=lambda i: int(rows[i]["row"]))
    machines: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for key, members in runs.items():
        machines[key[1:]].extend(members)
    for members in machines.values():
        found.update(zip(members, _compared([rows[i] for i in members], column), strict=True))
    return [found[i] for i in range(len(rows))]


def _compared(rows: Sequence[Row], column: str) -> list[Outcome]:
    """Compare the rows of one machine."""
    try:
        cycles = predicted_cycles(rows, column)
    except LacunaError as error:
        return [Skipped(_label(row), str(error)) for row in rows]
    return [
        Pair(_label(row), f"{row['accelerator']} {row['op']}", number(row, column), float(value))
        for row, value in zip(rows, cycles, strict=True)
    ]


def predicted_cycles(rows: Sequence[Row], column: str = "op_cycles") -> Values:
    """Return the cycles of ops of one machine, network behind network, in the order of their programs."""
    machine = machine_of(design_of(rows[0]))
    run = run_in_order(npu_work(rows, machine), machine, _first(rows), follows=_follows(rows))
    return run.npu if column == "npu_cycles" else run.op


def _check(row: Row, column: str) -> None:
    number(row, column)
    if row["op"] not in _ENGINES:
        raise NotCovered(f"op {row['op']!r}: known: {', '.join(_ENGINES)}")
    for name, known in _WORDS.items():
        if row[name] not in known:
            raise NotCovered(f"{name} {shown(row[name])}: known: {', '.join(filter(None, known))}")
    for name in (*_SIZES.split(), "row"):
        least = 0 if name in _MAY_BE_0 else 1
        if not (row[name].isdecimal() and row[name].isascii() and least <= int(row[name]) <= MOST_SIZE):
            raise ConfigError(f"{name} = {shown(row[name])}: must be {least} to {MOST_SIZE:,}")
    if not 0 <= float(row["weight_zero_fraction_made"] or 0) <= 1 or not 0 < _sigma(row) <= MOST_SIGMA:
        raise ConfigError("weights: zeros must be 0 to 1, sigma above 0 and at most 127")


_MEMORIES = ("", "Sram", "Dram", "OffChipFlash")
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "ifm_dtype": ("Int8", "UInt8", "Int32"),
    "ofm_dtype": ("", "Int8", "UInt8", "Int32"),
    "ifm_memory": _MEMORIES,
    "ifm2_memory": _MEMORIES,
    "ofm_memory": _MEMORIES,
}
_MAY_BE_0 = ("row", "ifm2_h", "ifm2_w", "ifm2_c")
MOST_SIZE = 1 << 16  # registers of the NPU hold sizes in 16 bits
MOST_SIGMA = 127.0  # int8


def _run(row: Row) -> tuple[str, ...]:
    return row["network"], row["accelerator"], row["system_config"], row["memory_mode"]


def _label(row: Row) -> str:
    return " ".join(row.get(name, "") for name in ("network", "row", "op", "accelerator", "memory_mode"))


def _first(rows: Sequence[Row]) -> Bools:
    return np.array([row["row"] == "0" for row in rows])


def _follows(rows: Sequence[Row]) -> Bools:
    """Whether each row's predecessor in its network is the row before it."""
    pairs = zip([None, *rows[:-1]], rows, strict=True)
    return np.array(
        [
            before is not None and _run(before) == _run(row) and int(row["row"]) - int(before["row"]) <= _GAP
            for before, row in pairs
        ]
    )


def npu_work(rows: Sequence[Row], machine: MicroNpu) -> NpuWork:
    """Return rows as the engines take them."""
    size = {name: np.array([int(row[name]) for row in rows]) for name in _SIZES.split()}
    comes_in, goes_out = _first(rows), _last(rows)
    parts = _parts(rows) if machine.npu.rams else {}  # banks: no row contradicts whole bricks
    comes_flat, goes_flat = _flat(rows, parts)
    return NpuWork(
        engine=np.array([int(_ENGINES[row["op"]]) for row in rows]),
        in_height=size["ifm_h"],
        in_width=size["ifm_w"],
        in_channels=size["ifm_c"],
        out_height=size["ofm_h"],
        out_width=size["ofm_w"],
        out_channels=size["ofm_c"],
        kernel_height=size["kernel_h"],
        kernel_width=size["kernel_w"],
        stride_height=size["stride_h"],
        stride_width=size["stride_w"],
        reach_height=(size["kernel_h"] - 1) * size["dilation_h"] + 1,
        reach_width=(size["kernel_w"] - 1) * size["dilation_w"] + 1,
        in_bits=_bits(rows, "ifm_dtype"),
        out_bits=_bits(rows, "ofm_dtype"),
        element_cycles=np.array([_element_cycles(row, machine) for row in rows]),
        in_bricks=~comes_in
        & ~comes_flat
        & ~_lie(rows, "ifm_memory", "OffChipFlash"),  # constants lie pixel by pixel
        out_bricks=~goes_out & ~goes_flat,
        out_whole=np.array([parts.get(i, int(row["ofm_c"])) for i, row in enumerate(rows)]),
        second_bricks=~comes_in & ~_lie(rows, "ifm2_memory", "OffChipFlash"),
        second=size["ifm2_h"] * size["ifm2_w"] * size["ifm2_c"],
        in_offchip=_lie(rows, "ifm_memory", "Dram", "OffChipFlash"),
        second_offchip=_lie(rows, "ifm2_memory", "Dram", "OffChipFlash"),
        out_offchip=_lie(rows, "ofm_memory", "Dram"),
        looks_up=np.array([row["op"] == "LUT" for row in rows]),
        weight_sigma=np.array([_sigma(row) for row in rows]),
        weight_zeros=np.array([float(row["weight_zero_fraction_made"] or 0) for row in rows]),
    )


def _flat(rows: Sequence[Row], parts: Mapping[int, int]) -> tuple[Bools, Bools]:
    """Whether a clip that was not fused makes what a row reads, and what it writes, lie pixel by pixel.

    Results of fewer than 8 channels are folded anew for it, and stay so; those of groups stay where they are written.
    A tensor that is put together of parts lies so too, unless each is whole bricks.
    """
    reads, writes = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    follows = _follows(rows)
    for i in np.flatnonzero(follows).tolist():
        before = int(rows[i - 1]["ofm_c"])
        if rows[i]["op"] in _CLIPS and before % BRICK:
            reads[i] = writes[i - 1] = True
            writes[i] = before < LEAST_FUSED
        elif writes[i - 1]:
            reads[i] = True
    for i in parts:
        size = [rows[i]["ofm_h"], rows[i]["ofm_w"], str(parts[i])]
        later = (k for k in range(i + 1, len(rows)) if _run(rows[k]) == _run(rows[i]))
        writes[i] = True
        reads[[k for k in later if [rows[k][f"ifm_{side}"] for side in "hwc"] == size][:1]] = True
    return reads, writes


def _parts(rows: Sequence[Row]) -> dict[int, int]:
    """Return which rows write a part of a concatenated tensor, not all of whose parts are whole bricks: its channels.

    Groups, which read parts as well, are none.
    """
    found: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        whole, read = (row.get(column) or "" for column in ("ofm_full_c", "ifm_full_c"))
        if whole not in {"", row["ofm_c"]} and read in {"", row["ifm_c"]}:
            found[_run(row), row["ofm_h"], row["ofm_w"], whole].append(i)
    broken = (m for m in found.values() if any(int(rows[i]["ofm_c"]) % BRICK for i in m))
    return {i: int(rows[i]["ofm_full_c"]) for members in broken for i in members}


def _last(rows: Sequence[Row]) -> Bools:
    return np.array(
        [
            after is None or _run(after) != _run(row)
            for row, after in zip(rows, [*rows[1:], None], strict=True)
        ]
    )


def _bits(rows: Sequence[Row], column: str) -> Ints:
    return np.array([32 if row[column] == "Int32" else 8 for row in rows])


def _lie(rows: Sequence[Row], column: str, *memories: str) -> Bools:
    return np.array([row[column] in memories for row in rows])


def _sigma(row: Row) -> float:
    return _ALIKE_SIGMA if row["tflite_op"] == "Mean" else float(row["weight_sigma"] or _SIGMA)


def _element_cycles(row: Row, machine: MicroNpu) -> float:
    return element_cycles(
        machine.npu.output_cycles,
        _FUNCTIONS.get(row["op"], "sum"),
        elementwise=_ENGINES[row["op"]] == Engine.ELEMENTWISE,
        in_bits=32 if row["ifm_dtype"] == "Int32" else 8,
        out_bits=32 if row["ofm_dtype"] == "Int32" else 8,
        binary=row["ifm2_h"] not in {"", "0"},
        behind=tuple(_behind(name) for name in row["fused"].split("|") if name),
    )


def _behind(name: str) -> Behind:
    if name in _CLIPS:
        return "clip"
    return "table" if name in _TABLES else "op"
