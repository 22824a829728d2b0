"""The graph of a DenseNet: each layer reads a ``concat`` of all that came before it in its dense block."""

from __future__ import annotations

from networks.models.ddi_graph import add_controller, add_exit, add_exit_gate, controller_ops
from networks.models.densenet import DenseNet
from networks.models.graph_ops import add_conv, add_linear, start_graph
from traces import Gate, GraphBuilder, NetworkGraph, Tensor, Window


def densenet_graph(model: DenseNet, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
    """Return the graph of ``model`` for images of ``image_shape`` (channels, height, width)."""
    builder, image = start_graph(name, image_shape)
    x = add_conv(builder, "stem", model.stem.conv, image, "relu")
    unit, exits = 0, []
    for block in range(1, len(model.layers) + 1):
        x, unit = _dense_block(builder, model, block, x, unit)
        if block < len(model.layers):
            if model.has_exits:
                exits.append(add_exit(builder, model, f"exit{block}", x))
            x = add_conv(builder, f"transition{block}", model.unit(f"transition{block}").conv, x, "relu")
            x = builder.pool("avg_pool", f"transition{block}.pool", x, Window.square(2, stride=2, same=False))
    answer = add_linear(builder, "classifier", model.classifier, builder.global_pool("pool", x))
    add_exit_gate(builder, [*exits, answer.name])
    return builder.finish()


def _dense_block(
    builder: GraphBuilder, model: DenseNet, block: int, x: Tensor, unit: int
) -> tuple[Tensor, int]:
    """Add one dense block; return its output and the next gated layer's number."""
    parts = [x]
    for name, gate in model.places(block):
        joined = parts[0] if len(parts) == 1 else builder.concat(f"{name}.concat", tuple(parts))
        if gate:
            assert model.controller is not None  # there are gates
            add_controller(builder, name, model.controller, unit, joined)
            unit += 1
        parts.append(add_conv(builder, name, model.unit(name).conv, joined, "relu"))
        if gate:
            builder.gate(
                Gate(
                    name=gate,
                    kind="layer",
                    reads=joined.name,
                    computed_by=controller_ops(name),
                    guards=(name,),
                )
            )
    return builder.concat(f"block{block}.concat", tuple(parts)), unit
