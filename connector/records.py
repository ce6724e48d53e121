"""Values that pass between the rooms.

Money and amounts are whole numbers of ten-thousandths of a yuan (`amount`, "scaled by 4"): exact in every
database and in every sum. Keys, codes and visit numbers are text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import pyarrow as pa

from connector.errors import Violation

AMOUNT_SCALE = 4
"""Decimal places of an `amount` (the platform's `alc407` has (30,4), section 4.10)."""

_PART = "|"
_ESCAPE = "\\"


def join_key(parts: Sequence[str]) -> str:
    r"""Text of a source key: parts joined by `|`, with `\` and `|` inside a part escaped by `\`."""
    return _PART.join(p.replace(_ESCAPE, _ESCAPE * 2).replace(_PART, _ESCAPE + _PART) for p in parts)


def split_key(text: str) -> tuple[str, ...]:
    """Parts of a source key; the inverse of `join_key`."""
    parts: list[str] = []
    part: list[str] = []
    characters = iter(text)
    for character in characters:
        if character == _ESCAPE:
            part.append(next(characters, ""))
        elif character == _PART:
            parts.append("".join(part))
            part = []
        else:
            part.append(character)
    return (*parts, "".join(part))


def yuan(amount: int) -> Decimal:
    """An amount scaled by 4, as yuan."""
    return Decimal(amount).scaleb(-AMOUNT_SCALE)


class State(StrEnum):
    """What has become of a record."""

    STAGED = "staged"  #: waits to be sent
    CLAIMED = "claimed"  #: in a batch that is on disk; the first byte may be on its way
    ACCEPTED = "accepted"  #: the platform said yes, or its totals proved it
    IN_DOUBT = "in_doubt"  #: sent, and nobody knows yet whether it was saved
    QUARANTINED = "quarantined"  #: breaks a rule, or was refused; its violations are kept
    SET_ASIDE = "set_aside"  #: nothing to send (a zero amount, for one); its reason is kept
    VOID = "void"  #: superseded, or gone from the HIS, before it was sent


class BatchState(StrEnum):
    """What has become of a batch."""

    CLAIMED = "claimed"  #: on disk, before its first byte
    ACCEPTED = "accepted"  #: every record of it is on the platform
    IN_DOUBT = "in_doubt"  #: no answer that says yes or no
    RELEASED = "released"  #: proven not applied: its records may be claimed anew
    REFUSED = "refused"  #: the platform said no and its totals agree
    UNDONE = "undone"  #: was accepted; a reset has deleted its records on the platform since


class Verdict(StrEnum):
    """What an answer of the platform means for the call it answers."""

    ACCEPTED = "accepted"  #: yes
    REJECTED = "rejected"  #: no, because of what was sent (or of the state of the visit)
    RETRYABLE = "retryable"  #: not now: busy, or not yet synchronised; minutes later
    SESSION_LOST = "session_lost"  #: the session is not (or no longer) known
    NOT_SENT = "not_sent"  #: provably not one byte of the request reached the platform
    IN_DOUBT = "in_doubt"  #: no answer that says yes or no


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to where a mapping's rows are durably staged: the cursor's value and the tie-breaker's, as text.

    Timestamps are ISO 8601 with microseconds, numbers plain decimals; the extraction engine turns them
    back into the column's own type before it binds them.
    """

    cursor: str
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows as read from the HIS, with where the reading stands after them.

    `table` has the source's columns under the source's names: text as string, integers as int64, exact
    numbers as decimal128, floats as float64, times as timestamp[us] without zone, dates as date32, files as binary.
    `watermark` is None where no position is kept (comparison, re-reading by key or by visit).
    `undecodable` lists (row, column) of text that is not valid in the declared encoding; those cells are null.
    """

    mapping: str
    table: pa.Table = field(repr=False)
    watermark: Watermark | None
    undecodable: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that breaks rules, with all of them. `fingerprint` tells whether it has changed since."""

    key: str
    visit: str
    fingerprint: bytes
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row with nothing to send, and why."""

    key: str
    visit: str
    fingerprint: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class RecordBlock:
    """Records ready to be staged, as columns of equal length, and the rows that are not.

    `keys`: source keys (`join_key`); `visits`: the HIS's visit keys; `fingerprints`: 16 bytes, the first 2 a
    digest of what is read (table or SELECT, columns), the next 6 of the values read, the last 8 of the payload; `payloads`: one JSON
    object each, UTF-8, without line breaks; `amounts`: scaled by 4, 0 where the node has no amount;
    `categories`: fee categories (aka063) or ""; `refund_of`: the original's source key or "";
    `numbers`: the platform's visit number (akc190), filled only by a visits mapping.
    """

    mapping: str
    keys: list[str] = field(repr=False)
    visits: list[str] = field(repr=False)
    fingerprints: list[bytes] = field(repr=False)
    payloads: list[bytes] = field(repr=False)
    amounts: list[int] = field(repr=False)
    categories: list[str] = field(repr=False)
    refund_of: list[str] = field(repr=False)
    numbers: list[str] = field(default_factory=list, repr=False)
    rejections: tuple[Rejection, ...] = field(default=(), repr=False)
    set_aside: tuple[SetAside, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call came to.

    `code` and `message` are the platform's own; `counts` is the number of rows it says it saved, if it said;
    `body` is the parsed answer (unknown fields kept), numbers as Decimal or int, never float.
    `warning` is a message that came with a yes.
    """

    verdict: Verdict
    code: str = ""
    message: str = field(default="", repr=False)
    counts: int | None = None
    body: dict[str, object] = field(default_factory=dict, repr=False)
    raw: bytes = field(default=b"", repr=False)

    @property
    def warning(self) -> str:
        """The message that came with a yes, to be shown (trap T26)."""
        return self.message if self.verdict is Verdict.ACCEPTED else ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as the journal keeps it: what was sent and what came, without secrets and without files.

    `at`: when it began (aware); `visit` the platform's number, "" where the request names none; `request` is JSON,
    `answer` what came, opened, b"" for none; `message` what the platform said, or why there is no answer;
    `invoices` are the numbers of the invoices in it (trap T111); `batch_id` is the batch it carried.
    """

    at: datetime
    operation: str
    visit: str = field(repr=False)
    verdict: Verdict
    code: str = ""
    message: str = field(default="", repr=False)
    request: bytes = field(default=b"{}", repr=False)
    answer: bytes = field(default=b"", repr=False)
    duration_ms: int = 0
    batch_id: int | None = None
    invoices: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class StagedRecord:
    """A record that may be claimed. `limit` bounds the size of a batch it may travel in (bisection).

    `takes_back`: it is a compensation, no row of the HIS. `awaits`: where the compensation stands that has to be
    accepted before this one goes; None where nothing is waited for.
    """

    id: int
    key: str
    payload: bytes = field(repr=False)
    amount: int = field(repr=False)
    category: str
    refund_of: str
    limit: int
    takes_back: bool = False
    awaits: State | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """A record that refunds name. `left` (scaled by 4): its amount less what is refunded of it on the platform."""

    state: State
    amount: int = field(repr=False)
    refund_of: str
    left: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """The platform's totals of one visit: `total` and `categories` scaled by 4; `at` as aware UTC, ISO 8601.

    `source` is the operation that gave it (getPerDetail gives no categories).
    """

    total: int = field(repr=False)
    categories: tuple[tuple[str, int], ...] = field(repr=False)
    source: str
    at: str
