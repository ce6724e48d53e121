"""Every rule of the contract on whole columns.

It must find what `connector.contract.check` finds: which values break a rule is decided here, on the distinct
values of each field; the words for the few that do come from there (`connector.contract.values`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from connector.columns import dates
from connector.columns.numbers import Kind
from connector.columns.text import Array, Mask, kernels, mask, sizes
from connector.contract import values as contract_values
from connector.contract.conditions import because, is_negative
from connector.contract.spec import Condition, Field, Type
from connector.errors import Violation
from connector.transform.cells import Values
from connector.transform.plan import Plan, Slot

Found = dict[int, list[Violation]]
"""Row → what it breaks, in the document's order."""


def check(plan: Plan, values: Mapping[str, Values], rows: int) -> Found:
    """What the rows of a chunk break; a fault of a field's source hides that field's other rules."""
    checker = _Checker(plan, values, rows)
    for slot in plan.slots:
        checker.visit(slot)
    return checker.found


def note(found: Found, rows: Mask, slot: Slot, rule: str, message: str) -> None:
    """Say of every row where `rows` is true that it breaks a rule."""
    places = np.flatnonzero(rows).tolist()
    if places:
        violation = Violation(slot.place, rule, slot.spec.zh, message, slot.spec.errors.get(rule, ""))
        for row in places:
            found.setdefault(row, []).append(violation)


@dataclass(slots=True)
class _Checker:
    """One walk over the fields of a chunk. `settled`: rows of the field at hand with nothing more to say."""

    plan: Plan
    values: Mapping[str, Values]
    rows: int
    found: Found = field(default_factory=dict)
    settled: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))
    known: dict[tuple[str, Condition], Mask] = field(default_factory=dict)

    def visit(self, slot: Slot) -> None:
        """Check one field: its source, its presence, then its value."""
        values = self.values[slot.path]
        self.settled = np.zeros(self.rows, np.bool_)
        for rows, rule, message in values.row_faults:
            self._say(slot, rows, rule, message)
        if values.faults:
            self._each(slot, values, lambda place: [values.faults[place]], list(values.faults))
        if values.explained is not None:
            self.settled |= values.explained
        self._presence(slot, values)
        wrong = np.flatnonzero(suspects(self.plan, slot.spec, values)).tolist()
        if wrong:
            self._each(slot, values, lambda place: self._explain(slot.spec, values.texts, place), wrong)

    def _say(self, slot: Slot, rows: Mask, rule: str, message: str) -> None:
        """Note a violation of the rows that have nothing said of this field yet."""
        rows = rows & ~self.settled
        if rows.any():
            note(self.found, rows, slot, rule, message)
            self.settled |= rows

    def _each(
        self,
        slot: Slot,
        values: Values,
        say: Callable[[int], Sequence[tuple[str, str]]],
        places: Sequence[int],
    ) -> None:
        """Note what is wrong with some of the distinct values, in the rows that hold them."""
        is_wrong = np.zeros(len(values.texts), np.bool_)
        is_wrong[places] = True
        rows = values.spread(is_wrong) & ~self.settled
        spec = slot.spec
        words: dict[int, list[Violation]] = {}
        for row in np.flatnonzero(rows).tolist():
            place = int(values.rows[row])
            if place not in words:
                words[place] = [
                    Violation(slot.place, rule, spec.zh, message, spec.errors.get(rule, ""))
                    for rule, message in say(place)
                ]
            if words[place]:
                self.found.setdefault(row, []).extend(words[place])
        self.settled |= rows

    def _explain(self, spec: Field, texts: Array, place: int) -> list[tuple[str, str]]:
        """The contract's own words for one value."""
        text = str(texts[place].as_py())
        return list(contract_values.faults(spec, text, self.plan.codes, self.plan.workshop.length_in))

    def _presence(self, slot: Slot, values: Values) -> None:
        """Check required, forbidden and const. What is looked up later may be empty until then."""
        spec = slot.spec
        is_looked_up = slot.expression is not None and slot.expression.lookup is not None
        lacks = mask(kernels.equal(values.texts, ""))
        lack = "empty" if spec.send_empty else "missing"
        if (spec.required or spec.required_when) and not is_looked_up and lacks.any():
            when = None if spec.required else spec.required_when
            rows = values.spread(lacks)
            if when is not None:
                rows = rows & self._hold(when, slot)
            reason = because(when or ())
            self._say(slot, rows, "required", f"is required{reason}, but is {lack}")
        if spec.forbidden_when and not lacks.all():
            rows = ~values.spread(lacks) & self._hold(spec.forbidden_when, slot)
            self._say(slot, rows, "forbidden", f"is not allowed{because(spec.forbidden_when)}")
        for constant, conditions in spec.const_when:
            others = ~mask(kernels.equal(values.texts, constant))
            if others.any():
                rows = values.spread(others) & self._hold(conditions, slot)
                self._say(slot, rows, "const", f"must be {constant!r}{because(conditions)}")

    def _hold(self, conditions: Sequence[Condition], slot: Slot) -> Mask:
        """The rows in which all of some conditions hold."""
        held = np.ones(self.rows, np.bool_)
        for condition in conditions:
            if (slot.prefix, condition) not in self.known:
                self.known[slot.prefix, condition] = self._one(condition, slot.prefix)
            held &= self.known[slot.prefix, condition]
        return held

    def _one(self, condition: Condition, prefix: str) -> Mask:
        """The rows in which a condition holds; what the rest of the request decides holds only inside it."""
        path = prefix + condition.path
        if condition.path.startswith("/"):
            if not self.plan.whole:
                return np.zeros(self.rows, np.bool_)
            path = condition.path[1:].replace("/", ".")
        values = self.values.get(path)
        if values is None:
            values = self._object(path)
        return np.asarray(values.spread(_fits(condition, values)))

    def _object(self, path: str) -> Values:
        """What a condition sees of a path that is no field: whether there is anything below it."""
        below = [one for name, one in self.values.items() if name.startswith(f"{path}.")]
        filled = np.zeros(self.rows, np.bool_)
        for one in below:
            filled |= one.spread(~mask(kernels.equal(one.texts, "")))
        return Values(pa.array(["", "object"], pa.string()), filled.astype(np.int32))


def _fits(condition: Condition, values: Values) -> Mask:
    """Which distinct texts a condition holds for."""
    texts = values.texts
    if condition.empty is not None:
        lacks = mask(kernels.equal(texts, ""))
        return lacks if condition.empty else ~lacks
    if condition.one_of is not None:
        return _among(texts, condition.one_of)
    if condition.not_one_of is not None:
        others: Mask = ~_among(texts, condition.not_one_of)
        return others
    if condition.negative is None:
        return np.zeros(len(texts), np.bool_)
    numbers = values.numbers
    if numbers is None or not np.isin(numbers.kinds, (Kind.EMPTY, Kind.EXACT)).all():
        signs = [is_negative(str(text)) is condition.negative for text in texts.to_pylist()]
        return np.array(signs, np.bool_)
    fits = (numbers.scaled < 0) if condition.negative else (numbers.scaled >= 0)
    return np.asarray(fits & (numbers.kinds == Kind.EXACT), np.bool_)


def _among(texts: Array, wanted: Sequence[str]) -> Mask:
    """Which texts are among some."""
    return mask(kernels.is_in(texts, value_set=pa.array(list(wanted), pa.string())))


def suspects(plan: Plan, spec: Field, values: Values) -> Mask:
    """Which distinct texts may break a rule of their type; none that does is left out."""
    filled: Mask = ~mask(kernels.equal(values.texts, ""))
    return filled & _odd(plan, spec, values)


def _odd(plan: Plan, spec: Field, values: Values) -> Mask:
    """The same, of texts that are not empty."""
    texts, length_in = values.texts, plan.workshop.length_in
    odd = np.ones(len(texts), np.bool_)
    match spec.type:
        case Type.DECIMAL if values.numbers is not None:
            odd = _numbers(spec, values)
        case Type.DATE | Type.DATETIME:
            found = dates.from_texts(texts, spec.format or "%Y-%m-%d")
            odd = found.wrong | found.empty
        case Type.CODE if spec.codes and spec.codes in plan.codes:
            odd = ~_among(texts, tuple(plan.codes[spec.codes].entries))
        case Type.INTEGER if not (spec.nonzero or spec.positive):
            odd = ~mask(kernels.match_substring_regex(texts, pattern="^-?[0-9]+$")) | _other(
                spec, texts, length_in
            )
        case Type.LIST | Type.TEXT if not spec.codes:
            odd = _other(spec, texts, length_in)
        case _:
            pass
    return odd


def _other(spec: Field, texts: Array, length_in: str) -> Mask:
    """Texts that are too long, or not among the only values."""
    wrong = np.zeros(len(texts), np.bool_)
    if spec.length is not None:
        wrong |= sizes(texts, length_in) > spec.length
    if spec.values:
        wrong |= ~_among(texts, spec.values)
    return wrong


def _numbers(spec: Field, values: Values) -> Mask:
    """Numbers that are none, too fine, too large, or zero or negative where that is not allowed."""
    numbers = values.numbers
    if numbers is None or spec.values or spec.length is not None:
        return np.ones(len(values.texts), np.bool_)
    wrong = (numbers.kinds != Kind.EXACT) & (numbers.kinds != Kind.EMPTY)
    if spec.precision is not None and spec.precision < 19:
        limit = 10**spec.precision
        wrong |= (numbers.scaled >= limit) | (numbers.scaled <= -limit)
    if spec.nonzero or spec.positive:
        wrong |= numbers.scaled == 0
    if spec.positive:
        wrong |= numbers.scaled < 0
    return np.asarray(wrong, np.bool_)
