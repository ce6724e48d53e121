"""4.3 to 4.7 and 4.21: injuries, applications, accident reports and filings, as the fact file has them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from connector.contract.spec import Node
from connector.simulator.call import Call, Handler
from connector.simulator.refusals import refusal
from connector.simulator.rulebook import hold_to_contract

Record = Mapping[str, Any]


def find_injuries(call: Call) -> Mapping[str, Any]:
    """The injuries of a person; none is a success with counts 0 (T30)."""
    hold_to_contract(call)
    found = [
        {name: value for name, value in record.items() if name != "aac147"}
        for record in call.rules.injuries
        if all(call.text(name) == record.get(name) for name in ("aac002", "aac003"))
    ]
    return {"counts": len(found), "lc01s": {"lc01": found}}


def find_applications(call: Call) -> Mapping[str, Any]:
    """The applications of an injury, whatever became of them (T66)."""
    hold_to_contract(call)
    found = [one for one in call.rules.facts.applications if one.get("alca02") == call.text("alca02")]
    if not found:
        raise refusal(call, "none_found")
    return {"lkb7s": {"lkb7": _shape(call, found)}}


def list_applications(call: Call) -> Mapping[str, Any]:
    """The applications that fit every condition; without one those of this month (T103); none is a success."""
    hold_to_contract(call)
    month = call.today.isoformat()[:7]
    asked = any(call.text(field.name) for field in call.operation.request.fields if field.name != "sessionid")
    found = [
        one
        for one in call.rules.facts.applications
        if (_fits(call, one, {"aae034": ("aae035", "aae037"), "akc176": ("akc176s", "akc176e")}))
        and (asked or str(one.get("akc176", "")).startswith(month))
    ]
    return {"lkb7s": {"lkb7": _shape(call, found)}}


def find_reports(call: Call) -> Mapping[str, Any]:
    """The accident reports of a person: one is an object, several are a list, as the sample says (T28)."""
    hold_to_contract(call)
    found = _shape(
        call, [one for one in call.rules.facts.reports if one.get("aac001") == call.text("aac001")]
    )
    return {"ldc1": found[0] if len(found) == 1 else found}


def list_reports(call: Call) -> Mapping[str, Any]:
    """The accident reports that fit every condition; without one all of them."""
    hold_to_contract(call)
    found = [one for one in call.rules.facts.reports if _fits(call, one, {"aae036": ("aae035", "aae037")})]
    return {"ldch": _shape(call, found)}


def find_filings(call: Call) -> Mapping[str, Any]:
    """The cross-province filings of a person, those that are not valid too (T135); with a day, those it falls in."""
    hold_to_contract(call)
    day = call.text("aae030s")
    found = [
        one
        for one in call.rules.facts.filings
        if all(call.text(name) == one.get(name) for name in ("aac002", "aac003"))
        and (not day or str(one.get("aae030", "")) <= day <= str(one.get("aae031", "")))
    ]
    if not found:
        raise refusal(call, "none_found")
    return {"Bs001Gets": _shape(call, found)}


def _fits(call: Call, record: Record, ranges: Mapping[str, tuple[str, str]]) -> bool:
    """Whether a record is of the person and within the days that are asked for."""
    if any(call.text(name) not in ("", record.get(name)) for name in ("aac002", "aac003")):
        return False
    for name, (first, last) in ranges.items():
        day, since, until = str(record.get(name, "")), call.text(first), call.text(last)
        if (since and day < since) or (until and (not day or day > until)):
            return False
    return True


def _shape(call: Call, records: Iterable[Record]) -> list[dict[str, Any]]:
    """Records with exactly the fields of the answer, in the document's order."""
    node: Node = call.operation.answer.nodes[0]
    return [{field.name: record.get(field.name, "") for field in node.fields} for record in records]


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "getInjuryByNameAndId": find_injuries,
        "getCure": find_applications,
        "getCureBatch": list_applications,
        "getReport": find_reports,
        "getReportBatch": list_reports,
        "getBSTdjyba": find_filings,
    }
)
