"""What a code map and a catalogue file say."""

import pathlib
from collections import abc
from dataclasses import dataclass, field
from typing import Literal

from connector.config.mapping import Expression
from connector.config.places import Places

FACTS = (
    "centre_code",
    "centre_name",
    "level",
    "category",
    "kind",
    "version",
    "generic_name",
    "form",
    "spec",
    "maker",
)
"""What a catalogue may know of an item."""


Missing = Literal["quarantine", "outside"]


@dataclass(frozen=True, slots=True)
class CodeMap:
    """Codes of the HIS → codes of the platform, both as text.

    A code that is not in `entries` becomes `otherwise`, or breaks the rule `codes` where that is None.
    """

    name: str
    entries: abc.Mapping[str, str] = field(repr=False)
    otherwise: str | None = None
    file: pathlib.Path = field(default_factory=pathlib.Path, compare=False)
    places: Places = field(default_factory=Places, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The hospital's 对照: which item of the HIS is which item of the centre, and from when to when.

    Exactly one of `table`, `sql` (text of a SELECT, read from `sql_file`) and `csv` says where its rows are.
    `valid_to` is inclusive. `missing`: what an item without a valid row is: a violation, or declared outside.
    """

    name: str
    key: tuple[str, ...]
    facts: abc.Mapping[str, Expression]
    table: str | None = None
    sql: str | None = field(default=None, repr=False)
    sql_file: pathlib.Path | None = None
    csv: pathlib.Path | None = None
    valid_from: Expression | None = None
    valid_to: Expression | None = None
    missing: Missing = "quarantine"
    file: pathlib.Path = field(default_factory=pathlib.Path, compare=False)
    places: Places = field(default_factory=Places, compare=False, repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the catalogue's source, once, in the order they are named."""
        dates = [date for date in (self.valid_from, self.valid_to) if date]
        values = (column for one in (*self.facts.values(), *dates) for column in one.needs)
        return tuple(dict.fromkeys((*self.key, *values)))
