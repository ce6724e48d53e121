"""What a person decides about a visit's rows and totals, in one transaction with what it changes."""

import pytest

from connector.errors import LeaseHeld, LedgerError, Violation
from connector.ledger.claims import Settlement
from connector.ledger.decisions import Decision
from connector.records import BatchState, Reading
from tests.ledger.blocks import (
    CHARGES,
    VISITS,
    Row,
    accept,
    begin,
    claim,
    intent,
    outcome,
    stage,
    states,
)

REFUSED = Violation("meds.med", "refused", "", "refused by the platform", "81021")


def _decision(visit_id, choice="all", kind="batch"):
    return Decision(kind, choice, "dba", "looked at the page", visit_id)


def _doubtful(ledger, rows=3):
    """A held visit and its batch in doubt."""
    visit = begin(ledger, "A")["A"]
    stage(ledger, *(Row(f"k{n}", amount=10_000 * n) for n in range(1, rows + 1)))
    batch = claim(ledger, visit)
    ledger.answer(batch.id, outcome("in_doubt"))
    ledger.hold_visit(visit, "more than one part fits")
    return visit, batch


def test_a_person_settles_a_part_of_a_batch(ledger):
    visit, batch = _doubtful(ledger)
    first, *_ = (record.id for record in ledger.outbox.records_of(batch.id))
    settlement = Settlement(batch.id, BatchState.ACCEPTED, "person", "seen", accepted=(first,), limit=1)
    ledger.judgements.settle(settlement, _decision(visit, "part"))
    assert states(ledger, "k1", "k2", "k3") == ["accepted", "staged", "staged"]
    assert ledger.platform_base(visit) == 10_000
    assert ledger.visits_of([visit])[0].reason == ""
    assert [record.limit for record in ledger.outbox.staged(visit, CHARGES)] == [1, 1]
    assert ledger.decisions(visit)[0].decision.choice == "part"
    with pytest.raises(LedgerError, match="not open"):
        ledger.judgements.settle(settlement, _decision(visit, "again"))
    assert len(ledger.decisions(visit)) == 1


def test_nothing_is_decided_while_another_process_delivers(ledger, opened, clock):
    visit, batch = _doubtful(ledger)
    other = opened()
    lease = other.take_lease("another", ttl_s=60)
    settlement = Settlement(batch.id, BatchState.RELEASED, "person", "")
    with pytest.raises(LeaseHeld, match="another"):
        ledger.judgements.settle(settlement, _decision(visit, "none"))
    assert states(ledger, "k1") == ["in_doubt"]
    assert ledger.decisions() == []
    other.release_lease(lease)


def test_rows_entered_by_hand_are_counted_as_sent(ledger):
    """Also one that the platform had refused: then somebody entered it on the web page."""
    visit = begin(ledger, "A")["A"]
    stage(ledger, Row("k1"), Row("k2", amount=20_000), Row("k3"))
    batch = claim(ledger, visit, rows=1)
    (refused,) = ledger.outbox.records_of(batch.id)
    quarantined = {refused.id: (REFUSED,)}
    ledger.settle([Settlement(batch.id, BatchState.REFUSED, "answer", "", quarantined=quarantined)])
    waiting = next(r for r in ledger.outbox.adoptable(visit, CHARGES) if r.amount == 20_000)
    ledger.hold_visit(visit, "somebody else changed this visit")
    ledger.judgements.adopt([intent(visit, [refused, waiting])], _decision(visit, kind="adopt"))
    assert states(ledger, refused.key, waiting.key) == ["accepted", "accepted"]
    assert ledger.platform_base(visit) == 30_000
    assert ledger.quarantine.rows() == []
    assert [r.amount for r in ledger.outbox.staged(visit, CHARGES)] == [10_000]
    journey = ledger.quarantine.show(waiting.id).journeys[-1]
    assert (journey.evidence, journey.reason) == ("person", "looked at the page")


def test_rows_that_are_sent_already_are_not_adopted(ledger):
    visit = begin(ledger, "A")["A"]
    stage(ledger, "k1", "k2")
    records = ledger.outbox.adoptable(visit, CHARGES)
    wanted = intent(visit, records)
    batch = claim(ledger, visit, rows=1)
    with pytest.raises(LedgerError, match="not settled"):
        ledger.judgements.adopt([wanted], _decision(visit))
    accept(ledger, batch)
    with pytest.raises(LedgerError, match="does not wait to be sent"):
        ledger.judgements.adopt([wanted], _decision(visit))
    assert states(ledger, "k1", "k2") == ["accepted", "staged"]
    assert ledger.decisions() == []


def test_a_baseline_is_part_of_what_the_platform_must_hold(ledger, opened):
    visit = begin(ledger, "A")["A"]
    stage(ledger, "k1")
    ledger.judgements.accept_baseline(500_000, _decision(visit, kind="baseline"))
    ledger.judgements.accept_baseline(20_000, _decision(visit, kind="baseline"))
    assert ledger.platform_base(visit) == 520_000
    accept(ledger, claim(ledger, visit))
    ledger.close()
    again = opened()
    assert again.platform_base(visit) == 530_000
    assert again.visits_of([visit])[0].baseline == 520_000


def test_a_baseline_makes_a_total_proven(ledger, clock):
    visit = begin(ledger, "A")["A"]
    stage(ledger, "k1")
    ledger.judgements.accept_baseline(500_000, _decision(visit, kind="baseline"))
    accept(ledger, claim(ledger, visit, VISITS))
    accept(ledger, claim(ledger, visit))
    clock.forward(seconds=1)
    for total, is_proven in ((510_000, True), (10_000, False)):
        ledger.keep_reading(visit, Reading(total, (), "getPerDetail", clock().isoformat()))
        ledger.unhold_visit(visit)
        assert [d.visit_id for d in ledger.due_visits(VISITS, [CHARGES], tolerance=100)] == (
            [] if is_proven else [visit]
        )


def test_a_visit_is_released_only_when_nothing_of_it_is_open(ledger):
    visit, batch = _doubtful(ledger)
    with pytest.raises(LedgerError, match="not settled"):
        ledger.judgements.release(_decision(visit, kind="release"))
    ledger.settle([Settlement(batch.id, BatchState.RELEASED, "totals", "")])
    ledger.judgements.release(_decision(visit, kind="release"))
    assert ledger.visits_of([visit])[0].reason == ""


def test_an_approved_reset_waits_for_the_run_and_bars_every_other_decision(ledger):
    visit, batch = _doubtful(ledger)
    ledger.judgements.approve_reset(_decision(visit, kind="reset"))
    ledger.unhold_visit(visit)
    assert [due.visit_id for due in ledger.due_visits(VISITS, [CHARGES])] == [visit]
    (waiting,) = ledger.pending_decisions(visit)
    assert waiting.decision.kind == "reset"
    settlement = Settlement(batch.id, BatchState.ACCEPTED, "person", "")
    for judge in (
        lambda: ledger.judgements.settle(settlement, _decision(visit)),
        lambda: ledger.judgements.adopt([], _decision(visit)),
        lambda: ledger.judgements.accept_baseline(1, _decision(visit)),
        lambda: ledger.judgements.release(_decision(visit)),
        lambda: ledger.judgements.approve_reset(_decision(visit, kind="reset")),
    ):
        with pytest.raises(LedgerError, match="carries it out"):
            judge()
    assert len(ledger.decisions()) == 1


def test_the_visits_of_waiting_rows_are_found_by_their_keys(ledger):
    visits = begin(ledger, "A", "B")
    stage(ledger, "k1", Row("k2", visit="B"), Row("k3", bad=(REFUSED,)))
    accept(ledger, claim(ledger, visits["A"]))
    stage(ledger, "k4")
    assert ledger.outbox.waiting_under(CHARGES, ["k1", "k2", "k3", "k4", "k9"]) == {
        "k2": visits["B"],
        "k4": visits["A"],
    }
    assert ledger.outbox.waiting_under("unknown", ["k2"]) == {}
