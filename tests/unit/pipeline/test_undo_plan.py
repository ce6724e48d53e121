"""Which calls take a visit back, in which order, and when none may be made: over every kind of visit."""

import itertools

import pytest

from connector.ledger.steps import UNDO_LEAVE, UNDO_REGISTER, VOID_FEES
from connector.ledger.undos import Holding
from connector.pipeline.undo_plan import (
    METHODS,
    Reach,
    UndoFacts,
    advise,
    chain_of,
    plan_undo,
    read_chain,
    removes,
)

FEES = (Holding("11", 2, 300_000), Holding("91", 1, 5_000))


def facts(**changes):
    usual = {
        "is_cross_province": False,
        "is_registered": True,
        "is_listed": True,
        "has_left": True,
        "ledger": 305_000,
        "platform": 305_000,
        "left": "2026-03-05",
        "charges": FEES,
        "orders": 4,
    }
    return UndoFacts(**{**usual, **changes})


@pytest.mark.parametrize("is_far", [False, True], ids=["local", "far"])
def test_what_came_later_goes_first(is_far):
    every = (UNDO_LEAVE, VOID_FEES, UNDO_REGISTER)
    for length, reach in enumerate(Reach, start=1):
        assert plan_undo(facts(is_cross_province=is_far), reach).steps == every[:length]


def test_what_is_not_there_is_not_called_for():
    there = facts(has_left=False, left="")
    assert plan_undo(there, Reach.REGISTRATION).steps == (VOID_FEES, UNDO_REGISTER)
    empty = facts(has_left=False, left="", ledger=0, platform=0, charges=())
    assert plan_undo(empty, Reach.REGISTRATION).steps == (UNDO_REGISTER,)
    assert "has not left" in plan_undo(there, Reach.LEAVE).refusal
    assert "no fees" in plan_undo(empty, Reach.FEES).refusal
    assert "not registered" in plan_undo(facts(is_registered=False), Reach.REGISTRATION).refusal


def test_a_total_of_zero_does_not_prove_that_there_are_no_fees():
    cancelled = facts(ledger=0, platform=0, charges=(Holding("11", 2, 0),))
    assert VOID_FEES in plan_undo(cancelled, Reach.REGISTRATION).steps
    by_hand = facts(ledger=0, charges=(), platform=70_000)
    assert VOID_FEES in plan_undo(by_hand, Reach.REGISTRATION).steps


def test_a_visit_that_the_platform_does_not_list_is_only_confirmed():
    gone = facts(is_listed=False, platform=0)
    assert plan_undo(gone, Reach.REGISTRATION).steps == (UNDO_REGISTER,)
    for reach in (Reach.LEAVE, Reach.FEES):
        assert "--to registration" in plan_undo(gone, reach).refusal


def test_a_doubt_comes_first():
    for reach in Reach:
        plan = plan_undo(facts(doubt="a call of leaveHos is in doubt"), reach)
        assert plan.steps == ()
        assert "next `connector run` settles that" in plan.refusal


def test_a_plan_has_steps_or_a_refusal_and_never_the_wrong_way_round():
    order = [UNDO_LEAVE, VOID_FEES, UNDO_REGISTER]
    for registered, listed, left, money, doubt, reach in itertools.product(
        (True, False), (True, False), (True, False), (0, 10_000), ("", "doubt"), Reach
    ):
        plan = plan_undo(
            facts(
                is_registered=registered,
                is_listed=listed,
                has_left=left,
                ledger=money,
                platform=money if listed else 0,
                charges=FEES if money else (),
                doubt=doubt,
            ),
            reach,
        )
        assert bool(plan.steps) != bool(plan.refusal)
        assert list(plan.steps) == sorted(plan.steps, key=order.index)


def test_what_stays_is_said_before_anything_is_called():
    far = facts(is_cross_province=True, is_approved=True, invoices=("N1", "N2"))
    stays = " ".join(plan_undo(far, Reach.REGISTRATION).stays)
    for words in ("N1, N2", "320004", "T108", "T112", "T113"):
        assert words in stays
    stays = " ".join(plan_undo(facts(is_approved=True), Reach.FEES).stays)
    assert "T108" in stays
    assert "320004" not in stays
    assert "61008" in " ".join(plan_undo(facts(is_named=False), Reach.REGISTRATION).stays)


def test_what_each_call_removes_is_in_numbers():
    assert removes(facts(invoices=("N1",)), UNDO_LEAVE) == (
        "the leaving of 2026-03-05, with its medical records, 1 invoice"
    )
    assert removes(facts(), VOID_FEES) == "all fees: 3 rows, 30.50 yuan (11: 2 rows 30.00, 91: 1 row 0.50)"
    assert "the platform shows 35.50" in removes(facts(platform=355_000), VOID_FEES)
    assert removes(facts(), UNDO_REGISTER) == "the registration, and 4 orders with it"
    assert "gone there already" in removes(facts(is_listed=False), UNDO_REGISTER)


def test_a_chain_is_kept_as_text():
    steps = (UNDO_LEAVE, VOID_FEES, UNDO_REGISTER)
    assert read_chain({"chain": chain_of(steps), "rows": 3}) == steps
    assert read_chain({}) == ()


def test_both_families_have_a_call_for_each_step():
    assert {tuple(calls) for calls in METHODS.values()} == {(UNDO_LEAVE, VOID_FEES, UNDO_REGISTER)}


def test_every_refusal_has_advice():
    for code in (
        "120003",
        "61005",
        "61006",
        "130001",
        "320003",
        "320004",
        "340001",
        "340005",
        "360003",
        "77777",
    ):
        assert advise(code)
