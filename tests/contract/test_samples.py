"""The document's samples in our own words, corrected where its tables and comments win (trap T59).

A sample has the request and the answer of one interface as the document prints their structure, every name and
value our own; `corrected` says what was mended, by trap.
"""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from connector.contract.check import check
from connector.contract.library import contract
from connector.contract.spec import Field

BOOK = contract()
FOLDER = Path(__file__).parent / "samples"
EVERY = sorted(BOOK.operations)


def read(method):
    return json.loads((FOLDER / f"{method}.json").read_text(encoding="utf-8"), parse_float=Decimal)


def names(value):
    if isinstance(value, dict):
        return {name for key, part in value.items() for name in (key, *names(part))}
    return {name for part in value for name in names(part)} if isinstance(value, list) else set()


def test_there_is_a_sample_of_every_interface_and_of_nothing_else():
    assert sorted(file.stem for file in FOLDER.iterdir()) == EVERY
    for method in EVERY:
        assert read(method)["section"] == BOOK.operation(method).section


@pytest.mark.parametrize("method", EVERY)
def test_a_sample_request_breaks_no_rule(method):
    assert [str(fault) for fault in check(BOOK.operation(method), read(method)["request"])] == []


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("part", ["request", "answer"])
def test_a_sample_names_every_field_of_the_contract(method, part):
    node = getattr(BOOK.operation(method), part)
    known = {child.name for _, child in node.walk()} | {
        child.wrapper for _, child in node.walk() if not isinstance(child, Field) and child.wrapper
    }
    assert names(read(method)[part]) == known


def test_corrections_name_traps():
    for method in EVERY:
        for note in read(method)["corrected"]:
            assert re.match(r"T\d+", note), (method, note)


@pytest.mark.parametrize(
    "method", [one for one in EVERY if one not in ("login", "getCureBatch", "getReportBatch")]
)
def test_a_sample_that_lacks_what_is_required_is_refused(method):
    """The check can fail: every starred field that is taken away is missed."""
    operation = BOOK.operation(method)
    request = read(method)["request"]
    for spec in operation.request.fields:
        if spec.required:
            poorer = {name: value for name, value in request.items() if name != spec.name}
            assert spec.name in {fault.path for fault in check(operation, poorer)}
