"""Amounts that break a rule are still read where they can be."""

from decimal import Decimal

import pytest

from connector.pipeline.totals import _scaled


@pytest.mark.parametrize(
    ("value", "scaled"),
    [
        (Decimal("1.00005"), 10001),
        (Decimal("-1.00005"), -10001),
        (" 12.30 ", 123000),
        (7, 70000),
        (None, 0),
        ("", 0),
        ("x", 0),
        (float("nan"), 0),
        (float("inf"), 0),
    ],
)
def test_amounts_are_rounded_as_they_are_sent(value, scaled):
    assert _scaled(value) == scaled
