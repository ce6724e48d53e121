"""Every fen between HIS and ledger is explained by a row; between ledger and platform what is planted is named."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.ledger.accounts import Booked
from connector.ledger.conclusions import Concluded
from connector.ledger.overview import OpenBatch
from connector.pipeline.balance import (
    NO_CANDIDATE,
    CategorySums,
    Charged,
    Comparison,
    Kept,
    Row,
    Tally,
    find_candidates,
    weigh,
)
from connector.records import BatchState, State

amounts = st.integers(-(10**7), 10**7)
keys = st.sampled_from("abcdefgh")
records = st.lists(
    st.builds(
        lambda state, amount, category, changed: Booked(1, "", state, amount, category, (), changed),
        st.sampled_from([state for state in State if state is not State.VOID]),
        amounts,
        st.sampled_from(["", "11", "22"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


def compared(tally, platform=None, **more):
    return Comparison(
        "p",
        "k",
        "v",
        "",
        tuple(tally.categories.values()),
        tuple(tally.rows),
        platform,
        "",
        kept_back=tally.kept_back(),
        **more,
    )


def concluded(batch, amount):
    return Concluded(batch, 1, "V1", 1, amount, "", "")


def in_doubt(batch, amount):
    return OpenBatch(batch, 1, "k", "V1", "m", "n", 1, amount, BatchState.IN_DOUBT, 0, "", 0.0, "")


@given(
    st.dictionaries(keys, st.builds(Charged, amounts, st.sampled_from(["", "11"]))),
    st.dictionaries(keys, records),
)
def test_the_rows_always_explain_what_the_ledger_lacks(his, ledger):
    tally = Tally()
    for key in sorted(his.keys() | ledger.keys()):
        tally.take("fees", key, his.get(key), ledger.get(key, ()))
    one = compared(tally, tally.accepted)
    assert one.his == sum(charged.amount for charged in his.values())
    assert one.ledger == sum(
        r.amount for booked in ledger.values() for r in booked if r.state is State.ACCEPTED
    )
    assert sum(row.difference for row in one.rows) == one.held == one.his - one.ledger
    assert one.is_balanced


def booked(state, amount=100, *, rules=(), changed=False):
    return Booked(1, "a", State(state), amount, "11", rules, changed)


@pytest.mark.parametrize(
    ("his", "ledger", "why"),
    [
        (100, [booked("accepted")], None),
        (100, [], "not read yet"),
        (100, [booked("staged")], "waiting to be sent"),
        (100, [booked("claimed")], "in doubt"),
        (100, [booked("in_doubt")], "in doubt"),
        (100, [booked("quarantined", 0, rules=("alc405 positive",))], "quarantined"),
        (0, [booked("quarantined", 0)], "quarantined"),
        (0, [booked("set_aside", 0)], None),
        (90, [booked("accepted")], "changed in the HIS"),
        (100, [booked("accepted", changed=True)], "changed in the HIS"),
        (90, [booked("accepted"), booked("staged", -100), booked("staged", 90)], "waiting to be sent"),
        (90, [booked("accepted"), booked("accepted", -100), booked("accepted", 90)], None),
        (None, [booked("accepted")], "deleted in the HIS"),
        (None, [booked("accepted"), booked("accepted", -100)], None),
        (None, [booked("in_doubt")], "in doubt"),
        (None, [booked("staged")], "waiting to be sent"),
        (None, [booked("quarantined")], None),
    ],
)
def test_the_reason_is_named(his, ledger, why):
    row = weigh("fees", "a", None if his is None else Charged(his), ledger)
    assert (row.why if row else None) == why
    if why == "quarantined" and his:
        assert row.detail == "alc405 positive"


@pytest.mark.parametrize(
    ("his", "ledger", "platform", "more", "is_settled"),
    [
        (100, [booked("accepted")], 100, {}, True),
        (100, [booked("accepted")], 200, {}, True),  # half a fen is the blur of a total
        (100, [booked("accepted")], 201, {}, False),
        (100, [booked("accepted")], None, {}, True),
        (50_000, [booked("accepted", 50_000)], None, {}, False),
        (100, [booked("accepted")], 100, {"unread": "no answer"}, False),
        (100, [booked("accepted")], 50_100, {"others": 50_000}, True),
        (100, [], 0, {}, True),
        (100, [booked("staged")], 0, {}, True),
        (100, [booked("quarantined")], 0, {}, True),
        (100, [booked("in_doubt")], 0, {}, False),
        (90, [booked("accepted")], 100, {}, False),
        (None, [booked("accepted")], 100, {}, False),
        (100, [booked("accepted", changed=True)], 100, {}, True),
    ],
)
def test_whether_somebody_has_to_look(his, ledger, platform, more, is_settled):
    tally = Tally()
    tally.take("fees", "a", None if his is None else Charged(his, "11"), ledger)
    assert compared(tally, platform, **more).is_settled is is_settled


def test_a_visit_that_is_held_is_never_settled():
    one = Comparison("p", "k", "v", "because", (CategorySums("11"),), (), 0, "")
    assert one.is_balanced
    assert not one.is_settled


def test_each_category_keeps_its_own_sums():
    tally = Tally()
    tally.take("fees", "a", Charged(100, "11"), [booked("accepted")])
    tally.take("fees", "b", Charged(7, "22"), [Booked(1, "b", State.QUARANTINED, 0, "", ("r",))])
    tally.take("fees", "c", Charged(5, ""), [Booked(1, "c", State.STAGED, 5, "")])
    tally.hear([("11", 100), ("33", 9)])
    assert tally.categories == {
        "11": CategorySums("11", his=100, accepted=100, platform=100),
        "22": CategorySums("22", his=7, quarantined=7),
        "": CategorySums("", his=5, waiting=5),
        "33": CategorySums("33", platform=9),
    }
    assert tally.kept_back() == {"quarantined": Kept(1, 7), "waiting to be sent": Kept(1, 5)}


def row(key, difference, why="quarantined"):
    return Row("fees", key, "", "", why, "", max(difference, 0), max(-difference, 0))


@given(
    st.lists(st.integers(201, 10**7).map(lambda n: n * 3), min_size=1, max_size=8, unique=True),
    st.data(),
)
def test_what_is_planted_is_named(amounts, data):
    """Amounts lie more than the blur apart, so that only what was planted, or a copy of it, can be named."""
    assume(all(abs(abs(a) - abs(b)) > 400 for i, a in enumerate(amounts) for b in amounts[:i]))
    planted = data.draw(st.integers(0, len(amounts) - 1))
    kind = data.draw(st.sampled_from(["unapplied", "doubt", "waiting", "missing", "twice"]))
    amount = amounts[planted]
    everything = list(enumerate(amounts))
    candidates = find_candidates(
        -amount if kind == "missing" else amount,
        [row(f"k{n}", a) for n, a in everything] if kind == "waiting" else [],
        [("fees", booked("accepted", a)) for _, a in everything] if kind in ("missing", "twice") else [],
        [concluded(n, a) for n, a in everything] if kind == "unapplied" else [],
        [in_doubt(n, a) for n, a in everything] if kind == "doubt" else [],
    )
    assert candidates == (
        {
            "unapplied": f"suspected late duplicate of batch {planted}, which was found not applied",
            "doubt": f"batch {planted}, which is in doubt, is there",
            "waiting": f"fees k{planted} (quarantined) is there: entered or corrected by hand",
            "missing": "fees a is missing there: deleted by hand",
            "twice": "fees a is there twice",
        }[kind],
    )


def test_all_rows_of_one_reason_together_are_a_candidate():
    rows = [row("a", 10_000), row("b", 20_000), row("c", 5_000, "waiting to be sent")]
    assert find_candidates(30_000, rows, [], [], []) == (
        "all 2 rows that are quarantined are there: 3.00 together",
    )


def test_what_nothing_explains_is_said_to_be_unexplained():
    assert find_candidates(77_700, [row("a", 10_000)], [], [concluded(1, 5_000)], []) == (NO_CANDIDATE,)


def test_many_candidates_are_counted():
    found = find_candidates(-10_000, [], [("fees", booked("accepted", 10_000))] * 8, [], [])
    assert len(found) == 6
    assert found[-1] == "and 3 more rows of that amount"
