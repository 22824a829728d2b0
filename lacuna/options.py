"""Options that several commands share, and how their values become designs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import wraps
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_type_hints

import typer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from accel_models import Design
    from simulator import ResultKind
    from traces import NetworkGraph, Trace

OptionsT = TypeVar("OptionsT", bound="DataclassInstance")


def takes(kind: type[OptionsT]) -> Callable[[Callable[[typer.Context, OptionsT], None]], Callable[..., None]]:
    """Give a command one value of all its options: each field of a dataclass is one, with its default.

    In ``--help`` what must be given comes first, then what the class has of its own, then what it shares with others.
    """

    def with_options(command: Callable[[typer.Context, OptionsT], None]) -> Callable[..., None]:
        @wraps(command)
        def run(context: typer.Context, **given: Any) -> None:
            command(context, kind(**given))

        def in_help(one: Field[Any]) -> tuple[bool, bool]:
            return _default(one) is not Parameter.empty, one.name not in kind.__annotations__

        types = get_type_hints(kind, include_extras=True)
        either = Parameter.POSITIONAL_OR_KEYWORD
        options = [
            Parameter(one.name, either, default=_default(one), annotation=types[one.name])
            for one in sorted(fields(kind), key=in_help)
        ]
        context = Parameter("context", either, annotation=typer.Context)
        run.__signature__ = Signature([context, *options])  # type: ignore[attr-defined]  # read by inspect
        run.__annotations__ = {"context": typer.Context, **types}
        return run

    return with_options


def _default(option: Field[Any]) -> Any:
    """Return what an option is that is left out; of one that must be given nothing."""
    if option.default_factory is not MISSING:
        return option.default_factory()
    return Parameter.empty if option.default is MISSING else option.default


def _designs_like(incomplete: str) -> list[str]:
    """Return shipped designs that a shell may complete to; a path is the shell's own business."""
    from accel_models import design_names  # noqa: PLC0415  (pydantic and YAML are slow to import)

    return [name for name in design_names() if name.startswith(incomplete)]


def networks_like(incomplete: str) -> list[str]:
    """Return shipped traces and networks that a shell may complete to."""
    from traces import network_names, shipped_traces  # noqa: PLC0415  (as above)

    return sorted(name for name in {*shipped_traces(), *network_names()} if name.startswith(incomplete))


DesignName = Annotated[
    str,
    typer.Option(
        "--design",
        "-d",
        help="Shipped name or path of a YAML file.",
        metavar="D",
        autocompletion=_designs_like,
    ),
]
Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="One value of the design, e.g. --set array.rows=8, "
                 '--set clock="160 MHz" or --set software=tuned_2023.'),
]  # fmt: skip
SizesOption = Annotated[
    list[str],
    typer.Option("--size", metavar="NAME=1x3x224x224", help="Open axes of an input; repeatable."),
]  # fmt: skip
SkipUnsupported = Annotated[
    bool, typer.Option("--skip-unsupported", help="Leave out what cannot be priced, and say so.")
]  # fmt: skip
Without = Annotated[
    list[str],
    typer.Option("--without", metavar="STEP", help="A step the compiler leaves out: fold, fuse, sort, "
                 "place_gates, pin, tile or depth_first; may be repeated, and `all` leaves out every one."),
]  # fmt: skip
BudgetOption = Annotated[
    list[str],
    typer.Option("--budget", metavar="QUANTITY=VALUE", help='An upper bound, in place of that of the space, e.g. '
                 '--budget latency_p99="5 ms" or --budget latency_us_p99=5000; may be repeated; `none` drops the '
                 "space's. Nothing is replayed."),
]  # fmt: skip
OutFolder = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.", metavar="DIR")]
# Choice: what a user names with --out is kept unless --force is given; what a command derives under a name of its own
# (report.html, figures/, pages of docs/) is replaced, and a report of replaced results is removed.
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a network is read and compiled, with which settings of the design, and where results may go."""

    sizes: SizesOption = field(default_factory=list)
    skip_unsupported: SkipUnsupported = False
    without: Without = field(default_factory=list)
    settings: Settings = field(default_factory=list)
    force: Force = False
    as_json: AsJson = False


def free_file(path: Path, force: bool) -> None:
    """Refuse to write over a file that is there, unless told to."""
    from traces import ConfigError  # noqa: PLC0415  (as below)

    if path.exists() and not force:
        raise ConfigError(f"{path}: is there already; --force overwrites it")


def free_folder(folder: Path, kind: ResultKind, force: bool) -> list[str]:
    """Refuse a folder that holds results, unless told to replace results of the same kind; return what to say then.

    A report of the results that are about to be replaced is removed.
    """
    from simulator import holds_results  # noqa: PLC0415  (as below)
    from traces import ConfigError  # noqa: PLC0415

    if not holds_results(folder, kind):
        return []
    if not force:
        raise ConfigError(f"{folder}: holds results already; --force replaces them, or name another folder")
    report = folder / "report.html"
    stale = ", and removed their report.html" if report.is_file() else ""
    report.unlink(missing_ok=True)
    return [f"replaced the results that were there{stale}"]


def network_from(name: str, sizes: list[str], skip_unsupported: bool) -> NetworkGraph:
    """Load a network, told what its file leaves open."""
    from traces import Reading, load_network, parse_size  # noqa: PLC0415  (pydantic is slow to import)

    return load_network(name, Reading(dict(parse_size(text) for text in sizes), skip_unsupported))


def inputs_from(name: Path, limit: int | None, sizes: list[str], skip_unsupported: bool) -> Trace:
    """Load a trace, or one input that runs a network whole, told what the network's file leaves open."""
    from traces import Reading, load_inputs, parse_size  # noqa: PLC0415  (as above)

    reading = Reading(dict(parse_size(text) for text in sizes), skip_unsupported)
    return load_inputs(name, limit, reading=reading)


def missing_note(skipped: Sequence[str]) -> list[str]:
    """Return the line that says what of a model has no price, if anything."""
    from traces import unpriced_words  # noqa: PLC0415  (pydantic is slow to import)

    return [unpriced_words(skipped)] if skipped else []


def missing_of_each(skipped: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the lines that say what of several models has no price."""
    return [f"{name}: {line}" for name, nodes in skipped.items() for line in missing_note(nodes)]


# Choice: options that decide where results go, how they are shown and who works, but no number.
_NO_NUMBER: Final = {"out", "force", "as_json", "ops", "resume", "workers", "scheduler", "tls"}


def typed(context: typer.Context) -> str:
    """Return the command under way as a shell takes it, but for what decides no number.

    Options have their long names, in the order of ``--help``; those left out keep the value that is usual.
    """
    words = ["lacuna", context.info_name or ""]
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE" or name in _NO_NUMBER:
            continue
        value = context.params[name]
        flag = [] if parameter.param_type_name == "argument" else [max(parameter.opts, key=len)]
        if isinstance(value, bool):
            words += flag if value else parameter.secondary_opts[:1]
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [*flag, str(one)]
    return shlex.join(words)


def design_from(name: str, settings: list[str]) -> Design:
    """Load a design and set the values given with ``--set``."""
    from accel_models import load_design, parse_override  # noqa: PLC0415  (pydantic and YAML are slow to import)

    return load_design(name, dict(parse_override(text) for text in settings))


def left_out(steps: list[str]) -> dict[str, bool]:
    """Return the settings of a policy that switch the compiler's ``steps`` off."""
    from accel_models import STEPS, Compiler  # noqa: PLC0415  (as above)

    names = list(STEPS) if "all" in steps else steps
    Compiler.without(names)  # refuses what is no step
    return dict.fromkeys(names, False)
