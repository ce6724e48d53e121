"""Every fen of the HIS is on the platform, or is kept back for a reason that is named."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.pipeline.totals import Kept, VisitSums, _explain, _scaled
from connector.records import State

amounts = st.integers(-(10**7), 10**7)
keys = st.sampled_from("abcdefgh")


@given(
    st.dictionaries(keys, amounts),
    st.dictionaries(keys, st.tuples(st.sampled_from(list(State)), amounts)),
)
def test_what_is_held_back_always_explains_the_difference(his, ledger):
    one = VisitSums("p", "v")
    one.ledger = sum(amount for state, amount in ledger.values() if state is State.ACCEPTED)
    one.platform = one.ledger
    _explain(one, his, ledger)
    assert one.his == sum(his.values())
    assert one.is_balanced
    assert one.held == one.his - one.ledger


@pytest.mark.parametrize(
    ("his", "ledger", "kept"),
    [
        ({"a": 100}, {"a": (State.ACCEPTED, 100)}, {}),
        ({"a": 100}, {}, {"not read yet": Kept(1, 100)}),
        ({"a": 100}, {"a": (State.STAGED, 100)}, {"waiting to be sent": Kept(1, 100)}),
        ({"a": 1, "b": 2}, {"a": (State.IN_DOUBT, 1), "b": (State.IN_DOUBT, 2)}, {"in doubt": Kept(2, 3)}),
        ({"a": 90}, {"a": (State.ACCEPTED, 100)}, {"changed in the HIS": Kept(1, -10)}),
        ({}, {"a": (State.ACCEPTED, 100)}, {"deleted in the HIS": Kept(1, -100)}),
        ({}, {"a": (State.VOID, 100)}, {}),
        ({"a": 0}, {"a": (State.SET_ASIDE, 0)}, {"set aside": Kept(1, 0)}),
    ],
)
def test_the_reason_is_named(his, ledger, kept):
    one = VisitSums("p", "v")
    _explain(one, his, ledger)
    assert one.kept_back == kept


def test_a_platform_that_differs_is_not_balanced():
    assert not VisitSums("p", "v", his=100, ledger=100, platform=101).is_balanced
    assert not VisitSums("p", "v", his=100, ledger=100).is_balanced
    assert VisitSums("p", "v").is_balanced


@pytest.mark.parametrize(
    ("value", "scaled"),
    [
        (Decimal("1.00005"), 10001),
        (Decimal("-1.00005"), -10001),
        (" 12.30 ", 123000),
        (7, 70000),
        (None, 0),
        ("", 0),
        ("x", 0),
        (float("nan"), 0),
        (float("inf"), 0),
    ],
)
def test_amounts_are_rounded_as_they_are_sent(value, scaled):
    assert _scaled(value) == scaled
