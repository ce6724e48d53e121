"""A filled example of a request, made from the contract: every field with its Chinese name, type, length and codes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from connector.contract.check import check
from connector.contract.conditions import said
from connector.contract.library import contract
from connector.contract.spec import Condition, Field, Node, Operation, Type

_WIDTH = 100
_DAY = {"%Y": "2026", "%m": "03", "%d": "01", "%H": "08", "%M": "30", "%S": "00"}
_LETTERS = {"%Y": "yyyy", "%m": "mm", "%d": "dd", "%H": "hh", "%M": "mm", "%S": "ss"}
_EXAMPLES = {Type.DECIMAL: "10.00", Type.INTEGER: "1", Type.BASE64: "JVBERi0xLjQ=", Type.LIST: "A01,A02"}
_TYPES = {Type.LIST: "texts separated by ','", Type.BASE64: "a file in URL-safe Base64 with padding"}
_ONE = "1.00"
_LEFT_OUT = "sessionid"
"""Added by whoever sends (trap T14)."""


def example(operation: Operation) -> dict[str, Any]:
    """A whole request that breaks no rule; without its sessionid, and of 4.18 without the file."""
    filled = _fill(operation.request, _left_out(operation))
    for _ in range(len(list(operation.request.walk()))):
        faults = [one for one in check(operation, filled) if one.path not in _left_out(operation)]
        if not faults:
            break
        for fault in faults:
            _mend(filled, operation, fault.path, fault.rule)
    return filled


def write_template(operation: Operation) -> str:
    """The example as YAML, each field below a comment that says what the document says of it."""
    head = [
        f"{operation.section} {operation.method} {operation.zh}: {operation.purpose}",
        *([f"It removes: {operation.removes}."] if operation.removes else []),
        *([operation.note] if operation.note else []),
        "The sessionid is added when it is sent. JSON is taken too; in both every value is text.",
        "What is optional may be empty or left out.",
    ]
    if operation.encoding == "multipart":
        head.append("The file is named beside this one: --file PATH; its type is told by its content.")
    lines = [line for text in head for line in _comment(text, "")]
    return (
        "\n".join([*lines, *_write(operation.request, example(operation), "", _left_out(operation))]) + "\n"
    )


def write_example(address: str, indent: str) -> list[str]:
    """The example of one node as lines of YAML: the whole of `register`, one object of `sendMedInfo.meds.med`."""
    method, *steps = address.split(".")
    operation, node = contract().operation(method), contract().node(address)
    row: Any = example(operation)
    for step in steps:
        row = row[step]
    return list(_write(node, row[0] if node.many else row, indent, _left_out(operation)))


def _left_out(operation: Operation) -> tuple[str, ...]:
    """Fields that nobody writes: the session, and the bytes of a file."""
    file = operation.request.roles.get("file", "")
    return (_LEFT_OUT, file) if file else (_LEFT_OUT,)


def _fill(node: Node, left_out: Sequence[str]) -> dict[str, Any]:
    """One object of a node, every field filled."""
    filled: dict[str, Any] = {}
    for child in node.children:
        if isinstance(child, Node):
            inner: Any = _fill(child, ())
            inner = [inner] if child.many else inner
            filled[child.wrapper or child.name] = {child.name: inner} if child.wrapper else inner
        elif child.name not in left_out:
            filled[child.name] = _value(child)
    if "quantity" in node.roles and "amount" in node.roles:  # one piece: its price is its amount (81023)
        filled[node.roles["quantity"]] = _ONE
    return filled


def _value(field: Field) -> str:
    """A value of the field's own type; of a text its Chinese name, as the document does it."""
    if field.values:
        return field.values[0]
    if field.codes:
        return next(iter(contract().codes[field.codes].entries))
    if field.type in (Type.DATE, Type.DATETIME):
        return _replace(field.format or "", _DAY)
    return _EXAMPLES.get(field.type) or field.zh[: field.length]


def _mend(filled: dict[str, Any], operation: Operation, path: str, rule: str) -> None:
    """Empty what is forbidden beside the other examples, and set what has to be one value."""
    *steps, name = path.replace("[0]", "").split(".")
    holder: Any = filled
    spec: Node = operation.request
    for step in steps:
        holder = holder[step]
        spec = next((one for one in spec.nodes if one.name == step), spec)
        holder = holder[0] if isinstance(holder, list) else holder
    field = spec.field(name)
    constants = [value for value, _ in field.const_when] if field and rule == "const" else []
    holder[name] = constants[0] if constants else ""


def _write(node: Node, row: Mapping[str, Any], indent: str, left_out: Sequence[str]) -> Iterator[str]:
    """The lines of one object."""
    for child in node.children:
        if isinstance(child, Field):
            if child.name not in left_out:
                yield from _comment(_describe(child), indent)
                yield f"{indent}{child.name}: {json.dumps(row[child.name], ensure_ascii=False)}"
            continue
        yield from _comment(_describe_node(child), indent)
        inside, deeper = row[child.wrapper or child.name], indent
        if child.wrapper:
            yield f"{indent}{child.wrapper}:"
            inside, deeper = inside[child.name], indent + "  "
        yield f"{deeper}{child.name}:"
        if not child.many:
            yield from _write(child, inside, deeper + "  ", ())
            continue
        yield f"{deeper}  -"
        yield from _write(child, inside[0], deeper + "    ", ())


def _describe(field: Field) -> str:
    """A field in words."""
    parts = [field.zh, _type(field), _need(field.required, field.required_when)]
    parts += [f"only {value} if {_all(when)}" for value, when in field.const_when]
    if field.forbidden_when:
        parts.append(f"not allowed if {_all(field.forbidden_when)}")
    parts += ["not zero"] if field.nonzero else ["above zero"] if field.positive else []
    parts += [field.note] if field.note else []
    text = "; ".join(part for part in parts if part)
    if not field.codes:
        return text
    entries = contract().codes[field.codes].entries
    return f"{text}. Codes: {', '.join(f'{code} {zh}' for code, zh in entries.items())}"


def _type(field: Field) -> str:
    """A field's type and size."""
    if field.values:
        return f"one of {', '.join(field.values)}"
    if field.precision is not None:
        return f"decimal, {field.precision} digits, {field.scale} of them decimals"
    if field.codes and field.type is Type.CODE:
        return f"a code of {field.codes}"
    words = _TYPES.get(field.type, str(field.type))
    form = f", {_replace(field.format, _LETTERS)}" if field.format else ""
    size = f", at most {field.length} characters" if field.length else ""
    return words + form + size


def _replace(text: str, parts: Mapping[str, str]) -> str:
    """A date's format with each directive replaced."""
    for directive, word in parts.items():
        text = text.replace(directive, word)
    return text


def _describe_node(node: Node) -> str:
    """A node in words."""
    kind = "a list" if node.many else "one object"
    parts = [node.zh, kind, _need(node.required, node.required_when), node.note]
    return "; ".join(part for part in parts if part)


def _need(always: bool, when: Sequence[Condition]) -> str:
    return "required" if always else f"required if {_all(when)}" if when else "optional"


def _all(conditions: Sequence[Condition]) -> str:
    return " and ".join(said(one) for one in conditions)


def _comment(text: str, indent: str) -> Iterator[str]:
    """A comment, wrapped between words."""
    for number, line in enumerate(wrap(text, _WIDTH - len(indent), break_long_words=False)):
        yield f"{indent}# {'  ' if number else ''}{line}"
