"""Carry out a reset that a person approved: delete all fees of a visit on the platform, then let all be sent anew.

Deleting is harmless to repeat, but not to be overtaken by: a deletion that comes late would take with it what was
sent after it. So only a definite answer ends a reset, never a total of zero (a visit whose fees cancel out has that
too), and without an answer a fence and the settle time come before it is repeated (protocol C.7).
"""

from collections.abc import Generator
from typing import Any

from connector.ledger.claims import Batch, Intent
from connector.ledger.decisions import KeptDecision
from connector.ledger.judgements import RESET
from connector.ledger.overview import VisitDue
from connector.pipeline import messages
from connector.pipeline.desk import Desk, Held, Waits
from connector.pipeline.resolve import read_total
from connector.pipeline.settling import fits
from connector.pipeline.steps import Fence, Sent, Step, Upload, Wait
from connector.records import Outcome, Verdict, yuan

DONE = "all its fees were deleted on the platform; they are read from the HIS again and sent at the next run"

_NOTHING_LEFT = frozenset({"130004", "340004"})
"""4.11 and 4.25 about a visit without fees: as good as a yes (groups (13) and (27) of 5.2)."""

_HAS_LEFT = frozenset({"130001", "340001"})
"""4.11 and 4.25 about a visit whose patient has left."""

_DEFINITE = frozenset({Verdict.ACCEPTED, Verdict.REJECTED})
_ENDED = _DEFINITE | {Verdict.NOT_SENT, Verdict.RETRYABLE}
"""The request has had its effect, or has none: there is nothing to wait for before the next."""

_ASKS = 2
"""So often a run asks for the deletion where no answer comes."""


def approved_reset(desk: Desk, visit: VisitDue) -> KeptDecision | None:
    """The reset of a visit that waits to be carried out, or None."""
    pending = desk.ledger.pending_decisions(visit.visit_id)
    return next((one for one in pending if one.decision.kind == RESET), None)


def reset(desk: Desk, visit: VisitDue, decision: KeptDecision) -> Generator[Step, Any, str]:
    """Carry out a reset as far as it goes; returns what the visit waits for then.

    Raises Waits when the platform gives no answer, or none now; Held when it refuses, or when the visit has fees still.
    """
    batch, outcome = yield from _begin(desk, visit)
    _must_be_done(desk, batch, decision, outcome)
    total = yield from _read(desk, visit)
    if not fits(total, 0) and not batch.tries:
        yield from _fence(desk, batch)
        total = yield from _read(desk, visit)
        if not fits(total, 0):
            batch, outcome = yield from _delete(desk, visit, batch, outcome, tries=1)
            _must_be_done(desk, batch, decision, outcome)
            total = yield from _read(desk, visit)
    if not fits(total, 0):
        raise Held(
            f"the platform said that all fees of this visit are deleted, and shows {yuan(total):.2f} yuan again: "
            "delete on its web page what somebody entered there meanwhile, and the next run goes on"
        )
    desk.ledger.complete_reset(
        batch.id, decision.id, outcome, "the platform said that all fees are deleted, and its total is zero"
    )
    return DONE


def _begin(desk: Desk, visit: VisitDue) -> Generator[Step, Any, tuple[Batch, Outcome]]:
    """The deletion and its answer: that of an earlier run, where it is definite, else a new one."""
    batch: Batch | None = None
    for opened in desk.ledger.open_batches(visit.visit_id):
        if opened.is_reset:
            batch = opened
        else:
            yield from _fence(desk, opened)
    outcome = desk.ledger.answer_of(batch.id) if batch is not None else None
    if batch is not None and outcome is not None and outcome.verdict in _DEFINITE:
        return batch, outcome
    return (yield from _delete(desk, visit, batch, outcome, tries=batch.tries if batch else 0))


def _delete(
    desk: Desk, visit: VisitDue, batch: Batch | None, outcome: Outcome | None, *, tries: int
) -> Generator[Step, Any, tuple[Batch, Outcome]]:
    """Ask the platform to delete, once more if there is no answer; `batch` and `outcome` are the time before."""
    asked = 0
    while True:
        if batch is not None and (outcome is None or outcome.verdict not in _ENDED):
            yield from _fence(desk, batch)
        operation = desk.flow.invalidate
        intent = Intent(
            visit_id=visit.visit_id,
            operation=operation.method,
            node="",
            record_ids=(),
            amount=0,
            base_total=None,
            session="",
            tries=tries,
        )
        sent: Sent = yield Upload(intent, operation, messages.visit_body(operation, visit.number))
        batch, outcome = desk.ledger.batch(sent.batch_id), sent.outcome
        asked += 1
        if outcome.verdict in _ENDED or asked == _ASKS:
            return batch, outcome


def _fence(desk: Desk, batch: Batch) -> Generator[Step, Any, None]:
    """After this no request of the batch can take effect any more."""
    if not desk.ledger.batch(batch.id).fenced:
        yield Fence()
        yield Wait(desk.rules.settle_s, "until a late request would have shown")
        desk.ledger.note_fenced(batch.id)


def _must_be_done(desk: Desk, batch: Batch, decision: KeptDecision, outcome: Outcome) -> None:
    """Go on only after a definite yes, or "nothing to delete"."""
    said = f"{outcome.code} {outcome.message}".strip()
    if outcome.verdict not in _DEFINITE:
        raise Waits(f"its fees are to be deleted (a reset), and the platform gave no answer yet: {said}")
    if outcome.verdict is Verdict.ACCEPTED or outcome.code in _NOTHING_LEFT:
        return
    desk.ledger.refuse_reset(batch.id, decision.id, outcome, said)
    advice = ": cancel the discharge (4.14) first" if outcome.code in _HAS_LEFT else ""
    raise Held(f"the platform refuses to delete the fees of this visit ({said}){advice}; nothing was changed")


def _read(desk: Desk, visit: VisitDue) -> Generator[Step, Any, int]:
    """The platform's total; 0 where it does not list the visit."""
    yield Wait(desk.rules.read_lag_s, "before the total is read")
    reading = yield from read_total(desk, visit)
    return reading.total if reading else 0
