"""The verifier, on a document printed from the contract and then changed in one place."""

import subprocess
import sys
from pathlib import Path

import pytest

from connector.contract import verify as command
from connector.contract.library import contract
from connector.contract.verify import Explanation, Explanations, Remark, load_explanations, main, verify
from connector.errors import ConfigurationError
from tests.contract.printed import print_document

DOCUMENT = print_document(contract())
NONE = Explanations()


def disagreements(text: str) -> list[tuple[str, str]]:
    return [(one.place, one.aspect) for one in verify(contract(), text, NONE).unexplained]


def within(section: str, old: str, new: str) -> str:
    """The document with one change after the title of a section or a group."""
    start = DOCUMENT.index(section)
    head, tail = DOCUMENT[:start], DOCUMENT[start:]
    assert old in tail
    return head + tail.replace(old, new, 1)


def test_a_document_that_says_the_same_leaves_nothing():
    assert disagreements(DOCUMENT) == []
    assert DOCUMENT.count("\n") > 3000


@pytest.mark.parametrize(
    ("section", "old", "new", "found"),
    [
        ("4.10 ", "*处方号(20)", "*处方号(21)", ("sendMedInfo.request.meds.med.alc400", "length")),
        ("4.10 ", "*处方号(20)", "*处方号", ("sendMedInfo.request.meds.med.alc400", "length")),
        ("4.10 ", "*处方号(20)", "*处方编号(20)", ("sendMedInfo.request.meds.med.alc400", "zh")),
        ("4.10 ", "*处方号(20)", "处方号(20)", ("sendMedInfo.request.meds.med.alc400", "required")),
        ("4.10 ", "*单价(10,4)", "*单价(10,2)", ("sendMedInfo.request.meds.med.alc405", "precision")),
        (
            "4.10 ",
            "处方日期yyyy-mm-dd",
            "处方日期yyyymmdd",
            ("sendMedInfo.request.meds.med.alc401", "format"),
        ),
        ("4.10 ", "厂家(30)", "*厂家(30)", ("sendMedInfo.request.meds.med.akc230", "required")),
        ("4.10 ", "码值AKA065", "码值AKA063", ("sendMedInfo.request.meds.med.aka065", "codes")),
        ("4.10 ", "，码值AKA065", "", None),  # silence about a table is no contradiction
        ("4.10 ", '"alc400"', '"alc499"', ("sendMedInfo.request", "names")),
        ("4.10 ", '"med": [', '"med": {', ("sendMedInfo.request.meds.med", "container")),
        ("4.8 ", '"kc21": {', '"kc21": [', ("register.request.kc21", "container")),
        ("4.8 ", "*科室", "科室", ("register.request.kc21.alk023", "required")),
        ("4.18 ", "*材料编号", "材料编号", ("saveInvoice.request.invoiceNo", "required")),
        ("4.8 ", "入院登记", "登记入院", ("register", "zh")),
        ("4.8 ", "register.html", "enrol.html", ("interfaces", "names")),
        ("4.8 ", "/public/sendHis/register", "/public/register", ("register", "path")),
        ("5.1 ", "\t门诊\n", "\t门诊部\n", ("codes.AKA130.11", "text")),
        ("5.1 ", "\t医疗类别\n\t11\n", "\t医疗类别\n\t12\n", ("codes.AKA130", "names")),
        ("5.1 ", "\tALK022\n", "\tALK023\n", ("codes", "names")),
        ("5.2 ", "\tF81005-", "\tF81005 -", ("errors.医疗费信息上传", "names")),
        ("5.2 ", "\t81005\n", "\t81999\n", ("errors.医疗费信息上传", "names")),
        ("5.2 ", "(8).", "(7).", ("errors.医疗费信息上传", "number")),
        ("5.2 ", "(13).数据作废", "(13).数据", ("errors", "names")),
        ("5.3 ", "150100\t呼和浩特市", "150100\t呼市", ("regions.150100", "text")),
        ("5.3 ", "150100\t", "150199\t", ("regions", "names")),
    ],
)
def test_every_kind_of_disagreement_is_listed_at_its_place(section, old, new, found):
    all_found = disagreements(within(section, old, new))
    assert (found in all_found) if found else (all_found == [])


def test_fields_in_another_order_and_remarks_left_over():
    swapped = within("4.2 ", '"username": "",\n  "password": "",', '"password": "",\n  "username": "",')
    assert ("logout.request", "order") in disagreements(swapped)
    assert ("logout.request", "remark") in disagreements(within("4.2 ", "*用户名", "*会话\n*用户名"))
    assert ("logout.request.password", "remark") in disagreements(within("4.2 ", "\n*用户名", ""))


def test_a_line_that_is_no_remark_can_be_declared_one():
    text = within("4.2 ", "*用户名", "2018年增加\n*用户名")
    declared = Explanations(remarks=(Remark(trap="T56", reason="r", section="4.2", line="2018年增加"),))
    assert verify(contract(), text, declared).is_good
    assert not verify(contract(), text, NONE).is_good


def test_what_a_trap_explains_is_counted_apart_and_stale_explanations_are_told():
    text = within("4.10 ", "*处方号(20)", "*处方号(21)")
    place = "sendMedInfo.request.meds.med.alc400"
    explained = Explanations(
        explained=(
            Explanation(trap="T1", reason="r", aspect="length", places=(place,)),
            Explanation(trap="T2", reason="r", aspect="zh", places=(place,)),
        )
    )
    verdict = verify(contract(), text, explained)
    assert ([str(one) for one, _ in verdict.explained], verdict.unexplained) == (
        [f"{place} length: the data say 20, the document says 21"],
        (),
    )
    assert verdict.stale == (f"{place} zh",)
    assert not verdict.is_good


def test_every_explanation_is_about_a_field_that_exists():
    places = set()
    for operation in contract().operations.values():
        for root in (operation.request, operation.answer):
            places |= {f"{operation.method}.{root.name}.{path}" for path, _ in root.walk()}
    named = {place for place, _ in load_explanations().by_place}
    assert named - places == {"saveInvoice"}  # its title
    assert len(named) > 40


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "document.txt"
    path.write_text(DOCUMENT, encoding="utf-8")
    return path


def test_exit_codes(place, monkeypatch, capsys):
    monkeypatch.setattr(command, "load_explanations", lambda: NONE)
    assert main([str(place)]) == 0
    assert capsys.readouterr() == ("0 unexplained, 0 explained by a trap\n", "")
    place.write_text(within("4.10 ", "*处方号(20)", "*处方号(21)"), encoding="utf-8")
    assert main([str(place)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("sendMedInfo.request.meds.med.alc400 length: the data say 20")
    assert out[1] == "1 unexplained, 0 explained by a trap"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a letter", "This is not the text of the platform's document: it has no line “第四章”."),
        ("", "This is not the text of the platform's document"),
        (
            "第四章\n第五章\n5.1 代码对照\n5.2 错误信息\n5.3 行政区划表\n5.4 医疗费结算单\n",
            "no section “4.1”",
        ),
        (b"%PDF-1.7 \xff\xfe\x00", "is not text in UTF-8"),
    ],
)
def test_texts_that_are_not_the_document(place, capsys, content, said):
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main([str(place)]) == 2
    assert said in capsys.readouterr().err


def test_places_without_a_text(tmp_path, capsys):
    for name, said in ((tmp_path / "none.txt", "No such file"), (tmp_path, "directory"), ("a\x00b", "name")):
        assert main([str(name)]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert len(told.splitlines()) == 1
    for arguments in ([], ["a", "b"]):
        assert main(arguments) == 2
        assert capsys.readouterr().err.startswith("usage: python -m connector.contract.verify DOCUMENT")


def test_any_part_of_the_document_gives_a_verdict_or_a_sentence():
    lines = DOCUMENT.splitlines(keepends=True)
    said = set()
    for cut in range(0, len(lines), 97):
        for part in (lines[:cut], lines[cut:], lines[:cut] + lines[cut + 60 :]):
            try:
                verify(contract(), "".join(part), NONE)
            except ConfigurationError as error:
                said.add(str(error).partition(":")[0])
    assert said == {"This is not the text of the platform's document"}


def test_it_runs_as_a_module_anywhere_and_without_chinese_output(tmp_path, place):
    child = subprocess.run(
        [sys.executable, "-m", "connector.contract.verify", str(place)],
        capture_output=True,
        cwd=tmp_path,
        env={"PATH": "", "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=30,
        check=False,
    )
    assert (child.returncode, child.stderr) == (
        1,
        b"",
    )  # explanations of a document that needs none are stale
    assert child.stdout.endswith(b"0 explained by a trap\n")
