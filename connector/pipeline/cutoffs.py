"""Which rows of a visit somebody is likely to have uploaded before the connector came, told by their sum alone.

A pure decision. Sums identify no rows: what is found here is proposed to a person and never done by itself
(protocol C.8).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from connector.pipeline.settling import fits


@dataclass(frozen=True, slots=True)
class Dated:
    """A row that may have been uploaded: its number, its date as text that sorts, its amount (scaled by 4)."""

    number: int
    date: str
    amount: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class CutOff:
    """All rows up to a date, that included, and their sum."""

    until: str
    rows: tuple[int, ...]
    amount: int = field(repr=False)


def cut_offs(rows: Iterable[Dated]) -> list[CutOff]:
    """Every date up to which rows may have been uploaded, the earliest first; the last is all rows."""
    found: list[CutOff] = []
    numbers: tuple[int, ...] = ()
    amount = 0
    for date, group in groupby(
        sorted(rows, key=lambda row: (row.date, row.number)), key=lambda row: row.date
    ):
        day = list(group)
        numbers = (*numbers, *(row.number for row in day))
        amount += sum(row.amount for row in day)
        found.append(CutOff(date, numbers, amount))
    return found


def fitting(rows: Sequence[Dated], surplus: int) -> list[CutOff]:
    """The dates up to which the rows sum up to what the platform holds beyond the ledger."""
    return [one for one in cut_offs(rows) if fits(surplus, one.amount)]


def is_likely_there(rows: Sequence[Dated], surplus: int) -> bool:
    """Whether one row, or all rows up to some date, would explain the surplus: then it is hardly something else."""
    return bool(fitting(rows, surplus)) or any(fits(surplus, row.amount) for row in rows)
