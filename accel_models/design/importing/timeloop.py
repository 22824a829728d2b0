"""Timeloop's architectures (versions 0.3 and 0.4) as designs.

Components are read from the DRAM inwards, with as many instances as the containers around them say (``meshX`` columns).
The last buffer that is no register of a PE feeds the array; what the innermost storage keeps says the dataflow:
scratchpads for inputs, weights and outputs in each PE are ``rs``, one for weights ``ws``, for outputs ``os``, for
inputs ``is``.

Two buffers of inputs and of weights, one above the other, are buffers and the second level behind them.

Refused by name: three of them, or two of one operand alone, PEs without storage, fanouts between them that are no
rows x columns, other axes than meshX and meshY, sparse optimizations, other versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accel_models.design.importing.buffers import BUFFER_ROLES, Buffer, Found, Levels, whole
from traces import ConfigError

_TAGS = re.compile(r"!(Container|Component|Element|Parallel|Hierarchical|Pipelined|Nothing)\b")
_RANGE = re.compile(r"\[(\d+)\.\.(\d+)\]$")
_MESH = ("meshX", "meshY")
_VERSIONS = ("0.2", "0.3", "0.4")
_KEPT = {"Inputs": "is", "Weights": "ws", "Outputs": "os"}
_WORDS = {
    "Inputs": ("ifmap", "input"),
    "Weights": ("weight", "filter"),
    "Outputs": ("psum", "accum", "output", "ofmap"),
}


@dataclass(frozen=True, slots=True)
class Component:
    """One component, and how many there are."""

    name: str
    kind: str
    attributes: Mapping[str, Any]
    keep: tuple[str, ...]  # of Inputs, Weights, Outputs; all where the file does not say
    instances: int
    cols: int  # of them side by side


def without_tags(text: str) -> str:
    """Return the YAML without Timeloop's tags: what a node is shows in its keys."""
    return _TAGS.sub("", text)


def is_timeloop(data: Mapping[str, Any]) -> bool:
    """Whether the file is one of Timeloop's architectures."""
    inner = data.get("architecture")
    return isinstance(inner, Mapping) and bool({"nodes", "subtree"} & set(inner))


def read_timeloop(data: Mapping[str, Any], origin: str) -> Found:
    """Return what the file says; :class:`ConfigError` names what no design can say."""
    tree = data["architecture"]
    if str(tree.get("version", _VERSIONS[-1])) not in _VERSIONS:
        raise ConfigError(
            f"{origin}: architecture.version = {tree['version']}: one of {', '.join(_VERSIONS)} is needed"
        )
    nodes = tree["nodes"] if "nodes" in tree else tree["subtree"]
    parts = [part for part in _parts(nodes, 1, 1) if not part.name.startswith("Dummy")]
    macs = [part for part in parts if "mac" in part.kind.lower()]
    drams = [part for part in parts if part.kind.upper() == "DRAM"]
    if len(macs) != 1 or len(drams) != 1:
        raise ConfigError(
            f"{origin}: architecture: one DRAM and one class of MACs are needed, found {len(drams)}, {len(macs)}"
        )
    mac, storage = macs[0], [part for part in parts if part not in (macs[0], drams[0])]
    if mac.instances % mac.cols:
        raise ConfigError(
            f"{origin}: {mac.name}: {mac.instances} on {mac.cols} columns are no rows x columns"
        )
    pads = [part for part in storage if part.instances == mac.instances]
    shared = [part for part in storage if part.instances < mac.instances]
    bits = _number(mac.attributes, "datawidth", "word-bits", "word_bits", default=8)
    by_name = {part.name: part for part in shared}
    chains = {
        role: [part.name for part in reversed(shared) if operand in part.keep]
        for role, operand in zip(BUFFER_ROLES, _KEPT, strict=True)
    }
    levels = Levels.of(chains, origin)
    return Found(
        name=re.sub(r"\W+", "_", str(data.get("name", origin.rsplit("/", 1)[-1].split(".", maxsplit=1)[0]))),
        tool="Timeloop",
        array={
            "rows": mac.instances // mac.cols,
            "cols": mac.cols,
            **_dataflow(pads, origin),
        },
        buffers={
            role: _feeding(by_name.get(levels.feeding.get(role, "")), pads, operand, origin)
            for role, operand in zip(BUFFER_ROLES, _KEPT, strict=True)
        },
        behind=tuple(_buffer(by_name[name]) for name in levels.behind),
        dram=_buffer(drams[0]),
        banks=max([_number(part.attributes, "n_banks", default=1) for part in shared], default=1),
        bits=bits,
        sum_bits=max(bits, 16 if bits > 8 else 32),
    )


def _parts(nodes: Any, instances: int, cols: int) -> Iterator[Component]:
    """Yield components from outside inwards; a container multiplies what comes after it in its list."""
    for node in nodes:
        if "nodes" in node and "class" not in node:  # side by side, one within the other for counting
            yield from _parts(node["nodes"], instances, cols)
            continue
        if node.get("sparse_optimizations"):
            raise ConfigError(f"{node.get('name', 'a node')}: sparse_optimizations: no design can say them")
        mesh = _mesh(node)
        found = _RANGE.search(str(node.get("name", "")))
        many = int(found[2]) - int(found[1]) + 1 if found else 1
        if "spatial" in node:
            many *= whole(mesh.get("meshX", 1), "meshX") * whole(mesh.get("meshY", 1), "meshY")
        here = instances * many
        across = whole(mesh["meshX"], "meshX") if "meshX" in mesh else cols
        if "class" in node:
            yield Component(
                str(node["name"]), str(node["class"]), node.get("attributes") or {}, _keep(node), here, across
            )
            continue
        instances, cols = here, across
        yield from _parts(node.get("local", ()), here, across)
        yield from _parts(node.get("subtree", ()), here, across)


def _mesh(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many stand side by side along each axis, where the node says."""
    spatial, attributes = node.get("spatial") or {}, node.get("attributes") or {}
    odd = [key for key in spatial if key not in _MESH]
    odd += [key for key in attributes if key.lower() in map(str.lower, _MESH) and key not in _MESH]
    if odd:
        raise ConfigError(f"{node.get('name', 'a node')}: {odd[0]}: no axis of a mesh; meshX and meshY are")
    return {**spatial, **{key: attributes[key] for key in _MESH if key in attributes}}


def _keep(node: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the operands that a component keeps: as its constraints say, or the words of its name."""
    dataspace = ((node.get("constraints") or {}).get("dataspace")) or {}
    stated = dataspace.get("keep", dataspace.get("keep_only"))
    if stated is not None:
        return tuple(stated)
    named = [
        operand
        for operand, words in _WORDS.items()
        if any(word in str(node["name"]).lower() for word in words)
    ]
    passed = set(dataspace.get("bypass", ()))
    return tuple(named or [operand for operand in _KEPT if operand not in passed])


def _dataflow(pads: list[Component], origin: str) -> dict[str, Any]:
    if not pads:
        raise ConfigError(f"{origin}: no PE has storage, so nothing says what stays in it")
    kept = {operand: part for part in pads for operand in part.keep}
    if len(pads) > 1 and len(kept) == len(_KEPT):
        words = {operand: _bits(part) // _word(part) for operand, part in kept.items()}
        named = {"inputs": words["Inputs"], "weights": words["Weights"], "sums": words["Outputs"]}
        return {"dataflow": "rs", "scratchpads": named, "depthwise_on": "array"}
    if len(kept) == len(pads) == 1:
        return {"dataflow": _KEPT[next(iter(kept))], "weight_preload": "overlapped", "drain": "overlapped"}
    raise ConfigError(
        f"{origin}: {pads[-1].name} keeps {', '.join(kept)}: what stays in a PE decides the dataflow, so one operand, "
        "or scratchpads for each of the three, is needed (constraints.dataspace.keep)"
    )


def _feeding(held: Component | None, pads: list[Component], operand: str, origin: str) -> Buffer:
    """Return the buffer of an operand; the PEs' own storage together where it has no other."""
    own = [part for part in pads if operand in part.keep]
    if held is None and not own:
        raise ConfigError(f"{origin}: no storage on the chip keeps {operand}")
    return _buffer(held or own[0])


def _buffer(part: Component) -> Buffer:
    """Return a component as a buffer; a bandwidth counts words, a component without one reads its width."""
    many = 1 if part.kind.upper() == "DRAM" else part.instances
    width = _number(part.attributes, "width", "memory_width", default=64)
    words = _number(part.attributes, "shared_bandwidth", "read_bandwidth", default=0)
    return Buffer(name=part.name, bits=_bits(part), read_bits=many * (words * _word(part) or width))


def _bits(part: Component) -> int:
    if part.kind.upper() == "DRAM":
        return 1
    width = _number(part.attributes, "width", "memory_width", default=64)
    depth = _number(part.attributes, "depth", "memory_depth", "entries", default=0)
    if not depth:
        raise ConfigError(f"{part.name}: depth is missing: what it holds is not known")
    return part.instances * depth * width


def _word(part: Component) -> int:
    return part.instances * _number(part.attributes, "datawidth", "word-bits", "word_bits", default=8)


def _number(attributes: Mapping[str, Any], *names: str, default: int) -> int:
    for name in names:
        if name in attributes:
            return whole(attributes[name], name)
    return default
