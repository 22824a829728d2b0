"""Networks that comparisons ask the product about: rows of layers, products and convolutions, each by itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import numpy as np

from accel_models import Design, altered, design_prices
from simulator import StaticTable, estimate, replay
from traces import Ints, NetworkGraph, Op, Trace

WITHOUT_DRAM: dict[str, object] = {"memory.dram.price": "none"}
DRAM_ACTIONS = ("dram_read_bytes", "dram_write_bytes", "dram_activations")


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


def without_dram(design: Design) -> Design:
    """Return a design whose DRAM costs nothing, beside the prices that it states."""
    stated = [(price.action, f"{price.value} pJ", price.source) for price in design.technology.prices]
    stated += [(action, "0 pJ", "outside the measurement") for action in DRAM_ACTIONS]
    prices = [dict(zip(("action", "value", "source"), one, strict=True)) for one in stated]
    return altered(design, {**WITHOUT_DRAM, "technology.prices": prices})


def counting(design: Design, actions: Collection[str]) -> Design:
    """Return the design with prices that count: the energy of an estimate is how often these actions happen.

    A priced action is an operation, a byte or a cycle.
    """
    prices = [
        {"action": price.action, "value": f"{int(price.action in actions)} pJ", "source": "counts"}
        for price in design_prices(design)
        if price.unit != "mW"  # what time costs is no part of an estimate
    ]
    return altered(design, {"technology.prices": prices})


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
