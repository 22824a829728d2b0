"""Six pairs of stack versions that began to remove dead channels."""

from __future__ import annotations

import pytest

from analysis.validation.left_out import kept
from analysis.validation.simd.dead_channels import PAIRS, dead_channels


def test_a_pair_by_hand() -> None:
    """X-CUBE-AI 8.0 and 8.1 on an STM32L4R5: visual wake words over image classification, in ms."""
    found = dead_channels()
    assert len(found.labels) == len(PAIRS) == 6
    assert found.measured[0] == pytest.approx((118.6944 / 213.9953) / (221.1411 / 221.9756))


def test_the_model_saves_something_and_no_more_than_the_macs() -> None:
    """50.1 % of the MACs are left; no latency falls further."""
    found = dead_channels()
    assert kept(found)
    assert (found.predicted > 0.50).all()
    assert (found.predicted < 0.75).all()


def test_each_version_is_priced_by_its_own_set() -> None:
    """Plumerai on a PSoC 62, 2022 to 2023: half of the network, cheaper depthwise layers; over image classification."""
    found = dead_channels()
    assert found.labels[5].startswith("PSoC 62")
    assert found.measured[5] == pytest.approx((108.2954 / 192.4557) / (188.9645 / 193.1248))
    assert found.predicted[5] == pytest.approx(found.measured[5], rel=0.03)
