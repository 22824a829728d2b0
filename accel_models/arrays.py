"""Named option sets of arrays that exist as RTL or as another simulator.

Each function returns the :class:`~accel_models.systolic.ArrayParams` of one machine at a given size; the
cycles it then takes are the equation in its docstring, which the machine follows on every row measured (M,
K, N product; F folds).
"""

from __future__ import annotations

from accel_models.systolic import ArrayParams, Dataflow


def scale_sim(rows: int, cols: int, dataflow: Dataflow) -> ArrayParams:
    """SCALE-Sim v3: every fold fills and drains, except that ``os`` leaves the drain out; minus one.

    It prints the index of the last cycle, so its figure is F x P - 1, with P = R + C + K - 2 (os),
    2R + C + M - 2 (ws), 2R + C + N - 2 (is).

    Source: SCALE-Sim v3 @1d62b68, 378 runs; Samajdar et al., ISPASS 2020.
    """
    return ArrayParams(
        rows=rows,
        cols=cols,
        dataflow=dataflow,
        drain="none" if dataflow == "os" else "every_fold",
        gemm_overhead_cycles=-1,
    )


def axis_sa(rows: int, cols: int, multiplier_latency: int = 1, accumulator_latency: int = 1) -> ArrayParams:
    """Output stationary; results shift out across the columns while the next tile streams.

    F K + R + 2C - 2 + LM + LA.  A tile shorter than C would hold the shift register up: max(K, C) per fold
    (physics, no row measures it).

    Source: abarajithan11/axis-systolic-array @44bbe4f.
    """
    return ArrayParams(
        rows=rows,
        cols=cols,
        dataflow="os",
        drain="overlapped",
        drain_path="across",
        gemm_overhead_cycles=multiplier_latency + accumulator_latency,
    )


def systolic_array_os(rows: int, cols: int) -> ArrayParams:
    """Output stationary; accumulators are read in parallel and idle rows and columns are not waited for.

    K + M + N + 3: skew (M - 1) + (N - 1), and 5 for a 4-stage unit behind an input register.

    Source: Arjun0170/Systolic-Tensors @18f6a20, runs of one fold.
    """
    return ArrayParams(
        rows=rows, cols=cols, dataflow="os", drain="none", trim_folds=True, fold_overhead_cycles=5
    )


def systolic_array_ws(rows: int, cols: int) -> ArrayParams:
    """Weight stationary, strictly serial folds, 4 cycles for a partial sum to pass a row.

    F (R + M + 4(R - 1) + (C - 1) + 5).

    Source: Arjun0170/Systolic-Tensors @18f6a20.
    """
    return ArrayParams(rows=rows, cols=cols, dataflow="ws", hop_cycles=4, fold_overhead_cycles=5)


def opentpu_mmu(size: int) -> ArrayParams:
    """Weight stationary, weights double buffered; tiles of N x N.

    (t - 1) max(M, 2N + 3) + M + 2N + 1 for t tiles, the first load of weights not counted.  The shadow
    registers take N cycles to load and are free for the next load N + 3 later, when the change-over has
    crossed the columns.

    Source: UCSBarchlab/OpenTPU @ca5d381, matrix unit, Verilog from PyRTL, with the smallest safe gap
    between tiles.
    """
    return ArrayParams(
        rows=size,
        cols=size,
        dataflow="ws",
        weight_preload="overlapped",
        preload_gap_cycles=size + 3,
        first_preload="hidden",
        drain="overlapped",
        gemm_overhead_cycles=3,
    )


def gemmini(dataflow: Dataflow) -> ArrayParams:
    """Gemmini, 16 x 16, operands in its scratchpad: blocks of 16 x 16 x 16, a preload and a compute each.

    ws: 16 (F - 1) + max(m_last, 4) + 62; os: 16 F + 78; F = ceil(M/16) ceil(K/16) ceil(N/16), m_last the
    rows of the last block.  The 62 are 16 to preload, 30 of skew and 16 of command latency; os drains down
    16 rows more.

    Source: ucb-bar Gemmini RTL, first command to idle.
    """
    side = 16
    return ArrayParams(
        rows=side,
        cols=side,
        dataflow=dataflow,
        weight_preload="overlapped",
        drain="overlapped",
        reduction="per_tap",
        stream_block=side,
        min_stream_cycles=0 if dataflow == "os" else 4,
        gemm_overhead_cycles=32 if dataflow == "os" else 16,
    )
