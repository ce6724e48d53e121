"""4.10 sendMedInfo and 4.11 invalidData (error groups (8) and (13) of 5.2).

A repeated upload duplicates (T70), an order overwrites the one of its number (T71). One bad row refuses the whole
request; whether the platform does the same is not stated (T75), the faults P.partial_* do otherwise.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from connector.contract.library import contract
from connector.simulator.call import Call, Handler, NoAnswer, Refusal, read_list
from connector.simulator.fees import WRONG_AMOUNT, FeeFields, check_refunds, read_fee, refuse_amount
from connector.simulator.rulebook import hold_to_contract
from connector.simulator.visit import Fee, Visit

LOCAL = FeeFields.of(contract().node("sendMedInfo.meds.med"))
_PARTIAL = ("P.partial_counts", "P.partial_error", "P.partial_silent", "P.partial_late", "P.counts_lie")


def upload_charges(call: Call) -> Mapping[str, Any]:
    """Save the orders and append the fees of a visit; `counts` are the saved ones (orders counted too, T27)."""
    if not call.text("akc190"):
        raise Refusal(81002)
    visit = _find_visit(call)
    orders = read_list(call.payload, "advices", "advice")
    rows = read_list(call.payload, "meds", "med")
    if not orders and not rows:
        raise Refusal(81003)
    hold_to_contract(call, lambda: (refuse_amount(row, LOCAL, call.rules) for row in rows))
    fees = _read_fees(call, rows, LOCAL)
    _spoil(call, fees)
    if call.rules.check_rules:
        check_refunds(visit, fees)
    if orders:
        call.state.commit(
            "orders", visit=visit.number, orders={call.text("aae080", order): dict(order) for order in orders}
        )
    return {"counts": len(orders) + save_fees(call, visit, fees)}


def _find_visit(call: Call) -> Visit:
    number = call.text("akc190")
    if number not in call.state.visits and not call.rules.check_rules:
        call.state.commit("register", visit=number, data={"akc190": number}, new_injury=False)
    visit = call.visit(81001)
    if visit.closed_on or visit.settled:
        raise Refusal(81005)
    return visit


def _read_fees(call: Call, rows: Sequence[Mapping[str, Any]], names: FeeFields) -> list[Fee]:
    try:
        return [read_fee(row, names, call.rules) for row in rows]
    except ValueError as error:
        raise Refusal(1004, f"{names.amount}, {names.price} or {names.quantity}: {error}") from error


def _spoil(call: Call, fees: Sequence[Fee]) -> None:
    """Refuse a batch that holds a row somebody declared unacceptable (fault P.poison)."""
    poison = call.struck.get("P.poison")
    if poison and any(fee.item in poison["items"] for fee in fees):
        raise Refusal(poison.get("code", WRONG_AMOUNT))


def save_fees(call: Call, visit: Visit, fees: Sequence[Fee]) -> int:
    """Append the fees, as far as faults let them through; the number that the answer is to tell."""
    partial = next((name for name in _PARTIAL if name in call.struck), None)
    saved = list(fees) if partial is None else _keep_some(fees, call.struck[partial])
    if saved:
        call.state.commit("fees", visit=visit.number, fees=saved)
        if "P.double" in call.struck:
            call.state.commit("fees", visit=visit.number, fees=saved)
    if partial == "P.partial_error":
        raise Refusal(call.struck[partial].get("code", "990009"))
    if partial == "P.partial_silent":
        raise NoAnswer
    counts = len(fees) if partial == "P.counts_lie" else len(saved)
    return counts + ("P.counts_more" in call.struck)


def _keep_some(fees: Sequence[Fee], how: Mapping[str, Any]) -> list[Fee]:
    """The rows numbered in `keep` (from 0), else the first `saved`, else the first half."""
    if "keep" in how:
        return [fee for number, fee in enumerate(fees) if number in how["keep"]]
    return list(fees[: how.get("saved", len(fees) // 2)])


def remove_fees(call: Call) -> Mapping[str, Any]:
    """Delete every fee of a visit; registration and orders stay (T107)."""
    if not call.text("akc190"):
        raise Refusal(130002)
    hold_to_contract(call)
    visit = call.visit(130003)
    if visit.closed_on:
        raise Refusal(130001)
    if not visit.rows:
        raise Refusal(130004)
    call.state.commit("invalidate", visit=visit.number)
    return {}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {"sendMedInfo": upload_charges, "invalidData": remove_fees}
)
