"""4.10 sendMedInfo, 4.11 invalidData and their twins 4.24, 4.25 (error groups (8), (13) and across provinces).

A repeated upload duplicates (T70), an order overwrites the one of its number (T71). One bad row refuses the whole
request; whether the platform does the same is not stated (T75), the faults P.partial_* do otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from connector.simulator.call import Call, Handler, NoAnswer, Refusal, read_list
from connector.simulator.fees import FeeNode, check_refunds, fee_node, find_node, fits_amount, read_fee
from connector.simulator.refusals import OTHER, code_of, refusal
from connector.simulator.rulebook import hold_to_contract
from connector.simulator.twins import family_of, named_visit
from connector.simulator.visit import LOCAL, Fee, Visit

_PARTIAL = ("P.partial_counts", "P.partial_error", "P.partial_silent", "P.partial_late", "P.counts_lie")


def upload_charges(call: Call) -> Mapping[str, Any]:
    """Save the orders and append the fees of a visit; `counts` are the saved ones (orders counted too, T27)."""
    visit = _find_visit(call)
    names = fee_node(family_of(call))
    order_node = find_node(call.operation.request, "begin")
    orders = read_list(call.payload, order_node.wrapper or "", order_node.name)
    rows = read_list(call.payload, names.wrapper, names.name)
    if not orders and not rows:
        raise refusal(call, "nothing_sent")
    hold_to_contract(call, lambda: _wrong_amounts(call, rows, names))
    fees = _read_fees(call, rows, names)
    _spoil(call, fees)
    if call.rules.check_rules:
        _check_fees(call, visit, fees)
    if orders:
        number = order_node.roles["order"]
        call.state.commit(
            "orders", visit=visit.number, orders={call.text(number, order): dict(order) for order in orders}
        )
    counts = len(orders) + save_fees(call, visit, fees)
    return {call.operation.answer.roles["saved"]: counts if visit.family == LOCAL else str(counts)}


def _find_visit(call: Call) -> Visit:
    number = call.text(call.operation.request.roles["visit"])
    if number and number not in call.state.visits and not call.rules.check_rules:
        call.state.commit(
            "register", visit=number, data={"akc190": number}, new_injury=False, family=family_of(call)
        )
    visit = named_visit(call)
    if visit.closed_on or visit.settled:
        raise refusal(call, "discharged")
    return visit


def _wrong_amounts(call: Call, rows: Sequence[Mapping[str, Any]], names: FeeNode) -> Iterator[str]:
    """The codes of rows whose amount is wrong, where the document has one; else a refusal of its own."""
    code = code_of(call, "wrong_amount")
    for row in rows:
        if not fits_amount(row, names, call.rules):
            if code == OTHER:
                raise refusal(call, "wrong_amount")
            yield code


def _read_fees(call: Call, rows: Sequence[Mapping[str, Any]], names: FeeNode) -> list[Fee]:
    try:
        return [read_fee(row, names, call.rules) for row in rows]
    except ValueError as error:
        numbers = ", ".join(names.roles[role] for role in ("amount", "price", "quantity"))
        raise Refusal(1004, f"{numbers}: {error}") from error


def _spoil(call: Call, fees: Sequence[Fee]) -> None:
    """Refuse a batch that holds a row somebody declared unacceptable (fault P.poison)."""
    poison = call.struck.get("P.poison")
    if poison and any(fee.item in poison["items"] for fee in fees):
        raise Refusal(poison.get("code", code_of(call, "wrong_amount")))


def _check_fees(call: Call, visit: Visit, fees: Sequence[Fee]) -> None:
    """Refuse refunds without their original, and across provinces items the catalogue has outgrown (T80)."""
    outdated = call.rules.facts.outdated_items
    if visit.family != LOCAL and any(fee.item in outdated for fee in fees):
        raise refusal(call, "outdated_item")
    situation = check_refunds(visit, fees)
    if situation:
        raise refusal(call, situation)


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
    if call.text(call.operation.request.roles["visit"]):
        hold_to_contract(call)
    visit = named_visit(call)
    if visit.family != LOCAL and visit.audited:
        raise refusal(call, "audited")
    if visit.closed_on:
        raise refusal(call, "discharged")
    if not visit.rows:
        raise refusal(call, "no_fees")
    call.state.commit("invalidate", visit=visit.number)
    return {}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "sendMedInfo": upload_charges,
        "invalidData": remove_fees,
        "sendBsMedInfo": upload_charges,
        "medInfoInvalidData": remove_fees,
    }
)
