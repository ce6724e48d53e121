"""Backfill: upload the past, shard by shard, beside the runs that upload what is new.

The rows go the way of every row: the same mappings, the same ledger, the same delivery. What is different is which
visits are read (those of a span of days, oldest first), that it is planned before, and its pace. It works in turns:
some visits are staged and delivered under the lease, then the lease is free for others. Whatever ends it, the ledger
knows which shards are done, and the same command goes on with the others.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from connector.errors import GuardStopped, PlatformError, Stopped
from connector.ledger.leases import Lease
from connector.ledger.store import Ledger
from connector.pipeline.alone import be_alone
from connector.pipeline.backfill_kept import (
    KeptPlan,
    ShardRun,
    begin_shard,
    find_unfinished,
    keep_plan,
    list_plans,
    measure,
    note_shard,
)
from connector.pipeline.backfill_state import ShardState, judge_visits, look_at
from connector.pipeline.backfill_turn import Turn
from connector.pipeline.desk import Report
from connector.pipeline.guards import NO_OVERRIDE, Breach, Guards, Override
from connector.pipeline.history import History
from connector.pipeline.overview import FAILED, STOPPED, judge, stand
from connector.pipeline.pace import MutedProgress, Pace, Pulse, own_share
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.run import choose, make_plans
from connector.pipeline.shards import Estimate, Shard, Span, cut_shards, estimate
from connector.pipeline.turns import PAUSE_S, open_turn
from connector.transform.shape import Plan

GOES_ON = "the same command goes on from there"
_LOCK = ".backfill.lock"


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What a backfill is going to do. `number`: of the plan in the ledger, 0 while it is only a proposal.

    `done`: shards that are done; of the others `shards` tells what is left as it was planned. `undated`, `earliest`,
    `latest`: of all visits that the HIS gives, how many have no day of admission that can be read, and when the others
    were admitted ("" where the plan was made before).
    """

    span: Span
    shards: tuple[Shard, ...]
    estimate: Estimate
    number: int = 0
    done: int = 0
    undated: int = 0
    earliest: str = ""
    latest: str = ""

    @property
    def visits(self) -> int:
        """All visits."""
        return sum(one.visits for one in self.shards)

    @property
    def rows(self) -> int:
        """All rows that are to be sent."""
        return sum(one.rows for one in self.shards)

    @property
    def amount(self) -> int:
        """Their sum, scaled by 4."""
        return sum(one.amount for one in self.shards)

    @property
    def calls(self) -> int:
        """About how many calls that takes."""
        return sum(one.calls for one in self.shards)


@dataclass(slots=True)
class BackfillReport:
    """What a backfill did, and where it stands. `rows` and `amount` (scaled by 4) were sent by this command.

    `problem`: why it ended early, in one sentence, or ""; `breaches`: the guards that stopped it.
    """

    shards: tuple[ShardState, ...] = ()
    rows: int = 0
    amount: int = field(default=0, repr=False)
    problem: str = ""
    breaches: list[Breach] = field(default_factory=list)
    exit_code: int = 0


def make_plan(
    parts: Parts, span: Span, *, progress: Progress, is_stopping: Callable[[], bool], anew: bool = False
) -> BackfillPlan:
    """What a backfill of that span would do; or what is left of it, where it was begun and `anew` does not say to look.

    Ledger and HIS are only read. Raises ConfigurationError, SourceError, LedgerError, and Stopped.
    """
    pipelines = choose(parts, span.pipelines)
    span = replace(span, pipelines=tuple(one.name for one in pipelines))
    with parts.open_ledger(read_only=True) as ledger:
        kept = None if anew else find_unfinished(ledger, span)
        if kept is not None:
            return _what_is_left(parts, span, kept, ledger)
        with parts.open_hospital() as hospital:
            history = History(parts, hospital, make_plans(parts, hospital), progress, is_stopping)
            census = history.find_visits(span)
            found = cut_shards(span, census.visits)
            progress.start("plan", sum(map(len, found.values())))
            shards = tuple(history.weigh(ledger, shard, keys) for shard, keys in found.items())
            progress.finish("plan")
        earliest, latest = (one.isoformat() if one else "" for one in (census.earliest, census.latest))
        return BackfillPlan(
            span,
            shards,
            _estimate(parts, shards, ledger),
            undated=census.undated,
            earliest=earliest,
            latest=latest,
        )


def _what_is_left(parts: Parts, span: Span, kept: KeptPlan, ledger: Ledger) -> BackfillPlan:
    left = tuple(shard for shard in kept.shards if not kept.is_done_with(shard))
    return BackfillPlan(
        span, left, _estimate(parts, left, ledger), kept.number, done=len(kept.shards) - len(left)
    )


def _estimate(parts: Parts, shards: Sequence[Shard], ledger: Ledger) -> Estimate:
    rows, calls = sum(one.rows for one in shards), sum(one.calls for one in shards)
    return estimate(rows, calls, measure(ledger), parts.project.settings.backfill)


@dataclass(frozen=True, slots=True)
class BackfillStanding:
    """One backfill that was begun: when, what it is about, and its shards, of which so many are `done`."""

    begun_at: str
    what: str
    done: int
    shards: tuple[ShardState, ...]


def list_backfills(parts: Parts) -> list[BackfillStanding]:
    """The backfills that are not done, and the newest one. The ledger is only read."""
    with parts.open_ledger(read_only=True) as ledger:
        plans = list_plans(ledger)
        shown = [one for n, one in enumerate(plans) if n == 0 or not one.is_done]
        return [
            BackfillStanding(
                one.at,
                one.span.words,
                sum(one.is_done_with(shard) for shard in one.shards),
                look_at(ledger, parts, one),
            )
            for one in shown
        ]


def fill(
    parts: Parts,
    plan: BackfillPlan,
    *,
    progress: Progress,
    is_stopping: Callable[[], bool],
    override: Override = NO_OVERRIDE,
) -> BackfillReport:
    """Carry a plan out, as far as nothing stops it; guards that `override` names do not hold.

    Raises ConfigurationError, EnvelopeError, SourceError, LedgerError; LeaseHeld where another backfill of the project is
    under way. Other trouble with the platform is told in the report.
    """
    parts.check_platform()
    settings = parts.project.settings
    delivery = replace(settings.delivery, visits_in_flight=settings.backfill.visits_in_flight)
    parts = replace(parts, project=replace(parts.project, settings=replace(settings, delivery=delivery)))
    report = BackfillReport()
    with ExitStack() as stack:
        be_alone(
            parts.project.directory / _LOCK,
            stack,
            what="backfill",
            does="is filling in the past of this project",
        )
        work = _Work(parts, plan, override, progress, is_stopping, report)
        try:
            work.do()
        except Stopped:
            report.problem = f"stopped on request; what is staged stays staged, and {GOES_ON}"
        except (PlatformError, GuardStopped) as error:
            report.problem = f"{str(error).removesuffix('.')}. Once that is mended {GOES_ON}"
        finally:
            work.pulse.end()
        work.sum_up()
    return report


@dataclass(slots=True)
class _Work:
    """One backfill at work."""

    parts: Parts
    plan: BackfillPlan
    override: Override
    progress: Progress
    is_stopping: Callable[[], bool]
    report: BackfillReport
    plans: dict[str, Plan] = field(default_factory=dict, init=False, repr=False)
    number: int = field(init=False)
    pace: Pace = field(init=False)
    pulse: Pulse = field(init=False)
    recorded: set[str] = field(default_factory=set, init=False)
    turns: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.number = self.plan.number
        self.pace = Pace(self.parts, self.progress, self.is_stopping)
        self.pulse = Pulse(self.progress, self.parts.clock.monotonic, self.plan.rows)

    def do(self) -> None:
        """Every shard that is not done, the oldest first."""
        self.pace.await_leave()
        with self.parts.open_hospital() as hospital:
            self.plans = make_plans(self.parts, hospital)
            history = History(self.parts, hospital, self.plans, self.progress, self.is_stopping)
            found = cut_shards(self.plan.span, history.find_visits(self.plan.span).visits)
        if not self.number:
            with self._turn() as (ledger, _):
                self.number = keep_plan(ledger, self.plan.span, self.plan.shards)
        with self.parts.open_ledger(read_only=True) as ledger:
            kept = self._kept(ledger)
        keys = {shard.place: visits for shard, visits in found.items()}
        planned = {shard.place: shard for shard in (*found, *kept.shards)}  # as planned, where it was
        for place, shard in sorted(planned.items()):
            if not kept.is_done_with(shard):
                self._fill(shard, keys.get(place, []), kept.begun.get(place))

    def sum_up(self) -> None:
        """Where everything stands, and the exit code that follows from it."""
        if self.number:
            with self.parts.open_ledger(read_only=True) as ledger:
                kept = self._kept(ledger)
                self.report.shards = look_at(ledger, self.parts, kept)
                self.report.exit_code = judge_visits(ledger, self.parts, kept)
        if self.report.breaches:
            self.report.exit_code = GuardStopped.exit_code
        elif self.report.problem:
            self.report.exit_code = STOPPED if self.is_stopping() else FAILED

    def _fill(self, shard: Shard, keys: Sequence[str], run: ShardRun | None) -> None:
        """One shard, turn by turn. What was done of it before costs a look at the HIS, and nothing else."""
        self.pulse.begin(shard)
        rest = list(keys)
        while True:
            self._rest()
            with self._turn() as (ledger, lease):
                if run is None:
                    run = begin_shard(ledger, self.number, shard, keys)
                began = self.parts.clock.monotonic()
                guards = self._guards(ledger)
                part, delivered = self._take(self._open(ledger, lease, guards), shard, rest, run.run_id)
                rest = rest if delivered.stopped else rest[len(part) :]
                run = ShardRun(
                    run.run_id,
                    tuple(keys),
                    is_done=not rest and not delivered.stopped,
                    rows=run.rows + delivered.rows,
                    seconds=run.seconds + self.parts.clock.monotonic() - began,
                )
                self._note(ledger, shard, run, guards)
            self._count(delivered)
            if run.is_done:
                self.pulse.finish()
            self._end_if_stopped(delivered)
            if run.is_done:
                return

    def _rest(self) -> None:
        """Leave the lease to others for a while, and wait until a turn may begin."""
        if self.turns:
            self.pace.sleep(PAUSE_S)
        self.turns += 1
        self.pace.await_leave()

    def _take(
        self, turn: Turn, shard: Shard, rest: Sequence[str], run_id: int
    ) -> tuple[Sequence[str], Report]:
        if not rest:
            return (), Report()
        pipeline = self.parts.project.pipelines[shard.pipeline]
        try:
            return turn.take(pipeline, rest, run_id, most_rows=self.pace.most_rows)
        except GuardStopped:
            self.report.breaches += turn.guards.breaches
            raise

    def _open(self, ledger: Ledger, lease: Lease, guards: Guards) -> Turn:
        return Turn(
            self.parts,
            self.plans,
            ledger,
            lease,
            guards,
            MutedProgress(self.progress),
            is_stopping=lambda: self.is_stopping() or self.pace.is_quiet(),
        )

    def _note(self, ledger: Ledger, shard: Shard, run: ShardRun, guards: Guards) -> None:
        """Keep how far the shard is; where it is done, with what its visits came to."""
        code = None
        if run.is_done:
            pipeline = self.parts.project.pipelines[shard.pipeline]
            code = judge([stand(ledger, pipeline, set(run.keys))])
        note_shard(ledger, self.number, shard, run, exit_code=code, passed=guards.passed)

    def _count(self, delivered: Report) -> None:
        self.report.rows += delivered.rows
        self.report.amount += delivered.amount
        self.pulse.take(delivered.rows)

    def _end_if_stopped(self, delivered: Report) -> None:
        """End the backfill where the turn ended early; but in the quiet hours, which are waited for."""
        if delivered.breach:
            self.report.breaches.append(delivered.breach)
            raise GuardStopped(delivered.stopped)
        if delivered.stopped and self.is_stopping():
            raise Stopped
        if delivered.stopped and not self.pace.is_quiet():
            raise PlatformError(delivered.stopped)

    def _guards(self, ledger: Ledger) -> Guards:
        """The guards of a turn: its share of what they allow."""
        settings = self.parts.project.settings
        return Guards(
            own_share(settings.guards),
            ledger,
            ZoneInfo(settings.platform.key_date_zone),
            self.parts.clock.now,
            self.override,
            recorded=self.recorded,
            command="connector backfill",
            remark="half of `guards`, the other half is left to runs",
        )

    def _turn(self) -> AbstractContextManager[tuple[Ledger, Lease]]:
        return open_turn(
            self.parts, notify=self.progress.note, is_stopping=self.is_stopping, is_backfill=True
        )

    def _kept(self, ledger: Ledger) -> KeptPlan:
        return next(one for one in list_plans(ledger) if one.number == self.number)
