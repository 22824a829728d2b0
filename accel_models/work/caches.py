"""What caches still hold when an op of a network begins that runs input after input.

A cache that replaces lines at random keeps of what was touched before ``n`` other bytes came in a share of
exp(-n / its size).  Only what was not there comes in, so ops that find much leave much.
Choice: an op touches its operands half way through what it brings in itself, and finds them as they are before.

Source: random replacement: SiFive's inclusive cache (Chipyard's L2), FireSim's model of a last-level cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

from accel_models.cost import Cached
from accel_models.design.sections import Memory
from traces import INPUT, NetworkGraph, Op

LAPS = 4  # of a program that runs again and again, until what its ops find changes no more

Touched = tuple[
    tuple[str, int], ...
]  # an op's input, weights and output: which memory, and how many bytes of it
Ranges = list[tuple[int, float]]  # of a memory: up to which byte, and when it was touched last; ends rise


def cached_shares(program: Sequence[Touched], sizes: Sequence[int], laps: int = LAPS) -> tuple[Cached, ...]:
    """Return what each step of a program finds in caches of these ``sizes``, in the last of so many laps."""
    by_cache = [_shares(program, size, laps) for size in sizes]
    return tuple(tuple(step) for step in zip(*by_cache, strict=True))


def _shares(program: Sequence[Touched], size: int, laps: int) -> list[tuple[float, ...]]:
    filled = 0.0  # bytes so far
    history: dict[str, Ranges] = {}
    for _ in range(laps):
        steps = []
        for touched in program:
            found, new = _step(touched, history, filled, size)
            for name, bytes_ in touched:
                if name == INPUT:  # comes from outside each time
                    continue
                longer = [(end, when) for end, when in history.get(name, []) if end > bytes_]
                history[name] = [(bytes_, filled + new / 2), *longer]
            filled += new
            steps.append(found)
    return steps


def _step(
    touched: Touched, history: Mapping[str, Ranges], filled: float, size: int
) -> tuple[tuple[float, ...], float]:
    """Return the shares that a step finds, and the bytes that it brings in."""
    found = tuple(_share(history.get(name, []), bytes_, filled, size) for name, bytes_ in touched)
    return found, sum(bytes_ * (1 - share) for (_, bytes_), share in zip(touched, found, strict=True))


def _share(ranges: Ranges, touched: int, filled: float, size: int) -> float:
    there, begin = 0.0, 0
    for end, when in ranges:
        there += max(min(end, touched) - begin, 0) * exp(-(filled - when) / size)
        begin = min(end, touched)
    return there / max(touched, 1)


def network_shares(graph: NetworkGraph, memory: Memory, caches: Sequence[int]) -> tuple[Cached, ...]:
    """Return what each op of a network finds in ``caches`` that runs input after input."""
    return cached_shares([_touched(op, memory) for op in graph.ops], caches)


def _touched(op: Op, memory: Memory) -> Touched:
    """Return what an op touches, one memory per tensor; Choice: its first input stands for all of them."""
    act, wgt = -(-memory.activation_bits // 8), -(-memory.weight_bits // 8)
    inputs = (op.inputs[0] if op.inputs else INPUT, op.in_height * op.in_width * op.in_channels * act)
    return inputs, (f"weights of {op.name}", op.weight_count * wgt), (op.name, op.output_elements * act)
