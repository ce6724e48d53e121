"""The trouble of real hospital data, planted row by row; each kind has a name that tests and the demo use."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import inf, nextafter

from connector.sample.plan import Charge, Order, Plan, Stay, draft_charge, draft_refund
from connector.sample.schema import Value
from connector.sample.ward import draft_order

_CLEAN = ("old", "new", "operated", "rehabilitation", "second", "twice_coded", "plain")
"""The stays whose charges are troubled."""

REJECTED = (
    "unmatched",
    "expired",
    "ambiguous",
    "price_negative",
    "amount_wrong",
    "date_missing",
    "fee_unknown",
)
"""The planted charges that break a rule and must be quarantined."""

ZERO = ("zero_amount", "zero_quantity")
"""The planted charges with nothing to send (T72)."""


def plant_trouble(plan: Plan) -> None:
    """Add troubled rows and trouble some that are there. Before the rows are numbered."""
    _spoil_cents(plan)
    plan.charges.extend(_odd_items(plan))
    plan.charges.extend(_broken(plan))
    plan.charges.extend(_late(plan))
    plan.charges.extend(_refunds(plan))
    plan.orders.extend(_orders(plan))


def _mark(charge: Charge, mark: str, **changes: Value) -> Charge:
    charge.mark = mark
    charge.row.update(changes)
    return charge


def _spoil_cents(plan: Plan) -> None:
    """One amount in fifty is off by a cent, as tills round; one in fifty carries a float's artefact."""
    for charge in plan.charges:
        chance = plan.random.random()
        if chance < 0.02 and float(charge.item.price) > 1:
            cents = round(float(str(charge.row["ZJJE"])) * 100) + (1 if chance < 0.01 else -1)
            charge.row["ZJJE"] = f"{cents // 100}.{cents % 100:02d}"
            plan.plant("cent_off_stay", charge.stay.key)
        elif chance > 0.98:
            charge.row["ZJJE"] = repr(nextafter(float(str(charge.row["ZJJE"])), inf))


def _odd_items(plan: Plan) -> Iterator[Charge]:
    """Items whose match is missing, expired or contradictory, and items declared outside the catalogue."""
    uses = (
        ("old", "unmatched", 1301, "2"),
        ("old", "unmatched", 1301, "2"),
        ("operated", "unmatched", 3009, "1"),
        ("second", "expired", 1302, "1"),
        ("plain", "ambiguous", 2021, "1"),
        ("old", "outside", 1103, "2"),
        ("new", "outside", 1202, "10"),
        ("operated", "outside", 3007, "2"),
        ("rehabilitation", "outside", 3008, "1"),
        ("plain", "outside", 2019, "3"),
        ("twice_coded", "tiny", 3006, "1"),
    )
    for place, (case, mark, item, quantity) in enumerate(uses):
        stay = plan.stay(case)
        yield _mark(
            draft_charge(stay, _at(stay, 3, place), item, quantity, prescription=f"CF{place:04d}"), mark
        )


def _broken(plan: Plan) -> Iterator[Charge]:
    """Rows that break a rule, rows with nothing to send, and rows that only look wrong."""
    old, new, operated = plan.stay("old"), plan.stay("new"), plan.stay("operated")
    rehabilitation, coded, plain = plan.stay("rehabilitation"), plan.stay("twice_coded"), plan.stay("plain")

    def one(
        stay: Stay, minute: int, mark: str, item: int = 2005, quantity: str = "1", **changes: Value
    ) -> Charge:
        drafted = draft_charge(stay, _at(stay, 4, minute), item, quantity, prescription="CFX001")
        return _mark(drafted, mark, **changes)

    yield one(old, 1, "price_negative", 1010, FYDJ="-0.98000", ZJJE="-0.98")
    yield one(new, 2, "amount_wrong", 2011, ZJJE="62.40")
    yield one(operated, 3, "date_missing", 2005, FYRQ="00000000")
    yield one(plain, 4, "fee_unknown", 2020)
    yield one(old, 5, "zero_amount", 3002, ZJJE="0", FYDJ="2.40000")
    yield one(coded, 6, "zero_amount", 2006, ZJJE="0.0000")
    yield one(rehabilitation, 7, "zero_quantity", 3001, FYSL="0", ZJJE="0")
    midnight = _at(coded, 4, 8)
    yield one(coded, 8, "midnight", 2014, "2", FYRQ=f"{midnight:%Y%m%d}24:00:00")
    early = plain.admitted - timedelta(hours=6)
    yield _mark(draft_charge(plain, early, 2010, "1", prescription="MJ0001"), "before_admission")
    yield one(old, 9, "cancelled", 2009, ZFPB=1)
    yield one(new, 10, "cancelled", 2008, ZFPB=1)


def _late(plan: Plan) -> Iterator[Charge]:
    """Charges that get their numbers now and are committed only on the second day (a till's long transaction)."""
    for case in ("old", "new", "plain"):
        stay = plan.stay(case)
        for minute in (11, 12):
            charge = draft_charge(
                stay, _at(stay, 4, 60 + minute), 2011, str(minute - 10), prescription="CFL001"
            )
            charge.late = True
            yield _mark(charge, "late")


def _refunds(plan: Plan) -> Iterator[Charge]:
    """Whole and partial refunds with the number of what they refund, refunds without, and a refund of nothing left."""
    whole = _original(plan, "old", 1101, 1102, 1008, 1004, 2007)
    yield _mark(draft_refund(whole, whole.at + timedelta(hours=3), str(whole.row["FYSL"])), "refund_whole")
    screws = _original(plan, "operated", 3004)
    yield _mark(draft_refund(screws, screws.at + timedelta(hours=5), "2"), "refund_partial")
    yield _mark(draft_refund(screws, screws.at + timedelta(hours=29), "1"), "refund_partial")
    bed = _original(plan, "twice_coded", 2001)
    yield _mark(draft_refund(bed, bed.at + timedelta(hours=26), "1"), "refund_whole")
    for case in ("new", "rehabilitation"):
        picture = _original(plan, case, 2009)
        back = draft_refund(picture, picture.at + timedelta(hours=4), "1", linked=False)
        yield _mark(back, "refund_unlinked")


def _original(plan: Plan, case: str, *items: int) -> Charge:
    """The first whole charge of a stay for one of these items."""
    stay = plan.stay(case)
    own = (charge for charge in plan.charges if charge.stay is stay and not charge.mark)
    return next(charge for charge in own if charge.item.number in items)


def _orders(plan: Plan) -> Iterator[Order]:
    """Orders without a nurse's signature (T86), one still unchecked, and one whose dose is longer than 8 (T85)."""
    for case, minute in (("old", 50), ("operated", 55)):
        stay = plan.stay(case)
        order = draft_order(
            stay, _at(stay, 2, minute), "补钾口服液 10ml", long=True, FHGH="" if case == "old" else None
        )
        order.mark = "order_unsigned"
        yield order
    stay = plan.stay("new")
    order = draft_order(stay, _at(stay, 2, 40), "会诊", FHGH=None, YZZT=0)
    order.mark = "order_unchecked"
    yield order
    stay = plan.stay("plain")
    long_dose = draft_order(
        stay, _at(stay, 2, 30), "复方氨基酸注射液", item=1003, YCJL="1250.125", JLDW="ml/24h"
    )
    long_dose.mark = "order_long_dose"
    yield long_dose


def _at(stay: Stay, day: int, minute: int) -> datetime:
    return stay.admitted + timedelta(days=day, minutes=minute)
