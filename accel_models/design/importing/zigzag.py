"""ZigZag's accelerators (``inputs/hardware/*.yaml``, version 3) as designs.

Of each operand the memory on the chip that feeds the array becomes its buffer, registers of the PEs apart; what stays
in those says the dataflow: weights (I2) one per PE is ``ws``, with sums kept where outputs (O) have one too, outputs
and no weights ``os``.

An array of more than two dimensions has its reduction in the rows, output channels in the columns, and the rest pixels.

Two memories of inputs and of weights, one above the other, are buffers and the second level behind them.

Refused by name: dimensions that registers do not tell apart, three memories on the chip one above the other, or two of
one operand alone, analogue and digital in-memory computing.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from accel_models.design.importing.buffers import Buffer, Found, Levels, whole
from traces import ConfigError

MOST_REGISTER_BITS = 4096  # Choice: what holds more is a buffer; the widest of ZigZag's examples has 1024
_ARRAY_KEYS = "operational_array", "multipliers"  # of newer and of older files
OPERANDS = {"activation": "I1", "weight": "I2", "accumulator": "O"}


def is_zigzag(data: Mapping[str, Any]) -> bool:
    """Whether the file is one of ZigZag's accelerators."""
    return "memories" in data and bool({*_ARRAY_KEYS} & set(data))


def read_zigzag(data: Mapping[str, Any], origin: str) -> Found:
    """Return what the file says; :class:`ConfigError` names what no design can say."""
    array = next(data[key] for key in _ARRAY_KEYS if key in data)
    if array.get("is_imc"):
        raise ConfigError(f"{origin}: operational_array.is_imc: no unit computes inside a memory")
    memories = dict(data["memories"])
    rows, cols, pixels = _shape(array, memories, origin)
    pes = rows * cols * pixels
    inner = {role: _registers(memories, operand) for role, operand in OPERANDS.items()}
    levels = Levels.of(
        {role: _on_chip(memories, operand, origin) for role, operand in OPERANDS.items()}, origin
    )
    return Found(
        name=str(data.get("name", "zigzag")),
        tool="ZigZag",
        array={
            "rows": rows,
            "cols": cols,
            "pixels": pixels,
            **_dataflow(inner, memories, origin),
        },
        buffers={role: _buffer(memories, role, levels, pes, origin) for role in OPERANDS},
        behind=tuple(_memory(name, memories, 1) for name in levels.behind),
        dram=_memory(_outermost(memories, origin), memories, 1),
        bits=max(int(bits) for bits in array.get("input_precision", (8, 8))),
    )


def _shape(array: Mapping[str, Any], memories: Mapping[str, Any], origin: str) -> tuple[int, int, int]:
    """Return rows, columns, and pixels at a time.

    What shares a weight register lies in other pixels; what shares an output register adds to one sum, in the rows.
    """
    path = f"{origin}: operational_array"
    sizes = dict(
        zip(
            array.get("dimensions", ()),
            (whole(s, f"{path}.sizes") for s in array.get("sizes", ())),
            strict=True,
        )
    )
    if len(sizes) == 2:
        rows, cols = sizes.values()
        return rows, cols, 1
    weights, sums = (_served(memories, operand) for operand in ("I2", "O"))
    if len(sizes) < 2 or not (weights and sums) or weights & sums or not weights | sums < set(sizes):
        raise ConfigError(
            f"{path}.sizes = {list(sizes.values())}: rows, columns and pixels at a time are needed; what PEs share "
            f"of I2 ({', '.join(sorted(weights))}) and of O ({', '.join(sorted(sums))}), their served_dimensions, "
            "does not tell them apart"
        )
    rest = set(sizes) - weights - sums
    rows, cols, pixels = (prod(sizes[name] for name in names) for names in (sums, rest, weights))
    return rows, cols, pixels


def _served(memories: Mapping[str, Any], operand: str) -> set[str]:
    """Return the dimensions along which PEs share the innermost memory of an operand."""
    own: Mapping[str, Any] = next((m for m in memories.values() if operand in m["operands"]), {})
    return set(own.get("served_dimensions") or ())


def _registers(memories: Mapping[str, Any], operand: str) -> bool:
    """Return whether the innermost memory of an operand is a register: one to a PE, or to few of them."""
    own = next((m for m in memories.values() if operand in m["operands"]), None)
    return (
        own is not None and own["operands"] == [operand] and whole(own["size"], "size") <= MOST_REGISTER_BITS
    )


def _dataflow(inner: Mapping[str, bool], memories: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return the settings of what stays; Choice: scratchpads of all three operands in a PE are row stationary."""
    if all(inner.values()):
        pads = {role: _words(memories, operand) for role, operand in OPERANDS.items()}
        named = {"inputs": pads["activation"], "weights": pads["weight"], "sums": pads["accumulator"]}
        return {"dataflow": "rs", "scratchpads": named, "depthwise_on": "array"}
    streaming = {"weight_preload": "overlapped", "drain": "overlapped", "reduction": "per_tap"}
    if inner["weight"]:
        return {"dataflow": "ws", "sum_registers": inner["accumulator"], **streaming}
    if inner["accumulator"]:
        return {"dataflow": "os", **streaming}
    raise ConfigError(f"{origin}: memories: no operand stays in the PEs, so nothing says the dataflow")


def _words(memories: Mapping[str, Any], operand: str) -> int:
    """Return the words of an operand's registers, as wide as a read of them."""
    name, own = next((name, m) for name, m in memories.items() if operand in m["operands"])
    return max(1, whole(own["size"], f"memories.{name}.size") // _bandwidth(own, f"memories.{name}"))


def _on_chip(memories: Mapping[str, Any], operand: str, origin: str) -> list[str]:
    """Return the memories on the chip that hold an operand, from the array outwards, registers apart."""
    outer = _outermost(memories, origin)
    return [
        name
        for name, memory in memories.items()
        if operand in memory["operands"]
        and name != outer
        and whole(memory["size"], f"memories.{name}.size") > MOST_REGISTER_BITS
    ]


def _buffer(memories: Mapping[str, Any], role: str, levels: Levels, pes: int, origin: str) -> Buffer:
    """Return what feeds the array with an operand; its registers if it has no other memory."""
    if role in levels.feeding:
        return _memory(levels.feeding[role], memories, 1)
    held = [name for name, memory in memories.items() if OPERANDS[role] in memory["operands"]]
    if held[0] == _outermost(memories, origin):
        raise ConfigError(f"{origin}: memories: none on the chip holds {OPERANDS[role]}")
    return _memory(held[0], memories, pes)


def _outermost(memories: Mapping[str, Any], origin: str) -> str:
    """Return the memory that holds all operands and is last in the file: ZigZag lists them inside out."""
    every = [name for name, m in memories.items() if set(OPERANDS.values()) <= set(m["operands"])]
    if not every:
        raise ConfigError(f"{origin}: memories: none holds I1, I2 and O, as a DRAM does")
    return every[-1]


def _memory(name: str, memories: Mapping[str, Any], instances: int) -> Buffer:
    memory = memories[name]
    path = f"memories.{name}"
    return Buffer(
        name=name,
        bits=instances * whole(memory.get("size"), f"{path}.size"),
        read_bits=instances * _bandwidth(memory, path),
        read_pj=_energy(memory.get("r_cost"), instances),
        write_pj=_energy(memory.get("w_cost"), instances),
    )


def _energy(cost: float | None, instances: int) -> float | None:
    return None if cost is None else cost * instances


def _bandwidth(memory: Mapping[str, Any], path: str) -> int:
    """Return the bits of a read: of older files the memory's, of newer ones its widest port's."""
    if "r_bw" in memory:
        return whole(memory["r_bw"], f"{path}.r_bw")
    widths = [port.get("bandwidth_max") for port in memory.get("ports", ()) if port.get("type") != "write"]
    return max((whole(width, f"{path}.ports.bandwidth_max") for width in widths), default=8)
