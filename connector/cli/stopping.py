"""Ctrl-C, twice: the first asks for an orderly end, the second ends at once (the ledger survives both)."""

import signal
from types import FrameType, TracebackType
from typing import Self

from connector.cli.output import err, say


class Stopping:
    """Called, it says whether a stop was asked for. A context manager, because it owns SIGINT and SIGTERM."""

    def __init__(self) -> None:
        self._asked = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        """Take the signals."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() returned is what it takes

    def __call__(self) -> bool:
        """Whether a stop was asked for."""
        return self._asked

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        say("Stopping: calls under way are waited for and recorded. Ctrl-C again ends at once.", to=err)
