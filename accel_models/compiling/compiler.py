"""The steps of a compiler between graph and placement, each of which can be switched off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from traces import ConfigError, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """What is done to the dynamic network and to the dense one alike before they are priced.

    ===============  ====================================================================================
    step             what it does
    ===============  ====================================================================================
    ``fold``         a gate's score joins the requantisation of what it scales; no ``mul`` is left
    ``fuse``         adds, pools and activations join the output stage of their producer
    ``sort``         channels are permuted by the execution rates of other inputs than those replayed
    ``place_gates``  each gate op runs on its cheaper unit
    ``pin``          as many weights as fit stay in the weight buffer
    ``tile``         tiles are chosen together, for the schedule of the whole network
    ``depth_first``  two or three layers run band by band where what lies between them would leave the chip
    ===============  ====================================================================================

    What a design's ``output_stage`` does not list is neither folded nor fused.
    """

    fold: bool = True
    fuse: bool = True
    sort: bool = True
    place_gates: bool = True
    pin: bool = True
    tile: bool = True
    depth_first: bool = True

    @classmethod
    def naive(cls) -> Compiler:
        """Return the compiler that does nothing: every op runs as the graph has it."""
        return cls.without(STEPS)

    @classmethod
    def without(cls, names: Iterable[str]) -> Compiler:
        """Return the compiler with the named steps switched off.

        Raises
        ------
        ConfigError
            If a name is no step; the message has the nearest one.
        """
        unknown = [name for name in names if name not in STEPS]
        if unknown:
            raise ConfigError(f"compiler step {unknown[0]!r}: no such step{did_you_mean(unknown[0], STEPS)}")
        return replace(cls(), **dict.fromkeys(names, False))

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps that are taken, in order."""
        return tuple(name for name in STEPS if getattr(self, name))


STEPS: tuple[str, ...] = tuple(field.name for field in fields(Compiler))
