"""Numbers as people read them."""

import math

import pytest

from accel_models import design_names
from analysis.names import design_title, network_title, network_titles, setting_title, words_of_settings
from analysis.words import (
    digits,
    fitting_unit,
    percent,
    quantity,
    saved_words,
    shorten,
    skipped_words,
    slug,
)
from traces import network_names, shipped_traces

SPACE = "\u00a0"


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [
        (1234.0, "us", "1.234 ms"),
        (999.0, "us", "999 µs"),
        (1000.0, "us", "1 ms"),
        (0.25, "us", "250 ns"),
        (0.0, "us", "0 µs"),
        (2048.0, "B", "2 KiB"),
        (0.0, "B", "0 B"),
        (40.5e6, "MAC", "40.5 MMAC"),
        (math.nan, "uJ", "–"),
    ],
)
def test_quantities(value: float, base: str, text: str) -> None:
    assert quantity(value, base) == text.replace(" ", SPACE)


def test_an_unknown_unit_is_kept() -> None:
    assert fitting_unit(12.0, "%") == ("%", 1.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00123, "0.00123"),
        (12.345, "12.35"),
        (280.83, "280.8"),
        (12345.6, "12,346"),
        (1.2e-6, "0.0000012"),
        (0, "0"),
    ],
)
def test_four_digits(value: float, text: str) -> None:
    assert digits(value) == text


def test_shares() -> None:
    assert percent(0.4825) == f"48.2{SPACE}%"
    assert saved_words(0.31, "latency") == f"saves 31.0{SPACE}% of the latency"
    assert saved_words(-0.05, "energy") == f"costs 5.0{SPACE}% more energy"


def test_what_gates_skip_is_never_a_negative_number() -> None:
    assert skipped_words([0.508, 0.518], "skips", "adds") == f"skips 50.8{SPACE}% to 51.8{SPACE}% of"
    assert skipped_words([-0.036], "skip", "add") == f"add 3.6{SPACE}% to"
    assert (
        skipped_words([-0.036, 0.5], "skip", "add")
        == f"add up to 3.6{SPACE}% to, or skip up to 50.0{SPACE}% of,"
    )


def test_networks_of_one_data_set_lose_its_name_unless_two_become_alike() -> None:
    names = ["lcnet_resnet20_50_cifar10", "ddi_resnet20_50_cifar10"]
    assert list(network_titles(names).values()) == [
        f"LC-Net ResNet-20 50{SPACE}%",
        f"DDI ResNet-20 50{SPACE}%",
    ]
    assert network_titles(["ddi_npu32_cycles_cifar10"]) == {
        "ddi_npu32_cycles_cifar10": "DDI for NPU 32 x 32 cycles"
    }
    assert network_titles(["vit", "vit_cifar10"]) == {"vit": "ViT", "vit_cifar10": "ViT CIFAR-10"}


def test_slugs_hold_nothing_that_a_path_or_page_could_trip_over() -> None:
    assert slug('<script>../../"x"&Ü') == "script-x"
    assert slug("…") == "x"


def test_long_names_lose_their_middle() -> None:
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abcdefghijk", 10) == "abcd…ghijk"
    assert len(shorten("x" * 500, 28)) == 28


@pytest.mark.parametrize(
    ("name", "length", "short"),
    [
        ("edge_npu_16x16, array.rows=8, clock=300 MHz", 30, "edge_npu_16x16…clock=300 MHz"),
        ("LC-Net ResNet-20 on cortex_m7", 18, "LC-Net…cortex_m7"),
        ("ethos_u55_128_like, as written", 18, "ethos_…as written"),
    ],
)
def test_a_name_is_shortened_between_its_parts(name: str, length: int, short: str) -> None:
    assert shorten(name, length) == short


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("lcnet_resnet20_50", "LC-Net ResNet-20 50 %"),
        ("ddi_densenet", "DDI DenseNet"),
        ("wide_little_big", "wide little big"),
        ("exits_efficientnet_lite0", "exits EfficientNet Lite0"),
        ("mgl2s_densenet_50", "MGL2S DenseNet 50 %"),
        ("lnet_npu32_50", "L-Net for NPU 32 x 32 50 %"),
        ("resnet18", "ResNet-18"),
        ("spatial_resnet20_60", "spatial ResNet-20 60 %"),
        ("lcnet_resnet20_50_cifar10", "LC-Net ResNet-20 50 % CIFAR-10"),
        ("resnet20_narrow50_taught", "ResNet-20 narrowed to 50 % taught"),
        ("lcnet_taught_50_seed2", "LC-Net taught 50 % seed 2"),
        ("mobilenetv1_025_96_live", "MobileNetV1 0.25 96 pixels live"),
        ("dscnn_kws", "DS-CNN KWS"),
        ("my_network_50", "my_network_50"),
        ("net_v2", "net_v2"),
        ("<b>", "<b>"),
        ("50", "50"),
    ],
)
def test_a_network_is_called_as_people_write_it_and_an_unknown_one_as_its_file(name: str, title: str) -> None:
    assert network_title(name).replace(SPACE, " ") == title


def test_every_network_and_design_that_ships_has_a_title() -> None:
    """Only a name of one plain word is its own title."""
    names = [*network_names(), *(path.stem for path in shipped_traces().values())]
    assert [name for name in names if network_title(name) == name and "_" in name] == []
    assert [name for name in design_names() if design_title(name) == name] == []
    titles = [design_title(name) for name in design_names()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("edge_npu_16x16", "Edge NPU 16 x 16"),
        ("cortex_m0plus", "Cortex-M0+"),
        ("ethos_u55_128_like", "Ethos-U55-128-like"),
        ("stm32h7a3", "STM32H7A3"),
        ("my_npu", "my_npu"),
    ],
)
def test_a_design_is_called_as_people_write_it_and_an_unknown_one_as_its_file(name: str, title: str) -> None:
    assert design_title(name).replace(SPACE, " ") == title


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("array.rows", "Array rows"),
        ("memory.dram.bandwidth", "DRAM bandwidth"),
        ("memory.dram.price", "DRAM price"),
        ("array.weight_preload", "Array weight preload"),
        ("simd.isa", "SIMD isa"),
        ("prefetch", "Prefetch"),
    ],
)
def test_settings_are_called_as_people_say_them(path: str, title: str) -> None:
    assert setting_title(path) == title


def test_changed_settings_stand_behind_the_design() -> None:
    told = words_of_settings("cortex_m7", {"clock": "200 MHz", "memory.dram.bandwidth": "1 GB/s"})
    assert told == "Cortex-M7, clock 200 MHz, DRAM bandwidth 1 GB/s"
