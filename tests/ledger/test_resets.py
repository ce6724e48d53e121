"""A reset: the batch that deletes, what it shelves, what it undoes, and what it leaves as it was."""

import pytest

from connector.errors import LedgerError
from connector.ledger.claims import Intent
from connector.ledger.decisions import Decision
from connector.records import BatchState
from tests.ledger.blocks import CHARGES, VISITS, Row, accept, begin, claim, outcome, stage, states

DONE = outcome("accepted", "0")


def reset_of(visit, tries=0):
    return Intent(visit, "invalidData", "", (), 0, None, "5e55", tries)


def approve(ledger, visit):
    ledger.judgements.approve_reset(Decision("reset", "approved", "dba", "ambiguous", visit))
    (kept,) = ledger.pending_decisions(visit)
    return kept.id


@pytest.fixture
def sent(ledger):
    """A visit with two accepted rows, one that waits, a baseline, and an approved reset."""
    visit = begin(ledger, "A")["A"]
    ledger.judgements.accept_baseline(90_000, Decision("baseline", "accepted", "dba", "", visit))
    stage(ledger, Row("k1"), Row("k2", amount=20_000))
    accept(ledger, claim(ledger, visit))
    stage(ledger, Row("k3"))
    return visit


def test_a_reset_undoes_what_was_accepted_and_reads_it_again(ledger, sent):
    decision = approve(ledger, sent)
    (batch,) = ledger.claim([reset_of(sent)])
    assert batch.is_reset
    assert [one.is_reset for one in ledger.open_batches(sent)] == [True]
    assert ledger.complete_reset(batch.id, decision, DONE, "deleted, and the total is zero") == 2
    assert ledger.platform_base(sent) == 0
    assert ledger.visits_of([sent])[0].baseline is None
    assert ledger.pending_decisions(sent) == []
    assert ledger.open_batches(sent) == []
    assert states(ledger, "k1", "k2", "k3") == ["quarantined", "quarantined", "staged"]
    assert ledger.quarantine.keys(CHARGES) == ["k1", "k2"]
    assert stage(ledger, Row("k1"), Row("k2", amount=20_000)).requeued == 2
    assert [(r.key, r.amount) for r in ledger.outbox.staged(sent, CHARGES)] == [
        ("k3", 10_000),
        ("k1", 10_000),
        ("k2", 20_000),
    ]
    accept(ledger, claim(ledger, sent))
    assert ledger.platform_base(sent) == 40_000
    (first,) = ledger.quarantine.show(2).journeys
    assert (first.state, first.evidence) == (BatchState.UNDONE, "ack")


def test_rows_that_changed_or_vanished_meanwhile(ledger, sent):
    stage(ledger, Row("k1", source="other"))
    ledger.sweep(CHARGES, VISITS, ["A"], {"k1", "k3"}, run_id=1)
    decision = approve(ledger, sent)
    (batch,) = ledger.claim([reset_of(sent)])
    ledger.complete_reset(batch.id, decision, DONE, "")
    assert states(ledger, "k1", "k2") == ["quarantined", "void"]
    assert ledger.marked() == []


def test_a_batch_in_doubt_is_shelved_once_it_cannot_arrive_late(ledger, sent):
    doubtful = claim(ledger, sent)
    ledger.answer(doubtful.id, outcome("in_doubt"))
    decision = approve(ledger, sent)
    with pytest.raises(LedgerError, match="not settled"):
        ledger.claim([reset_of(sent)])
    ledger.note_fenced(doubtful.id)
    (batch,) = ledger.claim([reset_of(sent)])
    assert [one.id for one in ledger.open_batches(sent)] == [batch.id]
    assert states(ledger, "k3") == ["in_doubt"]
    assert ledger.visit_totals(VISITS)[0].doubt_rows == 1
    ledger.complete_reset(batch.id, decision, DONE, "")
    assert states(ledger, "k3") == ["staged"]
    assert ledger.batch(doubtful.id).state is BatchState.RELEASED


def test_a_reset_that_was_refused_leaves_everything_as_it_was(ledger, sent):
    doubtful = claim(ledger, sent)
    ledger.note_fenced(doubtful.id)
    decision = approve(ledger, sent)
    (batch,) = ledger.claim([reset_of(sent)])
    ledger.answer(batch.id, outcome("rejected", "130001", "已出院"))
    ledger.refuse_reset(batch.id, decision, outcome("rejected", "130001", "已出院"), "has left")
    assert ledger.platform_base(sent) == 120_000
    assert states(ledger, "k1", "k3") == ["accepted", "in_doubt"]
    assert [one.id for one in ledger.open_batches(sent)] == [doubtful.id]
    assert ledger.pending_decisions(sent) == []
    with pytest.raises(LedgerError, match="not open"):
        ledger.complete_reset(batch.id, decision, DONE, "")


def test_a_reset_that_is_repeated_closes_the_one_before(ledger, sent, opened):
    decision = approve(ledger, sent)
    (first,) = ledger.claim([reset_of(sent)])
    assert ledger.doubt_orphans() == 1
    ledger.close()
    ledger = opened()
    (second,) = ledger.claim([reset_of(sent, tries=1)])
    assert (first.tries, second.tries, ledger.batch(second.id).tries) == (0, 1, 1)
    assert [one.id for one in ledger.open_batches(sent)] == [second.id]
    assert ledger.batch(first.id).state is BatchState.RELEASED
    assert ledger.platform_base(sent) == 120_000
    ledger.complete_reset(second.id, decision, DONE, "")
    assert ledger.platform_base(sent) == 0


def test_while_a_reset_is_open_nothing_of_the_visit_is_claimed(ledger, sent):
    ledger.claim([reset_of(sent)])
    with pytest.raises(LedgerError, match="not settled"):
        claim(ledger, sent)
