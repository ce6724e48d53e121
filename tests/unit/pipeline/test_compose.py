import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.pipeline.compose import blur, compose, is_detectable, is_fine
from connector.pipeline.settling import Fit, explain, fits
from connector.records import Original, StagedRecord, State


def record(n, amount, refund_of="", limit=0, **more):
    return StagedRecord(n, f"k{n}", b"{}", amount, "", refund_of, limit, **more)


def original(amount=5000, state=State.ACCEPTED, refund_of="", left=None):
    return Original(state, amount, refund_of, amount if left is None else left)


amounts = st.integers(min_value=-(10**9), max_value=10**9).filter(bool)


@given(st.lists(amounts, max_size=120), st.integers(1, 50))
def test_every_batch_is_of_one_sign_and_within_size(values, rows):
    composition = compose([record(i, a) for i, a in enumerate(values)], batch_rows=rows, originals={})
    for batch in composition.batches:
        assert len(batch) <= rows
        assert len({r.amount > 0 for r in batch}) == 1
        assert len(batch) == 1 or all(is_detectable(r.amount) for r in batch)


@given(st.lists(amounts, max_size=120), st.integers(1, 50))
def test_nothing_is_dropped_and_nothing_doubled(values, rows):
    composition = compose([record(i, a) for i, a in enumerate(values)], batch_rows=rows, originals={})
    went = [r.id for batch in composition.batches for r in batch]
    waits = [r.id for r, _ in composition.waiting]
    assert sorted(went + waits) == list(range(len(values)))


@given(st.lists(st.integers(201, 10**7), min_size=1, max_size=12), st.integers(0, 10**9), st.data())
def test_totals_tell_all_from_none_from_a_part(values, base, data):
    kept = data.draw(st.sets(st.integers(0, len(values) - 1)))
    total = base + sum(values[i] for i in kept)
    fit = explain(base, values, total).fit
    if len(kept) == len(values):
        assert fit is Fit.ALL
    elif not kept:
        assert fit is Fit.NONE
    else:
        assert fit in (Fit.PART, Fit.SEVERAL)


def test_a_refund_waits_for_its_original():
    refund = record(2, -5000, refund_of="k1")
    waiting = compose([refund], batch_rows=50, originals={"k1": original(state=State.STAGED)})
    assert waiting.batches == ()
    assert "k1, which is staged" in waiting.waiting[0][1]
    assert compose([refund], batch_rows=50, originals={"k1": original()}).batches == ((refund,),)


def test_a_refund_of_a_charge_never_staged_says_so():
    composition = compose([record(2, -5000, refund_of="k1")], batch_rows=50, originals={})
    assert "never staged" in composition.waiting[0][1]


def test_a_new_version_waits_until_what_it_replaces_is_taken_back():
    old, new = record(1, -5000, takes_back=True), record(2, 6000, awaits=State.STAGED)
    unnamed = record(3, -100)
    composition = compose([new, old, unnamed], batch_rows=50, originals={}, total=5000)
    assert composition.batches == ((old,),)
    assert [(r.id, reason) for r, reason in composition.waiting] == [
        (2, "waits until what it replaces is taken back, which is staged"),
        (3, "refund without a named original: waits for the charges of the visit"),
    ]


def test_what_takes_back_a_refund_is_a_charge():
    again, charge = record(1, 5000, takes_back=True), record(2, 700)
    assert compose([again, charge], batch_rows=50, originals={}).batches == ((again, charge),)


def test_refunds_of_one_charge_go_up_to_its_amount():
    refunds = [record(n, -2000, refund_of="k1") for n in (2, 3, 4)]
    composition = compose(refunds, batch_rows=50, originals={"k1": original()})
    assert composition.batches == (tuple(refunds[:2]),)
    assert composition.excess == (
        "more refunded than charged: a refund of 0.20 of k1, of which 0.10 are left",
    )
    spent = compose(refunds[:1], batch_rows=50, originals={"k1": original(left=0)})
    assert (spent.batches, len(spent.excess)) == ((), 1)


def test_a_refund_of_a_refund_waits_for_it_and_gives_back_no_more_than_it():
    again = record(3, 5000, refund_of="k2")
    unsent = original(-5000, State.STAGED, "k1")
    assert compose([again], batch_rows=50, originals={"k2": unsent}).batches == ()
    sent = {"k2": original(-5000, refund_of="k1")}
    assert compose([again], batch_rows=50, originals=sent).batches == ((again,),)
    assert compose([record(3, 5001, refund_of="k2")], batch_rows=50, originals=sent).excess
    assert compose([record(3, -1, refund_of="k2")], batch_rows=50, originals=sent).excess


def test_a_charge_that_names_its_own_refund_or_itself_is_a_charge():
    charge = record(1, 5000, refund_of="k2")
    assert compose(
        [charge], batch_rows=50, originals={"k2": original(-5000, State.STAGED, "k1")}
    ).batches == ((charge,),)
    itself = record(1, 5000, refund_of="k1")
    assert compose([itself], batch_rows=50, originals={}).batches == ((itself,),)


def test_refunds_that_name_nothing_never_exceed_what_the_platform_holds():
    refunds = [record(1, -5000), record(2, -5000)]
    composition = compose(refunds, batch_rows=50, originals={}, total=9000)
    assert composition.batches == ((refunds[0],),)
    assert composition.excess[0].endswith("without a named original, of which 0.40 are left")


def test_charges_go_before_refunds_without_a_named_original():
    charge, refund = record(1, 5000), record(2, -5000)
    assert compose([refund, charge], batch_rows=50, originals={}).batches == ((charge,),)
    assert compose([refund], batch_rows=50, originals={}).batches == ((refund,),)


def test_a_record_limited_by_bisection_travels_in_a_smaller_batch():
    records = [record(i, 1000, limit=2) for i in range(4)] + [record(9, 1000)]
    sizes = [len(b) for b in compose(records, batch_rows=50, originals={}).batches]
    assert sizes == [2, 2, 1]


def test_an_amount_below_the_blur_of_a_total_travels_alone():
    tiny, rest = record(1, 40), [record(2, 10000), record(3, 20000)]
    assert sorted(len(b) for b in compose([tiny, *rest], batch_rows=50, originals={}).batches) == [1, 2]


def test_two_rows_of_equal_amount_are_two_explanations():
    assert explain(0, [10000, 10000, 30000], 10000).fit is Fit.SEVERAL
    assert explain(0, [10000, 10000, 30000], 30000).part == (2,)


def test_a_count_from_the_platform_narrows_the_explanations():
    assert explain(0, [10000, 20000, 30000], 30000).fit is Fit.SEVERAL
    assert explain(0, [10000, 20000, 30000], 30000, counts=1).part == (2,)


def test_a_change_by_somebody_else_is_not_explained():
    assert explain(0, [10000, 20000], 77700).fit is Fit.NEITHER
    assert explain(0, [10000, 20000], 40000).fit is Fit.NEITHER


def test_a_full_batch_of_fifty_is_told_at_once():
    values = [10000 + 37 * i for i in range(50)]
    assert explain(5, values, 5 + sum(values)).fit is Fit.ALL
    assert explain(5, values, 5).fit is Fit.NONE
    assert explain(5, values, 5 + sum(values[:25])).fit in (Fit.PART, Fit.SEVERAL)


@pytest.mark.parametrize("add", [0, 50, 99], ids=["down", "half up", "up"])
@given(st.lists(amounts, max_size=120))
def test_a_total_of_rows_rounded_one_by_one_fits_within_its_blur(add, values):
    rounded = sum((amount + add) // 100 * 100 for amount in values)
    assert fits(rounded, sum(values), blur(sum(map(is_fine, values))))


def test_what_is_hidden_rides_along_where_requests_are_saved_whole():
    rows = [record(1, 40), record(2, 10000), record(3, 20000)]
    assert [len(b) for b in compose(rows, batch_rows=50, originals={}, is_atomic=True).batches] == [3]
    wide = compose(rows, batch_rows=50, originals={}, tolerance=6000)
    assert sorted(len(b) for b in wide.batches) == [1, 1, 1]


def test_of_a_request_saved_whole_no_part_is_an_explanation():
    assert explain(0, [10000, 20000, 30000], 10000, is_atomic=True).fit is Fit.NEITHER
    assert explain(0, [10000, 10000], 20000, is_atomic=True).fit is Fit.ALL
    assert explain(0, [10000, 10000], 0, is_atomic=True).fit is Fit.NONE
    assert explain(0, [40, 60], 0, is_atomic=True).fit is Fit.SEVERAL
    assert explain(0, [10000, 20000], 20000, counts=1, is_atomic=True).part == (1,)


def test_a_wider_blur_makes_more_explanations():
    assert explain(0, [10000], 9800).fit is Fit.NEITHER
    assert explain(0, [10000], 9800, tolerance=200).fit is Fit.ALL
    assert explain(0, [300], 0, tolerance=200).fit is Fit.NONE
    assert explain(0, [300], 150, tolerance=200).fit is Fit.SEVERAL
