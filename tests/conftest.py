"""Laws look at new examples on every run of a developer; CI looks at the same ones every time.

No example has a deadline: how long one takes is the machine's business, and a busy one is slow.  ``--shuffle 7`` runs
the tests in an order drawn from that seed: what passes in one order must pass in any.
"""

import os
import random

import pytest
from hypothesis import settings

settings.register_profile("developer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "developer")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shuffle", type=int, default=None, metavar="SEED", help="run in an order drawn from a seed"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)
