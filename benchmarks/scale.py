"""How cost grows with inputs, designs and layers: CPU time, peak of memory, and the exponent between neighbours.

python benchmarks/scale.py            up to 131,072 inputs, 64 designs, ResNet-110 (half a minute of CPU)
python benchmarks/scale.py --million  a million inputs too
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from accel_models import Design, load_design
from simulator import Policy, Views, replay, replay_each
from traces import NetworkGraph, Trace, cifar_resnet, synthetic_trace

PART = 32_768
BASE = "edge_npu_16x16"
FEW = 2_000  # inputs, where designs or layers grow

Point = tuple[int, float]  # how many, and seconds of CPU


def parts(inputs: int, graph: NetworkGraph) -> Iterator[Trace]:
    """Yield a made-up trace in parts."""
    for at in range(0, inputs, PART):
        yield synthetic_trace(graph, min(PART, inputs - at), seed=at)


def designs(count: int) -> list[Design]:
    """Return designs of one family: arrays and buses differ."""
    return [
        load_design(
            BASE,
            {
                "array.rows": 4 + 4 * (i % 10),
                "array.cols": 4 + 4 * (i // 10),
                "memory.dram.bandwidth": f"{1 + 0.1 * i:.1f} GB/s",
            },
        )
        for i in range(count)
    ]


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of a piece of work [s]."""
    began = time.process_time()
    work()
    return time.process_time() - began


def show(what: str, points: list[Point]) -> None:
    """Print one axis."""
    print(what)
    for count, took in points:
        print(f"  {count:>9,} {took:8.2f} s {took / count * 1e6:12.1f} us each")
    exponents = [math.log(b[1] / a[1]) / math.log(b[0] / a[0]) for a, b in pairwise(points)]
    print(f"  exponents {', '.join(f'{e:.2f}' for e in exponents)}")


def main() -> None:
    """Print all axes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--million", action="store_true", help="replay a million inputs too")
    counts = (8_192, 32_768, 131_072, *([1_000_000] if parser.parse_args().million else []))
    graph, design = cifar_resnet(20, "both"), load_design(BASE)
    replay(parts(100, graph), design, explain=False)
    took: list[Point] = []
    for inputs in counts:
        drawn = seconds(partial(deque, parts(inputs, graph), maxlen=0))
        every = seconds(partial(replay, parts(inputs, graph), design, explain=False))
        took.append((inputs, every - drawn))
    show("inputs of a ResNet-20 with L-Net and C-Net, streamed", took)
    print(f"  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB at most")

    trace = synthetic_trace(graph, FEW)
    views = Views(trace)
    replay_each(trace, designs(1), Policy(), views)
    many = {count: designs(count) for count in (1, 4, 16, 64)}
    priced = [(k, seconds(partial(replay_each, trace, many[k], Policy(), views))) for k in many]
    show(f"designs side by side, {FEW:,} inputs", priced)

    deep: list[Point] = []
    for depth in (20, 56, 110):
        layers = synthetic_trace(cifar_resnet(depth, "layer"), FEW)
        replay(layers, design, explain=False)
        deep.append((depth, seconds(partial(replay, layers, design, explain=False))))
    show(f"layers of a ResNet with L-Net, {FEW:,} inputs", deep)


if __name__ == "__main__":
    main()
