"""TFLite models: changed bytes, and changed sizes, strides, indices and codes."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from random import Random

from tests.fuzz.home import home
from tests.fuzz.kind import INTS
from tests.fuzz.on.networks import model_kinds
from traces import load_network


@cache
def _tflite() -> list[bytes]:
    from tests.traces.graphs.test_tflite_reader import written  # noqa: PLC0415  (an extra)

    names = ("resnet8_tiny", "dscnn_kws", "fc_autoencoder")
    return [written(load_network(name), home() / f"{name}.tflite").read_bytes() for name in names]


def _tflite_values(rng: Random) -> bytes:
    """Draw a file of which one or two small whole numbers are others: sizes, strides, indices, codes."""
    data = bytearray(rng.choice(_tflite()))
    small = [
        at for at in range(0, len(data) - 3, 4) if 0 < int.from_bytes(data[at : at + 4], "little") < 4096
    ]
    for _ in range(rng.choice([1, 1, 2])):
        at = rng.choice(small)
        data[at : at + 4] = (rng.choice(INTS) % (1 << 32)).to_bytes(4, "little")
    return bytes(data)


def _tflite_macs(path: Path) -> int | None:
    """Count the MACs of what the inputs decide; None where an operator is none of those that are counted."""
    import tflite  # noqa: PLC0415  (an extra)

    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    part, total = model.Subgraphs(0), 0
    given = {int(i) for i in part.InputsAsNumpy()}
    for at in range(part.OperatorsLength()):
        operator = part.Operators(at)
        if not operator.InputsLength() or given.isdisjoint(int(i) for i in operator.InputsAsNumpy()):
            continue  # worked out once, before any input comes
        given.update(int(i) for i in operator.OutputsAsNumpy())
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind not in {getattr(tflite.BuiltinOperator, name) for name in (*_TFLITE_MACS, *_TFLITE_PLAIN)}:
            return None
        for name, axes in _TFLITE_MACS.items():
            if kind == getattr(tflite.BuiltinOperator, name):
                out, weights = (
                    [int(d) for d in part.Tensors(int(i)).ShapeAsNumpy()]
                    for i in (operator.Outputs(0), operator.Inputs(1))
                )
                total += math.prod(out) * math.prod(weights[axes])
    return total


_TFLITE_MACS = {  # axes of the weights that are summed over
    "CONV_2D": slice(1, None),
    "DEPTHWISE_CONV_2D": slice(1, 3),
    "FULLY_CONNECTED": slice(1, None),
}
_TFLITE_PLAIN = ("ADD", "AVERAGE_POOL_2D", "MAX_POOL_2D", "SOFTMAX", "RELU")


KINDS = model_kinds("TFLite", "m.tflite", _tflite, _tflite_values, _tflite_macs)
