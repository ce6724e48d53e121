"""Files for a spreadsheet, CSV or xlsx: of comparisons a row a visit and category and every explaining row, or a list.

A file is never overwritten, is readable by its owner alone, and is removed again where the work does not end. No cell
of text can become a formula. Rows are written as they come: the memory needed is one visit's.
"""

import csv
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.errors import ConfigurationError
from connector.pipeline.balance import Comparison
from connector.records import yuan

Cell = str | Decimal | None

TOTALS = (
    "pipeline",
    "visit",
    "category",
    "HIS",
    "ledger",
    "platform",
    "waiting",
    "in doubt",
    "quarantined",
    "set aside",
    "others",
    "verdict",
    "explanation",
    "read at",
)
ROWS = (
    "pipeline",
    "visit",
    "mapping",
    "key",
    "category",
    "item",
    "why",
    "detail",
    "HIS",
    "ledger",
    "difference",
)
COMPARED: Mapping[str, Sequence[str]] = {"totals": TOTALS, "rows": ROWS}
"""The sheets of comparisons, with their columns."""

WHOLE = "all"
"""The category of a visit's own line."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BESIDE = ("waiting", "doubt", "quarantined", "set_aside")
"""Sums of a category that are neither the HIS's nor the platform's."""


def verdict(one: Comparison) -> str:
    """One comparison in a word or two."""
    if one.unread:
        return "not read"
    if not one.agrees:
        return "DIFFERS"
    if not one.is_settled:
        return "look at it"
    return "explained" if one.differs else "equal"


def explanation(one: Comparison) -> str:
    """What there is to say of a visit, in sentences."""
    parts = [
        f"held: {one.held_for}" if one.held_for else "",
        one.unread,
        *(
            f"{kept.rows} {'row' if kept.rows == 1 else 'rows'} {why} ({yuan(kept.amount):.2f})"
            for why, kept in one.kept_back.items()
        ),
        *(f"perhaps {candidate}" if candidate[:3] != "no " else candidate for candidate in one.candidates),
    ]
    return "; ".join(part for part in parts if part)


class Sheets(ABC):
    """Where rows are written: comparisons to a sheet of sums and one of rows, a list to one. Subclasses know the file.

    Raises ConfigurationError where the disk takes no more.
    """

    def __init__(self, files: Sequence[Path], heads: Mapping[str, Sequence[str]]) -> None:
        self.files = tuple(files)
        self.is_finished = False
        for number, columns in enumerate(heads.values()):
            self._write(number, columns)

    def add(self, one: Comparison) -> None:
        """Write a visit: itself, its categories, and its rows."""
        with self._told():
            self._add(one)

    def add_row(self, row: Sequence[Cell]) -> None:
        """Write a row of a list."""
        with self._told():
            self._write(0, row)

    def finish(self) -> tuple[Path, ...]:
        """All is there; the files that were written."""
        with self._told():
            self._save()
        self.is_finished = True
        return self.files

    @abstractmethod
    def close(self) -> None:
        """Let go of the files, finished or not."""

    def _add(self, one: Comparison) -> None:
        whole = [sum(getattr(sums, name) for sums in one.categories) for name in _BESIDE]
        about = (verdict(one), explanation(one), one.read_at)
        money = (one.his, one.ledger, one.platform, *whole, one.others)
        self._write(0, (one.pipeline, one.visit, WHOLE, *map(in_yuan, money), *about))
        for sums in one.categories:
            parts = (sums.his, sums.accepted, sums.platform, *(getattr(sums, name) for name in _BESIDE), None)
            self._write(0, (one.pipeline, one.visit, sums.category, *map(in_yuan, parts), "", "", ""))
        for row in one.rows:
            what = (row.mapping, row.key, row.category, row.item, row.why, row.detail)
            sums_of_row = map(in_yuan, (row.his, row.accepted, row.difference))
            self._write(1, (one.pipeline, one.visit, *what, *sums_of_row))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigurationError(
                f"{self.files[0]} cannot be written: {error.strerror}. Nothing is kept of it; make room, or name another place."
            ) from None

    @abstractmethod
    def _write(self, sheet: int, row: Sequence[Cell]) -> None:
        """Write a row to a sheet."""

    @abstractmethod
    def _save(self) -> None:
        """Put on the disk what is not there yet."""


class _CsvSheets(Sheets):
    """A file a sheet, UTF-8 with the mark by which Excel knows it; amounts as exact text."""

    def __init__(self, files: Sequence[Path], heads: Mapping[str, Sequence[str]]) -> None:
        self._open = [file.open("w", newline="", encoding="utf-8-sig") for file in files]
        self._writers = [csv.writer(file) for file in self._open]
        super().__init__(files, heads)

    def close(self) -> None:
        """Close them."""
        for file in self._open:
            file.close()

    def _write(self, sheet: int, row: Sequence[Cell]) -> None:
        self._writers[sheet].writerow([_csv_text(cell) for cell in row])

    def _save(self) -> None:
        self.close()


class _WorkbookSheets(Sheets):
    """One workbook; amounts are numbers, keys are text."""

    def __init__(self, files: Sequence[Path], heads: Mapping[str, Sequence[str]]) -> None:
        from openpyxl import Workbook  # a third of a second that only an export needs

        self._book = Workbook(write_only=True)
        self._sheets = [self._book.create_sheet(name) for name in heads]
        for sheet in self._sheets:
            sheet.freeze_panes = "A2"
        super().__init__(files, heads)

    def close(self) -> None:
        """End what was not saved; openpyxl removes its own temporary files when the process ends."""
        if not self.is_finished:
            for sheet in self._sheets:
                sheet.close()

    def _write(self, sheet: int, row: Sequence[Cell]) -> None:
        from openpyxl.cell import WriteOnlyCell  # the same
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        cells = []
        for value in row:
            text: Any = ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value
            cell = WriteOnlyCell(self._sheets[sheet], value=text)
            if isinstance(value, Decimal):
                cell.number_format = "#,##0.00##"
            elif isinstance(value, str):
                cell.data_type, cell.number_format = "s", "@"  # never a formula, whatever it begins with
            cells.append(cell)
        self._sheets[sheet].append(cells)

    def _save(self) -> None:
        self._book.save(self.files[0])


@contextmanager
def open_sheets(file: Path, heads: Mapping[str, Sequence[str]] = COMPARED) -> Iterator[Sheets]:
    """Create the file or files, and remove them again where they are not finished.

    `heads` are the sheets by their names, each with its columns; the first one's CSV bears the name that was given.

    Raises ConfigurationError where one exists already, cannot be written, or is of an unknown kind.
    """
    suffix = file.suffix.casefold()
    if suffix not in (".csv", ".xlsx"):
        raise ConfigurationError(
            f"{file}: an export is a .csv or an .xlsx file; give it one of these endings."
        )
    kind = _CsvSheets if suffix == ".csv" else _WorkbookSheets
    more = [file.with_stem(f"{file.stem}-{name}") for name in tuple(heads)[1:]]
    files = [file, *more] if suffix == ".csv" else [file]
    created: list[Path] = []
    sheets: Sheets | None = None
    try:
        for one in files:
            create_file(one)
            created.append(one)
        sheets = kind(files, heads)
        yield sheets
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror}. Nothing was kept of it."
        ) from None
    finally:
        if sheets is not None:
            sheets.close()
        if sheets is None or not sheets.is_finished:
            for one in created:
                one.unlink(missing_ok=True)


def create_file(file: Path) -> None:
    """Make an empty file that only this user may read; ConfigurationError where one is there, or it cannot be."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise ConfigurationError(
            f"{file} exists already; name another file, or move that one away."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}. Name another place.") from None


def in_yuan(amount: int | None) -> Decimal | None:
    """An amount with two decimals, or the four it has."""
    if amount is None:
        return None
    exact = yuan(amount)
    cents = exact.quantize(Decimal("0.01"))
    return cents if cents == exact else exact


def _csv_text(cell: Cell) -> str:
    """A cell of a CSV file; text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    text = cell or ""
    return f"'{text}" if text.startswith(_FORMULA) else text
