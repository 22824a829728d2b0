"""Every kind of measured row that ``lacuna validate --rows KIND FILE.csv`` compares, one row of a table each.

A file has at least the columns that its kind reads, named as in the shipped tables (``reference/*.csv``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from analysis.validation.arrays.zigzag import convolution
from analysis.validation.reference_rows import Row
from analysis.validation.rows import arrays, chips, networks
from analysis.validation.rows.kind import RowKind, RowText, each
from analysis.validation.vela import networks as vela_networks
from analysis.validation.vela import ops as vela_ops
from traces import ConfigError, did_you_mean

Predict = Callable[[Row], tuple[float, float]]


def _cells(*columns: str) -> RowText:
    return lambda row: " ".join(row[column] for column in columns)


def _kind(  # noqa: PLR0913  # a row of the table below
    what: str, columns: str, predict: Predict, *, label: str, group: str | RowText, optional: str = ""
) -> RowKind:
    """Return a kind whose rows do not need each other; columns in one text, ``label`` from some of them."""
    of = _cells(group) if isinstance(group, str) else group
    return RowKind(
        what=what,
        columns=tuple(columns.split()),
        evaluate=each(predict, label=_cells(*label.split()), group=of),
        optional=tuple(optional.split()),
    )


_SCALE_SIM = "rows cols dataflow ifmap_h ifmap_w filter_h filter_w channels num_filters stride"
_FIRESIM = "workload C K P Q R S stride"
_KERNEL = "core layer kind in_h in_w in_ch out_ch kh kw stride out_h out_w"
_MLPERF = "round submitter soc device cpu_core accelerator freq_mhz voltage software precision benchmark"
_MLPERF_UNSAID = "round submitter device accelerator voltage precision dead_channel_removal_inferred notes"
_MLPERF += " dead_channel_removal_inferred notes"
_CORTEXM = "device core freq_mhz software network layer type in_h in_w in_c k stride out_c"

ROW_KINDS: Final[dict[str, RowKind]] = {
    "scalesim": _kind(
        "SCALE-Sim, compute cycles without stalls",
        f"layer {_SCALE_SIM} total_cycles",
        arrays.scale_sim,
        label="layer rows cols dataflow",
        group="dataflow",
        optional="layer",
    ),
    "scalesim_accesses": _kind(
        "SCALE-Sim, reads and writes of its buffers",
        f"layer {_SCALE_SIM} if_sram_reads fl_sram_reads of_sram_writes",
        arrays.scale_sim_accesses,
        label="layer rows cols dataflow",
        group="dataflow",
        optional="layer",
    ),
    "rtl": _kind(
        "RTL of arrays, cycles of a product",
        "design level dataflow rows cols M K N mem_latency mem_cycles_per_16B cycles notes",
        arrays.rtl,
        label="design dataflow rows cols M K N",
        group=lambda row: f"{row['design']}, {row['level']}, {row['dataflow']}",
        optional="mem_latency mem_cycles_per_16B notes",
    ),
    "zigzag_density": _kind(
        "ZigZag's tpu_like, cycles of a 3x3 convolution on 28x28 pixels as channels are gated",
        "C K latency_cycles",
        arrays.zigzag,
        label="C K",
        group=lambda _: "tpu_like",
    ),
    "zigzag_arrays": _kind(
        "ZigZag's arrays of four dimensions, cycles of a convolution without padding",
        "design channels filters kernel size cycles",
        convolution,
        label="design channels filters kernel size",
        group="design",
    ),
    "gemmini_conv": _kind(
        "Gemmini's RTL, cycles of a convolution from an ideal memory",
        "in_dim in_ch out_ch kernel stride pad mem_latency mem_cycles_per_16B cycles",
        arrays.gemmini_convolution,
        label="in_dim in_ch out_ch kernel stride mem_latency",
        group="mem_latency",
    ),
    "gemmini_dynamic": _kind(
        "Gemmini's RTL, cycles of a convolution with the channels that a gate left",
        "in_dim in_ch out_ch kernel stride mem_latency mem_cycles_per_16B cycles",
        arrays.gemmini_dynamic,
        label="in_dim in_ch out_ch kernel stride mem_latency",
        group="mem_latency",
    ),
    "gemmini_dynamic_inputs": RowKind(
        what="Gemmini's RTL, convolutions of an input of a shipped trace over those of the dense network",
        columns=("trace", "input", "mem_latency", "mem_cycles_per_16B", "cycles", "dense_cycles"),
        evaluate=arrays.gemmini_dynamic_inputs,
    ),
    "gemmini_dma": _kind(
        "Gemmini's RTL, cycles of loads or stores alone",
        "op cols rows commands dram_stride accumulator mem_latency mem_cycles_per_16B cycles",
        arrays.gemmini_dma,
        label="op cols rows commands dram_stride mem_latency",
        group="op",
    ),
    "gemmini_firesim": RowKind(
        what="Gemmini in FireSim, cycles of a layer with the library's tiles; rows in the program's order",
        columns=tuple(f"{_FIRESIM} cycles_gemmini_default_tiler".split()),
        evaluate=arrays.firesim,
    ),
    "gemmini_firesim_mapping": RowKind(
        what="Gemmini in FireSim, cycles of a layer cut as a mapping says; rows in the program's order",
        columns=tuple(f"{_FIRESIM} mapping cycles_dosa_mapping".split()),
        evaluate=arrays.firesim_mapping,
    ),
    "gemmini_firesim_repeats": RowKind(
        what="Gemmini in FireSim, mean cycles of three runs of a layer with the library's tiles; rows in order",
        columns=(arrays.LAYER, *arrays.RUNS),
        evaluate=arrays.firesim_repeats,
    ),
    "simd_instructions": _kind(
        "CMSIS-NN's kernels, instructions of a call",
        f"{_KERNEL} instructions",
        chips.instructions,
        label="core layer",
        group="core",
        optional="layer",
    ),
    "mlperf_tiny": _kind(
        "MLPerf Tiny on chips' cores, latency [ms]",
        f"{_MLPERF} latency_ms",
        chips.mlperf_latency,
        label="soc software precision benchmark",
        group=chips.core_word,
        optional=_MLPERF_UNSAID,
    ),
    "mlperf_tiny_energy": _kind(
        "MLPerf Tiny on chips' cores, energy from modelled cycles [uJ]",
        f"{_MLPERF} latency_ms energy_uJ",
        chips.mlperf_energy,
        label="soc software precision benchmark",
        group=chips.core_word,
        optional=_MLPERF_UNSAID,
    ),
    "cortexm": _kind(
        "layers and networks on Cortex-M, Cortex-A and GAP8, cycles",
        f"{_CORTEXM} cycles",
        chips.cortexm,
        label="device network layer type",
        group="device",
        optional="layer",
    ),
    "cortexm_energy": _kind(
        "networks on Cortex-M and GAP8, energy from modelled cycles [uJ]",
        f"{_CORTEXM} energy_uJ",
        chips.cortexm_energy,
        label="device network freq_mhz",
        group="device",
    ),
    "eyeriss": RowKind(
        what="Eyeriss on AlexNet and VGG-16, cycles of a layer; shares of zeros (ifmap_zero_frac) where known",
        columns=("accelerator", "batch", "network", "layer", "cycles"),
        evaluate=networks.eyeriss,
    ),
    "eyeriss_energy": RowKind(
        what="Eyeriss on AlexNet and VGG-16, energy of a layer without its DRAM [uJ]",
        columns=("accelerator", "batch", "network", "layer", "energy_uJ", "ifmap_zero_frac"),
        evaluate=networks.eyeriss_energy,
        optional=("ifmap_zero_frac",),
    ),
    "dpacs": RowKind(
        what="DPACS on an FPGA, latency under pruning over that of the dense network",
        columns=("network", "implementation", "pruned_spatial_channel_percent", "latency_ms"),
        evaluate=networks.dpacs,
    ),
    "vela_ops": RowKind(
        what="Vela on Ethos-U, cycles of an op, weights and memories included",
        columns=(*vela_ops.COLUMNS.split(), *vela_ops.WHOLE_COLUMNS, "op_cycles"),
        optional=vela_ops.WHOLE_COLUMNS,
        evaluate=vela_ops.evaluate_ops,
    ),
    "vela_ops_npu": RowKind(
        what="Vela on Ethos-U, cycles of an op on the NPU alone",
        columns=(*vela_ops.COLUMNS.split(), *vela_ops.WHOLE_COLUMNS, "npu_cycles"),
        optional=vela_ops.WHOLE_COLUMNS,
        evaluate=partial(vela_ops.evaluate_ops, column="npu_cycles"),
    ),
    "vela_networks": _kind(
        "Vela on Ethos-U, cycles of a network",
        "network accelerator system_config memory_mode total_cycles",
        vela_networks.network,
        label="network accelerator system_config",
        group="accelerator",
    ),
}


def row_kind(name: str) -> RowKind:
    """Return a kind of rows by its name."""
    if name not in ROW_KINDS:
        raise ConfigError(f"--rows {name!r}: no such kind of rows{did_you_mean(name, ROW_KINDS)}")
    return ROW_KINDS[name]
