"""Pins of the demo path with hashes: ``make pins`` reads pip's own report and writes ``requirements-demo.txt``.

    python -m pip install --dry-run --ignore-installed --report report.json -c constraints.txt '.[networks]'
    python .ci/pins.py report.json > requirements-demo.txt

The report holds the SHA-256 of every file that pip would install, whatever index or folder it came from; none is named.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HEAD = """\
# What `lacuna demo` needs, each file by its SHA-256: Python {python}, {system}.  Written by `make pins`.
#     pip install --require-hashes -r requirements-demo.txt && pip install --no-deps .
# torch is the CPU build of its version; give pip the index or the folder that has it.
"""


def lines(report: dict[str, Any]) -> list[str]:
    """Return a requirement with its hash for each file of a report, but the project itself."""
    found = []
    for item in report["install"]:
        archive = item["download_info"].get("archive_info")
        if archive is None:  # a folder: the project
            continue
        name, version = item["metadata"]["name"].lower(), item["metadata"]["version"].partition("+")[0]
        found.append(f"{name}=={version} --hash=sha256:{archive['hashes']['sha256']}")
    return sorted(found)


def main() -> None:
    """Print the pins of the report that is named."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    place = report["environment"]
    head = HEAD.format(
        python=place["python_version"], system=f"{place['sys_platform']} {place['platform_machine']}"
    )
    sys.stdout.write(head + "".join(f"{line}\n" for line in lines(report)))


if __name__ == "__main__":
    main()
