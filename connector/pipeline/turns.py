"""Whose turn it is on the ledger: a run waits for a backfill, which gives the lease away after each part of its work.

Only one process delivers. A backfill takes hours, and what is new must not wait for it: so it works in short turns,
with a pause between them in which nobody has the lease, and who finds a backfill at work looks again until then.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector.errors import LeaseHeld, Stopped
from connector.ledger.leases import Lease
from connector.ledger.store import Ledger
from connector.pipeline.parts import Parts, owner

LEASE_S = 60.0
"""A lease that was not kept for so long may be taken by another process."""

PAUSE_S = 2.0
"""How long a backfill leaves the lease to others after each turn."""

LOOK_S = 0.5
"""How often the lease is looked at while it is waited for: several times in a pause."""

PATIENCE_S = 600.0
"""So long a backfill's turn is waited for; longer than this it only takes where an answer is in doubt."""

_CHANGE_S = 2.0
"""Between two owners a lease has none for a moment."""

_BACKFILL = " (backfill)"


@contextmanager
def open_turn(
    parts: Parts,
    *,
    notify: Callable[[str], None],
    is_stopping: Callable[[], bool],
    is_backfill: bool = False,
    ttl_s: float = LEASE_S,
    only_asks: bool = False,
) -> Iterator[tuple[Ledger, Lease]]:
    """The ledger under its lease. A backfill's turn is waited for, and by a backfill every other process too.

    The ledger is opened anew each time it is tried: what others wrote meanwhile is in it. `only_asks`: nothing will be
    claimed. Raises LeaseHeld, LedgerError, and Stopped.
    """
    holder = owner() + (_BACKFILL if is_backfill else "")
    began, is_told = parts.clock.monotonic(), False
    while True:
        with parts.open_ledger() as ledger:
            try:
                lease = ledger.take_lease(holder, ttl_s=ttl_s, only_asks=only_asks)
            except LeaseHeld as held:
                waited = parts.clock.monotonic() - began
                if waited >= _patience(held.holder, is_backfill=is_backfill):
                    raise
                if held.holder and not is_told:
                    notify(f"{held.holder} delivers; this waits for its turn.")
                    is_told = True
            else:
                try:
                    yield ledger, lease
                finally:
                    ledger.release_lease(lease)
                return
        if is_stopping():
            raise Stopped
        parts.clock.sleep(LOOK_S)


def _patience(holder: str, *, is_backfill: bool) -> float:
    """How long that holder is waited for, in seconds."""
    if is_backfill:
        return float("inf")
    if not holder:
        return _CHANGE_S
    return PATIENCE_S if holder.endswith(_BACKFILL) else 0.0
