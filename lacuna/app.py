"""The command tree: what each command is called, where it is, and what it does; it is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import MappingProxyType
from typing import Annotated, Any, Final, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from traces import ConfigError

_COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {  # name: where it is, the first line of its docstring
        "demo": (
            "lacuna.commands.demo:demo",
            "Train a small LC-Net, replay it and four shipped CIFAR-10 traces on five designs, write a report.",
        ),
        "designs": ("lacuna.commands.designs:designs", "List the shipped designs."),
        "inspect": (
            "lacuna.commands.inspect:inspect",
            "Explain a trace, design, graph, checkpoint or results folder; or the keys of designs.",
        ),
        "new-design": (
            "lacuna.commands.new_design:new_design",
            "Write a design file with every key explained, to be changed by hand.",
        ),
        "schema": (
            "lacuna.commands.new_design:schema",
            "Print the JSON Schema of a file, by which editors complete and check it.",
        ),
        "networks": ("lacuna.commands.networks:networks", "List the trained networks that ship."),
        "train": ("lacuna.commands.networks:train", "Train a dynamic network towards a share of its MACs."),
        "record": (
            "lacuna.commands.networks:record",
            "Record what a trained network decides for every test image.",
        ),
        "cost-table": (
            "lacuna.commands.cost_table:cost_table",
            "Export what each op costs by its active channels; `cost.table` of a training configuration reads it.",
        ),
        "estimate": (
            "lacuna.commands.estimate:estimate",
            "Price one dense input, or a batch of them, on a design, op by op.",
        ),
        "replay": (
            "lacuna.commands.replay:replay",
            "Replay a trace input by input on one design, or a network without one: a batch of inputs "
            "that run it whole.",
        ),
        "stream": (
            "lacuna.commands.stream:stream",
            "Serve frames in time: latency percentiles, missed deadlines, energy per frame, accuracy under a budget.",
        ),
        "sweep": (
            "lacuna.commands.explore:sweep",
            "Evaluate every point of a space: designs x policies x operating points.",
        ),
        "search": (
            "lacuna.commands.explore:search",
            "Search a space for its Pareto front instead of evaluating all of it.",
        ),
        "pareto": (
            "lacuna.commands.pareto:pareto",
            "Print the points that no other point beats in every objective, of those that meet a condition.",
        ),
        "compare": (
            "lacuna.commands.questions.compare:compare",
            "Compare designs, settings, policies or networks input by input, with 95 % confidence intervals.",
        ),
        "report": (
            "lacuna.commands.report:report",
            "Write one self-contained HTML report of results; of several together, replays are "
            "compared input by input.",
        ),
        "validate": (
            "lacuna.commands.validate:validate",
            "Compare with every reference, exit code 1 if a bound is broken; or with rows of your own.",
        ),
        "ui": (
            "lacuna.commands.ui:ui",
            "Explore results in a browser on this machine; sliders change the design and replay at once.",
        ),
        "verdict": (
            "lacuna.commands.questions.verdict:verdict",
            "Tell what skipping saves under each step of a compiler, and what the sign of that depends on.",
        ),
        "why": (
            "lacuna.commands.questions.why:why",
            "Tell why a network saves what it saves: each loss with its remedy, and what bounds the ops.",
        ),
        "sensitivity": (
            "lacuna.commands.questions.sensitivity:sensitivity",
            "Tell what matters: each resource of a design made better alone, each axis of a space "
            "alone, or of a sweep.",
        ),
        "break-even": (
            "lacuna.commands.questions.break_even:break_even",
            "Tell from which share of skipped work on a dynamic network beats the dense network.",
        ),
    }
)


_UsageError: Final = cast("type[Any]", typer.BadParameter.__base__)  # typer names only its heirs


@contextmanager
def _said_as_other_errors() -> Iterator[None]:
    """Let what was typed wrong be told on one line, as all that a user can mend is; no word at all asks for help."""
    try:
        yield
    except _UsageError as error:
        if "\n" in error.message:  # the help
            raise
        inside = error.ctx is not None and error.ctx.parent is not None
        name = f"lacuna {error.ctx.info_name}" if inside else "lacuna"
        raise ConfigError(f"{error.format_message().rstrip('.')}; {name} --help tells more") from None


class _Commands(TyperGroup):
    """The commands, each built when it is asked for."""

    def __init__(self, **settings: Any) -> None:  # of TyperGroup
        super().__init__(**settings)
        self.commands = dict.fromkeys(_COMMANDS)  # type: ignore[assignment]  # names are enough to suggest one

    def make_context(self, *words: Any, **settings: Any) -> Any:
        """Read what stands before the command."""
        with _said_as_other_errors():
            return super().make_context(*words, **settings)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # of typer's own click
        """Run the command that was typed."""
        with _said_as_other_errors():
            return super().invoke(ctx)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # of typer's own click
        """Return a command, or nothing if there is none of this name."""
        if cmd_name not in _COMMANDS:
            return None
        module, function = _COMMANDS[cmd_name][0].split(":")
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name)(getattr(import_module(module), function))
        return get_command(alone)

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """List the commands, each with all that is said of it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


app = typer.Typer(
    name="lacuna",
    cls=_Commands,
    help="What dynamic inference is really worth on an edge accelerator.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help in plain text: rich takes longer than all the rest
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
