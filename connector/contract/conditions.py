"""Conditions of the contract: whether one holds in a request, and how to say so."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from connector.contract.spec import Condition

_Object = Mapping[str, object]


def hold(condition: Condition, row: _Object, root: _Object | None) -> bool:
    """Whether a condition is true for the object `row` of the request `root`.

    Without a root a condition on the rest of the request is never true, so no rule is enforced that cannot be
    known. A path may lead through objects (`/kc21.aka130`, `advices.advice`).
    """
    path = condition.path
    if path.startswith("/"):
        if root is None:
            return False
        row, path = root, path[1:]
    value = _find(row, path)
    if condition.empty is not None:
        return _is_empty(value) is condition.empty
    text = "" if value is None else str(value).strip()
    if condition.one_of is not None:
        return text in condition.one_of
    if condition.not_one_of is not None:
        return text not in condition.not_one_of
    return condition.negative is not None and is_negative(text) is condition.negative


def because(conditions: Sequence[Condition]) -> str:
    """` because isnewinjure is 0` – or nothing, where there is no condition."""
    return " because " + " and ".join(said(condition) for condition in conditions) if conditions else ""


def said(condition: Condition) -> str:
    """A condition in words; its values are the contract's own."""
    name = condition.path.removeprefix("/")
    if condition.empty is not None:
        return f"{name} is {'' if condition.empty else 'not '}empty"
    if condition.one_of is not None:
        return f"{name} is {' or '.join(condition.one_of)}"
    if condition.not_one_of is not None:
        return f"{name} is not {' or '.join(condition.not_one_of)}"
    return f"{name} is {'' if condition.negative else 'not '}negative"


def _find(row: _Object, path: str) -> object:
    """The value at a path of object keys; None where it ends early."""
    value: object = row
    for step in path.replace("/", ".").split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def _is_empty(value: object) -> bool:
    """Whether a field is empty, or a node has nothing in it."""
    if isinstance(value, Mapping):
        return all(_is_empty(part) for part in value.values())
    if isinstance(value, (list, tuple)):
        return not value
    return value is None or not str(value).strip()


def is_negative(text: str) -> bool | None:
    """Whether a text is a number below zero; None for what is no number: that is neither."""
    try:
        return Decimal(text) < 0
    except InvalidOperation:  # Decimal("NaN") < 0 too
        return None
