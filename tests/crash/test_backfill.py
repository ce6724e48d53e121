"""A backfill that is killed, stopped, or not alone: nothing is lost, nothing is sent twice, and the runs go on."""

import os
import signal
import threading
import time

import pytest

from tests.crash.processes import Running, Site, assert_all_there_once, finish
from tests.past import date_stays, fill_year

LINE = ("backfill", "--from", "2024-01-01", "--to", "2024-12-31", "--yes")
YEAR = {1: "2024-01-05", 2: "2024-01-31", 3: "2024-02-29"}
OPEN = "{rows_per_hour: null, rows_per_day: null}"
NEW = 9


def fill(site: Site) -> None:
    date_stays(site.ward, since="2025-01-01", backfill=OPEN)
    fill_year(site.ward, YEAR)


def start_struck(site: Site, nth: int, how: str, number: signal.Signals, method: str = "") -> Running:
    """A backfill that gets a signal when its n-th call reaches the platform."""
    box: list[Running] = []
    ready = threading.Event()

    def strike() -> None:
        ready.wait()
        os.kill(box[0].pid, number)

    site.trap.set(nth, how, strike, method=method)
    box.append(site.start(*LINE))
    ready.set()
    return box[0]


@pytest.mark.parametrize(("nth", "how"), [(1, "served"), (7, "lost"), (14, "served")])
def test_killed_at_a_call_it_goes_on_from_there(begin, nth, how):
    site = begin(settle_s=0)
    fill(site)
    assert start_struck(site, nth, how, signal.SIGKILL).wait() == -signal.SIGKILL
    second = site.start(*LINE)
    assert second.wait() == 0, second.said
    finish(site)


def test_killed_at_each_commit_of_the_ledger(begin):
    site = begin(settle_s=0)
    fill(site)
    killed = 0
    for number in range(1, 80, 4):
        process = site.start(*LINE, die_at=f"L.any.{('before', 'after')[killed % 2]}#{number}")
        code = process.wait()
        if code == 0:
            break
        assert code == -signal.SIGKILL, process.said
        killed += 1
        if killed % 2:
            site.ward.fee(1 + number % 3, f"{number}.13", item=f"XC{number}")
    assert killed > 5
    last = site.start(*LINE)
    assert last.wait() == 0, last.said
    finish(site)


def test_killed_and_finished_by_a_run(begin):
    """What a backfill has staged is the next run's business too."""
    site = begin(settle_s=0)
    fill(site)
    assert start_struck(site, 1, "lost", signal.SIGKILL, "sendMedInfo").wait() == -signal.SIGKILL
    site.run_until_quiet()
    done = [zyh for zyh in YEAR if site.ward.platform_rows(zyh)]
    assert done == [1, 2]
    assert all(site.ward.platform_rows(zyh) == site.ward.his_rows(zyh) for zyh in done)
    process = site.start(*LINE)
    assert process.wait() == 0, process.said
    finish(site)


def test_ctrl_c_ends_it_with_130_and_the_same_command_goes_on(begin):
    site = begin()
    fill(site)
    process = start_struck(site, 2, "slow", signal.SIGINT, "sendMedInfo")
    assert process.wait() == 130
    assert "the same command goes on from there" in process.said
    second = site.start(*LINE)
    assert second.wait() == 0, second.said
    assert "This backfill was begun before and goes on" in second.said
    finish(site)


def test_runs_and_a_backfill_at_the_same_time(begin):
    """Runs are started again and again while a backfill works: each waits for its turn, and none is turned away."""
    site = begin(platform={"latency_s": 0.05})
    fill(site)
    site.ward.stay(NEW, ward="2025-03-01")
    process = site.start(*LINE, "--by", "day")
    codes = []
    while process.code is None:
        site.ward.fee(NEW, f"{len(codes) + 1}.07", item=f"N{len(codes)}")
        codes.append(site.start().wait())
    assert process.wait() == 0, process.said
    assert len(codes) >= 2
    assert set(codes) == {0}
    finish(site)
    assert sum(site.ward.platform_rows(NEW).values()) == len(codes)


def test_a_second_backfill_is_turned_away(begin):
    site = begin()
    fill(site)
    site.trap.set(3, "slow", lambda: None, late_s=30)
    first = site.start(*LINE)
    assert site.trap.sprung.wait(30)
    second = site.start(*LINE)
    assert second.wait() == 5
    assert f"process {first.pid} is filling in the past of this project already" in second.said
    site.trap.over.set()
    assert first.wait() == 0
    finish(site)


def test_a_backfill_waits_for_a_run(begin):
    site = begin()
    fill(site)
    site.ward.stay(NEW, ward="2025-03-01")
    site.ward.fee(NEW)
    site.trap.set(3, "slow", lambda: None, late_s=30)
    run = site.start()
    assert site.trap.sprung.wait(30)
    process = site.start(*LINE)
    for _ in range(200):
        if f"process {run.pid} delivers; this waits for its turn." in process.said:
            break
        time.sleep(0.05)
    site.trap.over.set()
    assert run.wait() == 0
    assert process.wait() == 0, process.said
    assert "this waits for its turn" in process.said
    assert_all_there_once(site.ward)
