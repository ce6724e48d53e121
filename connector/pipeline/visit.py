"""One visit's way to the platform: register, orders, charges, and the check of its total.

Each function is a generator of steps (`connector.pipeline.steps`); the delivery loop runs many of them at
once. The rules are those of the delivery protocol; `resolve` settles what was not a plain yes.
"""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.contract.spec import Lookup
from connector.errors import PlatformError
from connector.ledger.claims import Batch, Intent
from connector.ledger.overview import VisitDue
from connector.pipeline import messages
from connector.pipeline.compose import compose
from connector.pipeline.desk import Desk, Held, Line, Waits
from connector.pipeline.facts import REGISTRATION, Sitting, gather, sit_down
from connector.pipeline.leaving import (
    approve_fees,
    close_if_open_again,
    go_through_list,
    heed_accepted,
    leave,
    must_have_nothing_late,
    settle_leaving,
)
from connector.pipeline.lifecycle import UNCONFIRMED, Asking, Due, Waiting, next_step
from connector.pipeline.lookups import complete, look_up, must_be_plausible, note_once
from connector.pipeline.resetting import approved_reset, reset
from connector.pipeline.resolve import read_total, resolve
from connector.pipeline.restored import await_quiet, clear_untouched
from connector.pipeline.settling import fits
from connector.pipeline.steps import Sent, Step, Steps, Upload, Wait
from connector.pipeline.undo_steps import approved_undo, must_not_be_taken_back, undo
from connector.records import StagedRecord, State, Verdict, yuan

_CLEAN_AFTER_DOUBT = 3
"""After a doubt a visit goes on row by row until so many clean answers (protocol, decision 5)."""

_OLD = timedelta(minutes=10)
"""A total is read again before it is built upon when it is older than this (protocol, decision 4)."""


def deliver_visit(desk: Desk, visit: VisitDue) -> Steps:
    """Everything a visit is due for, in the order the platform wants; ends early when it has to wait."""
    yield from _carry(desk, visit, _deliver(desk, visit))


def settle_visit(desk: Desk, visit: VisitDue) -> Steps:
    """Settle what is in doubt and hold the platform's total to the ledger's sum; nothing is sent."""
    yield from _carry(desk, visit, _settle(desk, visit))


def _carry(desk: Desk, visit: VisitDue, way: Generator[Step, Any, str]) -> Steps:
    """Go a visit's way and keep what came of it: held, let go, or waiting.

    An answer that nothing can be concluded from (PlatformError) is this visit's matter alone.
    """
    name = visit.number or visit.key
    try:
        waiting = yield from way
        if visit.reason:
            desk.ledger.unhold_visit(visit.visit_id)
        if waiting:
            desk.report.waiting[name] = waiting
    except Held as held:
        desk.ledger.hold_visit(visit.visit_id, held.reason)
        desk.report.held[name] = held.reason
    except (Waits, PlatformError) as waits:
        desk.report.waiting[name] = str(waits)


def _deliver(desk: Desk, visit: VisitDue) -> Generator[Step, Any, str]:
    """Reset or take back, or settle, register, send, check; returns why some of it has to wait, or ""."""
    approved = approved_reset(desk, visit)
    if approved is not None:
        yield from await_quiet(desk, visit)
        return (yield from reset(desk, visit, approved))
    decided = approved_undo(desk, visit)
    if decided is not None:
        yield from await_quiet(desk, visit)
        return (yield from undo(desk, visit, decided))
    if visit.is_restored:
        yield from clear_untouched(desk, visit)
    if desk.ledger.undos.is_set_aside(visit.visit_id):
        return ""
    doubts = desk.ledger.open_batches(visit.visit_id)
    for batch in doubts:
        yield from _resolve(desk, visit, batch)
    heed_accepted(desk, visit)
    must_have_nothing_late(desk, visit)
    must_not_be_taken_back(desk, visit)
    _check_changes(desk, visit)
    is_registered = visit.registered or _is_accepted(desk, visit)
    sitting = sit_down(desk, visit, is_registered=is_registered, after_doubt=bool(doubts))
    close_if_open_again(sitting)
    while isinstance(found := next_step(gather(sitting), desk.lifecycle), Due):
        yield from _take(sitting, found.step)
        sitting.tried.add(found.step)
    if sitting.excess:
        raise Held(sitting.excess)
    if isinstance(found, Asking):
        raise Waits(f"a question waits for a person (its {found.kind}): see `connector decide`")
    if isinstance(found, Waiting) and not sitting.is_registered:
        raise Waits(found.reason)
    return sitting.waiting or (found.reason if isinstance(found, Waiting) else "")


def _take(sitting: Sitting, step: str) -> Steps:
    """Carry out one step that is due."""
    desk, visit = sitting.desk, sitting.visit
    match step:
        case Lookup.INJURY | Lookup.APPLICATION | Lookup.REPORT | Lookup.FILING:
            yield from look_up(sitting, Lookup(step))
        case "register":
            yield from _register(sitting)
        case "orders":
            yield from _send_all_orders(desk, visit)
        case "charges":
            yield from _send_all_charges(sitting)
        case "compare":
            yield from _check_end(desk, visit, is_sent=sitting.is_sent)
        case "checklist" | "approve" | "leave":
            yield from _LEAVING[step](sitting)
        case _:
            raise ValueError(f"no way to carry out the step “{step}”")


_LEAVING = {"checklist": go_through_list, "approve": approve_fees, "leave": leave}
"""The steps at the end of a visit."""


def _send_all_orders(desk: Desk, visit: VisitDue) -> Steps:
    """Send what is staged of every mapping of orders."""
    for line in desk.flow.lines:
        if line.repeatable:
            yield from _send_orders(desk, visit, line)


def _send_all_charges(sitting: Sitting) -> Steps:
    """Send what is staged of every mapping of charges, and keep why some of it has to wait."""
    desk, visit = sitting.desk, sitting.visit
    yield from await_quiet(desk, visit)
    for line in desk.flow.lines:
        if not line.repeatable:
            charged = yield from _send_charges(desk, visit, line, after_doubt=sitting.after_doubt)
            sitting.waiting = sitting.waiting or charged.waiting
            sitting.excess = sitting.excess or charged.excess
            sitting.is_sent = sitting.is_sent or charged.is_sent


def _settle(desk: Desk, visit: VisitDue) -> Generator[Step, Any, str]:
    """Settle and check; a reset or an undo, which send, are left to the run."""
    if approved_undo(desk, visit) is not None:
        raise Waits("something of it is to be taken back: the next run goes on with that")
    if visit.is_restored:
        yield from clear_untouched(desk, visit)
    for batch in desk.ledger.open_batches(visit.visit_id):
        if batch.is_reset:
            raise Waits("its reset is under way: the next run goes on with it")
        yield from _resolve(desk, visit, batch)
        if batch.operation == desk.flow.register.method:
            _must_be_registered(desk, visit)
    base = desk.ledger.platform_base(visit.visit_id)
    yield from _check_base(desk, visit, base, patient=not visit.reason)
    must_not_be_taken_back(desk, visit)
    _check_changes(desk, visit)
    return ""


def _resolve(desk: Desk, visit: VisitDue, batch: Batch) -> Steps:
    """Settle what an earlier sitting left open."""
    outcome = desk.ledger.answer_of(batch.id)
    if batch.is_leaving:
        yield from settle_leaving(desk, visit, batch, outcome)
    else:
        yield from resolve(desk, visit, batch, outcome)


def _check_changes(desk: Desk, visit: VisitDue) -> None:
    """Hold a visit whose changes after the upload need a person's word, before anything of it is sent (risk R11)."""
    rules = desk.rules
    for line in desk.flow.lines:
        if line.on_change == "reset":
            changed = desk.ledger.compensations.changed(visit.visit_id, line.mapping)
            if changed:
                raise Held(
                    f"{changed} of its rows changed in the HIS after upload: a reset (4.11/4.25) has to be approved"
                )
        if line.on_change == "compensate":
            mass = desk.ledger.compensations.mass_edit(visit.visit_id, line.mapping)
            is_share = mass.taken_back * 100 > mass.accepted * rules.mass_edit_percent
            if mass.taken_back > rules.mass_edit_rows and is_share:
                raise Held(
                    f"{mass.taken_back} of its {mass.accepted} uploaded rows changed in the HIS at once: nothing is sent "
                    "before a person has looked (`connector changes approve`)"
                )


def _register(sitting: Sitting) -> Steps:
    """Register the visit (4.8 or 4.22), completed by what was looked up; its rows wait until that is done.

    What is sent is kept: an undo has to name the injury exactly as it was registered (trap T94).
    """
    desk, visit, record = sitting.desk, sitting.visit, sitting.record
    must_be_plausible(desk, sitting)
    body = complete(sitting)
    if record is None:
        raise Waits(UNCONFIRMED)
    note_once(desk, visit.visit_id, REGISTRATION, desk.flow.register.method, {"request": json.loads(body)})
    intent = Intent(
        visit_id=visit.visit_id,
        operation=desk.flow.register.method,
        node=desk.flow.register_path,
        record_ids=(record.id,),
        amount=0,
        base_total=None,
        session="",
        texts=(body,),
    )
    sent: Sent = yield Upload(intent, desk.flow.register, body)
    if not sent.settled:
        batch = desk.ledger.batch(sent.batch_id)
        yield from resolve(desk, visit, batch, sent.outcome)
        _must_be_registered(desk, visit)
    sitting.is_registered = True
    desk.report.registered += 1


def _is_accepted(desk: Desk, visit: VisitDue) -> bool:
    """Whether the registration has been settled as accepted meanwhile."""
    return desk.ledger.outbox.states_of(desk.flow.visits, [visit.key]).get(visit.key) is State.ACCEPTED


def _must_be_registered(desk: Desk, visit: VisitDue) -> None:
    """Wait where a registration was found not to have arrived: one sitting does not send it twice."""
    if not _is_accepted(desk, visit):
        raise Waits("its registration did not arrive; it goes again at the next run")


def _send_orders(desk: Desk, visit: VisitDue, line: Line) -> Steps:
    """Send staged orders: the platform overwrites by order number, so a doubtful batch may go again."""
    size = desk.rules.batch_rows
    while records := desk.ledger.outbox.staged(visit.visit_id, line.mapping):
        batch = _first_batch(records, size)
        sent = yield from _upload(desk, visit, line, batch, None)
        if not sent.settled:
            yield from resolve(desk, visit, desk.ledger.batch(sent.batch_id), sent.outcome)
            if sent.outcome.verdict is not Verdict.REJECTED:
                raise Waits(
                    f"orders not confirmed ({sent.outcome.verdict.value}); they go again at the next run"
                )


def _first_batch(records: Sequence[StagedRecord], size: int) -> tuple[StagedRecord, ...]:
    """The first records that may travel together, in their order."""
    limit = min([size, *(r.limit for r in records[:size] if r.limit)])
    return tuple(records[:limit])


@dataclass(frozen=True, slots=True)
class _Charged:
    """What sending a line's charges came to: whether any was sent, why others have to wait, or "".

    `excess`: why some of them wait for a person, or "".
    """

    is_sent: bool
    waiting: str
    excess: str


def _send_charges(
    desk: Desk, visit: VisitDue, line: Line, *, after_doubt: bool
) -> Generator[Step, Any, _Charged]:
    """Send staged charges and refunds batch by batch, after the platform's total was found as expected.

    A refund that has to wait keeps back nothing else of its visit.
    """
    waiting = excess = ""
    is_sent = False
    clean_needed = _CLEAN_AFTER_DOUBT if after_doubt else 0
    base = desk.ledger.platform_base(visit.visit_id)
    checked_at: datetime | None = None
    while records := desk.ledger.outbox.staged(visit.visit_id, line.mapping):
        if checked_at is None or clean_needed:
            is_patient = checked_at is not None or not (visit.reason or _is_old(desk, visit, base))
            yield from _check_base(desk, visit, base, patient=is_patient)
            checked_at = desk.now()
        named = [r.refund_of for r in records if r.refund_of]
        originals = desk.ledger.outbox.originals(visit.visit_id, line.mapping, named)
        size = 1 if clean_needed else desk.rules.batch_rows
        composition = compose(
            records,
            batch_rows=size,
            originals=originals,
            total=base,
            tolerance=desk.tolerance(visit.visit_id, records),
            is_atomic=desk.rules.measured.is_atomic,
        )
        if not composition.batches:
            waiting, excess = composition.waiting[0][1], next(iter(composition.excess), "")
            break
        for batch in composition.batches:
            if not clean_needed and (desk.rules.verify == "always" or desk.now() - checked_at > _OLD):
                yield from _check_base(desk, visit, base)
                checked_at = desk.now()
            is_sent = True
            sent = yield from _upload(desk, visit, line, batch, base)
            if not sent.settled:
                yield from resolve(desk, visit, desk.ledger.batch(sent.batch_id), sent.outcome)
                clean_needed = _CLEAN_AFTER_DOUBT
                break
            clean_needed = max(0, clean_needed - 1)
            base += sum(r.amount for r in batch)
            if clean_needed:
                break
        base = desk.ledger.platform_base(visit.visit_id)
    return _Charged(is_sent, waiting, excess)


def _is_old(desk: Desk, visit: VisitDue, base: int) -> bool:
    """Whether somebody else registered the visit and nothing of it is the connector's: no answer of ours can be late there.

    Of the past there are many, and each would be waited for.
    """
    return base == 0 and desk.ledger.trust.is_registered_elsewhere(visit.visit_id)


def _check_end(desk: Desk, visit: VisitDue, *, is_sent: bool) -> Steps:
    """Check the total after the last batch, also where an earlier run was stopped before it could, and of held visits."""
    if (is_sent and desk.rules.verify != "never") or not visit.is_proven:
        base = desk.ledger.platform_base(visit.visit_id)
        yield from _check_base(desk, visit, base, patient=is_sent or not visit.reason)


def _upload(
    desk: Desk, visit: VisitDue, line: Line, batch: Sequence[StagedRecord], base: int | None
) -> Generator[Step, Any, Sent]:
    """Claim and send one batch; a plain yes is settled by the loop."""
    amount = sum(r.amount for r in batch)
    intent = Intent(
        visit_id=visit.visit_id,
        operation=line.operation.method,
        node=line.path,
        record_ids=tuple(r.id for r in batch),
        amount=amount,
        base_total=base,
        session="",
    )
    body = messages.fee_body(line.operation, line.node, visit.number, [r.payload for r in batch])
    sent: Sent = yield Upload(intent, line.operation, body)
    if sent.settled:
        desk.report.batches += 1
        desk.report.rows += len(batch)
        desk.report.amount += amount
        if sent.outcome.warning:
            desk.report.warn(visit, sent.outcome.warning)
    return sent


def _check_base(desk: Desk, visit: VisitDue, base: int, *, patient: bool = True) -> Steps:
    """Hold the visit when the platform's total is not what the ledger says it must be (protocol C.3 (1)).

    A total that does not fit may be an old one: where `patient`, it is read once more after the settle time. A
    visit that is held already is not waited for.
    """
    tolerance = desk.tolerance(visit.visit_id)
    total = yield from _read(desk, visit)
    if patient and not fits(total, base, tolerance):
        yield Wait(desk.rules.settle_s, "the platform's total is not the expected one")
        total = yield from _read(desk, visit)
    if not fits(total, base, tolerance):
        raise Held(
            f"the platform holds {yuan(total):.2f}, the ledger {yuan(base):.2f}: {_suspect(desk, visit, total - base)}"
        )


def _suspect(desk: Desk, visit: VisitDue, surplus: int) -> str:
    """Who may have changed the visit: a batch that came to life after it was found not applied, or somebody else."""
    for batch in desk.ledger.conclusions.unapplied([visit.visit_id]):
        if fits(surplus, batch.amount, desk.tolerance(visit.visit_id)):
            return f"suspected late duplicate of batch {batch.batch_id}, which was found not applied"
    return "somebody else changed this visit"


def _read(desk: Desk, visit: VisitDue) -> Generator[Step, Any, int]:
    """The platform's total now; 0 where it does not list the visit."""
    reading = yield from read_total(desk, visit)
    return reading.total if reading else 0
