"""Breaking into the connector: points where it may die around everything it writes and sends, in this process."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.store import Ledger
from connector.ledger.witness import WitnessFile
from connector.load.client import PlatformClient
from connector.records import Outcome
from tests.torture.trial import Killed, Trial

_WRITES = (
    *("begin_run", "stage_visits", "stage", "sweep", "mark_read", "doubt_orphans", "put_session"),
    *("drop_session", "claim", "answer", "settle", "note_fenced", "hold_visit", "unhold_visit", "end_run"),
)


def break_in(monkeypatch: Any, current: Callable[[], Trial | None]) -> None:
    """Let the current trial see, strike and kill whatever the connector does."""
    for name in _WRITES:
        _guard_write(monkeypatch, name, current)
    _guard_commits(monkeypatch, current)
    _guard_witness(monkeypatch, current)
    _guard_calls(monkeypatch, current)


def _guard_write(monkeypatch: Any, name: str, current: Callable[[], Trial | None]) -> None:
    real = getattr(Ledger, name)

    @wraps(real)
    def guarded(self: Ledger, *args: Any, **kwargs: Any) -> Any:
        trial = current()
        if trial is None:
            return real(self, *args, **kwargs)
        trial.pass_point()
        if name == "settle":
            trial.outcomes.note_settlements(self, args[0])
        result = real(self, *args, **kwargs)
        trial.pass_point()
        if name == "settle":
            trial.after_settling(self)
        elif name == "hold_visit":
            trial.outcomes.note_hold(args[1])
        elif name in ("unhold_visit", "note_fenced"):
            trial.outcomes.seen["held, and went on" if name == "unhold_visit" else "fenced"] += 1
        return result

    monkeypatch.setattr(Ledger, name, guarded)


def _guard_commits(monkeypatch: Any, current: Callable[[], Trial | None]) -> None:
    """What a dead process had not committed is gone, and it begins nothing more."""
    begin, end, close = Database._begin_writing, Database._end_together, Database.close

    def begin_writing(self: Database) -> Link:
        trial = current()
        if trial is not None:
            trial.must_live()
        return begin(self)

    def end_together(self: Database) -> None:
        trial = current()
        if trial is None or self._shared is None:
            end(self)
            return
        try:
            trial.pass_point()
        except Killed:
            _forget(self)
            raise
        end(self)
        trial.pass_point()

    def close_it(self: Database) -> None:
        trial = current()
        if trial is not None and trial.is_dead:
            self._later.clear()
        close(self)

    monkeypatch.setattr(Database, "_begin_writing", begin_writing)
    monkeypatch.setattr(Database, "_end_together", end_together)
    monkeypatch.setattr(Database, "close", close_it)


def _guard_witness(monkeypatch: Any, current: Callable[[], Trial | None]) -> None:
    write = WitnessFile.write

    def write_it(self: WitnessFile, *args: Any, **kwargs: Any) -> None:
        trial = current()
        if trial is not None:
            trial.pass_point()
        write(self, *args, **kwargs)
        if trial is not None:
            trial.pass_point()

    monkeypatch.setattr(WitnessFile, "write", write_it)


def _forget(database: Database) -> None:
    """Roll back what was written together, as the death of a process does."""
    database._shared = None
    database._later.clear()
    database._roll_back()


def _guard_calls(monkeypatch: Any, current: Callable[[], Trial | None]) -> None:
    call, login = PlatformClient.call, PlatformClient.login

    def struck(method: str, body: bytes, go_on: Callable[[], Outcome]) -> Outcome:
        trial = current()
        if trial is None:
            return go_on()
        trial.pass_point()
        outcome = trial.before_call(method, body) or go_on()
        trial.pass_point()
        return outcome

    def guarded_call(self: Any, operation: Any, body: bytes, sessionid: str, **more: Any) -> Outcome:
        return struck(operation.method, body, lambda: call(self, operation, body, sessionid, **more))

    def guarded_login(self: Any, day: Any) -> Outcome:
        return struck("login", b"{}", lambda: login(self, day))

    monkeypatch.setattr(PlatformClient, "call", guarded_call)
    monkeypatch.setattr(PlatformClient, "login", guarded_login)
