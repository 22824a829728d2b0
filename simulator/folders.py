"""Files of a folder of results, written and read: figures, policies, tables, the design."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from accel_models import Design
from simulator.policy import Policy
from simulator.summary import RESULTS_SCHEMA_VERSION
from traces import (
    ConfigError,
    FileProblem,
    arrow_column,
    arrow_file,
    atomic_write,
    check_file,
    check_version,
    explain,
    file_bytes,
    parse_json_mapping,
    reading,
    yaml_text,
)

Figures = TypeVar("Figures")


def read_figures(
    path: Path, read: Callable[[Mapping[str, Any]], Figures], kind: type[BaseModel], *, again: str
) -> Figures:
    """Return the figures that a results folder states in ``path``.

    Parameters
    ----------
    path
        JSON file with a ``schema_version``.
    read
        Checks its content and returns the figures.
    kind
        Class whose settings a message names.
    again
        What makes the folder anew, said where its version is not known.
    """
    data = _read_mapping(path)
    found = data.get("schema_version")
    check_version(found, RESULTS_SCHEMA_VERSION, f"{path}: has results schema version", again)
    try:
        return read(data)
    except ValidationError as problem:
        raise FileProblem(f"{path}: is damaged: {explain(problem, kind)}") from None


def read_policy(path: Path) -> Policy:
    """Return the policy in a results folder."""
    data = _read_mapping(path)
    try:
        return Policy.of(data)
    except ConfigError as problem:
        raise FileProblem(f"{path}: is damaged: {problem}") from None


def _read_mapping(path: Path) -> dict[str, Any]:
    return parse_json_mapping(file_bytes(path), f"{path}: is damaged")


def write_text(text: str, path: Path) -> None:
    """Write a text file whole or not at all."""
    with atomic_write(path) as part:
        part.write_text(text, "utf-8")


def write_parquet(columns: Mapping[str, Sequence[Any] | NDArray[Any]], path: Path) -> None:
    """Write a table whole or not at all."""
    import pyarrow as pa  # noqa: PLC0415  (slow to import)
    import pyarrow.parquet as pq  # noqa: PLC0415  (as above)

    table = pa.table({name: arrow_column(values) for name, values in columns.items()})
    with atomic_write(path) as part, arrow_file(part, "wb") as file:
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)


def read_parquet(path: Path) -> dict[str, NDArray[Any]]:
    """Return the columns of a table that this module wrote."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (as above)

    check_file(path)
    with reading(path), arrow_file(path, "rb") as file:
        table = pq.read_table(file, page_checksum_verification=True)
        return {name: np.asarray(table[name].to_numpy()) for name in table.column_names}


def design_yaml(design: Design) -> str:
    """Return the design as YAML that reads back equal."""
    return yaml_text(design.model_dump(mode="json", exclude_none=True))
