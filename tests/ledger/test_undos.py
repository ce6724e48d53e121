"""What was taken back of a visit: what becomes of its rows, what holds it, and what lets it go."""

import pytest

from connector.errors import LedgerError
from connector.ledger.claims import Intent
from connector.ledger.decisions import Decision
from connector.ledger.steps import AGAIN, LEAVE, UNDO_LEAVE, UNDO_REGISTER, VOID_FEES
from connector.ledger.undos import Holding, Taken
from tests.ledger.blocks import (
    CHARGES,
    VISITS,
    Row,
    accept,
    begin,
    claim,
    outcome,
    stage,
    states,
    visit_block,
)

DONE = outcome("accepted", "0")
NO = outcome("rejected", "120003", "审核")


@pytest.fixture
def sent(ledger):
    """A registered visit with two accepted rows, one that waits, and a baseline."""
    visit = begin(ledger, "A")["A"]
    registration = ledger.outbox.registration(visit)
    accept(ledger, ledger.claim([_registers(visit, registration)])[0])
    ledger.judgements.accept_baseline(90_000, Decision("baseline", "accepted", "dba", "", visit))
    stage(ledger, Row("k1"), Row("k2", amount=20_000, category="91"))
    accept(ledger, claim(ledger, visit))
    stage(ledger, Row("k3"))
    return visit


def _registers(visit, record):
    return Intent(visit, "register", "register", (record.id,), 0, None, "5e55")


def approve(ledger, visit, chain="void_fees"):
    decision = Decision("undo", "fees", "dba", "why", visit, None, {"chain": chain})
    return ledger.undos.approve(decision, "it is being taken back")


def remove(ledger, visit, operation="invalidData"):
    return ledger.claim([Intent(visit, operation, "", (), 0, None, "5e55")])[0]


def take(ledger, visit, decision, name, *, hold="held", is_last=True):
    batch = remove(ledger, visit)
    ledger.undos.complete(batch.id, decision, Taken(name, "m", {"who": "dba"}, hold, is_last), DONE, "yes")


def stand(ledger, visit):
    (known,) = ledger.visits_of([visit])
    return known.registered, known.reason, ledger.platform_base(visit)


def test_fees_that_were_taken_back_are_read_again_and_not_due(ledger, sent):
    assert ledger.undos.charges(sent) == [Holding("11", 1, 10_000), Holding("91", 1, 20_000)]
    decision = approve(ledger, sent)
    assert stand(ledger, sent) == (True, "it is being taken back", 120_000)
    take(ledger, sent, decision, VOID_FEES)
    assert stand(ledger, sent) == (True, "held", 0)
    assert states(ledger, "k1", "k2", "k3") == ["quarantined", "quarantined", "staged"]
    assert states(ledger, "A", mapping=VISITS) == ["accepted"]
    assert ledger.pending_decisions(sent) == []
    assert ledger.undos.charges(sent) == []
    assert ledger.undos.taken_back(sent).name == VOID_FEES
    assert [one.name for one in ledger.undos.done_of(sent, decision)] == [VOID_FEES]


def test_a_registration_that_was_taken_back_is_read_again(ledger, sent):
    ledger.steps.note(sent, LEAVE, "leaveHos", {})
    decision = approve(ledger, sent, "undo_register")
    take(ledger, sent, decision, UNDO_REGISTER)
    assert stand(ledger, sent) == (False, "held", 0)
    assert states(ledger, "A", mapping=VISITS) == ["quarantined"]
    assert ledger.outbox.registration(sent) is None
    assert ledger.steps.leaving_of(sent) is None  # somebody cancelled that by hand
    ledger.stage_visits(visit_block("A"), open_keys=["A"], run_id=1)
    assert ledger.outbox.registration(sent) is not None


def test_a_leaving_that_was_taken_back_holds_nothing(ledger, sent):
    ledger.steps.note(sent, LEAVE, "leaveHos", {})
    take(ledger, sent, approve(ledger, sent, "undo_leave"), UNDO_LEAVE, hold="")
    assert stand(ledger, sent) == (True, "", 120_000)
    assert ledger.undos.taken_back(sent) is None
    assert ledger.steps.leaving_of(sent) is None


def test_a_step_in_the_middle_leaves_the_decision_open(ledger, sent):
    decision = approve(ledger, sent, "undo_leave void_fees")
    take(ledger, sent, decision, UNDO_LEAVE, hold="it is being taken back", is_last=False)
    assert [one.id for one in ledger.pending_decisions(sent)] == [decision]
    batch = remove(ledger, sent)
    ledger.undos.refuse(batch.id, decision, NO, "refused")
    assert stand(ledger, sent) == (True, "refused", 120_000)
    assert ledger.pending_decisions(sent) == []
    assert ledger.undos.taken_back(sent) is None


def test_while_it_is_approved_nothing_else_is_decided(ledger, sent):
    approve(ledger, sent)
    for decide in (
        lambda: approve(ledger, sent),
        lambda: ledger.judgements.approve_reset(Decision("reset", "approved", "dba", "", sent)),
        lambda: ledger.judgements.release(Decision("release", "released", "dba", "", sent)),
        lambda: ledger.undos.let_go(Decision(AGAIN, "let go", "dba", "", sent)),
    ):
        with pytest.raises(LedgerError, match="An undo of this visit is approved"):
            decide()


def test_a_person_lets_it_go(ledger, sent):
    take(ledger, sent, approve(ledger, sent), VOID_FEES)
    ledger.undos.let_go(Decision(AGAIN, "let go", "dba", "", sent))
    assert stand(ledger, sent) == (True, "", 0)
    assert ledger.undos.taken_back(sent) is None
    take(ledger, sent, approve(ledger, sent), VOID_FEES)
    assert ledger.undos.taken_back(sent) is not None


def test_a_word_that_it_may_leave_holds_no_more(ledger, sent):
    ledger.keep_decision(Decision(LEAVE, "let go", "dba", "", sent), is_done=False)
    decision = approve(ledger, sent)
    assert [one.id for one in ledger.pending_decisions(sent)] == [decision]


def test_what_has_not_begun_is_withdrawn(ledger, sent):
    decision = approve(ledger, sent)
    batch = remove(ledger, sent)
    ledger.answer(batch.id, outcome("not_sent"))
    ledger.undos.withdraw(decision, Decision("withdraw", "undo", "dba", "", sent), "")
    assert stand(ledger, sent) == (True, "", 120_000)
    assert ledger.open_batches(sent) == []
    assert ledger.pending_decisions(sent) == []


@pytest.mark.parametrize("verdict", ["in_doubt", "accepted", ""])
def test_what_may_have_had_an_effect_is_not_withdrawn(ledger, sent, verdict):
    decision = approve(ledger, sent)
    batch = remove(ledger, sent)
    if verdict:
        ledger.answer(batch.id, outcome(verdict))
    with pytest.raises(LedgerError, match="It has begun"):
        ledger.undos.withdraw(decision, Decision("withdraw", "undo", "dba", "", sent), "")
    assert [one.id for one in ledger.pending_decisions(sent)] == [decision]


def test_an_earlier_call_without_an_answer_counts_too(ledger, sent):
    decision = approve(ledger, sent)
    first = remove(ledger, sent)
    ledger.answer(first.id, outcome("in_doubt"))
    ledger.note_fenced(first.id)
    second = remove(ledger, sent)
    ledger.answer(second.id, outcome("not_sent"))
    with pytest.raises(LedgerError, match="It has begun"):
        ledger.undos.withdraw(decision, Decision("withdraw", "undo", "dba", "", sent), "")


def test_records_of_orders_go_again_too(ledger, sent):
    stage(ledger, Row("o1", amount=0), mapping="orders")
    batch = ledger.claim(
        [
            Intent(
                sent,
                "sendMedInfo",
                "sendMedInfo.advices.advice",
                tuple(one.id for one in ledger.outbox.staged(sent, "orders")),
                0,
                None,
                "5e55",
            )
        ]
    )[0]
    accept(ledger, batch)
    assert ledger.undos.orders(sent) == 1
    take(ledger, sent, approve(ledger, sent), VOID_FEES)
    assert ledger.undos.orders(sent) == 0
    assert states(ledger, "o1", mapping="orders") == ["quarantined"]
    assert ledger.quarantine.keys(CHARGES) == ["k1", "k2"]
