"""Networks that comparisons ask the product about: rows of layers, products and convolutions, each by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from accel_models import Design
from simulator import StaticTable, estimate, replay
from traces import Ints, NetworkGraph, Op, Trace


def added_cycles(trace: Trace, design: Design) -> Ints:
    """Return what each op adds to each input's latency, as the timeline of a replay shows it.

    Returns
    -------
    Shape (inputs, ops) [cycles]: from when all ops before an op have ended until it has ended, too.
    """
    inputs, graph = len(trace), trace.graph
    results = replay(trace, design, timeline=inputs, explain=False)
    spans = [event for event in json.loads(results.timeline)["traceEvents"] if event["ph"] == "X"]
    begins = np.full(inputs, np.iinfo(np.int64).max)
    ends = np.zeros((inputs, len(graph.ops)), np.int64)
    for span in spans:
        args, op = span["args"], graph.index[span["name"].removesuffix(f" {span['cat']}")]
        begins[args["input"]] = min(begins[args["input"]], args["start_cycle"])
        ends[args["input"], op] = max(ends[args["input"], op], args["start_cycle"] + args["cycles"])
    done = np.maximum.accumulate(np.maximum(ends, begins[:, None]), axis=1)
    return np.diff(done, axis=1, prepend=begins[:, None])


def layer_estimates(ops: Sequence[Op], design: Design) -> StaticTable:
    """Return what ``lacuna estimate`` says of each op, a layer that depends on no other."""
    ops = [
        op.model_copy(update={"name": f"layer{i}", "inputs": ("input",) * len(op.inputs)})
        for i, op in enumerate(ops)
    ]
    graph = NetworkGraph(
        name="layers",
        input_channels=ops[0].in_channels,
        input_height=ops[0].in_height,
        input_width=ops[0].in_width,
        ops=tuple(ops),
        chained=False,
    )
    return estimate(graph, design)


def product(m: int, k: int, n: int) -> Op:
    """Return a product (M, K) x (K, N): a fully connected layer on M pixels."""
    return Op(
        name="product",
        kind="linear",
        inputs=("input",),
        in_channels=k,
        out_channels=n,
        in_height=m,
        in_width=1,
        out_height=m,
        out_width=1,
    )


def convolution(
    channels: int, filters: int, size: tuple[int, int], out: tuple[int, int], window: tuple[int, int, int]
) -> Op:
    """Return a convolution: sizes are height and width [pixels], a window is kernel height, width and stride."""
    return Op(
        name="conv",
        kind="conv",
        inputs=("input",),
        in_channels=channels,
        out_channels=filters,
        in_height=size[0],
        in_width=size[1],
        out_height=out[0],
        out_width=out[1],
        kernel_height=window[0],
        kernel_width=window[1],
        stride_height=window[2],
        stride_width=window[2],
    )
