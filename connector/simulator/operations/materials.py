"""4.18 saveInvoice: one file of a discharged visit, as a multipart form. 5.2 has no group for it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from connector.simulator.call import Call, Handler
from connector.simulator.files import file_type
from connector.simulator.operations.discharge import check_numbers
from connector.simulator.refusals import refusal
from connector.simulator.rulebook import hold_to_contract
from connector.simulator.twins import named_visit
from connector.simulator.visit import Invoice, read_number, scaled


def save_file(call: Call) -> Mapping[str, Any]:
    """Keep a file's facts, after the discharge and before the settlement application (T129)."""
    hold_to_contract(call)
    visit = named_visit(call)
    if not visit.closed_on:
        raise refusal(call, "not_discharged")
    if visit.audited:
        raise refusal(call, "audited")
    if visit.applied:
        raise refusal(call, "applied")
    kind = call.text("invoiceType")
    if file_type(call.file) != kind and kind != "img":  # img is no file format
        raise refusal(call, "wrong_file")
    if not file_type(call.file):
        raise refusal(call, "wrong_file")
    amount = scaled(read_number(call.text("invoiceMoney") or "0"))
    invoice = Invoice(call.text("invoiceNo"), amount, call.text("filetype"), call.text("file"))
    check_numbers(call, [invoice])
    call.state.commit("invoice", visit=visit.number, invoices=[invoice])
    return {}


HANDLERS: Mapping[str, Handler] = MappingProxyType({"saveInvoice": save_file})
