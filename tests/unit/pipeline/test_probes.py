"""Ways of rounding are told apart by a few small rows."""

import pytest

from connector.pipeline.probes import rounding_of

ROWS = (50, 40, 60, 50)


@pytest.mark.parametrize(
    ("totals", "name"),
    [
        ([50, 90, 150, 200], "not at all"),
        ([100, 100, 200, 200], "the sum half up"),
        ([0, 100, 200, 200], "the sum half to even"),
        ([0, 0, 100, 200], "the sum cut off"),
        ([100, 100, 200, 300], "each row half up"),
        ([0, 0, 100, 100], "each row half to even"),
        ([0, 0, 0, 0], "each row cut off"),
        ([100, 200, 300, 400], ""),
    ],
)
def test_a_way_of_rounding_is_known_by_what_it_shows(totals, name):
    assert rounding_of(ROWS, totals) == name
