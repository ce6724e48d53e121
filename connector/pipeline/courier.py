"""The delivery loop: many visits at once over one session, and the only place that sends.

Routines (`visit`, `resolve`) say what they want next. Each turn of the loop takes in the answers that have come,
lets their visits go on, and claims the batches they want, all in one durable commit; only then does it send them,
from a few threads. It alone knows the session, fences it, and stops cleanly: on a stop nothing new is claimed,
calls in flight are waited for and recorded. While the platform fails as a whole (`breaker`), everything waits but
a query now and then.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any

from connector.errors import LeaseHeld, LedgerError, PlatformError
from connector.ledger.claims import Batch, Settlement
from connector.ledger.overview import VisitDue
from connector.load.client import PlatformClient
from connector.load.judge import system_error
from connector.pipeline import messages
from connector.pipeline.breaker import EQUAL_ERRORS, Breaker, Position
from connector.pipeline.desk import Desk, RunStopped
from connector.pipeline.guards import Breach, explain_doubt
from connector.pipeline.progress import Progress
from connector.pipeline.recording import Tray
from connector.pipeline.sessions import SessionKeeper
from connector.pipeline.steps import Ask, Fence, Look, Sent, Step, Steps, Upload, Wait
from connector.pipeline.visit import deliver_visit
from connector.records import BatchState, Outcome, Verdict

Way = Callable[[Desk, VisitDue], Steps]
"""What to do with a visit: everything it is due for, or only a part of that."""

_ASKS = 3
"""How often a query is tried; queries have no effect, so a repeat is harmless."""

_POLL_S = 0.5
_KEEP_LEASE_S = 5.0


@dataclass(slots=True)
class _Routine:
    """A visit under way: its generator, what it is to be resumed with, and how often its query was tried."""

    steps: Steps
    value: object = None
    asked: int = 0


@dataclass(frozen=True, slots=True)
class _Query:
    """A query in flight."""

    routine: _Routine
    ask: Ask


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A batch in flight."""

    routine: _Routine
    batch: Batch


@dataclass(frozen=True, slots=True)
class _Probe:
    """A query in flight that only asks whether the platform works again."""


@dataclass(frozen=True, slots=True)
class _Glance:
    """A look elsewhere under way."""

    routine: _Routine


_Flight = _Query | _Parcel | _Probe | _Glance
_Answer = tuple[_Flight, Any]
"""What came of a flight: an outcome, or, of a look, whatever it read."""


@dataclass(slots=True)
class Courier:
    """One run of the loop.

    `breaker` is its state at the beginning; `guard` tells why no batch may be claimed; `monotonic` and `sleep` are
    the clock's; `is_stopping` is asked at every turn.
    """

    desk: Desk
    client: PlatformClient
    sessions: SessionKeeper
    breaker: Breaker
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    is_stopping: Callable[[], bool]
    keep_lease: Callable[[], None]
    guard: Callable[[], Breach | None]
    progress: Progress
    tray: Tray
    _ready: deque[_Routine] = field(default_factory=deque, init=False)
    _uploads: list[tuple[_Routine, Upload]] = field(default_factory=list, init=False)
    _flying: dict[Future[Any], _Flight] = field(default_factory=dict, init=False)
    _landed: SimpleQueue[Future[Any]] = field(default_factory=SimpleQueue, init=False)
    _parked: list[tuple[float, _Routine]] = field(default_factory=list, init=False)
    _fenced: list[tuple[_Routine, Ask | None]] = field(default_factory=list, init=False)
    _asks: list[tuple[_Routine, Ask]] = field(default_factory=list, init=False)
    _looks: list[tuple[_Routine, Look]] = field(default_factory=list, init=False)
    _due: tuple[VisitDue, ...] = field(default=(), init=False)
    _trouble: str = field(default="", init=False)
    _breach: Breach | None = field(default=None, init=False)
    _doubtful: frozenset[int] = field(default=frozenset(), init=False)
    _lease_kept: float = field(default=float("-inf"), init=False)

    def deliver(self, visits: Iterable[VisitDue], way: Way = deliver_visit) -> None:
        """Take every visit as far as its `way` leads; returns when all are done, parked visits included.

        Visits with a batch in doubt come first: their waiting begins at once.
        """
        self._doubtful = frozenset(batch.visit_id for batch in self.desk.ledger.all_open_batches())
        self._due = tuple(sorted(visits, key=lambda visit: visit.visit_id not in self._doubtful))
        todo = deque(self._due)
        self.progress.start("visits", len(todo))
        with ThreadPoolExecutor(self.desk.rules.visits_in_flight, thread_name_prefix="call") as pool:
            answers: list[_Answer] = []
            while True:
                self._prolong_lease(answers)
                with self.desk.ledger.together():
                    self._take_in(answers)
                    self.tray.write(self.desk.ledger)
                    if self._must_stop():
                        todo.clear()
                        self._abandon()
                    self._advance()
                    while not self.desk.report.stopped and self._start(todo, way):
                        self._advance()  # a visit that ends makes room for the next
                    claimed = self._claim()
                    self._end_if_stuck(todo)
                self._send(pool, claimed)
                self._probe(pool)
                self._fence(pool)
                if not (todo or self._has_work()):
                    break
                answers = self._collect()
        self.progress.finish("visits")

    def _has_work(self) -> bool:
        """Whether any routine is under way."""
        queues = (
            self._ready,
            self._flying,
            self._parked,
            self._fenced,
            self._uploads,
            self._asks,
            self._looks,
        )
        return any(queues)

    def _prolong_lease(self, answers: Iterable[_Answer]) -> None:
        """Keep the lease now and then; LeaseHeld when another process has taken it meanwhile.

        What has been answered until then is written down all the same, where the other has not settled it.
        """
        now = self.monotonic()
        if now - self._lease_kept < _KEEP_LEASE_S:
            return
        try:
            self.keep_lease()
        except LeaseHeld:
            with suppress(LedgerError, LeaseHeld), self.desk.ledger.together():
                self._take_in(answers)
            raise
        self._lease_kept = now

    def _must_stop(self) -> bool:
        """Whether nothing new may be begun."""
        if self.is_stopping() and not self.desk.report.stopped:
            self.desk.report.stopped = "stopped on request"
        elif self.breaker.position is Position.GIVEN_UP and not self.desk.report.stopped:
            self.desk.report.stopped = self._explain_end()
        return bool(self.desk.report.stopped)

    def _abandon(self) -> None:
        """Drop every routine that has nothing in flight: what it had open stays in the ledger as it is."""
        parked = [routine for _, routine in self._parked]
        waiting = [routine for routine, _ in (*self._fenced, *self._uploads, *self._asks, *self._looks)]
        for routine in (*self._ready, *parked, *waiting):
            routine.steps.close()
        for queue in (self._ready, self._parked, self._fenced, self._uploads, self._asks, self._looks):
            queue.clear()

    def _start(self, todo: deque[VisitDue], way: Way) -> bool:
        """Begin as many visits as may be under way at once; whether any was begun.

        While a guard lets nothing go, those in doubt alone.
        """
        left = len(todo)
        waiting = [] if self._breach else self._uploads
        busy = sum(map(len, (self._ready, self._flying, self._fenced, waiting, self._asks, self._looks)))
        while todo and busy < self.desk.rules.visits_in_flight:
            if self._breach and todo[0].visit_id not in self._doubtful:
                break
            self._ready.append(_Routine(way(self.desk, todo.popleft())))
            busy += 1
        return len(todo) < left

    def _advance(self) -> None:
        """Resume every routine that has its answer, up to its next step."""
        while self._ready:
            routine = self._ready.popleft()
            try:
                step = routine.steps.send(routine.value)
            except StopIteration:
                self.progress.advance("visits")
                continue
            except RunStopped as stopped:
                self.desk.report.stopped = str(stopped)
                continue
            routine.value, routine.asked = None, 0
            self._take(routine, step)

    def _take(self, routine: _Routine, step: Step) -> None:
        """Put a routine where its step belongs."""
        match step:
            case Upload():
                self._uploads.append((routine, step))
            case Wait(seconds=seconds):
                self._parked.append((self.monotonic() + seconds, routine))
            case Fence():
                self._fenced.append((routine, None))
            case Ask():
                self._asks.append((routine, step))
            case Look():
                self._looks.append((routine, step))

    def _claim(self) -> list[tuple[Upload, _Parcel]]:
        """Claim all wanted batches; they may be sent once the turn's commit is on disk."""
        if not self._uploads or self._fenced or self.desk.report.stopped:
            return []
        self._breach = self.guard()
        # A reset ends a doubt, and goes in spite of the guard.
        held = [one for one in self._uploads if self._breach and not one[1].intent.is_reset]
        ready = [one for one in self._uploads if not self._breach or one[1].intent.is_reset]
        in_flight = sum(isinstance(flight, _Parcel) for flight in self._flying.values())
        allowed = self.breaker.allow(len(ready), in_flight=in_flight)
        uploads, self._uploads = ready[:allowed], [*held, *ready[allowed:]]
        if not uploads:
            return []
        session = self.sessions.digest()
        batches = self.desk.ledger.claim([replace(upload.intent, session=session) for _, upload in uploads])
        return [
            (upload, _Parcel(routine, batch))
            for (routine, upload), batch in zip(uploads, batches, strict=True)
        ]

    def _end_if_stuck(self, todo: deque[VisitDue]) -> None:
        """End the run when a guard lets nothing go and nothing is left that could settle a doubt."""
        moving = (self._ready, self._flying, self._parked, self._fenced, self._asks, self._looks)
        if self._breach and not any(moving) and not (todo and todo[0].visit_id in self._doubtful):
            self.desk.report.breach = self._breach
            self.desk.report.stopped = explain_doubt(self._breach)

    def _send(self, pool: ThreadPoolExecutor, claimed: Iterable[tuple[Upload, _Parcel]]) -> None:
        """Send the batches that are on disk, and the queries; begin the looks."""
        for upload, parcel in claimed:
            self._fly(pool, upload, parcel)
        for routine, look in self._looks:
            self._launch(pool.submit(look.read), _Glance(routine))
        self._looks.clear()
        if self.breaker.is_open:
            return
        for routine, ask in self._asks:
            self._fly(pool, ask, _Query(routine, ask))
        self._asks.clear()

    def _fly(self, pool: ThreadPoolExecutor, step: Ask | Upload, flight: _Flight) -> None:
        """Hand one call to a thread."""
        number = flight.batch.id if isinstance(flight, _Parcel) else None
        call = pool.submit(
            self.client.call, step.operation, step.body, self.sessions.sessionid, batch_id=number
        )
        self._launch(call, flight)

    def _launch(self, call: Future[Any], flight: _Flight) -> None:
        """Wait for a thread's answer, beside all others."""
        self._flying[call] = flight
        call.add_done_callback(self._landed.put)

    def _probe(self, pool: ThreadPoolExecutor) -> None:
        """Ask for the total of a visit that is due, each time of another one, once the breaker's time has come."""
        breaker = self.breaker
        if breaker.position is not Position.OPEN or self.monotonic() < breaker.probe_at or self._flying:
            return
        visit = self._due[breaker.tries % len(self._due)]
        operation = self.desk.flow.totals
        self._fly(pool, Ask(operation, messages.totals_body(operation, visit.number or visit.key)), _Probe())

    def _fence(self, pool: ThreadPoolExecutor) -> None:
        """Renew the session once no upload is in flight: that is the fence, and it covers every visit."""
        if not self._fenced or self.breaker.is_open:
            return
        if any(isinstance(flight, _Parcel) for flight in self._flying.values()):
            return
        try:
            self.sessions.renew()
        except PlatformError as error:
            self.desk.report.stopped = str(error)
            return
        fenced, self._fenced = self._fenced, []
        for routine, ask in fenced:
            if ask is None:
                self._ready.append(routine)
            else:
                self._fly(pool, ask, _Query(routine, ask))

    def _collect(self) -> list[_Answer]:
        """Wait for an answer or for the next parked visit; the answers that have come."""
        answers: list[_Answer] = []
        now = self.monotonic()
        pause = min([_POLL_S, *(max(0.0, due - now) for due, _ in self._parked)])
        if self._ready or (self._fenced and not self._flying and not self.breaker.is_open):
            pause = 0.0
        if self._flying:
            answers = [(self._flying.pop(call), call.result()) for call in self._await_calls(pause)]
        elif pause:
            self.sleep(pause)
        now = self.monotonic()
        self._ready.extend(routine for due, routine in self._parked if due <= now)
        self._parked = [(due, routine) for due, routine in self._parked if due > now]
        return answers

    def _await_calls(self, pause: float) -> Iterator[Future[Any]]:
        """The calls that have ended; the first of them is waited for."""
        with suppress(Empty):
            yield self._landed.get(timeout=pause) if pause else self._landed.get_nowait()
            while True:
                yield self._landed.get_nowait()

    def _take_in(self, answers: Iterable[_Answer]) -> None:
        """Settle the plain yeses together, record every other answer before its visit goes on."""
        plain: list[Settlement] = []
        for flight, outcome in answers:
            if isinstance(flight, _Glance):
                flight.routine.value = outcome
                self._ready.append(flight.routine)
                continue
            self._watch(flight, outcome)
            if isinstance(flight, _Probe):
                continue
            if isinstance(flight, _Query):
                self._take_answer(flight.routine, flight.ask, outcome)
                continue
            settled = _is_plain_yes(flight.batch, outcome)
            if settled:
                plain.append(Settlement(flight.batch.id, BatchState.ACCEPTED, "ack", "", outcome=outcome))
            else:
                self.desk.ledger.answer(flight.batch.id, outcome)
            flight.routine.value = Sent(flight.batch.id, outcome, settled)
            self._ready.append(flight.routine)
        if plain:
            self.desk.ledger.settle(plain)

    def _take_answer(self, routine: _Routine, ask: Ask, outcome: Outcome) -> None:
        """A query's answer: a lost session is renewed and the query repeated, a failed call is tried again.

        A query at which the breaker opened is tried once more when it closes.
        """
        routine.asked += 1
        tries = _ASKS + 1 if self.breaker.is_open else _ASKS
        if outcome.verdict is Verdict.SESSION_LOST and routine.asked < _ASKS:
            self._fenced.append((routine, ask))
        elif system_error(outcome) and routine.asked < tries:
            self._asks.append((routine, ask))
        else:
            routine.value = outcome
            self._ready.append(routine)

    def _watch(self, flight: _Flight, outcome: Outcome) -> None:
        """Let the breaker see an answer, and tell the reader when it opens or closes."""
        before, now, error = self.breaker, self.monotonic(), system_error(outcome)
        if error:
            self._trouble = outcome.code or outcome.message
        if isinstance(flight, _Probe):
            self.breaker = before.take_probe(error, now=now)
        elif outcome.verdict is not Verdict.SESSION_LOST:
            self.breaker = before.take_answer(error, is_upload=isinstance(flight, _Parcel), now=now)
        after = self.breaker
        if after.position is Position.OPEN and after.tries != before.tries:
            pause = f"{after.probe_at - now:.0f} s"
            self.progress.note(
                f"The platform fails ({self._trouble}): nothing is sent; it is asked again in {pause}."
            )
        elif after.position is not before.position and not after.is_open:
            words = {
                Position.TRIAL: "answers again; uploads go one by one",
                Position.CLOSED: "takes uploads again",
            }
            self.progress.note(f"The platform {words[after.position]}.")

    def _explain_end(self) -> str:
        """Why the run ends, when the breaker has given the platform up."""
        probes = self.breaker.probes
        asked = (
            f" and {probes} times more within {self.breaker.patience_s / 60:.0f} minutes" if probes else ""
        )
        return (
            f"the platform failed {EQUAL_ERRORS} times in a row{asked} ({self._trouble}). What is staged stays staged; "
            "the next run tries again"
        )


def _is_plain_yes(batch: Batch, outcome: Outcome) -> bool:
    """Code 0 and, for charges, a count of exactly the rows sent (trap T27). A reset has a total to show too."""
    if outcome.verdict is not Verdict.ACCEPTED or batch.is_reset:
        return False
    return batch.base_total is None or outcome.counts == batch.rows
