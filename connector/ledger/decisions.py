"""Decisions of people: what was decided, by whom, why, and with which numbers in front of them.

The reason and the numbers are sealed: people write names into reasons. A decision that another step carries out
is pending until that step says it is done; nothing of it is ever changed or deleted otherwise.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.errors import LedgerError
from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.moments import to_iso, to_ms
from connector.ledger.seal import Seal

_DECISION = "SELECT id, at, who, kind, visit_id, batch_id, choice, done_at, sealed FROM decision "


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided: `kind` names the question (`batch`, `reset`, …), `choice` the answer to it.

    `numbers` are what they saw: amounts in yuan as exact text, counts, other texts.
    """

    kind: str
    choice: str
    who: str
    reason: str = field(repr=False)
    visit_id: int | None = None
    batch_id: int | None = None
    numbers: Mapping[str, int | str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision as the ledger keeps it; `done_at` is "" while it waits to be carried out."""

    id: int
    at: str
    done_at: str
    decision: Decision

    @property
    def is_pending(self) -> bool:
        """Whether it still waits to be carried out."""
        return not self.done_at


@dataclass(frozen=True, slots=True)
class Decisions:
    """Keeps what people decided."""

    database: Database
    seal: Seal = field(repr=False)
    now: Callable[[], datetime]

    def keep(self, decision: Decision, *, is_done: bool) -> int:
        """Keep a decision; returns its number."""
        with self.database.writing() as link:
            return self.write(link, decision, is_done=is_done)

    def write(self, link: Link, decision: Decision, *, is_done: bool) -> int:
        """Keep a decision within a transaction that also does what was decided."""
        at = to_ms(self.now())
        number = int(link.rows("SELECT COALESCE(MAX(id), 0) + 1 FROM decision")[0][0])
        said = json.dumps({"reason": decision.reason, "numbers": dict(decision.numbers)}).encode()
        link.run(
            "INSERT INTO decision (id, at, who, kind, visit_id, batch_id, choice, done_at, sealed) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(number, at, decision.who, decision.kind, decision.visit_id, decision.batch_id),
            *(decision.choice, at if is_done else None, self.seal.seal("decision", number, said)),
        )
        return number

    def finish(self, decision_id: int) -> None:
        """A pending decision is carried out. Raises LedgerError when there is none of that number that waits."""
        with self.database.writing() as link:
            self.mark_done(link, decision_id)

    def mark_done(self, link: Link, decision_id: int) -> None:
        """The same, within a transaction that also does what was decided."""
        touched = link.run(
            "UPDATE decision SET done_at = ? WHERE id = ? AND done_at IS NULL", to_ms(self.now()), decision_id
        )
        if not touched:
            raise LedgerError(f"Decision {decision_id} does not wait to be carried out. Nothing was written.")

    def pending(self, visit_id: int) -> list[KeptDecision]:
        """A visit's decisions that wait to be carried out, in the order they were made."""
        with self.database.reading() as link:
            rows = link.rows(_DECISION + "WHERE visit_id = ? AND done_at IS NULL ORDER BY id", visit_id)
        return [self._read(row) for row in rows]

    def history(self, visit_id: int | None, limit: int) -> list[KeptDecision]:
        """The last decisions, of all visits or of one, the newest first."""
        with self.database.reading() as link:
            rows = (
                link.rows(_DECISION + "ORDER BY id DESC LIMIT ?", limit)
                if visit_id is None
                else link.rows(_DECISION + "WHERE visit_id = ? ORDER BY id DESC LIMIT ?", visit_id, limit)
            )
        return [self._read(row) for row in rows]

    def _read(self, row: tuple[Any, ...]) -> KeptDecision:
        number, at, who, kind, visit_id, batch_id, choice, done_at, sealed = row
        said = json.loads(self.seal.open("decision", number, sealed))
        decision = Decision(kind, choice, who, said["reason"], visit_id, batch_id, said["numbers"])
        return KeptDecision(number, to_iso(at), to_iso(done_at), decision)
