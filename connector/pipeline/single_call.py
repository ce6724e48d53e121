"""One question to the platform outside a run: under the ledger's lease, in a session of its own.

A run holds the lease while it delivers, and the platform knows one session per account (trap T16); so a single
call disturbs nobody: where a run is under way it is refused, and the end of a backfill's turn is waited for.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from connector.contract.spec import Operation
from connector.errors import LedgerError, Stopped
from connector.ledger.store import Ledger
from connector.load.client import PlatformClient
from connector.load.document import Document
from connector.pipeline.parts import Parts
from connector.pipeline.recording import Tray
from connector.pipeline.sessions import SessionKeeper, SessionRules
from connector.pipeline.turns import open_turn
from connector.records import Outcome

LEASE_S = 300.0
"""Long enough for a login, a call and a logout that each take as long as they may."""

_HASTE = SessionRules(tries=2, pause_s=1.0, lockout_wait_s=0.0)
"""Somebody stands at the counter: an account that is logged in elsewhere is told at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """An open session to call in. Requests are given without their sessionid.

    `keep`: keeps the lease; PlatformError when a stop was asked for. Who calls for longer calls it in between.
    `write`: puts what was called into the journal.
    """

    client: PlatformClient
    sessions: SessionKeeper
    keep: Callable[[], None]
    write: Callable[[], None]
    ledger: Ledger

    def __call__(self, operation: Operation, payload: Mapping[str, object]) -> Outcome:
        """Send a message; gives what became of it, once it is in the journal."""
        outcome = self.client.call(operation, body_of(payload), self.sessions.sessionid)
        self.write()
        return outcome

    def upload(self, operation: Operation, texts: Mapping[str, str], document: Document) -> Outcome:
        """Send a file (4.18); the same."""
        outcome = self.client.upload(operation, texts, document, self.sessions.sessionid)
        self.write()
        return outcome


@contextmanager
def open_line(
    parts: Parts, *, notify: Callable[[str], None], is_stopping: Callable[[], bool], only_asks: bool = True
) -> Iterator[Line]:
    """A session to call in; closed, and the lease given back, whatever happens.

    `only_asks`: it will change nothing at the platform, so the ledger need not be compared with its witness.

    Raises LeaseHeld while a run is under way, SessionError when no session can be had, LedgerError.
    """
    platform = parts.project.settings.platform
    with open_turn(parts, notify=notify, is_stopping=is_stopping, ttl_s=LEASE_S, only_asks=only_asks) as (
        ledger,
        lease,
    ):
        tray = Tray(parts.project.settings.journal)

        def keep() -> None:
            ledger.keep_lease(lease)
            if is_stopping():
                raise Stopped("Stopped on request; nothing was sent.")

        def write() -> None:
            try:
                tray.write(ledger)
            except LedgerError as error:  # what became of the call is told all the same
                notify(f"The call could not be written into the journal. {error}")

        with closing(parts.open_client(tray.recorder(parts.clock))) as client, ExitStack() as at_end:
            at_end.callback(write)
            sessions = SessionKeeper(
                client,
                ledger,
                platform.username,
                now=parts.clock.now,
                sleep=parts.clock.sleep,
                zone=platform.key_date_zone,
                rules=_HASTE,
                notify=notify,
                tick=keep,
            )
            sessions.open()
            try:
                yield Line(client, sessions, keep, write, ledger)
            finally:
                sessions.close()


def body_of(payload: Mapping[str, object]) -> bytes:
    """A request as the JSON that is sealed."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
