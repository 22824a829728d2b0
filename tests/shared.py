"""What tests share: a word for what they know to be there, and what is dear and asked for in many files.

The latter is computed once in a run of the tests, by the worker that asks first.
"""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import pytest

from traces import atomic_write

if TYPE_CHECKING:
    from analysis import Comparison

T = TypeVar("T")
Comparisons: TypeAlias = "tuple[Comparison, ...]"
ComparisonsOf: TypeAlias = "Callable[[Callable[[], Iterable[Comparison]]], Comparisons]"


def there(value: T | None) -> T:
    """Return a value that is there, as the test knows; fail where it is not."""
    assert value is not None
    return value


def once(folders: pytest.TempPathFactory, name: str, make: Callable[[], T]) -> T:
    """Return what ``make`` gives, made by the first of all workers and read by the others, who wait meanwhile."""
    path = _of_the_run(folders) / f"{name}.pickle"
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            with atomic_write(path) as temporary:
                temporary.write_bytes(pickle.dumps(make()))
    found: T = pickle.loads(path.read_bytes())
    return found


def _of_the_run(folders: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers of this run have in common, and no other run."""
    base = folders.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
