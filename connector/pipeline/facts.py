"""What is known of one visit while it is taken as far as it goes: filled from the ledger and from the last answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.contract.lookups import NEW_INJURY
from connector.contract.spec import Lookup
from connector.ledger.decisions import KeptDecision
from connector.ledger.overview import VisitDue
from connector.ledger.steps import LEAVE, UNDO_LEAVE
from connector.pipeline.candidates import Admission, admission_of
from connector.pipeline.checklist import Departure
from connector.pipeline.desk import Desk
from connector.pipeline.lifecycle import Facts, Told
from connector.records import StagedRecord

REGISTRATION = "registration"
"""The step that keeps a registration as it was sent; the last one is that which the platform has."""


@dataclass(slots=True)
class Sitting:
    """One visit under way. `told` and `chosen`: what look-ups came to, and what they tell, by role.

    `record` is its registration, if it waits; `admission` what that says, with what was looked up. `waiting`: why some
    of its rows have to wait; `excess`: why some wait for a person; `is_sent`: charges were sent; `after_doubt`: a batch was in doubt when it began.
    `let_go`: the decision by which a person lets it leave; `departure`: its checklist; `approved`: the total (scaled by
    4) under which its fees were approved.
    """

    desk: Desk
    visit: VisitDue
    is_registered: bool
    after_doubt: bool
    record: StagedRecord | None = field(default=None, repr=False)
    admission: Admission = field(default_factory=lambda: Admission({}, {}), repr=False)
    told: dict[str, Told] = field(default_factory=dict)
    chosen: dict[Lookup, Mapping[str, str]] = field(default_factory=dict, repr=False)
    tried: set[str] = field(default_factory=set)
    lacks_report: bool = False
    waiting: str = ""
    excess: str = ""
    is_sent: bool = False
    has_left: bool = False
    is_back: bool = False
    let_go: KeptDecision | None = None
    departure: Departure | None = None
    approved: int | None = None

    def tell(self, kind: Lookup, roles: Mapping[str, str]) -> None:
        """It is known which record is meant, and what it says; what the HIS says stands."""
        self.told[kind.value] = Told.CHOSEN
        self.chosen[kind] = roles
        self.admission = Admission(self.admission.request, {**roles, **self.admission.roles})


def sit_down(desk: Desk, visit: VisitDue, *, is_registered: bool, after_doubt: bool) -> Sitting:
    """Begin with a visit."""
    sitting = Sitting(desk, visit, is_registered, after_doubt)
    if not is_registered:
        sitting.record = desk.ledger.outbox.registration(visit.visit_id)
    if sitting.record is not None:
        sitting.admission = admission_of(desk.flow.register, json.loads(sitting.record.payload))
    elif is_registered and desk.flow.lookups:
        _recall(sitting)
    if desk.flow.leave is not None and is_registered:
        _recall_leaving(sitting)
    return sitting


def _recall_leaving(sitting: Sitting) -> None:
    """Whether the visit has left, or is back, and whether a person let it go."""
    ledger, visit_id = sitting.desk.ledger, sitting.visit.visit_id
    last = ledger.steps.last(visit_id, LEAVE, UNDO_LEAVE)
    sitting.has_left = last is not None and last.name == LEAVE
    sitting.is_back = last is not None and last.name == UNDO_LEAVE
    sitting.let_go = let_go_of(sitting.desk, visit_id)


def let_go_of(desk: Desk, visit_id: int) -> KeptDecision | None:
    """The decision by which a person lets a visit leave, while that waits to be done."""
    pending = desk.ledger.pending_decisions(visit_id)
    return next((one for one in reversed(pending) if one.decision.kind == LEAVE), None)


def _recall(sitting: Sitting) -> None:
    """What was registered, and whether a new injury's accident report has been seen."""
    steps = sitting.desk.ledger.steps.of(sitting.visit.visit_id)
    sent = [one.details.get("request") for one in steps if one.name == REGISTRATION]
    if sent and isinstance(sent[-1], dict):
        sitting.admission = admission_of(sitting.desk.flow.register, sent[-1])
    is_seen = any(one.name == Lookup.REPORT and one.details.get("record") for one in steps)
    sitting.lacks_report = sitting.admission.roles.get(NEW_INJURY) == "1" and not is_seen


def gather(sitting: Sitting) -> Facts:
    """The facts of this moment."""
    flow = sitting.desk.flow
    is_new = sitting.admission.roles.get(NEW_INJURY)
    return Facts(
        is_registered=sitting.is_registered,
        has_registration=sitting.record is not None,
        is_cross_province=flow.register.family == "cross_province",
        is_new_injury=None if is_new is None else is_new == "1",
        wanted=frozenset(kind.value for kind in flow.lookups.values()),
        told=sitting.told,
        tried=frozenset(sitting.tried),
        lacks_report=sitting.lacks_report,
        has_ended=not sitting.visit.is_open,
        leaves=flow.leave is not None,
        may_leave=sitting.let_go is not None,
        is_back=sitting.is_back,
        obstacles=sitting.departure.checklist.obstacles if sitting.departure else (),
        is_approved=sitting.approved is not None,
        has_left=sitting.has_left,
    )
