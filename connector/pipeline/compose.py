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


@dataclass(frozen=True, slots=True)
class Composition:
    """Batches in the order in which they may go, and the records that have to wait, with the reason."""

    batches: tuple[tuple[StagedRecord, ...], ...] = field(repr=False)
    waiting: tuple[tuple[StagedRecord, str], ...] = field(repr=False)


def is_detectable(amount: int) -> bool:
    """Whether a total with two decimals shows this amount whatever way it was rounded."""
    return abs(amount) > 2 * TOLERANCE


def compose(
    records: Sequence[StagedRecord], *, batch_rows: int, originals: Mapping[str, State]
) -> Composition:
    """Divide a visit's staged charges into batches of at most `batch_rows`.

    `originals` holds the state of every charge that a refund among `records` refers to. Charges come before
    refunds; a refund without a named original waits until no charge of the visit is left to send.
    """
    charges = [r for r in records if r.amount >= 0]
    refunds, waiting = _ready_refunds(
        [r for r in records if r.amount < 0], originals, charges_left=bool(charges)
    )
    batches = [*_divide(charges, batch_rows), *_divide(refunds, batch_rows)]
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


def _divide(records: Sequence[StagedRecord], batch_rows: int) -> Iterator[tuple[StagedRecord, ...]]:
    """Batches of at most `batch_rows`, or fewer where a record's own limit asks for it."""
    batch: list[StagedRecord] = []
    limit = batch_rows
    for record in records:
        if not is_detectable(record.amount):
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
