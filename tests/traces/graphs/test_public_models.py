"""Models that public packages ship load as shipped; skipped where the package is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from traces.graphs.named import Reading, load_network

Sizes = dict[str, tuple[int, ...]]
SPEECH: Sizes = {"input": (1, 512)}
# Package, file, sizes of open axes, MACs.
MODELS: list[tuple[str, str, Sizes, int]] = [
    ("basic_pitch", "saved_models/icassp_2022/nmp.onnx", {}, 524_079_648),
    ("basic_pitch", "saved_models/icassp_2022/nmp.tflite", {}, 524_079_648),
    ("ddddocr", "common.onnx", {"input1": (1, 1, 64, 160)}, 569_118_720),
    ("ddddocr", "common_det.onnx", {}, 3_179_352_384),
    ("ddddocr", "common_old.onnx", {"input1": (1, 1, 64, 160)}, 569_118_720),
    ("magika", "models/standard_v3_3/model.onnx", {}, 366_717_952),
    ("nudenet", "320n.onnx", {"images": (1, 3, 320, 320)}, 1_012_627_200),
    ("rapidocr_onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx", {"x": (1, 3, 640, 640)}, 2_301_935_744),
    ("rapidocr_onnxruntime", "models/ch_PP-OCRv4_rec_infer.onnx", {"x": (1, 3, 48, 192)}, 421_354_944),
    (
        "rapidocr_onnxruntime",
        "models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        {"x": (1, 3, 48, 192)},
        16_315_376,
    ),
    ("silero_vad", "data/silero_vad.onnx", {**SPEECH, "state": (2, 1, 128)}, 563_968),
    ("silero_vad", "data/silero_vad_16k_op15.onnx", SPEECH, 563_968),
    ("silero_vad", "data/silero_vad_half.onnx", SPEECH, 563_968),
    ("silero_vad", "data/silero_vad_op18_ifless.onnx", SPEECH, 563_968),
    ("silero_vad", "data/silero_vad_16k_sequence.onnx", {}, 745_600),
    ("silero_vad", "data/silero_vad_openvino_16k.onnx", {}, 679_552),
    # The light models of onnx; counts as published for these networks where such are.
    ("onnx", "backend/test/data/light/light_bvlc_alexnet.onnx", {}, 654_560_384),
    ("onnx", "backend/test/data/light/light_densenet121.onnx", {}, 2_834_161_664),
    ("onnx", "backend/test/data/light/light_inception_v1.onnx", {}, 1_431_556_352),
    ("onnx", "backend/test/data/light/light_inception_v2.onnx", {}, 2_018_851_840),
    ("onnx", "backend/test/data/light/light_resnet50.onnx", {}, 4_089_184_256),
    ("onnx", "backend/test/data/light/light_shufflenet.onnx", {}, 124_664_528),
    ("onnx", "backend/test/data/light/light_squeezenet.onnx", {}, 349_151_936),
    ("onnx", "backend/test/data/light/light_vgg19.onnx", {}, 19_632_062_464),
    ("onnx", "backend/test/data/light/light_zfnet512.onnx", {}, 1_481_727_008),
]


@pytest.mark.parametrize(
    ("package", "file", "sizes", "macs"), MODELS, ids=[Path(row[1]).stem for row in MODELS]
)
def test_it_loads_with_these_macs(package: str, file: str, sizes: Sizes, macs: int) -> None:
    spec = find_spec(package)
    if spec is None or spec.origin is None or find_spec("onnx") is None:
        pytest.skip(f"{package} is not installed")
    path = Path(spec.origin).parent / file
    if not path.exists():
        pytest.skip(f"this version of {package} has no {file}")
    if path.suffix == ".tflite" and find_spec("tflite") is None:
        pytest.skip("tflite is not installed")
    assert load_network(path, Reading(sizes)).macs == macs
