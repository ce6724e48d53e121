"""A driver's error as one sentence for people: what happened, where, what to do.

Drivers' texts may hold values, statements and passwords; they are never passed on. What an error is, is told by
its code alone: SQLite's result name, PostgreSQL's SQLSTATE.
"""

from connector.errors import LedgerError

_STOP = "Nothing was sent on its account."

_SQLITE = (
    ("SQLITE_BUSY", "is locked by another process", "Wait until the other run has ended, then run again."),
    ("SQLITE_LOCKED", "is locked by another process", "Wait until the other run has ended, then run again."),
    (
        "SQLITE_READONLY",
        "cannot be written: it, or its folder, is read-only",
        "Give this user the right to write there.",
    ),
    (
        "SQLITE_PERM",
        "cannot be written: this user has no right to",
        "Give this user the right to write there.",
    ),
    (
        "SQLITE_FULL",
        "cannot be written: the disk (or the file's size limit) is full",
        "Make room, then run again.",
    ),
    (
        "SQLITE_IOERR",
        "cannot be read or written: the disk reports an error, or is full",
        "Look at the disk, then run again.",
    ),
    ("SQLITE_CORRUPT", "is damaged", "Restore it from a copy and reconcile before anything is sent."),
    (
        "SQLITE_NOTADB",
        "is not a ledger, or is damaged",
        "Check the ledger's `url`, or restore the file from a copy.",
    ),
    (
        "SQLITE_CANTOPEN",
        "cannot be opened",
        "Check that the folder exists and that this user may read and write there.",
    ),
)

_POSTGRES = (
    ("08", "cannot be reached", "Check the server and the network."),
    ("28", "refuses the user or the password", "Check the ledger's `url`."),
    ("3D", "does not exist on that server", "Create the database, or check the ledger's `url`."),
    ("25006", "is read-only", "Use the server that may be written."),
    ("25P03", "ended a transaction in which this process slept too long", "Run again."),
    ("42501", "refuses this user a right it needs", "Grant the user the tables of the ledger."),
    ("53", "cannot be written: the server has no room or memory left", "Make room there, then run again."),
    ("55P03", "is locked by another process", "Wait until the other run has ended, then run again."),
    ("40", "was written by somebody else at the same moment", "Run again."),
    ("57", "was shut down or stopped the statement", "Run again when the server is up."),
    ("58", "reports an error of its disk", "Look at the server, then run again."),
    ("XX", "is damaged", "Restore it from a copy and reconcile before anything is sent."),
)

_LASTING = (
    "SQLITE_READONLY",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
    "08",
    "25P03",
    "53",
    "57",
    "58",
    "XX",
)


class Conflict(LedgerError):
    """A unique index refused a row."""


class Unwritable(LedgerError):
    """The store failed in a way that trying again in this process cannot mend."""


def explain(error: Exception, place: str) -> LedgerError:
    """The LedgerError that stands for a driver's error. `place` names the ledger without its password."""
    origin = getattr(error, "orig", None) or error
    name = str(getattr(origin, "sqlite_errorname", "") or "")
    state = str(getattr(origin, "sqlstate", "") or "")
    if name.startswith("SQLITE_CONSTRAINT") or state.startswith("23"):
        return Conflict(f"The ledger {place} refused a row that stands there already. {_STOP}")
    code, table = (name, _SQLITE) if name else (state, _POSTGRES)
    for start, what, remedy in table:
        if code and code.startswith(start):
            kind = Unwritable if code.startswith(_LASTING) else LedgerError
            return kind(f"The ledger {place} {what}. {_STOP} {remedy}")
    if not code and type(origin).__name__ == "OperationalError":
        return Unwritable(f"The ledger {place} {_unreached(str(origin))}")
    return LedgerError(f"The ledger {place} failed ({code or type(origin).__name__}). {_STOP}")


def _unreached(text: str) -> str:
    """Why no connection was made. psycopg gives no code then, only a text, which is searched and not shown."""
    if "authentication failed" in text or "no password supplied" in text or 'role "' in text:
        return f"refuses the user or the password. {_STOP} Check the ledger's `url`."
    if 'database "' in text:
        return f"does not exist on that server. {_STOP} Create the database, or check the ledger's `url`."
    return f"cannot be reached. {_STOP} Check the server, its name and the network."
