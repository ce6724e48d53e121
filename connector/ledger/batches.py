"""Batches as values: one that is wanted, and one that is on disk."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.errors import LedgerError
from connector.ledger.tables import PHASES, Phase
from connector.records import BatchState

BATCH = (
    'SELECT id, visit_id, operation, node, "rows", amount, base_total, state, tries, fenced_at FROM batch '
)
"""The beginning of a query whose rows `read_batch` reads."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A batch that is wanted: `amount` is the sum of its records, `base_total` the platform's total before it.

    `base_total` is None where the call has no total (registrations, orders); `session` a digest of the session.
    Without records and without a `node` it is a reset, and `tries` says how often the visit was not empty after one;
    without records and with a node it is the visit's leaving. `texts`: what is sent of the records, where look-ups
    completed what was staged, or of a leaving, which has none.
    """

    visit_id: int
    operation: str
    node: str
    record_ids: tuple[int, ...]
    amount: int = field(repr=False)
    base_total: int | None = field(repr=False)
    session: str
    tries: int = 0
    texts: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def is_reset(self) -> bool:
        """Whether it deletes what others added (protocol C.7)."""
        return not self.record_ids and not self.node


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was claimed.

    `tries`: how often these rows were already found not applied by the totals; `fenced`: no late request of it can
    come any more (`note_fenced`).
    """

    id: int
    visit_id: int
    operation: str
    node: str
    rows: int
    amount: int = field(repr=False)
    base_total: int | None = field(repr=False)
    state: BatchState
    tries: int
    fenced: bool = False

    @property
    def is_reset(self) -> bool:
        """Whether it deletes what others added (protocol C.7)."""
        return not self.rows and not self.node

    @property
    def is_leaving(self) -> bool:
        """Whether the patient leaves by it: it adds no rows, and while it is open nothing else is claimed."""
        return not self.rows and bool(self.node)


def make_batch(batch_id: int, intent: Intent, tries: int) -> Batch:
    """The batch that an intent becomes."""
    return Batch(
        id=batch_id,
        visit_id=intent.visit_id,
        operation=intent.operation,
        node=intent.node,
        rows=len(intent.record_ids),
        amount=intent.amount,
        base_total=intent.base_total,
        state=BatchState.CLAIMED,
        tries=tries,
    )


def read_batch(row: Sequence[Any]) -> Batch:
    """A batch out of a row of `BATCH`."""
    batch_id, visit_id, operation, node, rows, amount, base_total, phase, tries, fenced_at = row
    state = PHASES[Phase(phase)]
    return Batch(
        batch_id, visit_id, operation, node, rows, amount, base_total, state, tries, fenced_at is not None
    )


def check_open(*counts: int) -> None:
    """Raise LedgerError unless the counts are equal: as many batches are open as were named."""
    if len(set(counts)) != 1:
        raise LedgerError(
            "A batch that was to be settled is not open: it was settled before. Nothing was written."
        )
