"""Price many gated shapes at once: seconds for one design, tiles searched, beside one call per shape.

python benchmarks/pricing.py            100,000 distinct (layer, active-in, active-out) shapes
python benchmarks/pricing.py --quick    5,000
"""

from __future__ import annotations

import argparse
import time
from dataclasses import fields

import numpy as np

from accel_models.cost import Placement, WorkStates
from accel_models.design.load import load_design
from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array
from accel_models.units.array.machine import ArrayMachine, array_machine
from accel_models.units.array.mapping import Operands, map_ops
from accel_models.units.array.row_stationary.choosing import map_row_stationary
from accel_models.units.gemmini.machine import gemmini_of
from accel_models.units.gemmini.ops import run_op
from accel_models.units.pricing import price_all
from accel_models.work.shapes import Shapes, shapes_of
from traces.graphs.parts import Op

ARRAY = Array(rows=16, cols=16, dataflow="ws", weight_preload="overlapped", drain="overlapped")
MEMORY = Memory.model_validate(
    {
        "activation_buffer": "128 KiB",
        "weight_buffer": "128 KiB",
        "accumulator_buffer": "64 KiB",
        "tile_overhead_cycles": 32,
        "dram": {"bandwidth": "8 GB/s", "latency": "100 ns", "burst": "64 B", "price": "none"},
    }
)
MACHINE = ArrayMachine(ARRAY, MEMORY, 1e9)
_ON_NPU = Placement(
    unit="micronpu",
    inputs_on_chip=True,
    output_on_chip=True,
    weights_resident=False,
    weight_prefetch_bytes=0,
    reserved_bytes=0,
)
LAYERS = (  # channels in, out, size in, kernel, stride: convolutions of ResNet-50 of every kind
    (64, 256, 56, 1, 1),
    (256, 64, 56, 1, 1),
    (256, 128, 56, 1, 1),
    (128, 128, 56, 3, 2),
    (128, 128, 28, 3, 1),
    (512, 128, 28, 1, 1),
    (256, 256, 14, 3, 1),
    (1024, 256, 14, 1, 1),
    (512, 512, 7, 3, 1),
    (512, 2048, 7, 1, 1),
)


def gated_shapes(count: int) -> Shapes:
    """Draw ``count`` distinct shapes: each layer with random numbers of active channels."""
    rng = np.random.default_rng(0)
    parts = [_gated(layer, count // len(LAYERS), rng) for layer in LAYERS]
    columns = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts])
        for f in fields(Shapes)
        if f.name != "kind"
    }
    return Shapes(kind="conv", **columns)


def _gated(layer: tuple[int, int, int, int, int], count: int, rng: np.random.Generator) -> Shapes:
    channels, filters, *_ = layer
    pairs = rng.choice(channels * filters, count, replace=False)
    return shapes_of(_op(layer), pairs // filters + 1, pairs % filters + 1)


def _op(layer: tuple[int, int, int, int, int]) -> Op:
    channels, filters, size, kernel, stride = layer
    return Op(
        name="conv",
        kind="conv",
        inputs=("input",),
        in_channels=channels,
        out_channels=filters,
        in_height=size,
        in_width=size,
        out_height=size // stride,
        out_width=size // stride,
        kernel_height=kernel,
        kernel_width=kernel,
        stride_height=stride,
        stride_width=stride,
    )


def main() -> None:
    """Print seconds for all shapes at once, seconds per shape alone, and their ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="5,000 shapes instead of 100,000")
    count = 5_000 if parser.parse_args().quick else 100_000
    shapes = gated_shapes(count)
    start = time.process_time()
    together = map_ops(shapes, MACHINE)
    vectorised = time.process_time() - start

    sample = np.linspace(0, len(shapes) - 1, 100).astype(np.intp)
    start = time.process_time()
    alone = [map_ops(shapes.take(slice(int(i), int(i) + 1)), MACHINE) for i in sample]
    looped = (time.process_time() - start) / len(sample) * len(shapes)
    same = all(one.total_cycles[0] == together.total_cycles[i] for one, i in zip(alone, sample, strict=True))

    print(f"{len(shapes):,} shapes, tiles searched, one core: {vectorised:.2f} s CPU")
    print(f"one call per shape (from {len(sample)} calls, equal results: {same}): {looped:.1f} s CPU")
    print(f"ratio: {looped / vectorised:.0f} x")
    print(f"the same shapes with the passes of eyeriss: {_passes_seconds(shapes):.2f} s CPU")
    print(f"the same shapes with the tiles and queues of gemmini_16x16: {_library_seconds(shapes):.2f} s CPU")
    print(f"the same shapes with the blocks and slices of ethos_u55_128: {_npu_seconds(shapes):.2f} s CPU")


def _passes_seconds(shapes: Shapes) -> float:
    """CPU seconds for all shapes on a row-stationary array."""
    machine = array_machine(load_design("eyeriss"))
    start = time.process_time()
    map_row_stationary(shapes, machine, Operands())
    return time.process_time() - start


def _library_seconds(shapes: Shapes) -> float:
    """CPU seconds for all shapes, each layer's tiles searched once, the loops compiled before."""
    machine, each = gemmini_of(load_design("gemmini_16x16")), len(shapes) // len(LAYERS)
    spread = np.ones(each)
    parts = [(_op(layer), shapes.take(slice(i * each, (i + 1) * each))) for i, layer in enumerate(LAYERS)]
    run_op(parts[0][0], parts[0][1].take(slice(0, 1)), machine, spread[:1])
    start = time.process_time()
    for op, part in parts:
        run_op(op, part, machine, spread)
    return time.process_time() - start


def _npu_seconds(shapes: Shapes) -> float:
    """CPU seconds for all shapes on a microNPU: blocks chosen, weights cut into slices."""
    design, each = load_design("ethos_u55_128"), len(shapes) // len(LAYERS)
    works = [
        _work(_op(layer), shapes.take(slice(i * each, (i + 1) * each))) for i, layer in enumerate(LAYERS)
    ]
    start = time.process_time()
    price_all(works, [_ON_NPU] * len(works), design)
    return time.process_time() - start


def _work(op: Op, shapes: Shapes) -> WorkStates:
    n = len(shapes)
    return WorkStates(
        op=op,
        runs=np.ones(n, np.bool_),
        in_channels=shapes.in_channels,
        out_channels=shapes.out_channels,
        out_rows=shapes.out_height,
        batch=np.ones(n, np.int64),
        useful_macs=shapes.macs,
        weight_fetch_bytes=shapes.weights,
        gathered_elements=np.zeros(n, np.int64),
    )


if __name__ == "__main__":
    main()
