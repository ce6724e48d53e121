"""Where in a file something was written, so that a complaint can be made there long after reading."""

from collections import abc
from dataclasses import dataclass, field
from types import MappingProxyType

from connector.errors import Fault

Path = tuple[str, ...]
"""The keys that lead to a value in a file: ("fields", "alc407", "from")."""

KEY = "<key>"
"""As the last step of a path: the place of the key itself, not of its value."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, counted from 1, and the line's text as it may be shown.

    `file` where it is in another file than the value it belongs to: something that was taken over from there.
    """

    line: int
    column: int
    source: str = field(default="", repr=False)
    file: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one file's values. `file` is its path as people are shown it."""

    file: str = ""
    by_path: abc.Mapping[Path, Place] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def find(self, *path: str) -> Place:
        """The place of a value, else of the nearest thing around it, else the start of the file."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.by_path:
                return self.by_path[path[:end]]
        return Place(1, 1)

    def fault(self, message: str, *path: str, hint: str = "") -> Fault:
        """A fault at the place of a value."""
        place = self.find(*path)
        return Fault(message, place.file or self.file, place.line, place.column, place.source, hint)
