"""`connector visit checklist`, `leave` and `document` at the command line."""

import json

import pytest

from connector.pipeline.decisions import list_decisions
from tests.leaving import PDF, add_invoice, discharged, end, heard, leaving, steps


@pytest.fixture
def clerk(hall):
    """A command line beside a ward with one visit of 30 yuan that has ended; visits leave on a person's word."""

    def begin(*, leave="ask", ends=True, money="30.00", **platform):
        one = hall(**{"facts": None, "needs_records": True, **platform})
        leaving(one.ward, leave=leave)
        one.ward.stay(1)
        one.ward.fee(1, "10.00")
        one.ward.fee(1, "20.00")
        one.ward.run()
        if ends:
            end(one.ward, money=money)
            one.ward.run()
        one.platform.calls.clear()
        return one

    return begin


def visit(one, *arguments, typed=""):
    return one.call(*arguments, typed=typed, command="visit")


def test_the_checklist_says_that_it_may_leave_and_changes_nothing(clerk):
    one = clerk()
    code, out, _ = visit(one, "checklist", "V1")
    assert code == 0
    assert "It may leave." in out
    assert "HIS 30.00, ledger 30.00, platform 30.00" in out
    assert one.heard() == ["getPerDetail"]
    assert discharged(one.ward) == ""


def test_the_checklist_as_json_names_amounts_in_yuan_and_no_patient(clerk):
    one = clerk()
    code, out, _ = visit(one, "checklist", "V1", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["his"], told["ledger"], told["platform"]) == ("30.0000", "30.0000", "30.0000")
    assert told["obstacles"] == []
    assert {item["mark"] for item in told["items"]} <= {"ok", "warning"}
    assert "张敏" not in out


STANDS = {
    "open in the HIS": (("UPDATE stay SET ended = NULL",), "still open in the HIS"),
    "a record is missing": (("DELETE FROM record WHERE kind = 'entry'",), "入院记录 (km02)"),
    "invoices": (("UPDATE invoice SET money = '29.99'",), "invoices come to 29.99, the fees to 30.00"),
    "a day": (("UPDATE fee SET day = '2026-03-06' WHERE id = 1",), "dated after the discharge on 2026-03-05"),
    "a file": (("UPDATE invoice SET body = x'47494638'",), "invoices, row 1"),
    "tomorrow": (("UPDATE stay SET ended = '2026-03-06'",), "the discharge is on 2026-03-06, and today is"),
    "no ending": (("DROP VIEW ending", "CREATE VIEW ending AS SELECT *, 4 AS days FROM stay WHERE 0"), "no row that says how"),
    "a changed charge": (("UPDATE fee SET amount = '11.00', price = '11' WHERE id = 1",), "HIS 31.00, ledger 30.00"),
}  # fmt: skip


@pytest.mark.parametrize("name", STANDS)
def test_what_stands_against_it_is_named(clerk, name):
    one = clerk()
    statements, words = STANDS[name]
    for statement in statements:
        one.ward.change(statement)
    if name == "open in the HIS":
        one.ward.run()
    code, out, _ = visit(one, "checklist", "V1")
    assert code == 4
    assert words in out
    code, out, _ = visit(one, "leave", "V1", "--yes")
    assert code == 4
    assert "has NOT left" in out
    assert discharged(one.ward) == ""
    assert heard(one.ward, "leaveHos") == []


def test_a_person_lets_it_leave(clerk):
    one = clerk()
    assert "`connector visit leave`" in visit(one, "list")[1]
    code, out, err = visit(one, "leave", "V1", typed="yes\n")
    assert code == 0, out + err
    assert "Visit V1 has left." in out
    assert "cannot be taken back" in err
    assert discharged(one.ward) == "2026-03-05"
    assert "V1" not in visit(one, "list")[1]
    shown = visit(one, "show", "V1")[1]
    assert "leave let go" in shown
    assert visit(one, "leave", "V1", "--yes")[0] == 2  # it has left already
    assert visit(one, "checklist", "V1")[0] == 4


def test_nobody_said_yes(clerk):
    one = clerk()
    code, _, err = visit(one, "leave", "V1", typed="no\n")
    assert (code, discharged(one.ward)) == (1, "")
    assert "Nothing was done." in err
    one.ward.run()
    assert discharged(one.ward) == ""


def test_what_was_let_go_leaves_once_nothing_stands_against_it(clerk):
    one = clerk(money="29.00")
    code, out, _ = visit(one, "leave", "V1", "--yes", "--because", "bed is needed")
    assert code == 4
    assert "invoices come to 29.00" in out
    assert "its leaving" in visit(one, "list")[1]
    one.ward.change("UPDATE invoice SET money = '30.00'")
    one.ward.run()
    assert discharged(one.ward) == "2026-03-05"


def test_a_word_may_be_taken_back(clerk):
    one = clerk(money="29.00")
    visit(one, "leave", "V1", "--yes")
    assert visit(one, "leave", "V1", "--withdraw")[0] == 0
    one.ward.change("UPDATE invoice SET money = '30.00'")
    one.ward.run()
    assert discharged(one.ward) == ""
    assert visit(one, "leave", "V1", "--withdraw")[0] == 2


def test_a_word_ends_when_the_visit_is_open_again(clerk):
    one = clerk(money="29.00")
    visit(one, "leave", "V1", "--yes")
    one.ward.change("UPDATE stay SET ended = NULL")
    one.ward.change("UPDATE invoice SET money = '30.00'")
    report = one.ward.run()
    assert "has to be let go anew" in report.delivered["ward"].warnings["V1"]
    one.ward.change("UPDATE stay SET ended = '2026-03-05'")
    one.ward.run()
    assert discharged(one.ward) == ""


def test_where_visits_never_leave_nobody_lets_them(clerk):
    one = clerk(leave="never")
    code, _, err = visit(one, "leave", "V1", "--yes")
    assert code == 2
    assert "never" in err


def test_a_pipeline_that_does_not_say_what_a_visit_leaves_with(hall):
    one = hall(facts=None)
    one.ward.stay(1)
    one.ward.fee(1)
    one.ward.run()
    assert visit(one, "leave", "V1", "--yes")[0] == 2
    code, out, _ = visit(one, "checklist", "V1")
    assert code == 4
    assert "has no `leave`" in out


def test_a_visit_leaves_without_invoices_where_a_person_says_so(clerk):
    """After an undo the platform may refuse a number that it still knows (trap T111)."""
    one = clerk()
    code, out, err = visit(one, "leave", "V1", "--without-invoices", "--yes")
    assert code == 0, out + err
    assert discharged(one.ward) == "2026-03-05"
    assert one.platform.invoices("V1") == []
    assert steps(one.ward)[0]["invoices"] == []


def test_a_late_charge_goes_the_whole_way_back_and_out_again(clerk):
    """Held after the discharge; 4.14, 4.10, 4.12, 4.13 by a person's words, and the invoice is pointed out."""
    one = clerk()
    assert visit(one, "leave", "V1", "--yes")[0] == 0
    one.ward.fee(1, "5.00")
    assert "came after it had left" in one.ward.run().delivered["ward"].held["V1"]
    one.ward.change("UPDATE invoice SET money = '35.00'")
    code, out, err = visit(one, "undo", "V1", "--to", "leave", "--yes")
    assert code == 0, out + err
    one.ward.run()
    assert one.ward.platform_rows(1) == one.ward.his_rows(1)
    assert discharged(one.ward) == ""
    assert "its leaving was undone" in visit(one, "list")[1]
    code, out, err = visit(one, "leave", "V1", typed="yes\n")
    assert code == 0, out + err
    assert "invoice FP1 was sent on" in err
    assert discharged(one.ward) == "2026-03-05"
    assert [method for method in one.heard() if method in ("leaveHos", "leaveHosUndo")] == [
        "leaveHos",
        "leaveHosUndo",
        "leaveHos",
    ]
    assert len(steps(one.ward)) == 2


def test_an_invoice_that_comes_later_goes_by_itself_and_once(clerk):
    one = clerk(money="")
    file = one.ward.directory / "later.pdf"
    file.write_bytes(PDF)
    later = ("document", "V1", file, "--number", "FP9", "--money", "30.00")
    code, _, err = visit(one, *later, "--yes")
    assert code == 2
    assert "has not left yet" in err
    visit(one, "leave", "V1", "--yes")
    code, out, err = visit(one, *later, typed="yes\n")
    assert code == 0, out + err
    assert one.platform.invoices("V1") == ["FP9"]
    code, _, err = visit(one, *later, "--yes")
    assert code == 2
    assert "the platform accepted it" in err
    assert [one["state"] for one in steps(one.ward, name="document")] == ["begun", "accepted"]


def test_an_invoice_that_does_not_come_to_the_fees_is_asked_about(clerk):
    one = clerk(money="")
    visit(one, "leave", "V1", "--yes")
    file = one.ward.directory / "later.pdf"
    file.write_bytes(PDF)
    code, _, err = visit(one, "document", "V1", file, "--number", "FP9", "--money", "20", typed="no\n")
    assert code == 1
    assert "invoices come to 20.00 yuan, its fees to 30.00" in err


def test_a_file_without_an_answer_does_not_go_again_by_itself(clerk):
    one = clerk(money="", faults=["N.lose_request:saveInvoice@1"])
    visit(one, "leave", "V1", "--yes")
    file = one.ward.directory / "plan.pdf"
    file.write_bytes(PDF)
    plan = ("document", "V1", file, "--number", "KF1", "--plan", "--yes")
    code, _, err = visit(one, *plan)
    assert code == 4
    assert "web page" in err
    one.ward.run()
    assert one.platform.invoices("V1") == []
    code, _, err = visit(one, *plan)
    assert code == 2
    assert "nobody knows whether it arrived" in err
    assert visit(one, *plan, "--again")[0] == 0
    assert one.platform.invoices("V1") == ["KF1"]


def test_a_file_in_doubt_is_seen_until_a_person_has_looked(clerk):
    one = clerk(money="", faults=["N.sent_no_answer:saveInvoice@1"])
    visit(one, "leave", "V1", "--yes")
    file = one.ward.directory / "later.pdf"
    file.write_bytes(PDF)
    assert visit(one, "document", "V1", file, "--number", "FP9", "--money", "30.00", "--yes")[0] == 4
    code, out, _ = one.call(command="status")
    assert code == 4
    assert "visit V1: of 1 file sent by 4.18 nobody knows whether it arrived" in out
    code, out, _ = one.call(command="run")
    assert code == 4
    assert "nobody knows whether it arrived" in out
    assert "a person: files in doubt (4.18)" in visit(one, "list")[1]
    assert "FP9: unknown" in visit(one, "show", "V1")[1]
    code, _, err = visit(one, "document", "V1", "--number", "FP8", "--arrived")
    assert code == 2
    assert "no file FP8" in err
    assert "In doubt: FP9." in err
    said = (
        "document",
        "V1",
        "--number",
        "FP9",
        "--arrived",
        "--because",
        "seen on the web page",
        "--who",
        "li",
    )
    code, out, err = visit(one, *said)
    assert (code, out) == (0, "The file FP9 of visit V1 counts as arrived.\n"), err
    assert one.platform.invoices("V1") == ["FP9"]
    assert one.call(command="status")[0] == 0
    assert one.call(command="run")[0] == 0
    (kept,) = [one for one in list_decisions(one.ward.parts(), "V1") if one.kind == "document"]
    assert (kept.choice, kept.who, kept.reason) == ("arrived", "li", "seen on the web page")
    assert visit(one, *said)[0] == 2
    again = visit(one, "document", "V1", file, "--number", "FP9", "--money", "30.00", "--yes")
    assert again[0] == 2
    assert "the platform accepted it" in again[2]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("later.pdf", "--arrived"), "--arrived goes with the --number alone"),
        (("--arrived", "--again"), "--arrived goes with the --number alone"),
        (("--money", "30.00"), "name the file"),
        (("later.pdf", "--money", "30.00", "--because", "why"), "--because and --who go with --arrived"),
    ],
)
def test_what_does_not_go_together(clerk, more, said):
    one = clerk(money="")
    code, _, err = visit(one, "document", "V1", *more, "--number", "FP9")
    assert code == 2
    assert said in " ".join(err.replace("│", "").split())


def test_a_number_of_another_visit_is_refused(clerk):
    one = clerk()
    visit(one, "leave", "V1", "--yes")
    one.ward.stay(2)
    one.ward.fee(2, "5.00")
    end(one.ward, 2)
    add_invoice(one.ward, 2, "5.00", "FP1")
    one.ward.run()
    code, out, _ = visit(one, "checklist", "V2")
    assert "invoice FP1 was sent on 2026-03-05 for visit V1" in out
    assert code == 0  # the platform has the last word
    code, out, _ = visit(one, "leave", "V2", "--yes")
    assert code == 4
    assert discharged(one.ward, "V2") == ""
