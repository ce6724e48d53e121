"""`connector ask`: the platform's lists, by days, held against the ledger, naming nobody."""

import csv
import json
from decimal import Decimal

import pytest

from connector.ledger.journal import Search
from tests.e2e.call_kit import ADMISSION

ME = "张敏"


@pytest.fixture
def clinic(hall):
    """Two visits at the platform; `use(…)` is the command."""

    def begin(**platform):
        place = hall(**platform)
        for zyh in (1, 2):
            place.ward.stay(zyh, name=ME)
            place.ward.fee(zyh, "10.00")
        assert place.ward.run().exit_code == 0
        place.platform.calls.clear()

        def use(*arguments):
            what, *rest = arguments
            return place.call(what, *rest, command="ask")

        return place, use

    return begin


def request(place, method):
    """The last one that was sent."""
    with place.ward.parts().open_ledger(read_only=True) as ledger:
        (entry,) = ledger.journal.find(Search(operations=(method,)), 1)
    return json.loads(entry.exchange.request)


def found(use, *arguments):
    code, out, _ = use("visits", "--json", *arguments)
    report = json.loads(out)
    return code, {one["visit"]: one["finding"] for one in report["visits"]}, report


def test_nothing_said_is_this_month_and_both_ends_are_sent(clinic):
    place, use = clinic()
    code, out, err = use("visits")
    assert code == 0
    assert "recorded 2026-03-01 to 2026-03-05 (this month)" in err
    assert "2 visits listed; 0 to look at." in out
    sent = request(place, "getPerDetail")
    assert (sent["aae036s"], sent["aae036e"], sent["akc192s"]) == ("2026-03-01", "2026-03-05", "")


def test_what_differs_is_named(clinic, tmp_path):
    place, use = clinic()
    assert place.call("register", "--yes", data=ADMISSION)[0] == 0  # by hand: the ledger does not know it
    place.platform.add_fees_by_hand("V2", Decimal(5))
    code, findings, report = found(use, "--export", tmp_path / "list.csv")
    assert code == 4
    assert findings == {"V1": "equal", "V2": "DIFFERS", "H1": "NOT IN THE LEDGER"}
    sums = {one["visit"]: (one["platform"], one["ledger"]) for one in report["visits"]}
    assert (sums["V2"], sums["H1"]) == (("15.0000", "10.0000"), ("0.0000", None))
    with (tmp_path / "list.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["visit"]: (row["platform"], row["ledger"]) for row in csv.DictReader(file)}
    assert (rows["V2"], rows["H1"]) == (("15.00", "10.00"), ("0.00", ""))
    assert not (tmp_path / "list-visits.csv").exists()
    assert use("visits", "--export", tmp_path / "list.csv")[0] == 2
    _, out, _ = use("visits", "--differences")
    assert "V1" not in out


def test_a_registered_visit_that_is_not_listed_is_asked_for_by_its_number(clinic):
    place, use = clinic()
    del place.platform.state.visits["V2"]
    code, findings, report = found(use)
    assert (code, findings) == (4, {"V1": "equal", "V2": "NOT LISTED"})
    assert report["listed"] == 1
    assert place.heard() == ["getPerDetail"] * 2
    place.platform.calls.clear()
    assert found(use, "--by", "admitted")[1] == {"V1": "equal"}  # of these days the ledger knows nothing
    assert found(use, "--since", "2026-01-01", "--until", "2026-02-01")[1] == {}


def test_the_first_day_is_not_behind_the_last(clinic):
    place, use = clinic()
    code, _, err = use("visits", "--since", "2026-03-04", "--until", "2026-03-03")
    assert code == 2
    assert "no day is between them" in err
    assert use("reports", "--since", "4.3.2026")[0] == 2
    assert place.platform.calls == []


def test_applications_and_reports_are_told_in_words_and_name_nobody(clinic):
    place, use = clinic()
    code, out, err = use("applications", "--since", "2026-02-01")
    assert code == 0
    assert "applied 2026-02-01 to 2026-03-05" in err
    assert out.count("aae073 审批编号: ") == 2
    assert "ale021 继续治疗类别: 7 (旧伤复发)" in out
    assert not any(name in out for name in (ME, "王医生", "李主任", "152824198204240045"))
    sent = request(place, "getCureBatch")
    assert (sent["akc176s"], sent["akc176e"], sent["aae035"]) == ("2026-02-01", "2026-03-05", "")
    assert ME in use("applications", "--since", "2026-02-01", "--show-personal")[1]
    code, out, _ = use("reports", "--since", "2026-02-01", "--json")
    told = json.loads(out)
    assert (code, told["method"]) == (0, "getReportBatch")
    assert "巴特尔" not in out
    assert "赵安全" not in out
    assert use("applications", "--since", "2026-02-21", "--by", "approved")[1].count("aae073") == 1


def test_the_drug_share_of_a_visit_that_is_no_rehabilitation_says_so(clinic):
    _, use = clinic()
    code, out, err = use("drug-share", "1")  # the HIS's key
    assert code == 0
    assert "药品占比: " in out
    assert "%" in out
    assert "no rehabilitation" in err
    assert ME not in out
    assert use("drug-share", "NOBODY")[0] == 1
