"""The arithmetic of a backfill: periods, parts, what a person may ask for, how long it takes."""

from datetime import date, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.schedule import Quiet
from connector.config.settings import BackfillSettings
from connector.errors import ConfigurationError
from connector.pipeline.shards import (
    MOST_ROWS,
    PERIODS,
    Shard,
    Span,
    Worked,
    cut_shards,
    estimate,
    first_part,
    make_span,
    period_of,
    rows_at_once,
)

NO_LIMITS = BackfillSettings(rows_per_hour=None, rows_per_day=None, visits_in_flight=2)
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("day", "by", "first", "last"),
    [
        ("2024-02-29", "month", "2024-02-01", "2024-02-29"),
        ("2023-02-01", "month", "2023-02-01", "2023-02-28"),
        ("2024-12-31", "month", "2024-12-01", "2024-12-31"),
        ("2024-12-31", "week", "2024-12-30", "2025-01-05"),
        ("2024-12-30", "week", "2024-12-30", "2025-01-05"),
        ("2024-03-05", "day", "2024-03-05", "2024-03-05"),
    ],
)
def test_periods_are_those_of_the_calendar(day, by, first, last):
    assert period_of(date.fromisoformat(day), by) == (date.fromisoformat(first), date.fromisoformat(last))


@given(DAYS, st.sampled_from(PERIODS))
def test_every_day_is_in_its_period_and_the_next_one_begins_after_it(day, by):
    first, last = period_of(day, by)
    assert first <= day <= last
    assert period_of(first, by) == period_of(last, by) == (first, last)
    assert period_of(last + timedelta(days=1), by)[0] == last + timedelta(days=1)


@given(DAYS, DAYS, st.sampled_from(PERIODS), st.lists(DAYS, max_size=30))
def test_shards_divide_the_visits_and_stay_in_the_span(one, other, by, days):
    first, last = sorted((one, other))
    span = Span(("ward",), first, last, by)
    visits = [(str(n), day) for n, day in enumerate(days) if span.holds(day)]
    shards = cut_shards(span, {"ward": visits})
    assert sorted(key for keys in shards.values() for key in keys) == sorted(key for key, _ in visits)
    ends = [(shard.first, shard.last) for shard in shards]
    assert ends == sorted(ends)
    assert all(first.isoformat() <= begin <= end <= last.isoformat() for begin, end in ends)
    assert all(end < begin for (_, end), (begin, _) in pairwise(ends))


def test_shards_are_oldest_first_over_all_pipelines_and_visits_without_a_day_come_last():
    span = Span(("a", "b"), None, None)
    found = cut_shards(
        span,
        {
            "a": [("1", date(2024, 2, 3)), ("2", None)],
            "b": [("3", date(2024, 1, 9)), ("4", date(2024, 2, 1))],
        },
    )
    assert [one.name for one in found] == [
        "b 2024-01-01 to 2024-01-31",
        "a 2024-02-01 to 2024-02-29",
        "b 2024-02-01 to 2024-02-29",
        "a, day not known",
    ]


def test_a_shard_ends_with_the_span_in_the_middle_of_a_month():
    span = Span(("ward",), date(2024, 1, 10), date(2024, 1, 20))
    assert list(cut_shards(span, {"ward": [("1", date(2024, 1, 15))]})) == [
        Shard("ward", "2024-01-10", "2024-01-20")
    ]


@given(st.lists(st.integers(0, 300), min_size=1, max_size=40), st.integers(1, 500), st.integers(1, 20))
def test_a_part_is_as_much_as_fits_or_one_visit(rows, most_rows, most_visits):
    keys = [str(n) for n in range(len(rows))]
    sizes = dict(zip(keys, rows, strict=True))
    asked: list[int] = []

    def count(some):
        asked.append(len(some))
        return sum(sizes[key] for key in some)

    part, found = first_part(keys, count, most_visits=most_visits, most_rows=most_rows)
    assert part == keys[: len(part)]
    assert 1 <= len(part) <= most_visits
    assert found == sum(rows[: len(part)])
    assert found <= most_rows or len(part) == 1
    assert len(asked) <= 6  # each try is at most half of the one before


def test_a_turn_is_a_part_of_every_limit():
    assert rows_at_once([None, None]) == MOST_ROWS
    assert rows_at_once([400, None, 8_000]) == 100
    assert rows_at_once([1]) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "Say which visits: --from and --to"),
        (
            {"first": "2024-02-30", "last": "2024-03-01"},
            "--from 2024-02-30: a date like 2024-01-31 is meant.",
        ),
        ({"first": "2024-01-01", "last": "1.3.2024"}, "--to 1.3.2024: a date like"),
        ({"first": "2024-03-01", "last": "2024-01-31"}, "--from 2024-03-01 is after --to 2024-01-31"),
        ({"first": "2024-03-01"}, "Say both: --from and --to."),
        (
            {"first": "2024-01-01", "last": "2024-01-31", "by": "mnth"},
            "--by mnth: one of month, week, day is meant.",
        ),
        ({"visits": [" ", ""]}, "--visits names no visit."),
    ],
)
def test_what_cannot_be_meant_is_said(asked, said):
    with pytest.raises(ConfigurationError, match=said.replace("(", r"\(")):
        make_span([], **{"first": "", "last": "", "by": "month", "visits": None, **asked})


def test_a_span_is_the_same_however_its_visits_were_written_and_after_it_was_kept():
    one = make_span(["ward"], first="", last="", by="month", visits=["7", " 3", "7"])
    assert one == make_span(["ward"], first="", last="", by="month", visits=["3", "7"])
    assert Span.of(one.kept) == one
    dated = make_span(["a", "b"], first="2024-01-01", last="2024-12-31", by="week", visits=None)
    assert Span.of(dated.kept) == dated
    assert dated.words == "visits admitted from 2024-01-01 to 2024-12-31"


def test_hours_are_measured_where_the_ledger_knows_how_fast_rows_went():
    worked = [Worked(600, 60.0), Worked(1_200, 120.0), Worked(3, 900.0)]
    found = estimate(36_000, 10**9, worked, NO_LIMITS)
    assert found.hours == pytest.approx(1.0)
    assert found.because == "measured: 2 earlier runs in the ledger sent 600 rows a minute"


def test_without_a_measurement_the_assumption_is_said():
    found = estimate(100, 14_400, [Worked(3, 900.0)], NO_LIMITS)
    assert found.hours == pytest.approx(1.0)
    assert found.because.startswith("assumed, for nothing was measured yet: 0.5 s a call, 2 at once")


@pytest.mark.parametrize(
    ("limits", "hours", "said"),
    [
        ({"rows_per_hour": 1_000}, 10.0, "held to rows_per_hour: 1,000"),
        ({"rows_per_hour": None, "rows_per_day": 4_000}, 48.0, "held to rows_per_day: 4,000"),
        ({"rows_per_hour": 500, "quiet": Quiet(time(8), time(20))}, 40.0, "12 hours a day"),
        ({"rows_per_hour": 10_000, "quiet": Quiet(time(8), time(20))}, 1.0, "held to rows_per_hour"),
    ],
)
def test_limits_and_quiet_hours_make_it_longer(limits, hours, said):
    settings = BackfillSettings(**{"rows_per_day": None, **limits})
    found = estimate(10_000, 1, [], settings)
    assert found.hours == pytest.approx(hours)
    assert said in found.because


def test_nothing_to_send_takes_no_time():
    assert estimate(0, 0, [], BackfillSettings()).hours == 0
