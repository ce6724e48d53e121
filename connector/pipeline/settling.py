"""What the platform's totals say about a batch whose answer was not a plain yes.

A pure decision over three numbers: what the platform held before the batch (`base`), what the batch adds, and
what the platform says it holds now. All amounts are scaled by 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from connector.pipeline.compose import TOLERANCE

_MOST_SUMS = 200_000


class Fit(StrEnum):
    """Which part of a batch explains the platform's total."""

    ALL = "all"  #: the whole batch is there
    NONE = "none"  #: nothing of it is there
    PART = "part"  #: exactly one proper part fits
    SEVERAL = "several"  #: more than one explanation fits
    NEITHER = "neither"  #: nothing explains the total: somebody else changed the visit


@dataclass(frozen=True, slots=True)
class Explanation:
    """What fits; `part` holds the positions of the records that are there, for `Fit.PART`."""

    fit: Fit
    part: tuple[int, ...] = ()


def fits(total: int, expected: int, tolerance: int = TOLERANCE) -> bool:
    """Whether a reading of the platform shows the expected sum, within the blur of its rounding."""
    return abs(total - expected) <= tolerance


def explain(
    base: int,
    amounts: Sequence[int],
    total: int,
    *,
    counts: int | None = None,
    payloads: Sequence[bytes] | None = None,
    tolerance: int = TOLERANCE,
    is_atomic: bool = False,
) -> Explanation:
    """Find what part of a batch explains the platform's total.

    `counts` is the number of rows that the platform itself said it saved: only parts of that size are then
    considered. Rows with identical `payloads` are interchangeable: any so many of them are one explanation.
    `is_atomic`: the platform is known to save a request whole or not at all, so where it told no number only all
    and nothing are considered. `tolerance`: how far a total may be from the sum, scaled by 4.
    """
    whole = fits(total, base + sum(amounts), tolerance) and counts in (None, len(amounts))
    nothing = fits(total, base, tolerance) and counts in (None, 0)
    if whole and nothing:
        return Explanation(Fit.SEVERAL)
    is_whole = is_atomic and counts is None
    parts = [] if is_whole else _parts(_group(amounts, payloads), total - base, counts, tolerance)
    if parts is None or (parts and (whole or nothing)) or (parts and len(parts) > 1):
        return Explanation(Fit.SEVERAL)
    if whole:
        return Explanation(Fit.ALL)
    if nothing:
        return Explanation(Fit.NONE)
    if parts:
        return Explanation(Fit.PART, parts[0])
    return Explanation(Fit.NEITHER)


_Group = tuple[int, tuple[int, ...]]
"""The amount of interchangeable rows, and their positions in the batch."""


def _group(amounts: Sequence[int], payloads: Sequence[bytes] | None) -> list[_Group]:
    """Rows that are copies of each other, together."""
    labels: Sequence[object] = range(len(amounts)) if payloads is None else payloads
    places: dict[tuple[object, int], list[int]] = {}
    for position, (label, amount) in enumerate(zip(labels, amounts, strict=True)):
        places.setdefault((label, amount), []).append(position)
    return [(amount, tuple(positions)) for (_, amount), positions in places.items()]


def _parts(
    groups: Sequence[_Group], difference: int, counts: int | None, tolerance: int
) -> list[tuple[int, ...]] | None:
    """Up to two proper, non-empty parts whose sum is the difference; None where there are too many to try.

    A sum is kept with at most two parts that give it, which is enough to tell "one" from "several"; sums that
    the amounts still to come cannot bring to the difference are dropped, so that "all" and "none" of a batch
    of one sign are found at once, whatever its size.
    """
    n = sum(len(positions) for _, positions in groups)
    sums: dict[tuple[int, int], list[tuple[int, ...]]] = {(0, 0): [()]}
    for place, (amount, positions) in enumerate(groups):
        rest = [a * len(p) for a, p in groups[place + 1 :]]
        low = difference - tolerance - sum(a for a in rest if a > 0)
        high = difference + tolerance - sum(a for a in rest if a < 0)
        grown: dict[tuple[int, int], list[tuple[int, ...]]] = {}
        for (total, size), parts in sums.items():
            for taken in range(len(positions) + 1):
                reached = total + amount * taken
                if low <= reached <= high:
                    bucket = grown.setdefault((reached, size + taken), [])
                    more = [(*part, *positions[:taken]) for part in parts]
                    bucket.extend(more[: 2 - len(bucket)])
        sums = grown
        if len(sums) > _MOST_SUMS:
            return None
    return [
        part
        for (total, size), parts in sums.items()
        if 0 < size < n and fits(total, difference, tolerance) and counts in (None, size)
        for part in parts
    ][:2]
