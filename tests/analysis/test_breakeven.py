"""Break-even rates: crossings by hand, and a real replay on both sides of its own answer."""

from __future__ import annotations

import pytest

from accel_models.design.load import load_design
from analysis.questions.breakeven import break_even, crossing
from tests.shared import there
from traces import ConfigError, SyntheticSettings, UnsupportedError, cifar_resnet, synthetic_trace


@pytest.mark.parametrize(
    ("rates", "values", "rate"),
    [
        ([0.0, 0.5, 1.0], [12.0, 8.0, 4.0], 0.25),
        ([0.0, 0.5, 1.0], [10.0, 8.0, 4.0], 0.0),  # equal with nothing skipped: any skipping wins
        ([0.0, 0.5, 1.0], [9.0, 8.0, 4.0], 0.0),
        ([0.0, 0.5, 1.0], [30.0, 20.0, 12.0], None),
        ([0.0, 0.5, 1.0], [12.0, 9.0, 10.0], None),
        ([0.0, 0.25, 0.5, 0.75], [12.0, 9.0, 11.0, 9.0], 0.625),  # a hump: only the last crossing holds
    ],
)
def test_crossings_by_hand(rates: list[float], values: list[float], rate: float | None) -> None:
    assert crossing(rates, values, 10.0) == rate


def test_the_dense_network_is_met_where_it_says() -> None:
    """Replays a little below and above the break-even rate lie on the two sides of the dense latency."""
    from simulator import replay  # noqa: PLC0415  (numba)

    # Fused pools and folded scores leave next to nothing of a gate's cost, so decisions are handed over slowly.
    graph, design = cifar_resnet(8, "layer"), load_design("edge_npu_16x16", {"gate_handover": "3 us"})
    found = break_even(graph, design, skipped=(0.0, 0.1, 0.2, 0.4, 1.0), inputs=256)
    rate_won = there(found.rate)
    assert found.overhead > 0.05  # three blocks, 3 us each, beside 103 us
    for rate, wins in ((rate_won * 0.4, False), (rate_won * 1.6, True)):
        trace = synthetic_trace(graph, 2048, SyntheticSettings(rates=1 - rate), seed=9)
        summary = replay(trace, design, explain=False).replayed
        assert (summary.latency_us.mean < found.dense) == wins


def test_energy_has_a_rate_of_its_own() -> None:
    graph, design = cifar_resnet(8, "layer"), load_design("edge_npu_16x16")
    settings = {"skipped": (0.0, 0.5, 1.0), "inputs": 32}
    latency = break_even(graph, design, **settings)  # type: ignore[arg-type]
    energy = break_even(graph, design, quantity="energy_uj", **settings)  # type: ignore[arg-type]
    assert energy.dense != latency.dense
    assert list(energy.dynamic) == sorted(energy.dynamic, reverse=True)


@pytest.mark.parametrize("skipped", [(), (0.0,), (0.1, 0.5), (0.0, 0.5, 0.5), (0.0, 1.5)])
def test_rates_that_cannot_be_crossed_are_refused(skipped: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="needs two or more rates"):
        break_even(cifar_resnet(8, "layer"), load_design("edge_npu_16x16"), skipped=skipped)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"inputs": 0}, "inputs = 0: must be 1 to 100,000"),
        ({"inputs": 1 << 31}, "inputs = 2147483648: must be 1 to 100,000"),
        ({"seed": -1}, r"seed = -1: must be 0 to 2\*\*63 - 1"),
        ({"seed": 1 << 70}, "seed = 1180591620717411303424: must be"),
    ],
)
def test_numbers_of_inputs_and_seeds_have_bounds(settings: dict[str, int], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        break_even(cifar_resnet(8, "layer"), load_design("edge_npu_16x16"), **settings)  # type: ignore[arg-type]


def test_a_network_without_gates_is_refused() -> None:
    graph = cifar_resnet(8, "layer").without_gates()
    with pytest.raises(UnsupportedError, match="has no gates"):
        break_even(graph, load_design("edge_npu_16x16"))
