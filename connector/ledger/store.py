"""The ledger: what happened to every record, durably. The one door of this room.

Used from one thread. Every method that writes is one durable transaction; every fault is a LedgerError of one
clear sentence, after which nothing may be sent.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from connector.ledger.accounts import Accounts
from connector.ledger.claims import Batch, Claims, Intent, Settlement
from connector.ledger.compensating import TakeBack
from connector.ledger.compensations import Compensations
from connector.ledger.conclusions import Conclusions
from connector.ledger.copying import copy_ledger
from connector.ledger.database import Database
from connector.ledger.decisions import Decision, Decisions, KeptDecision
from connector.ledger.exporting import Exported, export
from connector.ledger.inspection import Check, Inspection
from connector.ledger.journal import Journal
from connector.ledger.judgements import Judgements
from connector.ledger.leases import Lease, Leases
from connector.ledger.moments import to_iso
from connector.ledger.outbox import Outbox
from connector.ledger.overview import Marked, OpenBatch, Overview, VisitDue
from connector.ledger.payloads import Payloads
from connector.ledger.quantities import Quantities
from connector.ledger.quarantine import Quarantine
from connector.ledger.questions import Questions
from connector.ledger.reasons import Reasons
from connector.ledger.resets import Resets
from connector.ledger.runs import Run, Runs
from connector.ledger.schema import open_schema, prepare_file
from connector.ledger.seal import Seal, check_key, create_key, read_key
from connector.ledger.sessions import Sessions
from connector.ledger.settlements import Settlements
from connector.ledger.staging import StageCounts, Staging, SweepCounts
from connector.ledger.steps import Steps
from connector.ledger.sweeping import Sweeping
from connector.ledger.trust import Trust
from connector.ledger.undos import Undos
from connector.ledger.visit_totals import VisitTotals
from connector.ledger.visits import KnownVisit, Visits
from connector.ledger.witness import Witness, WitnessFile
from connector.records import Outcome, Reading, RecordBlock, Watermark

__all__ = ["Ledger", "create_key", "open_ledger", "read_key"]


def open_ledger(
    url: str,
    key: bytes,
    *,
    now: Callable[[], datetime],
    create: bool = False,
    read_only: bool = False,
    patience_s: float = 5.0,
    witness: WitnessFile | None = None,
) -> "Ledger":
    """Open a ledger (SQLite or PostgreSQL); `create` makes it where there is none.

    `key` has 32 bytes (`read_key`); `now` gives aware moments; `read_only` writes nothing at all, and works beside
    a running delivery; `patience_s` is how long another writer is waited for; `witness` is where the last intent is kept
    besides. Raises LedgerError.
    """
    check_key(key)
    if create and read_only:
        raise ValueError("a ledger that is only read is not created")
    database = Database(url, read_only=read_only, patience_s=patience_s)
    try:
        if database.path is not None:
            prepare_file(database.path, create=create)
        database.connect()
        seal, created_at = open_schema(database, key, now, create=create)
    except BaseException:
        database.close()
        raise
    return Ledger(database, seal, now, created_at, witness)


class Ledger:
    """One open ledger.

    `outbox`: records on their way; `accounts`: what the HIS is compared with; `conclusions`: what was not told by an answer;
    `quarantine`: what is kept back. `judgements` are what people decide about a visit's rows, `undos` what they take back of
    it; `steps` and `questions` are its life beyond its rows. `quantities` are what guards look at; `compensations` what is
    taken back of what the platform has. `witness` is compared under the lease; `trust` is what a restored or a new ledger
    may rely on.
    """

    def __init__(
        self,
        database: Database,
        seal: Seal,
        now: Callable[[], datetime],
        created_at: int,
        witness: WitnessFile | None = None,
    ) -> None:
        payloads, reasons = Payloads(seal), Reasons(seal)
        self._database = database
        self.witness = Witness(database, seal, witness)
        self._leases = Leases(database, now)
        self._visits = Visits(database, seal, now)
        self._runs = Runs(database, seal, now)
        self._staging = Staging(database, payloads, reasons, self._visits, now)
        self._sweeping = Sweeping(database, payloads, reasons, self._visits, now)
        self.outbox = Outbox(database, payloads)
        self._claims = Claims(database, seal, payloads, self._leases, self.witness, now)
        self._settlements = Settlements(database, seal, payloads, reasons, self._leases, now)
        self.accounts = Accounts(database, reasons)
        self.conclusions = Conclusions(database)
        self._overview = Overview(database, self._visits, now)
        self.quarantine = Quarantine(database, seal, payloads, reasons, now)
        self._sessions = Sessions(database, seal, now)
        self._decisions = Decisions(database, seal, now)
        self._resets = Resets(database, seal, payloads, reasons, self._decisions, now)
        self.steps = Steps(database, seal, now)
        self.judgements = Judgements(
            database, self._claims, self._settlements, reasons, self._decisions, self._leases, self.steps
        )
        self.undos = Undos(database, seal, self._resets, self.steps, self._decisions, self._leases, now)
        self.quantities = Quantities(database)
        self.journal = Journal(database, seal, now)
        self.questions = Questions(database, seal, self._decisions, now)
        self.compensations = Compensations(database, payloads, reasons, self._decisions, now)
        self.trust = Trust(database, self._decisions, now)
        self._payloads = payloads
        self._inspection = Inspection(database, seal, self.witness)
        self.identity, self.place = seal.identity, database.place
        self.created_at = to_iso(created_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release what is held and let go of the database."""
        self._leases.close()
        self._database.close()

    def copy_to(self, file: Path, *, with_session: bool = False) -> None:
        """Copy the whole ledger into a new SQLite file, under the same key, without the lease."""
        copy_ledger(self._database, file, with_session=with_session)

    def inspect(self, *, deep: bool = False) -> list[Check]:
        """Whether the ledger is whole; `deep` opens every sealed text."""
        return self._inspection.inspect(deep=deep)

    def export(self) -> Iterator[Exported]:
        """Every record, the oldest first."""
        return export(self._database, self._payloads)

    # Runs and staging

    def begin_run(self, pipeline: str, kind: str) -> int:
        """Begin a run; returns its number."""
        return self._runs.begin(pipeline, kind)

    def end_run(self, run_id: int, *, exit_code: int, summary: Mapping[str, object]) -> None:
        """End a run."""
        self._runs.end(run_id, exit_code, summary)

    def note_run(self, run_id: int, summary: Mapping[str, object]) -> None:
        """Keep what a run that is still under way did so far."""
        self._runs.note(run_id, summary)

    def runs(self, limit: int = 20, *, kind: str = "run") -> list[Run]:
        """The last runs of a kind, the newest first."""
        return self._runs.history(limit, kind)

    def watermark(self, mapping: str) -> Watermark | None:
        """Up to where a mapping's rows are staged."""
        return self._staging.watermark(mapping)

    def stage_visits(self, block: RecordBlock, *, open_keys: Collection[str], run_id: int) -> StageCounts:
        """Stage visits and their registrations; `open_keys` are the visits of the block that are open now."""
        return self._staging.stage_visits(block, open_keys, run_id)

    def stage(
        self,
        block: RecordBlock,
        *,
        visits: str,
        watermark: Watermark | None,
        run_id: int,
        overwrites: bool = False,
        take_back: TakeBack | None = None,
    ) -> StageCounts:
        """Stage a block and move the watermark, in one transaction.

        `overwrites`: the platform replaces what it has under the same key (orders), so an accepted row that
        changed in the HIS goes again. `take_back` makes the payload that takes an accepted one back: with it, an
        accepted row that changed is taken back, and goes again once that is accepted.
        """
        return self._staging.stage(
            block, visits, watermark, run_id, overwrites=overwrites, take_back=take_back
        )

    def sweep(
        self, mapping: str, visits: str, visit_keys: Sequence[str], seen: AbstractSet[str], run_id: int
    ) -> SweepCounts:
        """After a complete reading of these visits: void what waits and was not seen, mark what was sent."""
        del run_id  # nothing is kept per run; the marks and states say it all
        return self._sweeping.sweep(mapping, visits, visit_keys, seen)

    # Visits

    def visit_keys(self, visits: str) -> list[str]:
        """Keys of all visits of a visits mapping."""
        return self._visits.keys(visits)

    def open_visits(self, visits: str) -> list[str]:
        """Visits that are open in the HIS, or were at the last run that ended well."""
        return self._visits.open(visits)

    def visits_numbered(self, number: str) -> list[int]:
        """Ids of the visits that have this number at the platform."""
        return self._visits.numbered(number)

    def find_visits(self, name: str) -> list[KnownVisit]:
        """Visits of this number at the platform, or of this key in the HIS."""
        return self._visits.find(name)

    def visits_registered(
        self, operations: Collection[str], since: datetime, until: datetime
    ) -> list[KnownVisit]:
        """Registered visits whose registration went from `since` to before `until`."""
        return self._visits.registered_between(operations, since, until)

    def visits_of(self, visit_ids: Collection[int]) -> list[KnownVisit]:
        """The visits of these ids."""
        return self._visits.of_ids(visit_ids)

    def unread_visits(self, visits: str, mapping: str) -> list[str]:
        """Visits whose rows of `mapping` were never read by visit."""
        return self._visits.unread(visits, mapping)

    def mark_read(self, visits: str, mapping: str, keys: Collection[str]) -> None:
        """These visits' rows of `mapping` were read by visit and staged."""
        self._visits.mark_read(visits, mapping, keys)

    def hold_visit(self, visit_id: int, reason: str) -> None:
        """Hold a visit for a person."""
        self._visits.hold(visit_id, reason)

    def unhold_visit(self, visit_id: int) -> None:
        """Let a visit go on."""
        self._visits.unhold(visit_id)

    def keep_reading(self, visit_id: int, reading: Reading) -> None:
        """Note the platform's totals of a visit."""
        self._visits.keep_reading(visit_id, reading)

    # Delivery

    def together(self) -> AbstractContextManager[None]:
        """One durable commit, at its end, for all that is written inside. Nothing inside may be acted on outside."""
        return self._database.together()

    def due_visits(
        self,
        visits: str,
        mappings: Sequence[str],
        *,
        tolerance: int | None = None,
        second_look: timedelta | None = None,
        changed: Sequence[str] = (),
        leaving: bool = False,
    ) -> list[VisitDue]:
        """Visits with records that wait or open batches; with a `tolerance` also those whose total is not proven."""
        return self._overview.due_visits(
            visits, mappings, tolerance=tolerance, second_look=second_look, changed=changed, leaving=leaving
        )

    def known_visits(self, visits: str, *, tolerance: int) -> list[VisitDue]:
        """Every visit, due or not."""
        return self._overview.known_visits(visits, tolerance=tolerance)

    def claim(self, intents: Sequence[Intent]) -> list[Batch]:
        """Put batches on disk, and the last of them into the witness, before their first byte."""
        return self._claims.claim(intents)

    def answer(self, batch_id: int, outcome: Outcome) -> None:
        """Keep an answer before anybody acts on it."""
        self._claims.answer(batch_id, outcome)

    def answer_of(self, batch_id: int) -> Outcome | None:
        """The answer that was kept, None where there is none."""
        return self._claims.answer_of(batch_id)

    def note_fenced(self, batch_id: int) -> None:
        """A batch in doubt can not arrive late any more."""
        self._claims.note_fenced(batch_id)

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Close batches."""
        self._settlements.settle(settlements)

    def complete_reset(self, batch_id: int, decision_id: int, outcome: Outcome, reason: str) -> int:
        """A visit is empty on the platform: undo what was accepted; returns how many records are read again."""
        return self._resets.complete(batch_id, decision_id, outcome, reason)

    def refuse_reset(self, batch_id: int, decision_id: int, outcome: Outcome, reason: str) -> None:
        """The platform deleted nothing: everything stands as before the reset."""
        self._resets.refuse(batch_id, decision_id, outcome, reason)

    def open_batches(self, visit_id: int) -> list[Batch]:
        """The visit's batches that are not settled."""
        return self._claims.open_batches(visit_id)

    def last_leaving(self, visit_id: int) -> Batch | None:
        """The last batch by which the visit was to leave, if any."""
        return self._claims.last_leaving(visit_id)

    def batch(self, batch_id: int) -> Batch:
        """One batch."""
        return self._claims.batch(batch_id)

    def doubt_orphans(self) -> int:
        """Put the batches of a dead process in doubt; call it once the lease is taken."""
        return self._claims.doubt_orphans()

    def platform_base(self, visit_id: int) -> int:
        """What the platform's total of the visit must be."""
        return self._claims.platform_base(visit_id)

    # Decisions of people

    def keep_decision(self, decision: Decision, *, is_done: bool = True) -> int:
        """Keep what a person decided; it is pending unless `is_done`. Returns its number."""
        return self._decisions.keep(decision, is_done=is_done)

    def finish_decision(self, decision_id: int) -> None:
        """A pending decision is carried out."""
        self._decisions.finish(decision_id)

    def pending_decisions(self, visit_id: int) -> list[KeptDecision]:
        """A visit's decisions that wait to be carried out."""
        return self._decisions.pending(visit_id)

    def decisions(self, visit_id: int | None = None, limit: int = 100) -> list[KeptDecision]:
        """What was decided, of all visits or of one, the newest first."""
        return self._decisions.history(visit_id, limit)

    # Session and lease

    def put_session(self, account: str, sessionid: str) -> None:
        """Keep a session before its first use."""
        self._sessions.put(account, sessionid)

    def stored_session(self, account: str) -> str:
        """The session kept for an account, or ""."""
        return self._sessions.stored(account)

    def drop_session(self, account: str) -> None:
        """Forget a session that is closed."""
        self._sessions.drop(account)

    def take_lease(self, owner: str, *, ttl_s: float, only_asks: bool = False) -> Lease:
        """Become the one process that delivers, and compare the ledger with its witness. Raises LeaseHeld, LedgerError.

        `only_asks`: nothing will be claimed, so the witness is not needed.
        """
        lease = self._leases.take(owner, ttl_s)
        try:
            if not only_asks:
                self.witness.heed()
        except BaseException:
            self._leases.release(lease)
            raise
        return lease

    def keep_lease(self, lease: Lease) -> None:
        """Keep the lease; cheap enough for every turn of a loop. Raises LeaseHeld when it was lost."""
        self._leases.keep(lease)

    def release_lease(self, lease: Lease) -> None:
        """Give the lease back."""
        self._leases.release(lease)

    # What people see

    def visit_totals(self, visits: str) -> list[VisitTotals]:
        """Every visit in rows and amounts."""
        return self._overview.visit_totals(visits)

    def all_open_batches(self) -> list[OpenBatch]:
        """Every batch that is not settled, with its age."""
        return self._overview.open_batches()

    def marked(self, limit: int = 100) -> list[Marked]:
        """Sent records that the HIS shows differently by now, or not any more."""
        return self._overview.marked(limit)
