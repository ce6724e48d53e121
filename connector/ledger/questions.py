"""Questions: what only a person can choose for a visit, with the candidates, until somebody has answered.

One open question a visit and kind. Candidates are what the platform told of people, so they are sealed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.decisions import Decision, Decisions
from connector.ledger.moments import to_iso, to_ms
from connector.ledger.names import mapping_id
from connector.ledger.seal import Seal

_QUESTION = (
    "SELECT q.id, q.visit_id, v.number, v.key, q.kind, q.asked_at, q.answered_at, q.decision_id, q.sealed "
    "FROM question q JOIN visit v ON v.id = q.visit_id "
)


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question about a visit: `kind` (injury, application, …), and the candidates as the platform told them.

    `answered_at` is "" while nobody has answered; `chosen` is then empty.
    """

    id: int
    visit_id: int
    number: str = field(repr=False)
    key: str = field(repr=False)
    kind: str
    asked_at: str
    answered_at: str
    decision_id: int | None
    candidates: tuple[Mapping[str, object], ...] = field(repr=False)
    chosen: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Questions:
    """Keeps questions and their answers."""

    database: Database
    seal: Seal = field(repr=False)
    decisions: Decisions
    now: Callable[[], datetime]

    def ask(self, visit_id: int, kind: str, candidates: Sequence[Mapping[str, object]]) -> int:
        """Ask, or bring the candidates of the open question up to date; returns its number."""
        with self.database.writing() as link:
            row = link.one(
                "SELECT id FROM question WHERE visit_id = ? AND kind = ? AND answered_at IS NULL",
                visit_id,
                kind,
            )
            if row is not None:
                sealed = self._seal(row[0], candidates, {})
                link.run("UPDATE question SET sealed = ? WHERE id = ?", sealed, row[0])
                return int(row[0])
            number = int(link.rows("SELECT COALESCE(MAX(id), 0) + 1 FROM question")[0][0])
            link.run(
                "INSERT INTO question (id, visit_id, kind, asked_at, sealed) VALUES (?, ?, ?, ?, ?)",
                *(number, visit_id, kind, to_ms(self.now()), self._seal(number, candidates, {})),
            )
            return number

    def answer(self, question_id: int, chosen: Mapping[str, object], decision: Decision) -> None:
        """Answer an open question, with who chose and why, in one transaction. Raises LedgerError when it is not open."""
        with self.database.writing() as link:
            row = link.one(_QUESTION + "WHERE q.id = ? AND q.answered_at IS NULL", question_id)
            if row is None:
                raise LedgerError(f"Question {question_id} is not open. Nothing was written.")
            number = self.decisions.write(link, decision, is_done=True)
            link.run(
                "UPDATE question SET answered_at = ?, decision_id = ?, sealed = ? WHERE id = ?",
                *(to_ms(self.now()), number, self._seal(question_id, self._read(row).candidates, chosen)),
                question_id,
            )

    def withdraw(self, visit_id: int, kind: str) -> None:
        """Forget the open question of a kind: it answered itself (the HIS, or the platform, tells by now)."""
        with self.database.writing() as link:
            link.run(
                "DELETE FROM question WHERE visit_id = ? AND kind = ? AND answered_at IS NULL", visit_id, kind
            )

    def open(self, visits: str) -> list[KeptQuestion]:
        """The open questions about the visits of a visits mapping, the oldest first."""
        with self.database.reading() as link:
            rows = link.rows(
                _QUESTION + "WHERE v.mapping_id = ? AND q.answered_at IS NULL ORDER BY q.id",
                mapping_id(link, visits),
            )
        return [self._read(row) for row in rows]

    def of(self, visit_id: int) -> list[KeptQuestion]:
        """All questions about a visit, answered or not, the oldest first."""
        with self.database.reading() as link:
            rows = link.rows(_QUESTION + "WHERE q.visit_id = ? ORDER BY q.id", visit_id)
        return [self._read(row) for row in rows]

    def _seal(
        self, number: int, candidates: Sequence[Mapping[str, object]], chosen: Mapping[str, object]
    ) -> bytes:
        said = {"candidates": [dict(one) for one in candidates], "chosen": dict(chosen)}
        return self.seal.seal("question", number, json.dumps(said, ensure_ascii=False, default=str).encode())

    def _read(self, row: tuple[Any, ...]) -> KeptQuestion:
        number, visit_id, platform_number, key, kind, asked_at, answered_at, decision_id, sealed = row
        said = json.loads(self.seal.open("question", number, sealed))
        return KeptQuestion(
            id=number,
            visit_id=visit_id,
            number=platform_number,
            key=key,
            kind=kind,
            asked_at=to_iso(asked_at),
            answered_at=to_iso(answered_at),
            decision_id=decision_id,
            candidates=tuple(said["candidates"]),
            chosen=said["chosen"],
        )
