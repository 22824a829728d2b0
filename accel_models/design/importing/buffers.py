"""What the importers share: one buffer of another tool's file, and the design that three buffers and a DRAM make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from traces import ConfigError

CLOCK = "1 GHz"  # these files count cycles; Choice
BUFFER_ROLES = ("activation", "weight", "accumulator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """One memory of the file."""

    name: str
    bits: int  # it holds
    read_bits: int  # a cycle
    read_pj: float | None = None  # per access of ``read_bits``
    write_pj: float | None = None

    def price(self, action: str, access_pj: float | None) -> list[dict[str, str]]:
        """Return what an action costs per byte, nothing where the file states no energy."""
        if access_pj is None:
            return []
        value = f"{access_pj / (self.read_bits / 8):.6g} pJ"
        return [{"action": action, "value": value, "source": f"the file's {self.name}"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Names of the memories on a chip by what they are to a design."""

    feeding: dict[str, str]  # the array, by role; a role without a memory of its own is left out
    behind: tuple[str, ...]  # these, before the DRAM

    @classmethod
    def of(cls, chains: Mapping[str, Sequence[str]], origin: str) -> Levels:
        """Return those of each role's memories, from the array outwards; registers and DRAM apart.

        Results go to where inputs lie: what both have in common is no second level of the sums.

        Raises
        ------
        ConfigError
            If an operand has three levels, or inputs have two and weights have not, or the other way round.
        """
        inputs, weights = chains["activation"], chains["weight"]
        behind = tuple(dict.fromkeys([*inputs[1:], *weights[1:]]))
        sums = [name for name in chains["accumulator"] if name not in behind]
        if len(sums) == 2 and sums[1:] == list(inputs[:1]):
            sums.pop()
        found = {"activation": inputs, "weight": weights, "accumulator": sums}
        most = {"activation": 2, "weight": 2, "accumulator": 1}
        for role, names in found.items():
            lone = role != "accumulator" and len(names) == 2 and len(inputs) != len(weights)
            if len(names) > most[role] or lone:
                above = names[most[role] - lone]
                raise ConfigError(
                    f"{origin}: {above}: above {names[most[role] - lone - 1]} for {role}s; a design has one level "
                    "behind its buffers, of inputs and weights together (memory.l2)"
                )
        return cls(feeding={role: names[0] for role, names in found.items() if names}, behind=behind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file says."""

    name: str
    tool: str
    array: dict[str, Any]
    buffers: dict[str, Buffer]  # by the roles above
    dram: Buffer
    behind: tuple[Buffer, ...] = ()  # the second level on the chip
    banks: int = 1
    bits: int = 8  # of inputs and weights
    sum_bits: int = 32


def whole(value: object, path: str) -> int:
    """Return a positive whole number of the file."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value) or value < 1:
        raise ConfigError(f"{path} = {value!r}: a whole number from 1 is needed")
    return int(value)


def design_data(found: Found) -> dict[str, Any]:
    """Return the file as the data of a design.

    Choice: ops that multiply nothing are ignored, and the table of operations prices what the file does not.
    """
    told = f"{found.tool}, as read from the file"
    shape = f"{found.array['rows']} x {found.array['cols']} {found.array['dataflow']} array"
    return {
        "name": found.name,
        "description": f"{shape}, read from {found.tool}",
        "clock": CLOCK,
        "array": found.array,
        "memory": _memory(found),
        "elementwise": "ignored",
        "gate_unit": "array",
        "technology": {
            "node": "45 nm",
            "voltage": "0.9 V",
            "precision": "int8" if found.bits <= 8 else "int16",
            "prices": _prices(found),
        },
        "sources": {
            "array": told,
            "memory": told,
            "clock": "assumption: the file counts cycles",
            "technology": "assumption: Horowitz, ISSCC 2014, beside the prices of the file",
            "elementwise": "assumption: the file has no unit for them",
            "gate_unit": "the only unit",
            "gate_weights": "assumption",
            "skip": "assumption: whole layers alone",
            "software": "not read without a core",
        },
    }


def _memory(found: Found) -> dict[str, Any]:
    buffers = found.buffers
    names = {role: buffer.name for role, buffer in buffers.items()}
    return {
        **{f"{role}_buffer": _size(buffers[role], room=role != "weight") for role in BUFFER_ROLES},
        "shared_buffer": names["weight"] == names["activation"],
        "shared_sums": names["accumulator"] == names["activation"],
        "activation_bits": found.bits,
        "weight_bits": found.bits,
        "accumulator_bits": found.sum_bits,
        "banks": found.banks,
        "ports": {
            role: f"{2 * buffers[role].read_bits} bit" for role in BUFFER_ROLES
        },  # reads, and as much for writes
        **_second_level(found.behind),
        "dram": {
            "bandwidth": f"{found.dram.read_bits / 8:.6g} GB/s",  # at the clock above
            "latency": "0 ns",
            "burst": f"{max(1, found.dram.read_bits // 8)} B",
            "requests_in_flight": 1,
            "price": "default",
        },
    }


def _second_level(behind: Sequence[Buffer]) -> dict[str, Any]:
    """Return the section of the memories behind the buffers.

    Choice: several of one level are one of their sum, as fast as the slowest of them.
    """
    if not behind:
        return {}
    width = min(buffer.read_bits for buffer in behind)
    size = sum(buffer.bits for buffer in behind) // 8
    return {"l2": {"size": f"{size} B", "bandwidth": f"{width / 8:.6g} GB/s", "latency": "0 ns"}}


def _size(buffer: Buffer, *, room: bool) -> str:
    size = buffer.bits // 8
    if room and size < 1:
        raise ConfigError(f"memory {buffer.name!r} holds {buffer.bits} bit: a byte at least is needed")
    return f"{size} B"


def _prices(found: Found) -> list[dict[str, str]]:
    activation, weight, sums = (found.buffers[role] for role in BUFFER_ROLES)
    return [
        *activation.price("activation_sram_read_bytes", activation.read_pj),
        *activation.price("activation_sram_write_bytes", activation.write_pj),
        *weight.price("weight_sram_read_bytes", weight.read_pj),
        *weight.price("weight_sram_write_bytes", weight.write_pj),
        *sums.price("accumulator_read_bytes", sums.read_pj),
        *sums.price("accumulator_write_bytes", sums.write_pj),
        *(price for near in found.behind[:1] for price in near.price("l2_read_bytes", near.read_pj)),
        *(price for near in found.behind[:1] for price in near.price("l2_write_bytes", near.write_pj)),
        *found.dram.price("dram_read_bytes", found.dram.read_pj),
        *found.dram.price("dram_write_bytes", found.dram.write_pj),
    ]
