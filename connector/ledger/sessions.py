"""The platform's sessions, sealed, one per account: a restart must be able to close what a dead process opened."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from connector.ledger.database import Database
from connector.ledger.moments import to_ms
from connector.ledger.seal import Seal


@dataclass(frozen=True, slots=True)
class Sessions:
    """Keeps session ids; each write is durable before the call returns."""

    database: Database
    seal: Seal = field(repr=False)
    now: Callable[[], datetime]

    def put(self, account: str, sessionid: str) -> None:
        """Keep the account's session, in place of an earlier one."""
        sealed = self.seal.seal("session", account, sessionid.encode())
        with self.database.writing() as link:
            link.run("DELETE FROM session WHERE account = ?", account)
            link.insert("session", ("account", "sealed", "kept_at"), [(account, sealed, to_ms(self.now()))])

    def stored(self, account: str) -> str:
        """The account's session, "" if there is none."""
        with self.database.reading() as link:
            row = link.one("SELECT sealed FROM session WHERE account = ?", account)
        return "" if row is None else self.seal.open("session", account, row[0]).decode()

    def drop(self, account: str) -> None:
        """The account's session is closed."""
        with self.database.writing() as link:
            link.run("DELETE FROM session WHERE account = ?", account)
