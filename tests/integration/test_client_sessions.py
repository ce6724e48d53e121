"""The session keeper against the stand-in platform: crashes, fences, locks, midnight."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import SessionError
from connector.pipeline.sessions import SessionKeeper, SessionRules
from connector.records import Verdict
from tests.integration.client_kit import START, TODAY, UPLOAD, charges, log_in, make_client, start_platform


class Clock:
    def __init__(self, moment=START):
        self.moment = moment

    def __call__(self):
        return self.moment

    def sleep(self, seconds):
        self.moment += timedelta(seconds=seconds)


class Store:
    """What survives a process."""

    def __init__(self):
        self.kept = {}

    def put_session(self, account, sessionid):
        self.kept[account] = sessionid

    def stored_session(self, account):
        return self.kept.get(account, "")

    def drop_session(self, account):
        self.kept.pop(account, None)


class Place:
    """A platform, a client of it, a clock for both, and a store."""

    def __init__(self, platform, clock):
        self.platform = platform
        self.clock = clock
        self.store = Store()
        self.client = make_client(platform.url)
        self.notes = []

    def keeper(self, **rules):
        return SessionKeeper(
            self.client,
            self.store,
            "demo",
            now=self.clock,
            sleep=self.clock.sleep,
            rules=SessionRules(**rules),
            notify=self.notes.append,
        )

    def sessions(self):
        return list(self.platform.state.sessions)


@pytest.fixture
def place(request):
    clock = Clock()
    with start_platform(clock=clock, **getattr(request, "param", {})) as platform:
        made = Place(platform, clock)
        yield made
        made.client.close()
        assert not platform.internal_errors


def test_a_run_opens_one_session_and_closes_it(place):
    keeper = place.keeper()
    keeper.open()
    assert place.sessions() == [keeper.sessionid]
    assert place.store.kept == {"demo": keeper.sessionid}
    assert place.client.call(UPLOAD, charges(), keeper.sessionid).verdict is Verdict.ACCEPTED
    keeper.close()
    assert not place.sessions()
    assert not place.store.kept


def test_after_a_crash_the_old_session_is_closed_and_a_new_one_used(place):
    place.keeper().open()
    (earlier,) = place.sessions()
    keeper = place.keeper()  # the first one's process is gone, its session is not
    keeper.open()
    assert place.sessions() == [keeper.sessionid] != [earlier]
    assert place.client.call(UPLOAD, charges(), earlier).verdict is Verdict.SESSION_LOST


def test_the_fence_kills_a_request_that_has_not_begun(place):
    keeper = place.keeper()
    keeper.open()
    place.platform.switch_on({"fault": "P.delay_pre_session", "delay_s": 60})
    late = place.client.call(UPLOAD, charges(), keeper.sessionid)
    assert late.verdict is Verdict.IN_DOUBT
    keeper.renew()
    place.platform.release()
    assert not place.platform.fees("V1")
    assert place.client.call(UPLOAD, charges(), keeper.sessionid).verdict is Verdict.ACCEPTED
    assert len(place.platform.fees("V1")) == 1


def test_a_session_that_lapsed_is_renewed(place):
    keeper = place.keeper()
    keeper.open()
    place.clock.moment += timedelta(hours=2)
    lost = place.client.call(UPLOAD, charges(), keeper.sessionid)
    assert (lost.verdict, lost.code) == (Verdict.SESSION_LOST, "11006")
    keeper.renew()
    assert place.client.call(UPLOAD, charges(), keeper.sessionid).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("place", [{"tells_live_session": True}], indirect=True)
def test_a_lock_that_tells_its_session_is_opened_at_once(place):
    foreign = log_in(place.client)
    keeper = place.keeper()
    keeper.open()
    assert place.sessions() == [keeper.sessionid] != [foreign]
    assert place.clock.moment == START


def test_a_lock_that_tells_nothing_is_waited_out(place):
    log_in(place.client)
    keeper = place.keeper()
    keeper.open()
    assert place.sessions() == [keeper.sessionid]
    assert timedelta(hours=2) <= place.clock.moment - START <= timedelta(hours=2, minutes=5)
    assert "21003" in place.notes[0]


def test_the_wait_for_a_lock_ends(place):
    place.platform.switch_on({"fault": "P.lockout", "every": 1})
    with pytest.raises(SessionError, match="logged in elsewhere"):
        place.keeper(lockout_wait_s=600).open()
    assert not place.store.kept


def test_a_login_whose_answer_was_lost_ends_in_the_lock_and_not_in_two_sessions(place):
    place.platform.switch_on("N.sent_no_answer:login")
    keeper = place.keeper()
    keeper.open()
    assert place.sessions() == [keeper.sessionid]
    assert place.notes


@pytest.mark.parametrize("fault", ["N.reset", "N.502.B", "N.502.A", "N.html_200", "N.answer_mid"])
def test_a_lost_logout_is_repeated_until_it_is_definite(place, fault):
    keeper = place.keeper()
    keeper.open()
    place.platform.switch_on(f"{fault}:logout")
    keeper.close()
    assert not place.sessions()
    assert not place.store.kept
    assert [code for method, code in place.platform.calls if method == "logout"][-1] in ("0", "31007")


@pytest.mark.parametrize("offset", [-3, 3])
def test_a_clock_that_is_off_at_midnight_does_not_matter(offset):
    midnight = datetime(2026, 3, 5, 16, 0, tzinfo=UTC)
    theirs = Clock(midnight - timedelta(seconds=60 * offset / 3))
    with start_platform(clock=theirs) as platform:
        place = Place(platform, Clock(midnight + timedelta(minutes=offset)))
        keeper = place.keeper()
        keeper.open()
        assert place.sessions() == [keeper.sessionid]
        assert [code for method, code in platform.calls if method == "login"] == ["11002", "0"]
        place.client.close()


def test_a_wrong_password_is_told_once(place):
    place.client._password = "0" * 32
    with pytest.raises(SessionError, match="21005"):
        place.keeper().open()
    assert [method for method, _ in place.platform.calls] == ["login"]


def test_a_second_login_elsewhere_does_not_disturb_an_open_session(place):
    keeper = place.keeper()
    keeper.open()
    again = place.client.login(TODAY)
    assert again.code == "21003"
    assert place.client.digest(keeper.sessionid) == keeper.digest()
