"""Killed at named points, two in each schedule, of every kind there is; `make torture` kills at all of them."""

import pytest

from tests.crash.killing import SETTINGS, kill_at, trace
from tests.crash.points import CALL, COMMITS

ELSEWHERE = {"lease.keep", "flush", "ingest.sweep"}
"""Commits that a run of seconds with one way of reading does not make; schedules in one process pass them."""

PAIRS = [
    ("L.lease.take.after#1", "N.login.sent#1"),
    ("L.ingest.before#2", "N.register.body.last#1"),
    ("L.ingest.after#3", "L.intent.before#2"),
    ("L.session.open.before#1", "N.sendMedInfo.body.mid#3"),
    ("L.intent.after#2", "N.sendMedInfo.answer.whole#2"),
    ("L.intent.after#1", "L.fence.before#1"),
    ("N.sendMedInfo.sent#4", "L.fence.after#1"),
    ("L.answer.after#1", "N.getPerDetail.sent#2"),
    ("L.hold.before#1", "N.sendMedInfo.head.first#1"),
    ("N.sendMedInfo.body.last#2", "N.discharge.answer.first#1"),
    ("L.witness.before#3", "L.witness.after#2"),
    ("N.sendMedInfo.connect#2", "L.close.before#1"),
    ("N.logout.answer.mid#1", "N.sendMedInfo.body.first#1"),
]


def test_every_kind_of_point_is_passed(begin):
    moments = trace(begin(**SETTINGS), "rough")
    passed = {point.partition("#")[0] for names in moments for point in names}
    around = {
        f"L.{name}.{when}"
        for name in {*COMMITS.values(), "witness"} - ELSEWHERE
        for when in ("before", "after")
    }
    assert around <= passed
    assert {f"N.sendMedInfo.{place}" for place in CALL} <= passed


@pytest.mark.parametrize("points", PAIRS, ids=" then ".join)
def test_killed_at_two_points(begin, points):
    ended = kill_at(begin(**SETTINGS), "rough", points)
    assert ended.killed >= 1
    assert ended.found.wrong == []
    assert ended.found.held == 0
