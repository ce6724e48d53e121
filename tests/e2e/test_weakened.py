"""Each weaker design of the protocol's table of counterexamples, as a small change of the real connector.

On its schedule the weaker connector must lose a row or send one twice, and the comparison must see it; the connector
as it is must come through the same schedule. Where two defences stand in the way, both are taken away (a lost ledger
is noticed by its witness too).
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

import connector.pipeline.courier
import connector.pipeline.resolve
import connector.pipeline.visit
from connector.errors import LeaseHeld, LedgerError
from connector.ledger.claims import Settlement
from connector.ledger.database import Database
from connector.ledger.decisions import Decision
from connector.ledger.judgements import RESET
from connector.ledger.leases import Lease, Leases
from connector.ledger.staging import Staging
from connector.ledger.store import Ledger
from connector.ledger.witness import Witness
from connector.load.client import PlatformClient
from connector.pipeline import compose, removing
from connector.pipeline.compose import Composition
from connector.pipeline.sessions import SessionKeeper
from connector.pipeline.settling import Explanation, Fit, fits
from connector.records import BatchState, RecordBlock, Verdict
from tests.audit import accepted, audit, stored
from tests.e2e.striking import LAG_S, Killed, lag, two_rows, watch
from tests.ward import Ward

TWICE, LOST = "twice", "lost"
LATE_S = 1700
"""So late, but within the settle time, takes effect what is under way."""

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Case:
    """A schedule, the change that makes the connector too weak for it, and what then happens.

    `is_reset`: a person lets all rows be deleted and sent once more, so that only what is there in the end counts.
    """

    schedule: Callable[[Ward, Patch], None]
    weaken: Callable[[Ward, Patch], None]
    result: str
    is_reset: bool = field(default=False, kw_only=True)
    begin: dict[str, Any] = field(default_factory=dict)


# -- ways to be weaker ---------------------------------------------------------------------------------------------


def _both(*ways: Callable[[Ward, Patch], None]) -> Callable[[Ward, Patch], None]:
    def weaken(ward: Ward, patch: Patch) -> None:
        for way in ways:
            way(ward, patch)

    return weaken


def _with(name: str, value: object) -> Callable[[Ward, Patch], None]:
    """A setting of connector.yaml."""

    def weaken(ward: Ward, patch: Patch) -> None:
        file = ward.directory / "connector.yaml"
        text = re.sub(rf"\b{name}: [^,}}]+", f"{name}: {value}", file.read_text(encoding="utf-8"))
        file.write_text(text, encoding="utf-8")

    return weaken


no_wait = _with("settle_s", 0)
no_lag = _with("read_lag_s", 0)


def no_checks(ward: Ward, patch: Patch) -> None:
    """Totals are never compared with the ledger, neither before sending nor after."""

    def nothing(*args: object, **options: object) -> Iterator[None]:
        yield from ()

    patch.setattr(connector.pipeline.visit, "_check_base", nothing)


def no_fence(ward: Ward, patch: Patch) -> None:
    patch.setattr(SessionKeeper, "renew", lambda self: None)


def first_fit(ward: Ward, patch: Patch) -> None:
    """A total as before the batch means that nothing is there, without a look at what else would explain it."""

    def explain(base: int, amounts: list[int], total: int, **_: object) -> Explanation:
        if fits(total, base):
            return Explanation(Fit.NONE)
        return Explanation(Fit.ALL if fits(total, base + sum(amounts)) else Fit.NEITHER)

    patch.setattr(connector.pipeline.resolve, "explain", explain)


def mixed_signs(ward: Ward, patch: Patch) -> None:
    def together(records: list, *, batch_rows: int, **_: object) -> Composition:
        batches = [tuple(records[n : n + batch_rows]) for n in range(0, len(records), batch_rows)]
        return Composition(tuple(batches), ())

    patch.setattr(connector.pipeline.visit, "compose", together)


def resend(ward: Ward, patch: Patch) -> None:
    """No answer: once more."""
    call = PlatformClient.call

    def again(self: Any, operation: Any, body: bytes, sessionid: str, **more: Any) -> Any:
        outcome = call(self, operation, body, sessionid, **more)
        is_lost = operation.method == "sendMedInfo" and outcome.verdict is Verdict.IN_DOUBT
        return call(self, operation, body, sessionid, **more) if is_lost else outcome

    patch.setattr(PlatformClient, "call", again)


def unmark(ward: Ward, patch: Patch) -> None:
    """Rows without an answer are rows that were not sent."""

    def release(desk: Any, visit: Any, batch: Any, outcome: Any) -> Iterator[None]:
        desk.ledger.settle([Settlement(batch.id, BatchState.RELEASED, "totals", "")])
        yield from ()

    patch.setattr(connector.pipeline.visit, "resolve", release)


def forget(ward: Ward, patch: Patch) -> None:
    """What is sent is only known by the watermark, which moves when a run ends well."""
    run, ledger = ward.run, ward.directory / "ledger.db"
    shutil.copy(ledger, ledger.with_suffix(".empty"))

    def run_it() -> Any:
        with ward.parts().open_ledger() as opened:
            is_unfinished = bool(opened.all_open_batches())
        if is_unfinished:
            shutil.copy(ledger.with_suffix(".empty"), ledger)
        return run()

    patch.setattr(ward, "run", run_it)


def watermark_first(ward: Ward, patch: Patch) -> None:
    stage = Staging.stage

    def staged(
        self: Staging, block: RecordBlock, visits: str, watermark: Any, run_id: int, **options: Any
    ) -> Any:
        stage(self, _part(block, []), visits, watermark, run_id, **options)
        return stage(self, block, visits, None, run_id, **options)

    patch.setattr(Staging, "stage", staged)


def by_content(ward: Ward, patch: Patch) -> None:
    """Equal rows are one row."""
    stage = Staging.stage

    def staged(self: Staging, block: RecordBlock, *args: Any, **options: Any) -> Any:
        first = {payload: n for n, payload in reversed(list(enumerate(block.payloads)))}
        return stage(self, _part(block, sorted(first.values())), *args, **options)

    patch.setattr(Staging, "stage", staged)


def _part(block: RecordBlock, chosen: list[int]) -> RecordBlock:
    columns = ("keys", "visits", "fingerprints", "payloads", "amounts", "categories", "refund_of")
    return replace(block, **{name: [getattr(block, name)[n] for n in chosen] for name in columns})


def in_order(ward: Ward, patch: Patch) -> None:
    """Nothing comes behind the watermark."""
    file = ward.directory / "mappings" / "fees.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r", lookback: \d+", "", text), encoding="utf-8")


def no_sync(ward: Ward, patch: Patch) -> None:
    prepare = Database._prepare

    def prepare_it(self: Database) -> None:
        prepare(self)
        self._cursor.execute("PRAGMA synchronous = OFF")

    patch.setattr(Database, "_prepare", prepare_it)


def no_witness(ward: Ward, patch: Patch) -> None:
    patch.setattr(Witness, "_knows", lambda *_: True)


def counted(ward: Ward, patch: Patch) -> None:
    """The witness is a counter: a ledger that has claimed as often is the one it knows."""
    patch.setattr(Witness, "_knows", lambda self, link, found, own: found.batch <= own.batch)


def no_quiet(ward: Ward, patch: Patch) -> None:
    """A new ledger does not wait until requests of a lost one would have shown."""
    patch.setattr(connector.pipeline.visit, "await_quiet", lambda desk, visit: iter(()))


def believe_zero(ward: Ward, patch: Patch) -> None:
    """A deletion without an answer is done where the total is zero."""
    must_be_done = removing._must_be_done

    def believed(desk: Any, visit: Any, removal: Any, batch: Any, outcome: Any) -> Iterator[Any]:
        if outcome.verdict is Verdict.IN_DOUBT and removal.is_gone((yield from removing._look(desk, visit))):
            return
        yield from must_be_done(desk, visit, removal, batch, outcome)

    patch.setattr(removing, "_must_be_done", believed)
    patch.setattr(removing, "_ASKS", 1)


def at_once(ward: Ward, patch: Patch) -> None:
    """What a deletion without an answer may still do is not waited for."""
    patch.setattr(removing, "_fence", lambda desk, batch: iter(()))


def believe_errors(ward: Ward, patch: Patch) -> None:
    """An error means that nothing was saved."""
    charges = connector.pipeline.resolve._resolve_charges

    def believed(desk: Any, visit: Any, batch: Any, records: Any, outcome: Any) -> Iterator[Any]:
        if outcome is not None and outcome.verdict is Verdict.REJECTED:
            connector.pipeline.resolve._refuse(desk, batch, records, outcome)
            return
        yield from charges(desk, visit, batch, records, outcome)

    patch.setattr(connector.pipeline.resolve, "_resolve_charges", believed)


def believe_yes(ward: Ward, patch: Patch) -> None:
    """A yes means that everything was saved."""
    patch.setattr(
        connector.pipeline.courier,
        "_is_plain_yes",
        lambda batch, outcome: outcome.verdict is Verdict.ACCEPTED,
    )


def believe_parts(ward: Ward, patch: Patch) -> None:
    """A part that fits the total is the part that was saved."""
    charges, explain = connector.pipeline.resolve._settle_silence, connector.pipeline.resolve._explain

    def believed(desk: Any, visit: Any, batch: Any, records: Any, outcome: Any) -> Iterator[Any]:
        found = yield from explain(desk, visit, batch, records, None)
        if found.fit is Fit.PART:
            connector.pipeline.resolve._settle_part(desk, batch, records, found, len(found.part))
            return
        yield from charges(desk, visit, batch, records, outcome)

    patch.setattr(connector.pipeline.resolve, "_settle_silence", believed)


def all_detectable(ward: Ward, patch: Patch) -> None:
    patch.setattr(compose, "is_detectable", lambda *amount_and_tolerance: True)


def _orphans(state: BatchState) -> Callable[[Ward, Patch], None]:
    """What a dead process had in flight counts as sent, or as not sent."""

    def weaken(ward: Ward, patch: Patch) -> None:
        doubt = Ledger.doubt_orphans

        def decide(self: Ledger) -> int:
            count = doubt(self)
            self.settle([Settlement(one.id, state, "totals", "") for one in self.all_open_batches()])
            return count

        patch.setattr(Ledger, "doubt_orphans", decide)

    return weaken


def no_lock(ward: Ward, patch: Patch) -> None:
    patch.setattr(Leases, "take", lambda self, owner, ttl_s: Lease(owner, 1, ttl_s))
    for name in ("keep", "release", "check"):
        patch.setattr(Leases, name, lambda self, argument: None)


def one_session(ward: Ward, patch: Patch) -> None:
    """A process goes on with the session that it finds, and nobody ever closes it."""
    no_fence(ward, patch)
    open_it = SessionKeeper.open

    def reuse(self: SessionKeeper) -> None:
        self._sessionid = self._store.stored_session(self._account)
        if not self._sessionid:
            open_it(self)

    patch.setattr(SessionKeeper, "open", reuse)
    patch.setattr(SessionKeeper, "close", lambda self: None)


# -- schedules -----------------------------------------------------------------------------------------------------


def two_go(ward: Ward, patch: Patch) -> None:
    two_rows(ward)
    ward.run_until_quiet()


def lost_between_runs(ward: Ward, patch: Patch) -> None:
    """The answer is lost, and the run is stopped before it knows."""
    two_rows(ward)
    ward.time.on_sleep = lambda seconds: ward.stop.set()
    ward.run()
    ward.stop.clear()
    ward.time.on_sleep = lambda seconds: None
    ward.run_until_quiet()


def disk_full_once(ward: Ward, patch: Patch) -> None:
    ward.stay(1)
    ward.fee(1)
    ward.run()
    ward.fee(1, "20.00")
    apply = Staging._apply

    def fail(self: Staging, link: Any, mapping: int, visits: int, block: RecordBlock, **options: Any) -> Any:
        if block.mapping == "fees" and block.keys:
            raise LedgerError("the disk is full")
        return apply(self, link, mapping, visits, block, **options)

    with patch.context() as full:
        full.setattr(Staging, "_apply", fail)
        with pytest.raises(LedgerError):
            ward.run()
    ward.run_until_quiet()


def late_row(ward: Ward, patch: Patch) -> None:
    ward.stay(1)
    ward.fee(1, key=20)
    ward.run()
    ward.fee(1, "20.00", key=15)
    ward.run_until_quiet()


def equal_rows(ward: Ward, patch: Patch) -> None:
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "10.00")
    ward.run_until_quiet()


def power_fails(ward: Ward, patch: Patch) -> None:
    """A charge and its refund are sent; then the machine loses what was never synchronised."""
    kept = [(file, file.read_bytes()) for file in ward.directory.glob("ledger.db*")]
    ending = Database._ending

    @contextmanager
    def synchronised(self: Database) -> Iterator[None]:
        with ending(self):
            yield
        if not self.read_only and self._cursor.execute("PRAGMA synchronous").fetchone()[0] >= 2:
            kept[:] = [(file, file.read_bytes()) for file in ward.directory.glob("ledger.db*")]

    ward.stay(1)
    original = ward.fee(1, "10.00")
    ward.fee(1, "-10.00", quantity="-1", refund=original)
    with patch.context() as watched:
        watched.setattr(Database, "_ending", synchronised)
        ward.run()
    for file in ward.directory.glob("ledger.db*"):
        file.unlink()
    for file, content in kept:
        file.write_bytes(content)
    ward.run_until_quiet()


def brought_back(ward: Ward, patch: Patch) -> None:
    """What comes to nothing was sent after the copy was made that now takes the ledger's place."""
    ward.stay(1)
    ward.run()
    copy = shutil.copy(ward.directory / "ledger.db", ward.directory / "copy")
    _pair(ward)
    ward.run_until_quiet()
    shutil.copy(copy, ward.directory / "ledger.db")
    ward.run_until_quiet()


def brought_back_twice(ward: Ward, patch: Patch) -> None:
    """Two claims that were never sent are in the copy; the ledger before them claims two others, and sends those."""
    ward.stay(1)
    ward.run()
    ledger = ward.directory / "ledger.db"
    early = shutil.copy(ledger, ward.directory / "early")
    ward.fee(1, "5.00")

    def die(method: str, body: bytes) -> None:
        if method == "sendMedInfo":
            raise Killed

    for _ in range(2):
        with patch.context() as dying:
            watch(dying, before=die)
            with pytest.raises(Killed):
                ward.run()
    late = shutil.copy(ledger, ward.directory / "late")
    shutil.copy(early, ledger)
    ward.run()
    with ward.parts().open_ledger() as opened:
        opened.trust.clear([one.visit_id for one in opened.trust.suspects()])
    ward.change("DELETE FROM fee")
    _pair(ward)
    ward.run_until_quiet()
    shutil.copy(late, ledger)
    ward.run_until_quiet()


def lost_on_the_way(ward: Ward, patch: Patch) -> None:
    """The ledger is lost with its witness while its upload is under way, and takes effect a good while later."""
    ward.stay(1)
    ward.fee(1, "10.00")

    def die(method: str, body: bytes) -> None:
        if method == "sendMedInfo":
            raise Killed

    with patch.context() as dying:
        watch(dying, after=die)
        with pytest.raises(Killed):
            ward.run()
    for file in ward.directory.glob("ledger.[dw]*"):
        file.unlink()
    with ward.parts().open_ledger(create=True):
        pass
    _release_late(ward)
    ward.run()
    ward.simulator.release()
    ward.run_until_quiet()


def deletion_lost(ward: Ward, patch: Patch) -> None:
    """A visit that comes to nothing is to be sent anew, and the request that deletes its fees never arrives."""
    ward.stay(1)
    _pair(ward)
    ward.run_until_quiet()
    _approve_reset(ward)
    ward.simulator.switch_on("N.lose_request:invalidData@1")
    ward.run_until_quiet()


def deletion_late(ward: Ward, patch: Patch) -> None:
    """The process dies while the platform deletes; that deletion takes effect a good while later."""
    two_rows(ward)
    ward.run_until_quiet()
    _approve_reset(ward)
    delay = {"fault": "P.delay_post_session", "operation": "invalidData", "times": 1, "delay_s": 3600}
    ward.simulator.switch_on(delay)

    def die(method: str, body: bytes) -> None:
        if method == "invalidData":
            raise Killed

    with patch.context() as dying:
        watch(dying, after=die)
        with pytest.raises(Killed):
            ward.run()
    _release_late(ward)
    ward.run_until_quiet()
    ward.simulator.release()


def _approve_reset(ward: Ward) -> None:
    with ward.parts().open_ledger() as ledger:
        (visit,) = ledger.find_visits("V1")
        ledger.judgements.approve_reset(Decision(RESET, "approved", "dba", "to be sure", visit.visit_id))


def _release_late(ward: Ward) -> None:
    """What the platform delays takes effect after `LATE_S`, if the connector is still at it then."""
    begun = ward.time.now

    def release(_seconds: float) -> None:
        if ward.simulator.pending and (ward.time.now - begun).total_seconds() > LATE_S:
            ward.simulator.release()

    ward.time.on_sleep = release


def _pair(ward: Ward) -> None:
    ward.fee(1, "-10.00", quantity="-1", refund=ward.fee(1, "10.00"))


def charge_and_refund(ward: Ward, patch: Patch) -> None:
    ward.stay(1)
    original = ward.fee(1, "10.00")
    ward.fee(1, "-10.00", quantity="-1", refund=original)
    ward.run_until_quiet()


def _of_three(fault: str, keep: list[int], last: str) -> Callable[[Ward, Patch], None]:
    """{+10, -10, and one more}, of which the platform saves a part."""

    def play(ward: Ward, patch: Patch) -> None:
        ward.stay(1)
        original = ward.fee(1, "10.00")
        ward.run()
        ward.fee(1, "10.00", item="XB22")
        ward.fee(1, "-10.00", quantity="-1", refund=original)
        ward.fee(1, last, item="XC33")
        ward.simulator.switch_on({"fault": fault, "keep": keep, "times": 1})
        ward.run_until_quiet()

    return play


def comes_late(ward: Ward, patch: Patch) -> None:
    """The first request takes effect when the connector sends again, or shortly before its time is up."""
    two_rows(ward)
    begun: list[Any] = []

    def release(method: str = "", body: bytes = b"") -> None:
        if method == "sendMedInfo":
            begun.append(ward.time.now)
        is_due = begun and (ward.time.now - begun[0]).total_seconds() > LAG_S + 1700
        if ward.simulator.pending and (is_due or len(begun) > 1):
            ward.simulator.release()

    watch(patch, release)
    ward.time.on_sleep = lambda seconds: release()
    ward.run_until_quiet()


def waits_for_its_session(ward: Ward, patch: Patch) -> None:
    two_rows(ward)
    uploads: list[str] = []

    def after(method: str, body: bytes) -> None:
        uploads.extend([method] * (method == "sendMedInfo"))
        if len(uploads) > 1 and ward.simulator.pending:
            ward.simulator.release()

    watch(patch, after=after)
    ward.run_until_quiet()


def partly(fault: str, *, lagging: bool = False) -> Callable[[Ward, Patch], None]:
    """Only the first of two rows is saved."""

    def play(ward: Ward, patch: Patch) -> None:
        two_rows(ward)
        ward.simulator.switch_on({"fault": fault, "keep": [0], "times": 1})
        if lagging:
            lag(patch, ward, from_upload=1)
        ward.run_until_quiet()

    return play


def by_hand_before(ward: Ward, patch: Patch) -> None:
    ward.stay(1)
    ward.fee(1, "5.00")
    ward.run()
    ward.simulator.add_fees_by_hand("V1", Decimal(10))
    ward.fee(1, "10.00")
    ward.simulator.switch_on("N.lose_request:sendMedInfo")
    ward.run_until_quiet()


def by_hand_meanwhile(ward: Ward, patch: Patch) -> None:
    two_rows(ward)
    by_hand = [Decimal(10)]
    ward.time.on_sleep = lambda seconds: by_hand and ward.simulator.add_fees_by_hand("V1", by_hand.pop())
    ward.run_until_quiet()


def tiny(ward: Ward, patch: Patch) -> None:
    ward.stay(1)
    ward.fee(1, "0.0040")
    ward.run_until_quiet()


def second_process(ward: Ward, patch: Patch) -> None:
    """Another process starts and ends while the first is about to send."""
    two_rows(ward)
    started: list[str] = []

    def second(method: str, body: bytes) -> None:
        if method == "sendMedInfo" and not started:
            started.append(method)
            try:
                ward.run()
            except LeaseHeld:
                started.append("kept out")

    watch(patch, second)
    with suppress(LedgerError):  # what the first is told is settled already
        ward.run()
    ward.run_until_quiet()


def _dies(moment: str) -> Callable[[Ward, Patch], None]:
    def play(ward: Ward, patch: Patch) -> None:
        two_rows(ward)

        def die(method: str, body: bytes) -> None:
            if method == "sendMedInfo":
                raise Killed

        with patch.context() as dying:
            watch(dying, **{moment: die})
            with pytest.raises(Killed):
                ward.run()
        ward.run_until_quiet()

    return play


def lagging_refund(ward: Ward, patch: Patch) -> None:
    ward.stay(1)
    original = ward.fee(1, "10.00")
    ward.fee(1, "-10.00", quantity="-1", refund=original)
    ward.simulator.switch_on("N.lose_request:sendMedInfo@2")
    lag(patch, ward, from_upload=2)
    ward.run_until_quiet()


NO_ANSWER = {"platform": {"faults": ["N.sent_no_answer:sendMedInfo@1"]}}
NO_RULES = {"platform": {**NO_ANSWER["platform"], "check_rules": False, "keep_rows": True}}
SEQUENCE = {"changes": "{by: sequence, column: id}"}
LATE = {"platform": {"faults": [{"fault": "P.delay_post_session", "at": 1, "delay_s": 3600}]}}
STUCK = {"platform": {"faults": [{"fault": "P.delay_pre_session", "at": 1, "delay_s": 3600}]}}
LOSE = {"platform": {"faults": ["N.lose_request:sendMedInfo@1"]}}
mixed = _both(mixed_signs, first_fit)

CASES = {
    "W01": Case(two_go, resend, TWICE, NO_ANSWER),
    "W02": Case(two_go, _both(unmark, no_checks), TWICE, NO_ANSWER),
    "W03": Case(lost_between_runs, _both(forget, no_checks, no_witness), TWICE, NO_ANSWER),
    "W04": Case(disk_full_once, watermark_first, LOST, SEQUENCE),
    "W05": Case(late_row, in_order, LOST, {"changes": "{by: sequence, column: id, lookback: 10}"}),
    "W06": Case(equal_rows, by_content, LOST),
    "W07": Case(power_fails, _both(no_sync, no_witness), TWICE),
    "W08": Case(charge_and_refund, mixed, TWICE, NO_RULES),
    "W09": Case(_of_three("P.partial_error", [0, 1], "5.00"), mixed, TWICE),
    "W10": Case(comes_late, _both(no_fence, no_wait), TWICE, LATE),
    "W11": Case(comes_late, no_wait, TWICE, LATE),
    "W12": Case(waits_for_its_session, no_fence, TWICE, STUCK),
    "W13": Case(partly("P.partial_error"), _both(believe_errors, no_checks), TWICE),
    "W14": Case(partly("P.partial_counts"), _both(believe_yes, no_checks), LOST),
    "W15": Case(by_hand_before, no_checks, LOST),
    "W16": Case(tiny, _both(all_detectable, first_fit), TWICE, NO_ANSWER),
    "W17": Case(brought_back, no_witness, TWICE),
    "W18, W19": Case(second_process, _both(no_lock, one_session), TWICE),
    "W20": Case(deletion_lost, believe_zero, TWICE, is_reset=True),
    "W21": Case(deletion_late, at_once, LOST, is_reset=True),
    "W22": Case(partly("P.partial_error", lagging=True), no_lag, TWICE),
    "W23": Case(_of_three("P.partial_silent", [0], "10.00"), mixed, LOST),
    "W24": Case(by_hand_meanwhile, believe_parts, LOST, LOSE),
    "W25": Case(lost_on_the_way, no_quiet, TWICE, LATE),
    "W26": Case(_dies("after"), _both(_orphans(BatchState.RELEASED), no_checks), TWICE),
    "W27": Case(_dies("before"), _both(_orphans(BatchState.ACCEPTED), no_checks), LOST),
    "W28": Case(brought_back_twice, counted, TWICE),
    "W29": Case(lagging_refund, no_lag, LOST),
}


def see(ward: Ward, case: Case) -> set[str]:
    """What a comparison of HIS, ledger and platform shows: rows there twice, rows taken for sent that are not."""
    found = audit(ward)
    had = Counter({(item, amount): count for (_, item, amount), count in ward.versions.items()})
    is_twice = bool(stored(ward, 1) - had) if case.is_reset else bool(found.twice)
    with ward.parts().open_ledger(read_only=True) as ledger:
        is_wrongly_accepted = bool(accepted(ward, ledger, 1) - stored(ward, 1))
    return ({TWICE} if is_twice else set()) | ({LOST} if found.lost or is_wrongly_accepted else set())


@pytest.mark.parametrize("number", CASES)
def test_the_weaker_connector_fails_as_described(start, monkeypatch, number):
    case = CASES[number]
    ward = start(**case.begin)
    case.weaken(ward, monkeypatch)
    case.schedule(ward, monkeypatch)
    assert case.result in see(ward, case)


@pytest.mark.parametrize("number", CASES)
def test_the_connector_comes_through_the_same_schedule(start, monkeypatch, number):
    case = CASES[number]
    ward = start(**case.begin)
    case.schedule(ward, monkeypatch)
    assert see(ward, case) == set()
    found = audit(ward)
    assert (found.lost, found.different) == ([], [])


def test_without_its_lock_alone_a_second_process_closes_the_first_ones_session(start, monkeypatch):
    """What W18 and W19 take away together are two defences, each of which is enough here."""
    ward = start()
    no_lock(ward, monkeypatch)
    second_process(ward, monkeypatch)
    assert see(ward, CASES["W18, W19"]) == set()
