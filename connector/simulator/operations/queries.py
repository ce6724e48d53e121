"""4.15 getPerDetail: the visits of both families, with what is uploaded for them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from connector.simulator.answers import round_sum
from connector.simulator.call import CHINA, Call, Handler
from connector.simulator.operations.approval import drug_share
from connector.simulator.refusals import refusal
from connector.simulator.rulebook import hold_to_contract
from connector.simulator.visit import Visit

_RANGES = (("akc192s", "akc192e"), ("akc194s", "akc194e"), ("aae036s", "aae036e"))
_EXACT = ("akc190", "aac002", "aac003")


def list_visits(call: Call) -> Mapping[str, Any]:
    """The visits that fit every given condition; with none given, those recorded this month."""
    hold_to_contract(call)
    asked = any(call.text(name) for name in (*_EXACT, *(name for pair in _RANGES for name in pair)))
    found = [visit for visit in call.state.visits.values() if _fits(call, visit, asked=asked)]
    if not found:
        raise refusal(call, "none_found")
    return {"detailcolls": {"detailData": [_describe(call, visit) for visit in found]}}


def _fits(call: Call, visit: Visit, *, asked: bool) -> bool:
    recorded = visit.recorded_at.astimezone(CHINA).date()
    if not asked:
        return (recorded.year, recorded.month) == (call.today.year, call.today.month)
    if any(call.text(name) not in ("", call.text(name, visit.data)) for name in _EXACT):
        return False
    days = (call.text("akc192", visit.data), visit.closed_on, recorded.isoformat())
    for day, (first, last) in zip(days, _RANGES, strict=True):
        since, until = call.text(first), call.text(last)
        if (since and day < since) or (until and (not day or day > until)):
            return False
    return True


def _describe(call: Call, visit: Visit) -> dict[str, Any]:
    total, drugs, share = drug_share(call, visit)
    own = visit.data
    return {
        "aac001": own.get("aac001", ""),
        "aac003": own.get("aac003", ""),
        "aac002": own.get("aac002", ""),
        "aab001": own.get("aab001", ""),
        "akc190": visit.number,
        "alca02": own.get("alca02", ""),
        "alca18": str(visit.episode),
        "alc407": str(round_sum(total, call.struck, call.rules.detail_decimals)),
        "alc408": "0.0",
        "auditlevel": "1" if visit.audited else "",
        "akc192": own.get("akc192", ""),
        "akc194": visit.closed_on,
        "aab301name": "",
        "aka130": own.get("aka130", ""),
        "alc029": own.get("alc028", ""),
        "aae036": visit.recorded_at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
        "akc191": own.get("akc191", ""),
        "alc407med": f"{drugs:.2f}",
        "alc407per": share,
    }


HANDLERS: Mapping[str, Handler] = MappingProxyType({"getPerDetail": list_visits})
