"""Which tool wrote a file of an accelerator, and its data as a design's."""

from __future__ import annotations

from typing import Any

from accel_models.design.importing.buffers import design_data
from accel_models.design.importing.scalesim_cfg import is_scalesim, read_scalesim
from accel_models.design.importing.timeloop import is_timeloop, read_timeloop, without_tags
from accel_models.design.importing.zigzag import is_zigzag, read_zigzag
from traces import ConfigError, parse_yaml_mapping, reading


def read_design_text(text: bytes, origin: str) -> dict[str, Any]:
    """Return the data of a design from a file of ours, of SCALE-Sim's, of ZigZag's or of Timeloop's."""
    if is_scalesim(text):
        with reading(origin, "no configuration of SCALE-Sim", error=ConfigError):
            return read_scalesim(text, origin)
    plain: str | bytes = text
    if b"architecture:" in text:
        plain = without_tags(text.decode("utf-8", errors="replace"))
    data = parse_yaml_mapping(plain, origin)
    try:
        with reading(origin, "not as the tool's own examples write it", error=ConfigError):
            if is_zigzag(data):
                return design_data(read_zigzag(data, origin))
            if is_timeloop(data):
                return design_data(read_timeloop(data, origin))
    except ConfigError as error:
        raise ConfigError(str(error) if str(error).startswith(origin) else f"{origin}: {error}") from None
    return data
