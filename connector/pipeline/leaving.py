"""Let a patient leave: approve the fees (4.12), hold the totals together, then send the discharge (4.13, 4.26).

`discharge` (4.12) discharges nobody, it approves (traps T1, T2); `leaveHos` (4.13) and `offsiteLeaveHos` (4.26) are
the discharge. It is claimed on the disk before its first byte, like an upload. What became of one without a plain yes
is told by the day of discharge that 4.15 shows. A second one is harmless: the platform refuses it (110010, 350011).
"""

import json
from collections.abc import Generator, Mapping
from functools import partial
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from connector.contract.spec import Operation
from connector.errors import ConnectorError
from connector.ledger.claims import Batch, Intent, Settlement
from connector.ledger.overview import VisitDue
from connector.ledger.steps import LEAVE, UNDO_LEAVE
from connector.load.judge import is_catch_all
from connector.pipeline.balance import Said
from connector.pipeline.candidates import day_of
from connector.pipeline.checklist import Departure
from connector.pipeline.departure import unheld
from connector.pipeline.desk import Desk, Held, Waits
from connector.pipeline.facts import Sitting, let_go_of
from connector.pipeline.papers import Papers
from connector.pipeline.resolve import LEFT, NO_FEES, approve, ask_visit
from connector.pipeline.settling import fits
from connector.pipeline.steps import Fence, Look, Sent, Step, Steps, Upload, Wait
from connector.records import BatchState, Outcome, Verdict, yuan

APPROVE = "approve"
"""The step that keeps what 4.12 said."""

WITHOUT_INVOICES = "let go without invoices"
"""The choice of a person who lets a visit leave whose invoices the platform has, or gets by 4.18."""

LEAVING = "leaving"
"""The step that keeps what a discharge is about to send, and afterwards why it was refused."""

_ALREADY = frozenset({"110010", "350011"})
"""The platform says that the patient has left already (groups (11) and (29) of 5.2)."""

_AGAIN = frozenset({"110008", "350014"})
"""The platform does not see the approval (yet): the next run approves anew."""

_DEFINITE = frozenset({Verdict.REJECTED, Verdict.RETRYABLE})
_TOTALS, _ANSWER = "totals", "answer"

_NO_FEES = "charge what is missing in the HIS; a visit without fees is cancelled (4.9), not discharged"
_STALE = "mend the 对照, take the charges with outdated items back (`connector changes`), and let them be sent anew"
_INVOICES = "the invoices have to come to the total of the fees; mend them in the HIS"
_PERSON = "the discharge names another person than the registration: put the HIS right"
_DAYS = "the day of discharge and the days in hospital have to fit the admission: put the HIS or the mapping right"
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "91006": _NO_FEES,
        "110011": _PERSON,
        "110012": _PERSON,
        "110013": _PERSON,
        "110016": "fees are dated after the discharge: correct their day or the day of discharge in the HIS, or take "
        "them back",
        "110017": _DAYS,
        "110018": _DAYS,
        "110019": _DAYS,
        "110020": _NO_FEES,
        "110022": _STALE,
        "110025": _INVOICES,
        "350009": _DAYS,
        "350012": _NO_FEES,
        "350013": _STALE,
        "350017": _DAYS,
        "350026": _INVOICES,
    }
)
"""What to mend where the platform refuses a discharge (groups (9), (11) and (29) of 5.2)."""


def heed_accepted(desk: Desk, visit: VisitDue) -> None:
    """Keep that a visit has left whose discharge was accepted when the run was stopped: the answer alone was kept."""
    if desk.flow.leave is None:
        return
    last = desk.ledger.steps.last(visit.visit_id, LEAVING, LEAVE, UNDO_LEAVE)
    if last is None or last.name != LEAVING or "refused" in last.details:
        return
    batch = desk.ledger.last_leaving(visit.visit_id)
    if batch is not None and batch.state is BatchState.ACCEPTED:
        _note_left(desk, visit, _ANSWER)


def must_have_nothing_late(desk: Desk, visit: VisitDue) -> None:
    """Hold a visit that has left, and of which the HIS has more to send: after the discharge nothing is taken."""
    if desk.flow.leave is None or (left := desk.ledger.steps.leaving_of(visit.visit_id)) is None:
        return
    rows = sum(len(desk.ledger.outbox.staged(visit.visit_id, line.mapping)) for line in desk.flow.lines)
    if rows:
        undo = "4.14" if desk.flow.roll == "0" else "4.27"
        raise Held(
            f"{rows} {'row' if rows == 1 else 'rows'} came after it had left (discharged on {left.details.get('discharged')}): nothing more of it "
            f"can be sent. Cancel the discharge ({undo}, `connector visit undo {visit.number} --to leave`): the next run sends "
            f"them, and `connector visit leave {visit.number}` lets it leave again"
        )


def close_if_open_again(sitting: Sitting) -> None:
    """What a person said of a visit's end holds no more once it is open in the HIS again; tell of one that has left."""
    desk, visit = sitting.desk, sitting.visit
    if not visit.is_open:
        return
    if sitting.let_go is not None:
        desk.ledger.finish_decision(sitting.let_go.id)
        sitting.let_go = None
        desk.report.warn(
            visit, "it was let go and is open in the HIS again: when it has ended, it has to be let go anew"
        )
    if sitting.has_left:
        desk.report.warn(visit, "it has left at the platform and is open in the HIS again")


def go_through_list(sitting: Sitting) -> Steps:
    """Find what stands against leaving, with the platform's total of now; take note where it has left by other hands.

    Raises Held where it has left on another day than the HIS says, or where the platform's total is not the ledger's;
    Waits where the HIS cannot be read.
    """
    desk, visit = sitting.desk, sitting.visit
    reading, left = yield from ask_visit(desk, visit)
    total, base = reading.total if reading else 0, desk.ledger.platform_base(visit.visit_id)
    if not fits(total, base, desk.tolerance(visit.visit_id)):
        raise Held(
            f"the platform holds {yuan(total):.2f}, the ledger {yuan(base):.2f}: somebody else changed this visit"
        )
    said = Said(reading.total if reading else None, desk.stamp())
    is_bare = sitting.let_go is not None and sitting.let_go.decision.choice == WITHOUT_INVOICES
    found: Departure | ConnectorError = yield Look(
        partial(desk.examine, unheld(visit), said, without_invoices=is_bare)
    )
    if isinstance(found, ConnectorError):
        raise Waits(f"what it leaves with could not be read: {found}")
    sitting.departure = found
    if left:
        _must_be_that_day(left, found.discharged)
        _keep(sitting, {"how": "by other hands", "discharged": found.discharged, "invoices": []})
        desk.report.warn(
            visit,
            f"it had left at the platform already, on {found.discharged}, by other hands: look on its web page whether "
            "its medical record and invoices are there",
        )


def approve_fees(sitting: Sitting) -> Steps:
    """Approve the fees; HIS, ledger and 4.12 have to say the same total (traps T121, T122).

    Raises Held with the numbers where they do not, or where 4.12 is refused; Waits without an answer.
    """
    desk, visit = sitting.desk, sitting.visit
    departure = _departure(sitting)
    number = desk.number()
    outcome, reading = yield from approve(desk, visit, number)
    said = f"{outcome.code} {outcome.message}".strip()
    if outcome.code in LEFT or outcome.code == NO_FEES or outcome.verdict is Verdict.REJECTED:
        raise Held(f"the fees are not approved (4.12): {_advised(outcome)}")
    if reading is None:
        raise Waits(f"its fees could not be approved (4.12) yet: {said}")
    ledger, his = desk.ledger.platform_base(visit.visit_id), departure.checklist.his
    tolerance = desk.tolerance(visit.visit_id)
    if not (
        fits(reading.total, ledger, tolerance) and fits(reading.total, his + departure.others, tolerance)
    ):
        raise Held(
            f"4.12 approves {yuan(reading.total):.2f}, the ledger says {yuan(ledger):.2f} and the HIS {yuan(his):.2f}: "
            f"it does not leave{_by_category(departure, dict(reading.categories))}"
        )
    categories = {name: f"{yuan(amount):f}" for name, amount in reading.categories}
    details = {"number": number, "total": f"{yuan(reading.total):f}", "categories": categories}
    desk.ledger.steps.note(visit.visit_id, APPROVE, desk.flow.approve.method, details)
    sitting.approved = reading.total


def leave(sitting: Sitting) -> Steps:
    """Send the discharge with its records and invoices, once; what it sends is on the disk before.

    Raises Held when the platform refuses it, Waits when nobody knows or it is busy.
    """
    desk, visit = sitting.desk, sitting.visit
    operation, papers, departure = _operation(desk), _papers(sitting), _departure(sitting)
    body = json.dumps(papers.body, ensure_ascii=False, separators=(",", ":")).encode()
    details = {
        "invoices": [one.number for one in papers.invoices],
        "invoiced": f"{yuan(sum(one.amount for one in papers.invoices)):f}",
        "total": f"{yuan(sitting.approved or 0):f}",
        "discharged": departure.discharged,
        "digest": sha256(body).hexdigest(),
        "decision": sitting.let_go.id if sitting.let_go else 0,
    }
    _must_be_another(desk, visit, details)
    desk.ledger.steps.note(visit.visit_id, LEAVING, operation.method, details)
    intent = Intent(
        visit_id=visit.visit_id,
        operation=operation.method,
        node=operation.method,
        record_ids=(),
        amount=0,
        base_total=None,
        session="",
        texts=(body,),
    )
    sent: Sent = yield Upload(intent, operation, body)
    if not sent.settled:
        yield from settle_leaving(desk, visit, desk.ledger.batch(sent.batch_id), sent.outcome)
    else:
        _note_left(desk, visit, _ANSWER)
        desk.report.left += 1
    sitting.has_left = True
    for warning in departure.checklist.warnings:
        desk.report.warn(visit, warning)


def settle_leaving(desk: Desk, visit: VisitDue, batch: Batch, outcome: Outcome | None) -> Steps:
    """Settle a discharge without a plain yes by the day of discharge that 4.15 shows; returns when it has taken effect.

    `outcome` is None when its process died before an answer was recorded. "Not there" needs a fence and the settle
    time; a refusal is believed where 4.15 agrees, because the platform may save a discharge and fail at its records.
    What the platform chokes on (99999, 1004) is no better the next time, and counts as refused when it is not there.
    Raises Held, Waits.
    """
    if outcome is not None and outcome.verdict is Verdict.NOT_SENT:
        _close(desk, batch, BatchState.RELEASED, "not_sent", "no byte of it reached the platform")
        raise Waits(f"the platform cannot be reached: {outcome.message}")
    is_definite = outcome is not None and outcome.verdict in _DEFINITE
    yield Wait(desk.rules.read_lag_s, "before the day of discharge is read")
    left = yield from _read_left(desk, visit)
    if not left and not is_definite and not batch.fenced:
        yield Fence()
        yield Wait(desk.rules.settle_s, "until a late discharge would have shown")
        desk.ledger.note_fenced(batch.id)
        left = yield from _read_left(desk, visit)
    if left:
        _take_effect(desk, visit, batch, outcome, left)
        return
    if outcome is not None and (is_definite or is_catch_all(outcome)):
        _refuse(desk, visit, batch, outcome)
    _close(desk, batch, BatchState.RELEASED, _TOTALS, "4.15 shows no day of discharge after the settle time")
    raise Waits("its discharge did not arrive; it goes again at the next run")


def _take_effect(desk: Desk, visit: VisitDue, batch: Batch, outcome: Outcome | None, left: str) -> None:
    """The visit has left: by this discharge, where the days are the same. Raises Held where they are not."""
    sent = desk.ledger.steps.last(visit.visit_id, LEAVING)
    wanted = str(sent.details.get("discharged", "")) if sent else ""
    said = (
        f"the platform said {outcome.code} {outcome.message}".strip() if outcome else "no answer was recorded"
    )
    if day_of(left) != day_of(wanted):
        _close(desk, batch, BatchState.REFUSED, _TOTALS, f"4.15 shows {left} as the day of discharge; {said}")
        _must_be_that_day(left, wanted)
    _close(desk, batch, BatchState.ACCEPTED, _TOTALS, f"4.15 shows the day of discharge; {said}")
    _note_left(desk, visit, _TOTALS)
    desk.report.settled += 1
    desk.report.left += 1
    if outcome is not None and outcome.verdict is Verdict.REJECTED and outcome.code not in _ALREADY:
        raise Held(
            f"it has left, and yet the platform says {outcome.code} {outcome.message}: look on its web page which records "
            "and invoices are there"
        )


def _refuse(desk: Desk, visit: VisitDue, batch: Batch, outcome: Outcome) -> None:
    """The platform says no, and 4.15 agrees: wait, or leave it to a person."""
    said = f"{outcome.code} {outcome.message}".strip()
    if outcome.verdict is Verdict.RETRYABLE or outcome.code in _AGAIN:
        _close(desk, batch, BatchState.RELEASED, _ANSWER, said)
        raise Waits(f"it cannot leave yet: {said}")
    _close(desk, batch, BatchState.REFUSED, _ANSWER, said)
    sent = desk.ledger.steps.last(visit.visit_id, LEAVING)
    details = {**(sent.details if sent else {}), "refused": _advised(outcome)}
    desk.ledger.steps.note(visit.visit_id, LEAVING, batch.operation, details)
    raise Held(_refused(visit, details))


def _must_be_another(desk: Desk, visit: VisitDue, details: Mapping[str, object]) -> None:
    """Raise Held where just this was refused before, and nobody has said since that it may try again."""
    last = desk.ledger.steps.last(visit.visit_id, LEAVING)
    if last is None or "refused" not in last.details:
        return
    if all(last.details.get(name) == details[name] for name in ("digest", "total", "decision")):
        raise Held(_refused(visit, last.details))


def _refused(visit: VisitDue, details: Mapping[str, object]) -> str:
    bare = "; with --without-invoices where one of those was sent before" if details.get("invoices") else ""
    return (
        f"the platform refuses its discharge: {details['refused']}. Then `connector visit leave {visit.number}` tries "
        f"again{bare}"
    )


def _advised(outcome: Outcome) -> str:
    """The platform's words, and what to mend."""
    said = f"{outcome.code} {outcome.message}".strip()
    advice = _ADVICE.get(outcome.code, "")
    return f"{said}: {advice}" if advice else said


def _must_be_that_day(left: str, discharged: str) -> None:
    """Raise Held where the platform lets the patient leave on another day than the HIS."""
    if day_of(left) != day_of(discharged):
        raise Held(
            f"the platform lists it as discharged on {left}, by other hands, and the HIS says {discharged or 'nothing'}: "
            "cancel that discharge on its web page (or by 4.14, 4.27), or put the HIS right"
        )


def _keep(sitting: Sitting, details: Mapping[str, object]) -> None:
    """The visit has left, and that was none of ours."""
    desk, visit = sitting.desk, sitting.visit
    total = f"{yuan(desk.ledger.platform_base(visit.visit_id)):f}"
    desk.ledger.steps.note(visit.visit_id, LEAVE, "", {**details, "total": total})
    _finish(desk, visit)
    sitting.has_left = True


def _note_left(desk: Desk, visit: VisitDue, how: str) -> None:
    """Keep that the visit has left, with what an undo has to know, and end the decision that let it go."""
    sent = desk.ledger.steps.last(visit.visit_id, LEAVING)
    details = dict(sent.details) if sent else {}
    kept = {name: details.get(name, "") for name in ("invoices", "invoiced", "total", "discharged")}
    desk.ledger.steps.note(visit.visit_id, LEAVE, _operation(desk).method, {**kept, "how": how})
    _finish(desk, visit)


def _finish(desk: Desk, visit: VisitDue) -> None:
    decision = let_go_of(desk, visit.visit_id)
    if decision is not None:
        desk.ledger.finish_decision(decision.id)


def _read_left(desk: Desk, visit: VisitDue) -> Generator[Step, Any, str]:
    """The day of discharge that 4.15 shows, "" where it shows none."""
    _, left = yield from ask_visit(desk, visit)
    return left


def _by_category(departure: Departure, approved: Mapping[str, int]) -> str:
    """What differs by fee category, for a person (trap T122); the platform's categories are its own."""
    ledger = {one.category: one.accepted for one in departure.categories}
    parts = [
        f"{name or 'without category'}: ledger {yuan(ledger.get(name, 0)):.2f}, 4.12 {yuan(approved.get(name, 0)):.2f}"
        for name in sorted({*ledger, *approved})
        if not fits(approved.get(name, 0), ledger.get(name, 0))
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def _close(desk: Desk, batch: Batch, state: BatchState, evidence: str, reason: str) -> None:
    desk.ledger.settle([Settlement(batch.id, state, evidence, reason)])


def _operation(desk: Desk) -> Operation:
    if desk.flow.leave is None:
        raise Held("its discharge is not settled, and the pipeline names no `leave` any more: put it back")
    return desk.flow.leave


def _departure(sitting: Sitting) -> Departure:
    if sitting.departure is None:
        raise ValueError("a visit leaves after its checklist")
    return sitting.departure


def _papers(sitting: Sitting) -> Papers:
    papers = _departure(sitting).papers
    if papers is None:
        raise ValueError("a visit leaves with papers")
    return papers
