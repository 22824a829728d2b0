"""Networks by name or file: everything that ``lacuna estimate`` accepts as NETWORK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from pkgutil import resolve_name

from traces.base.arrays import NamedShapes
from traces.base.errors import ConfigError, FileProblem, UnsupportedError, did_you_mean
from traces.graphs.files import load_graph, parse_graph
from traces.graphs.network import NetworkGraph
from traces.graphs.resnets import alexnet, cifar_resnet, resnet18, resnet34, resnet50, resnet101

_BUILT: dict[str, Callable[[], NetworkGraph]] = {
    "alexnet": alexnet,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "resnet101": resnet101,
    "resnet20_cifar": lambda: cifar_resnet(20),
    "resnet38_cifar": lambda: cifar_resnet(38),
    "resnet110_cifar": lambda: cifar_resnet(110),
}
# The MLPerf Tiny networks as their int8 TFLite files have them (mlcommons/tiny at 1afd2c98).
_STORED = (
    "resnet8_tiny",  # image classification
    "mobilenetv1_025_96",  # visual wake words
    "mobilenetv1_025_96_live",  # the same without its dead channels
    "dscnn_kws",  # keyword spotting
    "fc_autoencoder",  # anomaly detection
)

# Reads the graph of a checkpoint.  It needs PyTorch and lies above this folder, so it is found by its name.
_TRAINING = {  # readers of what training reads and writes, by suffix
    ".pt": "networks.training.loading:checkpoint_graph",
    ".yaml": "networks.training.loading:config_graph",
}
_TRAINED = Path(__file__).parents[2] / "networks" / "shipped"  # what `lacuna networks` lists


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader of models is told beside the file."""

    sizes: NamedShapes = field(default_factory=dict)  # of inputs with open axes, by name
    skip_unsupported: bool = False  # leave out what cannot be priced, and name it in ``graph.skipped``


def parse_size(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the input and the shape that ``x=1x3x224x224`` names."""
    name, equals, shape = text.rpartition("=")
    parts = shape.split("x")
    if not equals or not name or not all(p.isascii() and p.isdigit() and 0 < len(p) < 11 for p in parts):
        raise ConfigError(f"--size {text[:80]!r}: needs NAME=1x3x224x224, the sizes of an input's axes")
    sizes = tuple(int(part) for part in parts)
    if min(sizes) < 1:
        raise ConfigError(f"--size {text[:80]!r}: every axis needs at least 1")
    return name, sizes


def network_names() -> tuple[str, ...]:
    """Return the names of the shipped networks, sorted."""
    return tuple(sorted([*_BUILT, *_STORED]))


def load_network(name_or_path: str | Path, reading: Reading | None = None) -> NetworkGraph:
    """Return the graph of a shipped network or of a file.

    Parameters
    ----------
    name_or_path
        A shipped name (``network_names()``), the name of a shipped trace (its graph) or of a network that
        `lacuna networks` lists, or the path of a
        graph ``.json``, a trace ``.parquet`` or ``.npz`` (its graph), a SCALE-Sim topology ``.csv``
        (convolutions or matrix products), an ``.onnx`` or ``.tflite`` model, a ``.pt`` checkpoint, a ``.yaml`` that
        configures a training run (the network it will train).
    reading
        How a model that leaves something open is read.
    """
    name, reading = str(name_or_path), reading or Reading()
    if reading.sizes and Path(name).suffix.lower() not in {".onnx", ".tflite"}:
        raise ConfigError(
            f"--size {next(iter(reading.sizes))}=...: {name} has no open axes; only .onnx and .tflite may have"
        )
    if name in _BUILT:
        return _BUILT[name]()
    if name in _STORED:
        return parse_graph(files("traces.graphs").joinpath("shapes", f"{name}.json").read_bytes(), name)
    path = Path(name_or_path)
    if path.suffix or path.exists():
        return _load_file(path, reading)
    return _load_file(shipped_file(name), reading)


def shipped_file(name: str) -> Path:
    """Return the trace that ships under a name, or the checkpoint of a network that ships without one.

    Raises
    ------
    FileProblem
        Nothing ships under this name.
    """
    from traces.files.storage import shipped_trace, shipped_traces  # noqa: PLC0415  (needed for no other name)

    if trace := shipped_trace(name):
        return trace
    if (checkpoint := _TRAINED / f"{name}.pt").is_file():
        return checkpoint
    known = {path.stem: path for path in _TRAINED.glob("*.pt")} | shipped_traces()
    raise FileProblem(f"{name!r}: no such network or file{did_you_mean(name, (*network_names(), *known))}")


def _load_file(path: Path, reading: Reading) -> NetworkGraph:
    if not path.exists():
        raise FileProblem(f"{path}: no such file")
    match path.suffix.lower():
        case ".json":
            return load_graph(path)
        case ".parquet" | ".npz":
            from traces.files.storage import read_info  # noqa: PLC0415  (Arrow is slow to import)

            return read_info(path).graph
        case ".csv":
            from traces.graphs.topology import load_topology  # noqa: PLC0415  (one reader per format, when met)

            return load_topology(path)
        case ".onnx":
            from traces.graphs.onnx.load import load_onnx  # noqa: PLC0415  (an optional extra)

            return load_onnx(path, reading.sizes, skip_unsupported=reading.skip_unsupported)
        case ".tflite":
            from traces.graphs.tflite.load import load_tflite  # noqa: PLC0415  (an optional extra)

            return load_tflite(path, reading.sizes, skip_unsupported=reading.skip_unsupported)
        case suffix if suffix in _TRAINING:
            return _of_training(_TRAINING[suffix], path)
        case other:
            kind = "a folder" if path.is_dir() else repr(other)
            raise UnsupportedError(
                f"{path}: cannot read a network from {kind}; "
                "known: .json (graph), .parquet and .npz (trace), .csv (SCALE-Sim topology), .onnx, .tflite, "
                ".pt (checkpoint), .yaml (training configuration)"
            )


def _of_training(reader: str, path: Path) -> NetworkGraph:
    try:
        graph: NetworkGraph = resolve_name(reader)(path)
    except ImportError:
        raise UnsupportedError(
            f"{path}: reading what training reads or writes needs PyTorch: pip install 'lacuna[networks]'"
        ) from None
    return graph
