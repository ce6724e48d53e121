"""What HIS, ledger and platform say of one visit, and the rows that explain a difference: arithmetic only.

All amounts are scaled by 4. Every fen between the HIS and the ledger is explained by a row, because both know their
rows; the platform tells sums alone, so of a difference there only candidates can be named.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from connector.ledger.accounts import Booked
from connector.ledger.conclusions import Concluded
from connector.ledger.overview import OpenBatch
from connector.pipeline.compose import TOLERANCE
from connector.pipeline.settling import fits
from connector.records import State, yuan

UNREAD, WAITING, DOUBT, QUARANTINED = "not read yet", "waiting to be sent", "in doubt", "quarantined"
SET_ASIDE, CHANGED, DELETED = "set aside", "changed in the HIS", "deleted in the HIS"
BY_ITSELF = frozenset({UNREAD, WAITING})
"""Reasons that the next run takes away."""

NO_CANDIDATE = "no single row and no batch explains it"
_MOST_CANDIDATES = 5

_STATES = {
    State.CLAIMED: DOUBT,
    State.IN_DOUBT: DOUBT,
    State.QUARANTINED: QUARANTINED,
    State.STAGED: WAITING,
    State.SET_ASIDE: SET_ASIDE,
}
"""Why a record is not on the platform; of several under one key the first of these counts."""


@dataclass(frozen=True, slots=True)
class Charged:
    """One row as the HIS charges it now, made by the mapping. `item`: its name there."""

    amount: int = field(repr=False)
    category: str = ""
    item: str = field(default="", repr=False)


@dataclass(slots=True)
class CategorySums:
    """One fee category (aka063) of a visit; "" where the platform is left to assign it.

    `quarantined` is what the HIS charges for such rows. `platform` is None unless 4.12 was asked.
    """

    category: str
    his: int = field(default=0, repr=False)
    accepted: int = field(default=0, repr=False)
    waiting: int = field(default=0, repr=False)
    doubt: int = field(default=0, repr=False)
    quarantined: int = field(default=0, repr=False)
    set_aside: int = field(default=0, repr=False)
    platform: int | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A row that the HIS and the platform, as the ledger has it, do not agree on, and why. `detail`: its rules."""

    mapping: str
    key: str = field(repr=False)
    category: str
    item: str = field(repr=False)
    why: str
    detail: str
    his: int = field(repr=False)
    accepted: int = field(repr=False)

    @property
    def difference(self) -> int:
        """What the HIS charges more than is on the platform."""
        return self.his - self.accepted


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that are kept back for one reason, and their difference."""

    rows: int = 0
    amount: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What the platform says of a visit: `total` is None where it does not list it; `remark`: why more is not known.

    `categories` are those of 4.12, where that was asked.
    """

    total: int | None = field(repr=False)
    at: str
    categories: tuple[tuple[str, int], ...] = field(default=(), repr=False)
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One visit: sums by category, the rows between HIS and ledger, the candidates between ledger and platform.

    `platform` is None where it does not list the visit, or was never asked; `unread`: why it could not be asked now.
    `others`: what the platform must hold besides the rows compared here (a baseline, mappings of other days).
    `more`: rows that are left out of `rows`; `tolerance`: how far the platform's total may be from the ledger's sum.
    """

    pipeline: str
    key: str = field(repr=False)
    visit: str = field(repr=False)
    held_for: str = field(repr=False)
    categories: tuple[CategorySums, ...] = field(repr=False)
    rows: tuple[Row, ...] = field(repr=False)
    platform: int | None = field(repr=False)
    read_at: str
    others: int = field(default=0, repr=False)
    candidates: tuple[str, ...] = field(default=(), repr=False)
    unread: str = ""
    kept_back: dict[str, Kept] = field(default_factory=dict, repr=False)
    more: int = 0
    tolerance: int = field(default=TOLERANCE, repr=False)

    @property
    def his(self) -> int:
        """What the HIS charges."""
        return sum(one.his for one in self.categories)

    @property
    def ledger(self) -> int:
        """What the platform must hold, as the ledger has it."""
        return sum(one.accepted for one in self.categories) + self.others

    @property
    def held(self) -> int:
        """The amount of the HIS's rows that are not on the platform, each for a reason."""
        return sum(one.amount for one in self.kept_back.values())

    @property
    def surplus(self) -> int:
        """What the platform holds more than the ledger says."""
        return (self.platform or 0) - self.ledger

    @property
    def agrees(self) -> bool:
        """Whether the platform holds what the ledger says, within the blur of its rounding."""
        return not self.unread and fits(self.surplus, 0, self.tolerance)

    @property
    def is_balanced(self) -> bool:
        """Whether every fen of the HIS is on the platform, or is kept back and the reason is known."""
        return self.agrees and self.his - self.held == self.ledger - self.others

    @property
    def is_settled(self) -> bool:
        """Whether nobody has to look: all is equal, or the next run makes it so, or only the quarantine does not."""
        lasting = any(kept.amount for why, kept in self.kept_back.items() if why in (CHANGED, DELETED))
        return self.is_balanced and not (self.held_for or DOUBT in self.kept_back or lasting)

    @property
    def differs(self) -> bool:
        """Whether there is anything to show of it."""
        return bool(self.kept_back) or not self.is_settled


def weigh(mapping: str, key: str, his: Charged | None, booked: Sequence[Booked]) -> Row | None:
    """Why a row of the HIS is not on the platform as it is; None when it is, or when there is nothing to it."""
    accepted = sum(one.amount for one in booked if one.state is State.ACCEPTED)
    charged = his.amount if his else 0
    states = [_STATES[one.state] for one in booked if one.state in _STATES]
    why = min(states, key=list(_STATES.values()).index, default="")
    detail = ", ".join(rule for one in booked for rule in one.rules)
    if his is None:
        why, detail = (why, "deleted in the HIS since") if why in (DOUBT, WAITING) else (DELETED, "")
        if why == DELETED and not accepted:
            return None
    elif not why:
        if not any(one.state is State.ACCEPTED for one in booked):
            why = UNREAD
        elif charged != accepted or any(one.is_changed for one in booked):
            why = CHANGED
    if not why or (why == SET_ASIDE and charged == accepted):
        return None
    category = his.category if his else booked[0].category
    return Row(mapping, key, category, his.item if his else "", why, detail, charged, accepted)


class Tally:
    """One visit's sums as they grow, row by row."""

    def __init__(self) -> None:
        self.categories: dict[str, CategorySums] = {}
        self.rows: list[Row] = []

    def take(self, mapping: str, key: str, his: Charged | None, booked: Sequence[Booked]) -> None:
        """Count a row that the HIS has (`his`), or had."""
        if his is not None:
            self._of(his.category).his += his.amount
        for one in booked:
            amount = his.amount if his is not None and one.state is State.QUARANTINED else one.amount
            sums = self._of(one.category or (his.category if his is not None else ""))
            match one.state:
                case State.ACCEPTED:
                    sums.accepted += amount
                case State.STAGED:
                    sums.waiting += amount
                case State.CLAIMED | State.IN_DOUBT:
                    sums.doubt += amount
                case State.QUARANTINED:
                    sums.quarantined += amount
                case State.SET_ASIDE:
                    sums.set_aside += amount
                case State.VOID:
                    pass
        row = weigh(mapping, key, his, booked)
        if row is not None:
            self.rows.append(row)

    def hear(self, said: Iterable[tuple[str, int]]) -> None:
        """Add the platform's sums by category."""
        for category, amount in said:
            self._of(category).platform = amount

    @property
    def accepted(self) -> int:
        """The sum of what is accepted."""
        return sum(one.accepted for one in self.categories.values())

    def kept_back(self) -> dict[str, Kept]:
        """The rows by reason."""
        found: dict[str, Kept] = {}
        for row in self.rows:
            kept = found.get(row.why, Kept())
            found[row.why] = Kept(kept.rows + 1, kept.amount + row.difference)
        return found

    def _of(self, category: str) -> CategorySums:
        return self.categories.setdefault(category, CategorySums(category))


def find_candidates(
    surplus: int,
    rows: Sequence[Row],
    accepted: Iterable[tuple[str, Booked]],
    unapplied: Iterable[Concluded],
    doubtful: Iterable[OpenBatch],
) -> tuple[str, ...]:
    """What alone would explain that the platform holds `surplus` more than the ledger says; the likeliest first.

    `accepted`: records by their mapping. Nothing here is a proof: another row of that amount would do as well.
    """
    found = [
        *_batches(surplus, unapplied, doubtful),
        *_kept_back(surplus, rows),
        *_on_platform(surplus, accepted),
    ]
    if not found:
        return (NO_CANDIDATE,)
    left_out = len(found) - _MOST_CANDIDATES
    more = [f"and {left_out} more rows of that amount"] if left_out > 0 else []
    return (*found[:_MOST_CANDIDATES], *more)


def _batches(surplus: int, unapplied: Iterable[Concluded], doubtful: Iterable[OpenBatch]) -> Iterator[str]:
    """Batches that may be there although the ledger does not count them."""
    for open_batch in doubtful:
        if fits(surplus, open_batch.amount):
            yield f"batch {open_batch.id}, which is in doubt, is there"
    for batch in unapplied:
        if fits(surplus, batch.amount):
            yield f"suspected late duplicate of batch {batch.batch_id}, which was found not applied"


def _kept_back(surplus: int, rows: Sequence[Row]) -> Iterator[str]:
    """Rows that somebody may have entered, corrected or taken away by hand: one of them, or all of one reason.

    Those in doubt are told as batches.
    """
    rows = [row for row in rows if row.why != DOUBT]
    for row in rows:
        if row.difference and fits(surplus, row.difference):
            yield f"{row.mapping} {row.key} ({row.why}) is there: entered or corrected by hand"
    for why in dict.fromkeys(row.why for row in rows):
        amounts = [row.difference for row in rows if row.why == why]
        if len(amounts) > 1 and fits(surplus, sum(amounts)):
            yield f"all {len(amounts)} rows that are {why} are there: {yuan(sum(amounts)):.2f} together"


def _on_platform(surplus: int, accepted: Iterable[tuple[str, Booked]]) -> Iterator[str]:
    """Rows that may be missing there, or there twice."""
    for mapping, one in accepted:
        if one.state is State.ACCEPTED and one.amount:
            if fits(surplus, -one.amount):
                yield f"{mapping} {one.key} is missing there: deleted by hand"
            elif fits(surplus, one.amount):
                yield f"{mapping} {one.key} is there twice"
