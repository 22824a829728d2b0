"""LAUDNet (Han et al., TPAMI 2024): one code base skips layers, channels, tiles, or channels and tiles."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from examples.families.parts import CLASSES, Block, ConvNorm, pooled
from networks import capture, record
from traces import Trace, channel, layer, spatial

MODES = ("layer", "channel", "spatial", "both")
TILES = 4
SEED = 4


class Masker(nn.Module):
    """Two logits for each decision; it is kept if the first is not below the second."""

    def __init__(self, channels: int, decisions: int, pool: int = 1) -> None:
        super().__init__()
        self.pool, self.conv, self.decisions = (
            nn.AdaptiveAvgPool2d(pool),
            nn.Conv2d(channels, 2 * decisions, 1),
            decisions,
        )

    def forward(self, x: Tensor) -> Tensor:
        logits = self.conv(self.pool(x))
        return logits.unflatten(1, (2, self.decisions))


def kept(logits: Tensor) -> Tensor:
    return (logits[:, 0] >= logits[:, 1]).float()


class DynamicBlock(Block):
    """The channel mask comes before the batch norm, so a skipped channel becomes a constant."""

    skipping = False

    def __init__(self, channels: int, mode: str) -> None:
        super().__init__(channels, channels)
        self.mode = mode
        self.forced_c: Tensor | None = None  # what to keep whatever the maskers say
        self.forced_s: Tensor | None = None
        if mode == "layer":
            self.masker = Masker(channels, 1)
        if mode in {"channel", "both"}:
            self.masker_c = Masker(channels, channels)
        if mode in {"spatial", "both"}:
            self.masker_s = Masker(channels, 1, TILES)

    def masks(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is kept of the block, (n, channels), and of its tiles, (n, 1, rows, columns)."""
        ones = torch.ones(len(x), 1)
        channels, tiles = ones, torch.ones(len(x), 1, 1, 1)
        if self.mode in {"channel", "both"}:
            channels = kept(self.masker_c(x)).flatten(1)
            channels = channels if self.forced_c is None else self.forced_c
        if self.mode in {"spatial", "both"}:
            tiles = kept(self.masker_s(x))
            tiles = tiles if self.forced_s is None else self.forced_s
        return channels, tiles

    def forward(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        if self.mode == "layer":
            mask = kept(self.masker(x))
            if self.skipping and not mask.item():
                return torch.relu(x)
            return torch.relu(x + self.conv2(torch.relu(self.conv1(x))) * mask)
        channels, tiles = self.masks(x)
        if self.skipping:
            c = channels[0].expand(8) > 0
            s = tiles[0, 0] > 0 if tiles.numel() > 1 else torch.ones(TILES, TILES) > 0
            y = torch.relu(self.conv1.tiles(x, s, slice(None), c))
            return torch.relu(x + self.conv2.tiles(y, s, c))
        pixels = nn.functional.interpolate(tiles, size=x.shape[2:]) if tiles.numel() > len(x) else tiles
        y = self.conv1.conv(x)
        if self.mode != "spatial":
            y = y * channels[:, :, None, None]
        y = torch.relu(self.conv1.norm(y))
        y = self.conv2(y)
        return torch.relu(x + (y if self.mode == "channel" else y * pixels))


class Network(nn.Module):
    def __init__(self, mode: str) -> None:
        super().__init__()
        self.stem, self.fc = ConvNorm(3, 8, 3, 2), nn.Linear(8, CLASSES)
        self.blocks = nn.ModuleList([DynamicBlock(8, mode), DynamicBlock(8, mode)])

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        for block in self.blocks:
            assert isinstance(block, DynamicBlock)
            block.skipping = getattr(self, "skipping", False)
            x = block(x)
        return self.fc(pooled(x))


def recorded(model: nn.Module, data: list[tuple[Tensor, Tensor]]) -> Trace:
    graph, read = capture(model, data[0][0]), lambda y: y[:, 0] >= y[:, 1]
    for at in ("blocks.0", "blocks.1"):
        gates = {
            "masker": layer(f"{at}.masker", guards=f"{at}.*", open=read),
            "masker_c": channel(
                f"{at}.masker_c", guards=f"{at}.conv1.*", open=read, skipped_value="constant"
            ),
            "masker_s": spatial(f"{at}.masker_s", guards=f"{at}.conv?.conv", open=read),
        }
        graph = graph.with_gates(*(gates[name] for name in gates if f"{at}.{name}" in graph.outputs))
    return record(model, graph, data)


def repeat(model: Network, trace: Trace, place: int) -> None:
    """Keep what one recorded input kept: real skipping leaves out the constants that the rest becomes."""
    for i, block in enumerate(model.blocks):
        assert isinstance(block, DynamicBlock)
        if block.mode in {"channel", "both"}:
            block.forced_c = torch.from_numpy(trace.mask(f"blocks.{i}.masker_c")[place : place + 1]).float()
        if block.mode in {"spatial", "both"}:
            tiles = trace.mask(f"blocks.{i}.masker_s")[place].reshape(1, 1, TILES, TILES)
            block.forced_s = torch.from_numpy(tiles).float()
