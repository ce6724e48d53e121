"""One writer at a time: a lease in the ledger, numbered by an epoch, and a lock that dies with its process.

SQLite: an exclusive lock on a file beside the ledger is the proof; whoever has it may take over at once what a
dead process left. PostgreSQL: a session lock of the server plays that part, and beside it the lease's own time:
a lease past its time may be taken over although a paused process still has its connection. The epoch is checked
by every claim, so that a process which lost its lease in its sleep may finish writing, but claims nothing more.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from connector.errors import LeaseHeld, LedgerError
from connector.ledger.database import Database
from connector.ledger.file_lock import lock_file
from connector.ledger.link import Link
from connector.ledger.moments import to_iso, to_ms

_LOCK = 4_280_572
"""PostgreSQL's advisory lock of a delivering process."""

_RENEW_PART = 3
"""A lease is written anew after this part of its time; before that keeping it costs nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver, until `ttl_s` after it was last kept. `epoch` counts the takings."""

    owner: str
    epoch: int
    ttl_s: float


@dataclass(slots=True)
class Leases:
    """Takes, keeps and releases the ledger's one lease."""

    database: Database
    now: Callable[[], datetime]
    _held: Lease | None = field(default=None, init=False)
    _kept_ms: int = field(default=0, init=False)
    _lock: IO[bytes] | None = field(default=None, init=False, repr=False)

    def take(self, owner: str, ttl_s: float) -> Lease:
        """Take the lease. Raises LeaseHeld, saying who holds it since when."""
        self.database.must_be_writable()
        is_alone = self._lock_process()
        try:
            if not is_alone:
                with self.database.reading() as link:  # the holder may sleep in the middle of a write
                    self._must_be_expired(link)
            lease = self._write(owner, ttl_s, is_alone=is_alone)
        except BaseException:
            self._unlock_process()
            raise
        self._held = lease
        return lease

    def keep(self, lease: Lease) -> None:
        """Show that the holder lives. Raises LeaseHeld when another process has taken over."""
        moment = to_ms(self.now())
        if 0 <= moment - self._kept_ms < lease.ttl_s * 1000 / _RENEW_PART:
            return
        with self.database.writing() as link:
            touched = link.run("UPDATE lease SET kept_at = ? WHERE id = 1 AND epoch = ?", moment, lease.epoch)
            if not touched:
                raise self._lost(link)
        self._kept_ms = moment

    def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when another process has it by now."""
        try:
            with self.database.writing() as link:
                link.run("UPDATE lease SET is_released = 1 WHERE id = 1 AND epoch = ?", lease.epoch)
        finally:
            self._held = None
            self._unlock_process()

    def check(self, link: Link) -> None:
        """Refuse to claim under a lease that another process holds (the fencing number)."""
        row = link.one("SELECT epoch, kept_at, ttl_ms, is_released FROM lease")
        if row is None:
            return
        epoch, kept_at, ttl_ms, is_released = row
        if self._held is not None:
            if epoch != self._held.epoch:
                raise self._lost(link)
        elif not is_released and to_ms(self.now()) < kept_at + ttl_ms:
            raise self._lost(link)

    def close(self) -> None:
        """Let go, at the end of the process."""
        if self._held is not None:
            with suppress(LedgerError):
                self.release(self._held)
        self._unlock_process()

    def _write(self, owner: str, ttl_s: float, *, is_alone: bool) -> Lease:
        moment = to_ms(self.now())
        with self.database.writing() as link:
            if not is_alone:
                self._must_be_expired(link)
            row = link.one("SELECT epoch FROM lease")
            epoch = row[0] + 1 if row else 1
            link.run("DELETE FROM lease")
            link.run(
                "INSERT INTO lease (id, owner, epoch, taken_at, kept_at, ttl_ms, is_released) VALUES (1, ?, ?, ?, ?, ?, 0)",
                *(owner, epoch, moment, moment, int(ttl_s * 1000)),
            )
        self._kept_ms = moment
        return Lease(owner, epoch, ttl_s)

    def _must_be_expired(self, link: Link) -> None:
        """Raise LeaseHeld, where another process has the lock, unless it sleeps and its lease's time is over.

        On SQLite the lock alone decides. No lease, or one given back, beside a lock: its process just begins or ends.
        """
        row = link.one("SELECT kept_at, ttl_ms, is_released FROM lease")
        is_expired = row is not None and not row[2] and to_ms(self.now()) >= row[0] + row[1]
        if not (self.database.is_postgres and is_expired):
            raise self._lost(link)

    def _lost(self, link: Link) -> LeaseHeld:
        row = link.one("SELECT owner, taken_at, kept_at FROM lease WHERE is_released = 0")
        if row is None and self._held is not None:
            return LeaseHeld(
                "Another process took over this ledger while this one gave no sign of life, and has ended since. "
                "Nothing more is sent by this process; the next run goes on from there."
            )
        if row is None:
            return LeaseHeld(
                "Another process has just begun to deliver on this ledger. Nothing is sent by this one."
            )
        owner, taken_at, kept_at = row
        return LeaseHeld(
            f"{owner} has been delivering on this ledger since {to_iso(taken_at)} (last sign of life "
            f"{to_iso(kept_at)}). Nothing is sent by this process; run again when the other has ended.",
            holder=owner,
        )

    def _lock_process(self) -> bool:
        """Whether this process has the lock that dies with it."""
        if self.database.is_postgres:
            return self.database.lock_session(_LOCK)
        if self._lock is None and self.database.path is not None:
            self._lock = lock_beside(self.database.path)
        return self._lock is not None

    def _unlock_process(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        if self.database.is_postgres:
            self.database.unlock_session(_LOCK)


def lock_beside(ledger: Path) -> IO[bytes] | None:
    """The lock of a ledger's file, held until it is closed; None when another process has it. Raises LedgerError."""
    try:
        return lock_file(ledger.with_name(ledger.name + ".lock"))
    except OSError as error:
        raise LedgerError(
            f"The ledger {ledger} cannot be locked ({os.strerror(error.errno or 0)}): this user must be able to write "
            f"beside it. Nothing was sent."
        ) from None
