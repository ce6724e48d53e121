"""Ctrl-C on a real process: it ends in order, nothing is lost, and the next run sends the rest once."""

import os
import signal
import subprocess
import sys

import pytest

from connector.pipeline.parts import real_clock


@pytest.fixture
def process(start):
    """A ward in the real time, and a command (`connector run`) on it as a process; `begin()` gives the ward and the process."""
    started = []

    def begin(*arguments, **platform):
        ward = start(platform=platform)
        ward.time.now = real_clock().now()
        for zyh in range(1, 6):
            ward.stay(zyh)
            ward.fee(zyh)
        if arguments:  # a question is about what is there
            ward.run()
            ward.simulator.calls.clear()
        environ = {**os.environ, "PASSWORD": "secret", "KEY": "0123456789abcdef0123456789abcdef"}
        command = [sys.executable, "-m", "connector", *(arguments or ("run",)), "-p", str(ward.directory)]
        running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
        )
        started.append(running)
        return ward, running

    yield begin
    for running in started:
        running.kill()
        running.communicate()


def wait_for(running, begin):
    """Read what the process prints until a line begins so."""
    while line := running.stderr.readline():
        if line.startswith(begin):
            return
    pytest.fail(f"it ended before it said {begin!r}")


def test_the_first_ctrl_c_waits_for_what_is_under_way(process):
    ward, running = process(latency_s=0.3)
    wait_for(running, "stage fees")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Stopping: calls under way are waited for" in err
    assert "Ended early: stopped on request" in out
    assert "Traceback" not in out + err
    ward.run_until_quiet()
    for zyh in range(1, 6):
        assert ward.platform_rows(zyh) == ward.his_rows(zyh)


def test_the_second_ctrl_c_ends_at_once_and_nothing_is_doubled(process):
    ward, running = process(faults=[{"fault": "N.sent_no_answer", "operation": "sendMedInfo", "at": 1}])
    wait_for(running, "stage fees")
    running.send_signal(signal.SIGINT)
    wait_for(running, "Stopping: ")
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err
    ward.run_until_quiet()
    for zyh in range(1, 6):
        assert ward.platform_rows(zyh) == ward.his_rows(zyh)


@pytest.mark.parametrize("arguments", [("ask", "visits"), ("resolve", "V1")], ids=["ask", "resolve"])
def test_a_question_that_is_stopped_ends_with_130_too(process, arguments):
    ward, running = process(*arguments, latency_s=0.5)
    while running.poll() is None and not ward.simulator.calls:
        real_clock().sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "Stopped on request; nothing was " in err
    assert "Traceback" not in out + err
