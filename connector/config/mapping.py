"""What a mapping file says: which rows of the HIS become which objects of a request.

The values here are complete and checked; `connector.config.mapping_file` makes them from YAML.
"""

import pathlib
from collections import abc
from dataclasses import dataclass, field
from typing import Literal

from connector.config.places import Places
from connector.contract.spec import Lookup

By = Literal["sequence", "timestamp", "comparison"]
Nulls = Literal["error", "ignore", "always"]
OnChange = Literal["report", "compensate", "reset"]

TRACE_SIZE = 8
"""Characters of a trace id; at a million rows a hospital has hardly two that are the same, and a visit none."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How new and changed rows are found.

    `lookback`: how far behind the watermark reading starts again, in numbers of the sequence or in seconds.
    `safety_lag_s`: rows younger than this are left for the next run. `nulls`: what to do about rows whose
    cursor is NULL. `column` is "" for comparison, which has no cursor.
    """

    by: By
    column: str = ""
    lookback: int = 0
    safety_lag_s: int = 0
    nulls: Nulls = "error"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows come from: a table, or the text of a SELECT (then `sql_file` is where it was read from).

    `refund_of` names the columns with the key of the original charge, as many as `key` has, or none.
    `ended` is the column that is blank while a visit is open; None where the mapping names none.
    """

    key: tuple[str, ...]
    visit: str
    changes: Changes
    table: str | None = None
    sql: str | None = field(default=None, repr=False)
    sql_file: pathlib.Path | None = None
    refund_of: tuple[str, ...] = ()
    ended: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """How one value is made of a row.

    In this order: `columns` (glued by `join`), trimmed; the texts in `empty` become empty; `read` parses a
    date written as text; `codes` (a code map) or `catalogue` (a fact); `round` half up; `default` where it is
    still empty. `value` is a constant and stands alone. Where it is empty then, `lookup` says what of the platform's
    answers before the registration tells it. `file`: the
    one column is a file, or its path, and its content is sent. For a catalogue fact `columns` are the key it is
    looked up by (filled in from the catalogue where the mapping names none), and `outside` is what the value
    is made of when the item is declared outside the catalogue. `twin_codes`: where the value is taken over from the
    twin of this field, how each of its codes reads here; it comes after `codes` and before `default`.
    """

    columns: tuple[str, ...] = ()
    value: str | None = None
    read: str | None = None
    empty: tuple[str, ...] = ()
    codes: str | None = None
    catalogue: str | None = None
    round: int | None = None
    default: str | None = None
    shorten: bool = False
    join: str | None = None
    lookup: Lookup | None = None
    file: bool = False
    outside: "Expression | None" = None
    twin_codes: tuple[tuple[str, str], ...] = ()

    @property
    def is_made(self) -> bool:
        """Whether the HIS or the mapping itself has anything to say of it."""
        return bool(self.columns) or self.value is not None or self.catalogue is not None

    @property
    def needs(self) -> tuple[str, ...]:
        """Every column of the source that the value may be made of."""
        return self.columns + (self.outside.needs if self.outside else ())


@dataclass(frozen=True, slots=True)
class MappingTest:
    """One row in, one payload or its violations out. None in `given` is NULL.

    Exactly one of the expectations is given: `expect` (field path → text), `violations` (field path, rule),
    or `set_aside`.
    """

    name: str
    given: abc.Mapping[str, str | None]
    expect: abc.Mapping[str, str] | None = None
    violations: tuple[tuple[str, str], ...] = ()
    set_aside: bool = False


@dataclass(frozen=True, slots=True)
class Like:
    """What a mapping takes over from another one.

    `name` is the other mapping, `left_out` the fields of which this file says null, as it names them. The rest is
    known once both are read: `taken` is path here → path there of the fields that are taken over, `untaken` the paths
    there that have no counterpart here. `complete` is false where a field there has a name that is not known.
    """

    name: str
    left_out: tuple[str, ...] = ()
    taken: abc.Mapping[str, str] = field(default_factory=dict)
    untaken: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping file.

    `fills` is the node's address as `Contract.node` takes it (`sendMedInfo.meds.med`, or `register` for the
    whole request). `fields`: path inside that node, as the contract spells it → how its value is made.
    `on_change`: what happens when a row changes after it was accepted. `catalogue` is the name of the catalogue its fields look up, or None where none does. `trace` is the path of
    the field that carries each row's trace id, or None. `like`: what it takes over from another mapping, if anything;
    then everything else here is what came of it.
    """

    name: str
    fills: str
    source: Source
    fields: abc.Mapping[str, Expression]
    on_change: OnChange = "report"
    catalogue: str | None = None
    trace: str | None = None
    tests: tuple[MappingTest, ...] = ()
    like: Like | None = None
    file: pathlib.Path = field(default_factory=pathlib.Path, compare=False)
    places: Places = field(default_factory=Places, compare=False, repr=False)

    @property
    def lookups(self) -> dict[str, Lookup]:
        """Path → what is looked up to fill it."""
        return {path: one.lookup for path, one in self.fields.items() if one.lookup is not None}

    @property
    def files(self) -> tuple[str, ...]:
        """The columns that are files, or their paths."""
        return tuple(
            dict.fromkeys(column for one in self.fields.values() if one.file for column in one.columns)
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the source that the mapping needs, once, in the order they are named."""
        source = self.source
        cursor = (source.changes.column,) if source.changes.column else ()
        ended = (source.ended,) if source.ended else ()
        values = (column for one in self.fields.values() for column in one.needs)
        return tuple(dict.fromkeys((*source.key, source.visit, *cursor, *source.refund_of, *ended, *values)))
