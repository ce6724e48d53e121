"""Dates out of columns and texts."""

# ruff: noqa: DTZ001, DTZ007 - times of a HIS have no zone

from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.columns.dates import check_format, from_texts, from_times, in_words

FORMS = ["%Y%m%d%H:%M:%S", "%Y-%m-%d", "%Y%m%d", "%Y年%m月%d日 %H:%M", "%d/%m/%Y %H%M%S"]


@given(
    st.lists(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)), min_size=1, max_size=5),
    st.sampled_from(FORMS),
)
def test_what_a_format_writes_it_reads(moments, form):
    texts = [one.strftime(form) for one in moments]
    found = from_texts(pa.array(texts), form)
    assert not found.wrong.any()
    assert found.day_texts().to_pylist() == [one.date().isoformat() for one in moments]
    assert found.written(form).to_pylist() == texts


@given(st.text("0123456789-: /", max_size=17), st.sampled_from(FORMS))
def test_what_is_wrong_is_what_python_refuses(text, form):
    found = from_texts(pa.array([text.strip()]), form)
    try:
        parsed = datetime.strptime(text.strip(), form)
        well = parsed.strftime(form).zfill(len(text.strip())) == text.strip()  # strptime takes single digits
    except ValueError:
        parsed, well = None, False
    if well and parsed.year >= 1000:
        assert found.day_texts().to_pylist() == [parsed.date().isoformat()]
    elif parsed is None and "24" not in text:
        assert found.wrong[0] or found.empty[0]


def test_midnight_at_the_end_of_a_day():
    found = from_texts(pa.array(["2024022924:00:00", "2024022924:00:01", "2024123124:00:00"]), FORMS[0])
    assert found.wrong.tolist() == [False, True, False]
    assert found.day_texts().to_pylist() == ["2024-02-29", "", "2024-12-31"]
    assert found.written("%Y-%m-%d %H:%M:%S").to_pylist()[2] == "2025-01-01 00:00:00"


@pytest.mark.parametrize("text", ["", "00000000", "0000-00-00", "0000-00-00 00:00:00", "0000000000:00:00"])
def test_nothing_but_zeros_is_no_date(text):
    found = from_texts(pa.array([text]), "%Y%m%d")
    assert (found.empty[0], found.wrong[0]) == (True, False)


@pytest.mark.parametrize(
    "text", ["20230229", "20241301", "2024-1-1", "２０２４０１０１", "240101", "00010100", "2024010a"]
)
def test_no_day_of_the_calendar(text):
    assert from_texts(pa.array([text]), "%Y%m%d").wrong[0]


def test_without_a_format_only_what_cannot_be_mistaken():
    texts = [
        "2024-01-31",
        "2024-01-31 08:00:00.1230",
        "2024-01-31T08:00:00",
        "2024-01-31 08:00",
        "20240131",
        "31.01.2024",
    ]
    found = from_texts(pa.array(texts), None)
    assert found.wrong.tolist() == [False, False, False, False, True, True]
    assert from_texts(pa.array(["20240131"]), None, also="%Y%m%d").day_texts().to_pylist() == ["2024-01-31"]


@given(
    st.lists(
        st.one_of(st.none(), st.datetimes(datetime(1700, 1, 1), datetime(2261, 1, 1))), min_size=1, max_size=4
    )
)
def test_columns_of_times(moments):
    found = from_times(pa.array(moments, pa.timestamp("us")))
    assert found.day_texts().to_pylist() == ["" if one is None else one.date().isoformat() for one in moments]
    days = [None if one is None else one.date() for one in moments]
    assert from_times(pa.array(days, pa.date32())).day_texts().to_pylist() == found.day_texts().to_pylist()
    assert found.seconds.tolist() == [
        0
        if one is None
        else int((one - datetime.combine(one.date(), datetime.min.time())) / timedelta(seconds=1))
        for one in moments
    ]


def test_slices_are_read_from_their_own_start():
    texts = pa.array(["20240101", "20240202", "x", "20240303"])[1:]
    assert from_texts(texts, "%Y%m%d").dates().to_pylist() == [date(2024, 2, 2), None, date(2024, 3, 3)]


def test_formats_in_words_and_unknown_directives():
    assert in_words("%Y%m%d%H:%M:%S") == "yyyymmddhh:mm:ss"
    with pytest.raises(ValueError, match="%y is not one of"):
        check_format("%y%m%d")
