"""A template of every interface: read back by our own reader it breaks no rule, and names every field in words."""

import json
from decimal import Decimal

import pytest

from connector.contract.check import check
from connector.contract.library import contract
from connector.contract.spec import Field
from connector.contract.template import example, write_template
from connector.errors import ConfigurationError

BOOK = contract()
EVERY = list(BOOK.operations.values())
NOT_WRITTEN = ("sessionid", "file")


@pytest.mark.parametrize("operation", EVERY, ids=lambda one: one.method)
def test_a_template_breaks_no_rule_and_fills_what_is_required(operation):
    faults = [fault for fault in check(operation, example(operation)) if fault.path not in NOT_WRITTEN]
    assert faults == []


@pytest.mark.parametrize("operation", EVERY, ids=lambda one: one.method)
def test_a_template_names_every_field_with_its_chinese_name_and_codes(operation):
    text = write_template(operation)
    lines = [line.strip() for line in text.splitlines()]
    assert max(len(line) for line in text.splitlines()) <= 110
    for place, child in operation.request.walk():
        if not isinstance(child, Field) or child.name in NOT_WRITTEN:
            continue
        at = [number for number, line in enumerate(lines) if line.startswith(f"{child.name}: ")]
        assert at, place
        joined = "\n".join(lines)
        assert f"# {child.zh};" in joined, place
        for code in BOOK.codes[child.codes].entries if child.codes else ():
            assert code in joined
    assert operation.section in lines[0]
    assert operation.purpose in lines[0]
    if operation.removes:
        assert operation.removes in text


def test_a_template_says_what_depends_on_what():
    text = write_template(BOOK.operation("register"))
    assert "认定书号; text, at most 30 characters; required if isnewinjure is 0" in text
    assert "入院日期; date, yyyy-mm-dd; required" in text
    assert "单价; decimal, 10 digits, 4 of them decimals" in write_template(BOOK.operation("sendMedInfo"))


def test_the_amount_of_an_example_is_price_times_quantity():
    row = example(BOOK.operation("sendMedInfo"))["meds"]["med"][0]
    assert Decimal(row["alc405"]) * Decimal(row["alc406"]) == Decimal(row["alc407"])


def test_an_example_is_json_too():
    for operation in EVERY:
        assert json.loads(json.dumps(example(operation))) == example(operation)


@pytest.mark.parametrize(
    ("words", "method"),
    [
        ("discharge", "discharge"),
        ("approve fees", "discharge"),
        ("Approve-Fees", "discharge"),
        ("4.12", "discharge"),
        ("leave hospital", "leaveHos"),
        ("LEAVEHOS", "leaveHos"),
        ("4.1", "login"),
        ("4.18", "saveInvoice"),
        ("获取结算单", "getJSSheet"),
        ("  upload   charges ", "sendMedInfo"),
        ("upload cross-province charges", "sendBsMedInfo"),
        ("upload cross province charges", "sendBsMedInfo"),
    ],
)
def test_an_interface_is_found_by_method_section_purpose_or_title(words, method):
    assert BOOK.find(words).method == method


def test_every_name_of_an_interface_finds_it():
    for one in EVERY:
        assert (
            BOOK.find(one.method)
            is BOOK.find(one.section)
            is BOOK.find(one.purpose)
            is BOOK.find(one.zh)
            is one
        )


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("getCurre", "Did you mean getCure (4.4, "),
        ("leave hospitl", "Did you mean leaveHos (4.13, leave hospital)?"),
        ("xyz", "no interface “xyz”."),
        ("", "no interface “”."),
    ],
)
def test_an_unknown_interface_is_told_with_a_proposal(words, hint):
    with pytest.raises(ConfigurationError, match="no interface") as caught:
        BOOK.find(words)
    assert hint in str(caught.value)
