"""What a replay found, in the terminal: figures beside the estimates, where savings went, where time goes by op."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from analysis import batch_words, digits, policy_words
from lacuna.console import Gain, fits, gain_words, percent, show_json, show_lines, show_notes, show_table
from lacuna.options import missing_note

if TYPE_CHECKING:
    from simulator import Explained, OpRow, Replayed, Results, Waterfall


def show_summary(results: Results, *, as_json: bool) -> None:
    """Print what a replay found: the dense network, the estimates and the replay beside each other."""
    from simulator import summary_json  # noqa: PLC0415

    summary = results.summary()
    if as_json:
        show_json(summary_json(summary))
        return
    words = policy_words(results.policy)
    asked = words if words[:1] == [f"prefetch {results.policy.prefetch}"] else ["prefetch wait", *words]
    title = f"{summary.network} on {results.design.title}, {summary.inputs:,} inputs, {', '.join(asked)}"
    if not summary.feasible:
        show_notes([f"{title}: does not fit: {summary.reason}", *missing_note(summary.skipped)])
        return
    figures = results.explained
    band = "energy: x/÷ 2, prices were scaled over process nodes" if figures.scaled_energy else ""
    columns = ["", "MACs", "latency us", "than dense", "energy uJ", "than dense"]
    show_table(title, columns, _estimate_rows(figures), note=band)
    show_table("Of the inputs", ["", "mean", "p50", "p95", "p99", "max"], _spread_rows(figures))
    _show_waterfall(figures)
    known = "not known: a network without a trace"
    if figures.accuracy is not None:
        known = f"{percent(figures.accuracy)} of these {summary.inputs:,} inputs"
    show_lines([f"accuracy {known}", *_beyond_estimates(figures)])
    together = batch_words(figures.batch)
    notes = [f"figures {together}"] if together else []
    show_notes([*notes, *results.notes, *missing_note(figures.skipped)])


def _beyond_estimates(figures: Explained) -> list[str]:
    """Return what the better of both static estimates leaves open."""
    mean = figures.latency_us.mean
    best = min((figures.mean_rate, figures.expected), key=lambda one: abs(one.latency_us - mean)).latency_us
    p99, most = figures.latency_us.p99 / best, figures.latency_us.max / best
    return [
        f"the better static estimate is {percent(abs(best / mean - 1))} off the mean latency",
        f"what it cannot tell: p99 is {p99:.2f} times as long, the slowest input {most:.2f}",
    ]


def _estimate_rows(figures: Explained) -> list[list[str]]:
    dense = figures.dense
    found = [(name, one.macs, one.latency_us, one.energy_uj) for name, one in figures.answers.items()]
    replayed = ("per input (mean)", figures.macs, figures.latency_us.mean, figures.energy_uj.mean)
    return [
        [
            name,
            digits(macs),
            digits(latency),
            gain_words(1 - latency / dense.latency_us, "latency") if name != "dense" else "",
            digits(energy),
            gain_words(1 - energy / dense.energy_uj, "energy") if name != "dense" else "",
        ]
        for name, macs, latency, energy in [*found, replayed]
    ]


def _spread_rows(figures: Replayed) -> list[list[str]]:
    spreads = {"latency us": figures.latency_us, "energy uJ": figures.energy_uj}
    return [[name, *(digits(v) for v in (s.mean, s.p50, s.p95, s.p99, s.max))] for name, s in spreads.items()]


def _show_waterfall(figures: Explained) -> None:
    rows = [_steps(figures.waterfall.latency, "latency"), _steps(figures.waterfall.energy, "energy")]
    names = [
        "promised by the MACs",
        *(loss.name for loss in figures.waterfall.latency.losses),
        "really saved",
    ]
    remedies = ["", *(loss.remedy for loss in figures.waterfall.latency.losses), ""]
    table = [
        [name, rows[0][i], rows[1][i], remedies[i]]
        for i, name in enumerate(names)
        if (rows[0][i], rows[1][i]) != ("0.0 %", "0.0 %")
    ]
    title = "Where the promised saving went, in shares of the dense network"
    show_table(title, ["", "latency", "energy", "what helps"], table)


def _steps(waterfall: Waterfall, what: Gain) -> list[str]:
    """Return what is promised, each loss, and what is really saved, in shares of the dense network."""
    base = waterfall.dense
    losses = [_signed(-loss.amount / base) for loss in waterfall.losses]
    return [promised(waterfall.ideal_saved / base), *losses, really_saved(waterfall.saved / base, what)]


def promised(share: float) -> str:
    """Return the share of the MACs that is saved, in words where more are done."""
    return really_saved(share, "energy")


def really_saved(share: float, what: Gain) -> str:
    """Return what is saved in the end, in words where nothing is."""
    words = gain_words(share, what)
    return words if words.endswith(("slower", "more")) else percent(max(share, 0.0))


def _signed(share: float) -> str:
    """Return a gain or loss as a percentage with its sign."""
    return f"{100 * share:+.1f} %" if abs(share) >= 0.0005 else "0.0 %"


_BAR: Final = 12  # characters of the longest op
_LEAST: Final = 0.001  # Choice: of the latency; ops that add less are counted, not shown
_MARKS: Final = {
    "array": "#", "fill": "=", "gather": "g", "tiles": "t", "simd": "S", "gate": "G", "dram": "~", "wait": ".",
}  # fmt: skip


def show_ops(results: Results) -> None:
    """Print what each op adds to the mean latency and on what it spends that, then what it does, hidden or not."""
    from analysis import TIME_PARTS  # noqa: PLC0415  (slow to import)

    latency = sum(map(_added, results.ops)) or 1.0
    shown = [op for op in results.ops if _added(op) >= _LEAST * latency]
    parts = [part for part in TIME_PARTS if any(op.latency_parts[part] for op in shown)]
    named = {part: TIME_PARTS[part][0] for part in parts}
    columns = ["op", "all", *(_head(part, name) for part, name in named.items())]
    rows = [
        [op.op, *_shares([_added(op), *(op.latency_parts[part] for part in parts)], latency)] for op in shown
    ]
    every = [sum(op.latency_parts[part] for op in results.ops) for part in parts]
    rows.append(["all ops", *_shares([latency, *every], latency)])
    told = [f"{part}: {name}" for part, name in named.items() if _head(part, name) != name]
    longest = max(map(_added, shown), default=1.0)
    bars = [_bar(op, longest) for op in shown]
    barred = [[*row, bar] for row, bar in zip(rows, [*bars, ""], strict=True)]
    if fits([*columns, "time"], barred):
        columns, rows = [*columns, "time"], barred
        told = [f"{_MARKS[part]} {name}" for part, name in named.items()]
    hidden = len(results.ops) - len(shown)
    note = (
        f"{', '.join(told)}. Fill and drain: all that an array does beside kept MACs at its peak; DRAM: transfers that "
        f"nothing hides. {hidden} ops hide behind others or add less than {100 * _LEAST:g} %"
    )
    us = latency * 1e6 / results.design.clock
    show_table(f"What each op adds to the mean latency of {digits(us)} us [%]", columns, rows, note=note)
    _show_moved(results)


def _show_moved(results: Results) -> None:
    """Print what each op takes of its unit and of the bus."""
    columns = ["op", "unit", "ran %", "cycles", "used %", "DRAM B", "nJ", "bound by"]
    rows = [
        [
            op.op,
            op.unit,
            digits(100 * op.rate, 3),
            digits(op.cycles_mean),
            digits(100 * op.utilization, 3),
            digits(op.dram_bytes_mean),
            digits(op.energy_pj_mean / 1e3, 3),
            op.bound,
        ]
        for op in results.ops
        if op.cycles_mean + op.transfer_cycles_mean > 0
    ]
    note = "cycles of its unit; used: kept MACs over what it could do meanwhile; bound by what takes longest"
    show_table("What each op takes, hidden or not; means over inputs", columns, rows, note=note)


def _shares(cycles: Sequence[float], latency: float) -> list[str]:
    """Return shares in percent, nothing where there is none."""
    return [f"{100 * each / latency:.1f}" if each >= 0.0005 * latency else "" for each in cycles]


def _head(part: str, named: str) -> str:
    """Return a column's title: the name of a part where it is the part's own word."""
    return named if named.lower() == part else part


def _added(op: OpRow) -> float:
    return sum(op.latency_parts.values())


def _bar(op: OpRow, longest: float) -> str:
    return "".join(_MARKS[part] * round(cycles / longest * _BAR) for part, cycles in op.latency_parts.items())
