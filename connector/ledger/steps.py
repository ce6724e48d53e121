"""Steps: what was done, or undone, for a visit beyond its rows: lookups, approvals, leaving, documents.

Only ever added to: an undone step is another step. Details are sealed; they hold what the platform answered.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.moments import to_iso, to_ms
from connector.ledger.names import mapping_id
from connector.ledger.seal import Seal

LEAVE, UNDO_LEAVE = "leave", "undo_leave"
"""The steps by which a patient leaves and is back; the last of them says where the visit stands."""

VOID_FEES, UNDO_REGISTER = "void_fees", "undo_register"
"""The steps by which fees and registration were taken back: nothing of the visit is sent after them, until `AGAIN`."""

SET_ASIDE = "set_aside"
"""A person said that a visit, which is not registered, is not for the platform: nothing of it is sent, until `AGAIN`."""

AGAIN = "again"
"""A person let a visit go of which something was taken back, or that was set aside: it is registered and sent again."""

SET_ASIDE_VISITS = (
    f"SELECT p.visit_id FROM step p WHERE p.name = '{SET_ASIDE}' AND NOT EXISTS "  # noqa: S608 - fixed text
    f"(SELECT 1 FROM step q WHERE q.visit_id = p.visit_id AND q.name = '{AGAIN}' AND q.id > p.id)"
)
"""A query for the ids of the visits that are set aside."""

UNDOS = (UNDO_LEAVE, VOID_FEES, UNDO_REGISTER)


@dataclass(frozen=True, slots=True)
class KeptStep:
    """One step of a visit: its `name`, the `operation` (method) that did it, or "", and what has to be remembered."""

    id: int
    visit_id: int
    at: str
    name: str
    operation: str
    details: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Steps:
    """Keeps the steps of visits."""

    database: Database
    seal: Seal = field(repr=False)
    now: Callable[[], datetime]

    def note(self, visit_id: int, name: str, operation: str, details: Mapping[str, object]) -> int:
        """Keep a step; returns its number. `details` are JSON values."""
        with self.database.writing() as link:
            return self.write(link, visit_id, name, operation, details)

    def write(
        self, link: Link, visit_id: int, name: str, operation: str, details: Mapping[str, object]
    ) -> int:
        """The same, within a transaction that also does what the step is about."""
        number = int(link.rows("SELECT COALESCE(MAX(id), 0) + 1 FROM step")[0][0])
        said = json.dumps(dict(details), ensure_ascii=False, default=str).encode()
        link.run(
            "INSERT INTO step (id, visit_id, at, name, operation, sealed) VALUES (?, ?, ?, ?, ?, ?)",
            *(number, visit_id, to_ms(self.now()), name, operation, self.seal.seal("step", number, said)),
        )
        return number

    def of(self, visit_id: int) -> list[KeptStep]:
        """A visit's steps, the oldest first."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT id, visit_id, at, name, operation, sealed FROM step WHERE visit_id = ? ORDER BY id",
                visit_id,
            )
        return [self._read(row) for row in rows]

    def named(self, name: str, visits: str) -> list[KeptStep]:
        """The steps of this name of all visits of a visits mapping, the oldest first."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT s.id, s.visit_id, s.at, s.name, s.operation, s.sealed FROM step s JOIN visit v ON v.id = s.visit_id "
                "WHERE s.name = ? AND v.mapping_id = ? ORDER BY s.id",
                name,
                mapping_id(link, visits),
            )
        return [self._read(row) for row in rows]

    def leaving_of(self, visit_id: int) -> KeptStep | None:
        """The step by which the visit has left, None where it has not, or is back."""
        last = self.last(visit_id, LEAVE, UNDO_LEAVE)
        return last if last is not None and last.name == LEAVE else None

    def last(self, visit_id: int, *names: str) -> KeptStep | None:
        """A visit's last step of one of these names, None where it has none."""
        with self.database.reading() as link:
            row = link.one(
                "SELECT id, visit_id, at, name, operation, sealed FROM step WHERE visit_id = ? AND name IN (??) "
                "ORDER BY id DESC LIMIT 1",
                visit_id,
                list(names),
            )
        return None if row is None else self._read(row)

    def let_go(self, link: Link, visit_id: int) -> None:
        """What was taken back of a visit may go again, if anything was; so may one that was set aside."""
        if is_taken_back(link, visit_id) or is_set_aside(link, visit_id):
            self.write(link, visit_id, AGAIN, "", {})

    def _read(self, row: tuple[Any, ...]) -> KeptStep:
        number, visit_id, at, name, operation, sealed = row
        details: Mapping[str, object] = json.loads(self.seal.open("step", number, sealed))
        return KeptStep(number, visit_id, to_iso(at), name, operation, details)


def is_taken_back(link: Link, visit_id: int) -> bool:
    """Whether fees or registration of a visit were taken back, and nobody has let it go since."""
    row = link.one(
        "SELECT name FROM step WHERE visit_id = ? AND name IN (??) ORDER BY id DESC LIMIT 1",
        *(visit_id, [VOID_FEES, UNDO_REGISTER, AGAIN]),
    )
    return row is not None and row[0] != AGAIN


def is_set_aside(link: Link, visit_id: int) -> bool:
    """Whether a person set a visit aside, and nobody has let it go since."""
    row = link.one(
        "SELECT name FROM step WHERE visit_id = ? AND name IN (??) ORDER BY id DESC LIMIT 1",
        *(visit_id, [SET_ASIDE, AGAIN]),
    )
    return row is not None and row[0] == SET_ASIDE


def visits_set_aside(link: Link, among: Collection[int] | None = None) -> set[int]:
    """The ids of the visits (or of those `among` them) that a person set aside, and nobody has let go since."""
    if among is None:
        return {visit_id for (visit_id,) in link.rows(SET_ASIDE_VISITS)}
    return {visit_id for (visit_id,) in link.rows(SET_ASIDE_VISITS + " AND p.visit_id IN (??)", list(among))}
