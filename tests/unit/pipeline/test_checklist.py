"""What stands against a visit's leaving: one item for every refusal that can be told beforehand."""

from dataclasses import replace

import pytest

from connector.contract.library import contract
from connector.pipeline.balance import CategorySums, Comparison, Kept
from connector.pipeline.checklist import Departing, Mark, Stale, judge
from connector.pipeline.papers import Invoice, Papers, Rejection

FEES = 300_000
PAPERS = Papers(
    contract().operation("leaveHos"),
    {},
    (),
    {"km02": 1, "km03": 1, "km05": 1, "km04": 1, "km06": 1, "km07": 1, "km08": 1, "km09": 1, "km12": 1},
    (Invoice("FP1", FEES),),
    {},
)
EQUAL = Comparison(
    "ward", "1", "V1", "", (CategorySums("91", his=FEES, accepted=FEES),), (), platform=FEES, read_at="now"
)
FINE = Departing(
    has_ended=True,
    is_registered=True,
    left_on="",
    held_for="",
    rows={},
    is_registration_changed=False,
    comparison=EQUAL,
    stale=(),
    late=(),
    discharged="2026-03-05",
    today="2026-03-05",
    is_inpatient=True,
    papers=PAPERS,
    leave_mapping="leave",
    used={},
    documents=0,
    has_e_invoices=True,
)


def papers(**changed):
    return replace(FINE, papers=replace(PAPERS, **changed))


def compared(**changed):
    return replace(FINE, comparison=replace(EQUAL, **changed))


def lacking(*names):
    return papers(nodes={name: rows for name, rows in PAPERS.nodes.items() if name not in names})


def test_where_nothing_stands_against_it_every_item_is_fine():
    found = judge("V1", FINE)
    assert (found.obstacles, found.warnings) == ((), ())
    assert {one.mark for one in found.items} == {Mark.FINE}
    assert (found.his, found.ledger, found.platform) == (FEES, FEES, FEES)


AGAINST = {
    "open": (replace(FINE, has_ended=False), "still open in the HIS"),
    "unregistered": (replace(FINE, is_registered=False), "connector visit step V1"),
    "left": (replace(FINE, left_on="it has left already, on 2026-03-05"), "left already"),
    "waiting": (replace(FINE, rows={"staged": 2}), "waiting to be sent: 2 rows"),
    "in doubt": (replace(FINE, rows={"doubt": 1}), "in doubt: 1 row"),
    "quarantined": (replace(FINE, rows={"quarantined": 1}), "in quarantine: 1 row"),
    "held": (replace(FINE, held_for="somebody"), "it is held: somebody"),
    "changed": (compared(kept_back={"changed in the HIS": Kept(2, 5)}), "after it was sent: 2 rows"),
    "platform holds more": (compared(platform=FEES + 200), "platform 30.02"),
    "platform does not list it": (compared(platform=None), "platform does not list it"),
    "HIS charges more": (compared(categories=(CategorySums("91", his=FEES + 1, accepted=FEES),)), "HIS 30.00"),
    "no fees": (compared(categories=(), platform=0), "no fee of it"),
    "stale": (replace(FINE, stale=(Stale(3, "expired", today=False),)), "3 rows expired"),
    "late": (replace(FINE, late=("2026-03-06", "2026-03-07")), "2 fees (2026-03-06, 2026-03-07)"),
    "no papers": (replace(FINE, papers=None), "has no `leave`"),
    "rejected": (papers(rejections=(Rejection("leave", "1", "akc195", "required", "is empty"),)), "akc195 is empty"),
    "tomorrow": (replace(FINE, discharged="2026-03-06"), "today is 2026-03-05"),
    "no front page": (lacking("km05"), "病例首页 (km05)"),
    "no invoice": (papers(invoices=()), "no invoice goes with it"),
    "a fen less": (papers(invoices=(Invoice("FP1", FEES - 100),)), "come to 29.99"),
    "with what 4.18 brought": (replace(FINE, documents=100), "come to 30.01"),
}  # fmt: skip


@pytest.mark.parametrize("name", AGAINST)
def test_one_thing_stands_against_it(name):
    found, words = AGAINST[name]
    told = judge("V1", found)
    assert any(words in one for one in told.obstacles), told.obstacles


WARNED = {
    "no electronic invoices": (replace(papers(invoices=()), has_e_invoices=False), "no invoice goes with it"),
    "no operation": (lacking("km04"), "手术记录 (km04)"),
    "used": (replace(FINE, used={"FP1": "invoice FP1 was sent"}), "invoice FP1 was sent"),
    "today": (replace(FINE, stale=(Stale(1, "expired", today=True),)), "1 row expired"),
    "shortened": (papers(shortened={"km02.blz061": 1}), "1 text (km02.blz061)"),
    "registration": (replace(FINE, is_registration_changed=True), "its registration changed"),
}


@pytest.mark.parametrize("name", WARNED)
def test_what_should_be_seen_keeps_nobody_here(name):
    found, words = WARNED[name]
    told = judge("V1", found)
    assert told.obstacles == ()
    assert any(words in one for one in told.warnings)


def test_an_outpatient_needs_no_record():
    found = replace(lacking("km02", "km03", "km05"), is_inpatient=False)
    assert judge("V1", found).obstacles == ()


def test_four_decimals_of_fees_are_invoiced_in_fen():
    exact = compared(categories=(CategorySums("91", his=FEES + 49, accepted=FEES + 49),), platform=FEES + 49)
    assert judge("V1", exact).obstacles == ()
