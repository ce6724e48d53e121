"""How the command line shows things: tables and bars on a terminal, plain lines elsewhere, JSON on request."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

_PLAIN_WIDTH = 180
"""Columns of a table that is not on a terminal: nothing is folded that a script or a mail could hold."""

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def show_json(value: object) -> None:
    """Print a value as one JSON document; exact numbers as text."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=_plain) + "\n")


def _plain(value: object) -> Any:
    """What JSON has no type for, as something it has."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, Iterable) else str(value)


def show_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()
) -> None:
    """Print rows as a table; `right` names the columns of numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table)


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
            err.print(f"{what}: {done}")

    def note(self, text: str) -> None:
        """Print a sentence above the bars."""
        if not self._quiet:
            err.print(text)
