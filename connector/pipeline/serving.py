"""`serve`: run the pipelines at the times that their files say, until somebody asks for an end.

One loop on the clock that is handed in, in short sleeps by the time of day, so that a machine that slept, or whose
clock was set, is noticed when it wakes. Pipelines run one after the other, so that no two overlap; a run that is due
while another is under way begins after it, once, however often it was due. What goes wrong in a run ends that run only.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.config.pipeline import Pipeline
from connector.config.schedule import Schedule, next_due
from connector.errors import ConfigurationError, ConnectorError, LedgerError
from connector.pipeline.alone import be_alone
from connector.pipeline.overview import COMPLETE, FAILED, QUARANTINED, STOPPED, UNSETTLED
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.run import RunReport, choose, run

_SLICE_S = 1.0
"""The longest sleep: how soon a stop is heard and the end of the machine's own sleep is noticed."""

_JUMP = timedelta(seconds=60)
"""A clock that is further off than this after a sleep has jumped."""

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=30)
"""How long after a run that failed it is tried again, doubled each time."""

_LOCK = ".serve.lock"
_RECENT_RUNS = 200
_IN_ORDER = (COMPLETE, QUARANTINED, UNSETTLED)
"""Exit codes of a run that did what it could; a person, not another try, mends what is left."""


@dataclass(frozen=True, slots=True)
class Served:
    """One run that the service did. Moments are ISO 8601 in UTC, `amount` is scaled by 4.

    `problem`: why it ended early or did not begin, or "".
    """

    pipeline: str
    started_at: str
    ended_at: str
    exit_code: int
    registered: int
    batches: int
    rows: int
    amount: int = field(repr=False)
    problem: str
    next_at: str


@dataclass(slots=True)
class _Turn:
    """One pipeline's place in the timetable: when it began last, how often it failed since, when it is due."""

    schedule: Schedule
    zone: ZoneInfo
    last: datetime | None
    due: datetime
    failures: int = 0

    def advance(self, now: datetime) -> None:
        """Be due at the next time of the schedule."""
        self.failures = 0
        self.due = next_due(self.schedule, self.zone, self.last, now)

    def wait(self, now: datetime) -> None:
        """Be due again after a pause that grows from failure to failure, but not in the quiet hours."""
        pause = min(_FIRST_PAUSE * 2 ** min(self.failures, 10), _LONGEST_PAUSE)
        self.failures += 1
        self.due = self.schedule.after_quiet(now + pause, self.zone)

    def is_quiet(self, now: datetime) -> bool:
        """Whether nothing may run now."""
        return self.schedule.is_quiet(now, self.zone)


def serve(
    directory: Path,
    names: Sequence[str],
    *,
    open_parts: Callable[[], Parts],
    progress: Progress,
    is_stopping: Callable[[], bool],
    tell: Callable[[Served], None],
) -> int:
    """Run the named pipelines (all that have a schedule, where none is named) until `is_stopping`; returns 130.

    `open_parts` reads the project anew before every run; `tell` hears of each run, `progress` what else there is to
    say. Raises ConfigurationError for what is wrong at the start, EnvelopeError for an impossible key, LeaseHeld where
    another process serves the project. Later faults, also in files changed since, are told and tried again.
    """
    parts = open_parts()
    pipelines = _scheduled(parts, names)
    parts.check_platform()
    with ExitStack() as stack:
        be_alone(directory / _LOCK, stack, what="serve", does="serves this project")
        service = _Service(names, parts, open_parts, progress, is_stopping, tell)
        service.begin(pipelines)
        service.work()
    return STOPPED


def _scheduled(parts: Parts, names: Sequence[str]) -> list[Pipeline]:
    """The pipelines to serve; ConfigurationError where one that is named, or every one, has no schedule."""
    chosen = choose(parts, names)
    found = [one for one in chosen if one.schedule is not None]
    if not found:
        raise ConfigurationError(
            f"No pipeline {'named' if names else 'of this project'} has a “schedule” in its file in "
            f"{parts.project.directory / 'pipelines'}. Add one, for example schedule: {{every: 15m}}; or let a timer "
            f"of the machine start `connector run`."
        )
    lacking = [one.name for one in chosen if one.schedule is None]
    if names and lacking:
        raise ConfigurationError(
            f"The pipeline “{lacking[0]}” has no “schedule” in its file, so there is nothing to serve it by."
        )
    return found


@dataclass(slots=True)
class _Service:
    """The timetable, and the loop that works it off."""

    names: Sequence[str]
    parts: Parts
    open_parts: Callable[[], Parts]
    progress: Progress
    is_stopping: Callable[[], bool]
    tell: Callable[[Served], None]
    turns: dict[str, _Turn] = field(default_factory=dict)

    def begin(self, pipelines: Sequence[Pipeline]) -> None:
        """Make the timetable: it goes on from the runs that the ledger knows, by whomever they were started."""
        runs = self._runs()
        for pipeline in pipelines:
            if last := runs.get(pipeline.name):
                began, is_done = last
                self._plan(pipeline, began)
                if not is_done:
                    turn = self.turns[pipeline.name]
                    turn.due = turn.schedule.after_quiet(self._now(), turn.zone)
            else:
                self._plan(pipeline, None)
            self._say_next(pipeline.name)

    def work(self) -> None:
        """Run what is due, sleep until something is."""
        seen = self._now()
        while not self.is_stopping():
            now = self._now()
            self._mind_jump(seen, now)
            name = min(self.turns, key=lambda one: self.turns[one].due)
            turn = self.turns[name]
            if turn.due > now:
                self.parts.clock.sleep(min(_SLICE_S, (turn.due - now).total_seconds()))
                seen = now + timedelta(seconds=_SLICE_S)
                continue
            if turn.is_quiet(now):  # the machine slept past the due time, into the quiet hours
                turn.due = turn.schedule.after_quiet(now, turn.zone)
            else:
                self._run(name, turn, now)
            seen = max(now, self._now())  # a clock set back meanwhile is noticed at the next turn

    def _run(self, name: str, turn: _Turn, began: datetime) -> None:
        """One run of a pipeline, and when it is due again."""
        turn.last = began
        report, code, problem = RunReport(), FAILED, ""
        try:
            self._reread(name, turn)
            report = run(
                self.parts,
                [name],
                progress=self.progress,
                is_stopping=lambda: self.is_stopping() or turn.is_quiet(self._now()),
            )
            code, problem = report.exit_code, report.problem
        except ConnectorError as error:
            code, problem = error.exit_code, str(error)
        ended = self._now()
        if code == STOPPED and not self.is_stopping():
            problem = "the quiet hours began; what is left goes on when they end"
            turn.due = turn.schedule.after_quiet(ended, turn.zone)
        elif code in _IN_ORDER or report.breaches:
            turn.advance(ended)
        else:
            turn.wait(ended)
        sent = report.delivered.values()
        self.tell(
            Served(
                name,
                _iso(began),
                _iso(ended),
                code,
                registered=sum(one.registered for one in sent),
                batches=sum(one.batches for one in sent),
                rows=sum(one.rows for one in sent),
                amount=sum(one.amount for one in sent),
                problem=problem,
                next_at="" if self.is_stopping() else _iso(turn.due),
            )
        )

    def _reread(self, name: str, turn: _Turn) -> None:
        """Take the files as they are now. ConfigurationError where they are not in order."""
        parts = self.open_parts()
        pipelines = {one.name: one for one in _scheduled(parts, self.names)}
        if name not in pipelines:
            raise ConfigurationError(
                f"The pipeline “{name}” has gone, or has no “schedule” any more. Start `serve` anew without it."
            )
        self.parts = parts
        for pipeline in pipelines.values():
            if pipeline.name not in self.turns:
                self._plan(pipeline, None)
                self._say_next(pipeline.name)
        turn.schedule = pipelines[name].schedule or turn.schedule
        turn.zone = self._zone()

    def _plan(self, pipeline: Pipeline, last: datetime | None) -> None:
        schedule, now = pipeline.schedule or Schedule(), self._now()
        began = None if last is None else min(last, now)
        zone = self._zone()
        self.turns[pipeline.name] = _Turn(schedule, zone, began, next_due(schedule, zone, began, now))

    def _runs(self) -> dict[str, tuple[datetime, bool]]:
        """When each pipeline ran last, and whether it did what it could; nothing where the ledger cannot be read."""
        found: dict[str, tuple[datetime, bool]] = {}
        try:
            with self.parts.open_ledger(read_only=True) as ledger:
                runs = ledger.runs(_RECENT_RUNS)
        except LedgerError as error:
            self.progress.note(f"When the pipelines ran last is not known: {error}")
            return found
        for one in runs:
            for name in one.pipeline.split(","):
                found.setdefault(name, (datetime.fromisoformat(one.started_at), one.exit_code in _IN_ORDER))
        return found

    def _mind_jump(self, expected: datetime, now: datetime) -> None:
        """Say that the clock jumped. Where it was set back, what was planned by the wrong time is planned anew."""
        by = str(abs(now - expected)).partition(".")[0]
        if now - expected > _JUMP:
            self.progress.note(
                f"The machine slept, or its clock was set forward, by {by}. What was missed runs once."
            )
        elif expected - now > _JUMP:
            self.progress.note(f"The clock was set back by {by}. Everything is planned anew.")
            for turn in self.turns.values():
                turn.last = min(turn.last or now, now)
                turn.advance(now)

    def _say_next(self, name: str) -> None:
        self.progress.note(f"{name} runs next at {self.turns[name].due.astimezone():%Y-%m-%d %H:%M:%S}.")

    def _zone(self) -> ZoneInfo:
        """The zone of the schedules' times: that of the platform's day, as for the guards."""
        return ZoneInfo(self.parts.project.settings.platform.key_date_zone)

    def _now(self) -> datetime:
        return self.parts.clock.now()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
