"""What a backfill may use of the guards, and how it tells its progress."""

import pytest

from connector.config.settings import GuardSettings
from connector.pipeline.pace import Pulse, in_words, own_share
from connector.pipeline.shards import Shard
from tests.past import Told


def test_a_backfill_has_half_of_the_limits_on_size_and_the_others_as_they_are():
    guards = GuardSettings(
        rows_per_run=200, rows_per_day=None, yuan_per_run=1, yuan_per_day=9, rows_in_doubt=7
    )
    share = own_share(guards)
    assert (share.rows_per_run, share.rows_per_day, share.yuan_per_run, share.yuan_per_day) == (
        100,
        None,
        1,
        4,
    )
    assert (share.rejected_share, share.rows_in_doubt) == (guards.rejected_share, 7)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a minute"),
        (29, "less than a minute"),
        (720, "about 12 min"),
        (7_500, "about 2 h 05 min"),
        (273_600, "about 3 d 4 h"),
    ],
)
def test_time_in_words(seconds, words):
    assert in_words(seconds) == words


def test_rows_that_were_planned_and_are_held_back_are_not_left_to_go():
    told, now = Told(), 0.0
    pulse = Pulse(told, lambda: now, 100)
    pulse.begin(Shard("ward", "2024-01-01", "2024-01-31", rows=60))
    now = 10.0
    pulse.take(20)
    assert told.notes == []  # at most one line a minute
    now = 60.0
    pulse.take(30)
    assert told.notes == [
        "ward 2024-01-01 to 2024-01-31: 50 rows sent, 50 to go, 50 rows a minute, about 1 min left."
    ]
    pulse.finish()
    assert told.notes[1:] == [
        "ward 2024-01-01 to 2024-01-31 is done: 50 rows sent, 40 to go, 50 rows a minute, about 1 min left."
    ]


def test_more_rows_than_were_planned_leave_no_debt():
    told, now = Told(), 0.0
    pulse = Pulse(told, lambda: now, 10)
    pulse.begin(Shard("ward", "2024-01-01", "2024-01-31", rows=10))
    now = 61.0
    pulse.take(25)
    assert "25 rows sent, 0 to go" in told.notes[0]
