"""``docs/design_keys.md``: every key of a design file, made from the classes that check it.

``python -m analysis.reports.keys_page`` writes it anew.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from accel_models import Key, keys
from traces import atomic_write

_ROOT = Path(__file__).resolve().parents[2]

_HEAD = """# Keys of a design file

Every key, read off the classes that check it; `lacuna inspect --keys memory.dram` prints a section, `lacuna schema
design` the JSON Schema. Quantities are written with their unit (`64 KiB`); a key that is *needed* is so where its
section is there. A file may begin with `like: NAME`, a design whose values hold where it is silent.
Written by `make docs`.
"""


def keys_page() -> str:
    """Return the page: a table of the first level, and one per section."""
    sections = [list(found) for _, found in groupby(keys(), key=lambda key: key.path.partition(".")[0])]
    parts = [_HEAD, *_table("The design itself", [rows[0] for rows in sections])]
    for first, *rest in (rows for rows in sections if len(rows) > 1):
        parts += _table(f"`{first.path}`: {first.meaning}", rest)
    return "".join(parts)


def _table(title: str, rows: list[Key]) -> list[str]:
    lines = [
        f"\n## {title}\n\n",
        "| key | written as | default | range | meaning |\n",
        "|---|---|---|---|---|\n",
    ]
    for key in rows:
        written = f"{key.kind} ({key.unit})" if key.unit else key.kind
        default = "needed" if key.needed else f"`{key.default}`"
        lines.append(f"| `{key.path}` | {written} | {default} | {key.bounds} | {key.meaning} |\n")
    return lines


if __name__ == "__main__":
    with atomic_write(_ROOT / "docs" / "design_keys.md") as part:
        part.write_text(keys_page(), encoding="utf-8")
