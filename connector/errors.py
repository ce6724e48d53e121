"""What can go wrong, as one family.

Each name says what the reader has to do about it::

    ConnectorError              exit 1   the root; its text is one clear sentence or a few
    ├── ConfigurationError      exit 2   a file, a setting or the use of a command is wrong: mend it
    ├── SourceError             exit 1   the hospital's database cannot be read
    ├── PlatformError           exit 1   the platform cannot be reached or talked to
    │   ├── EnvelopeError       exit 1   a key or a sealed message is unusable
    │   ├── SessionError        exit 1   no session can be had
    │   └── Stopped             exit 130 somebody asked for a stop before it was done
    ├── CardError               exit 1   a card, its reader or a scanner cannot be read
    ├── LedgerError             exit 1   the ledger cannot be read or written: nothing is sent
    ├── LeaseHeld               exit 5   another process is delivering
    └── GuardStopped            exit 6   a guard stopped the run

Texts carry no patient's data and no secret: they may be logged.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file a person wrote.

    `line` and `column` count from 1; `source` is the text of that line, `hint` a proposal.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    source: str = ""
    hint: str = ""

    def __str__(self) -> str:
        """`file:line:column: message`, the line with a caret below the place, and the hint."""
        place = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)]) if self.file else ""
        rows = [f"{place}: {self.message}" if place else self.message]
        if self.source:
            rows.append(f"    {self.source}")
            if self.column:
                rows.append(f"    {' ' * (self.column - 1)}^")
        if self.hint:
            rows.append(f"    {self.hint}")
        return "\n".join(rows)


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a payload or a row breaks.

    `path` is the field's place in the operation (`meds.med.alc407`), `zh` its Chinese name, `rule` a short
    fixed word (`required`, `length`, `code`, …), `platform_code` the number the platform would answer with,
    or "". `message` is for people and never holds a patient's value.
    """

    path: str
    rule: str
    zh: str
    message: str
    platform_code: str = ""

    def __str__(self) -> str:
        """One line for people."""
        code = f" (the platform would answer {self.platform_code})" if self.platform_code else ""
        return f"{self.path} {self.zh}: {self.message}{code}"


class ConnectorError(Exception):
    """The root of the family; `exit_code` is what the command line ends with."""

    exit_code = 1


class ConfigurationError(ConnectorError):
    """A file, a setting or the use of a command is wrong; `faults` lists everything at once."""

    exit_code = 2

    def __init__(self, faults: Sequence[Fault] | str) -> None:
        self.faults: tuple[Fault, ...] = (Fault(faults),) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SourceError(ConnectorError):
    """The hospital's database cannot be read as the mapping asks."""


class CardError(ConnectorError):
    """A card, its reader or a scanner cannot be read, or what it gives is no card; nothing is sent."""


class PlatformError(ConnectorError):
    """The platform cannot be reached or talked to."""


class EnvelopeError(PlatformError):
    """A key or a sealed message is unusable."""


class SessionError(PlatformError):
    """No session can be had from the platform."""


class Stopped(PlatformError):
    """Somebody asked for a stop before what was to be done was begun."""

    exit_code = 130

    def __init__(self, message: str = "Stopped on request; nothing was done.") -> None:
        super().__init__(message)


class LedgerError(ConnectorError):
    """The ledger cannot be read or written; nothing is sent."""


class LeaseHeld(ConnectorError):
    """Another process is delivering on this ledger. `holder`: who, as the lease says it; "" where it does not."""

    exit_code = 5

    def __init__(self, message: str, *, holder: str = "") -> None:
        self.holder = holder
        super().__init__(message)


class GuardStopped(ConnectorError):
    """A guard stopped the run before its first call."""

    exit_code = 6
