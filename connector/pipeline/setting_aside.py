"""Set a visit aside: it is not for the platform, and nothing waits for it."""

from dataclasses import dataclass, field

from connector.errors import ConfigurationError
from connector.ledger.decisions import Decision
from connector.ledger.steps import SET_ASIDE
from connector.ledger.store import Ledger
from connector.ledger.visits import KnownVisit
from connector.pipeline.deciding import Signature
from connector.pipeline.decisions import find_visit
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Silent
from connector.pipeline.turns import open_turn


@dataclass(frozen=True, slots=True)
class VisitSetAside:
    """The visit, and how many rows of it waited or were in quarantine."""

    visit: str = field(repr=False)
    rows: int


def set_aside(parts: Parts, name: str, signature: Signature) -> VisitSetAside:
    """Let nothing of a visit be sent, now and later, until a person says `visit step --again`; nothing is sent.

    Raises ConfigurationError without a reason, for an unknown visit, one that is registered or may be, and one that is set
    aside already; LeaseHeld, LedgerError.
    """
    if not signature.because:
        raise ConfigurationError(
            "Say why it is not for the platform: --because. It is kept. Nothing was written."
        )
    with open_turn(parts, notify=Silent().note, is_stopping=lambda: False) as (ledger, _):
        visit = find_visit(ledger, name)
        _must_not_be_there(ledger, visit)
        (before,) = (one for one in ledger.visit_totals(visit.mapping) if one.key == visit.key)
        if before.is_set_aside:
            raise ConfigurationError(
                f"Visit {visit.name} is set aside already; `connector visit step {visit.name} --again` lets it go."
            )
        rows = before.staged_rows + before.quarantined_rows
        ledger.undos.set_aside(
            Decision(SET_ASIDE, "not for the platform", signature.who, signature.because, visit.visit_id)
        )
    return VisitSetAside(visit.name, rows)


def _must_not_be_there(ledger: Ledger, visit: KnownVisit) -> None:
    """Raise ConfigurationError where something of the visit is at the platform, or may be."""
    if visit.registered:
        raise ConfigurationError(
            f"Visit {visit.name} is registered at the platform: take that back first (`connector visit undo {visit.name} --to "
            "registration`). Nothing was written."
        )
    if ledger.open_batches(visit.visit_id):
        raise ConfigurationError(
            f"Nobody knows yet whether visit {visit.name} is registered: the next run settles it. Nothing was written."
        )
