"""SCALE-Sim's configurations (``.cfg``, versions 2 and 3) as designs.

``InterfaceBandwidth: CALC`` gives the memory what it asks for, so cycles are those of the array alone; ``USER`` reads
sizes of the buffers [KiB] and ``Bandwidth`` [words a cycle], a word being a byte (scalesim/scale_config.py).
Weights that fit stay on chip from input to input, as in every design here; SCALE-Sim fetches them for each.

Refused by name: sparsity, layouts, Ramulator's traces, more than one bank, sections and keys that are not SCALE-Sim's.
"""

from __future__ import annotations

from configparser import ConfigParser, Error
from typing import Any

from accel_models.design.importing.buffers import Buffer, Found, design_data
from traces import ConfigError, did_you_mean

SECTION = "architecture_presets"
_NEEDED = ("arrayheight", "arraywidth", "dataflow")
_SIZES = {"activation": "ifmapsramszkb", "weight": "filtersramszkb", "accumulator": "ofmapsramszkb"}
_OFFSETS = ("ifmapoffset", "filteroffset", "ofmapoffset")  # addresses: they change no cycle
_QUEUES = ("readrequestbuffer", "writerequestbuffer")  # of Ramulator's traces alone
_BANKS = tuple(f"{of}srambank{what}" for of in ("ifmap", "filter") for what in ("bandwidth", "num", "port"))
_KNOWN = {  # keys by section, as configs/scale.cfg of versions 2 and 3 writes them; they are read in any case
    "general": ("run_name",),
    SECTION: (*_NEEDED, *_SIZES.values(), *_OFFSETS, *_QUEUES, "bandwidth", "memorybanks"),
    "layout": ("ifmapcustomlayout", "filtercustomlayout", *_BANKS),  # of custom layouts alone
    "sparsity": (
        "sparsitysupport",
        "sparserep",
        "optimizedmapping",
        "blocksize",
        "randomnumbergeneratorseed",
    ),
    "run_presets": ("interfacebandwidth", "useramulatortrace"),
    "network_presets": ("topologycsvloc",),  # the network, which is given to Lacuna by itself
}
_SWITCHES = (
    ("sparsity", "sparsitysupport"),
    ("layout", "ifmapcustomlayout"),
    ("layout", "filtercustomlayout"),
    ("run_presets", "useramulatortrace"),
)


def is_scalesim(text: bytes) -> bool:
    """Whether the file is one of SCALE-Sim's configurations."""
    return f"[{SECTION}]".encode() in text


def read_scalesim(text: bytes, origin: str) -> dict[str, Any]:
    """Return the data of the design; :class:`ConfigError` names what no design can say."""
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(text.decode("utf-8-sig", errors="replace"), origin)
    except Error as error:
        raise ConfigError(
            f"{origin}: no configuration of SCALE-Sim: {' '.join(str(error).split())}"
        ) from None
    if not parser.has_section(SECTION):
        raise ConfigError(f"{origin}: no configuration of SCALE-Sim: has no section [{SECTION}]")
    _refuse(parser, origin)
    array = {
        "rows": _whole(parser, "arrayheight", origin),
        "cols": _whole(parser, "arraywidth", origin),
        "dataflow": _dataflow(parser, origin),
    }
    name = parser.get("general", "run_name", fallback="scale_sim").strip('"')
    mode = parser.get("run_presets", "interfacebandwidth", fallback="CALC").strip().upper()
    if mode not in ("CALC", "USER"):
        raise ConfigError(f"{origin}: InterfaceBandwidth = {mode!r}: CALC or USER is needed")
    return _with_memory(parser, name, array, origin) if mode == "USER" else _bare(name, array)


def _refuse(parser: ConfigParser, origin: str) -> None:
    for section in parser.sections():
        if section not in _KNOWN:
            raise ConfigError(
                f"{origin}: [{section}]: cannot be said here{did_you_mean(section, tuple(_KNOWN))}"
            )
        for key in parser[section]:
            if key not in _KNOWN[section]:
                near = did_you_mean(key, _KNOWN[section])
                raise ConfigError(f"{origin}: {section}.{key}: cannot be said here{near}")
    for section, key in _SWITCHES:
        if parser.get(section, key, fallback="false").strip().lower() not in ("false", "0", "no", "off"):
            raise ConfigError(f"{origin}: {section}.{key}: no design can say it; switch it off")
    if parser.get(SECTION, "memorybanks", fallback="1").strip() != "1":
        raise ConfigError(f"{origin}: {SECTION}.memorybanks: no design can say it; 1 is needed")


def _whole(parser: ConfigParser, key: str, origin: str) -> int:
    given = parser.get(SECTION, key, fallback="").strip()
    if not (given.isascii() and given.isdigit() and 0 < len(given) < 10 and int(given)):
        raise ConfigError(f"{origin}: {SECTION}.{key} = {given!r}: a whole number from 1 is needed")
    return int(given)


def _dataflow(parser: ConfigParser, origin: str) -> str:
    given = parser.get(SECTION, "dataflow", fallback="").strip().lower()
    if given not in ("ws", "os", "is"):
        raise ConfigError(f"{origin}: {SECTION}.dataflow = {given!r}: ws, os or is is needed")
    return given


def _bare(name: str, array: dict[str, Any]) -> dict[str, Any]:
    shape = f"{array['rows']} x {array['cols']} {array['dataflow']} array"
    return {
        "like": "systolic_bare",
        "name": name,
        "description": f"{shape}, read from SCALE-Sim; memory as fast as is asked for (CALC)",
        "array": array,
    }


def _with_memory(parser: ConfigParser, name: str, array: dict[str, Any], origin: str) -> dict[str, Any]:
    """Return the design with buffers and a DRAM; an edge of the array takes a word per row or column and cycle."""
    edges = {"activation": array["rows"], "weight": array["cols"], "accumulator": 4 * array["cols"]}
    buffers = {
        role: Buffer(name=role, bits=8 * 1024 * _whole(parser, key, origin), read_bits=8 * edges[role])
        for role, key in _SIZES.items()
    }
    bare = {"weight_preload": "serial", "drain": "none", "gemm_overhead_cycles": -1, "pack_groups": False}
    words = _whole(parser, "bandwidth", origin)
    dram = Buffer(name="DRAM", bits=8, read_bits=8 * words)
    return design_data(
        Found(name=name, tool="SCALE-Sim", array={**array, **bare}, buffers=buffers, dram=dram)
    )
