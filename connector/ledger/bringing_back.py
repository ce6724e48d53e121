"""Bring a ledger back from a copy (SQLite): the present file is kept aside, never deleted.

What was sent since the copy was made is not in it; the witness tells so at the next run.
"""

import os
from contextlib import closing, suppress
from pathlib import Path

from connector.errors import LeaseHeld, LedgerError
from connector.ledger.leases import lock_beside

_PARTS = ("", "-wal", "-shm")


def bring_back(fresh: Path, ledger: Path, aside: Path) -> bool:
    """Put `fresh` in the place of `ledger`, which is renamed to `aside`; whether there was one.

    Raises LeaseHeld while a process delivers on it, LedgerError where the files cannot be moved.
    """
    lock = lock_beside(ledger)
    if lock is None:
        raise LeaseHeld(
            f"A process is delivering on the ledger {ledger}. Nothing was changed; bring the copy back when it has ended."
        )
    with closing(lock):
        try:
            was_there = ledger.exists()
            for end in _PARTS:
                part = ledger.with_name(ledger.name + end)
                if part.exists():
                    part.rename(aside.with_name(aside.name + end))
            fresh.rename(ledger)
            _keep_folder(ledger.parent)
        except OSError as error:
            raise LedgerError(
                f"The copy cannot be put in the place of {ledger} ({os.strerror(error.errno or 0)}). What was there is "
                f"there, or is called {aside}. Nothing was sent."
            ) from None
    return was_there


def _keep_folder(folder: Path) -> None:
    """Make the new names durable, where the system can."""
    with suppress(OSError):  # Windows opens no folders
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
