"""The errors a user can cause, and the one way to offer the nearest valid name.

::

    LacunaError            anything a user can mend; the command line prints it and exits with 2
    ├── FileProblem        a path is missing, truncated, damaged or of another version
    ├── ConfigError        a setting, name or value is not valid
    ├── GraphError         a network graph contradicts itself or its trace
    └── UnsupportedError   the pieces are valid, but this design, policy or op cannot do what is asked
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_MESSAGE = 500  # characters; Choice: what a terminal shows at a glance
_MOST_VALUE, _MOST_KNOWN = 80, 240  # characters of a value, of a list of names
_CUT = " [...] "
_WORD = 40  # characters of a word that is kept whole


class LacunaError(Exception):
    """Base of everything a user can mend; the message names the path, the value, the need, the way out.

    It is clipped in its middle to :data:`MOST_MESSAGE` characters, and control characters of names (a terminal
    obeys some) are spelled as escapes.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(clipped(printable(str(message)), MOST_MESSAGE))


class FileProblem(LacunaError):
    """A file or folder is missing, truncated, damaged or of a version this tool does not know."""


class ConfigError(LacunaError, ValueError):
    """A setting, a name or a value is not valid."""


class GraphError(LacunaError):
    """A network graph contradicts itself or the trace beside it.

    No ``ValueError``: pydantic would wrap it in a page of its own, and the one clear line would be lost.
    """


class UnsupportedError(LacunaError, ValueError):
    """Valid pieces that do not go together: an unknown op, a policy a design does not support."""


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'? known: a, b"`` for an unknown name, to end an error message with."""
    names = sorted(known)
    near = difflib.get_close_matches(value[:_MOST_VALUE], names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{hint} known: {clipped(', '.join(names), _MOST_KNOWN)}"


def shown(value: object) -> str:
    """Return a value of the user's for a message: as Python spells it, clipped."""
    return clipped(repr(value), _MOST_VALUE)


def clipped(text: str, most: int) -> str:
    """Return ``text``, its middle left out if it is longer than ``most`` characters."""
    if len(text) <= most:
        return text
    tail = (most - len(_CUT)) // 3
    head, end = text[: most - len(_CUT) - tail], text[-tail:]
    if (space := head.rfind(" ", -_WORD)) > 0:  # no word is cut that need not be
        head = head[:space]
    if 0 <= (space := end.find(" ", 0, _WORD)) < len(end) - 1:
        end = end[space + 1 :]
    return head + _CUT + end


def printable(text: str) -> str:
    """Return ``text`` with every character that a terminal might obey, and half surrogates, as an escape.

    A non-breaking space stays: it holds a number and its unit together.
    """
    return "".join(
        c if c.isprintable() or c in "\n\xa0" else c.encode("unicode_escape").decode() for c in text
    )


def first_line(problem: BaseException) -> str:
    """Return the first line of what a library says, or the kind of its error if it says nothing."""
    said = str(problem).strip().splitlines()
    return said[0] if said else type(problem).__name__
