"""4.12 discharge: the approval of the uploaded fees (T2); 4.16 getJSSheet, which approves too (T109); 4.17 getPerMed.

An approval may be repeated; it is void once all fees are deleted or the discharge is cancelled.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from connector.simulator.answers import Money, round_sum, sum_up
from connector.simulator.call import CHINA, Call, Handler, read_text
from connector.simulator.fees import fee_node
from connector.simulator.refusals import refusal
from connector.simulator.rulebook import hold_to_contract
from connector.simulator.twins import named_visit
from connector.simulator.visit import Fee, Visit

HOSPITAL = "模拟医院"
_SELF_PAY = "3"
_OUTSIDE, _NOT_INJURY = "1", "2"
"""Reasons of AKA073 that the platform's own audit finds: outside the catalogue, not for the injury."""


def approve_fees(call: Call) -> Mapping[str, Any]:
    """The total and the sums by category of everything uploaded; the approval is recorded."""
    hold_to_contract(call)
    visit = named_visit(call)
    if visit.settled:
        raise refusal(call, "settled")
    if visit.closed_on:
        raise refusal(call, "discharged")
    if not visit.rows and "P.empty_91006" in call.struck:
        raise refusal(call, "no_fees")
    sums = sum_up(visit, call.struck)
    call.state.commit("approve", visit=visit.number, number=call.text("aaca07"))
    return {
        "akc190": visit.number,
        "alc407": Money(round_sum(sum(sums.values(), Decimal(0)), call.struck)),
        "collections": {
            "collection": [
                {"aka063": category, "alc407": Money(round_sum(amount, call.struck))}
                for category, amount in sums.items()
            ]
        },
    }


def write_sheet(call: Call) -> Mapping[str, Any]:
    """The settlement sheet, provisional until the agency has audited (T125); an open visit's fees are approved."""
    hold_to_contract(call)
    visit = named_visit(call)
    if not visit.closed_on:
        if call.rules.sheet_needs_discharge:
            raise refusal(call, "not_discharged")
        call.state.commit("approve", visit=visit.number, number="")
    total = Decimal(visit.total).scaleb(-4)
    deducted = list(_deductions(visit))
    own = sum((fee.amount for fee, _ in deducted), 0)
    paid = total - Decimal(own).scaleb(-4)
    now = call.state.clock().astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    sheet = {
        **visit.data,
        **_injury_facts(call, visit),
        "akc190": visit.number,
        "akb020name": HOSPITAL,
        "aac001": read_text(visit.data, "aac002"),  # T44: the social security number, not the person's
        "akc194": visit.closed_on,
        "akc196": read_text(visit.discharge, "akc196"),
        "alc407sum": f"{total:.4f}",
        "alc408sum": f"{total - paid:.2f}",
        "jsdate": now,
        "jjin": f"{paid:.4f}",
        "ylaccounts": f"{paid:.4f}" if visit.audited else "0.0000",
        "hsfbtje": "0.0000" if visit.closed_on else "",
        "akc667": "1" if visit.audited else "0",
    }
    return {
        "kc21dto": {
            **_shape(call, sheet),
            "kc22dtos": {"kc22dto": [_deduction(visit, fee, why) for fee, why in deducted]},
        }
    }


def _shape(call: Call, values: Mapping[str, Any]) -> dict[str, str]:
    (node,) = call.operation.answer.nodes
    return {field.name: read_text(values, field.name) for field in node.fields}


def _injury_facts(call: Call, visit: Visit) -> dict[str, str]:
    """What 4.3 knows of the visit's injury: part, region and time of the accident."""
    decision, person = (read_text(visit.data, name) for name in ("alca02", "aac002"))
    known = (
        one
        for one in call.rules.injuries
        if one.get("aac002") == person and str(one.get("alca02", "")) == decision
    )
    injury = next(known, {})
    day = str(injury.get("alc020", ""))
    return {"alc022": str(injury.get("alc022", "")), "alc020": f"{day} 00:00:00" if day else ""}


def _deductions(visit: Visit) -> Iterator[tuple[Fee, str]]:
    """The fees that the fund does not pay, with the reason: what the sender marked, no audit of ours."""
    names = fee_node(visit.family)
    for fee in visit.fees:
        if fee.row.get(names.roles["item"]) is None:
            continue
        if names.text(fee.row, "not_injury") == "1":
            yield fee, _NOT_INJURY
        elif names.text(fee.row, "level") == _SELF_PAY and names.text(fee.row, "rescue") != "1":
            yield fee, _OUTSIDE


def _deduction(visit: Visit, fee: Fee, why: str) -> dict[str, str]:
    amount = f"{Decimal(fee.amount).scaleb(-4):.4f}"
    return {
        "alc403": fee_node(visit.family).text(fee.row, "item_name"),
        "alc405": fee.price,
        "alc406": fee.quantity,
        "alc407": amount,
        "alc408": amount,
        "marktype": why,
    }


def tell_drug_share(call: Call) -> Mapping[str, Any]:
    """The share of drugs in what is uploaded, as a text with its percent sign (T138)."""
    hold_to_contract(call)
    number = call.text(call.operation.request.roles["visit"])
    visit = call.state.visits.get(number)
    if visit is None:
        raise refusal(call, "no_visit")
    total, drugs, share = drug_share(call, visit)
    names = ("aac003", "aac002", "aac004", "aka130", "akc191", "akc192")
    return {
        "akc190": visit.number,
        **{name: read_text(visit.data, name) for name in names},
        "akc194": visit.closed_on,
        "alc407sum": f"{total:.2f}",
        "alc407med": f"{drugs:.2f}",
        "alc407per": share,
    }


def drug_share(call: Call, visit: Visit) -> tuple[Decimal, Decimal, str]:
    """The total, the drugs' part of it, both in yuan, and the share."""
    sums = sum_up(visit, call.struck)
    total = sum(sums.values(), Decimal(0))
    drugs = sums.get(call.rules.kind_categories["0"], Decimal(0))
    share = drugs * 100 / total if total else Decimal(0)
    return total, drugs, f"{share:.2f}%"


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {"discharge": approve_fees, "getJSSheet": write_sheet, "getPerMed": tell_drug_share}
)
