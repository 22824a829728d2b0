"""``lacuna stream``: frames that arrive in time and have a deadline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits, policy_words
from lacuna.commands.replay import ExitThreshold, PrefetchOption, TracePath
from lacuna.console import percent, shell, show_json, show_lines, show_notes, show_table
from lacuna.options import (
    DesignName,
    OutFolder,
    RunOptions,
    design_from,
    free_folder,
    inputs_from,
    left_out,
    missing_note,
    takes,
    typed,
)
from traces import ConfigError, FileProblem, file_text

if TYPE_CHECKING:
    from simulator import Arrivals, Budget, Dvfs, Spread, StreamSettings, StreamSummary
    from traces import Trace


@dataclass(frozen=True, kw_only=True)
class StreamOptions(RunOptions):
    """Which frames arrive when, what serves them, and until when each is wanted."""

    trace: TracePath
    design: DesignName
    out: OutFolder
    rate: Annotated[str | None, typer.Option(help='Frames per second, e.g. "30 fps".')] = None
    arrivals: Annotated[str, typer.Option(help="periodic, poisson, or a file of times in seconds.")] = (
        "periodic"
    )
    deadline: Annotated[str | None, typer.Option(help='From arrival to answer, e.g. "33 ms".')] = None
    latency_budget: Annotated[
        str | None, typer.Option(help="Per frame: the deepest exit within it answers.")
    ] = None
    energy_budget: Annotated[str | None, typer.Option(help='Per frame, e.g. "50 uJ".')] = None
    budget_quantile: Annotated[
        float,
        typer.Option(
            help="Of what an exit takes over the first half of the inputs, to be within the budget; the second "
            "half is shown."
        ),
    ] = 0.95
    queue: Annotated[int, typer.Option(min=0, help="Places to wait.")] = 8
    drop: Annotated[str, typer.Option(help="Which frame goes when the queue is full: newest or oldest.")] = (
        "newest"
    )
    in_flight: Annotated[int, typer.Option(min=1, help="Frames on the machine at once.")] = 1
    dvfs: Annotated[
        str, typer.Option(help='Speed:voltage of each state, slow to fast, e.g. "0.5:0.8,1:1".')
    ] = ""
    switch_time: Annotated[str, typer.Option(help="To change the DVFS state.")] = "100 us"
    frames: Annotated[
        int | None, typer.Option(min=1, help="How many; as many as there are inputs to show.")
    ] = None
    limit: Annotated[int | None, typer.Option(min=1, help="Show only the first N inputs of the trace.")] = (
        None
    )
    exit_threshold: ExitThreshold = None
    prefetch: PrefetchOption = "wait"
    seed: Annotated[int, typer.Option(help="Of Poisson arrivals.")] = 0

    def settings_of_frames(self) -> StreamSettings:
        """Return when frames arrive, until when they are wanted, and what the machine may do meanwhile."""
        from simulator import StreamSettings  # noqa: PLC0415

        return StreamSettings(
            arrivals=_arrivals(self.arrivals, self.rate, self.seed),
            frames=self.frames,
            deadline_s=None if self.deadline is None else _quantity("--deadline", self.deadline, "time"),
            queue=self.queue,
            drop=self.drop,
            in_flight=self.in_flight,
            dvfs=_dvfs(self.dvfs, _quantity("--switch-time", self.switch_time, "time")),
            budget=self.budget(),
        )

    def budget(self) -> Budget | None:
        """Return what a frame may take, if that is stated."""
        from simulator import Budget  # noqa: PLC0415

        latency, energy = self.latency_budget, self.energy_budget
        if latency is None and energy is None:
            return None
        return Budget(
            latency_s=None if latency is None else _quantity("--latency-budget", latency, "time"),
            energy_j=None if energy is None else _quantity("--energy-budget", energy, "energy") * 1e-12,
            quantile=self.budget_quantile,
        )

    def inputs(self) -> Trace:
        """Return the inputs that frames show."""
        from traces import with_exit_threshold  # noqa: PLC0415

        inputs = inputs_from(self.trace, self.limit, self.sizes, self.skip_unsupported)
        return inputs if self.exit_threshold is None else with_exit_threshold(inputs, self.exit_threshold)


@takes(StreamOptions)
def stream(context: typer.Context, asked: StreamOptions) -> None:
    """Serve frames in time: latency percentiles, missed deadlines, energy per frame, accuracy under a budget."""
    from simulator import Policy, hints, stand_in_note  # noqa: PLC0415
    from simulator import stream as serve  # noqa: PLC0415

    frames = asked.settings_of_frames()
    design = design_from(asked.design, asked.settings)
    replaced = free_folder(asked.out, "a stream", asked.force)
    inputs = asked.inputs()
    policy = Policy.of({"prefetch": asked.prefetch, **left_out(asked.without)})
    results = serve(inputs, design, frames, policy).made_by(typed(context))
    results.save(asked.out)
    _show(results.summary(), ", ".join([design.title, *policy_words(policy)]), asked.as_json)
    if not asked.as_json:
        told = [
            *missing_note(inputs.graph.skipped),
            *hints(inputs, design, policy.compiler),
            *stand_in_note(int(results.columns["input"][0])),
        ]
        show_notes(told)
        show_lines([f"wrote {asked.out}/", *replaced, f"next: {shell('lacuna', 'report', asked.out)}"])


def _quantity(option: str, text: str, quantity: str) -> float:
    """Return what was typed for an option, in base units; what cannot be read is refused by the option's name."""
    from accel_models import parse_quantity  # noqa: PLC0415

    try:
        return parse_quantity(text, quantity)
    except ConfigError as problem:
        raise ConfigError(f"{option}: {problem}") from None


def _arrivals(kind: str, rate: str | None, seed: int) -> Arrivals:
    from simulator import Arrivals  # noqa: PLC0415

    if kind in {"periodic", "poisson"}:
        if rate is None:
            raise ConfigError(f'--rate is missing: {kind} arrivals need one, e.g. --rate "30 fps"')
        fps = _quantity("--rate", rate, "rate")
        return Arrivals(kind="periodic" if kind == "periodic" else "poisson", rate_hz=fps, seed=seed)
    path = Path(kind)
    if not path.is_file():
        raise FileProblem(
            f"--arrivals {kind!r}: must be periodic, poisson or a file with one time a line [s]"
        )
    try:
        times = tuple(_number(line) for line in file_text(path).split())
    except ValueError as error:  # not a number
        raise FileProblem(f"{path}: {error}; needs one arrival time a line, in seconds") from None
    return Arrivals(kind="recorded", times_s=times)


def _number(text: str) -> float:
    """Return a plain decimal number; ``float`` takes underscores and the digits of every script too."""
    if not text.isascii() or "_" in text:
        raise ValueError(f"{text[:40]!r} is not a number")
    return float(text)


def _dvfs(text: str, switch_s: float) -> Dvfs | None:
    from simulator import Dvfs, DvfsState  # noqa: PLC0415

    if not text:
        return None
    states = []
    for part in text.split(","):
        speed, colon, voltage = part.partition(":")
        try:
            numbers = (_number(speed), _number(voltage))
        except ValueError:
            raise ConfigError(
                f'--dvfs {part!r}: write each state as SPEED:VOLTAGE, e.g. "0.5:0.8,1:1"'
            ) from None
        states.append(
            DvfsState(name=f"{speed.strip()}{colon}{voltage.strip()}", speed=numbers[0], voltage=numbers[1])
        )
    return Dvfs(states=tuple(states), switch_s=switch_s)


def _show(summary: StreamSummary, design: str, as_json: bool) -> None:
    if as_json:
        show_json(summary.model_dump(mode="json"))
        return
    unstable = ": UNSTABLE, frames arrive faster than they can be served" if summary.unstable else ""
    rows = [
        ["load", percent(summary.load) + unstable],
        ["frames", f"{summary.frames:,}: {summary.completed:,} completed, {summary.dropped:,} dropped"],
        ["missed", f"{summary.missed:,} = {percent(summary.miss_rate)}{_of_deadline(summary)}"],
        ["throughput", f"{digits(summary.frames_per_second)} frames/s"],
        ["latency us", _spread(summary.latency_us)],
        ["waiting us", _spread(summary.wait_us)],
        ["energy", f"{digits(summary.energy_uj_per_frame)} uJ per completed frame, leakage included"],
        ["asleep", percent(summary.asleep)],
        ["accuracy", percent(summary.accuracy)],
        *([f"busy {unit}", percent(share)] for unit, share in summary.busy.items()),
    ]
    show_table(f"{summary.network} on {design}", ["", ""], rows)


def _of_deadline(summary: StreamSummary) -> str:
    return "" if summary.deadline_us is None else f" of a deadline of {digits(summary.deadline_us)} us"


def _spread(found: Spread) -> str:
    return ", ".join(
        f"{name} {digits(getattr(found, name))}" for name in ("mean", "p50", "p95", "p99", "max")
    )
