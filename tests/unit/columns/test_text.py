"""Plain text of every type, and what may be wrong with it."""

# ruff: noqa: DTZ001 - times of a HIS have no zone

from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.columns import text as t


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([12, None, -3], pa.int64(), ["12", None, "-3"]),
        (
            [Decimal("1.2000"), Decimal("100.0000"), Decimal("-0.5")],
            pa.decimal128(10, 4),
            ["1.2", "100", "-0.5"],
        ),
        ([Decimal("0.0000000001")], pa.decimal128(18, 10), ["0.0000000001"]),
        (
            [1.0, 0.1 + 0.2, 1e22, -0.0, 1e-7],
            pa.float64(),
            ["1", "0.30000000000000004", "1" + "0" * 22, "0", "0.0000001"],
        ),
        ([True, False], pa.bool_(), ["1", "0"]),
        ([date(2024, 1, 2)], pa.date32(), ["2024-01-02"]),
        (
            [datetime(2024, 1, 2, 3, 4, 5), datetime(2024, 1, 2, 0, 0, 0, 120)],
            pa.timestamp("us"),
            ["2024-01-02 03:04:05", "2024-01-02 00:00:00.000120"],
        ),
        ([time(3, 4, 5)], pa.time32("s"), ["03:04:05"]),
        ([None], pa.null(), [None]),
        ([" 0012 "], pa.large_string(), [" 0012 "]),
    ],
)
def test_plain_text(values, kind, texts):
    assert t.plain(pa.array(values, kind)).to_pylist() == texts
    assert t.plain(pa.chunked_array([pa.array(values, kind)] * 2)).to_pylist() == texts * 2


def test_bytes_have_no_text():
    with pytest.raises(TypeError, match="binary"):
        t.plain(pa.array([b"x"]))


@given(st.lists(st.text(max_size=8), max_size=6))
def test_trimming_is_pythons_and_nothing_else_is_touched(texts):
    assert t.trimmed(pa.array(texts, pa.string())).to_pylist() == [one.strip() for one in texts]


def test_blanks_of_every_kind_and_char_padding():
    texts = pa.array(["张三              ", "\u3000李四\u3000 ", "\u00a0\t", None, "a b"])
    assert t.key_text(texts).to_pylist() == ["张三", "李四", "", "", "a b"]
    assert t.is_blank(texts).tolist() == [False, False, True, True, False]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), min_size=1, max_size=5),
    st.integers(0, 4),
)
def test_controls_are_found_wherever_they_are(texts, start):
    column = pa.array(texts, pa.string())[start:]
    inside = [
        any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029" for c in one) for one in texts[start:]
    ]
    assert t.has_controls(column).tolist() == inside
    left = t.without_controls(column).to_pylist()
    assert not t.has_controls(pa.array(left, pa.string())).any()
    assert [one for one, was in zip(left, inside, strict=True) if not was] == [
        one for one, was in zip(texts[start:], inside, strict=True) if not was
    ] or any(one != one.strip() for one in texts)


def test_a_line_break_is_one_blank():
    assert t.without_controls(pa.array(["a\r\n\tb\x85", "°·“药”"])).to_pylist() == ["a b", "°·“药”"]


def test_full_width():
    assert t.has_full_width(pa.array(["１", "A", "，。（", "-ｂ", "１床"])).tolist() == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_cutting_never_halves_a_character():
    assert t.cut("药品名称", 7, "bytes") == "药品"
    assert t.cut("ab 药", 3, "characters") == "ab"


@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.text("ab", max_size=2)), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    )
)
def test_parts_that_are_null_leave_no_separator(rows):
    columns = [pa.array(list(part), pa.string()) for part in zip(*rows, strict=True)]
    assert t.glued(columns, "-").to_pylist() == [
        "-".join(one for one in row if one is not None) for row in rows
    ]
    assert t.glued(columns[:1], "-").to_pylist() == [row[0] or "" for row in rows]
