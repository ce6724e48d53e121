"""Withdraw what a person approved and the next run would carry out, as long as it has not begun."""

from connector.errors import ConfigurationError
from connector.ledger.decisions import Decision, KeptDecision
from connector.ledger.judgements import RESET, UNDO
from connector.ledger.store import Ledger
from connector.pipeline.deciding import Signature
from connector.pipeline.decisions import find_visit
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Silent
from connector.pipeline.turns import open_turn
from connector.pipeline.undo_steps import why_held

_KIND = "withdraw"


def withdraw(parts: Parts, name: str, signature: Signature) -> str:
    """Withdraw the approval of a visit's reset, or undo; returns what follows. The platform is not asked.

    Raises ConfigurationError where nothing of the visit waits to be carried out, LedgerError where it has begun.
    """
    with open_turn(parts, notify=Silent().note, is_stopping=lambda: False) as (ledger, _):
        visit = find_visit(ledger, name)
        ledger.doubt_orphans()
        pending = _pending(ledger, visit.visit_id)
        if pending is None:
            raise ConfigurationError(
                f"Nothing is approved for visit {visit.name} that the next run would carry out."
            )
        taken = ledger.undos.taken_back(visit.visit_id)
        hold = why_held(taken.name, taken.details, visit.name) if taken else ""
        decision = Decision(_KIND, pending.decision.kind, signature.who, signature.because, visit.visit_id)
        ledger.undos.withdraw(pending.id, decision, hold)
    return f"The {pending.decision.kind} of visit {visit.name} is not carried out."


def _pending(ledger: Ledger, visit_id: int) -> KeptDecision | None:
    """What waits to be carried out."""
    waiting = ledger.pending_decisions(visit_id)
    return next((one for one in waiting if one.decision.kind in (RESET, UNDO)), None)
