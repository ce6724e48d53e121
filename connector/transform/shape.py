"""A chunk's rows to records, rejections and rows with nothing to send: pure, and on whole columns.

Rows that break a rule are walked one by one; the others never are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from connector.columns.text import Array, Mask, is_blank, kernels, mask
from connector.config.mapping import TRACE_SIZE
from connector.contract.spec import Field
from connector.errors import ConfigurationError, Violation
from connector.records import RecordBlock, Rejection, SetAside
from connector.transform import money, payload, rules
from connector.transform.cells import Cells, Values
from connector.transform.expression import make
from connector.transform.keys import keys_of
from connector.transform.matching import match, statuses
from connector.transform.plan import Lookup, Plan, Slot, compile_plan
from connector.transform.trace import append_ids, trace_ids

__all__ = ["Lookup", "Plan", "Transformed", "catalogue_statuses", "compile_plan", "frame", "transform"]


@dataclass(frozen=True, slots=True)
class Transformed:
    """What became of a chunk; `shortened`: field path → records whose text had to be cut."""

    block: RecordBlock
    shortened: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Everything known of a chunk's rows, in columns."""

    keys: Array = field(repr=False)
    visits: Array = field(repr=False)
    fields: dict[str, Values] = field(repr=False)
    payloads: Array = field(repr=False)
    digests: Any = field(repr=False)


def transform(
    plan: Plan,
    table: pa.Table,
    *,
    undecodable: Iterable[tuple[int, str]] = (),
    unusable: Mapping[tuple[int, str], str] = MappingProxyType({}),
) -> Transformed:
    """Shape the rows of a chunk (columns and types as `connector.records.Chunk` has them).

    `undecodable`: (row, column) of text that is not valid in its encoding; such cells are null. `unusable`: what is
    wrong with the file of such a cell; files stand in the table as their Base64 text.
    ConfigurationError for a column that is missing or of a type that has no text.
    """
    count = table.num_rows
    broken = _broken(undecodable, count)
    source = _source(plan, table)
    keys = keys_of(table, plan.mapping.source.key)
    values = _values(plan, source, broken, keys)
    for place, fault in unusable.items():
        _spoil(plan, values, place, fault)
    found = rules.check(plan, values, count)
    counted = money.count(plan, values, found, count)
    rows = _Rows(
        keys=keys,
        visits=source[plan.mapping.source.visit].texts().take(source[plan.mapping.source.visit].rows),
        fields=values,
        payloads=payload.payloads(plan.pieces, values, count),
        digests=payload.source_digests([source[name] for name in plan.content], count, plan.shape),
    )
    lost = _identity(plan, rows, broken)
    left = np.ones(count, np.bool_)
    left[[*found, *lost]] = False
    set_aside = []
    for reason, nothing in counted.nothing.items():
        left &= ~nothing
        aside = np.array([row for row in np.flatnonzero(nothing).tolist() if row not in lost], np.int64)
        set_aside += [SetAside(*one, reason) for one in _known(rows, aside)]
        for row in aside.tolist():
            found.pop(row, None)
    rejections = _rejections(rows, found, lost)
    block = _block(plan, table, rows, left, counted.amounts)
    shortened = Counter(
        {
            path: int(one.spread(one.shortened)[left].sum())
            for path, one in values.items()
            if one.shortened is not None
        }
    )
    return Transformed(replace(block, rejections=rejections, set_aside=tuple(set_aside)), dict(+shortened))


def frame(plan: Plan, table: pa.Table, *, undecodable: Iterable[tuple[int, str]] = ()) -> pd.DataFrame:
    """What every row would send, for people: a column of text per field of the payload, the keys as index."""
    broken = _broken(undecodable, table.num_rows)
    keys = keys_of(table, plan.mapping.source.key)
    values = _values(plan, _source(plan, table), broken, keys)
    sent = pa.table({"key": keys} | {slot.path: values[slot.path].column() for slot in plan.slots})
    shown: pd.DataFrame = sent.to_pandas(types_mapper=pd.ArrowDtype)
    return shown.set_index("key")


def catalogue_statuses(plan: Plan, table: pa.Table, day: date) -> list[str]:
    """What the catalogue says of each row's item on a day: `found`, `outside`, or why it cannot be used then."""
    return statuses(plan, _source(plan, table), table.num_rows, day)


def _broken(undecodable: Iterable[tuple[int, str]], count: int) -> dict[str, Mask]:
    """Column → rows whose cell could not be decoded."""
    broken: dict[str, Mask] = {}
    for row, column in undecodable:
        broken.setdefault(column, np.zeros(count, np.bool_))[row] = True
    return broken


def _source(plan: Plan, table: pa.Table) -> dict[str, Cells]:
    """The columns a plan needs; ConfigurationError names those that are missing."""
    missing = [name for name in plan.content if name not in table.column_names]
    if missing:
        raise ConfigurationError(
            f"Mapping {plan.mapping.name}: the source gives no column {', '.join(missing)}; "
            f"it gives {', '.join(table.column_names)}."
        )
    return {name: Cells.of(name, table.column(name)) for name in plan.content}


def _values(
    plan: Plan, source: Mapping[str, Cells], broken: Mapping[str, Mask], keys: Array
) -> dict[str, Values]:
    """What every field of the payload holds."""
    made: dict[str, Values] = {}
    count, trace = len(keys), plan.mapping.trace
    for slot in plan.slots:
        if slot.expression is None or not slot.expression.is_made:
            made[slot.path] = Values.constant("", count)
        elif slot.expression.catalogue is None:
            spec = _leave_room(slot.spec) if slot.path == trace else slot.spec
            made[slot.path] = make(slot.expression, spec, source, count, plan.workshop)
    match(plan, source, made, broken)
    if trace is not None:
        made[trace] = append_ids(made[trace], trace_ids(plan.mapping.name, keys))
    if broken:
        made |= {slot.path: _blinded(made[slot.path], slot, broken) for slot in plan.slots if slot.expression}
    return made


def _leave_room(spec: Field) -> Field:
    """A field whose text, where it may be shortened, leaves room for a blank and the trace id."""
    return spec.model_copy(update={"length": spec.length and max(0, spec.length - TRACE_SIZE - 1)})


def _blinded(values: Values, slot: Slot, broken: Mapping[str, Mask]) -> Values:
    """A field whose source could not be decoded in some rows says so there, and nothing else."""
    needs = slot.expression.needs if slot.expression else ()
    faults = tuple(
        (broken[name], "encoding", f"column {name} holds text that is not valid in its encoding")
        for name in needs
        if name in broken
    )
    return replace(values, row_faults=(*faults, *values.row_faults)) if faults else values


def _spoil(plan: Plan, values: dict[str, Values], place: tuple[int, str], fault: str) -> None:
    """The field that a file was for says in its row what is wrong with the file, and nothing else."""
    row, column = place
    for slot in plan.slots:
        if slot.expression is not None and slot.expression.file and column in slot.expression.columns:
            made = values[slot.path]
            here = np.zeros(len(made.rows), np.bool_)
            here[row] = True
            values[slot.path] = replace(made, row_faults=((here, "file", fault), *made.row_faults))


def _identity(plan: Plan, rows: _Rows, broken: Mapping[str, Mask]) -> dict[int, list[Violation]]:
    """Rows that cannot be told apart or belong to no visit: nothing can be done with them, not even set aside."""
    lost: dict[int, list[Violation]] = {}
    source = plan.mapping.source

    def say(rows_of: Mask, column: str, rule: str, message: str) -> None:
        violation = Violation(column, rule, "", message)
        for row in np.flatnonzero(rows_of).tolist():
            lost.setdefault(row, []).append(violation)

    for name in dict.fromkeys((*source.key, source.visit, *source.refund_of)):
        if name in broken:
            say(broken[name], name, "encoding", f"column {name} holds text that is not valid in its encoding")
    named = ", ".join(source.key)
    blank = mask(kernels.match_substring_regex(rows.keys, pattern=r"^\|*$"))
    say(blank, named, "key", "the row has no key")
    say(mask(kernels.equal(rows.visits, "")), source.visit, "visit", "the row names no visit")
    if kernels.count_distinct(rows.keys).as_py() < len(rows.keys):
        encoded: Any = rows.keys.dictionary_encode()
        places = encoded.indices.to_numpy(zero_copy_only=False)
        again = np.bincount(places)[places] > 1
        say(again & ~blank, named, "key", "another row of the source has the same key")
    return lost


def _rejections(
    rows: _Rows, found: Mapping[int, Sequence[Violation]], lost: Mapping[int, Sequence[Violation]]
) -> tuple[Rejection, ...]:
    """Every row that breaks a rule, once per key, in the chunk's order."""
    places = sorted({*found, *lost})
    rejections: dict[str, Rejection] = {}
    for row, (key, visit, fingerprint) in zip(places, _known(rows, np.array(places, np.int64)), strict=True):
        violations = (*lost.get(row, ()), *found.get(row, ()))
        rejections.setdefault(key, Rejection(key, visit, fingerprint, violations))
    return tuple(rejections.values())


def _known(rows: _Rows, places: Any) -> list[tuple[str, str, bytes]]:
    """Key, visit and fingerprint of some rows."""
    if not len(places):
        return []
    made = _listed(rows.payloads.take(places))
    prints = payload.fingerprints(rows.digests[places], made)
    return list(zip(_listed(rows.keys.take(places)), _listed(rows.visits.take(places)), prints, strict=True))


def _block(plan: Plan, table: pa.Table, rows: _Rows, left: Mask, amounts: Any) -> RecordBlock:
    """The rows that are left, as a block of records."""
    places = np.flatnonzero(left)
    made = _listed(_some(rows.payloads, places))
    return RecordBlock(
        mapping=plan.mapping.name,
        keys=_listed(_some(rows.keys, places)),
        visits=_listed(_some(rows.visits, places)),
        fingerprints=payload.fingerprints(rows.digests[places], made),
        payloads=made,
        amounts=amounts[places].tolist(),
        categories=_role(plan, rows, "category", places),
        refund_of=_refunds(plan, table, places),
        numbers=_role(plan, rows, "visit", places) if plan.whole else [],
    )


def _role(plan: Plan, rows: _Rows, role: str, places: Any) -> list[str]:
    """The texts of a role's field, or "" where the node has none."""
    slot = plan.role(role)
    if slot is None:
        return [""] * len(places)
    values = rows.fields[slot.path]
    return replace(values, rows=values.rows[places]).listed()


def _refunds(plan: Plan, table: pa.Table, places: Any) -> list[str]:
    """The key of the original of each refund; a blank part, or nothing but zeros, is no refund."""
    columns = plan.mapping.source.refund_of
    if not columns:
        return [""] * len(places)
    keys = keys_of(table, columns)
    none = mask(kernels.match_substring_regex(keys, pattern=r"^[0|]*$"))
    for name in columns:
        none |= is_blank(table.column(name))
    return _listed(_some(kernels.if_else(pa.array(none), "", keys), places))


def _some(column: Array, places: Any) -> Array:
    """Some rows of a column; all of them without a copy."""
    chosen: Array = column if len(places) == len(column) else column.take(places)
    return chosen


def _listed(column: Array) -> list[Any]:
    """A column as a list of Python values."""
    listed: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
    return listed
