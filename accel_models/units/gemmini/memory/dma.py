"""What lies behind Gemmini's DMA engine, and how long trains of equal commands take through it."""

from __future__ import annotations

from typing import NamedTuple

from accel_models.units.gemmini.memory.traffic import LINE_BYTES, Block, block_traffic
from traces import compiled

WAYS_OF_A_STORED_LINE = 3


class GemminiMemory(NamedTuple):
    """What Gemmini's DMA engine sees; the line costs are zero for a memory that answers every request alike."""

    latency_cycles: float  # from a request to its first beat
    beat_cycles: float = 1.0  # per 16 bytes
    requests_in_flight: float = 16.0
    request_overhead_cycles: float = 8.0
    commands_in_flight: float = 2.0  # loads
    command_overhead_cycles: float = 14.0
    start_cycles: float = 20.0  # of the first command, beyond its latency
    store_overhead_cycles: float = 10.0  # per command: reading and scaling the accumulator
    command_rows: float = 16.0  # that one command moves
    l2_bytes: float = 2.0**62  # what is touched again within so many bytes costs no line
    llc_bytes: float = 2.0**62  # nor a line of DRAM within so many
    llc_line_cycles: float = 0.0  # per line that L2 lacks and the last-level cache holds
    line_cycles: float = 0.0  # per line that neither cache holds
    crowded_line_cycles: float = 0.0  # more for a line that L2 lacks, if all of a tile's share one set
    same_line_store_cycles: float = 0.0  # per store to the line of the store before


@compiled
def data_cycles(memory: GemminiMemory, block: Block) -> float:
    """Cycles of a block's beats on the port, or of making rows of the scratchpad of them."""
    _, beats, merge, _ = block_traffic(block)
    return max(beats * memory.beat_cycles, float(merge))


@compiled
def load_trip(memory: GemminiMemory, block: Block) -> float:
    """From one of a block's requests to its last beat."""
    requests, beats, _, _ = block_traffic(block)
    later_beats = (beats / requests - 1) * memory.beat_cycles
    return memory.latency_cycles + memory.request_overhead_cycles + later_beats


@compiled
def command_trip(memory: GemminiMemory, data: float) -> float:
    """From the issue of one load command to its last data."""
    return memory.latency_cycles + data + 1 - memory.beat_cycles + memory.command_overhead_cycles


@compiled
def train_cycles(memory: GemminiMemory, block: Block) -> float:
    """Time that each of a long train of such loads takes, every request answered after the latency.

    With q requests, d cycles of data, a round trip of T cycles, Q = 16 requests and 2 commands in flight:

        max(d, q T / Q, (L + d + 15 - w) / 2)
    """
    requests, beats, merge, _ = block_traffic(block)
    data = max(beats * memory.beat_cycles, float(merge))
    trip = (
        memory.latency_cycles + memory.request_overhead_cycles + (beats / requests - 1) * memory.beat_cycles
    )
    return max(
        data,
        requests * trip / memory.requests_in_flight,
        command_trip(memory, data) / memory.commands_in_flight,
    )


@compiled
def tail_cycles(memory: GemminiMemory, whole: Block, rest: Block) -> float:
    """Time of a command of fewer rows behind each train of whole ones, which the next train follows.

    It does not hide the round trip of the command after next as a whole one does: two are in flight::

        requests   | whole | rest |            | whole |
        data               | whole     | rest |        latency    | whole     |

    Source: the loads of weights in gemmini_dynamic_rtl.csv, 33 to 47 channels, whose third command has 1 to 15 rows.
    """
    requests, beats, merge, _ = block_traffic(rest)
    data = max(beats * memory.beat_cycles, float(merge))
    asked = requests * load_trip(memory, rest) / memory.requests_in_flight
    shown = command_trip(memory, data_cycles(memory, whole)) - train_cycles(memory, whole)
    return max(data, asked, shown)


@compiled
def bias_cycles(memory: GemminiMemory) -> float:
    """Time that each of a long train of biases takes: one request, written to 16 rows of the accumulator."""
    return command_trip(memory, memory.command_rows) / memory.commands_in_flight


@compiled
def store_cycles(memory: GemminiMemory, commands: float, block: Block) -> float:
    """Time of so many stores, each of a block of rows of up to 16 results.

    max(rows + 10, beats + 1, q (L + 8) / 16) a command of q requests, if no line is written twice in a row.  A
    row that straddles a border of 16 bytes is two beats, one of 64 two requests.
    """
    requests, beats, _, _ = block_traffic(block)
    trip = (memory.latency_cycles + memory.request_overhead_cycles) / memory.requests_in_flight
    in_turn = same_line_share(memory, block.pitch) * memory.same_line_store_cycles
    asked = max(requests * trip, block.rows * in_turn)
    return commands * max(block.rows + memory.store_overhead_cycles, beats + 1.0, asked)


@compiled
def same_line_share(memory: GemminiMemory, pitch: int) -> float:
    """Share of the time of a request to a line in use that one of a train waits, rows ``pitch`` bytes apart.

    Requests to one line take turns.  Those in flight to other lines go on meanwhile (assumption; measured are
    pitches of 1 to 3 bytes, where none are).
    """
    if pitch >= LINE_BYTES:
        return 0.0
    return min(1.0, LINE_BYTES / pitch / memory.requests_in_flight)


@compiled
def line_cost(memory: GemminiMemory, missing: tuple[float, float], crowding: float) -> float:
    """Cycles per line of which such shares come from the last-level cache and from DRAM.

    Lines that crowd in few of L2's sets, ``crowding`` of which lie aside, wait for one another when they come in.
    """
    wait = (missing[0] + missing[1]) * crowding * memory.crowded_line_cycles
    return missing[0] * memory.llc_line_cycles + missing[1] * memory.line_cycles + wait


@compiled
def stored_line_cost(memory: GemminiMemory, missing: tuple[float, float], crowding: float) -> float:
    """Do the same for a line that is stored.

    Stores cover parts of it, so it comes first, goes back to the last-level cache later, and from there to DRAM.
    Choice: each of the three ways takes as long.
    """
    return WAYS_OF_A_STORED_LINE * line_cost(memory, missing, crowding)
