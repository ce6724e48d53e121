"""The shipped project is found wherever the program was installed, and is a whole project."""

import sysconfig
from pathlib import Path

import pytest

import connector
from connector.errors import ConfigurationError
from connector.pipeline import shipped
from connector.pipeline.shipped import FOLDERS, copy_shipped

HOME = Path(connector.__file__).parent.parent


def test_the_shipped_folders_are_copied_whole(tmp_path):
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "own.yaml").write_text("own", encoding="utf-8")
    copy_shipped(tmp_path)
    for folder in FOLDERS:
        for file in (HOME / folder).iterdir():
            assert (tmp_path / folder / file.name).read_bytes() == file.read_bytes()
    assert (tmp_path / "mappings" / "own.yaml").read_text(encoding="utf-8") == "own"


def test_an_installation_is_taken_where_there_is_no_checkout(tmp_path, monkeypatch):
    installed = tmp_path / "data" / "share" / "injury-connector"
    for folder in FOLDERS:
        (installed / folder).mkdir(parents=True)
        (installed / folder / "x.yaml").write_text(folder, encoding="utf-8")
    monkeypatch.setattr(shipped.connector, "__file__", str(tmp_path / "lib" / "connector" / "__init__.py"))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))
    copy_shipped(tmp_path / "project")
    assert (tmp_path / "project" / "codes" / "x.yaml").read_text(encoding="utf-8") == "codes"
    (installed / "codes" / "x.yaml").unlink()
    (installed / "codes").rmdir()
    with pytest.raises(ConfigurationError, match="install again"):
        copy_shipped(tmp_path / "project")
