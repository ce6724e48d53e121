"""4.8 register, 4.9 regundo and their twins 4.22, 4.23 (error groups (5), (6) and the admissions across provinces)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from connector.simulator.call import Call, Handler, Refusal, read_text
from connector.simulator.refusals import refusal
from connector.simulator.rulebook import hold_to_contract
from connector.simulator.twins import family_of, in_local_words, local_name, named_visit
from connector.simulator.visit import LOCAL, Visit

NEW_INJURY = "1"
_YES = "1"


def register(call: Call) -> Mapping[str, Any]:
    """Register a visit, if its number is free, its person has no open stay and its dates make sense."""
    node = next(node for node in call.operation.request.nodes if "visit" in node.roles)
    admission = call.payload.get(node.name)
    if not isinstance(admission, Mapping) or not admission:
        raise Refusal(node.errors["required"])
    hold_to_contract(call)
    number = call.text(node.roles["visit"], admission)
    if number in call.state.visits:
        raise refusal(call, "taken")
    data = in_local_words(call.operation, node, admission)
    family = family_of(call)
    if call.rules.check_rules:
        _check_stays(call, data, family)
        if read_text(data, "akc192") > call.today.isoformat():
            raise refusal(call, "future")
        if family == LOCAL:
            _check_injury(call, data)
            _check_application(call, data)
        else:
            _check_filing(call, data)
    call.state.commit(
        "register",
        visit=number,
        data=data,
        new_injury=call.text("isnewinjure") == NEW_INJURY,
        family=family,
    )
    return {}


def _check_stays(call: Call, data: Mapping[str, Any], family: str) -> None:
    """One open stay a person, and across provinces no admission within an earlier stay."""
    person, admitted = read_text(data, "aac002"), read_text(data, "akc192")
    stays = [visit for visit in call.state.visits.values() if read_text(visit.data, "aac002") == person]
    if call.rules.one_open_stay and not all(visit.closed_on for visit in stays):
        raise refusal(call, "open_stay")
    if family != LOCAL and any(read_text(one.data, "akc192") <= admitted < one.closed_on for one in stays):
        raise refusal(call, "within_stay")


def _check_injury(call: Call, data: Mapping[str, Any]) -> None:
    """The injury must be known and come first, where injuries are known at all."""
    if not call.rules.injuries:
        return
    own = [one for one in call.rules.injuries if one.get("aac002") == read_text(data, "aac002")]
    if not own and call.rules.facts.others_accepted:
        return
    decision = read_text(data, "alca02")
    fitting = [one for one in own if not decision or one.get("alca02") == decision]
    if not fitting:
        raise refusal(call, "no_injury")
    if all(read_text(data, "akc192") < str(one.get("alc020", "")) for one in fitting):
        raise refusal(call, "before_injury")


def _check_application(call: Call, data: Mapping[str, Any]) -> None:
    """An old injury needs an approved application (T66, T118), where applications are known."""
    facts, decision = call.rules.facts, read_text(data, "alca02")
    own = [one for one in facts.applications if one.get("alca02") == decision]
    if not decision or not facts.applications or (facts.others_accepted and not own):
        return
    number = read_text(data, "aae073")
    if not any(one.get("aae073") == number and one.get("akc175") == _YES for one in own):
        raise refusal(call, "no_application")


def _check_filing(call: Call, data: Mapping[str, Any]) -> None:
    """An approved filing of the injury that is valid on the day of admission (T135), where filings are known."""
    facts = call.rules.facts
    own = [one for one in facts.filings if one.get("aac002") == read_text(data, "aac002")]
    if not facts.filings or (facts.others_accepted and not own):
        return
    day = read_text(data, "akc192").replace("-", "")
    if not any(
        one.get("alc011") == read_text(data, "alca02")
        and one.get("aae100") == one.get("aae016") == _YES
        and str(one.get("aae030", "")) <= day <= str(one.get("aae031", ""))
        for one in own
    ):
        raise refusal(call, "no_filing")


def undo_registration(call: Call) -> Mapping[str, Any]:
    """Cancel a registration; the number is free again (not stated, T113).

    A local one takes its fees and orders with it (T106); across provinces fees have to be deleted first.
    """
    visit = _named(call)
    if visit.closed_on or visit.settled:
        raise refusal(call, "discharged")
    if call.rules.undo_needs_refunds and visit.total:
        raise refusal(call, "fees_exist")
    call.state.commit("unregister", visit=visit.number)
    return {}


def undo_cross_province_registration(call: Call) -> Mapping[str, Any]:
    """Cancel a registration that has no fees and no approval."""
    visit = _named(call)
    if visit.audited:
        raise refusal(call, "audited")
    if visit.closed_on:
        raise refusal(call, "discharged")
    if visit.approval:
        raise refusal(call, "approved")
    if visit.rows:
        raise refusal(call, "fees_exist", "4.25")
    call.state.commit("unregister", visit=visit.number)
    return {}


def _named(call: Call) -> Visit:
    """The visit of an undo, if the injury's number beside it is empty or its own (T94)."""
    request = call.operation.request
    if call.text(request.roles["visit"]):
        hold_to_contract(call)
    visit = named_visit(call)
    decision = call.text(local_name(call.operation, request, "alca02"))
    if decision not in ("", read_text(visit.data, "alca02")):
        raise refusal(call, "other_injury")
    return visit


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "register": register,
        "regundo": undo_registration,
        "offsiteRegister": register,
        "offsiteRegisterUndo": undo_cross_province_registration,
    }
)
