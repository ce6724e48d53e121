"""What became of the files that 4.18 was to bring: a step before the first byte, and one after the answer."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from connector.ledger.steps import KeptStep
from connector.ledger.store import Ledger
from connector.pipeline.papers import AN_INVOICE
from connector.records import AMOUNT_SCALE, Verdict

DOCUMENT = "document"
"""The step of a file that 4.18 brought, or may have brought."""

BEGUN, ACCEPTED, REFUSED, UNKNOWN = "begun", "accepted", "refused", "unknown"
"""What is known of it: nothing yet, that it is there, that it is not, and nothing at all."""

_IN_DOUBT = frozenset({BEGUN, UNKNOWN})
_STATES = {
    Verdict.ACCEPTED: ACCEPTED,
    Verdict.REJECTED: REFUSED,
    Verdict.RETRYABLE: REFUSED,
    Verdict.NOT_SENT: REFUSED,
}


def state_after(verdict: Verdict) -> str:
    """What an answer says of the file."""
    return _STATES.get(verdict, UNKNOWN)


def last_of(steps: Iterable[KeptStep], number: str) -> KeptStep | None:
    """The last thing that was done with a visit's file of this number."""
    return _newest(steps).get(number)


def is_in_doubt(step: KeptStep) -> bool:
    """Whether nobody knows if the file is on the platform."""
    return step.details.get("state") in _IN_DOUBT


def find_doubts(steps: Iterable[KeptStep]) -> list[KeptStep]:
    """One visit's files of which nobody knows whether they arrived: the last step of each."""
    return [one for one in _newest(steps).values() if is_in_doubt(one)]


def count_doubts(ledger: Ledger, visits: str) -> dict[int, int]:
    """Ids of the visits of a visits mapping with files of which nobody knows whether they arrived, and how many."""
    of: dict[int, list[KeptStep]] = {}
    for step in ledger.steps.named(DOCUMENT, visits):
        of.setdefault(step.visit_id, []).append(step)
    return {visit_id: len(doubts) for visit_id, steps in of.items() if (doubts := find_doubts(steps))}


def brought_later(steps: Sequence[KeptStep]) -> int:
    """What the invoices come to that 4.18 brought, scaled by 4."""
    brought = [one.details for one in steps if one.name == DOCUMENT]
    return sum(
        int(Decimal(str(one["amount"])).scaleb(AMOUNT_SCALE))
        for one in brought
        if one.get("kind") == AN_INVOICE and one.get("state") == ACCEPTED
    )


def _newest(steps: Iterable[KeptStep]) -> dict[str, KeptStep]:
    """The last step of each file, by its number."""
    return {str(one.details.get("number")): one for one in steps if one.name == DOCUMENT}
