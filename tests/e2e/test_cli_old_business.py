"""`connector ledger baseline` and `import`: fees that were on the platform before the connector came."""

import json
from decimal import Decimal

import pytest

from tests.e2e.test_counterexamples import two_rows

WHY = ("--because", "entered before the connector came", "--who", "dba", "--yes")


@pytest.fixture
def old(hall):
    """Three visits that the platform knew before: `use` is `connector ledger` on their ward.

    V1: both its rows (30.00) were sent. V2: the rows of its first day (10.00 of 50.00). V3: something else (7.77).
    """
    one = hall()
    ward = one.ward
    two_rows(ward)
    for zyh in (2, 3):
        ward.stay(zyh)
    ward.fee(2, "10.00")
    later = ward.fee(2, "40.00")
    ward.change("UPDATE fee SET day = '2026-03-04' WHERE id = ?", later)
    ward.fee(3, "100.00")
    for zyh, amount in ((1, "30.00"), (2, "10.00"), (3, "7.77")):
        person = {"akc190": f"V{zyh}", "aac002": "152824198204240045"}
        ward.simulator.state.commit("register", visit=f"V{zyh}", data=person, new_injury=False)
        ward.simulator.add_fees_by_hand(f"V{zyh}", Decimal(amount))
    report = ward.run()
    assert set(report.delivered["ward"].held) == {"V1", "V2", "V3"}

    def use(*arguments, **more):
        return one.call(*arguments, command="ledger", **more)

    return ward, use


def totals(ward):
    return [ward.simulator.total(f"V{zyh}") for zyh in (1, 2, 3)]


def decided(ward):
    with ward.parts().open_ledger(read_only=True) as ledger:
        return [(one.decision.kind, one.decision.choice) for one in reversed(ledger.decisions())]


def test_every_visit_gets_what_adds_up_and_no_fee_is_sent_twice(old):
    ward, use = old
    code, out, err = use("baseline", "--all", *WHY)
    assert code == 4
    assert "`connector ledger import`" in out
    assert "1 visit decided" in out
    code, out, err = use("import", "--all-rows", *WHY)
    assert code == 4
    assert "2 rows of 1 visit, 30.00 yuan, will count as sent" in err
    code, out, err = use("import", "--up-to", "2026-03-02", *WHY)
    assert code == 0
    assert "1 row of 1 visit, 10.00 yuan" in err
    assert decided(ward) == [("baseline", "accepted"), ("import", "all rows"), ("import", "up to 2026-03-02")]
    report = ward.run_until_quiet()
    assert report.exit_code == 0
    assert totals(ward) == [30_0000, 50_0000, 107_7700]
    assert "beyond what the ledger says" in use("baseline", "--all", *WHY)[1]


def test_rows_of_a_list_are_marked_and_others_are_told(old, tmp_path):
    ward, use = old
    listed = tmp_path / "sent.csv"
    listed.write_text("\ufeffmapping,key\nfees,1\nfees,2\nfees,3\n", encoding="utf-8")
    code, out, err = use("import", "--file", listed, "--json", *WHY)
    assert code == 0
    assert {one["visit"]: (one["rows"], one["done"]) for one in json.loads(out)} == {
        "V1": (2, True),
        "V2": (1, True),
    }
    code, _, err = use("import", "--file", listed, *WHY)
    assert code == 2
    assert "No row waits to be sent under the key 1, 2, 3" in err
    listed.write_text("mapping,key\n,5\n", encoding="utf-8")
    code, out, _ = use("import", "--file", listed, *WHY)
    assert code == 4
    assert "the rows meant sum up to 100.00, and the platform holds 7.77 more" in out
    assert len(decided(ward)) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", *WHY), "Say which rows"),
        (("import", "--all-rows", "--up-to", "2026-03-01", *WHY), "Say which rows"),
        (("import", "--up-to", "yesterday", *WHY), "a date like"),
        (("import", "--file", "missing.csv", *WHY), "cannot be read as CSV"),
        (("import", "--all-rows", "--visit", "V9", *WHY), "knows no visit"),
        (("import", "--all-rows", "--yes"), "say why"),
        (("baseline", *WHY), "say which visits"),
        (("baseline", "V1", "--all", *WHY), "say which visits"),
    ],
)
def test_wrong_use_is_told(hall, arguments, words):
    code, _, err = hall().call(*arguments, command="ledger")
    assert code == 2
    assert words in err


def test_a_file_without_keys_is_told(hall, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("id\n1\n", encoding="utf-8")
    code, _, err = hall().call("import", "--file", file, *WHY, command="ledger")
    assert code == 2
    assert "column `key`" in err


def test_without_a_reason_or_a_yes_it_only_shows(old):
    ward, use = old
    code, out, err = use("import", "--all-rows")
    assert code == 1
    assert "adds up" in out
    assert "say why" in err
    code, _, err = use("baseline", "V3", "--because", "old", typed="no\n")
    assert code == 1
    assert "Nothing was decided." in err
    assert decided(ward) == []


def test_a_sum_that_several_dates_would_explain_says_so(hall):
    """The charges of the second day cancel out."""
    one = hall()
    ward = one.ward
    ward.stay(1)
    ward.fee(1, "10.00")
    for amount, quantity in (("5.00", "1"), ("-5.00", "-1")):
        row = ward.fee(1, amount, quantity=quantity)
        ward.change("UPDATE fee SET day = '2026-03-03' WHERE id = ?", row)
    person = {"akc190": "V1", "aac002": "152824198204240045"}
    ward.simulator.state.commit("register", visit="V1", data=person, new_injury=False)
    ward.simulator.add_fees_by_hand("V1", Decimal(10))
    ward.run()
    _, out, _ = one.call("import", "--up-to", "2026-03-02", command="ledger")
    assert "so do all rows up to 2026-03-02, 2026-03-03" in out
