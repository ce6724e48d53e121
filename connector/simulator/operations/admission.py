"""4.8 register and 4.9 regundo (error groups (5) and (6) of 5.2)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from connector.simulator.call import Call, Handler, Refusal
from connector.simulator.rulebook import hold_to_contract

NEW_INJURY = "1"


def register(call: Call) -> Mapping[str, Any]:
    """Register a visit, if its number is free, its person has no open stay and its dates make sense."""
    admission = call.payload.get("kc21")
    if not isinstance(admission, Mapping) or not admission:
        raise Refusal(51002)
    hold_to_contract(call)
    number = call.text("akc190", admission)
    if number in call.state.visits:
        raise Refusal(51014)
    if call.rules.check_rules:
        _check_stay(call, admission)
        _check_dates(call, admission)
    call.state.commit(
        "register",
        visit=number,
        data=dict(admission),
        new_injury=call.text("isnewinjure") == NEW_INJURY,
    )
    return {}


def _check_stay(call: Call, admission: Mapping[str, Any]) -> None:
    person = call.text("aac002", admission)
    open_stays = (
        visit
        for visit in call.state.visits.values()
        if call.text("aac002", visit.data) == person and not visit.closed_on
    )
    if call.rules.one_open_stay and any(open_stays):
        raise Refusal(51013)


def _check_dates(call: Call, admission: Mapping[str, Any]) -> None:
    admitted = call.text("akc192", admission)
    if admitted > call.today.isoformat():
        raise Refusal(51020)
    if not call.rules.injuries:
        return
    own = [one for one in call.rules.injuries if one.get("aac002") == call.text("aac002", admission)]
    decision = call.text("alca02", admission)
    fitting = [one for one in own if not decision or one.get("alca02") == decision]
    if not fitting:
        raise Refusal(51017)
    if all(admitted < str(one.get("alc020", "")) for one in fitting):
        raise Refusal(51018)


def undo_registration(call: Call) -> Mapping[str, Any]:
    """Cancel a registration with its fees and orders (T106); the number is free again (not stated, T113)."""
    if not call.text("akc190"):
        raise Refusal(61002)
    hold_to_contract(call)
    visit = call.visit(61007)
    decision = call.text("alca02")
    if decision not in ("", call.text("alca02", visit.data)):
        raise Refusal(61008)
    if visit.closed_on or visit.settled:
        raise Refusal(61005)
    if call.rules.undo_needs_refunds and visit.total:
        raise Refusal(61006)
    call.state.commit("unregister", visit=visit.number)
    return {}


HANDLERS: Mapping[str, Handler] = MappingProxyType({"register": register, "regundo": undo_registration})
