"""Hold a request to the contract: every rule it breaks, at once.

What is read here is the contract's data; nothing knows a field by name. Texts name fields, lengths, kinds and
codes, never a value that could be a patient's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Literal

from connector.contract import values
from connector.contract.conditions import because, hold
from connector.contract.library import contract
from connector.contract.spec import CodeTable, Condition, Field, Node, Operation
from connector.errors import Violation

LengthUnit = Literal["characters", "bytes"]
"""What a documented length counts; the document does not say (trap T85)."""

_Object = Mapping[str, object]


def check(
    operation: Operation,
    payload: _Object,
    *,
    codes: Mapping[str, CodeTable] | None = None,
    length_in: LengthUnit = "characters",
) -> list[Violation]:
    """Every rule of `operation` that the whole request `payload` breaks, in the document's order.

    Paths are places in the request, counted from 0: `meds.med[3].alc407`. `codes` are the code tables, the
    contract's own unless given; `length_in` bytes counts UTF-8 bytes (trap T85).
    """
    visitor = _Visitor(payload, _tables(codes), length_in)
    visitor.visit(operation.request, payload, "")
    return visitor.found


def check_node(
    node: Node,
    row: _Object,
    *,
    path: str,
    root: _Object | None = None,
    codes: Mapping[str, CodeTable] | None = None,
    length_in: LengthUnit = "characters",
) -> list[Violation]:
    """Every rule of `node` that one object of it breaks; `path` is put before the fields' names.

    Rules that depend on the rest of the request (`/isnewinjure`) are checked only when `root` is given.
    """
    visitor = _Visitor(root, _tables(codes), length_in)
    visitor.visit(node, row, path)
    return visitor.found


def _tables(codes: Mapping[str, CodeTable] | None) -> Mapping[str, CodeTable]:
    """The given tables, else the contract's."""
    return contract().codes if codes is None else codes


@dataclass(slots=True)
class _Visitor:
    """One walk through one request."""

    root: _Object | None
    codes: Mapping[str, CodeTable]
    length_in: LengthUnit
    found: list[Violation] = field(default_factory=list)

    def visit(self, node: Node, row: _Object, path: str) -> None:
        """Check one object of a node."""
        names: set[str] = set()
        for child in node.children:
            if isinstance(child, Field):
                names.add(child.name)
                self._field(child, row, _join(path, child.name))
            else:
                names.add(child.wrapper or child.name)
                self._node(child, row, path)
        for name in row:
            if name not in names:
                self._unknown(name, names, path)

    def _add(self, path: str, rule: str, spec: Field | Node, message: str) -> None:
        """Note one violation, with the platform's own code where the document has one."""
        self.found.append(Violation(path, rule, spec.zh, message, spec.errors.get(rule, "")))

    def _unknown(self, name: str, names: set[str], path: str) -> None:
        """A name the document does not have here; names are case-sensitive (trap T29)."""
        lowered = {known.lower(): known for known in sorted(names)}
        close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
        hint = f"; did you mean {lowered[close[0]]}?" if close else ""
        self.found.append(
            Violation(_join(path, name), "unknown", "", f"the document has no such field here{hint}")
        )

    def _field(self, spec: Field, row: _Object, path: str) -> None:
        """Check one field: its presence, then its value."""
        value = row.get(spec.name)
        if isinstance(value, (Mapping, list, tuple)):
            kind = "an object" if isinstance(value, Mapping) else "a list"
            self._add(path, "shape", spec, f"is {kind}, must be a single value")
            return
        if isinstance(value, (bool, float)):
            self._add(path, "type", spec, f"is a {type(value).__name__}, must be text (or a whole number)")
            return
        text = _text(value)
        if not self._is_present(spec, row, path, text):
            return
        if text:
            for rule, message in values.faults(spec, text, self.codes, self.length_in):
                self._add(path, rule, spec, message)

    def _is_present(self, spec: Field, row: _Object, path: str, text: str) -> bool:
        """Check required, forbidden and const; False when nothing more is worth checking."""
        if not text and (reason := self._required(spec.required, spec.required_when, row)) is not None:
            self._add(path, "required", spec, f"is required{reason}, but is {_lack(row, spec.name)}")
            return False
        if text and self._holds(spec.forbidden_when, row):
            self._add(path, "forbidden", spec, f"is not allowed{because(spec.forbidden_when)}")
            return False
        for constant, conditions in spec.const_when:
            if text != constant and self._holds(conditions, row):
                self._add(path, "const", spec, f"must be {constant!r}{because(conditions)}")
                return False
        return True

    def _required(self, always: bool, when: Sequence[Condition], row: _Object) -> str | None:
        """Why something is required here: "" for always, the reason, or None when it is not."""
        if always:
            return ""
        return because(when) if self._holds(when, row) else None

    def _holds(self, conditions: Sequence[Condition], row: _Object) -> bool:
        """Whether conditions are given and all of them hold."""
        return bool(conditions) and all(hold(condition, row, self.root) for condition in conditions)

    def _node(self, spec: Node, row: _Object, path: str) -> None:
        """Check one node: its shape, its presence, and what is in it."""
        holder: _Object = row
        if spec.wrapper:
            path = _join(path, spec.wrapper)
            wrapped = row.get(spec.wrapper)
            if wrapped is not None and not isinstance(wrapped, Mapping):
                self._add(
                    path,
                    "shape",
                    spec,
                    f"must be an object that holds {spec.name}, {_kind(wrapped)} was given",
                )
                return
            holder = wrapped or {}
            for name in holder:
                if name != spec.name:
                    self._unknown(name, {spec.name}, path)
        path = _join(path, spec.name)
        value = holder.get(spec.name)
        if not value and (reason := self._required(spec.required, spec.required_when, row)) is not None:
            self._add(path, "required", spec, f"is required{reason}, but is {_lack(holder, spec.name)}")
            return
        if value is not None and value != "":
            self._content(spec, value, path)

    def _content(self, spec: Node, value: object, path: str) -> None:
        """Check the object of a node, or each object of its list."""
        if not spec.many:
            if isinstance(value, Mapping):
                if value:
                    self.visit(spec, value, path)
            else:
                self._add(path, "shape", spec, f"must be one object, {_kind(value)} was given")
            return
        if not isinstance(value, (list, tuple)):
            self._add(path, "shape", spec, f"must be a list of objects, {_kind(value)} was given")
            return
        for index, item in enumerate(value):
            place = f"{path}[{index}]"
            if isinstance(item, Mapping):
                self.visit(spec, item, place)
            else:
                self._add(place, "shape", spec, f"must be an object, {_kind(item)} was given")


def _join(path: str, name: str) -> str:
    """A name below a path."""
    return f"{path}.{name}" if path else name


def _text(value: object) -> str:
    """A value as the text that is checked; blanks alone count as empty."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value)
    return "" if text.isspace() else text


def _lack(holder: _Object, name: str) -> str:
    """How something required is lacking."""
    return "empty" if name in holder else "missing"


def _kind(value: object) -> str:
    """What was given instead of the right shape, without its content."""
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, (list, tuple)) else "a single value"
