"""What a run of the command line came to; the tests of this folder share it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What ``--json`` printed; constants that are not JSON (NaN) are refused."""

        def refuse(name: str) -> None:
            raise ValueError(name)

        return json.loads(self.out, parse_constant=refuse)

    @property
    def message(self) -> str:
        """The one error message of a run that was refused."""
        assert self.code == 2, self.out + self.err
        assert "Traceback" not in self.err + self.out
        last = self.err.strip().splitlines()[-1]
        assert last.startswith("error: "), self.err
        assert self.err.count("error: ") == 1, self.err
        return last.removeprefix("error: ")


Lacuna = Callable[..., Ran]
