"""Parts of a design for a terminal: its price list, its area, and the keys that its file may have."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from analysis import digits
from lacuna.console import percent, show_json, show_table

if TYPE_CHECKING:
    from accel_models import Design, Key


def show_prices(design: Design, as_json: bool) -> None:
    """Print the price of every action, with its source."""
    from accel_models import design_prices  # noqa: PLC0415  (pydantic and YAML are slow to import)

    prices = design_prices(design).prices
    if as_json:
        names = ("action", "value", "unit", "node_nm", "voltage", "scaled", "source")
        show_json([{name: getattr(price, name) for name in names} for price in prices])
        return
    cited = list(dict.fromkeys(cite for price in prices for cite in price.cites))
    rows = [
        [p.action, f"{p.value:.4g}", p.unit, f"{p.node_nm} nm" if p.node_nm else "", p.voltage,
         "x/÷ 2" if p.scaled else "", " ".join([p.made_of, *(f"[{cited.index(cite) + 1}]" for cite in p.cites)])]
        for p in prices
    ]  # fmt: skip
    columns = ["action", "price", "unit", "node", "voltage", "band", "made of"]
    show_table(f"Price list of {design.title}", columns, rows)
    if cited:
        show_table("", ["", "source"], [[f"[{i}]", cite] for i, cite in enumerate(cited, 1)])


def show_area(design: Design, as_json: bool) -> None:
    """Print the area of every component, with its source."""
    from accel_models import CORES_ALONE, design_area, has_matrix_unit  # noqa: PLC0415  (as above)

    area = design_area(design)
    if as_json:
        show_json(
            {
                "total_mm2": area.total_mm2,
                "band_mm2": list(area.band),
                "parts": [asdict(p) for p in area.parts],
            }
        )
        return
    total = area.total_mm2 or 1.0
    rows = [
        [
            part.name,
            digits(part.mm2, 3),
            percent(part.mm2 / total),
            "x/÷ 2" if part.scaled else "",
            part.source,
        ]
        for part in sorted(area.parts, key=lambda part: -part.mm2)
    ]
    low, high = area.band
    note = (
        f"total {digits(area.total_mm2, 3)} mm2 ({digits(low, 2)} to {digits(high, 2)}), nothing off the chip"
    )
    note += "" if has_matrix_unit(design) else f"; {CORES_ALONE}"
    show_table(f"Area of {design.title}", ["component", "mm2", "share", "band", "source"], rows, note=note)


def show_keys(section: str, as_json: bool) -> None:
    """Print what every key of a section means, its unit, default and range."""
    from accel_models import keys  # noqa: PLC0415  (as above)

    found = keys("" if section == "all" else section)
    if as_json:
        show_json([asdict(key) for key in found])
        return
    rows = [[key.path, key.kind, default_of(key), key.bounds, key.meaning] for key in found]
    columns = ["key", "written as", "default", "range", "meaning"]
    show_table(
        "Keys of a design file", columns, rows, note="quantities are written with their unit, e.g. 64 KiB"
    )


def default_of(key: Key) -> str:
    """Return a key's default in words."""
    return "needed" if key.needed else key.default
