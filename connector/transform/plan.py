"""A mapping held against the contract once, so that chunks can follow it without looking anything up again."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

import pyarrow as pa

from connector.columns import dates
from connector.columns.text import Array
from connector.config import mapping as config
from connector.config.codes import CodeMap
from connector.config.settings import CheckSettings
from connector.contract.library import Contract
from connector.contract.spec import CodeTable, Field, Node
from connector.errors import ConfigurationError
from connector.transform.expression import Workshop

_SESSION = "sessionid"
"""The client puts it in when it sends (trap T14); it is in no payload."""


class Lookup(Protocol):
    """The catalogue, as far as a mapping needs it."""

    @property
    def key(self) -> Sequence[str]:
        """The columns an item is looked up by."""

    @property
    def facts(self) -> Collection[str]:
        """The facts it knows of an item."""

    def lookup(self, keys: Sequence[Array], dates: Array | None) -> pa.Table:
        """Per row `status` (found, outside, missing, expired, ambiguous) and the facts, as text or dictionaries of it.

        `keys`: the key columns as text (or dictionaries of it); `dates`: date32, null where there is none.
        """


@dataclass(frozen=True, slots=True)
class Slot:
    """A field of the payload and how it is made; `expression` is None where the mapping leaves it empty.

    `path` is the field's place in the payload (`alc407`, `kc21.akc190`), `prefix` that of its object (`kc21.`),
    `place` that in the operation (`meds.med.alc407`).
    """

    path: str
    prefix: str
    place: str
    spec: Field
    expression: config.Expression | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the payload's JSON: what is written before and after a field's text.

    `path` is "" for a piece without a field; `optional` pieces are left out where the text is empty.
    """

    before: str
    path: str = ""
    after: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a chunk of one mapping needs. `roles`: role → path of its field in the payload.

    `whole`: the payload is the whole request (a visits mapping), else one object of a list.
    """

    mapping: config.Mapping
    slots: tuple[Slot, ...]
    pieces: tuple[Piece, ...]
    roles: Mapping[str, str]
    whole: bool
    workshop: Workshop
    codes: Mapping[str, CodeTable] = field(repr=False)
    catalogue: Lookup | None
    tolerance: Decimal

    @property
    def content(self) -> tuple[str, ...]:
        """The source columns a row's content is in: all that the mapping uses but its cursor and its end."""
        source = self.mapping.source
        values = (name for slot in self.slots if slot.expression for name in slot.expression.needs)
        return tuple(dict.fromkeys((*source.key, source.visit, *source.refund_of, *values)))

    @property
    def shape(self) -> str:
        """What is read of the HIS: the table or the SELECT, and the columns a row's content is in."""
        source = self.mapping.source
        return "\n".join((source.table or source.sql or "", *self.content))

    def slot(self, path: str) -> Slot | None:
        """The field at a path of the payload."""
        return next((slot for slot in self.slots if slot.path == path), None)

    def role(self, name: str) -> Slot | None:
        """The field that plays a role."""
        return self.slot(self.roles[name]) if name in self.roles else None


def compile_plan(
    mapping: config.Mapping,
    contract: Contract,
    *,
    code_maps: Mapping[str, CodeMap],
    catalogue: Lookup | None = None,
    checks: CheckSettings,
) -> Plan:
    """Hold a mapping against the contract.

    ConfigurationError for what the linter would have found too: a field, code map, catalogue or date format
    that is not there.
    """
    node = contract.node(mapping.fills)
    _, _, place = mapping.fills.partition(".")
    plan = Plan(
        mapping=mapping,
        slots=tuple(_slots(node, mapping, "", f"{place}." if place else "")),
        pieces=tuple(_object(node, "", used=mapping.fields)),
        roles=dict(_roles(node)),
        whole=not place,
        workshop=Workshop(code_maps, checks.length_in),
        codes=contract.codes,
        catalogue=catalogue,
        tolerance=checks.amount_tolerance,
    )
    _check(plan)
    return plan


def _slots(node: Node, mapping: config.Mapping, prefix: str, place: str) -> Iterator[Slot]:
    """The fields of an object and of the single objects in it, in the document's order."""
    for child in node.children:
        if isinstance(child, Field):
            if child.name != _SESSION:
                path = prefix + child.name
                yield Slot(path, prefix, place + child.name, child, mapping.fields.get(path))
        elif _is_sent(child, prefix, mapping.fields):
            inside = f"{child.name}."
            yield from _slots(child, mapping, prefix + inside, place + inside)


def _object(node: Node, prefix: str, used: Collection[str]) -> Iterator[Piece]:
    """An object as pieces of JSON; commas stand on the far side of the first field that is always sent."""
    children = [
        child
        for child in node.children
        if (child.name != _SESSION if isinstance(child, Field) else _is_sent(child, prefix, used))
    ]
    anchor = next((n for n, one in enumerate(children) if isinstance(one, Node) or one.send_empty), 0)
    yield Piece("{")
    for number, child in enumerate(children):
        comma, after = "," if number > anchor else "", "," if number < anchor else ""
        name = f'{comma}"{child.name}":'
        if isinstance(child, Field):
            optional = not child.send_empty and number != anchor
            yield Piece(f'{name}"', prefix + child.name, f'"{after}', optional)
        else:
            yield Piece(name)
            yield from _object(child, f"{prefix}{child.name}.", used)
            yield Piece(after)
    yield Piece("}")


def _is_sent(node: Node, prefix: str, used: Collection[str]) -> bool:
    """Whether an object inside the payload is part of it: a single one that is required or mapped."""
    inside = f"{prefix}{node.name}."
    return not node.many and (node.required or any(path.startswith(inside) for path in used))


def _roles(node: Node, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The roles of an object and of the single objects in it."""
    for child in node.nodes:
        if not child.many:
            yield from _roles(child, f"{prefix}{child.name}.")
    for role, name in node.roles.items():
        yield role, prefix + name


def _check(plan: Plan) -> None:
    """Refuse a plan that could not be followed."""
    mapping = plan.mapping
    known = {slot.path for slot in plan.slots}
    named = (*mapping.fields, mapping.trace) if mapping.trace else mapping.fields
    wrong = [f"{path} is no field of {mapping.fills}" for path in named if path not in known]
    for path, one in mapping.fields.items():
        for expression in (one, one.outside) if one.outside else (one,):
            if expression.codes is not None and expression.codes not in plan.workshop.code_maps:
                wrong.append(f"{path} names the code map {expression.codes}, which is not there")
            if expression.read is not None:
                try:
                    dates.check_format(expression.read)
                except ValueError as error:
                    wrong.append(f"{path} reads dates as {expression.read}: {error}")
        if one.catalogue is not None:
            if plan.catalogue is None:
                wrong.append(f"{path} looks up {one.catalogue}, but no catalogue is given")
            elif one.catalogue not in plan.catalogue.facts:
                wrong.append(f"{path} looks up {one.catalogue}, which the catalogue does not know")
    if wrong:
        raise ConfigurationError(f"Mapping {mapping.name}: {'; '.join(wrong)}.")
