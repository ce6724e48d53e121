"""Exact numbers, against Python's Decimal."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.columns.numbers import Kind, read, text_of


def one(value, kind, scale=4, round_to=None):
    found = read(pa.array([value], kind), scale, round_to)
    return Kind(int(found.kinds[0])), found.value(0), found.texts[0].as_py()


def expected(number, scale, round_to):
    with localcontext() as context:
        context.prec = 900
        if round_to is not None:
            number = number.quantize(Decimal(1).scaleb(-round_to), ROUND_HALF_UP)
        whole = number.scaleb(scale)
        return int(whole) if whole == whole.to_integral_value() else None


@given(
    st.decimals(-(10**12), 10**12, places=5),
    st.sampled_from([0, 2, 4, 5, 6]),
    st.one_of(st.none(), st.sampled_from([0, 2, 4])),
)
def test_a_decimal_a_text_and_a_float_of_a_number_are_that_number(number, scale, round_to):
    if round_to is not None and round_to > scale:
        round_to = scale
    wanted = expected(number, scale, round_to)
    for value, kind in ((number, pa.decimal128(20, 5)), (format(number, "f"), pa.string())):
        found = one(value, kind, scale, round_to)
        if wanted is None:
            assert found[0] is Kind.TOO_FINE
        else:
            assert found == (Kind.EXACT, wanted, format(Decimal(wanted).scaleb(-scale), "f"))


@given(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([2, 4, 6]), st.sampled_from([None, 2])
)
def test_a_float_is_read_by_its_shortest_text(value, scale, round_to):
    wanted = expected(Decimal(repr(value)), scale, round_to)
    kind, number, _ = one(value, pa.float64(), scale, round_to)
    assert (kind, number) == ((Kind.TOO_FINE, 0) if wanted is None else (kind, wanted))
    assert kind in ({Kind.TOO_FINE} if wanted is None else {Kind.EXACT, Kind.BEYOND})


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 4, 6]))
def test_integers_that_do_not_fit_are_carried_whole(value, scale):
    kind, number, text = one(value, pa.int64(), scale)
    assert number == value * 10**scale
    assert kind is (Kind.EXACT if abs(number) < 2**63 else Kind.BEYOND)
    assert Decimal(text) == value


def test_money_that_floats_spoil():
    values = pa.array([0.1 + 0.2, 398.99999999, 2.2, 0.29, 1e-5, float("nan"), float("inf"), None])
    found = read(values, 4)
    assert found.texts.to_pylist()[2:4] == ["2.2000", "0.2900"]
    assert found.kinds.tolist() == [3, 3, 1, 1, 3, 4, 4, 0]
    rounded = read(values, 4, 4)
    assert rounded.texts.to_pylist()[:3] == ["0.3000", "399.0000", "2.2000"]


def test_a_refund_is_rounded_like_its_charge():
    up, down = (one(text, pa.string(), 4, 2)[2] for text in ("1.125", "-1.125"))
    assert (up, down) == ("1.1300", "-1.1300")


@pytest.mark.parametrize(
    "text", ["1,234.00", "1e3", "１２", "0x1", "--1", ".", "1.2.3", "1 000", "NaN", "1" * 401]
)
def test_what_is_no_plain_number_stays_as_it_is(text):
    assert one(text, pa.string()) == (Kind.NOT, 0, text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [(".5", "0.5000"), ("+3", "3.0000"), ("5.", "5.0000"), ("0012", "12.0000"), ("-0", "0.0000")],
)
def test_other_ways_to_write_a_number(text, plain):
    assert one(text, pa.string())[2] == plain


def test_decimals_of_all_sizes_and_slices():
    column = pa.array([None, Decimal("1.50"), Decimal("-12345678901234567890.12")], pa.decimal128(38, 2))
    found = read(column, 4)
    assert found.texts.to_pylist() == ["", "1.5000", "-12345678901234567890.1200"]
    assert read(column[1:2], 4).texts.to_pylist() == ["1.5000"]
    assert read(pa.array([Decimal(7)], pa.decimal256(50, 0)), 4).texts.to_pylist() == ["7.0000"]
    assert read(pa.array([2**64 - 1], pa.uint64()), 0).texts.to_pylist() == [str(2**64 - 1)]


@settings(max_examples=30)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5), st.integers(0, 9))
def test_whole_numbers_as_text(values, scale):
    texts = text_of(np.array(values, np.int64), scale).to_pylist()
    assert texts == [format(Decimal(value).scaleb(-scale), "f") for value in values]
