from hypothesis import given
from hypothesis import strategies as st

from connector.pipeline.compose import TOLERANCE
from connector.pipeline.cutoffs import Dated, cut_offs, fitting, is_likely_there

DAYS = st.sampled_from(["2026-03-01", "2026-03-02", "2026-03-03", ""])
ROWS = st.lists(st.tuples(DAYS, st.integers(-500_000, 500_000)), max_size=12).map(
    lambda rows: [Dated(n, day, amount) for n, (day, amount) in enumerate(rows)]
)


@given(ROWS)
def test_each_cut_off_holds_every_row_up_to_its_date_and_the_last_holds_all(rows):
    found = cut_offs(rows)
    assert [one.until for one in found] == sorted({row.date for row in rows})
    for one in found:
        held = [row for row in rows if row.date <= one.until]
        assert sorted(one.rows) == [row.number for row in held]
        assert one.amount == sum(row.amount for row in held)
    assert not rows or len(found[-1].rows) == len(rows)


@given(ROWS, st.integers(-1_000_000, 1_000_000))
def test_what_fits_sums_up_to_the_surplus(rows, surplus):
    assert all(abs(one.amount - surplus) <= TOLERANCE for one in fitting(rows, surplus))
    if rows:
        total = sum(row.amount for row in rows)
        assert len(rows) in [len(one.rows) for one in fitting(rows, total)]


def test_one_row_of_that_amount_is_likely_there():
    rows = [Dated(1, "2026-03-01", 100_000), Dated(2, "2026-03-01", 70_000)]
    assert is_likely_there(rows, 70_050)
    assert is_likely_there(rows, 170_000)
    assert not is_likely_there(rows, 30_000)
    assert not is_likely_there([], 30_000)
