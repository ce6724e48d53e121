from collections import deque
from datetime import UTC, date, datetime, timedelta

import pytest

from connector.errors import LedgerError, PlatformError, SessionError
from connector.pipeline.sessions import SessionKeeper, SessionRules
from connector.records import Outcome, Verdict

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 5, 16, 0, tzinfo=UTC)  # 00:00 of the 6th in China

SILENCE = Outcome(Verdict.IN_DOUBT, message="no answer within the time allowed")
UNREACHED = Outcome(Verdict.NOT_SENT, message="nothing listens there")
CLOSED = Outcome(Verdict.ACCEPTED, "0", body={"code": 0, "sessionid": "9999"})
UNKNOWN = Outcome(Verdict.REJECTED, "31007", "B31007-当前用户未登录")
DEAD = Outcome(Verdict.SESSION_LOST, "11005", "sessionid无效")
BROKEN = Outcome(Verdict.RETRYABLE, "99999", "系统发生异常")
UNREADABLE = Outcome(Verdict.REJECTED, "11002", "接口入参解析错误", raw=b"{}")


def opened(sessionid):
    return Outcome(Verdict.ACCEPTED, "0", "登录成功!", body={"code": 0, "sessionid": sessionid})


def locked(**body):
    return Outcome(Verdict.REJECTED, "21003", "A21003-用户已登录", body=body)


class World:
    """Client, ledger and clock in one; `log` is the order of what happened."""

    def __init__(self, *, logins=(), logouts=(), stored="", moment=NOON):
        self.logins = deque(logins)
        self.logouts = deque(logouts)
        self.stored = {"demo": stored} if stored else {}
        self.moment = moment
        self.log = []
        self.notes = []
        self.ticks = 0
        self.platform_time = None
        self.full = False

    def login(self, day: date):
        self.log.append(f"login {day}")
        return self.logins.popleft() if len(self.logins) > 1 else self.logins[0]

    def logout(self, sessionid):
        self.log.append(f"logout {sessionid}")
        if not self.logouts:
            return CLOSED
        return self.logouts.popleft() if len(self.logouts) > 1 else self.logouts[0]

    def digest(self, sessionid):
        return f"mark of {len(sessionid)}"

    def put_session(self, account, sessionid):
        if self.full:
            raise LedgerError("the disk is full")
        self.log.append(f"put {sessionid}")
        self.stored[account] = sessionid

    def stored_session(self, account):
        return self.stored.get(account, "")

    def drop_session(self, account):
        self.log.append("drop")
        self.stored.pop(account, None)

    def sleep(self, seconds):
        assert seconds <= 5
        self.moment += timedelta(seconds=seconds)

    def tick(self):
        self.ticks += 1

    def keeper(self, **rules):
        return SessionKeeper(
            self,
            self,
            "demo",
            now=lambda: self.moment,
            sleep=self.sleep,
            rules=SessionRules(**rules),
            notify=self.notes.append,
            tick=self.tick,
        )


def test_a_session_is_stored_before_anybody_can_use_it():
    world = World(logins=[opened("8280")])
    keeper = world.keeper()
    with pytest.raises(SessionError, match="No session"):
        _ = keeper.sessionid
    keeper.open()
    assert world.log == ["login 2026-03-05", "put 8280"]
    assert keeper.sessionid == "8280"


def test_a_session_that_cannot_be_stored_is_not_used_and_is_given_back():
    world = World(logins=[opened("8280")])
    world.full = True
    keeper = world.keeper()
    with pytest.raises(LedgerError):
        keeper.open()
    assert world.log == ["login 2026-03-05", "logout 8280"]
    with pytest.raises(SessionError):
        _ = keeper.sessionid


@pytest.mark.parametrize("answer", [CLOSED, UNKNOWN, DEAD])
def test_what_an_earlier_process_left_is_logged_out_and_never_used(answer):
    world = World(logins=[opened("8281")], logouts=[answer], stored="8280")
    keeper = world.keeper()
    keeper.open()
    assert world.log == ["logout 8280", "drop", "login 2026-03-05", "put 8281"]
    assert keeper.sessionid == "8281"


def test_a_logout_is_repeated_until_the_answer_is_definite():
    world = World(logins=[opened("8281")], logouts=[SILENCE, UNREACHED, BROKEN, UNKNOWN], stored="8280")
    world.keeper(tries=4).open()
    assert world.log == [*["logout 8280"] * 4, "drop", "login 2026-03-05", "put 8281"]


def test_a_logout_that_is_never_answered_leaves_the_proof_to_the_login():
    world = World(logins=[opened("8281")], logouts=[SILENCE], stored="8280")
    world.keeper(tries=3).open()
    assert world.log == [*["logout 8280"] * 3, "login 2026-03-05", "put 8281"]
    assert world.stored == {"demo": "8281"}


def test_out_of_reach_nothing_is_forgotten():
    world = World(logins=[UNREACHED], logouts=[UNREACHED], stored="8280")
    with pytest.raises(SessionError, match="cannot be reached: nothing listens"):
        world.keeper(tries=3).open()
    assert world.log == ["logout 8280"] * 3
    assert world.stored == {"demo": "8280"}


def test_a_login_out_of_reach_is_tried_a_few_times():
    world = World(logins=[UNREACHED, SILENCE, opened("1")])
    world.keeper(tries=3).open()
    assert world.log[-1] == "put 1"
    with pytest.raises(SessionError, match="cannot be reached"):
        World(logins=[UNREACHED]).keeper(tries=3).open()
    with pytest.raises(SessionError, match="no answer within"):
        World(logins=[SILENCE]).keeper(tries=3).open()


@pytest.mark.parametrize("code", ["21001", "21002", "21004", "21005"])
def test_refused_credentials_are_tried_once_only(code):
    world = World(logins=[Outcome(Verdict.REJECTED, code, "A21005-密码错误")])
    with pytest.raises(SessionError, match=rf"(?s){code} A21005-密码错误.*platform\.password"):
        world.keeper().open()
    assert len(world.log) == 1


def test_renewing_is_logging_out_and_in_again():
    world = World(logins=[opened("8280"), opened("8281")])
    keeper = world.keeper()
    keeper.open()
    keeper.renew()
    assert world.log[2:] == ["logout 8280", "drop", "login 2026-03-05", "put 8281"]
    assert keeper.sessionid == "8281"


def test_a_renewal_that_fails_leaves_no_session_to_send_with():
    world = World(logins=[opened("8280"), UNREACHED])
    keeper = world.keeper(tries=2)
    keeper.open()
    with pytest.raises(SessionError):
        keeper.renew()
    with pytest.raises(SessionError):
        _ = keeper.sessionid


def test_the_same_number_again_is_no_fence():
    world = World(logins=[opened("8280"), opened("8280"), opened("8281")])
    keeper = world.keeper()
    keeper.open()
    keeper.renew()
    assert world.log[2:] == [
        "logout 8280",
        "drop",
        *["login 2026-03-05", "logout 8280"],
        "login 2026-03-05",
        "put 8281",
    ]
    world = World(logins=[opened("8280")], stored="8280")
    with pytest.raises(SessionError, match="same session again"):
        world.keeper().open()
    assert world.log[-1] == "logout 8280"
    assert "put 8280" not in world.log


def test_closing_logs_out_and_forgets():
    world = World(logins=[opened("8280")])
    keeper = world.keeper()
    keeper.open()
    keeper.close()
    keeper.close()
    assert world.log[2:] == ["logout 8280", "drop"]
    assert not world.notes


@pytest.mark.parametrize("answer", [UNREACHED, SILENCE, BROKEN])
def test_a_session_that_cannot_be_closed_stays_stored_for_the_next_run(answer):
    world = World(logins=[opened("8280")], logouts=[answer])
    keeper = world.keeper(tries=2)
    keeper.open()
    keeper.close()
    assert world.stored == {"demo": "8280"}
    assert "next run" in world.notes[0]
    with pytest.raises(SessionError):
        _ = keeper.sessionid


def test_a_stop_while_closing_does_not_hide_what_the_run_did():
    def stop():
        raise PlatformError("stopped on request")

    world = World(logins=[opened("8280")], logouts=[SILENCE])
    world.tick = stop
    keeper = world.keeper()
    keeper.open()
    keeper.close()
    assert world.log[2:] == ["logout 8280"]
    assert world.stored == {"demo": "8280"}


def test_a_lock_with_its_session_told_is_opened_by_logging_that_one_out():
    world = World(logins=[locked(sessionid=8270), opened("8280")])
    keeper = world.keeper()
    keeper.open()
    assert world.log == ["login 2026-03-05", "logout 8270", "login 2026-03-05", "put 8280"]
    assert keeper.sessionid == "8280"


def test_the_session_a_lock_tells_is_never_used_and_logged_out_once_only():
    world = World(logins=[locked(sessionid="8270")])
    with pytest.raises(SessionError, match="21003"):
        world.keeper(lockout_wait_s=600).open()
    assert world.log.count("logout 8270") == 1
    assert "put 8270" not in world.log


def test_a_lock_is_waited_out_with_a_countdown():
    world = World(logins=[locked(), locked(), locked(), opened("8280")])
    world.keeper().open()
    assert world.moment - NOON == timedelta(minutes=15)
    assert len(world.notes) == 3
    assert "until 14:05 at the latest, 125 minutes; next try in 300 s" in world.notes[0]
    assert "until 14:05 at the latest, 115 minutes" in world.notes[2]
    assert world.ticks == 3 * 60


def test_the_wait_for_a_lock_is_bounded():
    world = World(logins=[locked()])
    with pytest.raises(SessionError, match="logged in elsewhere"):
        world.keeper(lockout_wait_s=700, lockout_pause_s=300).open()
    assert world.moment - NOON == timedelta(seconds=700)
    assert world.log == ["login 2026-03-05"] * 4


def test_without_patience_a_lock_is_told_at_once():
    world = World(logins=[locked()])
    with pytest.raises(SessionError, match="logged in elsewhere"):
        world.keeper(lockout_wait_s=0).open()
    assert world.moment == NOON


def test_a_wait_can_be_stopped():
    class Stop(Exception):
        pass

    def stop():
        raise Stop

    world = World(logins=[locked()])
    world.tick = stop
    with pytest.raises(Stop):
        world.keeper().open()
    assert world.moment == NOON


@pytest.mark.parametrize(
    ("minutes", "days"),
    [
        (-5, ["2026-03-05", "2026-03-06"]),
        (5, ["2026-03-06", "2026-03-05"]),
        (-11, ["2026-03-05"]),
        (11, ["2026-03-06"]),
    ],
)
def test_near_midnight_the_neighbouring_day_is_tried_once(minutes, days):
    world = World(logins=[UNREADABLE], moment=MIDNIGHT + timedelta(minutes=minutes))
    with pytest.raises(SessionError, match="made of the date"):
        world.keeper().open()
    assert world.log == [f"login {day}" for day in days]


@pytest.mark.parametrize(
    "answer", [UNREADABLE, Outcome(Verdict.IN_DOUBT, raw=b"x"), Outcome(Verdict.IN_DOUBT, "99999")]
)
def test_the_neighbouring_days_key_opens_a_session(answer):
    world = World(logins=[answer, opened("8280")], moment=MIDNIGHT - timedelta(minutes=1))
    world.keeper().open()
    assert world.log == ["login 2026-03-05", "login 2026-03-06", "put 8280"]


@pytest.mark.parametrize("answer", [SILENCE, UNREACHED, locked()])
def test_what_is_not_about_the_key_is_not_tried_with_another_day(answer):
    world = World(logins=[answer, opened("8280")], moment=MIDNIGHT - timedelta(minutes=1))
    world.keeper(lockout_pause_s=10).open()
    assert world.log[1] != "login 2026-03-06"


def test_the_day_is_read_anew_for_every_login():
    world = World(logins=[locked(), opened("8280")], moment=MIDNIGHT - timedelta(minutes=1))
    world.keeper().open()
    assert world.log == ["login 2026-03-05", "login 2026-03-06", "put 8280"]


def test_a_computer_whose_clock_is_days_off_is_told_and_helped():
    world = World(logins=[UNREADABLE, opened("8280")])
    world.platform_time = datetime(2026, 3, 7, 1, 0, tzinfo=UTC)
    world.keeper().open()
    assert world.log == ["login 2026-03-05", "login 2026-03-07", "put 8280"]
    world = World(logins=[UNREADABLE])
    world.platform_time = datetime(2026, 3, 7, 1, 0, tzinfo=UTC)
    with pytest.raises(SessionError, match=r"2026-03-05 12:00, the platform's answer 2026-03-07 09:00"):
        world.keeper().open()


@pytest.mark.parametrize("sessionid", ["", None, [], True, "a\r\nb", "会话", "9" * 999])
def test_a_sessionid_that_is_none_opens_nothing(sessionid):
    world = World(logins=[opened(sessionid)])
    with pytest.raises(SessionError, match="sessionid") as caught:
        world.keeper().open()
    assert not world.stored
    assert str(sessionid) not in str(caught.value) or sessionid in ("", True)


def test_a_long_number_keeps_its_digits():
    world = World(logins=[opened(12345678901234567890)])
    keeper = world.keeper()
    keeper.open()
    assert keeper.sessionid == "12345678901234567890"


def test_nothing_secret_is_shown():
    world = World(logins=[opened("8280"), locked(sessionid="8270")])
    keeper = world.keeper(lockout_wait_s=10)
    keeper.open()
    assert repr(keeper) == "SessionKeeper('demo', open)"
    assert keeper.digest() == "mark of 4"
    with pytest.raises(SessionError) as caught:
        keeper.renew()
    shown = str(caught.value) + repr(keeper) + "".join(world.notes)
    assert "8280" not in shown
    assert "8270" not in shown
