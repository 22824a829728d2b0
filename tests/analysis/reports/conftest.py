"""Three replays of a made-up trace, and the page on them: read by every test, changed by none."""

from pathlib import Path

import pytest

from analysis.reports.report import write_report
from tests.report_folders import HOSTILE_FOLDER, replay_folder

DESIGNS = {"npu": "edge_npu_16x16", "core": "cortex_m7", HOSTILE_FOLDER: "gemmini_16x16"}


@pytest.fixture(scope="session")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replay_folder(tmp_path_factory.mktemp("replays"), DESIGNS)


@pytest.fixture(scope="session")
def page(replays: Path) -> str:
    return write_report(replays).read_text(encoding="utf-8")
