"""Laws look at new examples on every run of a developer; CI looks at the same ones every time.

No example has a deadline, and none is refused for having taken long to draw: how long one takes is the machine's
business, and a busy one is slow.  ``--shuffle 7`` runs the tests in an order drawn from that seed: what passes in one
order must pass in any.
"""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.shared import Comparisons, ComparisonsOf, once

if TYPE_CHECKING:
    from analysis import Comparison

settings.register_profile("developer", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("developer"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "developer")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shuffle", type=int, default=None, metavar="SEED", help="run in an order drawn from a seed"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of every later search for garbage: that is a tenth of all work."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def comparisons_of(tmp_path_factory: pytest.TempPathFactory) -> ComparisonsOf:
    """Comparisons with truth of a kind, computed once in the whole run."""

    @cache
    def found(kind: Callable[[], Iterable[Comparison]]) -> Comparisons:
        return once(tmp_path_factory, kind.__name__, lambda: tuple(kind()))

    return found


@pytest.fixture(scope="session")
def every_comparison(comparisons_of: ComparisonsOf) -> Comparisons:
    """What ``all_comparisons`` returns."""
    from analysis.validation.all import COMPARED  # noqa: PLC0415  (most tests compare with no truth)

    return tuple(comparison for kind in COMPARED for comparison in comparisons_of(kind))
