"""Carry out what a person decided to take back of a visit, step by step; the next run goes on where one was cut off.

A step is over when the platform said yes, or that there is nothing to take back (`removing`); then the ledger says the
same, and the visit is held until a person lets it go. Where one is refused, what follows it is not asked for.
"""

from collections.abc import Generator, Mapping
from typing import Any

from connector.contract.library import Contract
from connector.contract.lookups import read_roles
from connector.contract.spec import Operation
from connector.ledger.decisions import KeptDecision
from connector.ledger.judgements import UNDO
from connector.ledger.overview import VisitDue
from connector.ledger.steps import UNDO_LEAVE, UNDO_REGISTER, VOID_FEES
from connector.ledger.store import Ledger
from connector.ledger.undos import Taken
from connector.pipeline import messages
from connector.pipeline.desk import Desk, Flow, Held
from connector.pipeline.facts import REGISTRATION
from connector.pipeline.removing import Refused, Removal, Removed, Shown, remove, said
from connector.pipeline.resetting import NO_FEES
from connector.pipeline.settling import fits
from connector.pipeline.steps import Step
from connector.pipeline.undo_plan import METHODS, advise, read_chain
from connector.records import yuan

_NOT_LEFT = frozenset({"120002", "360004"})
"""4.14 and 4.27 about a patient who has not left: as good as a yes (groups (12) and (29) of 5.2)."""

_NO_VISIT = frozenset({"61007", "130003", "320002", "340003", "360002"})
"""No such visit: as good as a yes where 4.15 does not list it either."""

_TAKEN = {VOID_FEES: "its fees were", UNDO_REGISTER: "its registration was"}
_TO_BE = {UNDO_LEAVE: "its leaving is", VOID_FEES: "all its fees are", UNDO_REGISTER: "its registration is"}


def approved_undo(desk: Desk, visit: VisitDue) -> KeptDecision | None:
    """What is to be taken back of a visit, or None."""
    pending = desk.ledger.pending_decisions(visit.visit_id)
    return next((one for one in pending if one.decision.kind == UNDO), None)


def steps_left(ledger: Ledger, decision: KeptDecision) -> tuple[str, ...]:
    """The steps that a decision still waits for."""
    visit_id = decision.decision.visit_id or 0
    done = {one.name for one in ledger.undos.done_of(visit_id, decision.id)}
    return tuple(name for name in read_chain(decision.decision.numbers) if name not in done)


def undo(desk: Desk, visit: VisitDue, decision: KeptDecision) -> Generator[Step, Any, str]:
    """Carry out a decision as far as it goes; nothing of the visit is sent meanwhile.

    Raises Waits and Held; Held at its end too, where fees or registration were taken back.
    """
    for name in (left := steps_left(desk.ledger, decision)):
        removal = _removal(desk, visit, name)
        try:
            removed = yield from remove(desk, visit, removal)
        except Refused as refused:
            reason = _explain_refusal(removal.operation, refused, name)
            desk.ledger.undos.refuse(refused.batch.id, decision.id, refused.outcome, reason)
            raise Held(reason) from None
        if removed.shown is not None:
            raise Held(
                f"the platform said that all its fees are deleted, and shows {yuan(removed.shown.total):.2f} yuan again: "
                "delete on its web page what somebody entered there meanwhile, and the next run goes on"
            )
        _keep(desk, visit, decision, name, removed, is_last=name == left[-1])
    must_not_be_taken_back(desk, visit)
    return ""


def must_not_be_taken_back(desk: Desk, visit: VisitDue) -> None:
    """Raise Held where something of a visit was taken back, and nobody has let it go since, or set it aside."""
    undos = desk.ledger.undos
    taken = undos.taken_back(visit.visit_id)
    if taken is not None and not undos.is_set_aside(visit.visit_id):
        raise Held(why_held(taken.name, taken.details, visit.number or visit.key))


def why_held(step: str, details: Mapping[str, object], visit: str) -> str:
    """Why a visit of which something was taken back goes no further."""
    because = f" ({details['because']})" if details.get("because") else ""
    return (
        f"{_TAKEN[step]} taken back by {details.get('who', 'somebody')}{because}: nothing of it is sent until "
        f"`connector visit step {visit} --again` lets it go; `connector visit set-aside {visit}` where it is not for the platform"
    )


def is_named(ledger: Ledger, visit_id: int) -> bool:
    """Whether the ledger has the registration as it was sent."""
    return any(one.name == REGISTRATION for one in ledger.steps.of(visit_id))


def operation_of(contract: Contract, flow: Flow, name: str) -> Operation:
    """The interface that takes a step back, of the family of the visit's registration."""
    return contract.operation(METHODS[flow.register.family][name])


def _removal(desk: Desk, visit: VisitDue, name: str) -> Removal:
    """The call that takes a step back, and what proves it."""
    operation = operation_of(desk.contract, desk.flow, name)
    what = f"{_TO_BE[name]} to be taken back ({operation.section})"
    body = messages.visit_body(operation, visit.number)
    match name:
        case "undo_leave":
            return Removal(
                operation, body, what, _NOT_LEFT, _NO_VISIT, is_untouched=lambda shown: bool(shown.left)
            )
        case "void_fees":
            return Removal(
                operation,
                body,
                what,
                NO_FEES,
                _NO_VISIT,
                is_gone=lambda shown: fits(shown.total, 0),
                is_untouched=lambda shown: not fits(shown.total, 0),
            )
        case _:
            body = messages.visit_body(operation, visit.number, _registered_injury(desk, visit))
            return Removal(operation, body, what, frozenset(), _NO_VISIT, is_untouched=_is_listed)


def _is_listed(shown: Shown) -> bool:
    return shown.is_listed


def _registered_injury(desk: Desk, visit: VisitDue) -> str:
    """The injury's number exactly as it was registered, "" where it had none (trap T94)."""
    sent = [
        one.details.get("request") for one in desk.ledger.steps.of(visit.visit_id) if one.name == REGISTRATION
    ]
    request = sent[-1] if sent else None
    return read_roles(desk.flow.register, request).get("injury", "") if isinstance(request, dict) else ""


def _keep(
    desk: Desk, visit: VisitDue, decision: KeptDecision, name: str, removed: Removed, *, is_last: bool
) -> None:
    """Write down what a step that is over means."""
    made = decision.decision
    details = {
        "who": made.who,
        "because": made.reason,
        "said": said(removed.outcome),
        **{key: value for key, value in made.numbers.items() if key != "chain"},
    }
    hold = why_held(name, details, visit.number or visit.key) if name in _TAKEN else ""
    if not hold and not is_last:
        hold = visit.reason
    taken = Taken(name, removed.batch.operation, details, hold, is_last)
    desk.ledger.undos.complete(
        removed.batch.id, decision.id, taken, removed.outcome, f"the platform said {said(removed.outcome)}"
    )


def _explain_refusal(operation: Operation, refused: Refused, name: str) -> str:
    """What was refused, and what to do."""
    thing = {UNDO_LEAVE: "leaving", VOID_FEES: "fees", UNDO_REGISTER: "registration"}[name]
    return f"the platform refuses to take its {thing} back ({operation.section}: {refused}): {advise(refused.outcome.code)}"
