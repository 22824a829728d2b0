"""``lacuna designs``: what ships."""

from __future__ import annotations

from lacuna.console import quantity, show_json, show_table
from lacuna.options import AsJson


def designs(as_json: AsJson = False) -> None:
    """List the shipped designs."""
    from accel_models.load import design_names, load_design  # noqa: PLC0415
    from accel_models.params import design_area, peak_macs_per_cycle  # noqa: PLC0415
    from accel_models.units import spell  # noqa: PLC0415

    rows = []
    for name in design_names():
        design = load_design(name)
        area = design_area(design)
        rows.append(
            {
                "name": name,
                "clock_hz": design.clock,
                "peak_macs_per_cycle": peak_macs_per_cycle(design),
                "skips_channels": design.skip.channels,
                "area_mm2": area.total_mm2,
                "description": design.description,
            }
        )
    if as_json:
        show_json(rows)
        return
    table = [
        [
            str(row["name"]),
            spell(float(row["clock_hz"]), "frequency"),
            str(row["peak_macs_per_cycle"] or "core"),
            str(row["skips_channels"]),
            quantity(float(row["area_mm2"]), 3),
            str(row["description"]),
        ]
        for row in rows
    ]
    columns = ["design", "clock", "MAC/cycle", "channels", "mm2", "what it is"]
    show_table("Shipped designs", columns, table, note="area: x/÷ 2, memories off the chip not counted")
