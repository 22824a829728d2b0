"""``lacuna designs``: what ships."""

from __future__ import annotations

from analysis import digits
from lacuna.console import show_json, show_table
from lacuna.options import AsJson


def designs(as_json: AsJson = False) -> None:
    """List the shipped designs."""
    from accel_models import (  # noqa: PLC0415
        CORES_ALONE,
        design_area,
        design_names,
        load_design,
        peak_macs_per_cycle,
        spell,
    )

    shipped = [load_design(name) for name in design_names()]
    areas = [design_area(design).total_mm2 for design in shipped]
    peaks = [peak_macs_per_cycle(design) for design in shipped]
    if as_json:
        show_json(
            [
                {
                    "name": design.name,
                    "clock_hz": design.clock,
                    "peak_macs_per_cycle": peak,
                    "skips_channels": design.skip.channels,
                    "area_mm2": area,
                    "description": design.description,
                }
                for design, area, peak in zip(shipped, areas, peaks, strict=True)
            ]
        )
        return
    rows = [
        [
            design.name,
            spell(design.clock, "frequency"),
            str(peak or ""),
            design.skip.channels,
            digits(area, 3),
            design.description,
        ]
        for design, area, peak in zip(shipped, areas, peaks, strict=True)
    ]
    note = (
        "MAC/cycle: of the array; channels: how skipped ones are left out; area: x/÷ 2, nothing off the chip; "
        f"{CORES_ALONE}"
    )
    columns = ["design", "clock", "MAC/cycle", "channels", "mm2", "what it is"]
    show_table("Shipped designs", columns, rows, note=note)
