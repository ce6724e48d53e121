"""Local and cross-province interfaces are one logic here: the contract's twins translate names and codes."""

from collections.abc import Mapping
from typing import Any

from connector.contract.spec import Node, Operation
from connector.simulator.call import Call, Refusal, read_text
from connector.simulator.refusals import refusal
from connector.simulator.visit import CROSS_PROVINCE, LOCAL, Visit


def family_of(call: Call) -> str:
    """The family a call is about, as `rolltype` spells it: its interface's own, else what the request says."""
    operation = call.operation
    if operation.family == "both":
        return call.text("rolltype") or LOCAL
    return CROSS_PROVINCE if operation.family == "cross_province" else LOCAL


def in_local_words(operation: Operation, node: Node, row: Mapping[str, Any]) -> dict[str, Any]:
    """The single values of a row under the local names and codes; what has no local twin is left out."""
    if operation.family != "cross_province":
        return {name: value for name, value in row.items() if not isinstance(value, (Mapping, list))}
    local: dict[str, Any] = {}
    for field in node.fields:
        if field.twin and field.name in row:
            text = read_text(row, field.name)
            local[field.twin] = field.twin_codes.get(text, text)
    return local


def local_name(operation: Operation, node: Node, name: str) -> str:
    """What this interface calls the field that is `name` in the local words."""
    if operation.family != "cross_province":
        return name
    return next((field.name for field in node.fields if field.twin == name), name)


def named_visit(call: Call) -> Visit:
    """The visit that the request names, if it is of the call's family.

    Refused with the contract's code where no number is given, and as `no_visit` where there is none.
    """
    name = call.operation.request.roles["visit"]
    number = call.text(name)
    if not number:
        field = call.operation.request.field(name)
        code = field.errors.get("required", "") if field else ""
        raise Refusal(code) if code else Refusal(1004, f"{name}: is required")
    visit = call.state.visits.get(number)
    if visit is None or visit.family != family_of(call):
        raise refusal(call, "no_visit")
    return visit
