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


class LacunaError(Exception):
    """Base of everything a user can mend; the message names the path, the value, the need, the way out."""


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
    near = difflib.get_close_matches(value, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{hint} known: {', '.join(names)}"
