"""``lacuna demo``: the whole way, from training to the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lacuna.console import err, gain_words, percent, progress, show_lines, show_table
from lacuna.options import OutFolder, typed

if TYPE_CHECKING:
    from networks import EpochReport
    from simulator import Results

DESIGNS = ("cortex_m4", "cortex_m55", "ethos_u55_128_like", "edge_npu_16x16", "edge_npu_32x32")
_NETWORKS = ("ddi_densenet", "ddi_resnet20_50", "lcnet_resnet20_30", "lcnet_resnet20_50")
TIMELINE_INPUTS = 4


@dataclass(frozen=True, slots=True)
class Told:
    """What one trace takes on one design: compiled as well as the hardware allows, and as written."""

    compiled: Results
    written: Results


def demo(
    context: typer.Context,
    out: OutFolder = Path("out/demo"),
    seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="Of training; same seed, same results.")
    ] = 1,
) -> None:
    """Train a small LC-Net, replay it and four shipped CIFAR-10 traces on five designs, write a report."""
    from traces import find_trace  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    trace = _digits_trace(out, seed, typed(context))
    _study([trace], out / "digits", typed(context))
    _study([find_trace(f"{name}_cifar10") for name in _NETWORKS], out, typed(context))
    show_lines(["timeline: timeline.json.gz in each folder; open it at ui.perfetto.dev or chrome://tracing"])


def _study(traces: list[Path], folder: Path, command: str) -> None:
    """Replay networks of one data set on every design and report them together."""
    from analysis import write_figures, write_report  # noqa: PLC0415

    told = list(_replays(traces, folder, command))
    for i, trace in enumerate(traces):
        _show_network(trace.stem, told[i * len(DESIGNS) : (i + 1) * len(DESIGNS)])
    page = write_report(folder, trace=traces[-1])
    pictures = write_figures(folder, folder / "figures", trace=traces[-1])
    show_lines([f"report: {page}", f"figures: {len(pictures)} in {folder / 'figures'}", ""])


def _digits_trace(out: Path, seed: int, command: str) -> Path:
    """Train a small LC-Net on the digits and record it on held-out images."""
    from lacuna.commands.networks import need_torch  # noqa: PLC0415

    need_torch()
    from networks import record_checkpoint, train_digits_lcnet  # noqa: PLC0415  (imports torch)
    from traces import save_trace  # noqa: PLC0415

    with progress("training a small LC-Net on the digits") as advance:

        def show(stage: str, report: EpochReport) -> None:
            del stage
            advance(report.epoch, report.epochs)

        checkpoint = train_digits_lcnet(seed, out / "training", show)
    trace = record_checkpoint(checkpoint, command=command)
    path = out / "digits_lcnet.parquet"
    save_trace(trace, path)
    err().print(f"recorded {len(trace)} held-out digits: {percent(trace.accuracy)} correct")
    return path


def _replays(traces: list[Path], out: Path, command: str) -> Iterator[Told]:
    """Replay every trace on every design, compiled and as written; keep both."""
    from accel_models import STEPS, load_design  # noqa: PLC0415
    from simulator import Policy, replay  # noqa: PLC0415

    as_written = Policy.of(dict.fromkeys(STEPS, False))

    total = len(traces) * len(DESIGNS)
    with progress("replaying") as advance:
        for i, (trace, name) in enumerate((trace, name) for trace in traces for name in DESIGNS):
            one = replay(trace, load_design(name), timeline=TIMELINE_INPUTS).made_by(command)
            one.save(out / f"{trace.stem}.{name}")
            written = replay(trace, load_design(name), policy=as_written, explain=False)
            written.made_by(command).save(out / f"{trace.stem}.{name}.as_written")
            advance(i + 1, total)
            yield Told(one, written)


def _show_network(title: str, told: list[Told]) -> None:
    """Print what is left of one network's saved MACs on each design."""
    if told[0].compiled.feasible:
        first = told[0].compiled.replayed
        saved = percent(1 - first.macs / first.dense.macs)
        title = (
            f"{title}: {percent(first.accuracy)} correct, {saved} of the MACs saved. What is left of that:"
        )
    columns = ["design", "latency", "written", "energy", "written", "largest loss"]
    note = "against the dense network compiled alike, and both as written; see `verdict`"
    show_table(title, columns, [_row(one) for one in told], note="\n".join([note, *_tails(told)]))


def _tails(told: list[Told]) -> list[str]:
    """Return the line that tells how much longer the slowest hundredth takes, which only a replay knows."""
    spreads = {
        one.compiled.design.name: one.compiled.explained.latency_us for one in told if one.compiled.feasible
    }
    over = [f"{name} {spread.p99 / spread.mean:.2f}" for name, spread in spreads.items()]
    return [f"p99 latency over the mean: {', '.join(over)}"] if over else []


def _row(told: Told) -> list[str]:
    if not told.compiled.feasible:
        return [told.compiled.design.name, *[""] * 4, f"does not fit: {told.compiled.reason}"]
    figures = told.compiled.explained
    written = told.written.replayed if told.written.feasible else None
    dense, lost = figures.dense, figures.waterfall.latency
    worst = max(lost.losses, key=lambda loss: loss.amount)
    return [
        figures.design,
        gain_words(1 - figures.latency_us.mean / dense.latency_us, "latency"),
        gain_words(1 - written.latency_us.mean / written.dense.latency_us, "latency") if written else "",
        gain_words(1 - figures.energy_uj.mean / dense.energy_uj, "energy"),
        gain_words(1 - written.energy_uj.mean / written.dense.energy_uj, "energy") if written else "",
        f"{worst.name}, {percent(worst.amount / lost.dense)}",
    ]
