"""Settle a batch whose answer was not a plain yes, by the platform's totals (protocol C.4); never by a resend.

Registrations are settled by whether 4.15 lists the visit, orders by the platform's overwriting, charges by the
arithmetic of `settling`. A conclusion that something is *not* on the platform needs a fence (log out, log in),
the settle time after it, and a second witness; a conclusion that it is there needs neither.
"""

from collections.abc import Generator, Sequence
from typing import Any

from connector.errors import Violation
from connector.ledger.claims import Batch, Settlement
from connector.ledger.overview import VisitDue
from connector.load.judge import Scope, is_catch_all, scope
from connector.pipeline import messages
from connector.pipeline.desk import Desk, Held, RunStopped, Waits
from connector.pipeline.settling import Explanation, Fit, explain, fits
from connector.pipeline.steps import Ask, Fence, Step, Steps, Wait
from connector.records import BatchState, Outcome, Reading, StagedRecord, Verdict, yuan

ALREADY_REGISTERED = frozenset({"51014", "310020"})
"""The platform knows this visit number already (groups (5) and (25) of 5.2)."""

NO_FEES = "91006"
"""4.12 about a visit without fees, where the platform does not answer zero (assumption A7 of the protocol)."""

LEFT = frozenset({"91004", "91005"})
"""4.12 about a visit that has left or is settled: 4.15 alone has to do (assumption A9 of the protocol)."""

_TOTALS = "totals"
"""Evidence: the platform's own totals, as the ledger keeps it."""

_NOT_THERE = "both totals are as before the batch, after fence and wait"
_WITNESSES_DIFFER = "4.15 shows the total from before the batch, 4.12 does not: a person has to look"

_DEFINITE = frozenset({Verdict.REJECTED, Verdict.RETRYABLE})


def read_total(desk: Desk, visit: VisitDue, person: str = "") -> Generator[Step, Any, Reading | None]:
    """The platform's total of the visit by 4.15; None when it does not list the visit (for that `person`)."""
    reading, _ = yield from ask_visit(desk, visit, person)
    return reading


def ask_visit(
    desk: Desk, visit: VisitDue, person: str = ""
) -> Generator[Step, Any, tuple[Reading | None, str]]:
    """What 4.15 says of a visit: its total, and the date on which the patient left, "" where it has none."""
    operation = desk.flow.totals
    outcome: Outcome = yield Ask(operation, messages.totals_body(operation, visit.number, person))
    if outcome.verdict is not Verdict.ACCEPTED and outcome.code not in messages.NOT_FOUND:
        raise Waits(f"the platform's total could not be read: {outcome.code} {outcome.message}".strip())
    reading = messages.read_totals(operation, outcome, visit.number, desk.stamp())
    if reading is not None:
        desk.ledger.keep_reading(visit.visit_id, reading)
    return reading, messages.read_left(operation, outcome, visit.number)


def resolve(desk: Desk, visit: VisitDue, batch: Batch, outcome: Outcome | None) -> Steps:
    """Settle one open batch; `outcome` is None when its process died before an answer was recorded."""
    if outcome is not None and outcome.verdict is Verdict.NOT_SENT:
        _settle(desk, batch, BatchState.RELEASED, "not_sent", "no byte of it reached the platform")
        raise Waits(f"the platform cannot be reached: {outcome.message}")
    if batch.operation == desk.flow.register.method:
        yield from _resolve_registration(desk, visit, batch, outcome)
        return
    line = next((line for line in desk.flow.lines if line.path == batch.node), None)
    if line is None:
        raise Held(
            f"batch {batch.id} is not settled, and no mapping of the pipeline fills {batch.node} any more: put it back"
        )
    records = desk.ledger.outbox.records_of(batch.id)
    if not line.repeatable:
        yield from _resolve_charges(desk, visit, batch, records, outcome)
    elif outcome is not None and outcome.verdict in _DEFINITE:
        _refuse(desk, batch, records, outcome)
    else:
        _settle(
            desk, batch, BatchState.RELEASED, "overwrites", "an order sent again overwrites itself (4.10 (4))"
        )


def _resolve_registration(desk: Desk, visit: VisitDue, batch: Batch, outcome: Outcome | None) -> Steps:
    """Settle a registration by whether the platform lists the visit, and for this person.

    Somebody else may have registered it before (by hand, for one); under another person its charges must not go.
    Returns, too, where it did not arrive: it is staged again then, and may be sent.
    """
    definite = outcome is not None and outcome.verdict in _DEFINITE
    records = desk.ledger.outbox.records_of(batch.id)
    if definite and outcome is not None and outcome.code not in ALREADY_REGISTERED:
        _refuse(desk, batch, records, outcome)
        raise Waits(f"registration refused: {outcome.code} {outcome.message}")
    person = messages.read_person(records[0].payload)
    yield Wait(desk.rules.read_lag_s, "before the total is read")
    if (yield from read_total(desk, visit, person)) is not None:
        _settle(desk, batch, BatchState.ACCEPTED, _TOTALS, "the platform lists the visit (4.15)")
        return
    if definite and outcome is not None:
        _settle(desk, batch, BatchState.RELEASED, _TOTALS, "the platform does not list the visit (4.15)")
        raise Held(
            f"the platform says {outcome.code} {outcome.message}, yet does not list the visit for this person"
        )
    yield Fence()
    yield Wait(desk.rules.settle_s, "until a late registration would have shown")
    if (yield from read_total(desk, visit, person)) is not None:
        _settle(desk, batch, BatchState.ACCEPTED, _TOTALS, "the platform lists the visit (4.15)")
        return
    _settle(desk, batch, BatchState.RELEASED, _TOTALS, "not listed after the settle time (4.15)")


def _resolve_charges(
    desk: Desk, visit: VisitDue, batch: Batch, records: Sequence[StagedRecord], outcome: Outcome | None
) -> Steps:
    """Settle a batch of charges by arithmetic (protocol C.4).

    A refusal is believed only when both totals agree that nothing of the batch is there.
    """
    if not desk.rules.measured.totals_tell:
        raise Held(
            "no plain yes to an upload, and this platform's totals are not the sums of what is sent (A8)"
        )
    refused = outcome is not None and outcome.verdict in _DEFINITE
    counts = outcome.counts if outcome is not None and outcome.verdict is Verdict.ACCEPTED else None
    yield Wait(desk.rules.read_lag_s, "before the total is read")
    found = yield from _explain(desk, visit, batch, records, counts)
    if found.fit is Fit.ALL and not refused:
        _settle(desk, batch, BatchState.ACCEPTED, _TOTALS, "the total shows the whole batch")
        return
    if refused and outcome is not None and found.fit is Fit.NONE:
        if not (yield from _approval_agrees(desk, visit, batch)):
            raise Held(_WITNESSES_DIFFER)
        _refuse(desk, batch, records, outcome)
        return
    if counts is not None and found.fit in (Fit.PART, Fit.NONE):
        _settle_part(desk, batch, records, found, counts)
        return
    if refused or counts is not None:
        raise Held(_explained(found, batch, outcome))
    yield from _settle_silence(desk, visit, batch, records, outcome)


def _settle_silence(
    desk: Desk, visit: VisitDue, batch: Batch, records: Sequence[StagedRecord], outcome: Outcome | None
) -> Steps:
    """No answer that says yes or no: fence, wait, read again, and ask the second witness before "not there"."""
    if not batch.fenced:
        yield Fence()
        yield Wait(desk.rules.settle_s, "until a late upload would have shown")
        desk.ledger.note_fenced(batch.id)
    found = yield from _explain(desk, visit, batch, records, None)
    if found.fit is Fit.ALL:
        _settle(desk, batch, BatchState.ACCEPTED, _TOTALS, "the total shows the whole batch")
        return
    if found.fit is not Fit.NONE:
        raise Held(_explained(found, batch, None))
    if desk.rules.on_doubt == "ask":
        raise Held(f"{_explained(found, batch, None)}; `on_doubt: ask` leaves the decision to a person")
    if not (yield from _approval_agrees(desk, visit, batch)):
        raise Held(_WITNESSES_DIFFER)
    if outcome is not None and is_catch_all(outcome) and (len(records) > 1 or batch.tries):
        _isolate(desk, batch, records, outcome)
        return
    if batch.tries >= desk.rules.most_releases:
        raise Held(f"the same rows were found not applied {batch.tries} times")
    _settle(desk, batch, BatchState.RELEASED, _TOTALS, _NOT_THERE)


def _isolate(desk: Desk, batch: Batch, records: Sequence[StagedRecord], outcome: Outcome) -> None:
    """The platform chokes on something of the batch: halve it; what it chokes on alone, once more, is set aside."""
    said = f"{outcome.code} {outcome.message}".strip()
    if len(records) > 1:
        _settle(desk, batch, BatchState.RELEASED, _TOTALS, _NOT_THERE, limit=len(records) // 2)
        return
    violation = Violation(
        batch.node, "refused", "", f"the platform fails at this row alone: {said}", outcome.code
    )
    quarantined = {records[0].id: (violation,)}
    desk.ledger.settle(
        [Settlement(batch.id, BatchState.REFUSED, _TOTALS, _NOT_THERE, quarantined=quarantined)]
    )
    desk.report.refused += 1


def _approval_agrees(desk: Desk, visit: VisitDue, batch: Batch) -> Generator[Step, Any, bool]:
    """Whether 4.12 too shows the total from before the batch.

    On cross-province visits it is not asked (T108); of a visit that has left it has nothing to say (A9).
    """
    if desk.flow.roll != "0":
        return True
    outcome, reading = yield from approve(desk, visit)
    if outcome.code in LEFT:
        return True
    if outcome.code == NO_FEES:
        return batch.base_total == 0
    if outcome.verdict is Verdict.REJECTED:
        raise Held(f"4.12, the second witness, is refused: {outcome.code} {outcome.message}")
    if outcome.verdict is not Verdict.ACCEPTED:
        raise Waits(
            f"the platform's second total could not be read: {outcome.code} {outcome.message}".strip()
        )
    total = reading.total if reading else 0
    return fits(total, batch.base_total or 0, desk.tolerance(visit.visit_id))


def approve(
    desk: Desk, visit: VisitDue, number: str = ""
) -> Generator[Step, Any, tuple[Outcome, Reading | None]]:
    """Approve a visit's fees (4.12): the answer and, where it was a yes, total and categories.

    Every approval has a `number` of its own (trap T123). Across provinces it may make an admission uncancellable (trap T108); whoever calls it has thought of that.
    """
    operation = desk.flow.approve
    body = messages.approval_body(operation, visit.number, number or desk.number(), desk.flow.roll)
    outcome: Outcome = yield Ask(operation, body)
    if outcome.verdict is not Verdict.ACCEPTED:
        return outcome, None
    reading = messages.read_approval(operation, outcome, desk.stamp())
    desk.ledger.keep_reading(visit.visit_id, reading)
    return outcome, reading


def _explain(
    desk: Desk, visit: VisitDue, batch: Batch, records: Sequence[StagedRecord], counts: int | None
) -> Generator[Step, Any, Explanation]:
    """Read the total and find what part of the batch explains it."""
    reading = yield from read_total(desk, visit)
    total = reading.total if reading else 0
    amounts = [record.amount for record in records]
    payloads = [record.payload for record in records]
    return explain(
        batch.base_total or 0,
        amounts,
        total,
        counts=counts,
        payloads=payloads,
        tolerance=desk.tolerance(visit.visit_id, records),
        is_atomic=desk.rules.measured.is_atomic,
    )


def _explained(found: Explanation, batch: Batch, outcome: Outcome | None) -> str:
    """One sentence on why a person has to decide."""
    said = f"the platform said {outcome.code} {outcome.message}".strip() if outcome else "no answer"
    shows = {
        Fit.ALL: "yet its total shows the whole batch",
        Fit.NONE: "and its total shows nothing of it",
        Fit.PART: f"and its total fits {len(found.part)} of its rows",
        Fit.SEVERAL: "and its total fits more than one part of it",
        Fit.NEITHER: "and no part of the batch explains the total",
    }[found.fit]
    return f"batch {batch.id} of {batch.rows} rows, {yuan(batch.amount):.2f}: {said}, {shows}"


def _refuse(desk: Desk, batch: Batch, records: Sequence[StagedRecord], outcome: Outcome) -> None:
    """The platform said no and nothing of the batch is there: halve it, set the row aside, or stop the visit."""
    reach = scope(batch.operation, outcome.code)
    said = f"{outcome.code} {outcome.message}".strip()
    if outcome.verdict is Verdict.RETRYABLE or reach is Scope.BUSY:
        _settle(desk, batch, BatchState.RELEASED, "answer", f"the platform is busy: {said}")
        raise Waits(f"the platform is busy: {said}")
    if reach in (Scope.VISIT, Scope.SETUP):
        _settle(desk, batch, BatchState.REFUSED, "answer", said)
        if reach is Scope.SETUP:
            raise RunStopped(f"the platform refuses every upload until it is set right there: {said}")
        raise Held(f"the platform refuses this visit: {said}")
    if len(records) > 1:
        _settle(desk, batch, BatchState.REFUSED, "answer", said, limit=max(1, len(records) // 2))
        return
    violation = Violation(batch.node, "refused", "", f"refused by the platform: {said}", outcome.code)
    desk.ledger.settle(
        [Settlement(batch.id, BatchState.REFUSED, "answer", said, quarantined={records[0].id: (violation,)})]
    )
    desk.report.refused += 1


def _settle_part(
    desk: Desk, batch: Batch, records: Sequence[StagedRecord], found: Explanation, counts: int
) -> None:
    """The platform itself said how many rows it saved, and exactly one part of that size fits its total."""
    kept = tuple(records[i].id for i in found.part)
    limit = max(1, len(records) // 2)
    reason = f"the platform saved {counts} of {len(records)} rows"
    if kept:
        reason = f"{reason}, and one part of that size fits its total"
        settlement = Settlement(batch.id, BatchState.ACCEPTED, "counts", reason, accepted=kept, limit=limit)
        desk.report.rows += len(kept)
        desk.report.amount += sum(records[i].amount for i in found.part)
    elif len(records) > 1:
        settlement = Settlement(batch.id, BatchState.REFUSED, "counts", reason, limit=limit)
    else:
        violation = Violation(batch.node, "not-saved", "", "the platform said yes and saved no row", "")
        quarantined = {records[0].id: (violation,)}
        settlement = Settlement(batch.id, BatchState.REFUSED, "counts", reason, quarantined=quarantined)
        desk.report.refused += 1
    desk.ledger.settle([settlement])


def _settle(
    desk: Desk, batch: Batch, state: BatchState, evidence: str, reason: str, *, limit: int = 0
) -> None:
    """Close a batch as a whole."""
    desk.ledger.settle([Settlement(batch.id, state, evidence, reason, limit=limit)])
    if evidence == _TOTALS:
        desk.report.settled += 1
    if state is BatchState.ACCEPTED and batch.operation != desk.flow.register.method:
        desk.report.batches += 1
        desk.report.rows += batch.rows
        desk.report.amount += batch.amount
