"""Holding a request to the document: the contract's check, and the platform's code and words for what it finds."""

from collections.abc import Callable, Iterable

from connector.contract.check import check
from connector.contract.library import contract
from connector.simulator.call import Call, Refusal


def hold_to_contract(call: Call, between: Callable[[], Iterable[str]] = tuple) -> None:
    """Refuse with the first rule of the document that the request breaks.

    `between` yields the codes of rules between fields ("" = kept); they come after the fields' own coded rules and
    before what the document has no code for (a length, a format), which is 1004 with our explanation (T37).
    """
    if not call.rules.check_rules:
        return
    violations = check(call.operation, call.payload)
    coded = next((violation.platform_code for violation in violations if violation.platform_code), "")
    coded = coded or next((code for code in between() if code), "")
    if coded:
        raise Refusal(coded)
    for violation in violations:
        raise Refusal(1004, f"{violation.path} {violation.zh}: {violation.message}")


def document_text(method: str, code: str) -> str:
    """The document's words for a code of this interface; "" for a code it does not have."""
    entry = contract().error(method, code)
    return "" if entry is None else entry.text
