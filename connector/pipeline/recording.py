"""The way of a call into the journal: from the thread that made it to the ledger's own, and onto the disk.

A call is written in the same commit as what was concluded from its answer. So a batch has either an answer and
its call in the journal, or, where the process died in between, neither: such a batch is journalled when it is put
in doubt, without an answer, and no upload is missing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from connector.config.settings import JournalSettings
from connector.contract.library import Contract, contract
from connector.contract.spec import Effect
from connector.ledger.overview import OpenBatch
from connector.ledger.store import Ledger
from connector.load.exchange import Recorder
from connector.pipeline.messages import fee_body, query_body
from connector.pipeline.parts import Clock
from connector.records import BatchState, Exchange, Verdict

_NO_ANSWER = "the process ended before an answer was recorded; the request is as the ledger had it"
_QUIET = frozenset({Effect.READ, Effect.SESSION})


@dataclass(frozen=True, slots=True)
class Tray:
    """Calls that wait to be written. Filled from any thread, emptied by the ledger's own."""

    settings: JournalSettings = field(default_factory=JournalSettings)
    _waiting: SimpleQueue[Exchange] = field(default_factory=SimpleQueue, init=False, repr=False)

    def recorder(self, clock: Clock) -> Recorder:
        """What a client needs to fill it."""
        return Recorder(self.take, clock.now, clock.monotonic)

    def take(self, exchange: Exchange) -> None:
        """Lay a call down; where only changes are kept, a question or a session that went well is dropped."""
        is_quiet = contract().operation(exchange.operation).effect in _QUIET
        if self.settings.keep == "all" or exchange.verdict is not Verdict.ACCEPTED or not is_quiet:
            self._waiting.put(exchange)

    def write(self, ledger: Ledger) -> None:
        """Write what waits into the journal."""
        ledger.journal.keep(list(self._empty()))

    @contextmanager
    def emptied(self, ledger: Ledger) -> Iterator[None]:
        """Whatever waits when what is inside has ended, well or badly, is written."""
        try:
            yield
        finally:
            self.write(ledger)

    def _empty(self) -> Iterator[Exchange]:
        while True:
            try:
                yield self._waiting.get_nowait()
            except Empty:
                return


def doubt_orphans(ledger: Ledger, book: Contract) -> None:
    """Put the batches of a dead process in doubt; those whose call is not in the journal come into it now."""
    orphans = {one.id: one for one in ledger.all_open_batches() if one.state is BatchState.CLAIMED}
    with ledger.together():
        ledger.doubt_orphans()
        if orphans:
            first = min(_claimed_at(one) for one in orphans.values())
            missing = ledger.journal.missing(orphans, first)
            ledger.journal.keep([_exchange_of(ledger, book, orphans[number]) for number in missing])


def trim(ledger: Ledger, settings: JournalSettings, now: datetime) -> None:
    """Forget calls that are older than they are to be kept."""
    ledger.journal.trim(now - timedelta(days=settings.keep_days))


def _exchange_of(ledger: Ledger, book: Contract, batch: OpenBatch) -> Exchange:
    """The call of a batch of which nobody knows whether it was sent, put together from its records."""
    payloads = [record.payload for record in ledger.outbox.records_of(batch.id)]
    return Exchange(
        at=_claimed_at(batch),
        operation=batch.operation,
        visit=batch.number,
        verdict=Verdict.IN_DOUBT,
        message=_NO_ANSWER,
        request=_body_of(book, batch, payloads),
        batch_id=batch.id,
    )


def _body_of(book: Contract, batch: OpenBatch, payloads: Sequence[bytes]) -> bytes:
    """A batch's request: its rows, its one registration, or, of one without rows, the visit that it is about.

    What a visit was to leave with is not kept: its record and invoices are in the HIS.
    """
    operation = book.operation(batch.operation)
    if not payloads:
        return query_body(operation, **{operation.request.roles["visit"]: batch.number})
    node = book.node(batch.node)
    return fee_body(operation, node, batch.number, payloads) if node.many else payloads[0]


def _claimed_at(batch: OpenBatch) -> datetime:
    return datetime.fromisoformat(batch.claimed_at)
