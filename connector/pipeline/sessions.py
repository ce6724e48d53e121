"""The one session of an account at the platform: stored before its first use, closed after a crash, renewed.

A login that succeeds proves that every earlier session is dead (trap T16): that is the fence of the delivery
protocol. So a session found at start is logged out and never used again, and `renew` is log out, log in.
Not for several threads: the delivery loop renews only when no upload is in flight.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from connector.contract.library import contract
from connector.errors import PlatformError, SessionError
from connector.load.client import PlatformClient
from connector.load.judge import LOGGED_IN_ALREADY, NOT_LOGGED_IN, UNREADABLE_REQUEST
from connector.records import Outcome, Verdict

IDLE_S = 2 * 60 * 60
"""A session lapses so long after its last use (section 4.1)."""

_NEAR_MIDNIGHT = timedelta(minutes=10)
_SLICE_S = 5.0
_LONGEST_SESSIONID = 200
_REFUSED_CREDENTIALS = frozenset({"21001", "21002", "21004", "21005", "31002", "31003", "31005", "31006"})


class SessionStore(Protocol):
    """Where a session survives this process, protected (the ledger)."""

    def put_session(self, account: str, sessionid: str) -> None:
        """Keep it durably; LedgerError when that fails."""

    def stored_session(self, account: str) -> str:
        """The one kept, or ""."""

    def drop_session(self, account: str) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class SessionRules:
    """Waits in seconds. `tries` calls for a definite answer, `pause_s` between them.

    An account that is logged in elsewhere (21003) is asked for every `lockout_pause_s`, at most
    `lockout_wait_s` long: a session nobody uses lapses after two hours.
    """

    tries: int = 4
    pause_s: float = 1.0
    lockout_pause_s: float = 300.0
    lockout_wait_s: float = IDLE_S + 300.0


def _ignore(_text: str) -> None:
    """Nobody listens."""


def _go_on() -> None:
    """Nothing to do between two naps."""


class SessionKeeper:
    """Owner of an account's session.

    `now` gives aware times; `sleep` waits seconds, a few at a time: between naps `tick` is called, which may
    keep a lease, or raise to stop. `notify` gets a sentence for the reader when there is something to wait for.
    `zone` is the platform's, whose date makes the login key (trap T9).
    """

    def __init__(
        self,
        client: PlatformClient,
        store: SessionStore,
        account: str,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        zone: str = "Asia/Shanghai",
        rules: SessionRules | None = None,
        notify: Callable[[str], None] = _ignore,
        tick: Callable[[], None] = _go_on,
    ) -> None:
        self._client = client
        self._store = store
        self._account = account
        self._now = now
        self._sleep = sleep
        self._zone = ZoneInfo(zone)
        self._rules = rules or SessionRules()
        self._notify = notify
        self._tick = tick
        self._sessionid = ""

    def __repr__(self) -> str:
        return f"SessionKeeper({self._account!r}, {'open' if self._sessionid else 'closed'})"

    @property
    def sessionid(self) -> str:
        """The session to call with; SessionError when none is open."""
        if not self._sessionid:
            raise SessionError("No session with the platform is open.")
        return self._sessionid

    def digest(self) -> str:
        """A short mark of the session, for the ledger; "" when none is open."""
        return self._client.digest(self._sessionid)

    def open(self) -> None:
        """Log out what an earlier process left, log in, store.

        Raises SessionError when the platform is out of reach, refuses, or keeps the account locked.
        """
        earlier = self._store.stored_session(self._account)
        if earlier:
            self._end(earlier)
        self._begin(earlier)

    def renew(self) -> None:
        """The fence: after it no request of the earlier session can begin any more. Errors as `open`."""
        earlier, self._sessionid = self._sessionid, ""
        if not earlier:
            self.open()
            return
        self._end(earlier)
        self._begin(earlier)

    def close(self) -> None:
        """Log out; what cannot be logged out now stays stored, and the next run does it. Platform troubles pass."""
        earlier, self._sessionid = self._sessionid, ""
        if not earlier:
            return
        try:
            is_closed = self._log_out(earlier)
        except PlatformError:  # a stop on request, raised by `tick`, too
            is_closed = False
        if is_closed:
            self._store.drop_session(self._account)
        else:
            self._notify("The session could not be closed at the platform; the next run closes it first.")

    def close_earlier(self) -> None:
        """Log out what a process left that died, where nothing is to be called; else `open` does it. As `close`."""
        self._sessionid = self._store.stored_session(self._account)
        self.close()

    def _end(self, sessionid: str) -> None:
        """Log out until the platform says something definite; if it never does, the next login has to prove it."""
        if self._log_out(sessionid):
            self._store.drop_session(self._account)

    def _begin(self, earlier: str) -> None:
        """Log in and store; the same number again would be no fence, so it is given back once."""
        sessionid = self._log_in()
        if earlier and sessionid == earlier:
            self._log_out(sessionid)
            sessionid = self._log_in()
            if sessionid == earlier:
                self._log_out(sessionid)
                raise SessionError(
                    "The platform gives the same session again after a logout, so nothing proves that earlier "
                    "requests are over. Ask the platform's operator; meanwhile nothing is sent."
                )
        try:
            self._store.put_session(self._account, sessionid)
        except BaseException:
            self._client.logout(sessionid)  # not stored, not used: no later process could close it
            raise
        self._sessionid = sessionid

    def _log_out(self, sessionid: str) -> bool:
        """Whether the session is definitely closed; SessionError when the platform was never reached."""
        outcome = Outcome(Verdict.NOT_SENT)
        reached = False
        for number in range(self._rules.tries):
            if number:
                self._pause(self._rules.pause_s)
            outcome = self._client.logout(sessionid)
            if outcome.verdict in (Verdict.ACCEPTED, Verdict.SESSION_LOST) or outcome.code in NOT_LOGGED_IN:
                return True
            reached = reached or outcome.verdict is not Verdict.NOT_SENT
            if outcome.code in _REFUSED_CREDENTIALS:
                break
        if not reached:
            raise SessionError(f"The platform cannot be reached: {outcome.message}")
        return False

    def _log_in(self) -> str:
        """A new sessionid, waiting out a lock (21003); SessionError when there is none to be had."""
        waited = 0.0
        tried: set[str] = set()
        while True:
            outcome = self._log_in_reached()
            held = _session_of(outcome)
            if outcome.verdict is Verdict.ACCEPTED:
                return _usable(held)
            if outcome.code != LOGGED_IN_ALREADY:
                raise SessionError(self._explain(outcome))
            if held and held not in tried:
                tried.add(held)
                self._log_out(held)
                continue
            if waited >= self._rules.lockout_wait_s:
                raise SessionError(
                    f"The account {self._account} is logged in elsewhere (21003). Log it out there, or wait two "
                    "hours. Nobody else should use the connector's account."
                )
            pause = min(self._rules.lockout_pause_s, self._rules.lockout_wait_s - waited)
            self._notify(self._countdown(self._rules.lockout_wait_s - waited, pause))
            self._pause(pause)
            waited += pause

    def _countdown(self, left: float, pause: float) -> str:
        until = (self._now() + timedelta(seconds=left)).astimezone(self._zone)
        return (
            f"The account {self._account} is logged in elsewhere (21003); waiting until {until:%H:%M} at the "
            f"latest, {left / 60:.0f} minutes; next try in {pause:.0f} s."
        )

    def _log_in_reached(self) -> Outcome:
        """An answer to a login that says something definite, or the last of a few that do not."""
        outcome = self._log_in_by_date()
        for _ in range(self._rules.tries - 1):
            if outcome.verdict in (Verdict.ACCEPTED, Verdict.REJECTED):
                break
            self._pause(self._rules.pause_s)
            outcome = self._log_in_by_date()
        return outcome

    def _log_in_by_date(self) -> Outcome:
        """One login; where its key may be of the wrong day, one more with the likeliest other day (trap T9)."""
        moment = self._now().astimezone(self._zone)
        outcome = self._client.login(moment.date())
        if _may_be_the_key(outcome):
            other = self._other_day(moment)
            if other is not None:
                second = self._client.login(other)
                return outcome if _may_be_the_key(second) else second
        return outcome

    def _other_day(self, moment: datetime) -> date | None:
        """The platform's own day when its clock shows another one, else the neighbour near midnight."""
        theirs = self._client.platform_time
        days = [theirs.astimezone(self._zone).date()] if theirs is not None else []
        days += [(moment - _NEAR_MIDNIGHT).date(), (moment + _NEAR_MIDNIGHT).date()]
        return next((day for day in days if day != moment.date()), None)

    def _explain(self, outcome: Outcome) -> str:
        """Why there is no session, and what to do."""
        said = f"{outcome.code} {outcome.message}".strip()
        if outcome.verdict is Verdict.NOT_SENT:
            return f"The platform cannot be reached: {said}"
        if outcome.code in _REFUSED_CREDENTIALS:
            return (
                f"The platform refuses the login of {self._account}: {said}. "
                "Check platform.username and platform.password."
            )
        if _may_be_the_key(outcome):
            ours = self._now().astimezone(self._zone)
            theirs = self._client.platform_time
            clock = (
                f", the platform's answer {theirs.astimezone(self._zone):%Y-%m-%d %H:%M}" if theirs else ""
            )
            return (
                f"The platform cannot read the login: {said}. Its key is made of the date: this computer says "
                f"{ours:%Y-%m-%d %H:%M}{clock} ({self._zone.key}). Check the clock, platform.base_url and "
                "platform.message_in."
            )
        return f"No session can be had from the platform: {said}"

    def pause(self, seconds: float) -> None:
        """Wait with the session open; `tick` is called between two naps."""
        self._pause(seconds)

    def _pause(self, seconds: float) -> None:
        left = seconds
        while left > 0:
            self._tick()
            nap = min(left, _SLICE_S)
            self._sleep(nap)
            left -= nap


def _may_be_the_key(outcome: Outcome) -> bool:
    """Whether a login may have failed because its key was of another day: it was answered, but not understood."""
    if outcome.code:
        return outcome.code in UNREADABLE_REQUEST or outcome.verdict is Verdict.IN_DOUBT
    return outcome.verdict is Verdict.IN_DOUBT and bool(outcome.raw)


def _session_of(outcome: Outcome) -> str:
    """The sessionid in the answer to a login, as text (trap T15); "" when there is none."""
    value = outcome.body.get(contract().operation("login").answer.roles["session"])
    return str(value).strip() if isinstance(value, (int, str)) and not isinstance(value, bool) else ""


def _usable(sessionid: str) -> str:
    """A sessionid that can travel in a header; SessionError otherwise."""
    if not sessionid:
        raise SessionError("The platform accepted the login and gave no sessionid. Ask its operator.")
    if len(sessionid) > _LONGEST_SESSIONID or not sessionid.isascii() or not sessionid.isprintable():
        raise SessionError("The platform gave a sessionid that cannot travel in a header. Ask its operator.")
    return sessionid
