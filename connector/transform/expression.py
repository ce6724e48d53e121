"""One field of a payload out of the columns its mapping names.

In the order the mapping's vocabulary promises: from → trim → empty → read → codes → (the twin's codes) → round →
default; then what
the contract's type asks of a text (separators of lists, control characters, lengths that may be cut).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa

from connector.columns import dates, numbers
from connector.columns import text as texts_of
from connector.columns.dates import Dates
from connector.columns.numbers import Numbers
from connector.columns.text import Array, Mask, kernels, mask
from connector.config.codes import CodeMap
from connector.config.mapping import Expression
from connector.contract.spec import Field, Type
from connector.contract.values import shown
from connector.transform.cells import Cells, Fault, Rows, Values

_DATES = (Type.DATE, Type.DATETIME)
_WRONG_DAY = np.iinfo(np.int32).min
_SEPARATORS = r"[\s\p{Z}]*[,，、；;|][\s\p{Z}]*"


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every expression may need: the code maps by name, and what a length counts."""

    code_maps: Mapping[str, CodeMap]
    length_in: str


def make(
    expression: Expression, spec: Field, source: Mapping[str, Cells], rows: int, workshop: Workshop
) -> Values:
    """The values of a field that is not a catalogue fact."""
    if expression.value is not None:
        constant = Cells("", pa.array([expression.value], pa.string()), np.zeros(rows, np.int32))
        return finish(replace(expression, empty=()), spec, constant, workshop)
    if len(expression.columns) == 1:
        return finish(expression, spec, source[expression.columns[0]], workshop)
    cells = _joined([source[name] for name in expression.columns], expression)
    return finish(replace(expression, empty=()), spec, cells, workshop)


def finish(expression: Expression, spec: Field, cells: Cells, workshop: Workshop) -> Values:
    """The values of a field out of one column, from `empty` on."""
    emptied = _emptied(cells, expression.empty)
    if emptied is not None:
        cells = replace(cells, values=kernels.if_else(pa.array(emptied), None, cells.values))
    faults: dict[int, Fault] = {}
    if expression.codes is not None:
        codes = workshop.code_maps[expression.codes]
        cells, faults = _mapped(cells, codes.entries, codes.otherwise, f"in the code map {codes.name}")
    if expression.twin_codes:
        words = f"a code that {spec.twin} may have and {spec.name} has another for"
        cells, more = _mapped(cells, dict(expression.twin_codes), None, words)
        faults |= more
    if spec.type in _DATES:
        values = _date(expression, spec, cells, faults)
    elif spec.type is Type.DECIMAL and spec.precision is not None:
        return _number(expression, spec, cells, faults)
    else:
        values = Values(_text(expression, spec, cells), cells.rows, faults)
    values = _defaulted(values, expression.default)
    if spec.type in _DATES:
        return values
    return _clean(values, spec, workshop.length_in, may_cut=expression.shorten)


def _joined(parts: Sequence[Cells], expression: Expression) -> Cells:
    """Several columns glued; parts that are empty leave no separator."""
    columns = []
    for part in parts:
        emptied = _emptied(part, expression.empty)
        texts: Any = part.texts()
        gone = mask(kernels.equal(texts, ""))
        if emptied is not None:
            gone |= emptied
        columns.append(kernels.if_else(pa.array(gone), None, texts).take(part.rows))
    glued = texts_of.glued(columns, expression.join or "")
    return Cells.of(", ".join(part.name for part in parts), glued)


def _emptied(cells: Cells, empty: Sequence[str]) -> Mask | None:
    """Which distinct values the mapping calls empty; numbers and times also by another text of theirs."""
    if not empty:
        return None
    kind = cells.values.type
    words = {one.strip() for one in empty}
    if pa.types.is_timestamp(kind):
        words |= {f"{one} 00:00:00" for one in words}
    elif not pa.types.is_string(kind):
        words |= {plainly for one in words if (plainly := _as_number(one)) is not None}
    return mask(kernels.is_in(cells.texts(), value_set=pa.array(sorted(words), pa.string())))


def _as_number(text: str) -> str | None:
    """A number of a mapping file in plain text; None for what is no number."""
    try:
        return texts_of.plain_decimal(Decimal(text))
    except InvalidOperation:
        return None


def _mapped(
    cells: Cells, entries: Mapping[str, str], otherwise: str | None, known_as: str
) -> tuple[Cells, dict[int, Fault]]:
    """Codes as a table has them, `otherwise` for those it lacks; empty stays empty."""
    texts = cells.texts()
    known = kernels.index_in(texts, value_set=pa.array(list(entries), pa.string()))
    targets = pa.array(list(entries.values()), pa.string()).take(known)
    lost = mask(targets.is_null()) & ~mask(kernels.equal(texts, ""))
    faults: dict[int, Fault] = {}
    if lost.any() and otherwise is not None:
        targets = kernels.if_else(pa.array(lost), otherwise, targets)
    elif lost.any():
        for place in np.flatnonzero(lost).tolist():
            code = shown(str(texts[place].as_py()))
            faults[place] = ("codes", f"{code} is not {known_as}")
    return replace(cells, values=kernels.fill_null(targets, "")), faults


def _text(expression: Expression, spec: Field, cells: Cells) -> Array:
    """Values as text, by the contract's type."""
    if spec.type is Type.INTEGER and expression.round is not None:
        return numbers.read(_readable(cells), 0, expression.round).texts
    texts = cells.texts()
    if expression.read is not None:
        found = _read(expression, spec, cells)
        texts = kernels.if_else(pa.array(found.wrong), texts, found.written("%Y-%m-%d"))
    return _separated(texts) if spec.type is Type.LIST else texts


def _readable(cells: Cells) -> Array:
    """Numbers as they are; text trimmed."""
    kind = cells.values.type
    is_number = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind)
    return cells.values if is_number else cells.texts()


def _number(expression: Expression, spec: Field, cells: Cells, faults: Mapping[int, Fault]) -> Values:
    """Exact decimals with the contract's number of decimals; rounded only where the mapping says so."""
    scale = spec.scale or 0
    found = numbers.read(_readable(cells), scale, expression.round)
    empty = found.kinds == numbers.Kind.EMPTY
    for place in faults:
        empty[place] = False
    if expression.default is not None and empty.any():
        found = _with_default(found, empty, expression.default)
    return Values(found.texts, cells.rows, faults, found)


def _with_default(found: Numbers, empty: Mask, default: str) -> Numbers:
    """Numbers with the mapping's default where there was none."""
    given = numbers.read(pa.array([default], pa.string()), found.scale)
    places = np.flatnonzero(empty).tolist()
    return Numbers(
        np.where(empty, given.scaled[0], found.scaled),
        found.scale,
        np.where(empty, given.kinds[0], found.kinds).astype(np.int8),
        kernels.if_else(pa.array(empty), given.texts[0], found.texts),
        {**found.beyond, **(dict.fromkeys(places, given.beyond[0]) if given.beyond else {})},
    )


def _date(expression: Expression, spec: Field, cells: Cells, faults: dict[int, Fault]) -> Values:
    """Dates in the contract's format, each day once."""
    form = spec.format or "%Y-%m-%d"
    found = _read(expression, spec, cells)
    if faults or "%H" in form:
        rows = cells.rows
    else:
        found, rows = _days(found, cells.rows)
    words = dates.in_words(expression.read or form)
    for place in np.flatnonzero(found.wrong).tolist():
        faults.setdefault(place, ("date", f"is not a date written as {words}"))
    return Values(found.written(form), rows, faults)


def _read(expression: Expression, spec: Field, cells: Cells) -> Dates:
    """The dates of a column, whatever its type."""
    kind = cells.values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return dates.from_times(cells.values)
    return dates.from_texts(cells.texts(), expression.read, also=spec.format or "%Y-%m-%d")


def _days(found: Dates, rows: Rows) -> tuple[Dates, Rows]:
    """Dates without their times: each day once, and which of them each row holds."""
    marks = np.where(found.wrong, np.int32(_WRONG_DAY), found.days)
    encoded: Any = kernels.dictionary_encode(pa.array(marks, pa.int32(), mask=found.empty), "encode")
    distinct = kernels.fill_null(encoded.dictionary, 0).to_numpy(zero_copy_only=False)
    wrong = distinct == _WRONG_DAY
    days = Dates(
        np.where(wrong, 0, distinct), np.zeros_like(distinct), mask(encoded.dictionary.is_null()), wrong
    )
    return days, encoded.indices.to_numpy(zero_copy_only=False)[rows]


def _defaulted(values: Values, default: str | None) -> Values:
    """The mapping's default where there is no text, and nothing wrong with what it was made of."""
    if default is None:
        return values
    empty = mask(kernels.equal(values.texts, ""))
    empty[list(values.faults)] = False
    if not empty.any():
        return values
    return replace(values, texts=kernels.if_else(pa.array(empty), default, values.texts))


def _separated(texts: Array) -> Array:
    """Lists with a half-width comma between their elements and no empty ones (trap T89)."""
    one = kernels.replace_substring_regex(texts, pattern=_SEPARATORS, replacement=",")
    single = kernels.replace_substring_regex(one, pattern=",+", replacement=",")
    listed: Array = kernels.utf8_trim(single, characters=",")
    return listed


def _clean(values: Values, spec: Field, length_in: str, *, may_cut: bool) -> Values:
    """What may not be in a text: control characters, and in numbers and codes full-width digits."""
    texts = values.texts
    faults = dict(values.faults)
    if spec.descriptive:
        texts = texts_of.without_controls(texts)
    else:
        for place in np.flatnonzero(texts_of.has_controls(texts)).tolist():
            faults.setdefault(place, ("control", "holds control characters or line breaks"))
    if is_identifier(spec):
        for place in np.flatnonzero(texts_of.has_full_width(texts)).tolist():
            faults.setdefault(place, ("width", "holds full-width digits or letters"))
    shortened = None
    if may_cut and spec.length is not None:
        texts, shortened = _cut(texts, spec.length, length_in)
    if faults:
        gone = np.zeros(len(texts), np.bool_)
        gone[list(faults)] = True
        texts = kernels.if_else(pa.array(gone), "", texts)
    return replace(values, texts=texts, faults=faults, shortened=shortened)


def is_identifier(spec: Field) -> bool:
    """Whether a field holds a number or code of somebody's making: its Chinese name ends in 号 or 码."""
    return spec.type in {Type.TEXT, Type.LIST} and not spec.descriptive and spec.zh.endswith(("号", "码"))


def _cut(texts: Array, length: int, length_in: str) -> tuple[Array, Mask | None]:
    """Texts that fit, and which of them had to be shortened (trap T85)."""
    long = texts_of.sizes(texts, length_in) > length
    if not long.any():
        return texts, None
    some = [texts_of.cut(str(one), length, length_in) for one in texts.filter(pa.array(long)).to_pylist()]
    cut: Array = kernels.replace_with_mask(texts, pa.array(long), pa.array(some, pa.string()))
    return cut, long
