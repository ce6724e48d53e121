"""The first page is true: its mapping loads, its commands exist, its exit codes are those of the program."""

import re
from pathlib import Path

import pytest

import connector
from connector import errors
from connector.cli.app import STOPPED, WRONG_USE, app
from connector.cli.main import run
from connector.config.project import load_project
from connector.contract.library import contract
from connector.pipeline import overview
from connector.pipeline.shipped import copy_shipped

ROOT = Path(connector.__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_its_mapping_is_a_mapping(tmp_path):
    (tmp_path / "connector.yaml").write_text(
        "version: 1\nhis: {url: 'sqlite:///his.db'}\n"
        'platform: {base_url: "http://127.0.0.1:9/x", username: u, password: "env:P", key: "env:K"}\n'
        'ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}\n',
        encoding="utf-8",
    )
    copy_shipped(tmp_path)
    for folder in ("mappings", "pipelines"):
        for file in (tmp_path / folder).iterdir():
            file.unlink()
    (tmp_path / "mappings" / "charges.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    project = load_project(tmp_path, contract(), environ={})
    (mapping,) = project.mappings.values()
    assert mapping.name == "inpatient-charges"


def commands() -> list[str]:
    """Every command with its options, as the page has them."""
    lines = [line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    named = [line.removeprefix("connector ") for line in lines if line.startswith("connector ")]
    return named + re.findall(r"`connector ([^`]+)`", README)


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_its_commands_exist(line, capsys):
    words = line.split()
    size = 2 if words[0] in ("ask", "quarantine", "card", "changes", "journal", "ledger", "visit") else 1
    assert run([*words[:size], "--help"]) == 0
    shown = capsys.readouterr().out
    for option in (word for word in words if word.startswith("-")):
        assert re.search(rf"(^|\s){option}\b", shown, re.MULTILINE), option


def test_every_command_is_on_the_page():
    named = {line.split()[0] for line in commands()} | {"demo"}
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert named == known | {group.name for group in app.registered_groups}
    assert "make demo" in README


def test_its_exit_codes_are_those_of_the_program():
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.ConnectorError)
    }
    runs = {overview.COMPLETE, overview.FAILED, overview.QUARANTINED, overview.UNSETTLED, overview.STOPPED}
    assert told == raised | runs | {WRONG_USE, STOPPED}


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_its_rooms_are_there():
    listing = README.partition("## What is where\n```\n")[2].partition("```")[0]
    rooms = re.findall(r"(?:^| )(\w+)/", listing, re.MULTILINE)
    assert len(rooms) > 10
    for room in rooms:
        assert (ROOT / room).is_dir() or (ROOT / "connector" / room).is_dir(), room
