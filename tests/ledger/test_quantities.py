"""What guards look at: rows and money that wait, that were sent, in doubt, rejected."""

from datetime import timedelta

from connector.ledger.claims import Settlement
from connector.ledger.quantities import Quantity, Rejected, Waiting
from connector.records import BatchState
from tests.ledger.blocks import (
    CHARGES,
    REQUIRED,
    VISITS,
    Row,
    accept,
    begin,
    claim,
    outcome,
    stage,
)


def test_what_waits_is_counted_by_visit_and_money_without_its_sign(ledger):
    begin(ledger, "A", "B")
    stage(
        ledger,
        Row("1", amount=30_000),
        Row("2", amount=-10_000),
        Row("3", "B"),
        Row("4", "B", bad=(REQUIRED,)),
    )
    stage(ledger, Row("5", amount=0), mapping="orders")
    waiting = ledger.quantities.waiting(VISITS, [CHARGES, "orders"])
    assert waiting == [
        Waiting("NA", CHARGES, Quantity(2, 40_000)),
        Waiting("NA", "orders", Quantity(1, 0)),
        Waiting("NB", CHARGES, Quantity(1, 10_000)),
    ]
    assert ledger.quantities.waiting(VISITS, ["orders"]) == waiting[1:2]
    assert ledger.quantities.waiting("others", [CHARGES]) == []


def test_what_is_claimed_waits_no_more_and_counts_as_sent_unless_it_is_given_back(ledger, clock):
    visits = begin(ledger, "A", "B", "C")
    stage(ledger, Row("1", amount=-30_000), Row("2", "B"), Row("3", "C"))
    before = clock()
    batches = [claim(ledger, visits[key]) for key in "ABC"]
    assert ledger.quantities.waiting(VISITS, [CHARGES]) == []
    assert ledger.quantities.sent_since(before) == Quantity(3, 50_000)
    accept(ledger, batches[0])
    ledger.answer(batches[1].id, outcome("in_doubt"))
    ledger.settle([Settlement(batches[2].id, BatchState.RELEASED, "not_sent", "")])
    assert ledger.quantities.sent_since(before) == Quantity(2, 40_000)
    assert ledger.quantities.sent_since(before + timedelta(seconds=1)) == Quantity()
    assert ledger.quantities.rows_in_doubt() == 1


def test_a_registration_is_no_row(ledger, clock):
    visits = begin(ledger, "A")
    before = clock()
    record = ledger.outbox.registration(visits["A"])
    batch = claim(ledger, visits["A"], VISITS)
    accept(ledger, batch)
    assert record is not None
    assert ledger.quantities.sent_since(before) == Quantity()


def test_rejections_are_those_of_what_was_staged_since(ledger):
    begin(ledger, "A", "B")
    stage(ledger, Row("1", bad=(REQUIRED,)), Row("2"))
    mark = ledger.quantities.next_record()
    stage(ledger, Row("3", bad=(REQUIRED,)), Row("4"), Row("5", "B"), Row("6", "B", aside="nothing to send"))
    assert ledger.quantities.rejected_since(mark, [CHARGES]) == [
        Rejected("NA", CHARGES, 2, 1),
        Rejected("NB", CHARGES, 1, 0),
    ]
    assert [one.rejected for one in ledger.quantities.rejected_since(0, [CHARGES])] == [2, 0]
    stage(ledger, Row("3", source="mended"))
    assert [one.rejected for one in ledger.quantities.rejected_since(mark, [CHARGES])] == [0, 0]
