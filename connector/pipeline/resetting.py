"""Carry out a reset that a person approved: delete all fees of a visit on the platform, then let all be sent anew.

How the deletion is asked for, and what ends it, is `removing` (protocol C.7).
"""

from collections.abc import Generator
from typing import Any

from connector.ledger.decisions import KeptDecision
from connector.ledger.judgements import RESET
from connector.ledger.overview import VisitDue
from connector.pipeline import messages
from connector.pipeline.desk import Desk, Held
from connector.pipeline.removing import Refused, Removal, remove
from connector.pipeline.settling import fits
from connector.pipeline.steps import Step
from connector.records import yuan

DONE = "all its fees were deleted on the platform; they are read from the HIS again and sent at the next run"

NO_FEES = frozenset({"130004", "340004"})
"""4.11 and 4.25 about a visit without fees: as good as a yes (groups (13) and (27) of 5.2)."""

_HAS_LEFT = frozenset({"130001", "340001"})
"""4.11 and 4.25 about a visit whose patient has left."""


def approved_reset(desk: Desk, visit: VisitDue) -> KeptDecision | None:
    """The reset of a visit that waits to be carried out, or None."""
    pending = desk.ledger.pending_decisions(visit.visit_id)
    return next((one for one in pending if one.decision.kind == RESET), None)


def reset(desk: Desk, visit: VisitDue, decision: KeptDecision) -> Generator[Step, Any, str]:
    """Carry out a reset as far as it goes; returns what the visit waits for then.

    Raises Waits when the platform gives no answer, or none now; Held when it refuses, or when the visit has fees still.
    """
    operation = desk.flow.invalidate
    removal = Removal(
        operation,
        messages.visit_body(operation, visit.number),
        "all its fees are to be deleted on the platform, to be sent anew after that (a reset)",
        NO_FEES,
        is_gone=lambda shown: fits(shown.total, 0),
    )
    try:
        removed = yield from remove(desk, visit, removal)
    except Refused as refused:
        desk.ledger.refuse_reset(refused.batch.id, decision.id, refused.outcome, str(refused))
        advice = ": cancel the discharge (4.14) first" if refused.outcome.code in _HAS_LEFT else ""
        raise Held(
            f"the platform refuses to delete the fees of this visit ({refused}){advice}; nothing was changed"
        ) from None
    if removed.shown is not None:
        raise Held(
            f"the platform said that all fees of this visit are deleted, and shows {yuan(removed.shown.total):.2f} yuan "
            "again: delete on its web page what somebody entered there meanwhile, and the next run goes on"
        )
    desk.ledger.complete_reset(
        removed.batch.id,
        decision.id,
        removed.outcome,
        "the platform said that all fees are deleted, and its total is zero",
    )
    return DONE
