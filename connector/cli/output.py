"""How the command line shows things: tables and bars on a terminal, plain lines elsewhere, JSON on request."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from math import isfinite
from types import TracebackType
from typing import Any, Self

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

_GAP = "  "
_TEXT_WIDTH = 16
"""The column of sentences is not made narrower than this."""

out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(text: str, *, to: Console = out) -> None:
    """Print sentences: wrapped between words on a terminal, as they are elsewhere.

    Lines that begin with blanks (a file's line and the caret below it) are never wrapped.
    """
    for line in text.splitlines() or [""]:
        to.print(line, soft_wrap=not to.is_terminal or line.startswith("    "))


def show_json(value: object) -> None:
    """Print a value as one JSON document; exact numbers and amounts of money as text, in yuan."""
    sys.stdout.write(json.dumps(_document(value), ensure_ascii=False, indent=2, default=_plain) + "\n")


def show_json_line(value: object) -> None:
    """Print a value as JSON on one line, at once: for commands that tell of one thing after another."""
    sys.stdout.write(json.dumps(_document(value), ensure_ascii=False, default=_plain) + "\n")
    sys.stdout.flush()


_MONEY: Mapping[str, Sequence[str]] = {
    "BackfillPlan": ("amount",),
    "BackfillReport": ("amount",),
    "Booked": ("amount",),
    "Case": ("ledger", "baseline", "platform"),
    "CaseRow": ("amount",),
    "Checklist": ("his", "ledger", "platform"),
    "CategorySums": ("his", "accepted", "waiting", "doubt", "quarantined", "set_aside", "platform"),
    "Charged": ("amount",),
    "Call": ("amount",),
    "Comparison": ("his", "ledger", "platform", "held", "others", "surplus", "tolerance"),
    "Concluded": ("amount",),
    "Compensation": ("amount",),
    "Contribution": ("amount",),
    "Departure": ("others",),
    "Doubt": ("amount",),
    "Holding": ("amount",),
    "Journey": ("amount",),
    "Kept": ("amount",),
    "ListedVisit": ("platform", "ledger"),
    "OldVisit": ("ledger", "platform", "surplus", "waiting", "amount"),
    "OpenBatch": ("amount",),
    "Quantity": ("amount",),
    "Reading": ("total",),
    "RecordView": ("amount",),
    "Report": ("amount",),
    "Row": ("his", "accepted", "difference"),
    "Said": ("total",),
    "Served": ("amount",),
    "Shard": ("amount",),
    "ShardState": ("planned", "accepted", "waiting"),
    "Standing": ("accepted", "staged", "doubt"),
    "SuspectSums": ("ledger", "doubt", "platform"),
    "UndoCase": ("ledger", "platform"),
    "VisitTotals": ("accepted", "staged", "doubt", "set_aside", "baseline"),
}
"""Fields that hold an amount scaled by 4, by the name of their class."""

_PROPERTIES: Mapping[str, Sequence[str]] = {
    "BackfillPlan": ("visits", "rows", "amount", "calls"),
    "Call": ("amount",),
    "Checklist": ("obstacles", "warnings"),
    "Comparison": ("his", "ledger", "held", "surplus", "is_balanced", "is_settled"),
    "DemoReport": ("exit_code",),
    "OldVisit": ("surplus",),
    "Row": ("difference",),
}
"""Properties that belong into the document too."""

_CATEGORIES = ("Reading", "categories")
"""The one field that holds pairs of a category and an amount."""


def _document(value: Any) -> Any:
    """Containers as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        owner = type(value).__name__
        names = (*(field.name for field in fields(value)), *_PROPERTIES.get(owner, ()))
        return {name: _member(owner, name, getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(name): _document(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_document(part) for part in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _plain(value: object) -> str:
    """What JSON has no type for, as text."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.hex() if isinstance(value, bytes) else str(value)


def _member(owner: str, name: str, value: Any) -> Any:
    """One field of a dataclass."""
    if (owner, name) == _CATEGORIES:
        return {category: _yuan(amount) for category, amount in value}
    return _yuan(value) if name in _MONEY.get(owner, ()) else _document(value)


def _yuan(amount: int | None) -> str | None:
    """An amount scaled by 4, as exact text."""
    from connector.records import yuan

    return None if amount is None else f"{yuan(amount):f}"


def show_heading(text: str) -> None:
    """A line that begins a part of a report."""
    out.print()
    out.print(text, style="bold", soft_wrap=not out.is_terminal)


def show_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    text: str = "",
) -> None:
    """Print rows as a table; `right` names the columns of numbers, `text` the one that is wrapped first.

    A number is never cut, however narrow the terminal.
    """
    show_heading(title)
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not out.is_terminal:
        _print_plain(columns, cells, right)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
    gives_way = text or columns[0]
    for column, *parts in zip(columns, *cells, strict=True):
        is_number, is_text = column in right, column == gives_way
        width = max(map(cell_len, (column, *parts)))
        table.add_column(
            column,
            justify="right" if is_number else "left",
            no_wrap=not is_text,
            overflow="fold" if is_text else "ellipsis",
            min_width=width if is_number else min(width, _TEXT_WIDTH),
        )
    for row in cells:
        table.add_row(*row)
    out.print(table)


def _print_plain(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> None:
    """Aligned columns without lines: for a file, a mail, grep and awk. A cell stays on its row."""
    lines = [list(columns), *([cell.replace("\n", "; ") for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        parts = []
        for name, cell, width in zip(columns, line, widths, strict=True):
            blanks = " " * (width - cell_len(cell))
            parts.append(blanks + cell if name in right else cell + blanks)
        out.print(_GAP.join(parts).rstrip(), soft_wrap=True)


class Bars:
    """Progress bars on a terminal, plain lines elsewhere; nothing at all with `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._plain = not err.is_terminal
        self._totals: dict[str, tuple[int, int | None]] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=err,
            transient=True,
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        if not self._quiet and not self._plain:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if not self._quiet and not self._plain:
            self._bars.stop()

    def start(self, what: str, total: int | None) -> None:
        """Open a bar."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        else:
            self._bars.update(self._tasks[what], total=total)
        self._totals[what] = (self._totals.get(what, (0, None))[0], total)

    def advance(self, what: str, units: int = 1) -> None:
        """Move a bar."""
        if what not in self._tasks:
            self.start(what, None)
        done, total = self._totals[what]
        self._totals[what] = (done + units, total)
        self._bars.update(self._tasks[what], advance=units)

    def finish(self, what: str) -> None:
        """Close a bar; where there are no bars, say what was done."""
        done, _ = self._totals.pop(what, (0, None))
        task = self._tasks.pop(what, None)
        if task is not None:
            self._bars.remove_task(task)
        if self._plain and not self._quiet:
            say(f"{what}: {done}", to=err)

    def note(self, text: str) -> None:
        """Print a sentence above the bars."""
        if not self._quiet:
            say(text, to=err)
