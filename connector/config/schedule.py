"""When a pipeline runs by itself, as its file says, and when it is due next."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from connector.config.form import Form

_DAY = timedelta(days=1)
_MOST_S = 31 * 86_400
_FIELDS = 5
_QUIET = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\s*-\s*([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_SOME_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - which day the expression is tried from does not matter


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day in which no run begins and one that is under way stops: from `start` until before `end`."""

    start: time
    end: time

    def holds(self, at: time) -> bool:
        """Whether a time of the day is in them."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def is_at(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether a moment is in them."""
        return self.holds(moment.astimezone(zone).time())

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The moment itself, or the end of the quiet hours it is in."""
        if not self.is_at(moment, zone):
            return moment
        local = moment.astimezone(zone)
        day = local.date() + (_DAY if self.end <= local.time() else timedelta())
        return datetime.combine(day, self.end, zone).astimezone(moment.tzinfo)

    @property
    def hours(self) -> float:
        """How many hours of a day they are."""
        start, end = (one.hour + one.minute / 60 for one in (self.start, self.end))
        return (end - start) % 24


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every so many seconds, or (where that is 0) at the times of a cron expression; never in the quiet hours."""

    every_s: int = 0
    cron: str = ""
    quiet: Quiet | None = None

    def is_quiet(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether the quiet hours hold at a moment."""
        return self.quiet is not None and self.quiet.is_at(moment, zone)

    def after_quiet(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The moment itself, or the end of the quiet hours it is in."""
        return moment if self.quiet is None else self.quiet.after(moment, zone)


def next_due(schedule: Schedule, zone: ZoneInfo, last: datetime | None, now: datetime) -> datetime:
    """When to run next, at `now` or later: `last` is when it began last, None where it never has.

    However many times were missed since, one run makes up for them, at once. What never ran begins at once where it
    runs every so often, and at the first time to come where a cron expression names it. Never in the quiet hours:
    what falls into them waits for their end.
    """
    if schedule.every_s:
        due = now if last is None else last + timedelta(seconds=schedule.every_s)
    else:
        local = (now if last is None else last).astimezone(zone)
        due = next(CronSim(schedule.cron, local)).astimezone(now.tzinfo)
    return schedule.after_quiet(max(due, now), zone)


def read_schedule(form: Form | None) -> Schedule | None:
    """The `schedule` of a pipeline; None where there is none. What is wrong is noted on the page."""
    if form is None:
        return None
    schedule = Schedule(_read_every(form), _read_cron(form), read_quiet(form))
    if form.has("every") == form.has("cron"):
        form.complain(
            "A schedule says either “every” or “cron”.", 'For example every: 15m, or cron: "*/10 7-22 * * *".'
        )
    form.close()
    return schedule


def _read_every(form: Form) -> int:
    every_s = form.duration("every", default=1)
    if not 1 <= every_s <= _MOST_S:
        form.complain("“every” must be from 1s to 31d.", at="every")
    return every_s if form.has("every") else 0


def _read_cron(form: Form) -> str:
    scalar = form.scalar("cron")
    if scalar is None:
        return ""
    if problem := _unfit(scalar.text):
        form.page.complain(
            scalar.spot,
            f"“cron” cannot be used: {problem}.",
            'Five fields: minute, hour, day of the month, month, day of the week; for example "*/10 7-22 * * *".',
        )
    return scalar.text


def _unfit(expression: str) -> str:
    """What is wrong with a cron expression, or ""."""
    fields = len(expression.split())
    if fields != _FIELDS:
        return f"it has {fields} fields"
    try:
        next(CronSim(expression, _SOME_DAY))
    except CronSimError as error:
        return f"{error} is wrong".replace("Bad ", "the field of the ")
    except StopIteration:
        return "that time never comes"
    except ValueError:  # more digits than Python reads
        return "a number is too long"
    return ""


def read_quiet(form: Form) -> Quiet | None:
    """The `quiet` hours of a table; None where it names none. What is wrong is noted on the page."""
    scalar = form.scalar("quiet")
    if scalar is None:
        return None
    found = _QUIET.fullmatch(scalar.text.strip())
    quiet = found and Quiet(time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4])))
    if not quiet or quiet.start == quiet.end:
        form.page.complain(
            scalar.spot, "“quiet” must be two different times of the day.", 'For example "23:00-05:00".'
        )
        return None
    return quiet
