"""`connector call saveInvoice`: a document that goes once, and documents that cannot go."""

import pytest

from tests.e2e.call_kit import ADMISSION, CHARGES, IDENTITY, NAME, PDF

FORM = {"akc190": "H1", "invoiceNo": "FP1", "invoiceMoney": "5.00", "rolltype": "0", "filetype": "01"}


def discharge(hall):
    hall.call("register", "--yes", data=ADMISSION)
    hall.call("sendMedInfo", "--yes", data={**CHARGES, "akc190": "H1"})
    hall.call("discharge", "--yes", data={"akc190": "H1", "rolltype": "0", "aaca07": "J1"})
    leave = {
        "akc190": "H1",
        "aac002": IDENTITY,
        "aac003": NAME,
        "akc194": "2026-03-05",
        "akc195": "1",
        "akc196": "S82.201",
        "ints": "4",
    }
    code, out, _ = hall.call("leave hospital", "--yes", data=leave)
    assert code == 0, out
    hall.platform.calls.clear()


def test_a_document_is_uploaded_once_with_its_type_by_content(hall):
    hall = hall()
    discharge(hall)
    file = hall.ward.directory / "发票.png"  # a wrong name does not matter
    file.write_bytes(PDF)
    code, _, err = hall.call("saveInvoice", "--file", file, data=FORM)
    assert code == 1
    assert "4.18 saveInvoice 材料上传" in err
    code, out, _ = hall.call("saveInvoice", "--yes", "--file", file, data=FORM)
    assert (code, hall.heard()) == (0, ["saveInvoice"]), out


@pytest.mark.parametrize(
    ("faults", "became"), [((), "was accepted"), (("N.sent_no_answer:saveInvoice@1",), "got no answer")]
)
def test_an_invoice_that_was_sent_goes_again_only_when_its_number_is_typed(hall, faults, became):
    hall = hall(faults=list(faults))
    discharge(hall)
    file = hall.ward.directory / "a.pdf"
    file.write_bytes(PDF)
    hall.call("saveInvoice", "--yes", "--file", file, data=FORM)
    again = ("saveInvoice", "--yes", "--file", file)
    code, out, err = hall.call(*again, data=FORM)
    assert (code, out) == (1, "")
    assert "Invoice FP1 was sent before: on 2026-03-05" in err
    assert became in err
    assert hall.call(*again, data=FORM, typed="yes\n")[0] == 1
    assert hall.heard() == ["saveInvoice"]
    code, out, _ = hall.call(*again, data={**FORM, "invoiceNo": "FP2"})
    assert code == 0, out
    hall.call(*again, data=FORM, typed="FP1\n")
    assert hall.heard() == ["saveInvoice"] * 3


@pytest.mark.parametrize(
    ("content", "form", "words"),
    [
        (b"<html>404</html>", FORM, "a page (HTML or XML)"),
        (b"", FORM, "is empty"),
        (PDF[:-7], FORM, "not copied whole"),
        (PDF, {**FORM, "invoiceType": "png"}, "says png, but the file is pdf by its content"),
        (PDF, {**FORM, "invoiceType": "PDF"}, "invoiceType"),
        (PDF, {**FORM, "filetype": "77"}, "FILETYPE"),
    ],
)
def test_a_document_that_cannot_go_is_told_and_nothing_is_sent(hall, content, form, words):
    hall = hall()
    file = hall.ward.directory / "发票.pdf"
    file.write_bytes(content)
    code, out, err = hall.call("saveInvoice", "--yes", "--file", file, data=form)
    assert (code, out) == (2, "")
    assert words in err
    assert hall.platform.calls == []


def test_a_file_is_for_418_only_and_418_needs_one(hall):
    hall = hall()
    code, _, err = hall.call("getPerMed", "--file", "x.pdf", data={"akc190": "V1"})
    assert code == 2
    assert "takes no file; 4.18" in err
    code, _, err = hall.call("saveInvoice", data=FORM)
    assert code == 2
    assert "--file PATH" in err
    code, _, err = hall.call("saveInvoice", "--file", "nowhere.pdf", data=FORM)
    assert code == 2
    assert "does not exist; nothing was sent" in err


def test_an_upload_without_an_answer_is_in_doubt_and_not_repeated(hall):
    hall = hall(faults=["N.sent_no_answer:saveInvoice@1"])
    discharge(hall)
    file = hall.ward.directory / "a.pdf"
    file.write_bytes(PDF)
    code, out, _ = hall.call("saveInvoice", "--yes", "--file", file, data=FORM)
    assert code == 4
    assert "Look at the visit before it is sent again" in out
    assert hall.heard() == ["saveInvoice"]


def test_a_dry_run_of_a_document_shows_the_form(hall):
    hall = hall()
    file = hall.ward.directory / "a.pdf"
    file.write_bytes(PDF)
    code, out, _ = hall.call("saveInvoice", "--dry-run", "--file", file, data=FORM)
    assert code == 0
    assert "invoiceType=pdf" in out
    assert f"pdf, {len(PDF)} bytes" in out
    assert "sealed" not in out
    assert hall.platform.calls == []
