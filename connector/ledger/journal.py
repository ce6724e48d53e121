"""The call journal: every request and every answer, sealed, found by visit, interface, time and outcome.

Only what it is searched by stands in the open. Numbers of invoices are kept beside it for good, as keyed digests.
"""

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.moments import to_iso, to_ms
from connector.ledger.seal import Seal
from connector.records import Exchange, Verdict

_COLUMNS = ("id", "at", "operation", "visit", "verdict", "code", "batch_id", "sealed")
_ENTRY = (
    "SELECT j.id, j.at, j.operation, j.visit, j.verdict, j.code, j.batch_id, j.sealed, "
    'b."rows", b.amount FROM journal j LEFT JOIN batch b ON b.id = j.batch_id '
)
_END = b"\n"
_PORTION = 2000
"""So many entries are deleted in one transaction: nobody waits long for it."""

_MOST_PORTIONS = 20
"""So many portions at the end of one run; the next run goes on."""

_MAY_BE_USED = frozenset({Verdict.ACCEPTED, Verdict.IN_DOUBT, Verdict.SESSION_LOST})
"""After these the platform may know an invoice's number; a definite no, or nothing sent, uses none up."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; an empty part is any. `visit` is the platform's number or the HIS's key."""

    visit: str = field(default="", repr=False)
    operations: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. `rows` and `amount` (scaled by 4) are those of its batch, None where it carried none."""

    id: int
    at: str
    exchange: Exchange
    rows: int | None
    amount: int | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class InvoiceUse:
    """An invoice's number that was sent: when, by which interface, for which visit, and what came of it."""

    at: str
    operation: str
    visit: str = field(repr=False)
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Journal:
    """Keeps, finds and forgets calls."""

    database: Database
    seal: Seal = field(repr=False)
    now: Callable[[], datetime]

    def keep(self, exchanges: Sequence[Exchange]) -> None:
        """Write calls down, in their order."""
        if not exchanges:
            return
        with self.database.writing() as link:
            first = int(link.rows("SELECT COALESCE(MAX(id), 0) + 1 FROM journal")[0][0])
            link.insert("journal", _COLUMNS, [self._row(first + n, one) for n, one in enumerate(exchanges)])
            for one in exchanges:
                if one.invoices and one.verdict in _MAY_BE_USED:
                    self._keep_invoices(link, one)

    def missing(self, batch_ids: Collection[int], since: datetime) -> list[int]:
        """Those of these batches whose call is not in the journal; none of them was claimed before `since`."""
        with self.database.reading() as link:
            found = link.rows("SELECT batch_id FROM journal WHERE at >= ?", to_ms(since))
        known = {batch_id for (batch_id,) in found}
        return [batch_id for batch_id in batch_ids if batch_id not in known]

    def find(self, search: Search, limit: int) -> list[Entry]:
        """The last calls that fit, the newest first."""
        return self._read(search, [], "ORDER BY j.id DESC LIMIT ?", limit)

    def after(self, search: Search, entry_id: int, limit: int) -> list[Entry]:
        """The first calls that fit and stand behind entry `entry_id`, in their order."""
        return self._read(search, [("j.id > ?", entry_id)], "ORDER BY j.id LIMIT ?", limit)

    def show(self, entry_id: int) -> Entry:
        """One call. Raises LedgerError when there is none of that number."""
        found = self._read(Search(), [("j.id = ?", entry_id)], "LIMIT ?", 1)
        if not found:
            raise LedgerError(
                f"There is no entry {entry_id} in the journal: it never was, or it is older than `journal.keep_days`."
            )
        return found[0]

    def trim(self, before: datetime) -> int:
        """Delete older entries, in portions; returns how many. The newest stays, so that no number comes twice.

        Nothing depends on it: where it fails, the next run tries again.
        """
        deleted = 0
        with suppress(LedgerError):
            for _ in range(_MOST_PORTIONS):
                with self.database.writing() as link:
                    portion = link.run(
                        "DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE at < ? "
                        "AND id < (SELECT MAX(id) FROM journal) ORDER BY at LIMIT ?)",
                        *(to_ms(before), _PORTION),
                    )
                deleted += portion
                if portion < _PORTION:
                    break
        return deleted

    def invoice(self, number: str) -> InvoiceUse | None:
        """When an invoice's number was sent, None if it never was."""
        with self.database.reading() as link:
            row = link.one(
                "SELECT at, operation, visit, verdict FROM invoice WHERE digest = ?", self._digest(number)
            )
        return None if row is None else InvoiceUse(to_iso(row[0]), row[1], row[2], Verdict(row[3]))

    def _row(self, entry_id: int, one: Exchange) -> tuple[object, ...]:
        sealed = self.seal.seal("journal", entry_id, _pack(one))
        stands = (_printable(one.visit), one.verdict.value, _printable(one.code), one.batch_id)
        return (entry_id, to_ms(one.at), one.operation, *stands, sealed)

    def _keep_invoices(self, link: Link, one: Exchange) -> None:
        """Remember numbers; a later use takes the place of an earlier one."""
        digests = [self._digest(number) for number in one.invoices]
        link.run("DELETE FROM invoice WHERE digest IN (??)", digests)
        link.insert(
            "invoice",
            ("digest", "at", "operation", "visit", "verdict"),
            [
                (digest, to_ms(one.at), one.operation, _printable(one.visit), one.verdict.value)
                for digest in dict.fromkeys(digests)
            ],
        )

    def _digest(self, number: str) -> str:
        return self.seal.digest(b"invoice|" + number.strip().encode("utf-8", "surrogatepass"))

    def _read(self, search: Search, more: list[tuple[str, object]], end: str, limit: int) -> list[Entry]:
        parts = [*_conditions(search), *((condition, (value,)) for condition, value in more)]
        where = "WHERE " + " AND ".join(condition for condition, _ in parts) + " " if parts else ""
        values = [value for _, some in parts for value in some]
        with self.database.reading() as link:
            rows = link.rows(_ENTRY + where + end, *values, limit)
        return [self._entry(row) for row in rows]

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        entry_id, at, operation, visit, verdict, code, batch_id, sealed, rows, amount = row
        line, _, rest = self.seal.open("journal", entry_id, sealed).partition(_END)
        head = json.loads(line)
        exchange = Exchange(
            at=datetime.fromisoformat(to_iso(at)),
            operation=operation,
            visit=visit,
            verdict=Verdict(verdict),
            code=code,
            message=head["message"],
            request=rest[: head["request"]],
            answer=rest[head["request"] :],
            duration_ms=head["ms"],
            batch_id=batch_id,
        )
        return Entry(entry_id, to_iso(at), exchange, rows, amount)


def _conditions(search: Search) -> list[tuple[str, tuple[object, ...]]]:
    """What a search asks for, each with its values."""
    found: list[tuple[str, tuple[object, ...]]] = []
    if search.visit:
        either = (
            "j.visit = ? OR (j.visit <> '' AND j.visit IN (SELECT v.number FROM visit v WHERE v.key = ?))"
        )
        found.append((f"({either})", (search.visit, search.visit)))
    if search.operations:
        found.append(("j.operation IN (??)", (list(search.operations),)))
    if search.verdicts:
        found.append(("j.verdict IN (??)", ([verdict.value for verdict in search.verdicts],)))
    if search.since is not None:
        found.append(("j.at >= ?", (to_ms(search.since),)))
    if search.until is not None:
        found.append(("j.at < ?", (to_ms(search.until),)))
    return found


def _pack(one: Exchange) -> bytes:
    """A line of JSON with what is small and how long the request is; then the request, then the answer."""
    head = {"message": one.message, "ms": one.duration_ms, "request": len(one.request)}
    return json.dumps(head).encode() + _END + one.request + one.answer


def _printable(text: str) -> str:
    """What every database takes: a code comes from the platform, and may be anything."""
    return text if text.isascii() and text.isprintable() else "".join(c for c in text if c.isprintable())
