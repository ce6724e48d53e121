"""What a long job tells whoever watches it: a door may draw bars, print lines, or ignore it."""

from typing import Protocol


class Progress(Protocol):
    """Receiver of progress; every method returns at once and never raises."""

    def start(self, what: str, total: int | None) -> None:
        """A piece of work begins; `total` units if known."""

    def advance(self, what: str, units: int = 1) -> None:
        """So many units of it are done."""

    def finish(self, what: str) -> None:
        """It is done."""

    def note(self, text: str) -> None:
        """A sentence for the reader; it holds no patient's data."""


class Silent:
    """Nobody watches."""

    def start(self, what: str, total: int | None) -> None:
        """Ignore."""

    def advance(self, what: str, units: int = 1) -> None:
        """Ignore."""

    def finish(self, what: str) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""
