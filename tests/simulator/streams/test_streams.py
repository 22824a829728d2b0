"""Do streams meet queueing theory, and small cases worked out by hand?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from accel_models.design.design import Design
from accel_models.design.load import load_design
from accel_models.design.unit_sections import Array
from accel_models.units.kinds import design_prices
from simulator import Arrivals, Dvfs, DvfsState, Policy, StreamResults, StreamSettings, replay, stream
from simulator.engines.events import Frame, Machine
from simulator.schedules.schedule import Task
from tests.simulator.schedule_strategies import tables
from traces.base.errors import ConfigError, UnsupportedError
from traces.graphs.build import GraphBuilder
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace
from traces.trace import Trace, open_trace


def one_op_trace(inputs: int = 1) -> Trace:
    """A network of one fully connected layer: every frame takes the same time."""
    builder = GraphBuilder("one", 64, 1, 1)
    builder.linear("fc", builder.input, 10)
    return open_trace(builder.finish(), inputs)


CORE: Design = load_design("cortex_m4")
SERVICE = int(replay(one_op_trace(), CORE, explain=False).per_input.latency_cycles[0])  # [cycles]


def run(arrivals: Arrivals, frames: int, **settings: object) -> StreamResults:
    return stream(
        one_op_trace(),
        CORE,
        StreamSettings(arrivals=arrivals, frames=frames, **settings),  # type: ignore[arg-type]
    )


def at_load(load: float, kind: str = "periodic", **settings: object) -> Arrivals:
    return Arrivals(kind=kind, rate_hz=load * CORE.clock / SERVICE, **settings)  # type: ignore[arg-type]


def at_cycles(*cycles: int) -> Arrivals:
    return Arrivals(kind="recorded", times_s=tuple(cycle / CORE.clock for cycle in cycles))


def us(cycles: float) -> float:
    return cycles * 1e6 / CORE.clock


@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
def test_poisson_arrivals_wait_as_an_m_d_1_queue(load: float) -> None:
    """Pollaczek-Khinchine: mean wait = load x service / (2 (1 - load)); within 4 standard errors of batch means."""
    results = run(at_load(load, "poisson", seed=7), 30_000, queue=None)
    waits = results.per_frame.wait_us.to_numpy()[1000:].reshape(50, -1).mean(axis=1)
    error = waits.std(ddof=1) / np.sqrt(len(waits))
    expected = us(load * SERVICE / (2 * (1 - load)))
    assert abs(waits.mean() - expected) < 4 * error
    assert error < 0.15 * expected
    assert results.summary().load == pytest.approx(load)


@pytest.mark.parametrize("load", [0.5, 1.0])
def test_periodic_arrivals_never_wait_as_a_d_d_1_queue(load: float) -> None:
    results = run(at_load(load), 200, queue=None)
    assert results.per_frame.wait_us.max() <= us(1)  # arrivals are rounded to cycles
    assert results.summary().unstable == (load >= 1)


def test_an_overloaded_d_d_1_queue_grows_by_what_each_frame_lacks() -> None:
    """Arrivals every half service: frame k waits k / 2 services."""
    results = run(at_load(2.0), 101, queue=None)
    waits = results.per_frame.wait_us.to_numpy()
    np.testing.assert_allclose(waits, us(SERVICE) * np.arange(101) / 2, atol=us(1))
    assert results.summary().unstable
    assert results.summary().load == pytest.approx(2.0)


def test_an_overloaded_bounded_queue_drops_half() -> None:
    figures = run(at_load(2.0), 1000, queue=4).summary()
    assert figures.unstable
    assert figures.dropped == pytest.approx(500, abs=5)
    assert figures.missed == figures.dropped
    assert figures.busy["simd"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("drop", "dropped"), [("newest", [3]), ("oldest", [1])])
def test_a_full_queue_drops_the_newest_or_the_oldest(drop: str, dropped: list[int]) -> None:
    """Four frames at once: one runs, two find a place, one is too many."""
    frames = run(at_cycles(0, 0, 0, 0), 4, queue=2, drop=drop).per_frame
    assert frames.frame[frames.dropped].tolist() == dropped


def test_a_frame_that_arrives_as_another_leaves_finds_its_place() -> None:
    """No queue: a frame a cycle too early is dropped; one at the moment of the end is not."""
    assert run(at_cycles(0, SERVICE - 1), 2, queue=0).summary().dropped == 1
    assert run(at_cycles(0, SERVICE), 2, queue=0).summary().dropped == 0


@pytest.mark.parametrize(("extra", "missed"), [(-1, 2), (0, 1)])
def test_both_sides_of_a_deadline(extra: int, missed: int) -> None:
    """Two frames at once take one and two services; the deadline is one, or a cycle less."""
    deadline = (SERVICE + extra + 0.5) / CORE.clock
    assert run(at_cycles(0, 0), 2, deadline_s=deadline).summary().missed == missed


def test_a_second_frame_takes_the_array_while_the_first_is_on_the_simd_core() -> None:
    """The simd core idles two cycles between the frames.

    ::

        cycle  0       4       8   10
        array  |  A    |   B   |
        simd           | a |   | b |
    """
    tasks = [
        Task(name="conv", op=0, kind="compute", unit=0),
        Task(name="relu", op=1, kind="compute", unit=1, after=(0,)),
    ]
    table = tables(tasks, [(4, 0, 0), (2, 0, 0)])
    machine = Machine(3)
    frames = [Frame(machine, table, [0, 0], priority=k) for k in range(2)]
    machine.env.run(machine.env.all_of([frame.run() for frame in frames]))
    assert [(frame.starts, frame.ends) for frame in frames] == [([0, 4], [4, 6]), ([4, 8], [8, 10])]


def test_the_earlier_frame_goes_first_when_both_ask() -> None:
    """Both frames want the simd core at 4: the one with the lower number gets it, whoever asked first."""
    tasks = [
        Task(name="load", op=0, kind="compute", unit=-1),
        Task(name="work", op=1, kind="compute", unit=1, after=(0,)),
    ]
    table = tables(tasks, [(4, 0, 0), (2, 0, 0)])
    machine = Machine(3)
    late, early = (Frame(machine, table, [0, 0], priority=k) for k in (1, 0))
    busy = Frame(machine, tables([Task(name="b", op=0, kind="compute", unit=1)], [(5, 0, 0)]), [0])
    machine.env.run(machine.env.all_of([frame.run() for frame in (busy, late, early)]))
    assert (early.ends[1], late.ends[1]) == (7, 9)


# Buffers that hold all tensors and weights of several frames.
ROOMY: Design = load_design(
    "edge_npu_16x16", {"memory.activation_buffer": "512 KiB", "memory.weight_buffer": "512 KiB"}
)


def test_frames_in_flight_overlap_but_never_beat_the_busiest_unit() -> None:
    design = ROOMY
    trace = synthetic_trace(cifar_resnet(8, "layer"), 12, seed=1)
    alone = replay(trace, design, explain=False).per_input
    settings = StreamSettings(arrivals=Arrivals(rate_hz=1e6), queue=None)
    spans = []
    for in_flight in (1, 2, 4):
        results = stream(trace, design, replace(settings, in_flight=in_flight))
        assert results.summary().completed == 12
        assert (results.per_frame.latency_us >= alone.latency_us * (1 - 1e-12)).all()
        spans.append(results.summary().seconds * design.clock)
    assert spans[0] == pytest.approx(alone.latency_cycles.sum())
    assert spans[1] < spans[0]
    busiest = max(alone[f"busy_{unit}_cycles"].sum() for unit in ("array", "simd", "dma"))
    assert all(span >= busiest - 1 for span in spans)


def test_one_frame_in_flight_takes_as_long_as_the_event_engine_says() -> None:
    """The short way of a single frame in flight and the long way of several meet when frames are far apart."""
    design = ROOMY
    trace = synthetic_trace(cifar_resnet(8, "both"), 5, seed=2)
    settings = StreamSettings(arrivals=Arrivals(rate_hz=10))
    one, two = (
        stream(trace, design, replace(settings, in_flight=k), Policy(prefetch="speculate")) for k in (1, 2)
    )
    assert one.per_frame.equals(two.per_frame)


def test_dvfs_runs_faster_the_more_frames_wait() -> None:
    """Nobody is behind the first when it starts, one frame behind the second, nobody behind the third.

    So they run at a quarter, at half, and at a quarter of the clock, with two switches.
    """
    speeds = (0.25, 0.5, 1.0)
    states = tuple(DvfsState(name=f"s{k}", speed=s, voltage=0.6 + 0.4 * s) for k, s in enumerate(speeds))
    switch = 100
    dvfs = Dvfs(states=states, switch_s=switch / CORE.clock)
    frames = run(at_cycles(0, 0, 0), 3, dvfs=dvfs).per_frame
    ends = np.cumsum([4 * SERVICE, switch + 2 * SERVICE, switch + 4 * SERVICE])
    np.testing.assert_allclose(frames.latency_us, [us(end) for end in ends], rtol=1e-12)
    assert frames.dvfs_state.tolist() == [0, 1, 0]
    ratios = frames.energy_pj / frames.energy_pj[0]
    np.testing.assert_allclose(ratios, [1.0, 0.8**2 / 0.7**2, 1.0])


def test_energy_of_a_frame_includes_the_time_nobody_works() -> None:
    busy, idle = (run(at_load(load), 50).summary() for load in (0.9, 0.09))
    assert idle.energy_uj_per_frame > busy.energy_uj_per_frame


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(at_load(0.8, "poisson", seed=3), 50).save(tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["SHA256SUMS", "design.yaml", "per_frame.parquet", "policy.json", "stream.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_wrong_streams_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"arrivals.rate_hz = None"):
        Arrivals()
    with pytest.raises(ConfigError, match="did you mean 'poisson'"):
        Arrivals(kind="poison", rate_hz=1.0)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="must rise"):
        Arrivals(kind="recorded", times_s=(1.0, 0.5))
    with pytest.raises(ConfigError, match="1 times for 2 frames"):
        run(at_cycles(0), 2)
    with pytest.raises(ConfigError, match=r"stream.queue = -1"):
        run(at_cycles(0), 1, queue=-1)
    with pytest.raises(UnsupportedError, match="frames of a stream run one by one"):
        stream(one_op_trace(), CORE, StreamSettings(arrivals=at_cycles(0)), Policy(batch=2))
    with pytest.raises(ConfigError, match="no inputs"):
        stream(one_op_trace().rows(0, 0), CORE, StreamSettings(arrivals=at_cycles(0)))
    with pytest.raises(UnsupportedError, match="only one frame"):
        run(at_cycles(0), 1, in_flight=2, dvfs=Dvfs(states=(DvfsState(name="s", speed=1.0, voltage=1.0),)))
    with pytest.raises(ConfigError, match="speeds"):
        Dvfs(states=tuple(DvfsState(name="s", speed=s, voltage=1.0) for s in (1.0, 0.5)))


NPU = load_design("edge_npu_16x16", {"gate_weights": "resident"})


def dvfs_stream(*states: tuple[float, float], rate_hz: float = 10.0) -> StreamResults:
    """Frames that never wait on a design with DRAM, in the first of the states given as (speed, voltage)."""
    named = tuple(DvfsState(name=f"s{k}", speed=s, voltage=v) for k, (s, v) in enumerate(states))
    settings = StreamSettings(arrivals=Arrivals(rate_hz=rate_hz), frames=4, dvfs=Dvfs(states=named))
    trace = synthetic_trace(cifar_resnet(8, "layer"), 4, seed=2)
    return stream(trace, NPU, settings, Policy(prefetch="speculate"))


def test_dram_has_a_supply_of_its_own() -> None:
    """At 0.8 of the voltage a frame of chip energy c and DRAM energy d takes 0.64 c + d, wasted fetches included.

    A wasted byte is read outside, the rows it opens included, and written into the weight buffer on the chip.
    """
    trace = synthetic_trace(cifar_resnet(8, "layer"), 4, seed=2)
    own, low = (dvfs_stream(state).per_frame.energy_pj.to_numpy() for state in ((1.0, 1.0), (0.5, 0.8)))
    paid = replay(trace, NPU, policy=Policy(prefetch="speculate"), explain=False).per_input
    stored = paid.wasted_bytes * design_prices(NPU).value("weight_sram_write_bytes")
    assert (stored > 0).any()
    outside = (paid.energy_dram_pj + paid.energy_wasted_pj - stored).to_numpy()
    np.testing.assert_allclose(low, 0.64 * (own - outside) + outside, rtol=1e-12)


def test_a_unit_at_half_the_clock_is_busy_twice_as_long() -> None:
    full, half = (dvfs_stream(state).summary() for state in ((1.0, 1.0), (0.5, 1.0)))
    span = half.seconds / full.seconds
    for unit, share in full.busy.items():
        assert half.busy[unit] * span == pytest.approx(2 * share)


def test_what_waits_clocks_at_the_state_s_own_rate() -> None:
    """Long between frames nearly all energy is static: leakage and DRAM at any clock, idle clocking by the clock."""
    prices = design_prices(NPU)
    powers = {price.action: price.value for price in prices if price.unit == "mW"}
    idle_pj = NPU.section(Array).peak_macs_per_cycle * prices.value("idle_pe_cycles")
    idle_mw = (idle_pj + prices.value("idle_simd_cycles")) * NPU.clock * 1e-9
    leaking = powers["sram_leakage"] + powers["logic_leakage"]
    for speed, voltage in ((1.0, 1.0), (0.5, 0.8)):
        found = dvfs_stream((speed, voltage), rate_hz=1.0).summary()
        static = leaking * voltage**3 + powers["dram_standby"] + idle_mw * speed * voltage**2
        assert found.energy_uj_per_frame * found.completed == pytest.approx(
            static * found.seconds * 1e3, rel=2e-3
        )
