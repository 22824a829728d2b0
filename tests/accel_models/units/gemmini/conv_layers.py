"""Convolutions of any size, a Gemmini of its defaults and one as measured in FireSim."""

from hypothesis import strategies as st

from accel_models.design.load import load_design
from accel_models.units.gemmini.machine import GemminiMachine, gemmini_of
from accel_models.units.gemmini.memory.dma import (
    GemminiMemory,
)
from accel_models.units.gemmini.tiling import ConvLayer, ConvTiling, search_tiling

MEMORY = GemminiMemory(latency_cycles=100.0)
MACHINE = GemminiMachine(memory=MEMORY)
DESIGN = load_design("gemmini_16x16")
FIRESIM = gemmini_of(DESIGN)


def layer(size: int, channels: int, filters: int, kernel: int = 1, stride: int = 1) -> ConvLayer:
    return ConvLayer.square(
        size=size, channels=channels, filters=filters, kernel=kernel, stride=stride, padding=kernel // 2
    )


def default_tiling(shape: ConvLayer) -> ConvTiling:
    return search_tiling(shape, MACHINE).tiling


WHOLE = ConvTiling(Q=8, P=8, K=64, S=1, R=1, C=64)
LAYERS = st.builds(
    layer,
    st.integers(3, 40),
    st.integers(1, 200),
    st.integers(1, 200),
    st.sampled_from([1, 3]),
    st.integers(1, 2),
)
