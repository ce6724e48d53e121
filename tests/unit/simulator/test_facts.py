"""Fact files: what is read, and everything that can be wrong in one."""

import pytest

from connector.contract.check import check_node
from connector.contract.library import contract
from connector.errors import ConfigurationError
from connector.simulator.facts import RECORDS, default_facts, known_fields, read_facts
from connector.simulator.server import serve
from tests.unit.simulator.client import KEY

PERSON = "persons:\n  - {aac002: '1', aac003: 甲, %s}\n"


def read(tmp_path, text: str):
    path = tmp_path / "facts.yaml"
    path.write_text(text, encoding="utf-8")
    return read_facts(path)


def complain(tmp_path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    return str(caught.value)


def test_a_persons_fields_count_for_its_records(tmp_path):
    facts = read(tmp_path, PERSON % "aac001: '7', injuries: [{alca02: A}, {alca02: B, aac003: 乙}]")
    assert [(one["aac001"], one["aac003"], one["alca02"]) for one in facts.injuries] == [
        ("7", "甲", "A"),
        ("7", "乙", "B"),
    ]
    assert not facts.others_accepted
    assert "甲" not in repr(facts)


def test_an_empty_file_of_facts(tmp_path):
    facts = read(tmp_path, "version: 1\nothers: accept\n")
    assert facts.injuries == ()
    assert facts.others_accepted


def test_a_card_of_several_codes(tmp_path):
    (card,) = read(tmp_path, PERSON % "cards: [{aaz500: '1', qrcode: [a, b]}]").cards
    assert card["qrcode"] == ("a", "b")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a\n", "a list of persons"),
        ("persons: 7\n", "a list of persons"),
        ("", "a list of persons"),
        ("version: 2\n", "the only version"),
        ("person: []\n", "did you mean persons?"),
        ("others: maybe\n", "accept or refuse"),
        ("outdated_items: A\n", "a list of item codes"),
        ("persons: [7]\n", "person 1: a person is a mapping"),
        ("persons: [{aac003: 甲}]\n", "person 1: aac002 is missing"),
        (PERSON % "injurys: []", "did you mean injuries?"),
        (PERSON % "injuries: 7", "injuries is a list of records"),
        (PERSON % "filings: [7]", "filings is a list of records"),
        (PERSON % "cards: [{qrcod: '1'}]", "did you mean qrcode?"),
        (PERSON % "applications: [{AKC175: '1'}]", "unknown field of person 1, applications 1: AKC175"),
        ("a: [\n", "not YAML"),
        ("version: 1\nversion: 1\n", "stands twice"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, told):
    message = complain(tmp_path, text)
    assert told in message
    assert "facts.yaml" in message


def test_everything_wrong_is_said_at_once(tmp_path):
    message = complain(tmp_path, "others: x\n" + PERSON % "cards: 1, reports: [{a: b}]")
    assert all(part in message for part in ("accept or refuse", "cards is a list", "unknown field"))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigurationError, match="the fact file cannot be read"):
        read_facts(tmp_path / "none.yaml")
    (tmp_path / "gbk.yaml").write_bytes("persons: [{aac003: 张}]".encode("gb18030"))
    with pytest.raises(ConfigurationError, match="UTF-8"):
        serve(key_text=KEY, username="demo", password="secret", facts=tmp_path / "gbk.yaml")


@pytest.mark.parametrize("name", RECORDS)
def test_the_default_facts_are_as_the_document_wants_them(name):
    """Types, codes and lengths of every record, by the contract's answers."""
    records = getattr(default_facts(), name)
    assert records
    for method in RECORDS[name]:
        operation = contract().operation(method)
        node = next(iter(operation.answer.nodes), operation.answer)
        fields = {field.name for field in node.fields}
        for record in records:
            row = {key: value for key, value in record.items() if key in fields}
            assert check_node(node, row, path=name) == []
            assert set(record) - {"aac147"} <= {*known_fields(name), "aac001", "aac004"}
