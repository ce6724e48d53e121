"""Ctrl-C, twice: the first asks for an orderly end, the second ends at once (the ledger survives both)."""

import os
import signal
from types import FrameType, TracebackType
from typing import NoReturn, Self

from connector.cli.output import err, say

_STOPPED = 130


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
            _end()
        self._asked = True
        say("Stopping: calls under way are waited for and recorded. Ctrl-C again ends at once.", to=err)


def _end() -> NoReturn:
    """End the process now. An exception would wait for the calls under way, in other threads, to come home."""
    err.show_cursor()
    say("Stopped at once. What was under way is in the ledger; the next run goes on from there.", to=err)
    os._exit(_STOPPED)
