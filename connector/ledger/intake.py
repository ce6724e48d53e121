"""A block's rows beside the records that the ledger has of them, and what is to be written."""

from dataclasses import dataclass, field

from connector.ledger.changes import Kind
from connector.ledger.tables import Standing
from connector.records import RecordBlock

HALF = 8
"""Where in a fingerprint the payload's digest begins."""


@dataclass(slots=True)
class Rows:
    """A block's rows of all three kinds as one list: the good ones first."""

    block: RecordBlock = field(repr=False)
    keys: list[str] = field(repr=False)
    visits: list[int]
    fingerprints: list[bytes] = field(repr=False)
    reasons: list[tuple[int, ...]]
    good: int
    rejected: int

    def kind(self, n: int) -> Kind:
        """What the transform made of a row."""
        if n < self.good:
            return Kind.GOOD
        return Kind.REJECTED if n < self.good + self.rejected else Kind.SET_ASIDE

    def equals(self, n: int, visit: int, fingerprint: bytes, amount: int) -> bool:
        """Whether a row would send what a record of that visit, fingerprint and amount sends."""
        return (
            n < self.good
            and (self.visits[n], self.block.amounts[n]) == (visit, amount)
            and self.fingerprints[n][HALF:] == fingerprint[HALF:]
        )


@dataclass(frozen=True, slots=True)
class Known:
    """A current record of a row's key."""

    n: int
    id: int
    visit: int
    fingerprint: bytes = field(repr=False)
    standing: Standing


@dataclass(frozen=True, slots=True)
class Origin:
    """An accepted record that the HIS has changed, and its payload where that is needed."""

    id: int
    visit: int
    key: str = field(repr=False)
    fingerprint: bytes = field(repr=False)
    amount: int
    category: str
    payload: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """A compensation, the version it takes back, and the current version, which waits for it."""

    id: int
    standing: Standing
    heir_id: int
    origin: Origin

    @property
    def is_unsent(self) -> bool:
        """Whether it is known not to be on the platform or under way to it."""
        return self.standing in (Standing.STAGED, Standing.REFUSED)


@dataclass(slots=True)
class Plan:
    """What is to be written for a block. `n`: the row's place in `Rows`.

    `taken_back`: n → the accepted record that the row takes the place of. `heirs`: n → the compensation that the row
    has to wait for now. `restored`: compensations that are not needed any more, because the row (n) is again what
    was accepted. `same`: accepted records that the row (n) changed in nothing that is sent.
    """

    new: list[int] = field(default_factory=list)
    superseded: list[Known] = field(default_factory=list)
    renewed: list[Known] = field(default_factory=list)
    rebased: list[Known] = field(default_factory=list)
    marked: list[Known] = field(default_factory=list)
    cleared: list[int] = field(default_factory=list)
    taken_back: dict[int, Origin] = field(default_factory=dict)
    heirs: dict[int, int] = field(default_factory=dict)
    restored: list[tuple[Pending, int]] = field(default_factory=list)
    same: list[tuple[int, int]] = field(default_factory=list)
