"""What the stand-in platform knows: sessions, and the visits with everything that was sent for them.

Every change is an event: it is written to the journal first, then applied. The journal is append-only, so it is
the oracle of tests ("which rows did the platform ever commit?"), and a state file is only the journal on disk.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from connector.simulator.journal import append_line, open_journal, read_journal, refuse_line
from connector.simulator.visit import LOCAL, Fee, Invoice, Visit

IDLE = timedelta(hours=2)
"""A session lapses so long after its last use (section 4.1)."""

Event = Mapping[str, Any]


@dataclass(slots=True)
class Session:
    """One login of one account."""

    sessionid: str = field(repr=False)
    account: str
    last_used: datetime


class State:
    """The platform's memory. Callers hold `lock` around a read and the change that rests on it."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        state_file: Path | None = None,
        keep_rows: bool = True,
    ) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.visits: dict[str, Visit] = {}
        self.sessions: dict[str, Session] = {}
        self.lapsed: set[str] = set()
        self.given: set[str] = set()
        self.journal: list[Event] = []
        self.rows_received = 0
        self._keep_rows = keep_rows
        self._next_sessionid = int(clock().timestamp())
        self._file: TextIO | None = None
        if state_file is not None:
            for number, line in enumerate(read_journal(state_file), start=2):
                try:
                    self._apply(_from_line(line))
                except (LookupError, TypeError, ValueError, AttributeError) as error:
                    raise refuse_line(state_file, number) from error
            self._file = open_journal(state_file)

    def close(self) -> None:
        """Close the state file; the state can be read on."""
        with self.lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    # -- sessions -------------------------------------------------------------------------------------------

    def live_session(self, account: str) -> Session | None:
        """The session this account holds; a lapsed one is dropped first."""
        for session in tuple(self.sessions.values()):
            if self.clock() - session.last_used >= IDLE:
                self.lapsed.add(session.sessionid)
                del self.sessions[session.sessionid]
        return next((one for one in self.sessions.values() if one.account == account), None)

    def log_in(self, account: str) -> str:
        """Open a session; its number was never given out before, not even by an earlier process."""
        sessionid = str(max(self._next_sessionid, int(self.clock().timestamp())))
        self.commit("login", sessionid=sessionid, account=account)
        return sessionid

    def use_session(self, sessionid: str) -> Session | None:
        """The live session of that number, its two hours begun anew; None when there is none."""
        session = self.sessions.get(sessionid)
        if session is None or self.live_session(session.account) is not session:
            return None
        session.last_used = self.clock()
        return session

    # -- events ---------------------------------------------------------------------------------------------

    def commit(self, event: str, **facts: Any) -> None:
        """Write one change to the journal, then apply it."""
        entry = {"event": event, "at": self.clock(), **facts}
        if self._file is not None:
            append_line(self._file, _to_line(entry))
        self._apply(entry)

    def committed_rows(self) -> Iterator[tuple[str, Fee]]:
        """Every fee row ever committed, with its visit, whatever was undone later."""
        for entry in self.journal:
            if entry["event"] == "fees":
                for fee in entry["fees"]:
                    yield entry["visit"], fee

    def _apply(self, entry: Event) -> None:
        if self._keep_rows:
            self.journal.append(entry)
        _APPLIED[entry["event"]](self, entry)

    def _login(self, entry: Event) -> None:
        sessionid = str(entry["sessionid"])
        self.given.add(sessionid)
        self.sessions[sessionid] = Session(sessionid, entry["account"], entry["at"])
        self._next_sessionid = max(self._next_sessionid, int(sessionid) + 1)

    def _logout(self, entry: Event) -> None:
        self.sessions.pop(str(entry["sessionid"]), None)

    def _register(self, entry: Event) -> None:
        number = entry["visit"]
        person = entry["data"].get("aac002")
        earlier = sum(visit.data.get("aac002") == person for visit in self.visits.values())
        self.visits[number] = Visit(
            number,
            entry["data"],
            entry["new_injury"],
            entry["at"],
            earlier + 1,
            entry.get("family", LOCAL),
        )

    def _unregister(self, entry: Event) -> None:
        del self.visits[entry["visit"]]

    def _fees(self, entry: Event) -> None:
        visit = self.visits[entry["visit"]]
        visit.remember()
        for fee in entry["fees"]:
            visit.keep(fee, row=self._keep_rows)
        self.rows_received += len(entry["fees"])

    def _orders(self, entry: Event) -> None:
        self.visits[entry["visit"]].orders.update(entry["orders"])

    def _invalidate(self, entry: Event) -> None:
        self.visits[entry["visit"]].clear()

    def _approve(self, entry: Event) -> None:
        visit = self.visits[entry["visit"]]
        visit.approvals.append(entry["number"])
        visit.approval = "current"

    def _close(self, entry: Event) -> None:
        visit = self.visits[entry["visit"]]
        visit.closed_on = entry["on"]
        visit.settled = entry.get("settled", False)
        visit.discharge = entry.get("data", {})
        visit.invoices.extend(entry.get("invoices", ()))

    def _reopen(self, entry: Event) -> None:
        self.visits[entry["visit"]].reopen()

    def _invoice(self, entry: Event) -> None:
        self.visits[entry["visit"]].invoices.extend(entry["invoices"])

    def _portal(self, entry: Event) -> None:
        visit = self.visits[entry["visit"]]
        visit.applied, visit.audited = entry["applied"], entry["audited"]


_APPLIED: Mapping[str, Callable[[State, Event], None]] = {
    "login": State._login,  # noqa: SLF001 - the table of this class's own events
    "logout": State._logout,  # noqa: SLF001 - as above
    "register": State._register,  # noqa: SLF001 - as above
    "unregister": State._unregister,  # noqa: SLF001 - as above
    "fees": State._fees,  # noqa: SLF001 - as above
    "orders": State._orders,  # noqa: SLF001 - as above
    "invalidate": State._invalidate,  # noqa: SLF001 - as above
    "approve": State._approve,  # noqa: SLF001 - as above
    "close": State._close,  # noqa: SLF001 - as above
    "reopen": State._reopen,  # noqa: SLF001 - as above
    "invoice": State._invoice,  # noqa: SLF001 - as above
    "portal": State._portal,  # noqa: SLF001 - as above
}


_KINDS: Mapping[str, type[Fee] | type[Invoice]] = {"fees": Fee, "invoices": Invoice}
"""What an event holds as values: the name in the event → the value's class."""


def _to_line(entry: Event) -> dict[str, Any]:
    line = {**entry, "at": entry["at"].isoformat()}
    for name in _KINDS.keys() & line.keys():
        line[name] = [asdict(one) for one in entry[name]]
    return line


def _from_line(line: Mapping[str, Any]) -> Event:
    entry = {**line, "at": datetime.fromisoformat(line["at"]).astimezone(UTC)}
    for name in _KINDS.keys() & line.keys():
        entry[name] = [_KINDS[name](**one) for one in line[name]]
    return entry
