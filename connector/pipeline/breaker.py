"""The breaker: whether a platform that fails as a whole is sent anything, and when it is asked again.

A pure state, without clock, thread or platform: each answer gives the next state. It opens after three equal errors
of the platform itself in a row; then nothing goes but a probe, a query that changes nothing. A probe that is
answered proves that the platform is there, not that it takes uploads: one upload goes alone, and only its
definite answer closes the breaker.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

EQUAL_ERRORS = 3
"""So many equal errors in a row open it."""


class Position(StrEnum):
    """What goes through."""

    CLOSED = "closed"  #: everything
    OPEN = "open"  #: nothing but a probe, once its time has come
    TRIAL = "trial"  #: queries, and one upload at a time
    GIVEN_UP = "given up"  #: nothing more in this run


@dataclass(frozen=True, slots=True)
class Streak:
    """Equal errors in a row; `kind` is theirs."""

    kind: str = ""
    length: int = 0

    def grow(self, kind: str) -> "Streak":
        """One more error: it lengthens the row, or begins a new one."""
        return Streak(kind, self.length + 1 if kind == self.kind else 1)


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of the breaker. `pause_s` before the first probe, doubled before each further one, of at most `probes`.

    `calls` are the errors of all calls in a row, `uploads` those of uploads alone: a platform whose queries are
    answered while every upload fails has to open it too, so a query's good answer ends only the first row. `tries`
    counts the openings since an upload had a definite answer. Times are seconds of a clock that never jumps.
    """

    pause_s: float
    probes: int
    position: Position = Position.CLOSED
    calls: Streak = Streak()
    uploads: Streak = Streak()
    tries: int = 0
    probe_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether everything but a probe has to wait."""
        return self.position in (Position.OPEN, Position.GIVEN_UP)

    @property
    def patience_s(self) -> float:
        """How long the platform has been waited for, when it is given up."""
        return self.pause_s * ((1 << self.probes) - 1)

    def allow(self, wanted: int, *, in_flight: int) -> int:
        """How many of the uploads that are wanted may be claimed while so many others are under way."""
        if self.position is Position.CLOSED:
            return wanted
        return min(wanted, 1) if self.position is Position.TRIAL and not in_flight else 0

    def take_answer(self, error: str, *, is_upload: bool, now: float) -> "Breaker":
        """The state after a call; `error` is the kind of the platform's failure, "" for an answer that is none."""
        if not error:
            return self._take_good(is_upload=is_upload)
        uploads = self.uploads.grow(error) if is_upload else self.uploads
        grown = replace(self, calls=self.calls.grow(error), uploads=uploads)
        is_failed_trial = self.position is Position.TRIAL and is_upload
        is_row = EQUAL_ERRORS in (grown.calls.length, grown.uploads.length)
        return _open(grown, now) if not self.is_open and (is_failed_trial or is_row) else grown

    def take_probe(self, error: str, *, now: float) -> "Breaker":
        """The state after a probe."""
        if error:
            return _open(self, now)
        return replace(self, position=Position.TRIAL, calls=Streak(), uploads=Streak())

    def _take_good(self, *, is_upload: bool) -> "Breaker":
        """An upload's definite answer proves everything, a query's that the platform is there."""
        if is_upload and self.position is not Position.GIVEN_UP:
            return Breaker(self.pause_s, self.probes)
        return replace(self, calls=Streak())


def _open(breaker: Breaker, now: float) -> Breaker:
    """Wait for the next probe, or give up after the last."""
    if breaker.tries >= breaker.probes:
        return replace(breaker, position=Position.GIVEN_UP)
    probe_at = now + breaker.pause_s * (1 << breaker.tries)
    return replace(breaker, position=Position.OPEN, tries=breaker.tries + 1, probe_at=probe_at)
