"""The one check of a stored version: readers refuse another major number, and what is no version."""

from __future__ import annotations

import re

from traces.base.errors import FileProblem, shown

COST_TABLE_VERSION = 1  # of the file that `accel_models` writes and `networks` trains by
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}")


def check_version(found: object, known: str, what: str, way_out: str) -> str:
    """Return the version of a stored thing if this tool reads it.

    Parameters
    ----------
    found
        As stored, e.g. ``"1.1"``.
    known
        The version that this tool writes; it reads every one of the same major number.
    what
        Begins the error: path and kind of thing, ``"a.parquet: has trace schema version"``.
    way_out
        Ends it: what to do.
    """
    major = known.split(".", maxsplit=1)[0]
    if not isinstance(found, str) or not _VERSION.fullmatch(found) or found.split(".")[0] != major:
        word = found if isinstance(found, str) else shown(found)
        raise FileProblem(f"{what} {word}; this tool knows {major}.x: {way_out}")
    return found
