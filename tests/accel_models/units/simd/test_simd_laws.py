"""Laws that no core may break, whatever it is and whatever it runs."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.unit_sections import Simd
from accel_models.units.simd.core import Core
from accel_models.units.simd.software import ISAS, load_software, software_names
from accel_models.units.simd.unit import simd_cycles
from accel_models.work.shapes import shapes_of
from tests.accel_models.units.simd.bare_core import (
    CLOCK_HZ,
    M4,
    TIGHTLY_COUPLED,
    flash,
    op,
)
from tests.sections import but, section
from traces.graphs.kinds import OpKind
from traces.graphs.parts import Op

KINDS: tuple[OpKind, ...] = (
    "conv", "linear", "lstm_cell", "add", "mul", "concat", "max_pool", "avg_pool", "global_avg_pool",
    "activation", "softmax", "threshold",
)  # fmt: skip


SAME_CHANNELS = {"add", "mul", "concat", "max_pool", "avg_pool", "global_avg_pool", "activation", "softmax"}


WAITS = st.builds(
    flash,
    line=st.sampled_from([4, 16, 32]),
    cache=st.sampled_from([0, 1024, 16384]),
    ns=st.integers(0, 1000).map(lambda tenths: tenths / 10),
)


CORES = st.builds(
    section,
    st.just(Simd),
    isa=st.sampled_from(ISAS),
    lanes_int8=st.sampled_from([1, 2, 6, 16]),
    lanes_int16=st.sampled_from([1, 2, 8]),
    lanes_fp32=st.sampled_from([1, 4]),
    vector=st.sampled_from(["1 B", "4 B", "16 B"]),
    issue=st.floats(0.5, 3),
    mac_cycles=st.just(1.0),
    alu_cycles=st.just(1.0),
    load_cycles=st.floats(1, 3),
    store_cycles=st.floats(1, 3),
    branch_cycles=st.floats(0, 4),
    weight_memory=WAITS,
    instruction_cache=st.sampled_from([None, "0 B", "1024 B", "8 KiB"]),
    activation_memory=WAITS,
    dispatch=st.sampled_from(["0 ns", "1 us"]),
    cores=st.sampled_from([1, 4]),
)


KERNELS = st.sampled_from([3, 1])


BYTES = st.sampled_from([1, 2, 4])


@st.composite
def works(draw: st.DrawFn) -> Op:
    """Any op on maps and channels of modest size, depthwise included."""
    kind = draw(st.sampled_from(KINDS))
    cin = draw(st.integers(1, 40))
    depthwise = kind == "conv" and draw(st.booleans())
    cout = cin if kind in SAME_CHANNELS or depthwise else draw(st.integers(1, 40))
    kernel = draw(KERNELS) if kind in {"conv", "max_pool", "avg_pool"} else 1
    size = draw(st.integers(1, 6))
    out = 1 if kind == "global_avg_pool" else size
    return op(
        kind,
        cin=cin,
        cout=cout,
        size=size,
        out_height=out,
        out_width=out,
        kernel_height=kernel,
        kernel_width=kernel,
        groups=cin if depthwise else 1,
    )


@st.composite
def cores(draw: st.DrawFn) -> Core:
    simd, clock_hz = draw(CORES), draw(st.sampled_from([48e6, 120e6, 1e9]))
    return Core(simd, clock_hz, load_software(draw(st.sampled_from(software_names())), simd.isa))


LAWS = settings(deadline=None, max_examples=60)


@LAWS
@given(work=works(), core=cores(), size=BYTES)
def test_skipping_channels_never_costs_cycles(work: Op, core: Core, size: int) -> None:
    """From all channels down to none, in and out: every step is as cheap or cheaper, and none is free.

    Counted kernels step by whole groups: CMSIS-NN multiplies three rows of a fully connected layer at once
    (arm_nn_vec_mat_mult_t_s8) and those left over one by one, so that two alone take longer than three together;
    memcpy moves 16 bytes at once, then words, then bytes, so that three bytes take longer than four.
    """
    software = core.software
    for kept in ("in_channels", "out_channels"):
        counts = np.arange(getattr(work, kept) + 1)
        both = (
            {"in_channels": counts, "out_channels": counts} if work.kind in SAME_CHANNELS else {kept: counts}
        )
        priced_work = simd_cycles(shapes_of(work, **both), core, weight_bytes=size, act_bytes=size)
        together = {"linear": software.linear_channels if kept == "out_channels" else 1, "concat": 16}
        step = together.get(work.kind, 1) if software.counted else 1
        assert np.all(np.diff(priced_work.total_cycles[::step]) >= 0)
        assert priced_work.total_cycles[0] == 0


@LAWS
@given(work=works(), core=cores())
def test_skipped_work_costs_nothing_at_all(work: Op, core: Core) -> None:
    nothing = simd_cycles(shapes_of(work, batch=0), core)
    assert all(not np.any(getattr(nothing, f.name)) for f in fields(nothing))


@LAWS
@given(work=works(), core=cores(), size=BYTES)
def test_never_beats_the_roofline(work: Op, core: Core, size: int) -> None:
    simd = core.simd
    priced_work = simd_cycles(shapes_of(work), core, weight_bytes=size, act_bytes=size)
    peak = simd.lanes(size) * simd.issue * simd.cores / simd.mac_cycles
    assert int(priced_work.total_cycles[0]) * peak * (1 + 1e-9) >= work.macs


@LAWS
@given(work=works(), core=cores())
def test_the_total_is_the_sum_of_its_terms(work: Op, core: Core) -> None:
    priced_work = simd_cycles(shapes_of(work), core)
    terms = [getattr(priced_work, f.name) for f in fields(priced_work) if f.name.endswith("_cycles")]
    assert len(terms) == 7
    assert np.array_equal(priced_work.total_cycles, np.sum(terms, axis=0))
    assert all(np.all(term >= 0) for term in terms)


@LAWS
@given(work=works(), core=cores(), faster=st.floats(1, 10))
def test_a_faster_clock_saves_time_but_never_cycles(work: Op, core: Core, faster: float) -> None:
    quick = replace(core, clock_hz=core.clock_hz * faster)
    slow_cycles, quick_cycles = (int(simd_cycles(shapes_of(work), c).total_cycles[0]) for c in (core, quick))
    assert quick_cycles >= slow_cycles
    assert quick_cycles <= np.ceil(slow_cycles * faster) + 7  # each of seven terms rounds up


@LAWS
@given(work=works(), core=cores())
def test_tightly_coupled_memory_is_never_slower(work: Op, core: Core) -> None:
    simd = but(core.simd, weight_memory=TIGHTLY_COUPLED, activation_memory=TIGHTLY_COUPLED)
    coupled = simd_cycles(shapes_of(work), replace(core, simd=simd))
    assert coupled.total_cycles[0] <= simd_cycles(shapes_of(work), core).total_cycles[0]
    assert int(coupled.wait_cycles[0]) == 0


@LAWS
@given(work=works(), core=cores())
def test_pieces_are_priced_one_by_one(work: Op, core: Core) -> None:
    """A piece of work costs the same alone and among others."""
    counts = np.arange(1, work.in_channels + 1)
    both = {"out_channels": counts} if work.kind in SAME_CHANNELS else {}
    many = shapes_of(work, counts, **both)
    alone = [simd_cycles(many.take(slice(i, i + 1)), core).total_cycles[0] for i in range(len(many))]
    assert np.array_equal(simd_cycles(many, core).total_cycles, alone)


@pytest.mark.parametrize("mac_cycles", [1.0, 100.0, 1e6])
def test_no_kernel_beats_the_mac_instructions_that_a_design_states(mac_cycles: float) -> None:
    """A depthwise kernel's loops are counted whole, MACs and all; its MACs still take what the design says.

    3x3 over 8 x 8 pixels of 16 channels: 9,216 MACs, two an instruction.
    """
    op = Op(
        name="dw", kind="conv", inputs=("input",), in_channels=16, out_channels=16, in_height=8, in_width=8,
        out_height=8, out_width=8, kernel_height=3, kernel_width=3, groups=16,
    )  # fmt: skip
    core = Core(but(M4, mac_cycles=mac_cycles), CLOCK_HZ, load_software("tuned", "dsp"))
    cycles = int(simd_cycles(shapes_of(op, [16], [16]), core).mac_cycles[0])
    assert cycles >= 9_216 / 2 * mac_cycles
    if mac_cycles == 1e6:
        assert cycles == 4_608_000_000
