"""YAML as its users see it: texts stay as written, and whatever cannot be read is told with its place."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.config.page import Page, Spot
from connector.config.yaml_reader import Scalar, Series, Table, read_yaml

TRICKY = [
    *(
        "0012",
        "NO",
        "No",
        "no",
        "on",
        "off",
        "yes",
        "y",
        "true",
        "12:30",
        "12:30:45",
        "2026-01-01",
        "1e3",
        "08",
    ),
    *(
        "0x1F",
        "0o17",
        "017",
        "1_000",
        ".inf",
        ".nan",
        "+1",
        "1.10",
        "1.0",
        "=",
        "305184080441754059",
        "-0",
        "٣",
    ),
]


def read(text):
    page = Page("f.yaml", text)
    return read_yaml(page), page.faults()


def plain(item):
    """An item as Python data, every scalar as its text."""
    if isinstance(item, Scalar):
        return item.text
    if isinstance(item, Series):
        return [plain(one) for one in item.items]
    return {name: plain(value) for name, (_, value) in item.entries.items()}


@pytest.mark.parametrize("text", TRICKY)
def test_plain_scalars_stay_text(text):
    table, faults = read(f"value: {text}\n{text}: key\nlist: [{text}, {text}]\n")
    assert faults == []
    assert plain(table) == {"value": text, text: "key", "list": [text, text]}


ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def double_quoted(text):
    quoted = json.dumps(text, ensure_ascii=False)
    return ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


@given(st.dictionaries(st.text(max_size=40), st.text(max_size=200), min_size=1, max_size=5))
@example({"0012": "NO"})
@example({"<<": "~", "null": "null"})
@example({"": "\x85\u2028\ufeff\x00 \t\r\n"})
def test_any_text_survives_in_double_quotes(texts):
    table, faults = read(
        "".join(f"{double_quoted(one)}: {double_quoted(two)}\n" for one, two in texts.items())
    )
    assert faults == []
    assert plain(table) == texts


PRINTABLE = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"),
    max_size=80,
)


@given(PRINTABLE)
@example("it's")
@example(" 0012 ")
@example("a: b # c")
def test_any_printable_text_survives_in_single_quotes(text):
    quoted = text.replace("'", "''")
    table, faults = read(f"value: '{quoted}'\n")
    assert faults == []
    assert plain(table) == {"value": text}


@given(st.from_regex(r"[A-Za-z0-9\u4e00-\u9fff][A-Za-z0-9\u4e00-\u9fff_.:+/-]{0,30}", fullmatch=True))
def test_any_plain_word_survives_or_is_refused_never_changed(word):
    table, faults = read(f"value: {word}\n")
    assert faults or plain(table) == {"value": word}
    assert not faults or word.endswith(":")


@given(st.one_of(st.text(max_size=200), st.text("ab:-[]{}#&*!|>'\"%@`\n \t,?<x", max_size=60)))
@example("a: &x [*x]")
@example("? [a]\n: b")
@example("a: !<tag:yaml.org,2002:python/object:os.system> x")
def test_whatever_the_text_is_it_is_read_or_told(text):
    table, faults = read(text)
    assert table is not None or faults
    for fault in faults:
        assert fault.line >= 1
        assert fault.column >= 1


def test_null_is_nothing_given_unless_quoted():
    table, _ = read('a:\nb: ~\nc: null\nd: "null"\ne: ""\nf: nil\n')
    assert [name for name, (_, value) in table.entries.items() if value.is_null] == ["a", "b", "c"]


def test_items_know_where_they_start():
    table, _ = read("中文: [A,\n  B]\nb:\n  c: d\n")
    items = table.entries["中文"][1].items
    assert [one.spot for one in items] == [Spot(1, 6), Spot(2, 3)]
    key, value = table.entries["b"][1].entries["c"]
    assert (key.spot, value.spot) == (Spot(4, 3), Spot(4, 6))


def test_an_alias_is_what_its_anchor_is():
    table, faults = read("a: &x {from: A, empty: [&z '0']}\nb: *x\nc: *z\n")
    assert faults == []
    assert plain(table)["b"] == plain(table)["a"]
    assert plain(table)["c"] == "0"


def test_aliases_of_aliases_do_not_multiply():
    rows = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    table, faults = read("\n".join(rows))
    assert faults == []
    assert isinstance(table, Table)


DUPLICATES = {
    "top": ("a: 1\nb: 2\na: 3\n", 3, 1, "line 1, column 1"),
    "below": ("x:\n  a: 1\n  a: 1\n", 3, 3, "line 2, column 3"),
    "quoted": ("x: {a: 1, 'a': 2}\n", 1, 11, "line 1, column 5"),
    "in a list": ("x:\n  - {a: 1,\n     a: 2}\n", 3, 6, "line 2, column 6"),
}


@pytest.mark.parametrize(("text", "line", "column", "first"), DUPLICATES.values(), ids=DUPLICATES)
def test_a_key_that_stands_twice_is_refused_with_both_places(text, line, column, first):
    _, (fault,) = read(text)
    assert (fault.line, fault.column) == (line, column)
    assert fault.message == f"The key “a” stands twice: here, and first in {first}."


def test_0010_and_10_are_two_keys():
    table, faults = read("010: a\n10: b\n'1e1': c\n")
    assert faults == []
    assert len(table.entries) == 3


BROKEN = {
    "tab": ("a:\n\tb: 1\n", 2, 1, "a tab in the indentation"),
    "tab after blanks": ("a:\n  b: 1\n \tc: 2\n", 3, 2, "a tab in the indentation"),
    "percent": ("a: %Y\n", 1, 4, "a text cannot start with this character"),
    "colon": ("a: b: c\n", 1, 5, "a second “key: value”"),
    "indented": ("a: 1\n  b: 2\n", 2, 4, "a second “key: value”"),
    "dash": ("a: - b\n", 1, 4, "a list cannot start on the line of its key"),
    "quote": ('a: 1\nb: "x\nc: 2\n', 2, 4, "a quote that is opened and never closed"),
    "bracket": ("a: [1, 2\nb: 3\n", 2, 2, "a list that is opened by “[” and not closed"),
    "brace": ("a: {b: 1\nc: 3\n", 2, 2, "a “{” that is not closed"),
    "alias": ("a: *b\n", 1, 4, "an alias (*…) whose anchor (&…) is not above it"),
    "escape": ('a: "\\d"\n', 1, 6, "an escape (\\…) that YAML does not know"),
    "documents": ("a: 1\n---\nb: 1\n", 2, 1, "a second document"),
    "dedent": ("a:\n  - b\n c: 1\n", 3, 2, "the indentation does not fit what stands above"),
    "block": ("a: |x\n  b\n", 1, 5, "something behind the “|”"),
    "no colon": ("a: 1\nb\nc: 2\n", 3, 1, "a key without “:”"),
}


@pytest.mark.parametrize(("text", "line", "column", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_yaml_is_told_in_our_words(text, line, column, words):
    table, (fault,) = read(text)
    assert table is None
    assert words in fault.message
    assert (fault.line, fault.column) == (line, column)
    assert fault.source == text.splitlines()[line - 1].rstrip()


@pytest.mark.parametrize("text", ["a：1\nb: 2\n", "a: 1\nb：2\n", "a:\n　b: 1\n c: 2\n"])
def test_full_width_punctuation_is_pointed_out(text):
    _, (fault,) = read(text)
    assert "full-width" in fault.hint


OTHER = {
    "tag": ("a: !!int 3\n", 1, 4, "Tags (!…) are not understood here."),
    "own tag": ("a: !env X\n", 1, 4, "Tags (!…) are not understood here."),
    "merge": ("a: &a {b: 1}\nc:\n  <<: *a\n", 3, 3, "Merge keys (<<) are not understood."),
    "key": ("[a]: 1\n", 1, 1, "A key must be a single text, but this is a list."),
    "cycle": ("a: &x\n  b: *x\n", 1, 4, "An anchor (&…) that contains itself."),
    "list": ("- a\n", 1, 1, "The file must hold “key: value” lines, but holds a list."),
    "text": ("hello\n", 1, 1, "The file must hold “key: value” lines, but holds a single text."),
    "empty": ("# nothing\n", 1, 1, "The file is empty."),
    "NUL": ("a: b\nc: x\x00y\n", 2, 5, "An invisible character (U+0000) that YAML does not allow."),
    "line separator": ("a: x\u2028y\n", 1, 5, "An invisible character (U+2028) that YAML does not allow."),
}


@pytest.mark.parametrize(("text", "line", "column", "message"), OTHER.values(), ids=OTHER)
def test_what_yaml_allows_and_we_do_not(text, line, column, message):
    _, (fault,) = read(text)
    assert fault.message == message
    assert (fault.line, fault.column) == (line, column)


@pytest.mark.parametrize("text", ["a: " + "[" * 5000, "- " * 5000, "a: " + "[" * 900 + "]" * 900])
def test_deep_nesting_ends_in_a_fault(text):
    _, (fault,) = read(text)
    assert "nests too deeply" in fault.message
