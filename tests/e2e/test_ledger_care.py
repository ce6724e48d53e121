"""The ledger checked, copied, brought back, written out, and accepted again after it was brought back."""

import csv
import json
import shutil

import pytest

from connector.errors import ConfigurationError, LeaseHeld, LedgerError
from connector.ledger.decisions import Decision
from connector.pipeline.acceptance import accept, compare
from connector.pipeline.ledger_care import back_up, check_ledger, export_ledger, restore


@pytest.fixture
def ward(start):
    ward = start(settle_s=60)
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "20.00")
    assert ward.run().exit_code == 0
    return ward


def compared(ward):
    said = []
    found = compare(ward.parts(), notify=said.append, is_stopping=lambda: False)
    return found, said


def test_a_ledger_in_use_is_whole(ward):
    report = check_ledger(ward.parts(), deep=True)
    assert [one for one in report.checks if one.broken] == []
    assert report.exit_code == 0
    assert "on the ledger's own disk" in report.note


def test_a_copy_made_while_a_run_is_under_way_is_whole_and_holds_what_was_committed(ward, tmp_path):
    with ward.parts().open_ledger() as ledger:
        ledger.take_lease("a run", ttl_s=60)
        run_id = ledger.begin_run("ward", "run")
        report = back_up(ward.parts(), tmp_path / "copy.db")
        ledger.end_run(run_id, exit_code=0, summary={})
    assert report.checks > 10
    assert report.file.stat().st_mode & 0o077 == 0
    with ward.parts().open_file(report.file) as copy:
        assert copy.runs()[0].id == run_id
    assert [one.name for one in tmp_path.glob(".connector*")] == []


def test_nothing_is_overwritten(ward, tmp_path):
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(ConfigurationError, match="exists already"):
        back_up(ward.parts(), tmp_path / "copy.db")
    with pytest.raises(ConfigurationError, match="exists already"):
        export_ledger(ward.parts(), tmp_path / "copy.db", form="csv")
    with pytest.raises(ConfigurationError, match="There is no folder"):
        back_up(ward.parts(), tmp_path / "none" / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_copy_that_is_up_to_date_goes_on_at_once(ward, tmp_path):
    back_up(ward.parts(), tmp_path / "copy.db")
    former = (ward.directory / "ledger.db").read_bytes()
    report = restore(ward.parts(), tmp_path / "copy.db")
    assert report.caution == ""
    assert report.aside.read_bytes() == former
    ward.fee(1, "30.00")
    assert ward.run().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_an_old_copy_sends_nothing_until_its_visits_are_accepted(ward, tmp_path):
    ward.stay(2)
    ward.fee(2, "5.00")
    ward.run()
    back_up(ward.parts(), tmp_path / "copy.db")
    ward.fee(1, "30.00")
    ward.run()
    caution = restore(ward.parts(), tmp_path / "copy.db").caution
    assert "brought back from an old copy" in caution
    ward.fee(2, "7.00")
    assert ward.run().exit_code == 4
    found, said = compared(ward)
    assert [(one.visit, one.ledger, one.platform, one.agrees) for one in found.visits] == [
        ("V1", 300000, 600000, False),
        ("V2", 50000, 50000, True),
    ]
    assert any(text.startswith("Waiting 60 s") for text in said)
    with pytest.raises(ConfigurationError, match="differ about visit “V1”"):
        accept(ward.parts(), found, ["V1"], matching=False, reason="hope")
    with pytest.raises(ConfigurationError, match="No visit “V9”"):
        accept(ward.parts(), found, ["V9"], matching=False, reason="hope")
    accepted = accept(ward.parts(), found, [], matching=True, reason="nothing was sent since")
    assert [one.visit for one in accepted] == ["V2"]
    ward.run()
    assert ward.platform_rows(2) == ward.his_rows(2)
    assert ward.simulator.rows_received == 5
    with ward.parts().open_ledger(read_only=True) as ledger:
        (kept,) = ledger.decisions()
    assert dict(kept.decision.numbers) == {"ledger": "5.0000", "platform": "5.0000"}
    found, said = compared(ward)
    assert [one.visit for one in found.visits] == ["V1"]
    assert said == []


def test_what_was_seen_of_a_ledger_says_nothing_of_one_restored_later(ward, tmp_path):
    back_up(ward.parts(), tmp_path / "copy.db")
    ward.fee(1, "30.00")
    ward.run()
    restore(ward.parts(), tmp_path / "copy.db")
    found, _ = compared(ward)
    decision = Decision("restored", "accept", "Li", "looked at", found.visits[0].visit_id)
    with ward.parts().open_ledger() as ledger:
        ledger.witness.distrust()
        with pytest.raises(LedgerError, match="restored once more"):
            ledger.trust.accept({found.visits[0].visit_id: decision}, found.restorations)


def test_a_lost_witness_is_made_anew_by_who_compares(ward):
    (ward.directory / "ledger.witness").unlink()
    with pytest.raises(LedgerError, match="is missing"):
        ward.run()
    found, said = compared(ward)
    assert "is missing" in said[0]
    assert [one.agrees for one in found.visits] == [True]
    accept(ward.parts(), found, ["V1"], matching=False, reason="the file was deleted by mistake")
    ward.fee(1, "30.00")
    assert ward.run().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_a_copy_brought_back_without_a_witness_is_an_old_one(ward, tmp_path):
    file = ward.directory / "connector.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"file:ledger.key"', '"file:ledger.key", witness: none'), encoding="utf-8")
    back_up(ward.parts(), tmp_path / "copy.db")
    assert "no witness" in check_ledger(ward.parts(), deep=False).note
    assert "every visit is held" in restore(ward.parts(), tmp_path / "copy.db").caution
    ward.fee(1, "30.00")
    assert ward.run().exit_code == 4
    assert sum(ward.platform_rows(1).values()) == 2


def test_what_cannot_be_brought_back_leaves_the_ledger_as_it_is(ward, tmp_path):
    back_up(ward.parts(), tmp_path / "copy.db")
    before = (ward.directory / "ledger.db").read_bytes()
    other = tmp_path / "other.db"
    shutil.copy(tmp_path / "copy.db", other)
    cut = tmp_path / "cut.db"
    cut.write_bytes(other.read_bytes()[:50_000])
    (tmp_path / "text.db").write_text("no ledger")
    for file, error, words in (
        (cut, LedgerError, "cut.db is shorter than it says"),
        (tmp_path / "text.db", LedgerError, "is not a ledger"),
        (tmp_path / "none.db", ConfigurationError, "There is no file"),
        (ward.directory / "ledger.db", ConfigurationError, "is the ledger itself"),
    ):
        with pytest.raises(error, match=words):
            restore(ward.parts(), file)
    with ward.parts().open_ledger() as ledger:
        ledger.take_lease("a run", ttl_s=60)
        with pytest.raises(LeaseHeld, match="A process is delivering"):
            restore(ward.parts(), other)
    assert (ward.directory / "ledger.db").read_bytes()[:100] == before[:100]
    assert list(ward.directory.glob("ledger.db.before*")) == []


def test_a_copy_of_another_ledger_has_to_be_meant(ward, tmp_path):
    back_up(ward.parts(), tmp_path / "copy.db")
    (ward.directory / "ledger.db").unlink()
    with ward.parts().open_ledger(create=True):
        pass
    with pytest.raises(ConfigurationError, match="a copy of another ledger"):
        restore(ward.parts(), tmp_path / "copy.db")
    assert restore(ward.parts(), tmp_path / "copy.db", force=True).caution == ""


@pytest.mark.parametrize("personal", [False, True])
def test_every_row_is_written_out(ward, tmp_path, personal):
    ward.fee(1, "-40.00", quantity="-1")
    ward.run()
    for form in ("csv", "jsonl"):
        report = export_ledger(ward.parts(), tmp_path / f"out.{form}", form=form, show_personal=personal)
        text = (tmp_path / f"out.{form}").read_text(encoding="utf-8-sig")
        rows = (
            list(csv.DictReader(text.splitlines()))
            if form == "csv"
            else list(map(json.loads, text.splitlines()))
        )
        assert report.rows == len(rows) == 4
        assert [row["state"] for row in rows][:3] == ["accepted"] * 3
        assert [row["yuan"] for row in rows][1:3] == ["10.0000", "20.0000"]
        assert {row["evidence"] for row in rows[:3]} == {"ack"}
        assert ("payload" in rows[0]) is personal
        assert "152824198204240045" not in text
