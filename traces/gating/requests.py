"""What a user says of a gate: its kind, where its decision is made, which ops it guards, how to read it.

::

    graph.with_gates(
        layer("block1.gate", guards="block1.*", but="block1.shortcut", open=lambda y: y.argmax(1) == 1),
        channel("block1.mask", guards="block1.conv1"),
        exits("heads.*", confidence="entropy", threshold=0.3),
    )

``guards`` and ``but`` are patterns of op names (``*`` for anything), one or several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from traces.graphs.kinds import GateKind

Patterns = str | Sequence[str]
Read = Callable[[Any], Any]  # from a module's output to bits, or to an index


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRequest:
    """One gate, as asked for."""

    kind: GateKind
    name: str
    module: str  # the module call, or the op, that puts the decision out; for exits patterns, with commas
    guards: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    read: Read | None = None  # how the decision is read from the module's output; None: it is 0 or 1 as it is
    scaled: bool = False
    skipped_value: Literal["zero", "constant"] = "zero"
    size: int = 0  # bits or choices; 0: as the guarded ops say
    grid: tuple[int, int] = (1, 1)  # spatial gates: rows and columns of tiles
    widths: tuple[int, ...] = ()
    confidence: str | Read = "max_softmax"  # exits: how sure one is, "entropy", or a pattern of modules
    threshold: float | tuple[float, ...] | None = None  # exits: the first one beyond it answers


def layer(  # noqa: PLR0913  # a gate has these properties
    name: str,
    *,
    guards: Patterns,
    but: Patterns = (),
    open: Read | None = None,  # the word for it
    module: str = "",
    scaled: bool = False,
) -> GateRequest:
    """Ask for a gate that runs or skips its ops.

    Parameters
    ----------
    name
        Of the gate; also the module whose output decides, unless ``module`` names another.  The second call of a
        module is ``control#2``.
    guards, but
        Patterns of the ops that run only if it is open, and of those among them that always run.
    open
        From the module's output to one bit per input, for outputs that are not 0 or 1 already:
        ``lambda y: y > 0`` (logits, scores), ``lambda y: y > 0.5`` (probabilities), ``lambda y: y.argmax(1) == 1``.
    module
        The module, or op, that puts the decision out.
    scaled
        The output also multiplies what is kept.
    """
    asked = _request("layer", name, module, guards, but, open)
    return replace(asked, scaled=scaled)


def channel(  # noqa: PLR0913  # a gate has these properties
    name: str,
    *,
    guards: Patterns,
    but: Patterns = (),
    open: Read | None = None,  # the word for it
    module: str = "",
    scaled: bool = False,
    skipped_value: Literal["zero", "constant"] = "zero",
) -> GateRequest:
    """Ask for a gate with a bit per output channel of what it guards; see :func:`layer`.

    ``skipped_value`` is "constant" where a batch norm follows the mask.
    """
    asked = _request("channel", name, module, guards, but, open)
    return replace(asked, scaled=scaled, skipped_value=skipped_value)


def spatial(  # noqa: PLR0913  # a gate has these properties
    name: str,
    *,
    guards: Patterns,
    but: Patterns = (),
    open: Read | None = None,  # the word for it
    module: str = "",
    grid: tuple[int, int] = (1, 1),
) -> GateRequest:
    """Ask for a gate with a bit per tile of the output of what it guards; see :func:`layer`.

    ``grid`` is (rows, columns) of tiles; left out, it is the size of the decision, (n, 1, rows, columns).
    """
    asked = _request("spatial", name, module, guards, but, open)
    return replace(asked, grid=grid)


def width(  # noqa: PLR0913  # a gate has these properties
    name: str,
    *,
    guards: Patterns,
    widths: Sequence[int],
    but: Patterns = (),
    index: Read | None = None,
    module: str = "",
) -> GateRequest:
    """Ask for a gate that chooses how many of the first output channels exist.

    ``widths`` are the channels of each choice, rising.  ``index`` maps the module's output to the choice of each
    input; left out, the output is the index itself, or one-hot over the choices.
    """
    asked = _request("width", name, module, guards, but, index)
    return replace(asked, widths=tuple(widths))


def tokens(  # a gate has these properties
    name: str,
    *,
    guards: Patterns,
    but: Patterns = (),
    open: Read | None = None,  # the word for it
    module: str = "",
) -> GateRequest:
    """Ask for a gate with a bit per row (token) of the sequences that it guards; see :func:`layer`."""
    return _request("token", name, module, guards, but, open)


def elements(  # a gate has these properties
    name: str,
    *,
    guards: Patterns,
    but: Patterns = (),
    open: Read | None = None,  # the word for it
    module: str = "",
) -> GateRequest:
    """Ask for a gate with a bit per output element of what it guards; see :func:`layer`."""
    return _request("element", name, module, guards, but, open)


def exits(
    heads: Patterns,
    *,
    confidence: str | Read = "max_softmax",
    threshold: float | Sequence[float] | None = None,
    name: str = "exits",
) -> GateRequest:
    """Ask for early exits: what lies behind an exit that answers does not run.

    Parameters
    ----------
    heads
        Pattern, or patterns, of the modules whose outputs are the exits' logits: ``"classifier.*"``.
    confidence
        How sure an exit is: ``"max_softmax"``, ``"entropy"``, a pattern of modules that put a confidence out, or a
        function of the logits.
    threshold
        The first exit at least so sure answers (for the entropy: at most, in nats), one number or one per exit; left
        out, the last exit answers and another may be chosen later from what the trace holds.
    name
        Of the gate.
    """
    several = threshold is not None and not isinstance(threshold, int | float)
    return GateRequest(
        kind="exit",
        name=name,
        module=heads if isinstance(heads, str) else ",".join(heads),
        confidence=confidence,
        threshold=tuple(threshold) if several else threshold,  # type: ignore[arg-type]  # a number if not several
    )


def _request(  # noqa: PLR0913, PLR0917  # what every gate has but exits
    kind: GateKind, name: str, module: str, guards: Patterns, but: Patterns, read: Read | None
) -> GateRequest:
    return GateRequest(
        kind=kind,
        name=name,
        module=module or name,
        guards=_patterns(guards),
        but=_patterns(but),
        read=read,
    )


def _patterns(given: Patterns) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
