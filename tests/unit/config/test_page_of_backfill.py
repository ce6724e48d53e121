"""docs/backfill.md: the files it shows are files of the shipped project, and it is in order with them."""

import re
from datetime import date, time
from pathlib import Path

from connector.config.project import load_project
from connector.config.schedule import Quiet
from connector.config.settings import BackfillSettings
from connector.contract.library import contract
from connector.pipeline.shipped import copy_shipped

ROOT = Path(__file__).parents[3]
SETTINGS = """
version: 1
his: {url: "sqlite:///his.db"}
platform: {base_url: "http://127.0.0.1:8029/nm-his", username: demo, password: "env:PASSWORD", key: "env:KEY"}
ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}
"""


def test_its_files_are_those_of_a_project(tmp_path):
    copy_shipped(tmp_path)
    page = (ROOT / "docs" / "backfill.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", page, re.DOTALL))
    assert sorted(shown) == ["connector.yaml", "pipelines/inpatient.yaml"]
    (tmp_path / "connector.yaml").write_text(SETTINGS + shown["connector.yaml"], encoding="utf-8")
    (tmp_path / "pipelines" / "inpatient.yaml").write_text(
        shown["pipelines/inpatient.yaml"], encoding="utf-8"
    )
    project = load_project(tmp_path, contract(), environ={})
    assert project.pipelines["inpatient"].since == date(2026, 1, 1)
    assert project.settings.backfill == BackfillSettings(20_000, 100_000, 2, Quiet(time(7), time(19)))
