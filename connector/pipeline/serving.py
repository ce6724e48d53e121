"""`serve`: run the pipelines, and reconcile, at the times that the files say, until somebody asks for an end.

One loop on the clock that is handed in, in short sleeps by the time of day, so that a machine that slept, or whose
clock was set, is noticed when it wakes. Everything runs one after the other, so that no two overlap; a run that is due
while another is under way begins after it, once, however often it was due. What goes wrong in a run ends that run only.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.config.schedule import Schedule, next_due
from connector.errors import ConfigurationError, ConnectorError, LedgerError
from connector.pipeline.alone import be_alone
from connector.pipeline.overview import COMPLETE, QUARANTINED, RECONCILE, STOPPED, UNSETTLED
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress
from connector.pipeline.reconcile import Wishes, reconcile
from connector.pipeline.run import choose, run

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
    """One run of a pipeline, or one reconciliation (its `pipeline` is `reconcile`), and what it came to.

    Moments are ISO 8601 in UTC, `amount` is scaled by 4. `problem`: why it ended early or did not begin, or "";
    `is_held_back`: a guard stopped it. `compared` visits, of them so many `equal`; None of a run.
    """

    pipeline: str
    exit_code: int
    started_at: str = ""
    ended_at: str = ""
    registered: int = 0
    batches: int = 0
    rows: int = 0
    amount: int = field(default=0, repr=False)
    compared: int | None = None
    equal: int | None = None
    problem: str = ""
    is_held_back: bool = False
    next_at: str = ""


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
    schedules = _timetable(parts, names)
    parts.check_platform()
    with ExitStack() as stack:
        be_alone(directory / _LOCK, stack, what="serve", does="serves this project")
        service = _Service(names, parts, open_parts, progress, is_stopping, tell)
        service.begin(schedules)
        service.work()
    return STOPPED


def _timetable(parts: Parts, names: Sequence[str]) -> dict[str, Schedule]:
    """What to serve, and when; ConfigurationError where one that is named, or everything, has no schedule.

    Where pipelines are named, nothing but those is served.
    """
    chosen = choose(parts, names)
    found = {one.name: one.schedule for one in chosen if one.schedule is not None}
    totals = parts.project.settings.reconcile.schedule
    if totals is not None and not names:
        if RECONCILE in parts.project.pipelines:
            raise ConfigurationError(
                f"A pipeline is called “{RECONCILE}”, as what connector.yaml gives a schedule in `reconcile:`. Rename it."
            )
        found[RECONCILE] = totals
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

    def begin(self, schedules: Mapping[str, Schedule]) -> None:
        """Make the timetable: it goes on from the runs that the ledger knows, by whomever they were started."""
        runs = self._runs()
        for name, schedule in schedules.items():
            if last := runs.get(name):
                began, is_done = last
                self._plan(name, schedule, began)
                if not is_done:
                    turn = self.turns[name]
                    turn.due = turn.schedule.after_quiet(self._now(), turn.zone)
            else:
                self._plan(name, schedule, None)
            self._say_next(name)

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
        """Do one thing, and say when it is due again."""
        turn.last = began
        try:
            self._reread(name, turn)
            served = self._do(name, lambda: self.is_stopping() or turn.is_quiet(self._now()))
        except ConnectorError as error:
            served = _failed(name, error)
        ended = self._now()
        if served.exit_code == STOPPED and not self.is_stopping():
            served = replace(served, problem="the quiet hours began; what is left goes on when they end")
            turn.due = turn.schedule.after_quiet(ended, turn.zone)
        elif served.exit_code in _IN_ORDER or served.is_held_back:
            turn.advance(ended)
        else:
            turn.wait(ended)
        later = "" if self.is_stopping() else _iso(turn.due)
        self.tell(replace(served, started_at=_iso(began), ended_at=_iso(ended), next_at=later))

    def _do(self, name: str, is_stopping: Callable[[], bool]) -> Served:
        """Run a pipeline, or compare the totals."""
        if name == RECONCILE:
            return self._reconcile(is_stopping)
        report = run(self.parts, [name], progress=self.progress, is_stopping=is_stopping)
        sent = report.delivered.values()
        return Served(
            name,
            report.exit_code,
            registered=sum(one.registered for one in sent),
            batches=sum(one.batches for one in sent),
            rows=sum(one.rows for one in sent),
            amount=sum(one.amount for one in sent),
            problem=report.problem,
            is_held_back=bool(report.breaches),
        )

    def _reconcile(self, is_stopping: Callable[[], bool]) -> Served:
        """Compare HIS, ledger and platform, as connector.yaml says; with a workbook of that moment where it names a folder."""
        rules, file = self.parts.project.settings.reconcile, None
        if rules.folder is not None:
            file = (
                _make_folder(rules.folder)
                / f"reconcile-{self._now().astimezone(self._zone()):%Y-%m-%d-%H%M%S}.xlsx"
            )
        wishes = Wishes(everything=rules.everything, settles=rules.settle, only_differences=True, export=file)
        report = reconcile(self.parts, wishes, progress=self.progress, is_stopping=is_stopping)
        return Served(
            RECONCILE, report.exit_code, problem=report.problem, compared=report.compared, equal=report.equal
        )

    def _reread(self, name: str, turn: _Turn) -> None:
        """Take the files as they are now. ConfigurationError where they are not in order."""
        parts = self.open_parts()
        schedules = _timetable(parts, self.names)
        if name not in schedules:
            raise ConfigurationError(
                f"“{name}” has gone, or has no “schedule” any more. Start `serve` anew without it."
            )
        self.parts = parts
        for other, schedule in schedules.items():
            if other not in self.turns:
                self._plan(other, schedule, None)
                self._say_next(other)
        turn.schedule, turn.zone = schedules[name], self._zone()

    def _plan(self, name: str, schedule: Schedule, last: datetime | None) -> None:
        now, zone = self._now(), self._zone()
        began = None if last is None else min(last, now)
        self.turns[name] = _Turn(schedule, zone, began, next_due(schedule, zone, began, now))

    def _runs(self) -> dict[str, tuple[datetime, bool]]:
        """When each ran last, and whether it did what it could; nothing where the ledger cannot be read."""
        found: dict[str, tuple[datetime, bool]] = {}
        try:
            with self.parts.open_ledger(read_only=True) as ledger:
                runs = ledger.runs(_RECENT_RUNS)
                totals = ledger.runs(1, kind=RECONCILE)
        except LedgerError as error:
            self.progress.note(f"When the pipelines ran last is not known: {error}")
            return found
        named = [(name, one) for one in runs for name in one.pipeline.split(",")]
        for name, one in (*named, *((RECONCILE, one) for one in totals)):
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


def _failed(name: str, error: ConnectorError) -> Served:
    """What did not begin, or was cut short."""
    number = 0 if name == RECONCILE else None
    return Served(name, error.exit_code, problem=str(error), compared=number, equal=number)


def _make_folder(folder: Path) -> Path:
    """The folder, made where it is not there; ConfigurationError where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} (`reconcile: {{export: …}}` in connector.yaml) cannot be made: {error.strerror}."
        ) from None
    return folder


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
