"""Laws of any op on gemmini_16x16 and machines like it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.accel_models.units.gemmini.priced import conv, cost, linear
from traces.graphs.parts import Op

OPS = st.one_of(
    st.builds(
        conv,
        st.integers(1, 300),
        st.integers(1, 200),
        size=st.integers(1, 40),
        kernel=st.sampled_from([1, 2, 3, 7]),
        stride=st.integers(1, 3),
        dilation=st.integers(1, 2),
    ),
    st.builds(
        lambda c, size, kernel: conv(c, c, size, kernel, groups=c),
        st.integers(2, 90), st.integers(1, 20), st.sampled_from([3, 5]),
    ),
    st.builds(
        lambda g, c, f, size: conv(g * c, g * f, size, 3, groups=g),
        st.integers(2, 4), st.integers(1, 70), st.integers(1, 70), st.integers(1, 20),
    ),
    st.builds(linear, st.integers(1, 600), st.integers(1, 300), rows=st.integers(1, 40)),
)  # fmt: skip
SIZES = st.sampled_from(
    [
        {},
        {"array__rows": 8, "array__cols": 8},
        {"array__rows": 128, "array__cols": 8},
        {"memory__activation_bits": 16, "memory__weight_bits": 32},
        {"memory__double_buffered": False},
    ]
)
SHARES = st.tuples(st.floats(0, 1), st.floats(0, 1))


@settings(deadline=None, max_examples=80)
@given(op=OPS, overrides=SIZES, batch=st.integers(1, 3), more=SHARES, fewer=SHARES)
def test_laws_of_any_op(
    op: Op,
    overrides: dict[str, int | bool],
    batch: int,
    more: tuple[float, float],
    fewer: tuple[float, float],
) -> None:
    """Never beats the roofline; fewer channels never compute longer; skipped work costs nothing."""
    rows = overrides.get("array__rows", 16) * overrides.get("array__cols", 16)
    cin = np.ceil(op.in_channels * more[0] * np.array([1.0, fewer[0], 0.0])).astype(int)
    cout = np.ceil(op.out_channels * more[1] * np.array([1.0, fewer[1], 1.0])).astype(int)
    if op.is_depthwise:
        cout = cin
    priced = cost(op, cin, cout, batch=batch, **overrides)
    assert priced.feasible.all()
    assert (priced.compute_cycles * rows >= priced.macs).all()
    assert (priced.alone_cycles >= priced.compute_cycles).all()
    assert priced.compute_cycles[1] <= priced.compute_cycles[0]
    assert priced.energy.mac_pj[1] <= priced.energy.mac_pj[0]
    for field in (
        "compute_cycles",
        "input_cycles",
        "output_cycles",
        "dram_bytes",
        "sram_bytes",
        "alone_cycles",
    ):
        assert getattr(priced, field)[2] == 0, field


@settings(deadline=None, max_examples=40)
@given(op=OPS)
def test_a_better_machine_is_never_slower(op: Op) -> None:
    base = cost(op).alone_cycles[0]
    assert cost(op, memory__dram__bandwidth="16 GB/s").alone_cycles[0] <= base
    assert (
        cost(op, gemmini__l2_beat_cycles=1.0).alone_cycles[0] <= base + 1
    )  # its RTL merges the last beat late
    assert cost(op, gemmini__search_cycles=0).alone_cycles[0] <= base
    assert cost(op, memory__dram__requests_in_flight=2).alone_cycles[0] >= base
    assert cost(op, memory__dram__latency="2 us").alone_cycles[0] >= base
