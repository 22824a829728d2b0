"""``lacuna networks``, ``lacuna train`` and ``lacuna record``: what ships, and from a configuration to a trace."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.console import (
    err,
    fits,
    percent,
    progress,
    shell,
    show_json,
    show_lines,
    show_table,
    stoppable,
)
from lacuna.options import AsJson, Force, free_file, typed
from lacuna.tables import wrap
from traces import ConfigError

if TYPE_CHECKING:
    from networks import EpochReport

DataFolder = Annotated[
    Path | None, typer.Option("--data", help="Folder that holds cifar-10-batches-py/; the digits need none.")
]


def need_torch() -> None:
    """Refuse with the command that installs PyTorch when it is missing."""
    import importlib.util  # noqa: PLC0415  (only the commands that train look)

    if importlib.util.find_spec("torch") is None:
        raise ConfigError("training and recording need PyTorch: pip install 'lacuna[networks]'")


def networks(as_json: AsJson = False) -> None:
    """List the trained networks that ship."""
    from networks import shipped_networks  # noqa: PLC0415

    shipped = shipped_networks()
    if as_json:
        show_json([asdict(network) for network in shipped])
        return
    rows = [
        [
            network.name,
            re.sub(r"_[a-z]+\.json$", "", network.method),  # the design, not its table of costs
            percent(network.accuracy),
            digits(network.macs / 1e6, 3),
            percent(network.macs_share),
            " ".join(f"{count}{kind[0].upper()}" for kind, count in network.gates.items()),
            f"{network.size_bytes / 1e3:,.0f}",
            "yes" if network.trace else "",
        ]
        for network in shipped
    ]
    columns = ["network", "method", "right", "MMAC", "kept", "gates", "kB", "trace"]
    if not fits(columns, rows):  # one line a network; what is left out is in --json
        columns = columns[:-2]
        rows = [row[:-2] for row in rows]
    show_table("Shipped networks", columns, rows, note=_NOTE)


_SET_IN = 4  # what goes on of an epoch's line
_NOTE = (
    "right: of CIFAR-10's test images; MMAC: mean per image, gates included; kept: of the dense network's; "
    "gates: C channel, E exit, L layer, S spatial, T token"
)


def train(
    config: Annotated[Path, typer.Argument(help="Configuration of the run (YAML).", metavar="CONFIG.yaml")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the run; resumed if it exists.")
    ] = None,
    data: DataFolder = None,
) -> None:
    """Train a dynamic network towards a share of its MACs."""
    need_torch()
    from networks import train_from_config  # noqa: PLC0415  (imports torch)

    folder = out or Path("runs") / config.stem
    again = shell("lacuna", "train", config, "--out", folder, *(("--data", data) if data else ()))
    with stoppable(f"finished epochs are kept in {folder}; go on with: {again}"):
        checkpoint = train_from_config(config, folder, _show_epoch, data_dir=data, say=err().print)
    recorded = shell("lacuna", "record", checkpoint, "--out", f"{config.stem}.parquet")
    show_lines([f"wrote {checkpoint}", f"next: {recorded}"])


def record(
    context: typer.Context,
    checkpoint: Annotated[Path, typer.Argument(help="model.pt of a training run.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Trace to write (.parquet or .npz).")],
    data: DataFolder = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Record only the first N images.")] = None,
    exit_threshold: Annotated[
        float, typer.Option(help="The first exit with this confidence answers; above 1 the last always does.")
    ] = 1.01,
    part: Annotated[str, typer.Option(help="test or validation images.")] = "test",
    scores: Annotated[
        bool, typer.Option(help="Keep the scores of gates that scale; replays need decisions only.")
    ] = True,
    force: Force = False,
) -> None:
    """Record what a trained network decides for every test image."""
    need_torch()
    from networks import record_checkpoint  # noqa: PLC0415  (imports torch)
    from traces import export_npz, save_trace  # noqa: PLC0415

    if part not in {"test", "validation"}:
        raise ConfigError(f"--part {part!r}: must be test or validation")
    free_file(out, force)
    with progress("recording") as advance:
        trace = record_checkpoint(
            checkpoint,
            data,
            limit,
            advance,
            part="test" if part == "test" else "validation",
            exit_threshold=exit_threshold,
            scores=scores,
            command=typed(context),
        )
    (export_npz if out.suffix == ".npz" else save_trace)(trace, out)
    show_lines([f"wrote {out}: {len(trace):,} inputs, {percent(trace.accuracy)} correct"])


def _show_epoch(report: EpochReport) -> None:
    extra = [
        f"{name.replace('_', ' ')} {value:.3g}"
        for name, value in report.extra.items()
        if not name.startswith("rate.")
    ]
    told = [
        f"epoch {report.epoch}/{report.epochs}: {report.seconds:.0f} s",
        f"loss {report.loss:.3f}",
        f"validation {percent(report.validation_accuracy)}",
        *extra,
    ]
    first, *rest = wrap(", ".join(told), err().width - _SET_IN)
    for line in [first, *(" " * _SET_IN + line for line in rest)]:
        err().print(line)
