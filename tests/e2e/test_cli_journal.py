"""`connector journal`: calls listed, shown in words, exported; people's names hidden unless asked for."""

import json
import stat

import pytest

from connector.ledger.journal import Journal
from tests.e2e.call_kit import IDENTITY, NAME, PDF


@pytest.fixture
def told(hall):
    """A ward after a run and three calls by hand, and its journal's command line."""
    hall = hall()
    hall.ward.stay(1, name=NAME)
    for _ in range(5):
        hall.ward.fee(1)
    hall.ward.run()
    hall.ward.time.sleep(24 * 3600)
    hall.call("4.3", data={"aac002": IDENTITY, "aac003": NAME})
    hall.call("getCure", data={"alca02": "NOBODY"})
    hall.call("getPerMed", data={"akc190": "V9"})

    def run(*arguments, code=0):
        got, out, err = hall.call(*arguments, command="journal")
        assert got == code, err
        return err if code else out

    run.hall = hall
    return run


def listed(told, *arguments):
    return json.loads(told("list", "--json", *arguments))["calls"]


def methods(told, *arguments):
    return [one["method"] for one in listed(told, *arguments) if one["method"] not in ("login", "logout")]


def test_who_was_uploaded_and_when(told):
    out = told("list", "--visit", "V1", "--operation", "4.10")
    assert "4.10 sendMedInfo" in out
    assert "40.00" in out
    assert "10.00" in out
    rows = listed(told, "--visit", "1", "--operation", "upload charges")
    assert [(one["rows"], one["amount"]) for one in rows] == [(1, "10.0000"), (4, "40.0000")]
    assert {one["visit"] for one in rows} == {"V1"}


def test_it_is_searched_by_time_and_outcome(told):
    assert methods(told, "--since", "2026-03-06") == ["getPerMed", "getCure", "getInjuryByNameAndId"]
    assert "getCure" not in methods(told, "--until", "2026-03-05")
    assert "getCure" in methods(told, "--until", "2026-03-06")
    assert methods(told, "--outcome", "failed") == ["getPerMed", "getCure"]
    assert methods(told, "--outcome", "REJECTED") == ["getCure"]
    assert methods(told, "--outcome", "in-doubt") == []
    assert "No call fits." in told("list", "--visit", "nobody")
    assert "These are the last 2 calls that fit" in told("list", "--limit", "2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "--since", "1.3.2026"), "--since: “1.3.2026” is no date. Write 2026-03-01"),
        (("list", "--until", "2026-02-30"), "--until: “2026-02-30” is no date"),
        (("list", "--until", "0001-01-01"), "is no date"),
        (("list", "--since", "2026-03-02", "--until", "2026-03-01"), "is not before"),
        (("list", "--outcome", "acepted"), "Did you mean accepted?"),
        (("list", "--operation", "sendMedInf"), "Did you mean sendMedInfo"),
        (("show", "seven"), "Invalid value"),
        (("export",), "--to"),
    ],
    ids=" ".join,
)
def test_what_means_nothing_is_one_sentence(told, arguments, words):
    assert words in told(*arguments, code=2).replace("\n", " ")


def test_an_unknown_call_is_said(told):
    assert "There is no entry 999 in the journal" in told("show", "999", code=1)


def number(told, method):
    return str(next(one["id"] for one in listed(told) if one["method"] == method))


def test_one_call_in_words(told):
    out = told("show", number(told, "register"))
    assert "4.8 register 入院登记 (register an admission), visit V1" in out
    assert "aac003 姓名: ***" in out
    assert "aka130 医疗类别: 21 (住院)" in out
    assert NAME not in out
    assert IDENTITY not in out
    out = told("show", number(told, "register"), "--show-personal")
    assert f"aac003 姓名: {NAME}" in out
    refused = told("show", number(told, "getCure"))
    assert "The platform says: 190002" in refused
    injury = number(told, "getInjuryByNameAndId")
    assert "alc021 伤害程度: 3 (工伤)" in told("show", injury)
    assert NAME not in told("show", injury)
    assert NAME in told("show", injury, "--show-personal")


def test_a_sentence_of_the_platform_hides_whom_it_quotes(told, monkeypatch):
    real = Journal.show

    def quoting(journal, entry_id):
        entry = real(journal, entry_id)
        object.__setattr__(entry.exchange, "message", f"{NAME}（{IDENTITY}）未办理入院")
        return entry

    monkeypatch.setattr(Journal, "show", quoting)
    register = number(told, "register")
    assert "***（***）未办理入院" in told("show", register)
    assert f"{NAME}（{IDENTITY}）" in told("show", register, "--show-personal")


def test_a_field_the_document_does_not_have_is_hidden(hall):
    hall = hall()
    hall.call("getCure", "--unchecked", data={"alca02": "X", "contact": "13800000000"})
    code, out, _ = hall.call("show", "2", command="journal")
    assert code == 0
    assert "contact: ***  [not in the document]" in out
    assert "13800000000" in hall.call("show", "2", "--show-personal", command="journal")[1]


def test_an_answer_that_is_none_is_told_in_size(hall):
    hall = hall(faults=["N.html_200:getCure@1"])
    hall.call("getCure", data={"alca02": "X"})
    out = hall.call("show", "2", command="journal")[1]
    assert "(a text of" in out
    assert "<" in hall.call("show", "2", "--show-personal", command="journal")[1].partition("Came")[2]


def test_an_export_is_one_call_a_line_for_this_user_only(told):
    file = told.hall.ward.directory / "calls.jsonl"
    out = told("export", "--visit", "V1", "--to", file)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert f"{len(lines)} calls written to" in out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one["id"] for one in lines] == sorted(one["id"] for one in lines)
    first = lines[0]
    assert (first["section"], first["method"], first["outcome"]) == ("4.8", "register", "accepted")
    assert first["request"]["kc21"]["akc190"] == "V1"
    assert first["request"]["kc21"]["aac003"] == "***"
    assert NAME not in file.read_text(encoding="utf-8")
    before = file.read_bytes()
    assert "exists; it is not written over" in told("export", "--to", file, code=2)
    assert file.read_bytes() == before
    named = file.with_name("named.jsonl")
    told("export", "--show-personal", "--to", named)
    assert NAME in named.read_text(encoding="utf-8")
    assert "cannot be written" in told("export", "--to", file.parent / "nowhere" / "x", code=2)


def test_an_export_that_breaks_off_leaves_no_file(told, monkeypatch):
    file = told.hall.ward.directory / "calls.jsonl"

    def fail(journal, search, entry_id, limit):
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "after", fail)
    told("export", "--to", file, code=130)
    assert not file.exists()


def test_a_document_is_told_by_kind_size_and_digest(hall):
    hall = hall()
    file = hall.ward.directory / "a.pdf"
    file.write_bytes(PDF)
    form = {"akc190": "H1", "invoiceNo": "FP1", "invoiceMoney": "5.00", "rolltype": "0", "filetype": "01"}
    hall.call("saveInvoice", "--yes", "--file", file, data=form)
    out = hall.call("show", "2", command="journal")[1]
    assert "left_out: pdf" in out
    assert f"bytes: {len(PDF)}" in out
    assert "invoiceNo 材料编号: FP1" in out


def test_it_is_read_beside_a_run(told):
    with told.hall.ward.parts().open_ledger() as ledger:
        ledger.take_lease("a run", ttl_s=60)
        assert methods(told, "--limit", "3")
