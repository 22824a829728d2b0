"""``lacuna estimate``: the static cost of a network, op by op."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.console import percent, show_json, show_lines, show_notes, show_table
from lacuna.options import (
    AsJson,
    DesignName,
    Force,
    Settings,
    SizesOption,
    SkipUnsupported,
    design_from,
    free_file,
    missing_note,
    network_from,
    typed,
)

if TYPE_CHECKING:
    from accel_models import Design
    from simulator import StaticTable
    from traces import NetworkGraph


def estimate(
    context: typer.Context,
    network: Annotated[
        str,
        typer.Argument(
            help="Shipped name, trace, graph .json, SCALE-Sim topology .csv, .onnx, .tflite.",
            metavar="NETWORK",
        ),
    ],
    design: DesignName,
    dataflow: Annotated[
        str | None, typer.Option(help="ws, os, is or rs; short for --set array.dataflow=...")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write the table as CSV.")] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Inputs that run together; as the model says if left out.")
    ] = None,
    sizes: SizesOption = [],  # noqa: B006  (typer copies it)
    skip_unsupported: SkipUnsupported = False,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Price one dense input, or a batch of them, on a design, op by op."""
    from simulator import estimate as price_network  # noqa: PLC0415
    from traces import ConfigError, atomic_write  # noqa: PLC0415

    chosen = design_from(design, settings)
    if dataflow is not None:
        if chosen.array is None:
            raise ConfigError(f"--dataflow {dataflow}: design {design!r} has no array")
        chosen = design_from(design, [*settings, f"array.dataflow={dataflow}"])
    if out is not None:
        free_file(out, force)
    graph = network_from(network, sizes, skip_unsupported)
    table = replace(price_network(graph, chosen, batch), command=typed(context))
    if out is not None:
        with atomic_write(out) as temporary:
            temporary.write_text(table.to_csv(), encoding="utf-8")
    if as_json:
        show_json(table.to_records())
        return
    rows = [
        [
            row.layer,
            row.op,
            *(
                f"{value:,}"
                for value in (row.M, row.K, row.N, row.macs, row.compute_cycles, row.stall_cycles)
            ),
            f"{row.total_cycles:,}",
            percent(row.utilization),
            f"{row.dram_bytes:,}",
            digits(row.energy_pj / 1e6, 3),
        ]
        for row in table.rows
    ]
    columns = [
        "layer", "op", "M", "K", "N", "MACs", "compute", "stall", "total cycles", "used", "DRAM B", "uJ",
    ]  # fmt: skip
    inputs = "one dense input" if table.batch == 1 else f"a batch of {table.batch} dense inputs"
    show_table(f"{table.network} on {table.design}, {inputs}, ops one after the other", columns, rows)
    cycles = sum(row.total_cycles for row in table.rows)
    total = "total" if table.batch == 1 else f"total of {table.batch} inputs"
    show_notes(
        [
            f"{total}: {digits(sum(row.macs for row in table.rows))} MACs, {cycles:,} cycles = "
            f"{digits(cycles / chosen.clock * 1e6)} us, "
            f"{digits(sum(row.energy_pj for row in table.rows) / 1e6)} uJ without leakage",
            *_per_input(table, cycles),
            *_overlapped(graph, chosen, table.batch),
            *missing_note(table.skipped),
        ]
    )
    if out is not None:
        show_lines([f"wrote {out}"])


def _overlapped(graph: NetworkGraph, design: Design, batch: int) -> list[str]:
    """Return the same network as `replay` calls it dense: without its gates, transfers beside work, and leakage."""
    from simulator import Policy, replay  # noqa: PLC0415
    from traces import static_trace  # noqa: PLC0415

    dense = replay(
        static_trace(graph, batch), design, policy=Policy(batch=batch), explain=False
    ).replayed.dense
    without = ", without its gates" if graph.gates else ""
    together = f" for {batch} inputs" if batch > 1 else ""
    return [
        f"dense in `replay`: {digits(dense.latency_us)} us{together}, {digits(dense.energy_uj)} uJ per input: "
        f"compiled{without}, transfers beside work, with leakage"
    ]


def _per_input(table: StaticTable, cycles: int) -> list[str]:
    """Return a batch's total shared among its inputs."""
    if table.batch == 1:
        return []
    macs = sum(row.macs for row in table.rows) // table.batch
    return [f"per input: {digits(macs)} MACs, {digits(cycles / table.batch)} cycles"]
