"""Which records may travel together: batches whose fate the platform's totals can tell.

A pure decision. The rules are those of the delivery protocol: amounts of one sign only, so that every subset
of a batch changes the total differently from none and from all; amounts that the totals cannot show travel
alone; a refund goes only after its original is known to be on the platform.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connector.records import StagedRecord, State

TOLERANCE = 100
"""Half the blur of a total, scaled by 4: one fen covers every way of rounding to two decimals (section 4.12)."""

_FEN = 100


def blur(fine_rows: int) -> int:
    """Half the blur of a total whose rows are rounded one by one, `fine_rows` of them with more than two decimals.

    A row that is cut off after two decimals loses nearly a fen, one that is rounded at most half of it.
    """
    return TOLERANCE + _FEN * fine_rows


def is_fine(amount: int) -> bool:
    """Whether an amount has more than two decimals."""
    return amount % _FEN != 0


@dataclass(frozen=True, slots=True)
class Composition:
    """Batches in the order in which they may go, and the records that have to wait, with the reason."""

    batches: tuple[tuple[StagedRecord, ...], ...] = field(repr=False)
    waiting: tuple[tuple[StagedRecord, str], ...] = field(repr=False)


def is_detectable(amount: int, tolerance: int = TOLERANCE) -> bool:
    """Whether a total shows this amount whatever way it was rounded."""
    return abs(amount) > 2 * tolerance


def compose(
    records: Sequence[StagedRecord],
    *,
    batch_rows: int,
    originals: Mapping[str, State],
    tolerance: int = TOLERANCE,
    is_atomic: bool = False,
) -> Composition:
    """Divide a visit's staged charges into batches of at most `batch_rows`.

    `originals` holds the state of every charge that a refund among `records` refers to. Charges come before
    refunds; a refund without a named original waits until no charge of the visit is left to send. `tolerance`: how
    far a total may be from the sum. `is_atomic`: the platform is known to save a request whole or not at all; then
    what no total can show may ride along.
    """
    blurred = 0 if is_atomic else tolerance
    charges = [r for r in records if r.amount >= 0]
    refunds, waiting = _ready_refunds(
        [r for r in records if r.amount < 0], originals, charges_left=bool(charges)
    )
    batches = [*_divide(charges, batch_rows, blurred), *_divide(refunds, batch_rows, blurred)]
    return Composition(tuple(batches), tuple(waiting))


def _ready_refunds(
    refunds: Sequence[StagedRecord], originals: Mapping[str, State], *, charges_left: bool
) -> tuple[list[StagedRecord], list[tuple[StagedRecord, str]]]:
    """Refunds that may go now, and the others with what they wait for."""
    ready: list[StagedRecord] = []
    waiting: list[tuple[StagedRecord, str]] = []
    for refund in refunds:
        state = originals.get(refund.refund_of)
        if state is State.ACCEPTED or (not refund.refund_of and not charges_left):
            ready.append(refund)
        elif not refund.refund_of:
            waiting.append((refund, "refund without a named original: waits for the charges of the visit"))
        elif state is None:
            waiting.append((refund, f"refund of {refund.refund_of}, which was never staged"))
        else:
            waiting.append((refund, f"refund of {refund.refund_of}, which is {state.value}"))
    return ready, waiting


def _divide(
    records: Sequence[StagedRecord], batch_rows: int, tolerance: int
) -> Iterator[tuple[StagedRecord, ...]]:
    """Batches of at most `batch_rows`, or fewer where a record's own limit asks for it; what is hidden goes alone."""
    batch: list[StagedRecord] = []
    limit = batch_rows
    for record in records:
        if not is_detectable(record.amount, tolerance):
            yield (record,)
            continue
        own = record.limit or batch_rows
        if batch and (len(batch) >= limit or len(batch) >= own):
            yield tuple(batch)
            batch, limit = [], batch_rows
        batch.append(record)
        limit = min(limit, own)
    if batch:
        yield tuple(batch)
