"""How fast a backfill may go, and what it tells of how far it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connector.config.settings import GuardSettings
from connector.errors import Stopped
from connector.pipeline.parts import Parts
from connector.pipeline.progress import Progress, Silent
from connector.pipeline.shards import Shard, rows_at_once
from connector.records import yuan

SHARE = 2
"""A backfill uses one part in so many of what the guards allow a run and a day: the rest is left to runs."""

_SLICE_S = 1.0
"""The longest sleep: how soon a stop is heard."""

_LOOK_S = 60.0
"""How often it is looked again whether rows of the last hour are older than that by now."""

_TELL_S = 60.0
"""How often progress is told in a line."""

_HOUR = timedelta(hours=1)


def own_share(guards: GuardSettings) -> GuardSettings:
    """What a backfill may use of the guards' limits on size."""

    def part(limit: int | None) -> int | None:
        return None if limit is None else max(1, limit // SHARE)

    return replace(
        guards,
        rows_per_run=part(guards.rows_per_run),
        rows_per_day=part(guards.rows_per_day),
        yuan_per_run=part(guards.yuan_per_run),
        yuan_per_day=part(guards.yuan_per_day),
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits of `backfill:`, and its share of the guards' limits of a day. What runs sent counts too."""

    parts: Parts
    progress: Progress
    is_stopping: Callable[[], bool]

    @property
    def most_rows(self) -> int:
        """How many rows a turn takes."""
        own, share = self.parts.project.settings.backfill, own_share(self.parts.project.settings.guards)
        return rows_at_once((own.rows_per_hour, own.rows_per_day, share.rows_per_day, share.rows_per_run))

    def is_quiet(self) -> bool:
        """Whether the quiet hours hold."""
        quiet = self.parts.project.settings.backfill.quiet
        return quiet is not None and quiet.is_at(self.parts.clock.now(), self._zone)

    def await_leave(self) -> None:
        """Wait until a turn may begin, saying once what for. Raises Stopped, LedgerError."""
        told = ""
        while True:
            if self.is_stopping():
                raise Stopped
            why, until = next(self._obstacles(), ("", None))
            if not why:
                return
            if why != told:
                self.progress.note(f"The backfill waits: {why}.")
                told = why
            self.sleep((until - self.parts.clock.now()).total_seconds() if until else _LOOK_S)

    def sleep(self, seconds: float) -> None:
        """Sleep so long; raises Stopped when a stop is asked for meanwhile."""
        end = self.parts.clock.now() + timedelta(seconds=seconds)
        while (left := (end - self.parts.clock.now()).total_seconds()) > 0:
            if self.is_stopping():
                raise Stopped
            self.parts.clock.sleep(min(_SLICE_S, left))

    def _obstacles(self) -> Iterator[tuple[str, datetime | None]]:
        """What stands in the way of a turn now, and until when where that is known."""
        settings, now = self.parts.project.settings, self.parts.clock.now()
        own, share = settings.backfill, own_share(settings.guards)
        if own.quiet is not None and self.is_quiet():
            end = own.quiet.after(now, self._zone)
            yield f"its quiet hours last until {end.astimezone(self._zone):%H:%M}", end
        morning = now.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        tomorrow = morning + timedelta(days=1)
        with self.parts.open_ledger(read_only=True) as ledger:
            today = ledger.quantities.sent_since(morning)
            hour = ledger.quantities.sent_since(now - _HOUR)
        for name, limit in (
            ("backfill.rows_per_day", own.rows_per_day),
            ("half of guards.rows_per_day", share.rows_per_day),
        ):
            if limit is not None and today.rows + self.most_rows > limit:
                yield f"{today.rows:,} rows went today ({name}: {limit:,}); it goes on at midnight", tomorrow
        if share.yuan_per_day is not None and yuan(today.amount) >= share.yuan_per_day:
            limited = f"half of guards.yuan_per_day: {share.yuan_per_day:,}"
            yield f"{yuan(today.amount):,.2f} yuan went today ({limited}); it goes on at midnight", tomorrow
        if own.rows_per_hour is not None and hour.rows + self.most_rows > own.rows_per_hour:
            yield f"rows_per_hour ({own.rows_per_hour:,}) is reached", None

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.parts.project.settings.platform.key_date_zone)


class MutedProgress(Silent):
    """Sentences only: each turn's own small bars would come and go beside the one of the whole."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def note(self, text: str) -> None:
        """A sentence for the reader."""
        self._progress.note(text)


@dataclass(slots=True)
class Pulse:
    """How far a backfill is, how fast it goes, and how long that will take; `planned` rows are before it."""

    progress: Progress
    monotonic: Callable[[], float]
    planned: int
    sent: int = field(default=0, init=False)
    _left: int = field(default=0, init=False)
    _shard: str = field(default="", init=False)
    _in_shard: int = field(default=0, init=False)
    _began: float = field(default=0.0, init=False)
    _told: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._left = self.planned
        self._began = self._told = self.monotonic()
        self.progress.start("backfill rows", self.planned)

    def begin(self, shard: Shard) -> None:
        """A shard begins."""
        self._shard, self._in_shard = shard.name, shard.rows

    def take(self, rows: int) -> None:
        """So many rows of it are sent."""
        self.sent += rows
        counted = min(rows, self._in_shard)
        self._in_shard -= counted
        self._left -= counted
        self.progress.advance("backfill rows", rows)
        if self.monotonic() - self._told >= _TELL_S:
            self.tell()

    def finish(self) -> None:
        """The shard is done; planned rows that were not sent are held back, or somebody else sent them."""
        self._left = max(0, self._left - self._in_shard)
        self._in_shard = 0
        self.tell(is_done=True)

    def end(self) -> None:
        """The backfill ends, or was stopped."""
        self.progress.finish("backfill rows")

    def tell(self, *, is_done: bool = False) -> None:
        """Say how far it is."""
        self._told = self.monotonic()
        seconds = self._told - self._began
        speed = self.sent / seconds if seconds else 0.0
        rate = f", {speed * 60:,.0f} rows a minute" if speed else ""
        left = f", {in_words(self._left / speed)} left" if speed and self._left else ""
        what = f"{self._shard}{' is done' if is_done else ''}"
        self.progress.note(f"{what}: {self.sent:,} rows sent, {self._left:,} to go{rate}{left}.")


def in_words(seconds: float) -> str:
    """`about 3 d 4 h`, `about 2 h 05 min`, `about 12 min`, `less than a minute`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"about {days} d {hours} h"
    return f"about {hours} h {minutes:02} min" if hours else f"about {minutes} min"
