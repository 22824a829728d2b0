"""How decisions meet the hardware: when weights are fetched, and which inputs run together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from accel_models import STEPS, Compiler
from traces import ConfigError, Frozen, explain

Prefetch = Literal["wait", "speculate", "predict", "oracle"]


@dataclass(frozen=True, slots=True)
class PrefetchRules:
    """What is true of a way to fetch weights that a gate guards."""

    speculates: bool = False  # they are fetched before the decision
    reads_rates: bool = False  # of ops alone whose execution rate exceeds ``theta``
    knows_decisions: bool = False  # nothing ever waits for a decision


PREFETCH: Final[Mapping[Prefetch, PrefetchRules]] = {
    "wait": PrefetchRules(),
    "speculate": PrefetchRules(speculates=True),
    "predict": PrefetchRules(speculates=True, reads_rates=True),
    "oracle": PrefetchRules(knows_decisions=True),
}


class Policy(Frozen):
    """Policy of a replay.

    ==============  =====================================================================================
    ``prefetch``    weights of what a gate guards are fetched
    ==============  =====================================================================================
    ``wait``        after the decision
    ``speculate``   before it; what turns out skipped is wasted, the transfer cut at the next burst
    ``predict``     before it for ops whose execution rate exceeds ``theta``, after it for others; rates of other
                    inputs: those a trace carries, or of the first half of its first 32,768 inputs
    ``oracle``      as needed: decisions are known before the input arrives; the lower bound
    ==============  =====================================================================================
    """

    prefetch: Prefetch = "wait"
    theta: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    batch: Annotated[int, Field(ge=1, le=4096)] = 1
    batch_order: Literal["arrival", "similar"] = "arrival"
    compaction: Literal["union", "per_input"] = "union"
    fold: bool = True  # the compiler's steps; see accel_models.compiling.steps
    fuse: bool = True
    sort: bool = True
    place_gates: bool = True
    pin: bool = True
    tile: bool = True
    depth_first: bool = True
    seed: Annotated[int, Field(ge=0)] = 0

    if not TYPE_CHECKING:  # type checkers know each setting by its name and type

        def __init__(self, **settings):
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise ConfigError(explain(error, Policy, "policy.")) from None

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Self:
        """Return the policy that settings by name describe, as they come from a file or a command line."""
        values: dict[str, Any] = dict(settings)
        return cls(**values)

    @property
    def fetching(self) -> PrefetchRules:
        """What is true of the way in which weights are fetched."""
        return PREFETCH[self.prefetch]

    @property
    def compiler(self) -> Compiler:
        """What is done to graph and trace before they are priced."""
        return Compiler(**{step: getattr(self, step) for step in STEPS})

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.batch == 1 and self.batch_order == "similar":
            raise ValueError("batch_order = 'similar' needs batch = 2 or more")
        return self
