"""FigureRows of a figure with their names; rows of one group stand together under the group's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RowName:
    """What a row is called."""

    label: str
    group: str = ""  # rows of one group stand together; "" stands under no name


@dataclass(frozen=True, slots=True)
class FigureRows:
    """FigureRows from top to bottom; the name of a group takes a place of its own above its rows."""

    names: tuple[RowName, ...]

    @classmethod
    def of(cls, names: Sequence[RowName | str]) -> FigureRows:
        """Return rows from names, or from labels without groups."""
        return cls(tuple(name if isinstance(name, RowName) else RowName(name) for name in names))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def places(self) -> tuple[int, ...]:
        """Place of each row, counted from the top."""
        return tuple(place for place, name, head in self._laid() if not head)

    @property
    def ticks(self) -> tuple[tuple[int, str, bool], ...]:
        """Place and words of every tick, and whether it names a group."""
        return tuple((place, name.group if head else name.label, head) for place, name, head in self._laid())

    @property
    def height(self) -> int:
        """How many places there are."""
        return len(self._laid())

    def _laid(self) -> list[tuple[int, RowName, bool]]:
        laid: list[tuple[int, RowName, bool]] = []
        group = ""
        for name in self.names:
            if name.group and name.group != group:
                laid.append((len(laid), name, True))
            group = name.group
            laid.append((len(laid), name, False))
        return laid
