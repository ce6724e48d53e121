"""What `make torture` says and how it ends; that it sees what it should is shown by tests/e2e/test_weakened.py."""

import sys

import pytest

import tests.torture.trial
from tests.audit import Audit
from tests.torture import __main__ as torture


@pytest.fixture
def run(monkeypatch, capsys):
    def go(*arguments):
        monkeypatch.setattr(sys, "argv", ["torture", *arguments])
        code = torture.main()
        lines = capsys.readouterr().out.splitlines()
        return code, {line[:44].strip(): line[44:].strip() for line in lines}, lines

    return go


def test_it_prints_sums_and_ends_well(run):
    code, said, _ = run("--seed", "1", "--runs", "2")
    assert code == 0
    assert said["schedules run"] == "2"
    assert said["rows lost"] == said["rows duplicated"] == said["invariants broken"] == "0"
    assert int(said["rows compared"]) > 0


def test_a_lost_row_is_told_with_the_line_that_plays_it_again(run, monkeypatch):
    monkeypatch.setattr(tests.torture.trial, "audit", lambda ward, visits: Audit(1, 1, lost=["fee 7"]))
    code, said, lines = run("--seed", "3", "--runs", "1")
    assert code == 1
    assert said["rows lost"] == "1"
    assert "lost: fee 7" in lines
    assert "play it alone: python -m tests.torture --seed 3 --runs 1" in lines


def test_a_long_run_that_missed_an_outcome_fails(run, monkeypatch):
    monkeypatch.setattr(torture, "ENOUGH_FOR_ALL", 1)
    code, _, lines = run("--seed", "1", "--runs", "1")
    assert code == 1
    assert any("never seen" in line for line in lines)


def test_ctrl_c_tells_what_was_done_so_far(run, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(torture, "_play_all", interrupt)
    code, said, _ = run("--runs", "1")
    assert code == 130
    assert said["schedules run"] == "0"
