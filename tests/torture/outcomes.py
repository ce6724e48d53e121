"""What a delivery decided, by name, so that a long run can say what it has seen, and must have seen.

Taken from what is written to the ledger: how each batch was closed and why a visit was held.
"""

from collections import Counter
from dataclasses import dataclass, field

from connector.ledger.claims import Settlement
from connector.ledger.store import Ledger
from connector.records import BatchState

_LINES = {"register": "registration", "sendMedInfo.advices.advice": "orders"}

_HOLDS = {
    "yet its total shows the whole batch": "contradiction",
    "and its total shows nothing of it": "a yes, and nothing is there",
    "of its rows": "a part fits, and no count was told",
    "fits more than one part": "several parts fit",
    "no part of the batch explains": "nothing explains the total",
    "suspected late duplicate": "a late duplicate is suspected",
    "somebody else changed": "somebody else changed the visit",
    "4.12 does not": "the two totals differ",
    "found not applied": "not applied too often",
    "refuses this visit": "the visit is refused",
    "yet does not list the visit": "registered for somebody else",
}
"""Words in the reason of a held visit → what it is called here."""

SOMETIMES = (
    *("charges accepted by ack", "charges accepted by totals", "charges accepted by counts, a part"),
    *("charges released by totals", "charges released by totals, halved"),
    *("charges released by not_sent", "charges released by answer"),
    *("charges refused by answer, halved", "charges refused by answer, quarantined"),
    "charges refused by counts, quarantined",  # halved: a yes that saved none of several rows; 0 in 1,000 schedules
    *("registration accepted by ack", "registration accepted by totals", "registration released by totals"),
    *("orders accepted by ack", "orders released by overwrites"),
    *("held: contradiction", "held: a part fits, and no count was told", "held: several parts fit"),
    *("held: nothing explains the total", "held: somebody else changed the visit"),
    *("held: the visit is refused", "held: not applied too often", "held, and went on", "fenced"),
)
"""Every branch of settling that a long run must have gone at least once; else its schedules are not what they were."""


@dataclass(slots=True)
class Outcomes:
    """How often each thing was decided."""

    seen: Counter[str] = field(default_factory=Counter)

    def note_settlements(self, ledger: Ledger, settlements: list[Settlement]) -> None:
        """Batches that are about to be closed."""
        for one in settlements:
            self.seen[_name(ledger.batch(one.batch_id).node, one)] += 1

    def note_hold(self, reason: str) -> None:
        """A visit is held."""
        self.seen[f"held: {name_hold(reason)}"] += 1

    @property
    def missing(self) -> list[str]:
        """What was never seen, and should be."""
        return [name for name in SOMETIMES if not self.seen[name]]


def name_hold(reason: str) -> str:
    """What kind of hold a reason tells of."""
    return next((name for words, name in _HOLDS.items() if words in reason), "other")


def _name(node: str, settlement: Settlement) -> str:
    name = f"{_LINES.get(node, 'charges')} {settlement.state.value} by {settlement.evidence}"
    if settlement.quarantined:
        return f"{name}, quarantined"
    if settlement.state is BatchState.ACCEPTED and settlement.accepted:
        return f"{name}, a part"
    return f"{name}, halved" if settlement.limit else name
