"""``lacuna cost-table``: a design's costs, for training a network towards it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lacuna.console import show_lines
from lacuna.options import DesignName, Force, Settings, design_from, free_file
from traces import ConfigError


def cost_table(
    network: Annotated[
        str,
        typer.Argument(
            help="Trace, graph .json, training configuration .yaml or shipped name.", metavar="NETWORK"
        ),
    ],
    design: DesignName,
    out: Annotated[Path, typer.Option("--out", "-o", help="JSON file to write.")],
    unit: Annotated[str, typer.Option(help="cycles or pJ.")] = "pJ",
    channel_group: Annotated[
        int,
        typer.Option(help="Neighbouring channels that the gates keep together.", metavar="N", min=1),
    ] = 1,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    force: Force = False,
) -> None:
    """Export what each op costs by its active channels; `cost.table` of a training configuration reads it."""
    from accel_models import save_cost_table  # noqa: PLC0415
    from traces import load_network  # noqa: PLC0415

    if unit not in {"cycles", "pJ"}:
        raise ConfigError(f"--unit {unit!r}: must be cycles or pJ")
    free_file(out, force)
    chosen = design_from(design, settings)
    save_cost_table(load_network(network), chosen, "pJ" if unit == "pJ" else "cycles", out, channel_group)
    show_lines([f"wrote {out}: {unit} on {chosen.title}"])
