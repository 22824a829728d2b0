"""The steps of a compiler, and what output stages take over: scores folded, adds, pools and activations fused.

Folded and fused ops are taken over by a producer's output stage::

    conv2 ─► mul by the block's score ─► add to the shortcut ─► global pool of the next gate
    [ host ][ scale                    ][ add                 ][ global_pool               ]

A *host* is an op that requantises its results on their way out.  What it takes over costs no time and no
traffic of its own, but for the operand that the stage has to read: the shortcut of an add.

Sources: ReLU(s x) = s ReLU(x) for s >= 0, so a channel's score joins the requantisation multiplier of that
channel and a block's score that of its branch (Jacob et al., CVPR 2018, equation 7, has one multiplier per
channel).  Which stage can do what is a design's ``output_stage``, with a source there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Final, Literal, get_args

from traces import (
    FUSED,
    MAC_KINDS,
    ConfigError,
    NetworkGraph,
    Op,
    did_you_mean,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """What is done to the dynamic network and to the dense one alike before they are priced.

    ===============  ====================================================================================
    step             what it does
    ===============  ====================================================================================
    ``fold``         a gate's score joins the requantisation of what it scales; no ``mul`` is left
    ``fuse``         adds, pools and activations join the output stage of their producer
    ``sort``         channels are permuted by the execution rates of other inputs than those replayed
    ``place_gates``  each gate op runs on its cheaper unit
    ``pin``          as many weights as fit stay in the weight buffer
    ``tile``         tiles are chosen together, for the schedule of the whole network
    ``depth_first``  two or three layers run band by band where what lies between them would leave the chip
    ===============  ====================================================================================

    What a design's ``output_stage`` does not list is neither folded nor fused.
    """

    fold: bool = True
    fuse: bool = True
    sort: bool = True
    place_gates: bool = True
    pin: bool = True
    tile: bool = True
    depth_first: bool = True

    @classmethod
    def naive(cls) -> Compiler:
        """Return the compiler that does nothing: every op runs as the graph has it."""
        return cls.without(STEPS)

    @classmethod
    def without(cls, names: Iterable[str]) -> Compiler:
        """Return the compiler with the named steps switched off.

        Raises
        ------
        ConfigError
            If a name is no step; the message has the nearest one.
        """
        unknown = [name for name in names if name not in STEPS]
        if unknown:
            raise ConfigError(f"compiler step {unknown[0]!r}: no such step{did_you_mean(unknown[0], STEPS)}")
        return replace(cls(), **dict.fromkeys(names, False))

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps that are taken, in order."""
        return tuple(name for name in STEPS if getattr(self, name))


STEPS: tuple[str, ...] = tuple(field.name for field in fields(Compiler))


Stage = Literal["activation", "scale", "add", "global_pool", "max_pool"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)

_STAGE_OF: Mapping[str, Stage] = {
    "activation": "activation",
    "mul": "scale",
    "add": "add",
    "global_avg_pool": "global_pool",
    "max_pool": "max_pool",
}


_POOLS = frozenset(
    {"max_pool", "avg_pool", "global_avg_pool"}
)  # each is of s x what it is of x, times s >= 0


@dataclass(frozen=True, slots=True)
class Absorbed:
    """An op that a host's output stage takes over."""

    host: str  # the op that does its work, or the pool behind that op
    operand: str | None = None  # a tensor that the stage has to read besides the host's results


def absorb(
    graph: NetworkGraph,
    hosts: Collection[str],
    output_stage: Collection[Stage],
    compiler: Compiler,
    unit_stages: Mapping[str, Collection[Stage]] | None = None,
) -> dict[str, Absorbed]:
    """Return the ops that an output stage takes over, by name, in program order.

    Parameters
    ----------
    graph
        The network.
    hosts
        Names of the ops whose unit has the output stage.
    output_stage
        What the stage can do.
    compiler
        Whether scores are folded and ops fused at all.
    unit_stages
        What the unit of each host can do at all, by the host's name; everything if left out.

    Notes
    -----
    A score behind a pool joins the requantisation before it, max(s x) = s max(x) for s >= 0; the tensor is the
    pool's.  An op that changes the tensor (a scale, an add, a max pool) is taken over only if nobody else reads
    what it changes; a global pool reads along while the results drain.  Of an add the operand made last is the
    one whose host adds; the other is read.
    """
    readers = _readers(graph)
    found: dict[str, Absorbed] = {}
    for op in graph.ops:
        stage = _STAGE_OF.get(op.kind) if op.activation in FUSED else None
        wanted = compiler.fold if stage == "scale" else compiler.fuse
        if stage is None or stage not in output_stage or not wanted:
            continue
        if stage == "scale" and (pool := _pool_behind_host(op, graph, hosts, found, readers)) is not None:
            if unit_stages is None or stage in unit_stages[pool.host]:
                found[op.name] = Absorbed(pool.name)
            continue
        data = _data_operands(op, graph)
        alone = stage != "global_pool"
        able = [
            name
            for name in data
            if _host_of(name, hosts, found) is not None
            and (not alone or len(readers[name]) == 1)
            and graph.op(name).output_elements == op.input_elements  # not one that is repeated
        ]
        if not able or len(data) > 2:
            continue
        last = max(able, key=graph.index.__getitem__)
        host = _host_of(last, hosts, found)
        others = [name for name in data if name != last]
        can = host is not None and (unit_stages is None or stage in unit_stages[host])
        if host is not None and can and _ready([*others, *_scores(op, graph)], host, graph):
            found[op.name] = Absorbed(host, others[0] if others else None)
    return found


def stage_hosts(graph: NetworkGraph, units: Collection[str]) -> frozenset[str]:
    """Return the ops of the graph that requantise, of those named in ``units``: the MAC ops but gates'."""
    return frozenset(op.name for op in graph.ops if op.kind in MAC_KINDS and op.name in units)


def _host_of(name: str, hosts: Collection[str], found: Mapping[str, Absorbed]) -> str | None:
    """Return the op whose stage holds the tensor last, if one does."""
    host = found[name].host if name in found else name
    return host if host in hosts else None


@dataclass(frozen=True, slots=True)
class _Pooled:
    """A pool that alone reads what a host makes."""

    name: str
    host: str


def _pool_behind_host(
    op: Op,
    graph: NetworkGraph,
    hosts: Collection[str],
    found: Mapping[str, Absorbed],
    readers: Mapping[str, Collection[str]],
) -> _Pooled | None:
    """Return the pool between a scale and a host, if nobody else reads it or what it pools."""
    data = _data_operands(op, graph)
    if len(data) != 1 or data[0] in found or data[0] not in graph.index:
        return None
    pool = graph.op(data[0])
    if pool.kind not in _POOLS or len(readers[pool.name]) > 1 or len(readers[pool.inputs[0]]) > 1:
        return None
    host = _host_of(pool.inputs[0], hosts, found)
    if (
        host is None
        or not _ready(_scores(op, graph), host, graph)
        or pool.output_elements != op.input_elements
    ):
        return None
    return _Pooled(pool.name, host)


def _data_operands(op: Op, graph: NetworkGraph) -> list[str]:
    """Return what the op reads but scores of gates, which the stage knows before it begins."""
    if op.kind != "mul":
        return list(op.inputs)
    scores = _scores(op, graph)
    return [name for name in op.inputs if name not in scores] if scores else []


def _scores(op: Op, graph: NetworkGraph) -> list[str]:
    """Return the scores of gates that the op scales by."""
    return [name for name in op.inputs if name in graph.gate_ops] if op.kind == "mul" else []


def _ready(others: list[str], host: str, graph: NetworkGraph) -> bool:
    """Whether what the stage reads besides is there when the host runs."""
    return all(name in graph.input_sizes or graph.index[name] < graph.index[host] for name in others)


def _readers(graph: NetworkGraph) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in (*graph.input_sizes, *graph.index)}
    for op in graph.ops:
        for name in op.inputs:
            found[name].add(op.name)
    return found
