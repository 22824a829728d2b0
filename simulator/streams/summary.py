"""The figures of a stream: what ``stream.json`` holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simulator.summary import MODEL_VERSION, RESULTS_SCHEMA_VERSION, Amount, Spread, SummedShare
from traces import Frozen


class StreamSummary(Frozen):
    """Figures of a stream; latency is from arrival to answer, over completed frames."""

    schema_version: str = RESULTS_SCHEMA_VERSION
    model_version: str = MODEL_VERSION
    network: str
    design: str
    design_hash: str
    frames: Annotated[int, Field(ge=1)]
    completed: int
    dropped: int
    missed: int  # dropped, late, or with a budget below the first exit
    miss_rate: float
    load: Annotated[float, Field(ge=0)]  # share of the capacity asked for
    unstable: bool  # load of 1 or more: without drops the queue would grow without end
    seconds: Amount  # from 0 to the last arrival or answer
    frames_per_second: Amount
    latency_us: Spread
    wait_us: Spread
    energy_uj_per_frame: Amount  # of completed frames; leakage and idle clocking of the whole time included
    asleep: SummedShare = 0.0  # share of the time, if the design has a sleep mode
    accuracy: float  # of all frames; what got no answer is wrong
    busy: dict[str, SummedShare]  # share of the time that each unit works
    skipped: tuple[str, ...] = ()  # of the model, what has no price
    deadline_us: Amount | None = None  # from arrival to answer
    command: str = ""  # as of a replay
