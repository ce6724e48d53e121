"""Secrets by reference: read late, told clearly, never shown."""

import sys
from types import SimpleNamespace

import pytest

from connector.config.secrets import Secret, holds_password, is_reference
from connector.errors import ConfigurationError


def test_a_secret_is_read_from_the_environment(tmp_path):
    assert Secret("env:KEY", "platform.key").read({"KEY": " s3cret "}, tmp_path) == " s3cret "


def test_a_secret_is_read_from_a_file_without_its_line_end(tmp_path):
    (tmp_path / "a.key").write_bytes(b"\xef\xbb\xbfs3cret \r\n")
    assert Secret("file:a.key").read({}, tmp_path) == "s3cret "
    assert Secret(f"file:{tmp_path / 'a.key'}").read({}, tmp_path / "elsewhere") == "s3cret "


def test_a_secret_is_read_from_the_keyring(tmp_path, monkeypatch):
    store = {("his", "reader/a"): "s3cret"}
    fake = SimpleNamespace(get_password=lambda service, user: store.get((service, user)))
    monkeypatch.setitem(sys.modules, "keyring", fake)
    assert Secret("keyring:his/reader/a").read({}, tmp_path) == "s3cret"
    with pytest.raises(ConfigurationError, match="the keyring has no entry his/other"):
        Secret("keyring:his/other").read({}, tmp_path)


def test_a_keyring_that_fails_does_not_show_what_it_says(tmp_path, monkeypatch):
    def fail(service, user):
        message = "s3cret"
        raise RuntimeError(message)

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=fail))
    with pytest.raises(ConfigurationError, match=r"the keyring failed \(RuntimeError\)") as caught:
        Secret("keyring:his/reader", "his.url").read({}, tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "env:NOT_SET",
            "The secret platform.key cannot be read: the environment variable NOT_SET is not set.",
        ),
        ("file:none.key", "none.key: No such file or directory."),
        ("file:empty.key", "empty.key is empty."),
        ("file:binary.key", "binary.key is not UTF-8 text."),
        ("file:.", "Is a directory."),
        ("keyring:a/b", "the package keyring is not installed"),
    ],
)
def test_a_secret_that_cannot_be_read_names_the_setting_and_what_to_do(tmp_path, monkeypatch, text, message):
    (tmp_path / "empty.key").write_text("\n")
    (tmp_path / "binary.key").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError) as caught:
        Secret(text, "platform.key").read({}, tmp_path)
    assert "platform.key" in str(caught.value)
    assert message in str(caught.value)


def test_repr_shows_a_reference_and_masks_everything_else():
    assert repr(Secret("env:KEY")) == "Secret(env:KEY)"
    assert "hunter2" not in repr(Secret("hunter2"))
    assert "hunter2" not in str(Secret("hunter2"))


@pytest.mark.parametrize(
    "text", ["env:", "env:1A", "env:A B", "file:", "keyring:a", "keyring:/b", "ENV:A", "", "x"]
)
def test_what_is_no_reference(text):
    assert not is_reference(text)


@pytest.mark.parametrize(
    ("url", "held"),
    [
        ("mysql+pymysql://u:p@h/db", True),
        ("postgresql://u:p%40x@h:5432/db", True),
        ("postgresql://u:p@x@h/db", True),
        ("mysql://u:p?x@h/db", True),
        ("mssql+pyodbc:///?odbc_connect=Driver%3Dx%3BPWD%3Dabc", True),
        ("mysql://h/db?password=x", True),
        ("mysql://u:@h/db", False),
        ("mysql+pymysql://u@h:3306/db?charset=gbk", False),
        ("sqlite:///C:/data/his.db", False),
        ("sqlite:///his.db", False),
        ("mssql+pyodbc://@dsn", False),
        ("oracle://h:1521/?service_name=x", False),
    ],
)
def test_whether_a_url_holds_a_password(url, held):
    assert holds_password(url) is held
