"""The state file: stop, kill, go on; and files that are not one."""

import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest

from connector.errors import ConfigurationError
from connector.simulator.server import serve
from tests.unit.simulator.client import KEY, Caller, code, med, order

HEAD = '{"event":"begin","format":1}\n'


@contextmanager
def running(path, clock, **choices):
    with serve(
        key_text=KEY, username="demo", password="secret", clock=clock, state_file=path, **choices
    ) as one:
        caller = Caller(one)
        try:
            yield caller
        finally:
            caller.http.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "platform.state"


def fill(caller) -> None:
    assert code(caller.login()) == "0"
    caller.register()
    caller.upload(med("10", "2", "20"), orders=(order("1"),))
    caller.register("V2", aac002="152824198204240053")
    caller.upload(med("5"), visit="V2")
    caller.call("invalidData", akc190="V2")
    caller.upload(med("7"), visit="V2")
    caller.approve("V2")


def knows(simulator) -> tuple:
    state = simulator.state
    return (
        sorted(state.sessions),
        {number: (visit.closed_on, visit.episode, visit.approvals) for number, visit in state.visits.items()},
        [simulator.fees(number) for number in ("V1", "V2")],
        [simulator.total(number) for number in ("V1", "V2")],
        simulator.orders("V1"),
        simulator.rows_received,
        list(state.committed_rows()),
    )


def test_stopped_and_gone_on(path, clock):
    with running(path, clock) as caller:
        fill(caller)
        caller.simulator.close_visit("V1", on="2026-03-04")
        before, sessionid = knows(caller.simulator), caller.sessionid
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    with running(path, clock) as caller:
        assert knows(caller.simulator) == before
        caller.sessionid = sessionid
        assert code(caller.upload(med("10", "-3", "-30"), visit="V2")) == "81021"
        assert code(caller.upload(med("7", "-1", "-7"), visit="V2")) == "0"
        assert code(caller.logout()) == "0"
        caller.login()
        assert int(caller.sessionid) > int(sessionid)  # never the same number twice


def test_undone_registrations_stay_undone(path, clock):
    with running(path, clock) as caller:
        fill(caller)
        assert code(caller.call("regundo", akc190="V2")) == "0"
    with running(path, clock) as caller:
        assert set(caller.simulator.state.visits) == {"V1"}


def test_what_a_killed_process_left_of_a_line_is_cut_off(path, clock):
    with running(path, clock) as caller:
        fill(caller)
        before = knows(caller.simulator)
    content = path.read_bytes()
    last = content.rstrip(b"\n").rfind(b"\n") + 1
    for cut in (last + 1, len(content) - 1):
        path.write_bytes(content[:cut])
        with running(path, clock) as caller:
            assert caller.simulator.state.visits["V2"].approvals == []
            assert caller.simulator.total("V2") == 70_000
        assert path.read_bytes() == content[:last]
    path.write_bytes(content)
    with running(path, clock) as caller:
        assert knows(caller.simulator) == before


@pytest.mark.parametrize("size", range(len(HEAD)))
def test_a_process_killed_at_its_first_line(path, clock, size):
    path.write_text(HEAD[:size])
    with running(path, clock) as caller:
        assert caller.simulator.state.visits == {}
        caller.login()
    lines = path.read_text().splitlines()
    assert lines[0] == HEAD.strip()
    assert [json.loads(line)["event"] for line in lines] == ["begin", "login"]


@pytest.mark.parametrize(
    "content",
    [
        b"a letter without an end",
        b"a letter\n",
        b"\x00\xff",
        b'{"event":"x"}\n',
        b"\n",
        b'{"event":"begin","format":2}\n',
    ],
)
def test_somebody_elses_file_is_left_as_it_is(path, clock, content):
    path.write_bytes(content)
    with (
        pytest.raises(ConfigurationError, match="is not a simulator's state file") as caught,
        running(path, clock),
    ):
        pass
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "5",
        "{}",
        '{"event": 1}',
        '{"event": "dance", "at": "2026-03-05T02:00:00+00:00"}',
        '{"event": "login", "at": "yesterday", "sessionid": "1", "account": "demo"}',
        '{"event": "login", "at": 5, "sessionid": "1", "account": "demo"}',
        '{"event": "login", "at": "2026-03-05T02:00:00+00:00", "sessionid": "x", "account": "demo"}',
        '{"event": "fees", "at": "2026-03-05T02:00:00+00:00", "visit": "V9", "fees": []}',
        '{"event": "register", "at": "2026-03-05T02:00:00+00:00", "visit": "V9", "data": 1, "new_injury": false}',
    ],
)
def test_a_spoilt_line_is_named_and_the_file_left_as_it_is(path, clock, line):
    content = f"{HEAD}{line}\n{{tail"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught, running(path, clock):
        pass
    assert f"{path}:2: not a line of a simulator's state file" in str(caught.value)
    assert path.read_text() == content


def test_places_where_no_file_can_be(tmp_path, clock):
    for place, said in ((tmp_path, "cannot be read"), (tmp_path / "none" / "file", "cannot be written")):
        with pytest.raises(ConfigurationError, match=said), running(place, clock):
            pass


def test_an_event_that_cannot_be_is_not_written(path, clock):
    with running(path, clock) as caller:
        fill(caller)
        with pytest.raises(KeyError):
            caller.simulator.close_visit("V9")
    with running(path, clock) as caller:
        assert set(caller.simulator.state.visits) == {"V1", "V2"}


def test_a_sink_counts_on(path, clock):
    for so_far in (1, 2):
        with running(path, clock, check_rules=False) as caller:
            if so_far == 1:
                caller.login()
            else:
                caller.sessionid = next(iter(caller.simulator.state.sessions))
            caller.upload(med("10"))
            assert (caller.simulator.rows_received, caller.simulator.total("V1")) == (
                so_far,
                so_far * 100_000,
            )


CHILD = """
import sys
from datetime import UTC, datetime
from connector.simulator.server import serve

with serve(
    key_text=sys.argv[1],
    username="demo",
    password="secret",
    state_file=sys.argv[2],
    clock=lambda: datetime(2026, 3, 5, 2, 0, tzinfo=UTC),
) as simulator:
    print(simulator.url, flush=True)
    simulator.wait()
print("ended", flush=True)
"""


@contextmanager
def child_process(path):
    child = subprocess.Popen([sys.executable, "-c", CHILD, KEY, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        yield child, Caller(SimpleNamespace(url=child.stdout.readline().strip()))
    finally:
        child.kill()
        child.communicate(timeout=10)


def test_a_killed_process_has_lost_nothing_that_it_answered(path, clock):
    with child_process(path) as (child, caller), caller.http:
        fill(caller)
        child.kill()
        child.wait(10)
    with running(path, clock) as after:
        assert after.simulator.total("V1") == 200_000
        assert after.simulator.total("V2") == 70_000
        assert after.simulator.state.visits["V2"].approvals == ["JS1"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_even_while_a_caller_is_connected(path, number):
    with child_process(path) as (child, caller), caller.http:
        assert code(caller.login()) == "0"  # and the connection stays open
        child.send_signal(number)
        out, _ = child.communicate(timeout=10)
        assert (out, child.returncode) == ("ended\n", 0)


def test_waiting_leaves_the_handlers_as_they_were(path, clock):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with running(path, clock) as caller:
        threading.Timer(0.1, signal.raise_signal, [signal.SIGTERM]).start()
        caller.simulator.wait()
        with pytest.raises(httpx.ConnectError):
            caller.login()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
