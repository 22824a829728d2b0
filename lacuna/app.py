"""The command tree."""

from __future__ import annotations

from typing import Annotated

import typer

from lacuna.commands import (
    cost_table,
    demo,
    designs,
    estimate,
    explore,
    inspect,
    networks,
    new_design,
    pareto,
    replay,
    report,
    stream,
    ui,
    validate,
)
from lacuna.commands.questions import break_even, compare, sensitivity, verdict, why

app = typer.Typer(
    name="lacuna",
    help="What dynamic inference is really worth on an edge accelerator.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from lacuna import __version__  # noqa: PLC0415  (reads the installed metadata)

        typer.echo(f"lacuna {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Tell what dynamic inference is really worth on an edge accelerator."""


app.command()(demo.demo)
app.command()(designs.designs)
app.command()(inspect.inspect)
app.command("new-design")(new_design.new_design)
app.command()(new_design.schema)
app.command()(networks.networks)
app.command()(networks.train)
app.command()(networks.record)
app.command("cost-table")(cost_table.cost_table)
app.command()(estimate.estimate)
app.command()(replay.replay)
app.command()(stream.stream)
app.command()(explore.sweep)
app.command()(explore.search)
app.command()(pareto.pareto)
app.command()(compare.compare)
app.command()(report.report)
app.command()(validate.validate)
app.command()(ui.ui)
app.command()(verdict.verdict)
app.command()(why.why)
app.command()(sensitivity.sensitivity)
app.command("break-even")(break_even.break_even)
