"""`connector reconcile`: three sums, the rows between them, and what somebody did by hand on the platform."""

import csv
import io
import json
import stat
from datetime import timedelta
from decimal import Decimal

import openpyxl
import pytest

import connector.pipeline.parts
from connector.cli.main import run
from connector.pipeline import sheets
from connector.simulator.meddling import enter_by_hand
from tests.ward import ENVIRON


@pytest.fixture
def hospital(start, monkeypatch, capsys):
    """A ward, and its commands on the ward's own clock: `use(…)` gives exit code, stdout and stderr."""

    def begin(**settings):
        ward = start(**settings)
        for name, value in ENVIRON.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(connector.pipeline.parts, "real_clock", ward.time.clock)

        def use(*arguments):
            code = run([*arguments, "-p", str(ward.directory)])
            printed = capsys.readouterr()
            return code, printed.out, printed.err

        return ward, use

    return begin


@pytest.fixture
def full(hospital):
    """One visit with two rows there, one in quarantine, one changed and one deleted since, and one not yet read."""
    ward, use = hospital(platform={"needs_records": False})
    ward.stay(1)
    ward.fee(1, "10.00")
    changed, deleted = ward.fee(1, "20.0150"), ward.fee(1, "40.00")
    ward.fee(1, "-5.00", price="-5.00", item="=BAD")
    assert use("run")[0] == 3
    ward.change("UPDATE fee SET amount = 19, price = 19 WHERE id = ?", changed)
    ward.change("DELETE FROM fee WHERE id = ?", deleted)
    unread = ward.fee(1, "7.00")
    return ward, use, {"changed": changed, "deleted": deleted, "unread": unread}


def found(use, *arguments):
    code, out, _ = use("reconcile", "--json", *arguments)
    return code, json.loads(out)


def calls(ward, method):
    return sum(one["event"] == method for one in ward.simulator.state.journal)


def test_every_row_between_the_sums_is_named(full):
    ward, use, keys = full
    sent = ward.simulator.rows_received
    code, report = found(use)
    (one,) = report["comparisons"]
    assert code == 4  # a row was changed and one deleted: nothing on its way makes that good
    assert (one["his"], one["ledger"], one["platform"]) == ("31.0000", "70.0150", "70.0150")
    assert {row["key"]: (row["why"], row["difference"]) for row in one["rows"]} == {
        "4": ("quarantined", "-5.0000"),
        str(keys["changed"]): ("changed in the HIS", "-1.0150"),
        str(keys["deleted"]): ("deleted in the HIS", "-40.0000"),
        str(keys["unread"]): ("not read yet", "7.0000"),
    }
    assert one["is_balanced"]
    assert one["candidates"] == []
    assert ward.simulator.rows_received == sent
    assert calls(ward, "approve") == 0
    _, out, _ = use("reconcile")
    assert f"fees {keys['changed']}: changed in the HIS; HIS 19.00, on the platform 20.015" in out
    assert "fees 4: quarantined; HIS -5.00, on the platform 0.00 (=BAD alc405 positive" in out
    assert "1 visit compared, 0 equal. HIS 31.00; ledger 70.0150; platform 70.0150." in out


def test_equal_visits_and_rows_that_wait_are_complete(hospital):
    ward, use = hospital()
    ward.stay(1)
    ward.fee(1, "10.00")
    use("run")
    assert "1 visit compared, 1 equal" in use("reconcile")[1]
    ward.fee(1, "5.00")
    code, report = found(use)
    assert code == 0
    assert report["comparisons"][0]["kept_back"] == {"not read yet": {"rows": 1, "amount": "5.0000"}}
    code, report = found(use, "--differences", "V1")
    assert (code, report["equal"], len(report["comparisons"])) == (0, 0, 1)


def test_what_somebody_did_by_hand_is_traced_to_its_row(hospital):
    ward, use = hospital()
    ward.stay(1)
    ward.stay(2)
    for amount in ("10.00", "20.00"):
        ward.fee(1, amount)
        ward.fee(2, amount)
    bad = ward.fee(1, "-5.00", price="-5.00")
    use("run")
    assert found(use)[0] == 3
    enter_by_hand(ward.simulator.state, "V1", Decimal("-5.00"))
    enter_by_hand(ward.simulator.state, "V2", Decimal("3.33"))
    code, report = found(use)
    assert code == 4
    one, two = report["comparisons"]
    assert one["candidates"] == [f"fees {bad} (quarantined) is there: entered or corrected by hand"]
    assert one["surplus"] == "-5.0000"
    assert two["candidates"] == ["no single row and no batch explains it"]
    assert ward.run().exit_code == 4  # the reading has made the visits due, and the run holds them
    assert "held: the platform holds 25.00" in use("reconcile", "V1")[1]


def test_a_late_duplicate_is_suspected(hospital):
    ward, use = hospital(platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "20.00")
    ward.run_until_quiet()
    enter_by_hand(ward.simulator.state, "V1", Decimal("30.00"))
    code, report = found(use)
    assert code == 4
    assert report["comparisons"][0]["candidates"] == [
        "suspected late duplicate of batch 2, which was found not applied"
    ]


def test_doubts_are_shown_and_settled_on_request(hospital):
    ward, use = hospital(platform={"faults": ["N.sent_no_answer:sendMedInfo@1"]})
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "20.00")
    ward.time.on_sleep = lambda seconds: ward.stop.set()
    ward.run()  # stopped while it waits: the batch stays in doubt
    ward.time.on_sleep = lambda seconds: None
    sent = ward.simulator.rows_received
    code, report = found(use)
    assert code == 4
    assert report["comparisons"][0]["kept_back"]["in doubt"]["rows"] == 2
    assert report["comparisons"][0]["candidates"] == ["batch 2, which is in doubt, is there"]
    code, out, _ = use("reconcile", "--settle")
    assert code == 0
    assert "1 batch in doubt settled by the platform's totals." in out
    assert ward.simulator.rows_received == sent
    assert "1 batch was accepted by inference" in use("status")[1]
    _, out, _ = use("status", "--inferred")
    assert "Last reconciliation:" in out
    assert [line.split()[:4] for line in out.splitlines() if " V1 " in line] == [["2", "V1", "2", "30.00"]]


def test_categories_are_asked_for_only_with_approval(hospital, monkeypatch):
    ward, use = hospital()
    ward.stay(1)
    ward.fee(1, "10.00")
    use("run")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, err = use("reconcile", "--approval")
    assert code == 1
    assert "approves the uploaded fees of up to 1 visit" in err
    assert calls(ward, "approve") == 0
    code, report = found(use, "--approval", "--yes")
    assert code == 0
    assert calls(ward, "approve") == 1
    assert [one["platform"] for one in report["comparisons"][0]["categories"] if one["platform"]] == [
        "10.0000"
    ]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_export_is_equal_to_the_fen(full, tmp_path, ending):
    _, use, keys = full
    file = tmp_path / f"totals.{ending}"
    code, out, _ = use("reconcile", "--export", str(file))
    assert code == 4
    assert f"Written: {file}" in out.replace("\n", "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    if ending == "csv":
        assert file.read_bytes().startswith(b"\xef\xbb\xbf")
        with file.open(encoding="utf-8-sig", newline="") as one:
            totals = list(csv.DictReader(one))
        with (tmp_path / "totals-rows.csv").open(encoding="utf-8-sig", newline="") as one:
            rows = list(csv.DictReader(one))
    else:
        book = openpyxl.load_workbook(file)
        totals, rows = (
            [dict(zip(sheets_head, line, strict=True)) for line in body]
            for sheets_head, *body in (list(book[name].values) for name in ("totals", "rows"))
        )
        assert book["rows"]["D2"].number_format == "@"
        assert all(cell.data_type != "f" for sheet in book for line in sheet for cell in line)
    whole, *parts = totals
    assert (whole["visit"], whole["category"], whole["verdict"]) == ("V1", sheets.WHOLE, "look at it")
    money = {name: Decimal(str(whole[name])) for name in ("HIS", "ledger", "platform")}
    assert money == {"HIS": Decimal(31), "ledger": Decimal("70.015"), "platform": Decimal("70.015")}
    for name in ("HIS", "ledger"):
        assert sum(Decimal(str(one[name])) for one in parts) == money[name]
    assert sum(Decimal(str(row["difference"])) for row in rows) == money["HIS"] - money["ledger"]
    assert {row["key"] for row in rows} == {"4", *map(str, keys.values())}
    (bad,) = (row for row in rows if row["why"] == "quarantined")
    assert bad["item"] == ("'=BAD" if ending == "csv" else "=BAD")
    code, _, err = use("reconcile", "--export", str(file))
    assert code == 2
    assert "exists already" in err


def test_an_export_that_did_not_end_leaves_no_file(hospital, tmp_path):
    ward, use = hospital(platform={"faults": [{"fault": "N.500.B", "operation": "getPerDetail", "every": 1}]})
    ward.stay(1)
    use("run")
    file = tmp_path / "totals.csv"
    code, out, _ = use("reconcile", "--export", str(file))
    assert code == 1
    assert "Ended early: the platform failed 3 times in a row" in out
    assert list(tmp_path.glob("totals*")) == []
    assert ward.simulator.state.sessions == {}


@pytest.mark.parametrize(
    ("name", "says"), [("totals.txt", "a .csv or an .xlsx"), ("nowhere/totals.csv", "No such file")]
)
def test_an_export_that_cannot_be_is_refused_at_once(hospital, tmp_path, name, says):
    ward, use = hospital()
    ward.stay(1)
    code, _, err = use("reconcile", "--export", str(tmp_path / name))
    assert code == 2
    assert says in " ".join(err.split())


def test_a_stop_closes_the_session_and_compares_nothing(hospital, monkeypatch, tmp_path):
    ward, use = hospital()
    ward.stay(1)
    use("run")
    monkeypatch.setattr("connector.cli.stopping.Stopping.__call__", lambda stopping: True)
    code, out, _ = use("reconcile", "--export", str(tmp_path / "totals.xlsx"))
    assert code == 130
    assert "Ended early: stopped on request" in out
    assert ward.simulator.state.sessions == {}
    assert not (tmp_path / "totals.xlsx").exists()


def test_wrong_use_is_told_before_anything_is_asked(hospital):
    ward, use = hospital()
    ward.stay(1)
    assert use("reconcile", "V9")[0] == 2
    assert use("reconcile", "--pipeline", "wrad")[0] == 2
    code, out, _ = use("reconcile", "--all")
    assert (code, ward.simulator.state.sessions) == (0, {})
    assert "0 visits compared" in out


def test_it_waits_for_no_run_and_no_run_for_it(hospital):
    ward, use = hospital()
    ward.stay(1)
    use("run")
    with ward.parts().open_ledger() as ledger:
        lease = ledger.take_lease("somebody else", ttl_s=60)
        assert use("reconcile")[0] == 5
        ledger.release_lease(lease)


def test_a_visit_is_due_for_a_second_look_no_more_after_a_reconciliation(hospital):
    ward, use = hospital(platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.run_until_quiet()
    ward.time.sleep(timedelta(hours=3).total_seconds())
    assert use("reconcile")[0] == 0
    assert ward.run().delivered == {}
