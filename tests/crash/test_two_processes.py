"""Two processes on one ledger: one delivers, the other says who does."""

import signal
import socket
import time

import pytest

from tests.crash.processes import fill, finish

HELD = 5


@pytest.mark.parametrize("nth", [1, 8])
def test_while_one_delivers_the_other_says_who(begin, nth):
    site = begin()
    fill(site.ward)
    site.trap.set(nth, "slow", lambda: None, late_s=30)
    first = site.start()
    assert site.trap.sprung.wait(30)
    second = site.start("run", *(["--json"] if nth == 1 else []))
    assert second.wait() == HELD
    assert (
        f"{socket.gethostname()} process {first.pid} has been delivering on this ledger since" in second.said
    )
    assert first.code is None
    site.trap.over.set()
    assert first.wait() == 0
    assert site.ward.simulator.calls.count(("login", "0")) == 1
    finish(site)


def test_a_crowd_that_starts_at_once_delivers_once(begin):
    site = begin(platform={"latency_s": 0.02})
    fill(site.ward)
    crowd = [site.start() for _ in range(6)]
    codes = sorted(process.wait() for process in crowd)
    assert set(codes) <= {0, HELD}
    assert codes[0] == 0
    assert codes[-1] == HELD
    finish(site)


def test_the_lease_of_a_killed_process_blocks_nobody(begin):
    site = begin(settle_s=0)
    fill(site.ward)
    assert site.run_killed_at_call(8, "served") == -signal.SIGKILL
    begun = time.monotonic()
    assert site.start().wait() == 0
    assert time.monotonic() - begun < 20  # the lease has another minute to go
    finish(site)


@pytest.mark.parametrize("nth", [5, 9])
def test_a_process_that_sleeps_keeps_the_other_out(begin, nth):
    """On SQLite the lock of the operating system is the proof: who is only paused may wake up again."""
    site = begin()
    fill(site.ward)
    first = site.start_struck(nth, "slow", signal.SIGSTOP, late_s=0.1)
    assert site.trap.sprung.wait(30)
    time.sleep(0.3)  # the answer waits for who sleeps
    second = site.start()
    assert second.wait() == HELD
    assert f"process {first.pid}" in second.said
    first.signal(signal.SIGCONT)
    assert first.wait() == 0
    finish(site)
