"""Software sets: how well the kernels that run on a SIMD core are written.

The same core runs the same network several times faster or slower under another library, so the library is
a parameter set of its own, shared by all cores of an instruction set.  The numbers are *instructions per
piece of work*; what an instruction costs is the core's business (:mod:`accel_models.units.simd.core`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, get_args

from accel_models.energy.tables import Named
from traces import ConfigError, did_you_mean, parse_yaml_mapping

Isa = Literal["v6m", "scalar", "dsp", "mve", "neon", "dot", "rvv", "vector"]
ISAS: tuple[Isa, ...] = get_args(Isa)


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """Instructions that one library needs on one instruction set; all per input element unless said.

    The matrix kernel holds a register block of ``block_pixels`` x ``block_channels`` sums and walks along K
    one vector word a step.
    """

    counted: bool  # int8 kernels execute what was counted of CMSIS-NN's; what follows then holds for the rest
    vectorised: bool  # uses the core's MAC lanes and wide loads; else one element at a time
    block_pixels: int  # output pixels per register block
    block_channels: int  # output channels per register block
    linear_channels: int  # output channels per register block of a matrix-vector product
    reduces_by_tap: bool  # words hold channels under one kernel tap; else a window gathered tap after tap
    load_burst: float  # loads scheduled back to back, which hides all but the first one's extra cycles
    unroll: float  # steps per taken branch
    wait_hidden: float  # share of the wait for weights that the kernels hide or avoid [0..1]
    channels_outer: bool  # 1x1 kernels take all pixels through one block of channels before the next
    im2col_widens: bool  # the im2col buffer holds int8 activations as 16 bits
    unpack_instructions: float  # to widen a loaded word of int8 operands to 16 bits (0: int8 is multiplied)
    step_instructions: float  # pointers and moves per step of a register block
    linear_step_instructions: float  # ... of a matrix-vector product
    block_instructions: float  # set-up per register block
    pixel_instructions: float  # per row of the product (output pixel): pointers, buffer management
    requant_instructions: float  # per output: bias, scaling, clamping, store
    im2col_tap_instructions: float  # per kernel tap of an output pixel: address, bounds, call of the copy
    im2col_word_instructions: float  # per word copied
    depthwise_code: float  # size of a depthwise kernel's code, beyond which an instruction cache misses [B]
    depthwise_lanes: int  # channels computed side by side
    depthwise_mac_instructions: float  # per multiply-accumulate
    depthwise_output_instructions: float  # per output
    depthwise_tap_instructions: float  # per kernel tap of an output pixel, for all channels together
    add_instructions: float  # residual add: two rescalings and a requantisation
    mul_instructions: float  # product of two tensors, or scaling by a score
    pool_instructions: float  # per element of a pooling window
    copy_instructions: float  # concatenation
    activation_instructions: float  # stand-alone relu, clip
    exp_instructions: float  # softmax and LSTM gates: exponential or table with interpolation
    threshold_instructions: float
    op_instructions: float  # per op: the interpreter's or generated code's call

    def __post_init__(self) -> None:
        for name in ("block_pixels", "block_channels", "linear_channels", "depthwise_lanes"):
            _need(name, getattr(self, name), 1)
        for name in ("load_burst", "unroll"):
            _need(name, getattr(self, name), 1.0)
        for field in fields(self):
            _need(field.name, getattr(self, field.name), 0)
        if self.wait_hidden > 1:
            raise ConfigError(f"wait_hidden = {self.wait_hidden}: must be at most 1")


def software_names() -> tuple[str, ...]:
    """Return the names of the shipped software sets, in the file's order."""
    return tuple(_table())


SOFTWARE: Final = Named("software set", software_names)


@cache
def load_software(name: str, isa: Isa) -> Software:
    """Return the software set ``name`` as it is on the instruction set ``isa``.

    A set states the numbers common to all instruction sets under ``all`` and what differs under the name of
    an instruction set; ``like`` names a set it takes the rest from.  A vector unit runs no program: what it gets says
    nothing and is not read, neither from the file, which takes 30 ms, nor by anybody.
    """
    if isa == "vector":
        nothing: dict[str, Any] = {field.name: 1 for field in fields(Software)}
        return Software(**nothing)
    try:
        SOFTWARE.known(name)
    except ConfigError as unknown:
        raise ConfigError(f"software = {name!r}: {unknown}") from None
    if isa not in ISAS:
        raise ConfigError(f"isa = {isa!r}: no such instruction set{did_you_mean(isa, ISAS)}")
    values = _collect(_table(), name, isa)
    known = {field.name for field in fields(Software)}
    for key in values:
        if key not in known:
            raise ConfigError(f"software set {name!r}: no such setting {key!r}{did_you_mean(key, known)}")
    missing = sorted(known - set(values))
    if missing:
        raise ConfigError(f"software set {name!r} on {isa}: {', '.join(missing)} missing")
    return Software(**values)


def _collect(table: dict[str, Any], name: str, isa: Isa) -> dict[str, Any]:
    entry = table[name]
    inherited = _collect(table, entry["like"], isa) if "like" in entry else {}
    scalar = entry.get("scalar", {}) if isa == "v6m" else {}
    return {**inherited, **entry.get("all", {}), **scalar, **entry.get(isa, {})}


@cache
def _table() -> dict[str, Any]:
    source = resources.files("accel_models.tables").joinpath("software.yaml")
    return parse_yaml_mapping(source.read_text(encoding="utf-8"), source.name)


def _need(name: str, value: float, least: float) -> None:
    if value < least:
        raise ConfigError(f"{name} = {value}: must be at least {least}")
