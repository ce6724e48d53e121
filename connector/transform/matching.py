"""Fields that the catalogue (对照) fills, and items that are declared outside it (traps T78, T80)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from connector.columns import dates
from connector.columns.text import Array, Mask, kernels, mask
from connector.transform.cells import Cells, Values, merge
from connector.transform.expression import finish, make
from connector.transform.plan import Plan, Slot

_CODE, _KIND, _LEVEL, _VERSION = "centre_code", "kind", "level", "version"
_OUTSIDE = "outside"
_WORDS = {
    "missing": ("unmapped", "has no row in the catalogue"),
    "expired": ("expired", "has no row in the catalogue that is valid on the date"),
    "ambiguous": ("ambiguous", "has several different rows in the catalogue that are valid on the date"),
    "undated": ("undated", "has a row in the catalogue whose validity dates cannot be read"),
}
_USABLE = ("found", _OUTSIDE)


@dataclass(frozen=True, slots=True)
class _Found:
    """What looking up one set of key columns gave."""

    table: pa.Table
    statuses: Mapping[str, Mask]
    outside: Mask
    lost: Mask

    def cells(self, fact: str) -> Cells:
        """A fact, per row."""
        return _cells(self.table, fact)


def match(
    plan: Plan, source: Mapping[str, Cells], made: dict[str, Values], unreadable: Mapping[str, Mask]
) -> None:
    """Add the catalogue fields' values to those already `made`.

    `unreadable`: rows whose key columns could not be decoded; they are not called unmapped as well.
    """
    slots = [slot for slot in plan.slots if slot.expression and slot.expression.catalogue]
    groups: dict[tuple[str, ...], list[Slot]] = {}
    for slot in slots:
        groups.setdefault(_columns(plan, slot), []).append(slot)
    day = _days(plan, made)
    found = {columns: _look_up(plan, source, columns, day) for columns in groups}
    for columns, members in groups.items():
        speaker = next((slot for slot in members if _fact(slot) == _CODE), members[0])
        blind = _any_of([unreadable[name] for name in columns if name in unreadable])
        # the kind first: it decides the code of an item outside the catalogue
        for slot in sorted(members, key=lambda slot: _fact(slot) != _KIND):
            one = _value(plan, slot, found[columns], source, made)
            faults = _losses(found[columns], blind, day) if slot is speaker else ()
            made[slot.path] = replace(one, explained=found[columns].lost, row_faults=faults)


def statuses(plan: Plan, source: Mapping[str, Cells], rows: int, day: date) -> list[str]:
    """What the catalogue says of each row's item on a day (`CatalogueTable.lookup`); `found` where none is asked."""
    slots = [slot for slot in plan.slots if slot.expression and slot.expression.catalogue]
    if not slots:
        return ["found"] * rows
    speaker = next((slot for slot in slots if _fact(slot) == _CODE), slots[0])
    found = _look_up(plan, source, _columns(plan, speaker), pa.array([day] * rows, pa.date32()))
    status = _cells(found.table, "status")
    words = status.values.to_pylist()
    return [str(words[place]) for place in status.rows.tolist()]


def _columns(plan: Plan, slot: Slot) -> tuple[str, ...]:
    """The source columns a field is looked up by."""
    named = slot.expression.columns if slot.expression else ()
    return named or (tuple(plan.catalogue.key) if plan.catalogue else ())


def _fact(slot: Slot) -> str:
    """The fact a field is filled with."""
    return slot.expression.catalogue or "" if slot.expression else ""


def _days(plan: Plan, made: Mapping[str, Values]) -> Array | None:
    """The effective date of every row (date32), where the node has one."""
    slot = plan.role("date")
    if slot is None or slot.path not in made or slot.expression is None:
        return None
    values = made[slot.path]
    found = dates.from_texts(values.texts, slot.spec.format or "%Y-%m-%d").dates()
    days: Array = found.take(values.rows)
    return days


def _look_up(plan: Plan, source: Mapping[str, Cells], columns: Sequence[str], day: Array | None) -> _Found:
    """Ask the catalogue about every row."""
    if plan.catalogue is None:
        raise ValueError("a plan with catalogue fields has a catalogue")
    parts = [source[name] for name in columns]
    keys: list[Any] = [pa.DictionaryArray.from_arrays(part.rows, part.texts()) for part in parts]
    table = plan.catalogue.lookup(keys, day)
    status = _cells(table, "status")
    names: list[Any] = status.values.to_pylist()
    statuses = {name: status.rows == place for place, name in enumerate(names)}
    nowhere = np.zeros(table.num_rows, np.bool_)
    lost = _any_of([rows for name, rows in statuses.items() if name not in _USABLE])
    return _Found(table, statuses, statuses.get(_OUTSIDE, nowhere), nowhere if lost is None else lost)


def _cells(table: pa.Table, name: str) -> Cells:
    """A column of the catalogue's answer; a dictionary is taken as it is."""
    column: Any = table.column(name).combine_chunks()
    if pa.types.is_dictionary(column.type):
        return Cells(name, column.dictionary, column.indices.to_numpy(zero_copy_only=False))
    return Cells.of(name, column)


def _losses(found: _Found, blind: Mask | None, day: Array | None) -> tuple[tuple[Mask, str, str], ...]:
    """Rows without a usable catalogue row, by reason."""
    losses = []
    for name, rows in found.statuses.items():
        if name in _USABLE:
            continue
        if blind is not None:
            rows = rows & ~blind  # noqa: PLW2901  # the masks are shared
        if name == "ambiguous" and day is not None:
            rows = rows & ~mask(day.is_null())  # noqa: PLW2901  # a row without a date has that said of it
        losses.append((rows, *_words(name)))
    return tuple(losses)


def _words(status: str) -> tuple[str, str]:
    """The rule and the words for an item that cannot be used; `codes FACT MAP` is a fact its code map lacks."""
    rule, *names = status.split(" ")
    if len(names) == 2:
        return rule, f"has the catalogue fact {names[0]} in words that the code map {names[1]} does not know"
    return _WORDS.get(status, (status, "cannot be used as the catalogue has it"))


def _value(
    plan: Plan, slot: Slot, found: _Found, source: Mapping[str, Cells], made: Mapping[str, Values]
) -> Values:
    """One catalogue field: the fact, and what stands for it outside the catalogue."""
    if slot.expression is None:
        raise ValueError("a catalogue field has an expression")
    fact = _fact(slot)
    plain = replace(slot.expression, catalogue=None, outside=None)
    inside = finish(plain, slot.spec, found.cells(fact), plan.workshop)
    if not found.outside.any():
        return inside
    rows = len(found.outside)
    if fact == _CODE:
        return merge(inside, _outside_codes(plan, made, rows), found.outside)
    if fact == _LEVEL and (level := _constant(plan, slot)) is not None:
        return merge(inside, Values.constant(level, rows), found.outside)
    if slot.expression.outside is not None and fact != _VERSION:
        other = make(slot.expression.outside, slot.spec, source, rows, plan.workshop)
        return merge(inside, other, found.outside)
    if fact == _KIND:
        return inside
    return merge(inside, Values.constant("", rows), found.outside)


def _outside_codes(plan: Plan, made: Mapping[str, Values], rows: int) -> Values:
    """The code that stands for everything outside the catalogue, by the item's kind (trap T78)."""
    kind = plan.role("kind")
    by_kind = _codes_by_kind(plan)
    if kind is None or kind.path not in made or not by_kind:
        return replace(
            Values.constant("", rows), faults={0: ("unmapped", "is outside the catalogue, and has no kind")}
        )
    values = made[kind.path]
    known = kernels.index_in(values.texts, value_set=pa.array(list(by_kind), pa.string()))
    codes = kernels.fill_null(pa.array(list(by_kind.values()), pa.string()).take(known), "")
    words = f"is outside the catalogue, and its kind {kind.spec.zh} is none of {', '.join(by_kind)}"
    lost = np.flatnonzero(mask(known.is_null())).tolist()
    return Values(codes, values.rows, dict.fromkeys(lost, ("unmapped", words)))


def _codes_by_kind(plan: Plan) -> dict[str, str]:
    """Kind → code, as the contract has it: a kind must be 0 where the item is SZFYP999."""
    kind, item = plan.role("kind"), plan.role("item")
    if kind is None or item is None:
        return {}
    return {
        constant: code
        for constant, conditions in kind.spec.const_when
        for condition in conditions
        if condition.path == item.spec.name
        for code in condition.one_of or ()
    }


def _constant(plan: Plan, slot: Slot) -> str | None:
    """What the contract demands of a field where the item is outside the catalogue."""
    item = plan.role("item")
    outside = set(_codes_by_kind(plan).values())
    for constant, conditions in slot.spec.const_when:
        if item and any(one.path == item.spec.name and outside & set(one.one_of or ()) for one in conditions):
            return constant
    return None


def _any_of(masks: Sequence[Mask]) -> Mask | None:
    """Where any of them is true."""
    return np.logical_or.reduce(masks) if masks else None
