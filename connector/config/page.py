"""One file as read: its lines, what is wrong with it, and what of it may be shown."""

import re
from collections import abc
from dataclasses import dataclass, field
from types import MappingProxyType

from connector.config.places import Path, Place, Places
from connector.errors import Fault

_LINE_END = re.compile(r"\r\n|\r|\n")
_KEY = re.compile(r"\s*[\w-]+\s*:")
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Spot:
    """A line and a column, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class _Complaint:
    spot: Spot
    message: str
    hint: str


@dataclass(slots=True)
class Page:
    """The file under the reader's eyes.

    Complaints are kept and turned into faults at the end, because only then it is known which parts of the
    file hold secrets. `hidden`: line → stretches (from and to, counted from 0) that are never shown.
    `unparsed` is true while nothing is known about where secrets are; then only a line's key is shown.
    """

    file: str
    text: str = field(repr=False)
    keeps_secrets: bool = False
    readable: bool = True
    unparsed: bool = False
    hidden: dict[int, list[tuple[int, int]]] = field(default_factory=dict, repr=False)
    spots: dict[Path, Spot] = field(default_factory=dict, repr=False)
    _complaints: list[_Complaint] = field(default_factory=list, repr=False)
    lines: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.lines = _LINE_END.split(self.text)

    def complain(self, spot: Spot, message: str, hint: str = "") -> None:
        """Note something that is wrong at a spot."""
        self._complaints.append(_Complaint(spot, message, hint))

    def spot(self, path: Path) -> Spot:
        """Where a value is, else the nearest thing around it, else the start of the file."""
        return next(
            (self.spots[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.spots),
            Spot(1, 1),
        )

    def faults(self) -> list[Fault]:
        """Everything that was noted, once, in the order of the file."""
        ordered = sorted(dict.fromkeys(self._complaints), key=lambda one: (one.spot.line, one.spot.column))
        return [
            Fault(one.message, self.file, one.spot.line, one.spot.column, self.source(one.spot), one.hint)
            for one in ordered
        ]

    def places(self) -> Places:
        """The places of all values, for complaints that are made after reading."""
        return Places(
            self.file,
            MappingProxyType(
                {path: Place(spot.line, spot.column, self.source(spot)) for path, spot in self.spots.items()}
            ),
        )

    def source(self, spot: Spot) -> str:
        """The line as it may be shown, with a caret to come below `spot.column`."""
        line = self.lines[spot.line - 1] if 0 < spot.line <= len(self.lines) else ""
        if self.unparsed and self.keeps_secrets:
            key = _KEY.match(line)
            return f"{key[0]} {_HIDDEN}" if key else ""
        shown, done = "", 0
        for start, end in _joined(self.hidden.get(spot.line, ())):
            # Left of the caret the width is kept, so that the caret stays below its place.
            mask = _HIDDEN if start >= spot.column - 1 else "*" * (end - start)
            shown, done = shown + line[done:start] + mask, end
        return (shown + line[done:]).rstrip()


def _joined(stretches: abc.Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches in order, those that overlap made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
