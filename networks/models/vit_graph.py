"""The graph of a vision transformer: captured, with a token gate over the blocks between it and the next."""

from __future__ import annotations

from itertools import pairwise

import torch

from networks.capturing.capture import capture
from networks.models.vit import VisionTransformer
from traces import NetworkGraph, tokens


def vit_graph(model: VisionTransformer, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
    """Return the graph of ``model`` for images of ``image_shape`` (channels, height, width)."""
    graph = capture(model, torch.zeros(2, *image_shape), name=name)
    places = [*model.gates_after, model.depth]
    for first, last in pairwise(places):
        guards = [f"block{k}.*" for k in range(first + 1, last + 1)]
        graph = graph.with_gates(tokens(f"gate{first}", guards=guards))
    return graph.plain()
