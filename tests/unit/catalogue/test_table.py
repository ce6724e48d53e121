"""Looking items up by day, against a scalar reading of the same rows."""

# ruff: noqa: DTZ001 - times of a HIS have no zone

from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.catalogue.table import CatalogueTable
from connector.config.codes import Catalogue, CodeMap
from connector.config.mapping import Expression
from connector.errors import ConfigurationError


def column(*names, **options):
    return Expression(columns=names, **options)


FACTS = {"centre_code": column("code"), "level": column("level")}
DAY = date(2026, 3, 1)


def build(rows, *, key=("item",), facts=FACTS, code_maps=None, dated=True, **options):
    names = {"item": "", "code": "", "level": "1", "from": None, "to": None}
    table = (
        pa.Table.from_pylist([names | row for row in rows])
        if rows
        else pa.table({n: pa.array([], pa.string()) for n in names})
    )
    validity = {
        "valid_from": column("from", read="%Y%m%d"),
        "valid_to": column("to", read="%Y%m%d", empty=("99991231",)),
    }
    catalogue = Catalogue("centre", key=key, facts=facts, table="T", **(validity if dated else {}), **options)
    return CatalogueTable.build(catalogue, table, code_maps or {})


def ask(table, item, day=DAY):
    answer = table.lookup([pa.array([item])], pa.array([day], pa.date32())).to_pylist()[0]
    return answer["status"], answer["centre_code"]


def test_an_item_is_found_on_its_days_both_ends_included():
    table = build([{"item": "1", "code": "A", "from": "20260301", "to": "20260331"}])
    assert [ask(table, "1", date(2026, 3, day)) for day in (1, 31)] == [("found", "A")] * 2
    assert [ask(table, "1", day) for day in (date(2026, 2, 28), date(2026, 4, 1))] == [("expired", "")] * 2
    assert ask(table, "2") == ("missing", "")


def test_versions_follow_one_another():
    table = build(
        [
            {"item": "1", "code": "A", "to": "20260228"},
            {"item": "1", "code": "B", "from": "20260301", "to": "99991231"},
        ]
    )
    assert (ask(table, "1", date(2026, 2, 28)), ask(table, "1")) == (("found", "A"), ("found", "B"))
    assert ask(table, "1", None) == ("ambiguous", "")


def test_rows_that_say_the_same_are_one():
    table = build([{"item": "1", "code": "A"}, {"item": "1", "code": "A", "from": "20260101"}])
    assert ask(table, "1") == ("found", "A")


@pytest.mark.parametrize("code", ["", None, "  ", "SZFYP999", "SZFZL999", "SZFCL999"])
def test_an_empty_code_or_one_that_says_so_is_outside(code):
    assert ask(build([{"item": "1", "code": code}]), "1")[0] == "outside"


def test_what_is_missing_or_expired_may_be_declared_outside():
    table = build([{"item": "1", "code": "A", "to": "20200101"}], missing="outside")
    assert [ask(table, item)[0] for item in "12"] == ["outside", "outside"]


def test_an_unreadable_date_spoils_its_item_alone():
    table = build(
        [
            {"item": "1", "code": "A", "from": "2020-1-1"},
            {"item": "1", "code": "B"},
            {"item": "2", "code": "C"},
        ]
    )
    assert [ask(table, item)[0] for item in "12"] == ["undated", "found"]


def test_a_fact_in_unknown_words_is_said_not_dropped():
    facts = FACTS | {"level": column("level", codes="levels")}
    maps = {"levels": CodeMap("levels", {"甲": "1"})}
    rows = [
        {"item": "1", "code": "A", "level": "甲 "},
        {"item": "2", "code": "A", "level": "丁"},
        {"item": "3", "level": "丁"},
    ]
    table = build(rows, facts=facts, code_maps=maps)
    assert [ask(table, item)[0] for item in "123"] == ["found", "codes level levels", "codes level levels"]
    maps = {"levels": CodeMap("levels", {"甲": "1"}, otherwise="3")}
    assert ask(build(rows, facts=facts, code_maps=maps), "2")[0] == "found"


def test_keys_are_compared_as_text_whatever_their_types():
    catalogue = Catalogue("c", key=("kind", "item"), facts={"centre_code": column("code")}, table="T")
    rows = pa.table({"kind": pa.array([1, 2]), "item": ["0012  ", "a|b"], "code": ["A", "B"]})
    table = CatalogueTable.build(catalogue, rows, {})
    answer = table.lookup(
        [pa.array(["1", "2", "1", "2", None]), pa.array(["0012", "a|b", "12", "a", "0012"])]
    )
    assert answer.column("centre_code").to_pylist() == ["A", "B", "", "", ""]
    assert (table.key, table.facts) == (("kind", "item"), ("centre_code",))


def test_facts_may_be_constants_glued_defaulted_or_emptied():
    facts = {
        "centre_code": column("code", empty=("0",)),
        "kind": Expression(value="1"),
        "spec": column("code", "level", join="*"),
        "maker": column("level", empty=("1",), default="无"),
    }
    table = build([{"item": "1", "code": "0"}, {"item": "2", "code": "A"}], facts=facts)
    answer = table.lookup([pa.array(["1", "2"])]).to_pylist()
    assert answer[0] == {"status": "outside", "centre_code": "", "kind": "1", "spec": "0*1", "maker": "无"}
    assert answer[1]["spec"] == "A*1"


def test_validity_of_typed_columns():
    catalogue = Catalogue(
        "c", key=("item",), facts={"centre_code": column("code")}, table="T", valid_from=column("from")
    )
    rows = pa.table(
        {"item": ["1"], "code": ["A"], "from": pa.array([datetime(2026, 3, 1, 9)], pa.timestamp("us"))}
    )
    table = CatalogueTable.build(catalogue, rows, {})
    assert (ask(table, "1"), ask(table, "1", date(2026, 2, 28))) == (("found", "A"), ("expired", ""))


def test_an_empty_catalogue_and_an_empty_question():
    table = build([])
    assert ask(table, "1") == ("missing", "")
    assert table.lookup([pa.array([], pa.string())], pa.array([], pa.date32())).num_rows == 0


def test_a_missing_column_is_named():
    with pytest.raises(ConfigurationError, match="gives no column code"):
        CatalogueTable.build(
            Catalogue("centre", key=("item",), facts={"centre_code": column("code")}, table="T"),
            pa.table({"item": ["1"]}),
            {},
        )


days = st.one_of(st.none(), st.integers(0, 9).map(lambda n: DAY + timedelta(days=n)))
catalogue_rows = st.lists(
    st.fixed_dictionaries(
        {"item": st.sampled_from("ab"), "code": st.sampled_from(["A", "B", ""]), "from": days, "to": days}
    ),
    max_size=6,
)


@given(catalogue_rows, st.lists(st.tuples(st.sampled_from("abc"), days), min_size=1, max_size=8))
def test_every_answer_is_what_reading_the_rows_one_by_one_gives(rows, questions):
    written = [
        row | {side: row[side] and row[side].strftime("%Y%m%d") for side in ("from", "to")} for row in rows
    ]
    answers = build(written).lookup(
        [pa.array([item for item, _ in questions]).dictionary_encode()],
        pa.array([day for _, day in questions], pa.date32()),
    )
    for (item, day), answer in zip(questions, answers.to_pylist(), strict=True):
        own = [row for row in rows if row["item"] == item]
        valid = [
            row for row in own if day is None or ((row["from"] or DAY) <= day <= (row["to"] or date.max))
        ]
        codes = {row["code"] for row in valid}
        if not own:
            wanted = ("missing", "")
        elif not codes:
            wanted = ("expired", "")
        elif len(codes) > 1:
            wanted = ("ambiguous", "")
        else:
            (code,) = codes
            wanted = ("found" if code else "outside", code)
        assert (answer["status"], answer["centre_code"]) == wanted
