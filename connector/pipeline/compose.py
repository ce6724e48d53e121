"""Which records may travel together: batches whose fate the platform's totals can tell.

A pure decision. The rules are those of the delivery protocol: amounts of one sign only, so that every subset
of a batch changes the total differently from none and from all; amounts that the totals cannot show travel
alone; a refund goes only after its original is known to be on the platform, and never for more than is left of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connector.records import Original, StagedRecord, State, yuan

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
    """Batches in the order in which they may go, and the records that have to wait, with the reason.

    `excess`: the reasons of those that only a person can settle, because they refund more than was charged.
    """

    batches: tuple[tuple[StagedRecord, ...], ...] = field(repr=False)
    waiting: tuple[tuple[StagedRecord, str], ...] = field(repr=False)
    excess: tuple[str, ...] = ()


def is_detectable(amount: int, tolerance: int = TOLERANCE) -> bool:
    """Whether a total shows this amount whatever way it was rounded."""
    return abs(amount) > 2 * tolerance


def compose(
    records: Sequence[StagedRecord],
    *,
    batch_rows: int,
    originals: Mapping[str, Original],
    total: int | None = None,
    tolerance: int = TOLERANCE,
    is_atomic: bool = False,
) -> Composition:
    """Divide a visit's staged charges into batches of at most `batch_rows`.

    `originals`: every record that a refund among `records` names. `total`: what the platform holds of the visit
    (scaled by 4), None where that is not looked at. Charges come before refunds; a refund that names no original waits
    until no charge of the visit is left to send, and a new version until what it replaces is taken back. `tolerance`:
    how far a total may be from the sum. `is_atomic`: the platform is known to save a request whole or not at all; then
    what no total can show may ride along.
    """
    blurred = 0 if is_atomic else tolerance
    queue = _Queue(originals, {key: one.left for key, one in originals.items()})
    for record in records:
        queue.add(record)
    queue.add_unnamed(total)
    batches = [*_divide(queue.charges, batch_rows, blurred), *_divide(queue.refunds, batch_rows, blurred)]
    return Composition(tuple(batches), tuple(queue.waiting), tuple(queue.excess))


@dataclass(slots=True)
class _Queue:
    """Records that may go now, and the others with what they wait for. `left`: of each original, what is not refunded."""

    originals: Mapping[str, Original]
    left: dict[str, int]
    charges: list[StagedRecord] = field(default_factory=list)
    refunds: list[StagedRecord] = field(default_factory=list)
    unnamed: list[StagedRecord] = field(default_factory=list)
    waiting: list[tuple[StagedRecord, str]] = field(default_factory=list)
    excess: list[str] = field(default_factory=list)
    has_waiting_charges: bool = False

    def add(self, record: StagedRecord) -> None:
        """Find a record's place."""
        if record.awaits is not None:
            self.has_waiting_charges = True
            self.waiting.append(
                (record, f"waits until what it replaces is taken back, which is {record.awaits.value}")
            )
        elif record.takes_back:
            self._send(record)
        elif self._is_refund(record):
            self._add_refund(record)
        elif record.amount < 0:
            self.unnamed.append(record)
        else:
            self.charges.append(record)

    def add_unnamed(self, total: int | None) -> None:
        """Refunds without a named original: after all charges, and never more than the platform holds."""
        left = (total or 0) + sum(record.amount for record in self.refunds)
        for record in self.unnamed:
            if self.charges or self.has_waiting_charges:
                self.waiting.append(
                    (record, "refund without a named original: waits for the charges of the visit")
                )
            elif total is not None and left + record.amount < 0:
                self._exceed(record, f"refund of {yuan(-record.amount):.2f} without a named original", left)
            else:
                left += record.amount
                self.refunds.append(record)

    def _send(self, record: StagedRecord) -> None:
        (self.charges if record.amount >= 0 else self.refunds).append(record)

    def _is_refund(self, record: StagedRecord) -> bool:
        """Whether a record refunds the one that it names.

        A row that names itself does not, nor does a charge that only points at its own refund, or at another charge.
        """
        if record.refund_of in ("", record.key):
            return False
        original = self.originals.get(record.refund_of)
        if record.amount < 0 or original is None:
            return True
        return original.amount < 0 and original.refund_of != record.key

    def _add_refund(self, refund: StagedRecord) -> None:
        original, name = self.originals.get(refund.refund_of), refund.refund_of
        if original is None:
            self.waiting.append((refund, f"refund of {name}, which was never staged"))
        elif original.state is not State.ACCEPTED:
            self.waiting.append((refund, f"refund of {name}, which is {original.state.value}"))
        else:
            left = self.left[name] + refund.amount
            if min(0, original.amount) <= left <= max(0, original.amount):
                self.left[name] = left
                self._send(refund)
            else:
                self._exceed(refund, f"refund of {yuan(-refund.amount):.2f} of {name}", self.left[name])

    def _exceed(self, refund: StagedRecord, what: str, left: int) -> None:
        reason = f"more refunded than charged: a {what}, of which {yuan(left):.2f} are left"
        self.waiting.append((refund, reason))
        self.excess.append(reason)


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
