"""4.12 discharge: the approval of the uploaded fees (T2), error group (9) of 5.2. It may be repeated."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from connector.simulator.answers import Money, round_sum, sum_up
from connector.simulator.call import Call, Handler, Refusal
from connector.simulator.rulebook import hold_to_contract

LOCAL = "0"


def approve_fees(call: Call) -> Mapping[str, Any]:
    """The total and the sums by category of everything uploaded; the approval is recorded."""
    if not call.text("akc190"):
        raise Refusal(91001)
    if not call.text("aaca07"):
        raise Refusal(91002)
    hold_to_contract(call)
    visit = call.visit(91003)
    if call.text("rolltype") not in ("", LOCAL):
        raise Refusal(91003)
    if visit.settled:
        raise Refusal(91005)
    if visit.closed_on:
        raise Refusal(91004)
    if not visit.rows and "P.empty_91006" in call.struck:
        raise Refusal(91006)
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


HANDLERS: Mapping[str, Handler] = MappingProxyType({"discharge": approve_fees})
