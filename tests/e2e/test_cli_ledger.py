"""`connector ledger`: what people decided."""

import json

import pytest

from connector.ledger.decisions import Decision


@pytest.fixture
def decided(hall):
    """A visit and two decisions about it, one of them waiting, and one about no visit."""
    one = hall()
    one.ward.stay(1)
    one.ward.run()
    with one.ward.parts().open_ledger() as ledger:
        (visit,) = ledger.find_visits("V1")
        ledger.keep_decision(
            Decision(
                "batch", "all", "dba", "looked at the page", visit.visit_id, numbers={"platform": "30.0000"}
            )
        )
        ledger.keep_decision(
            Decision("reset", "approved", "head", "wrong codes", visit.visit_id), is_done=False
        )
        ledger.keep_decision(Decision("ledger", "kept", "dba", "a note"))
    return one


def test_decisions_are_listed_with_who_why_and_numbers(decided):
    code, out, _ = decided.call("decisions", command="ledger")
    assert code == 0
    for word in ("dba", "V1", "looked at the page", "platform 30.0000", "waits for the next run", "a note"):
        assert word in out
    code, out, _ = decided.call("decisions", "V1", "--json", command="ledger")
    assert [one["choice"] for one in json.loads(out)] == ["approved", "all"]
    assert [one["visit"] for one in json.loads(out)] == ["V1", "V1"]
    assert [bool(one["done_at"]) for one in json.loads(out)] == [False, True]


def test_a_visit_may_be_named_by_its_key_and_an_unknown_one_is_told(decided):
    assert "wrong codes" in decided.call("decisions", "1", command="ledger")[1]
    code, _, err = decided.call("decisions", "V9", command="ledger")
    assert code == 2
    assert "knows no visit" in err


def test_where_nothing_was_decided_it_says_so(hall):
    assert hall().call("decisions", command="ledger")[1] == "Nothing was decided by a person.\n"
