"""Networks, designs and settings as people write them; what a name is made of that is not known stays as it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from analysis.words import NARROW

if TYPE_CHECKING:
    from accel_models import Design

# part of a network's name in a file: how people write it
_NETWORK_WORDS: Final = {
    "u55": "for Ethos-U55", "npu32": "for NPU 32 x 32", "gemmini": "for Gemmini", "bits": "of bits", "gentle": "gentle",
    "on": "longer",
    "lcnet": "LC-Net", "lnet": "L-Net", "cnet": "C-Net", "ddi": "DDI", "densenet": "DenseNet", "skipnet": "SkipNet",
    "vit": "ViT", "tokens": "tokens", "exits": "exits", "wide": "wide", "little": "little", "big": "big",
    "spatial": "spatial",
    "mgl2s": "MGL2S", "muon": "Muon", "joint": "joint", "efficientnet": "EfficientNet", "lite0": "Lite0",
    "digits": "digits", "cifar10": "CIFAR-10", "tiny": "tiny", "dense": "dense", "mobilenet": "MobileNet",
    "taught": "taught", "taught3": "taught by three", "short": "shortened", "teacher": "teacher", "first": "first",
    "a": "a", "b": "b", "alexnet": "AlexNet", "fc": "FC", "autoencoder": "autoencoder", "dscnn": "DS-CNN", "kws": "KWS",
    "cycles": "cycles", "pj": "energy", "relu1": "ReLU-1", "convolutions": "per convolution", "half": "half",
    "seed2": "seed 2", "seed3": "seed 3",
    "mobilenetv1": "MobileNetV1", "025": "0.25", "96": "96 pixels", "live": "live", "cifar": "CIFAR",
}  # fmt: skip
_DATASETS: Final = ("cifar10", "digits")  # that end the name of a trace
# part of a design's name in a file: how people write it; a part that begins with a dash hangs on the one before
_DESIGN_WORDS: Final = {
    "edge": "Edge", "npu": "NPU", "tpu": "TPU", "class": "class", "like": "-like", "gemmini": "Gemmini", "rtl": "RTL",
    "cortex": "Cortex", "ethos": "Ethos", "eyeriss": "Eyeriss", "nvdla": "NVDLA", "large": "large", "small": "small",
    "dpacs": "DPACS", "serial": "serial", "dpu": "DPU", "b4096": "B4096", "apollo510": "Apollo510", "ascend": "Ascend",
    "axis": "AXIS", "sa": "SA", "gap8": "GAP8", "opentpu": "OpenTPU", "mmu": "MMU", "psoc62": "PSoC 62", "rvv": "RVV",
    "core": "core", "ra6m4": "RA6M4", "ra8d1": "RA8D1", "systolic": "Systolic", "array": "array", "bare": "bare",
    "ws": "ws", "os": "os", "v1": "v1", "zigzag": "ZigZag", "meta": "Meta", "prototype": "prototype", "tesla": "Tesla",
}  # fmt: skip
_MODELS: Final = re.compile(r"[amu]\d+(plus)?$|\d+$")  # Cortex-M4, Ethos-U55-128: hang on the maker's name
_POLICY: Final = {
    # setting of a policy: what it is called
    "prefetch": "Prefetch", "theta": "Threshold of prefetch", "batch": "Batch", "batch_order": "Order of inputs",
    "compaction": "Compaction", "fold": "Scores folded", "fuse": "Ops fused", "sort": "Channels sorted",
    "place_gates": "Gates placed", "pin": "Weights pinned", "tile": "Tiles in context",
}  # fmt: skip
# settings that are a resource, by dotted path
RESOURCES: Final = {
    "array.rows": "array rows",
    "array.cols": "array columns",
    "array.count": "arrays",
    "simd.lanes_int8": "vector lanes",
    "simd.cores": "cores",
    "memory.activation_buffer": "activation buffer",
    "memory.weight_buffer": "weight buffer",
    "memory.accumulator_buffer": "accumulator buffer",
    "memory.dram.bandwidth": "DRAM bandwidth",
    "memory.dram.latency": "DRAM latency",
    "memory.tile_overhead_cycles": "control per tile",
    "skip.gather_elements_per_cycle": "gather",
    "gate_handover": "hand-over of decisions",
    "clock": "clock",
}
_SHORT: Final = {"simd": "SIMD", "dram": "DRAM", "l2": "L2", "dma": "DMA", "cols": "columns", "mac": "MAC"}


def network_title(name: str) -> str:
    """Return ``lcnet_resnet20_50`` as people write it, ``LC-Net ResNet-20 50 %``; a name of other parts as it is.

    A number of two digits behind the first part is the share of the MACs that a network was trained to keep.
    """
    first, *rest = name.split("_")
    words = [_network_word(first), *map(_network_word_or_share, rest)]
    return " ".join(words) if all(words) else name


def network_titles(names: Collection[str]) -> dict[str, str]:
    """Return what people write for the names of networks or traces, without the data set where all have one.

    Names that would become alike stay as they are.
    """
    shared = [end for end in _DATASETS if all(name.endswith(f"_{end}") for name in names)]
    titles = {name: network_title(name.removesuffix(f"_{shared[0]}") if shared else name) for name in names}
    return titles if len(set(titles.values())) == len(titles) else {name: name for name in names}


def _network_word_or_share(part: str) -> str:
    word = _network_word(part)
    return f"{part}{NARROW}%" if not word and re.fullmatch(r"[1-9][0-9]", part) else word


def _network_word(part: str) -> str:
    """Return a part of a network's name in words, "" for one that is not known."""
    if depth := re.fullmatch(r"resnet(\d+)", part):
        return f"ResNet-{depth[1]}"
    if width := re.fullmatch(r"narrow(\d+)", part):
        return f"narrowed to {width[1]}{NARROW}%"
    if seed := re.fullmatch(r"seed(\d+)", part):
        return f"seed{NARROW}{seed[1]}"
    return _NETWORK_WORDS.get(part, "")


def design_title(name: str) -> str:
    """Return ``edge_npu_16x16`` as people write it, ``Edge NPU 16 x 16``; a name of other parts as it is."""
    title = ""
    for part in name.split("_"):
        word = _design_word(part)
        if not word:
            return name
        title += word if word.startswith("-") or not title else f" {word}"
    return title


def design_words(design: Design) -> str:
    """Return a design's title, and the values that were set over those of its file."""
    return words_of_settings(design.name, design.changed)


def words_of_settings(design: str, settings: Mapping[str, str]) -> str:
    """Return ``Edge NPU 16 x 16, array rows 8`` for a design's name and values by dotted path."""
    told = [f"{inside(setting_title(path))} {value}" for path, value in settings.items()]
    return ", ".join([design_title(design), *told])


def setting_title(path: str) -> str:
    """Return what a setting of designs or policies is called: ``array.rows`` is ``Array rows``."""
    if path in _POLICY:
        return _POLICY[path]
    plain = re.sub(r"[._]", " ", path.removeprefix("memory."))
    name = RESOURCES.get(path) or " ".join(_SHORT.get(word, word) for word in plain.split())
    return name[:1].upper() + name[1:]


def inside(title: str) -> str:
    """Return a title as it stands inside a sentence."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _design_word(part: str) -> str:
    """Return a part of a design's name in words, "" for one that is not known."""
    if size := re.fullmatch(r"(\d+)x(\d+)", part):
        return f"{size[1]}{NARROW}x{NARROW}{size[2]}"
    if re.fullmatch(r"stm32[a-z]\w+", part):
        return part.upper()
    if _MODELS.match(part):
        return "-" + part[:1].upper() + part[1:].replace("plus", "+")
    return _DESIGN_WORDS.get(part, "")
