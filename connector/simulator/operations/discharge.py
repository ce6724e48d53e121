"""4.13 leaveHos, 4.14 leaveHosUndo and their twins 4.26, 4.27: the discharge with its records and invoices."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from connector.contract.spec import Node
from connector.simulator.call import Call, Handler, read_list, read_text
from connector.simulator.fees import fee_node
from connector.simulator.files import file_type
from connector.simulator.refusals import refusal
from connector.simulator.rulebook import hold_to_contract
from connector.simulator.twins import in_local_words, named_visit
from connector.simulator.visit import LOCAL, Invoice, Visit, read_number, scaled

_INPATIENT = "21"
_ALWAYS = "住院必有"
"""The contract's note on records that every inpatient has."""

_INVOICE = "01"
"""FILETYPE of an invoice; other files have no part in the sum."""


def leave_hospital(call: Call) -> Mapping[str, Any]:
    """Discharge a visit whose fees are approved as they stand and whose records and invoices are complete."""
    if call.text(call.operation.request.roles["visit"]):
        hold_to_contract(call)
    visit = named_visit(call)
    if visit.closed_on:
        raise refusal(call, "discharged")
    told = in_local_words(call.operation, call.operation.request, call.payload)
    invoices = _read_invoices(call)
    if call.rules.check_rules:
        for role, situation in (("id_number", "other_identity"), ("name", "other_name")):
            name = call.operation.request.roles[role]
            if call.text(name) != read_text(visit.data, name):
                raise refusal(call, situation)
        if not visit.rows:
            raise refusal(call, "no_fees")
        if visit.approval != "current":
            raise refusal(call, "not_approved")
        _check_days(call, visit, told)
        _check_fees(call, visit, told["akc194"])
        _check_records(call, visit)
        _check_invoices(call, visit, invoices)
    told.pop("sessionid", None)
    on = told.get("akc194") or call.today.isoformat()
    call.state.commit("close", visit=visit.number, on=on, data=told, invoices=invoices)
    return {}


def _check_days(call: Call, visit: Visit, told: Mapping[str, Any]) -> None:
    """The discharge lies between admission and today; counting both ends as days in hospital is taken (T98)."""
    admitted, discharged = date.fromisoformat(visit.data["akc192"]), date.fromisoformat(told["akc194"])
    if discharged < admitted:
        raise refusal(call, "before_admission")
    if discharged > call.today:
        raise refusal(call, "future")
    if int(told["ints"]) > (discharged - admitted).days + 1:
        raise refusal(call, "too_many_days")


def _check_fees(call: Call, visit: Visit, discharged: str) -> None:
    """No fee is dated later, none of an item that the catalogue has outgrown."""
    names = fee_node(visit.family)
    if any(read_text(fee.row, names.roles["date"]) > discharged for fee in visit.fees):
        raise refusal(call, "later_fees")
    if any(fee.item in call.rules.facts.outdated_items for fee in visit.fees):
        raise refusal(call, "outdated_item")


def _check_records(call: Call, visit: Visit) -> None:
    """An inpatient's records are there (T96); which those are, the contract notes."""
    if visit.data.get("aka130") != _INPATIENT or not call.rules.needs_records:
        return
    for node in call.operation.request.nodes:
        if node.note == _ALWAYS and not read_list(call.payload, node.wrapper or "", node.name):
            raise refusal(call, "record_missing", node.zh)


def _invoice_node(call: Call) -> Node:
    return next(node for node in call.operation.request.nodes if node.field("body"))


def _read_invoices(call: Call) -> list[Invoice]:
    """The files that go with the discharge; refused where one is none of the allowed types (T127)."""
    node = _invoice_node(call)
    allowed = ("pdf",) if call.operation.family == "local" else ("pdf", "png", "jpg", "bmp", "gif")
    found = []
    for row in read_list(call.payload, node.wrapper or "", node.name):
        content = _decode(call.text("body", row))
        if file_type(content) not in allowed:
            raise refusal(call, "wrong_file")
        found.append(
            Invoice(
                call.text("invoiceNo", row),
                scaled(read_number(row.get("invoiceMoney") or "0")),
                call.text("filetype", row) or _INVOICE,
                hashlib.sha256(content).hexdigest(),
                with_discharge=True,
            )
        )
    return found


def _decode(body: str) -> bytes:
    """The bytes of a file in the URL-safe alphabet (T10); none for what is not in it."""
    try:
        return base64.b64decode(body, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _check_invoices(call: Call, visit: Visit, invoices: Sequence[Invoice]) -> None:
    """No number twice, and invoices sum up to the fees, with those that 4.18 brought before an undo (T126)."""
    check_numbers(call, invoices)
    everything = [*visit.invoices, *invoices]
    amounts = [one.amount for one in everything if one.kind == _INVOICE]
    if any(one.kind == _INVOICE for one in invoices) and abs(sum(amounts) - visit.total) >= _HALF_A_FEN * 2:
        raise refusal(call, "wrong_invoice_sum")


_HALF_A_FEN = 50
"""In 1/10000 yuan: an invoice is in fen, fees have four decimals."""


def check_numbers(call: Call, invoices: Iterable[Invoice]) -> None:
    """Refuse a number that stands twice, here or with any visit (T111)."""
    used = set(_used(call))
    for invoice in invoices:
        if invoice.number in used:
            raise refusal(call, "invoice_used")
        used.add(invoice.number)


def _used(call: Call) -> Iterator[str]:
    for visit in call.state.visits.values():
        for invoice in visit.invoices:
            yield invoice.number


def return_to_hospital(call: Call) -> Mapping[str, Any]:
    """Cancel a discharge: the visit is open, its fees have to be approved again, its records are gone."""
    visit = named_visit(call)
    hold_to_contract(call)
    if not visit.closed_on:
        raise refusal(call, "not_discharged")
    if visit.audited:
        raise refusal(call, "audited")
    if visit.applied and visit.family != LOCAL:
        raise refusal(call, "applied")
    call.state.commit("reopen", visit=visit.number)
    return {}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "leaveHos": leave_hospital,
        "leaveHosUndo": return_to_hospital,
        "offsiteLeaveHos": leave_hospital,
        "offsiteLeaveHosUndo": return_to_hospital,
    }
)
