"""Which visits were registered on which days: what the platform's list is held against."""

from dataclasses import replace
from datetime import timedelta

from tests.ledger.blocks import accept, begin, intent

REGISTERS = ("register", "offsiteRegister")


def register(ledger, visit_id, operation="register"):
    """Claim the visit's registration."""
    record = ledger.outbox.registration(visit_id)
    (batch,) = ledger.claim([replace(intent(visit_id, [record], node="register"), operation=operation)])
    return batch


def test_a_visit_counts_from_the_moment_its_registration_went_and_only_once_accepted(ledger, clock):
    ids = begin(ledger, "A", "B", "C")
    first_day = clock.at
    accept(ledger, register(ledger, ids["A"]))
    clock.forward(days=1)
    accept(ledger, register(ledger, ids["B"], "offsiteRegister"))
    register(ledger, ids["C"])  # no answer yet
    next_day, end = first_day + timedelta(days=1), first_day + timedelta(days=2)

    def found(since, until):
        return [visit.key for visit in ledger.visits_registered(REGISTERS, since, until)]

    assert found(first_day, end) == ["A", "B"]
    assert found(first_day, next_day) == ["A"]  # the end itself is not among them
    assert found(next_day, end) == ["B"]
    assert ledger.visits_registered(("offsiteRegister",), first_day, next_day) == []
