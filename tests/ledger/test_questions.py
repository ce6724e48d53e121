import pytest

from connector.errors import LedgerError
from connector.ledger.decisions import Decision
from tests.ledger.blocks import VISITS, begin

FIRST, SECOND = {"aae073": "1"}, {"aae073": "2"}


def test_a_question_is_asked_once_and_answered_once(ledger, opened, clock):
    visits = begin(ledger, "A", "B")
    number = ledger.questions.ask(visits["A"], "application", [FIRST])
    other = ledger.questions.ask(visits["B"], "application", [SECOND])
    clock.forward(hours=1)
    assert ledger.questions.ask(visits["A"], "application", [FIRST, SECOND]) == number
    [asked, _] = ledger.questions.open(VISITS)
    assert (asked.visit_id, asked.key, asked.kind, asked.candidates) == (
        visits["A"],
        "A",
        "application",
        (FIRST, SECOND),
    )
    assert (asked.asked_at, asked.answered_at) == ("2025-03-01T08:00:00.000+00:00", "")
    decision = Decision("application", "2", "clerk", "covers the stay", visits["A"])
    ledger.questions.answer(number, SECOND, decision)
    assert [one.id for one in ledger.questions.open(VISITS)] == [other]
    ledger.close()
    again = opened()
    [answered] = again.questions.of(visits["A"])
    assert (answered.chosen, answered.candidates) == (SECOND, (FIRST, SECOND))
    [kept] = again.decisions(visits["A"])
    assert (kept.id, kept.decision, kept.is_pending) == (answered.decision_id, decision, False)
    with pytest.raises(LedgerError, match="Question 1 is not open"):
        again.questions.answer(number, FIRST, decision)
    assert len(again.decisions()) == 1


def test_a_question_that_answered_itself_is_withdrawn_and_may_be_asked_again(ledger):
    visits = begin(ledger, "A")
    ledger.questions.ask(visits["A"], "injury", [FIRST])
    ledger.questions.withdraw(visits["A"], "injury")
    ledger.questions.withdraw(visits["A"], "injury")
    assert ledger.questions.of(visits["A"]) == []
    ledger.questions.ask(visits["A"], "injury", [SECOND])
    assert [one.candidates for one in ledger.questions.open(VISITS)] == [(SECOND,)]


def test_different_questions_about_a_visit_stand_beside_each_other(ledger):
    visits = begin(ledger, "A")
    kinds = ["injury", "application"]
    numbers = [ledger.questions.ask(visits["A"], kind, [FIRST]) for kind in kinds]
    assert len(set(numbers)) == 2
    assert [one.kind for one in ledger.questions.of(visits["A"])] == kinds
    assert "aae073" not in repr(ledger.questions.of(visits["A"]))
