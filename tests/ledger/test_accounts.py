"""What the ledger tells of a visit's rows, of conclusions, and of visits that want a second look."""

from datetime import timedelta

import pytest

from connector.ledger.accounts import Booked
from connector.ledger.claims import Settlement
from connector.records import BatchState, Reading, State
from tests.ledger.blocks import (
    CHARGES,
    REQUIRED,
    VISITS,
    Row,
    accept,
    begin,
    claim,
    stage,
)

LOOK = timedelta(hours=2)


@pytest.fixture
def visit(ledger):
    visits = begin(ledger, "A", "B")
    stage(
        ledger,
        Row("k1", amount=100),
        Row("k2", amount=200, category="22"),
        Row("bad", bad=(REQUIRED,)),
        Row("zero", aside="nothing"),
        Row("b1", visit="B", amount=7),
    )
    return visits["A"]


def settle(ledger, batch, state, evidence, **more):
    ledger.settle([Settlement(batch.id, BatchState(state), evidence, "because", **more)])


def due(ledger, visit):
    """Whether the visit's total wants to be read, after its registration and charges are done with."""
    found = ledger.due_visits(VISITS, [CHARGES], tolerance=0, second_look=LOOK)
    return next((not one.is_proven for one in found if one.visit_id == visit), False)


def read(ledger, clock, visit, total):
    ledger.keep_reading(visit, Reading(total, (), "getPerDetail", clock().isoformat()))
    ledger.begin_run("p", "run")  # readings become durable with the next commit


def test_every_record_that_counts_is_booked_under_its_visit(ledger, visit):
    accept(ledger, claim(ledger, visit, rows=1))
    assert sorted(ledger.accounts.booked([visit], CHARGES), key=lambda one: one.key) == [
        Booked(visit, "bad", State.QUARANTINED, 0, "", ("alc405 required 81012",)),
        Booked(visit, "k1", State.ACCEPTED, 100, "11"),
        Booked(visit, "k2", State.STAGED, 200, "22"),
        Booked(visit, "zero", State.SET_ASIDE, 0, ""),
    ]
    assert ledger.accounts.booked([], CHARGES) == []


def test_a_changed_row_says_so_and_what_was_void_is_left_out(ledger, visit):
    accept(ledger, claim(ledger, visit, rows=1))
    stage(ledger, Row("k1", amount=90, source="t"), Row("k2", amount=210, source="t"))
    changed, waiting = (one for one in ledger.accounts.booked([visit], CHARGES) if one.key in ("k1", "k2"))
    assert (changed.amount, changed.is_changed) == (100, True)
    assert (waiting.amount, waiting.state) == (210, State.STAGED)


def test_the_last_reading_of_each_visit(ledger, clock, visit):
    read(ledger, clock, visit, 1)
    read(ledger, clock, visit, 2)
    assert {i: one.total for i, one in ledger.accounts.last_readings([visit, visit + 1]).items()} == {
        visit: 2
    }


@pytest.mark.parametrize(
    ("settled", "unapplied", "inferred"),
    [
        (("accepted", "ack"), [], []),
        (("accepted", "totals"), [], [300]),
        (("released", "totals"), [300], []),
        (("released", "not_sent"), [], []),
        (("refused", "answer"), [300], []),
    ],
)
def test_what_was_concluded(ledger, visit, settled, unapplied, inferred):
    batch = claim(ledger, visit)
    assert ledger.conclusions.unapplied([visit]) == []
    settle(ledger, batch, *settled)
    assert [one.amount for one in ledger.conclusions.unapplied([visit])] == unapplied
    assert [one.amount for one in ledger.conclusions.inferred()] == inferred
    assert ledger.conclusions.count_inferred() == len(inferred)
    assert ledger.conclusions.unapplied([visit + 1]) == []


def test_the_rest_of_a_batch_that_was_saved_in_part(ledger, visit):
    batch = claim(ledger, visit)
    first = ledger.outbox.records_of(batch.id)[0]
    settle(ledger, batch, "accepted", "counts", accepted=(first.id,), limit=1)
    (rest,) = ledger.conclusions.unapplied([visit])
    assert (rest.batch_id, rest.rows, rest.amount) == (batch.id, 1, 200)


def test_a_second_look_is_due_once_when_its_time_has_come(ledger, clock, visit):
    settle(ledger, claim(ledger, visit), "released", "totals")
    read(ledger, clock, visit, 0)
    assert not due(ledger, visit)
    clock.forward(hours=1, minutes=59)
    assert not due(ledger, visit)
    clock.forward(minutes=1)
    assert due(ledger, visit)
    read(ledger, clock, visit, 0)
    assert not due(ledger, visit)
    clock.forward(days=1)
    assert not due(ledger, visit)


def test_runs_of_each_kind(ledger):
    ledger.begin_run("p", "run")
    ledger.begin_run("q", "reconcile")
    assert [one.pipeline for one in ledger.runs()] == ["p"]
    assert [one.pipeline for one in ledger.runs(kind="reconcile")] == ["q"]
