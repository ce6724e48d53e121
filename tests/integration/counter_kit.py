"""A hospital's counter: a project, its ledger, and a platform whose card interfaces say what a test wants."""

import os
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import run
from connector.ledger.seal import create_key
from connector.pipeline.parts import Parts, open_project
from connector.simulator import reception
from connector.simulator.call import Call, Refusal
from connector.simulator.server import serve
from tests.unit.card.chip import CODE, IDENTITY, NUMBER

KEY = "0123456789abcdef0123456789abcdef"
NAME = "巴特尔"
QR = "0123456789abcdefABCDEF"
SECRETS = (NUMBER, CODE, IDENTITY, NAME, QR)
CARDS = ("sbkAuth", "dzSbkAuth", "parsingSbk", "parsingQrcode")
SETTINGS = """\
version: 1
his: {{url: "sqlite:///his.db"}}
platform: {{base_url: "{url}", username: demo, password: "env:PASSWORD", key: "env:KEY"}}
ledger: {{url: "sqlite:///ledger.db", key: "file:ledger.key"}}
cards: {{region: "150100"}}
"""


class Desk:
    """The project and its platform. `answers`: what a card interface says, or a refusal; `asked`: what it was sent."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, dict[str, Any] | Refusal] = {
            "sbkAuth": {"errmsg": "", "result": "1"},
            "dzSbkAuth": {"aac002": IDENTITY, "aac003": NAME, "aaz502": "1"},
            "parsingSbk": {"aac147": IDENTITY, "aac003": NAME, "baz932": "20300131", "aaz502": "1"},
            "parsingQrcode": {"aac147": IDENTITY, "aac003": NAME, "aaz501": CODE, "aaz500": NUMBER},
        }
        (directory / "mappings").mkdir()
        (directory / "connector.yaml").write_text(SETTINGS.format(url=url), encoding="utf-8")
        (directory / "ledger.key").write_text(create_key(), encoding="utf-8")
        with self.parts().open_ledger(create=True):
            pass

    def parts(self) -> Parts:
        return open_project(self.directory, environ={"PASSWORD": "secret", "KEY": KEY})

    def answer(self, call: Call) -> dict[str, Any]:
        """The handler of every card interface."""
        self.asked.append((call.operation.method, dict(call.payload)))
        told = self.answers[call.operation.method]
        if isinstance(told, Refusal):
            raise told
        return told

    def connector(self, *arguments: str) -> int:
        """Run `connector card ...` in this process; its exit code."""
        return run(["card", *arguments, "--project", str(self.directory)])

    def leaks(self) -> list[str]:
        """Secrets of a card that stand in any file of the project."""
        texts = [file.read_bytes() for file in self.directory.rglob("*") if file.is_file()]
        return [secret for secret in SECRETS if any(secret.encode() in text for text in texts)]


@contextmanager
def open_desk(directory: Path, monkeypatch: pytest.MonkeyPatch, *, scripted: bool = True):
    """A desk whose platform answers over HTTP: what the test wants, or else what the simulator knows."""
    monkeypatch.setenv("PASSWORD", "secret")
    monkeypatch.setenv("KEY", KEY)
    simulator = serve(key_text=KEY, username="demo", password="secret", facts="default")
    try:
        desk = Desk(directory, simulator.url)
        if scripted:
            handlers: dict[str, Callable] = {**reception.HANDLERS, **dict.fromkeys(CARDS, desk.answer)}
            monkeypatch.setattr(reception, "HANDLERS", handlers)
        yield desk
        assert simulator.internal_errors == []
    finally:
        simulator.stop()


@contextmanager
def typed(monkeypatch: pytest.MonkeyPatch, *lines: str):
    """Standard input that holds these lines."""
    reading, writing = os.pipe()
    # A few lines fit into the pipe, so that nobody has to be there to read them: a command may refuse before it reads.
    with os.fdopen(writing, "w", encoding="utf-8") as end:
        end.writelines(f"{line}\n" for line in lines)
    with os.fdopen(reading, encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        yield
