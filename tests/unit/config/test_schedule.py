"""`schedule:` of a pipeline: what may stand there, and when a pipeline is due next."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.schedule import Quiet, Schedule, next_due

ZONE = ZoneInfo("Asia/Shanghai")
FILE = "pipelines/inpatient.yaml"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def due(schedule: Schedule, last: str | None, now: str) -> str:
    moment = next_due(schedule, ZONE, at(last) if last else None, at(now))
    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"


NIGHT = Quiet(time(23), time(5))
QUARTERLY = Schedule(every_s=900)
DAYTIME = Schedule(cron="*/10 7-22 * * *")


@pytest.mark.parametrize(
    ("schedule", "last", "now", "expected"),
    [
        (QUARTERLY, None, "2026-03-05 10:00", "2026-03-05 10:00:00"),
        (QUARTERLY, "2026-03-05 10:00", "2026-03-05 10:03", "2026-03-05 10:15:00"),
        (QUARTERLY, "2026-03-05 10:00", "2026-03-05 18:20", "2026-03-05 18:20:00"),
        (DAYTIME, None, "2026-03-05 10:03", "2026-03-05 10:10:00"),
        (DAYTIME, "2026-03-05 10:10", "2026-03-05 10:10", "2026-03-05 10:20:00"),
        (DAYTIME, "2026-03-05 22:50", "2026-03-05 22:51", "2026-03-06 07:00:00"),
        (DAYTIME, "2026-03-05 10:10", "2026-03-06 03:00", "2026-03-06 03:00:00"),
        (Schedule(every_s=900, quiet=NIGHT), "2026-03-05 22:50", "2026-03-05 22:51", "2026-03-06 05:00:00"),
        (Schedule(every_s=900, quiet=NIGHT), None, "2026-03-06 04:59", "2026-03-06 05:00:00"),
        (Schedule(every_s=900, quiet=NIGHT), None, "2026-03-06 05:00", "2026-03-06 05:00:00"),
        (
            Schedule(cron="30 12 * * *", quiet=Quiet(time(12), time(13))),
            "2026-03-05 12:30",
            "2026-03-05 13:30",
            "2026-03-06 13:00:00",
        ),
    ],
    ids=[
        "every-never-ran",
        "every",
        "every-missed-many",
        "cron-never-ran",
        "cron-just-ran",
        "cron-over-night",
        "cron-missed-many",
        "quiet-over-midnight",
        "quiet-last-minute",
        "quiet-is-over",
        "quiet-at-noon",
    ],
)
def test_when_it_is_due(schedule, last, now, expected):
    assert due(schedule, last, now) == expected


moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
quiets = st.none() | st.tuples(times, times).filter(lambda two: two[0] != two[1]).map(lambda two: Quiet(*two))
kinds = st.builds(Schedule, every_s=st.integers(1, 31 * 86_400), quiet=quiets) | st.builds(
    Schedule,
    cron=st.sampled_from(["*/10 7-22 * * *", "30 2 * * 1-5", "0 0 L * *", "5 4 29 2 *"]),
    quiet=quiets,
)


@given(kinds, st.none() | moments, moments)
def test_it_is_later_than_the_last_never_past_and_never_in_the_quiet_hours(schedule, last, now):
    last = last and min(last, now)
    moment = next_due(schedule, ZONE, last, now)
    assert moment >= now
    assert last is None or moment > last
    assert not schedule.is_quiet(moment, ZONE)
    again = next_due(
        schedule, ZONE, moment, moment
    )  # what was missed is one run, the next is planned from it
    assert again > moment


def test_every_second_of_the_day_is_quiet_or_not_as_its_ends_say():
    day = [(datetime(2026, 1, 1) + timedelta(minutes=n)).time() for n in range(1440)]  # noqa: DTZ001
    assert sum(map(NIGHT.holds, day)) == 6 * 60
    assert sum(map(Quiet(time(12), time(13)).holds, day)) == 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{every: 15m}", Schedule(every_s=900)),
        ('{cron: "*/10 7-22 * * *"}', DAYTIME),
        ('{every: 1h, quiet: "23:00-05:00"}', Schedule(every_s=3600, quiet=NIGHT)),
        ('{cron: "30 2 * * MON-FRI"}', Schedule(cron="30 2 * * MON-FRI")),
    ],
    ids=["every", "cron", "quiet", "names"],
)
def test_a_schedule_is_read(desk, text, expected):
    desk.files[FILE] += f"schedule: {text}\n"
    assert desk.load().pipelines["inpatient"].schedule == expected


def test_a_pipeline_without_one_has_none(desk):
    assert desk.load().pipelines["inpatient"].schedule is None


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("{}", "schedule: {}", "either “every” or “cron”"),
        ('{every: 5m, cron: "0 * * * *"}', "schedule: {", "either “every” or “cron”"),
        ("{every: often}", "often}", "must be a time span"),
        ("{every: 0s}", "every: 0s", "from 1s to 31d"),
        ("{every: 32d}", "every: 32d", "from 1s to 31d"),
        ('{cron: "61 * * * *"}', '"61 * ', "the field of the minute is wrong."),
        ('{cron: "0 9 * * * *"}', '"0 9 * ', "it has 6 fields"),
        ('{cron: "0 0 30 2 *"}', '"0 0 30', "the field of the day-of-month"),
        ('{cron: "0 0 */20 * 1L"}', '"0 0 */20', "never comes"),
        ('{cron: "0 0 * * ' + "1" * 5000 + '"}', '"0 0 * * 1', "a number is too long"),
        ('{every: 5m, quiet: "23-5"}', '"23-5"', "two different times of the day"),
        ('{every: 5m, quiet: "05:00-05:00"}', '"05:00', "two different times of the day"),
        ("{every: 5m, quite: x}", "quite", "The key “quite” is not known in schedule"),
    ],
    ids=[
        *("nothing", "both", "no-span", "zero", "too-long", "minute", "seconds", "no-such-day", "never"),
        *("endless", "hours-only", "no-hours", "unknown-key"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(desk, text, where, said):
    desk.files[FILE] += f"schedule: {text}\n"
    fault = desk.fault()
    assert said in fault.message
    assert desk.at(fault).startswith(where)


def test_since_is_a_day(desk):
    desk.files[FILE] += "since: 2026-03-01\n"
    assert desk.load().pipelines["inpatient"].since == date(2026, 3, 1)


@pytest.mark.parametrize("text", ["2026-02-30", "March", "01.03.2026"])
def test_a_since_that_is_no_day_is_said_at_its_place(desk, text):
    desk.files[FILE] += f"since: {text}\n"
    fault = desk.fault()
    assert fault.message == "“since” must be a date."
    assert desk.at(fault).startswith(text)
