"""Ctrl-C and SIGTERM: what is under way is recorded, the next run goes on; a second Ctrl-C ends at once."""

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal

import pytest

from tests.crash.processes import fill, finish
from tests.ward import ENVIRON, PIPELINE

STOPPED = 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("nth", [1, 4])
def test_a_stop_lets_the_calls_under_way_come_home(begin, nth, number):
    site = begin()
    fill(site.ward)
    process = site.start_struck(nth, "slow", number, method="sendMedInfo", late_s=0.3)
    assert process.wait() == STOPPED
    assert "Stopping: calls under way are waited for" in process.said
    with site.ward.parts().open_ledger(read_only=True) as ledger:
        assert ledger.all_open_batches() == []
        assert ledger.stored_session("demo") == ""
        assert sum(one.staged_rows for one in ledger.visit_totals("stays")) > 0
    assert site.ward.simulator.state.sessions == {}
    finish(site)


def test_a_stop_is_heard_while_the_settle_time_is_waited_for(begin):
    site = begin(settle_s=600, platform={"faults": ["N.lose_request:sendMedInfo@3"]})
    fill(site.ward)
    process = site.start()
    _wait_until(lambda: site.ward.simulator.calls.count(("login", "0")) == 2)  # the fence is done
    process.signal(signal.SIGINT)
    assert process.wait(patience_s=5) == STOPPED
    settings = site.ward.directory / "connector.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("settle_s: 600", "settle_s: 0"))
    finish(site)


def test_a_second_ctrl_c_ends_at_once(begin):
    site = begin()
    fill(site.ward)
    process = site.start_struck(5, "slow", signal.SIGINT, method="sendMedInfo", late_s=60)
    assert site.trap.sprung.wait(30)
    time.sleep(0.2)
    assert process.code is None  # it waits for the call under way
    process.signal(signal.SIGINT)
    assert process.wait(patience_s=5) == STOPPED
    assert "next run" in process.said
    site.trap.over.set()  # the call takes effect although nobody waits for it
    finish(site)


def test_stopped_while_it_stages(begin):
    site = begin(page_rows=1)
    fill(site.ward, fees=40)
    process = site.start()
    _wait_until(lambda: "stage orders" in process.said)
    process.signal(signal.SIGTERM)
    assert process.wait() == STOPPED
    assert site.ward.simulator.calls == []
    finish(site)


def test_the_command_itself_is_stopped_by_ctrl_c(begin):
    """Started as a person starts it, not by our launcher."""
    site = begin()
    fill(site.ward)
    site.trap.set(5, "slow", lambda: process.send_signal(signal.SIGINT))
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "run", "-p", site.ward.directory],
        env={**os.environ, **ENVIRON},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    _, said = process.communicate(timeout=60)
    assert process.returncode == STOPPED
    assert "Traceback" not in said
    finish(site)


def test_a_service_runs_by_itself_and_stops_in_the_middle_of_a_run(begin):
    site = begin()
    fill(site.ward)
    pipeline = site.ward.directory / "pipelines" / "ward.yaml"
    pipeline.write_text(PIPELINE.replace("}", ", schedule: {every: 1s}}"), encoding="utf-8")
    process = site.start("serve")
    _wait_until(lambda: process.said.count("; complete") >= 2)
    site.trap.set(1, "slow", lambda: process.signal(signal.SIGTERM), method="sendMedInfo", late_s=0.3)
    site.ward.fee(1, "77.00", item="XB1")
    assert process.wait() == STOPPED
    assert "calls under way are waited for" in process.said
    with site.ward.parts().open_ledger(read_only=True) as ledger:
        assert ledger.all_open_batches() == []
        assert [one.exit_code for one in ledger.runs()][:2] == [STOPPED, 0]
    assert ("XB1", Decimal("77.0000")) in site.ward.platform_rows(1)
    finish(site)


def _wait_until(is_so, patience_s: float = 30.0) -> None:
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)
