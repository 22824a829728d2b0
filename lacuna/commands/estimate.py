"""``lacuna estimate``: the static cost of a network, op by op."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    takes,
    typed,
)

if TYPE_CHECKING:
    from accel_models import Design
    from simulator import StaticTable
    from traces import NetworkGraph


@dataclass(frozen=True, kw_only=True)
class EstimateOptions:
    """Which network is priced on which design, and where the table goes."""

    network: Annotated[
        str,
        typer.Argument(
            help="Shipped name, trace, graph .json, SCALE-Sim topology .csv, .onnx, .tflite, training run .yaml.",
            metavar="NETWORK",
        ),
    ]
    design: DesignName
    dataflow: Annotated[
        str | None, typer.Option(help="ws, os, is or rs; short for --set array.dataflow=...")
    ] = None
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write the table as CSV.")] = None
    batch: Annotated[
        int | None, typer.Option(min=1, help="Inputs that run together; as the model says if left out.")
    ] = None
    sizes: SizesOption = field(default_factory=list)
    skip_unsupported: SkipUnsupported = False
    settings: Settings = field(default_factory=list)
    force: Force = False
    as_json: AsJson = False

    def chosen(self) -> Design:
        """Return the design, with the values that were set."""
        from traces import ConfigError  # noqa: PLC0415

        design = design_from(self.design, self.settings)
        if self.dataflow is None:
            return design
        if design.array is None:
            raise ConfigError(f"--dataflow {self.dataflow}: design {self.design!r} has no array")
        return design_from(self.design, [*self.settings, f"array.dataflow={self.dataflow}"])


@takes(EstimateOptions)
def estimate(context: typer.Context, asked: EstimateOptions) -> None:
    """Price one dense input, or a batch of them, on a design, op by op."""
    from simulator import estimate as price_network  # noqa: PLC0415

    design = asked.chosen()
    if asked.out is not None:
        free_file(asked.out, asked.force)
    graph = network_from(asked.network, asked.sizes, asked.skip_unsupported)
    table = replace(price_network(graph, design, asked.batch), command=typed(context))
    if asked.out is not None:
        _write(table, asked.out)
    if asked.as_json:
        show_json(table.to_records())
        return
    _show_ops(table)
    cycles = sum(row.total_cycles for row in table.rows)
    total = "total" if table.batch == 1 else f"total of {table.batch} inputs"
    show_notes(
        [
            f"{total}: {digits(sum(row.macs for row in table.rows))} MACs, {cycles:,} cycles = "
            f"{digits(cycles / design.clock * 1e6)} us, "
            f"{digits(sum(row.energy_pj for row in table.rows) / 1e6)} uJ without leakage",
            *_per_input(table, cycles),
            *_overlapped(graph, design, table.batch),
            *missing_note(table.skipped),
        ]
    )
    if asked.out is not None:
        show_lines([f"wrote {asked.out}"])


def _write(table: StaticTable, path: Path) -> None:
    from traces import atomic_write  # noqa: PLC0415

    with atomic_write(path) as temporary:
        temporary.write_text(table.to_csv(), encoding="utf-8")


def _show_ops(table: StaticTable) -> None:
    """Print the table."""
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
