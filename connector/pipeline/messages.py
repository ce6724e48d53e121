"""Requests built from staged payloads, and readings taken out of answers.

The rows of an upload are JSON already; a body is put together from bytes, without parsing them again.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from connector.contract.spec import Node, Operation
from connector.errors import PlatformError
from connector.records import AMOUNT_SCALE, Outcome, Reading

VISIT = "akc190"
"""The visit number's field in every request (chapter 4)."""

PERSON = "aac002"
"""The identity number's field in registrations and queries."""

NOT_FOUND = frozenset({"230003"})
"""Codes by which a query says that it found nothing (trap T30)."""

_SETTLEMENT = "aaca07"
_ROLL = "rolltype"


def fee_body(operation: Operation, node: Node, number: str, rows: Sequence[bytes]) -> bytes:
    """The request that carries `rows` in `node`; the operation's other lists are sent empty (trap T76)."""
    parts = [f'"{VISIT}":{json.dumps(number, ensure_ascii=False)}'.encode()]
    for each in operation.request.nodes:
        content = b",".join(rows) if each.name == node.name else b""
        inner = f'"{each.name}":['.encode() + content + b"]"
        parts.append(f'"{each.wrapper}":{{'.encode() + inner + b"}" if each.wrapper else inner)
    return b"{" + b",".join(parts) + b"}"


def query_body(operation: Operation, **values: str) -> bytes:
    """A request with every documented field, empty unless given (trap T102)."""
    body = {field.name: values.get(field.name, "") for field in operation.request.fields}
    body.pop("sessionid", None)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def totals_body(operation: Operation, number: str, person: str = "") -> bytes:
    """Ask 4.15 for one visit, and if it is given, of one person."""
    return query_body(operation, **{VISIT: number, PERSON: person})


def visit_body(operation: Operation, number: str, injury: str = "") -> bytes:
    """A request that names a visit, and beside it at most its injury (trap T94)."""
    roles = operation.request.roles
    values = {roles["visit"]: number}
    if "injury" in roles:
        values[roles["injury"]] = injury
    return query_body(operation, **values)


def read_person(registration: bytes) -> str:
    """The person (identity number) in a registration's payload, "" where it names none."""
    body = json.loads(registration or b"{}")
    parts = [body, *(part for part in body.values() if isinstance(part, dict))]
    return next((str(part[PERSON]) for part in parts if part.get(PERSON)), "")


def approval_body(operation: Operation, number: str, settlement: str, roll: str) -> bytes:
    """Ask 4.12 for a visit's totals; every approval has a settlement number of its own (trap T123)."""
    return query_body(operation, **{VISIT: number, _SETTLEMENT: settlement, _ROLL: roll})


def read_totals(operation: Operation, outcome: Outcome, number: str, at: str) -> Reading | None:
    """The visit's total out of an answer of 4.15; None when the platform does not know the visit.

    Raises PlatformError when the answer has no total for the visit it lists.
    """
    if outcome.code in NOT_FOUND:
        return None
    node = operation.answer.nodes[0]
    total_field = node.roles["total"]
    for row in rows_of(outcome.body, node):
        if str(row.get(node.roles["visit"], "")).strip() == number:
            return Reading(
                read_amount(row.get(total_field), total_field, operation), (), operation.method, at
            )
    return None


def read_left(operation: Operation, outcome: Outcome, number: str) -> str:
    """The date on which the visit's patient left, out of an answer of 4.15; "" where it names none."""
    node = operation.answer.nodes[0]
    for row in rows_of(outcome.body, node):
        if str(row.get(node.roles["visit"], "")).strip() == number:
            return str(row.get(node.roles["discharged"]) or "").strip()
    return ""


def read_approval(operation: Operation, outcome: Outcome, at: str) -> Reading:
    """Total and categories out of an answer of 4.12."""
    name = operation.answer.roles["total"]
    node = operation.answer.nodes[0]
    categories: dict[str, int] = {}
    for row in rows_of(outcome.body, node):
        category = str(row.get(node.roles["category"], "")).strip()
        amount = read_amount(row.get(node.roles["total"]), node.roles["total"], operation)
        categories[category] = categories.get(category, 0) + amount
    total = read_amount(outcome.body.get(name), name, operation)
    return Reading(total, tuple(sorted(categories.items())), operation.method, at)


def rows_of(body: Mapping[str, object], node: Node) -> list[Mapping[str, object]]:
    """The rows of a list node: an object, a list, null and absence are all accepted (trap T28)."""
    found: object = body.get(node.wrapper) if node.wrapper else body
    if isinstance(found, dict):
        found = found.get(node.name)
    if isinstance(found, dict):
        found = [found]
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def read_amount(value: object, name: str, operation: Operation) -> int:
    """An amount of an answer, scaled by 4; an empty one is zero (assumption A7 of the protocol)."""
    text = str(value if value is not None else "").strip()
    try:
        exact = Decimal(text or "0").scaleb(AMOUNT_SCALE)
        return int(exact.to_integral_value(ROUND_HALF_EVEN))
    except (InvalidOperation, ValueError, OverflowError):
        raise PlatformError(
            f"The answer of {operation.method} ({operation.section}) has no readable amount in {name}. "
            "Nothing is concluded from it; look at the journal and ask the platform."
        ) from None
