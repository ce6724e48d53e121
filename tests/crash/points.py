"""Every moment at which a process of the connector can be killed, by name.

`L.NAME.before` and `L.NAME.after` stand around each durable commit of the ledger, and around each write of its
witness (`L.witness`). A commit of several writes has a name for each of them, and `L.any.before` counts every commit.
`N.METHOD.PLACE` are moments of a call: before its connection is made, after so much of its head and its body was
written to the socket, before its answer is read, after the first byte of it, after some more, and before anything is
done with it. A point is a name and how often it was passed: `N.login.sent#2`.

This is loaded into the process that is to be killed: nothing of it is in the connector.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock, local
from typing import Any

from httpcore._backends.sync import SyncBackend, SyncStream

from connector.contract.spec import Operation
from connector.ledger import store
from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.witness import WitnessFile
from connector.load.client import PlatformClient

COMMITS = {
    "take_lease": "lease.take",
    "keep_lease": "lease.keep",
    "release_lease": "lease.release",
    "begin_run": "run.begin",
    "end_run": "run.end",
    "doubt_orphans": "orphans",
    "stage_visits": "ingest.visits",
    "stage": "ingest",
    "sweep": "ingest.sweep",
    "mark_read": "ingest.read",
    "put_session": "session.open",
    "drop_session": "session.close",
    "claim": "intent",
    "answer": "answer",
    "settle": "close",
    "note_fenced": "fence",
    "hold_visit": "hold",
    "unhold_visit": "unhold",
    "keep": "journal",
    "trim": "journal.trim",
    "close": "flush",
}
"""The ledger's writes → the names of their points. A write that is not here has its own name."""

_ROOM = Path(store.__file__).parent

HEAD = ("head.first", "head.mid", "head.last")
BODY = ("body.first", "body.mid", "body.last")
CALL = ("connect", *HEAD, *BODY, "sent", "answer.first", "answer.mid", "answer.whole")
"""The places of one call, in their order. `….last`: all of it but one byte."""


class Points:
    """Counts the points that are passed; writes them down, or dies at one."""

    def __init__(self, *, record: str = "", die_at: str = "") -> None:
        self._record = Path(record) if record else None
        self._die_at = die_at
        self._passed: Counter[str] = Counter()
        self._lock = RLock()

    def passed(self, *names: str) -> None:
        """One moment is passed, which has these names; the process may not survive it."""
        if self.is_last(*names):
            self.die()

    def is_last(self, *names: str) -> bool:
        """Whether the process dies at this moment; it counts as passed, and is a line of the record."""
        with self._lock:
            self._passed.update(names)
            points = [f"{name}#{self._passed[name]}" for name in names]
            if self._record is not None:
                with self._record.open("a", encoding="ascii") as file:
                    file.write(" ".join(points) + "\n")
            return self._die_at in points

    @staticmethod
    def die() -> None:
        """End at once; nothing is flushed or closed by the process itself."""
        os.kill(os.getpid(), signal.SIGKILL)


def watch(points: Points) -> None:
    """Put the points around every commit and every call of this process."""
    _watch_commits(points)
    _watch_witness(points)
    _watch_calls(points)


def _watch_commits(points: Points) -> None:
    writing, end_together = Database.writing, Database._end_together
    parts: list[str] = []

    @contextmanager
    def write(database: Database) -> Iterator[Link]:
        name = _name_of_write()
        if database._is_together:
            parts.append(name)
            with writing(database) as link:
                yield link
            return
        with writing(database) as link:
            yield link
            points.passed(*_around([name], "before"))
        points.passed(*_around([name], "after"))

    def end(database: Database) -> None:
        if database._shared is None:
            end_together(database)
            return
        names = sorted(set(parts))
        parts.clear()
        points.passed(*_around(names, "before"))
        end_together(database)
        points.passed(*_around(names, "after"))

    Database.writing = write
    Database._end_together = end


def _watch_witness(points: Points) -> None:
    write = WitnessFile.write

    def write_it(file: WitnessFile, *arguments: Any, **options: Any) -> None:
        points.passed("L.witness.before")
        write(file, *arguments, **options)
        points.passed("L.witness.after")

    WitnessFile.write = write_it


def _around(writes: Iterable[str], when: str) -> list[str]:
    """The names of the moment before or after a commit of these writes."""
    return [f"L.{name}.{when}" for name in (*writes, "any")]


def _name_of_write() -> str:
    """What the ledger is writing: the outermost method of its room that is under way."""
    name, frame = "", sys._getframe(1)
    while frame is not None:
        if Path(frame.f_code.co_filename).parent == _ROOM:
            name = frame.f_code.co_name
        frame = frame.f_back
    return COMMITS.get(name, name)


def _watch_calls(points: Points) -> None:
    send = PlatformClient._send

    def call_it(client: Any, operation: Operation, *arguments: Any) -> Any:
        _CALL.method, _CALL.writes, _CALL.reads = operation.method, 0, 0
        return send(client, operation, *arguments)

    PlatformClient._send = call_it
    _watch_connecting(points)
    _watch_writing(points)
    _watch_reading(points)


_CALL = local()
"""The call of this thread."""


def _watch_connecting(points: Points) -> None:
    connect = SyncBackend.connect_tcp

    def connect_it(backend: Any, *arguments: Any, **options: Any) -> Any:
        points.passed(f"N.{_CALL.method}.connect")
        return connect(backend, *arguments, **options)

    SyncBackend.connect_tcp = connect_it


def _watch_writing(points: Points) -> None:
    write = SyncStream.write

    def write_it(stream: Any, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        _CALL.writes += 1
        places = HEAD if _CALL.writes == 1 else BODY
        for place, size in zip(places, (1, len(buffer) // 2, len(buffer) - 1), strict=True):
            if points.is_last(f"N.{_CALL.method}.{place}"):
                write(stream, buffer[:size], timeout)
                points.die()
        write(stream, buffer, timeout)

    SyncStream.write = write_it


def _watch_reading(points: Points) -> None:
    read = SyncStream.read

    def read_it(stream: Any, max_bytes: int, timeout: float | None = None) -> bytes:
        _CALL.reads += 1
        if _CALL.reads > 1:
            return read(stream, max_bytes, timeout)
        points.passed(f"N.{_CALL.method}.sent")
        for place, size in (("first", 1), ("mid", 100)):
            if points.is_last(f"N.{_CALL.method}.answer.{place}"):
                read(stream, size, timeout)
                points.die()
        answer = read(stream, max_bytes, timeout)
        points.passed(f"N.{_CALL.method}.answer.whole")
        return answer

    SyncStream.read = read_it
