"""The arithmetic of a backfill: periods, parts, how fast it may go, how long it takes. Nothing here reads or writes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal, get_args

from connector.config.near import propose
from connector.config.settings import BackfillSettings
from connector.errors import ConfigurationError

By = Literal["month", "week", "day"]
PERIODS: tuple[By, ...] = get_args(By)

SHARD = "backfill shard"
"""The kind of run that keeps how far a shard has come."""

UNDATED = ""
"""The first day of the shard of visits whose day of admission is not known."""

MOST_ROWS = 5_000
"""So many rows go in one turn, at most; a visit is never divided. Half a minute's work, or a few minutes'."""

_PARTS_OF_LIMIT = 4
"""A turn takes at most this part of what a limit allows, or an hour would be one gulp."""

_CALL_S = 0.5
"""What is assumed of a call's answer while nothing was measured."""

_HOUR_S = 3600
_FEWEST_ROWS = 50
"""A run that sent less tells nothing of how fast rows go: it was looking for what is new."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a backfill is about: visits of these pipelines, admitted from `first` to `last` (None: whenever).

    `visits`: only these, by their keys in the HIS; none means all. `by`: how long a shard is.
    """

    pipelines: tuple[str, ...]
    first: date | None
    last: date | None
    by: By = "month"
    visits: tuple[str, ...] = field(default=(), repr=False)

    def holds(self, day: date | None) -> bool:
        """Whether a day of admission is in it; one that is not known is where no days are named."""
        if day is None:
            return self.first is None and self.last is None
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)

    @property
    def kept(self) -> dict[str, object]:
        """It as JSON."""
        first, last = (one.isoformat() if one else "" for one in (self.first, self.last))
        return {
            "pipelines": list(self.pipelines),
            "first": first,
            "last": last,
            "by": self.by,
            "visits": list(self.visits),
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Span":
        """The span that was kept so."""
        first, last = (date.fromisoformat(kept[name]) if kept[name] else None for name in ("first", "last"))
        return cls(tuple(kept["pipelines"]), first, last, kept["by"], tuple(kept["visits"]))

    @property
    def words(self) -> str:
        """`admitted from 2024-01-01 to 2024-12-31`, as a sentence goes on."""
        named = f"{len(self.visits)} named visits" if self.visits else "visits"
        since = f" from {self.first}" if self.first else ""
        until = f" to {self.last}" if self.last else ""
        return f"{named} admitted{since}{until}" if since or until else named


@dataclass(frozen=True, slots=True)
class Shard:
    """One pipeline's visits that were admitted from `first` to `last`, as planned; `amount` scaled by 4.

    `rows` are those that are to be sent, in about so many `calls`; `sent_rows` were sent before, `bad_rows` break a rule.
    """

    pipeline: str
    first: str
    last: str
    visits: int = 0
    rows: int = 0
    amount: int = field(default=0, repr=False)
    calls: int = 0
    sent_rows: int = 0
    bad_rows: int = 0

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from the others of a backfill; the oldest sorts first, visits without a day last."""
        return self.first or "9999", self.pipeline

    @property
    def name(self) -> str:
        """`inpatient 2024-03-01 to 2024-03-31`."""
        return name_shard(self.pipeline, self.first, self.last)


def name_shard(pipeline: str, first: str, last: str) -> str:
    """What people call a shard."""
    if not first:
        return f"{pipeline}, day not known"
    return f"{pipeline} {first}" + (f" to {last}" if last != first else "")


def read_day(text: str, option: str) -> date | None:
    """A day as a person types it, None for none; ConfigurationError for what is no day."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{option} {text}: a date like 2024-01-31 is meant.") from None


def make_span(
    pipelines: Iterable[str], *, first: str, last: str, by: str, visits: Iterable[str] | None
) -> Span:
    """What a person asked for; ConfigurationError for what cannot be meant. `visits`: None where none are named."""
    since, until = read_day(first, "--from"), read_day(last, "--to")
    if since is None and until is None and visits is None:
        raise ConfigurationError("Say which visits: --from and --to (days of admission), or --visits.")
    if since is not None and until is not None and since > until:
        raise ConfigurationError(f"--from {since} is after --to {until}: turn them round.")
    if (since is None) != (until is None):
        raise ConfigurationError("Say both: --from and --to.")
    period = next((one for one in PERIODS if one == by), None)
    if period is None:
        raise ConfigurationError(
            f"--by {by}: one of {', '.join(PERIODS)} is meant. {propose(by, PERIODS)}".rstrip()
        )
    named = tuple(sorted({key.strip() for key in visits or () if key.strip()}))
    if visits is not None and not named:
        raise ConfigurationError("--visits names no visit.")
    return Span(tuple(dict.fromkeys(pipelines)), since, until, period, named)


def period_of(day: date, by: By) -> tuple[date, date]:
    """First and last day of the calendar month, the week (from Monday), or the day that a day is in."""
    match by:
        case "month":
            first = day.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        case "week":
            first = day - timedelta(days=day.weekday())
            return first, first + timedelta(days=6)
        case "day":
            return day, day


def cut_shards(
    span: Span, admissions: Mapping[str, Iterable[tuple[str, date | None]]]
) -> dict[Shard, list[str]]:
    """The shards of a span, the oldest first, with the keys of their visits; `admissions` by pipeline.

    A shard ends with the span, also in the middle of a month.
    """
    keys: dict[Shard, list[str]] = {}
    for pipeline, visits in admissions.items():
        for key, day in visits:
            keys.setdefault(_shard_of(span, pipeline, day), []).append(key)
    return dict(sorted(keys.items(), key=lambda one: one[0].place))


def _shard_of(span: Span, pipeline: str, day: date | None) -> Shard:
    if day is None:
        return Shard(pipeline, UNDATED, UNDATED)
    first, last = period_of(day, span.by)
    first = max(first, span.first) if span.first else first
    last = min(last, span.last) if span.last else last
    return Shard(pipeline, first.isoformat(), last.isoformat())


def first_part(
    keys: Sequence[str], count: Callable[[Sequence[str]], int], *, most_visits: int, most_rows: int
) -> tuple[Sequence[str], int]:
    """As many of the first visits as have so many rows together, and how many rows those are.

    One visit at least, whatever it has. `count` asks the database, so it is asked a few times only.
    """
    size = min(most_visits, len(keys))
    while True:
        part = keys[:size]
        rows = count(part)
        if rows <= most_rows or size == 1:
            return part, rows
        size = max(1, min(size // 2, size * most_rows // rows))


def rows_at_once(limits: Iterable[int | None]) -> int:
    """How many rows a turn takes under these limits."""
    return max(1, min([MOST_ROWS, *(limit // _PARTS_OF_LIMIT for limit in limits if limit is not None)]))


@dataclass(frozen=True, slots=True)
class Worked:
    """What an earlier run sent, and in how many seconds."""

    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many hours a plan takes, and what that rests on, in words."""

    hours: float
    because: str


def estimate(rows: int, calls: int, worked: Iterable[Worked], limits: BackfillSettings) -> Estimate:
    """How long so many rows and calls take: at the speed that earlier runs had, and not faster than the limits allow."""
    told = [one for one in worked if one.rows >= _FEWEST_ROWS and one.seconds > 0]
    if told:
        speed = sum(one.rows for one in told) / sum(one.seconds for one in told)
        hours = rows / speed / _HOUR_S
        because = f"measured: {len(told)} earlier runs in the ledger sent {speed * 60:,.0f} rows a minute"
    else:
        hours = calls * _CALL_S / limits.visits_in_flight / _HOUR_S
        because = (
            f"assumed, for nothing was measured yet: {_CALL_S} s a call, {limits.visits_in_flight} at once"
        )
    awake = 24 - limits.quiet.hours if limits.quiet else 24
    by_hour = rows / limits.rows_per_hour if limits.rows_per_hour else 0.0
    working = max(hours, by_hour)
    if working > hours:
        because += f"; held to rows_per_hour: {limits.rows_per_hour:,}"
    spread = working * 24 / awake if working > awake else working
    if spread > working:
        because += f"; {awake:g} hours a day"
    days = (rows - 1) // limits.rows_per_day * 24.0 if limits.rows_per_day and rows else 0.0
    if days > spread:
        because += f"; held to rows_per_day: {limits.rows_per_day:,}"
    return Estimate(max(spread, days), because)
