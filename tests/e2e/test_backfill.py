"""`connector backfill` on a ward whose time is ours: what is sent, when, and that nothing is sent twice."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest

from connector.errors import ConfigurationError, SourceError
from connector.pipeline.backfill import list_backfills
from connector.pipeline.guards import Override
from tests.past import Told, assert_equal, backfill, date_stays, fill_year, plan
from tests.ward import START

OPEN = "{rows_per_hour: null, rows_per_day: null}"
YEAR = {1: "2024-01-05", 2: "2024-01-31", 3: "2024-02-29", 4: "2024-07-01", 5: "2024-12-31"}
AROUND = {8: "2023-12-31", 9: "2025-01-01"}


def stages(report) -> list[tuple[str, str, int, int]]:
    return [(one.first, one.stage, one.visits, one.accepted_rows) for one in report.shards]


def batches(ward) -> list[tuple[int, int]]:
    """When (in milliseconds) so many rows were claimed; registrations left out."""
    with closing(sqlite3.connect(ward.directory / "ledger.db")) as ledger:
        return ledger.execute(
            'SELECT b.claimed_at, b."rows" FROM batch b JOIN visit v ON v.id = b.visit_id WHERE b.mapping_id <> v.mapping_id'
        ).fetchall()


def test_a_year_goes_month_by_month_and_nothing_else(start):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR | AROUND)
    report = backfill(ward)
    assert (report.exit_code, report.problem, report.rows) == (0, "", 20)
    assert stages(report) == [
        ("2024-01-01", "done", 2, 8),
        ("2024-02-01", "done", 1, 4),
        ("2024-07-01", "done", 1, 4),
        ("2024-12-01", "done", 1, 4),
    ]
    assert_equal(ward, YEAR)
    registered = [one["visit"] for one in ward.simulator.state.journal if one["event"] == "register"]
    assert [sorted(registered[:2]), *registered[2:]] == [["V1", "V2"], "V3", "V4", "V5"]
    again = backfill(ward)
    assert (again.exit_code, again.rows) == (0, 0)
    assert_equal(ward, YEAR)


def test_the_plan_says_what_goes_and_reads_the_his_only(start):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR | AROUND)
    ward.fee(1, "10.00", price="-1.00")
    found = plan(ward)
    assert (found.visits, found.rows) == (5, 20)
    assert found.amount == sum(10_000 * (3 * zyh + 9) + 3 * 3_700 for zyh in YEAR)
    assert [one.bad_rows for one in found.shards] == [1, 0, 0, 0]
    # a visit: its registration, its order, two totals, one batch of three fees
    assert found.calls == 5 * 5
    assert (found.earliest, found.latest, found.undated) == ("2023-12-31", "2025-01-01", 0)
    assert ward.simulator.calls == []
    with ward.parts().open_ledger(read_only=True) as ledger:
        assert ledger.visit_keys("stays") == []
        assert ledger.runs(kind="backfill") == []


def test_the_calls_are_those_that_are_made(start):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, {1: "2024-01-05", 2: "2024-01-06"}, fees=9)
    found = plan(ward)
    assert backfill(ward).exit_code == 0
    assert len([one for one in ward.simulator.calls if one[0] not in ("login", "logout")]) == found.calls


@pytest.mark.parametrize("first", ["run", "backfill"])
def test_runs_and_a_backfill_overlap_in_either_order(start, first):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR)
    for turn in ("run", "backfill") if first == "run" else ("backfill", "run"):
        for zyh in YEAR:
            ward.fee(zyh, f"{zyh}{len(turn)}.11", item=f"Y{turn}")
        if turn == "run":
            assert ward.run().exit_code == 0
        else:
            assert backfill(ward).exit_code == 0
        assert_equal(ward, YEAR)
    ward.fee(3, "77.00", item="later")
    assert ward.run().exit_code == 0
    assert_equal(ward, YEAR)


def test_a_run_in_every_pause_of_a_backfill(start):
    """What is new comes through between two turns: the backfill has given the lease away."""
    ward = start()
    date_stays(ward, since="2025-01-01", backfill=OPEN)
    fill_year(ward, YEAR | AROUND)
    codes: list[int] = []

    def pause(seconds):
        if seconds == 1 and not is_running:  # nobody sleeps so long while it has the lease
            is_running.append(True)
            ward.fee(9, f"{len(codes) + 1}.05", item=f"N{len(codes)}")
            codes.append(ward.run().exit_code)
            is_running.clear()

    is_running: list[bool] = []
    ward.time.on_sleep = pause
    assert backfill(ward).exit_code == 0
    ward.time.on_sleep = lambda _seconds: None
    assert ward.run().exit_code == 0
    assert len(codes) >= 3
    assert set(codes) == {0}
    assert_equal(ward, [*YEAR, 9])


def test_runs_leave_what_came_before_since_to_the_backfill(start):
    ward = start()
    date_stays(ward, since="2024-02-01", backfill=OPEN)
    fill_year(ward, YEAR | AROUND)
    report = ward.run()
    assert report.staged["stays"].earlier == 3
    assert report.exit_code == 0
    assert_equal(ward, [3, 4, 5, 9])
    assert backfill(ward, "2024-01-01", "2024-01-31").exit_code == 0
    assert_equal(ward, [1, 2, 3, 4, 5, 9])
    ward.fee(1, "8.88", item="after")  # known by now, so runs follow it
    assert ward.run().staged["stays"].earlier == 1
    assert_equal(ward, [1, 2, 3, 4, 5, 9])


def test_rows_that_come_after_a_backfill_and_before_the_first_run_are_not_lost(start):
    ward = start(changes="{by: sequence, column: id}")
    date_stays(ward, backfill=OPEN)
    fill_year(ward, {1: "2024-01-05", 2: "2025-01-05"})
    assert backfill(ward).exit_code == 0
    ward.fee(1, "5.00", item="between")
    assert ward.run().exit_code == 0
    assert_equal(ward, [1, 2])


def test_a_source_without_a_row_is_read_again_when_it_has_some(start):
    ward = start(changes="{by: sequence, column: id}")
    ward.stay(1)
    assert ward.run().exit_code == 0
    ward.fee(1)
    assert ward.run().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_named_visits_go_alone(start):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR)
    report = backfill(ward, "", "", visits=["4", "2"])
    assert stages(report) == [("2024-01-01", "done", 1, 4), ("2024-07-01", "done", 1, 4)]
    assert_equal(ward, [2, 4])


def test_named_visits_need_no_day_of_admission(start):
    ward = start()
    fill_year(ward, YEAR)
    with pytest.raises(
        ConfigurationError, match=r"no column of the HIS tells .* \(kc21.akc192 入院日期 is made of none\)"
    ):
        plan(ward)
    report = backfill(ward, "", "", visits=["4", "2"])
    assert stages(report) == [("", "done", 2, 8)]
    assert_equal(ward, [2, 4])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"visits": ["1", "44"]},
            "The HIS has no visit 44, as the visits mappings of ward read it. Did you mean 4",
        ),
        (
            {"visits": ["8"], "first": "2024-01-01", "last": "2024-12-31"},
            "not admitted in that span: 8 \\(2023-12-31\\)",
        ),
        (
            {"first": "2024-01-01", "last": "2024-12-31", "pipelines": ["wrad"]},
            "no pipeline “wrad” .* Did you mean ward?",
        ),
    ],
)
def test_wrong_input_is_said_before_anything_is_done(start, wrong, said):
    ward = start()
    date_stays(ward)
    fill_year(ward, YEAR | AROUND)
    asked = {"first": "", "last": "", **wrong}
    with pytest.raises(ConfigurationError, match=said):
        plan(ward, **asked)
    assert ward.simulator.calls == []


def test_visits_whose_day_cannot_be_read_are_told_and_can_be_named(start):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, {1: "2024-01-05", 2: "", 3: "5.1.2024"})
    assert (plan(ward).visits, plan(ward).undated) == (1, 2)
    report = backfill(ward, "", "", visits=["2"])
    assert report.exit_code == 3  # its registration lacks the date
    assert stages(report) == [("", "done", 1, 0)]
    assert report.shards[0].quarantined_rows == 1


def test_a_stop_ends_it_in_order_and_the_same_command_goes_on(start):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR)
    ward.time.on_sleep = lambda _seconds: ward.stop.set()
    report = backfill(ward)
    assert report.exit_code == 130
    assert "the same command goes on from there" in report.problem
    assert [one.stage for one in report.shards] == ["done", "to do", "to do", "to do"]
    (standing,) = list_backfills(ward.parts())
    assert (standing.done, standing.what) == (1, "visits admitted from 2024-01-01 to 2024-12-31")
    ward.stop.clear()
    ward.time.on_sleep = lambda _seconds: None
    left = plan(ward)
    assert (left.done, len(left.shards), left.rows) == (1, 3, 12)
    assert plan(ward, anew=True).done == 0
    assert backfill(ward).exit_code == 0
    assert_equal(ward, YEAR)
    assert len(list_backfills(ward.parts())) == 1


def test_a_stop_in_the_middle_of_a_turn(start):
    ward = start(batch_rows=1)
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR)
    serve = ward.simulator._server.serve

    def stopping(request):
        if request.operation.method == "sendMedInfo":
            ward.stop.set()
        return serve(request)

    ward.simulator._server.serve = stopping
    report = backfill(ward)
    assert (report.exit_code, report.shards[0].stage) == (130, "under way")
    ward.stop.clear()
    ward.simulator._server.serve = serve
    assert backfill(ward).exit_code == 0
    assert_equal(ward, YEAR)


def test_a_platform_that_is_down_ends_it_and_it_goes_on_when_it_is_up(start):
    ward = start(guards="{breaker_pause_s: 1, breaker_probes: 1}", settle_s=5)
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR)

    def break_down(_seconds):
        if not ward.simulator.faults.rules and ward.simulator.rows_received:
            for operation in ("register", "sendMedInfo", "getPerDetail", "discharge"):
                ward.simulator.switch_on({"fault": "N.500.A", "operation": operation, "every": 1})

    ward.time.on_sleep = break_down
    report = backfill(ward)
    assert (report.exit_code, report.shards[0].stage) == (1, "done")
    assert "the platform failed" in report.problem
    assert report.problem.endswith("Once that is mended the same command goes on from there")
    ward.time.on_sleep = lambda _seconds: None
    ward.simulator.faults.clear()
    assert backfill(ward).exit_code == 0
    assert_equal(ward, YEAR)


def test_a_database_that_is_down_ends_it_and_it_goes_on_when_it_is_up(start):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR)
    his, away = ward.directory / "his.db", ward.directory / "away.db"
    ward.time.on_sleep = lambda _seconds: his.rename(away) if his.exists() else None
    with pytest.raises(SourceError):
        backfill(ward)
    away.rename(his)
    ward.time.on_sleep = lambda _seconds: None
    assert backfill(ward).exit_code == 0
    assert_equal(ward, YEAR)


def test_held_visits_and_quarantined_rows_stop_nothing(start):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR)
    ward.fee(3, "10.00", price="-1.00")
    for zyh in (1, 4, 5):  # uploaded by hand before the connector came
        person = {"akc190": f"V{zyh}", "aac002": "152824198204240045"}
        ward.simulator.state.commit("register", visit=f"V{zyh}", data=person, new_injury=False)
        ward.simulator.add_fees_by_hand(f"V{zyh}", Decimal("50.00"))
    report = backfill(ward)
    assert report.exit_code == 4
    assert [one.stage for one in report.shards] == ["done"] * 4
    assert [one.held for one in report.shards] == [1, 0, 1, 1]
    assert [one.quarantined_rows for one in report.shards] == [0, 1, 0, 0]
    assert [ward.simulator.total(f"V{zyh}") for zyh in (1, 4, 5)] == [500_000] * 3
    for zyh in (2, 3):
        assert sum(ward.platform_rows(zyh).values()) == 3
    # The settle time of a ledger's first session is waited for once; not for every visit that is held.
    assert ward.time.now < START + timedelta(seconds=2 * 1800)


def test_a_backfill_of_what_is_on_the_platform_already_ends_before_it_stops_the_runs(start):
    ward = start(guards="{rows_per_run: 24}", settle_s=5)
    date_stays(ward, since="2025-01-01", backfill=OPEN)
    fill_year(ward, YEAR, fees=4)
    for zyh in YEAR:
        person = {"akc190": f"V{zyh}", "aac002": "152824198204240045"}
        ward.simulator.state.commit("register", visit=f"V{zyh}", data=person, new_injury=False)
        ward.simulator.add_fees_by_hand(f"V{zyh}", Decimal("50.00"))
    report = backfill(ward)
    assert report.exit_code == 6
    assert "`connector ledger import` marks what was sent" in report.problem
    assert ward.run().exit_code == 4
    assert [ward.simulator.total(f"V{zyh}") for zyh in YEAR] == [500_000] * 5


def test_rows_per_hour_are_kept_to_whoever_sends_them(start):
    ward = start(batch_rows=2)
    date_stays(ward, since="2025-01-01", backfill="{rows_per_hour: 8, rows_per_day: null}")
    fill_year(ward, YEAR | AROUND, fees=1)  # two rows each
    assert ward.run().exit_code == 0  # visit 9: two rows
    told = Told()
    assert backfill(ward, progress=told).exit_code == 0
    sent = batches(ward)
    assert sum(rows for _, rows in sent) == 12
    for at, _ in sent:
        assert sum(rows for other, rows in sent if at - 3_600_000 < other <= at) <= 8
    assert any("rows_per_hour (8) is reached" in one for one in told.notes)
    assert_equal(ward, [*YEAR, 9])


def test_rows_per_day_and_half_of_the_guards_are_kept_to_and_end_nothing(start):
    ward = start(guards="{rows_per_day: 16, yuan_per_day: null}")
    date_stays(ward, backfill="{rows_per_hour: null, rows_per_day: 100}")
    fill_year(ward, YEAR, fees=1)
    told = Told()
    assert backfill(ward, progress=told).exit_code == 0
    assert any("(half of guards.rows_per_day: 8); it goes on at midnight" in one for one in told.notes)
    assert START + timedelta(hours=14) <= ward.time.now < START + timedelta(hours=15)
    assert_equal(ward, YEAR)


def test_quiet_hours_stop_it_and_it_goes_on_at_their_end(start):
    """The ward's clock is at 10:00 of Asia/Shanghai."""
    ward = start()
    date_stays(ward, backfill='{rows_per_hour: null, rows_per_day: null, quiet: "10:00-19:30"}')
    fill_year(ward, YEAR)
    told = Told()
    assert backfill(ward, progress=told).exit_code == 0
    assert told.notes[0] == "The backfill waits: its quiet hours last until 19:30."
    assert ward.time.slept[0] <= 1
    assert ward.time.now >= START + timedelta(hours=9, minutes=30)
    assert_equal(ward, YEAR)


def test_quiet_hours_that_begin_in_the_middle_of_a_turn(start):
    ward = start(batch_rows=1)
    date_stays(ward, backfill='{rows_per_hour: null, rows_per_day: null, quiet: "10:01-11:00"}')
    fill_year(ward, YEAR)
    serve = ward.simulator._server.serve

    def later(request):
        if request.operation.method == "sendMedInfo" and ward.time.now < START + timedelta(minutes=1):
            ward.time.now += timedelta(minutes=1)
        return serve(request)

    ward.simulator._server.serve = later
    assert backfill(ward).exit_code == 0
    assert ward.time.now >= START + timedelta(hours=1)
    assert_equal(ward, YEAR)


def test_a_visit_too_large_for_half_a_run_needs_a_word_once(start):
    ward = start(guards="{rows_per_run: 8}")
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR, fees=1)
    for _ in range(6):
        ward.fee(3, "9.00")
    report = backfill(ward)
    assert report.exit_code == 6
    assert str(report.breaches[0]).startswith("rows_per_run: 8, the limit is 4 (half of `guards`")
    assert "`connector backfill --override rows_per_run --because" in report.problem
    assert [one.stage for one in report.shards] == ["done", "under way", "to do", "to do"]
    word = Override(frozenset({"rows_per_run"}), "anna", "it was a long stay")
    assert backfill(ward, override=word).exit_code == 0
    assert_equal(ward, YEAR)
    with ward.parts().open_ledger(read_only=True) as ledger:
        assert len(ledger.decisions()) == 1


def test_progress_tells_rate_and_time_left(start):
    ward = start()
    date_stays(ward, backfill=OPEN)
    fill_year(ward, YEAR)
    told = Told()
    backfill(ward, progress=told)
    assert told.notes[0].startswith("ward 2024-01-01 to 2024-01-31 is done: 8 rows sent, 12 to go")
    assert "rows a minute" in told.notes[1]
    assert told.notes[1].endswith(" left.")
    assert told.notes[-1].startswith("ward 2024-12-01 to 2024-12-31 is done: 20 rows sent, 0 to go")
