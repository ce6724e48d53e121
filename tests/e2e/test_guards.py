"""Guards: a plan that is too large sends nothing, says why, and goes only on a person's word."""

from datetime import timedelta
from decimal import Decimal

import pytest

from connector.pipeline.guards import Contribution, Override
from connector.pipeline.progress import Silent
from connector.pipeline.rehearse import rehearse
from connector.pipeline.run import RunReport, run
from tests.ward import Ward

STOPPED_BY_GUARD = 6
MEANT = "first upload of the year"


def fill(ward: Ward, *fees: int, amount: str = "10.00") -> None:
    """So many fees in each visit."""
    for zyh, number in enumerate(fees, start=1):
        ward.stay(zyh)
        for _ in range(number):
            ward.fee(zyh, amount)


def override(ward: Ward, *guards: str) -> RunReport:
    word = Override(frozenset(guards), "anna@desk", MEANT)
    return run(ward.parts(), [], progress=Silent(), is_stopping=ward.stop.is_set, override=word)


def decisions(ward: Ward) -> list:
    with ward.parts().open_ledger(read_only=True) as ledger:
        return [kept.decision for kept in ledger.decisions()]


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("rows_per_run: 6", "rows_per_run: 7, the limit is 6"),
        ("yuan_per_run: 69", "yuan_per_run: 70.00, the limit is 69"),
        ("rows_per_day: 6", "rows_per_day: 7, the limit is 6 (0 rows"),
        (
            "yuan_per_day: 69",
            "yuan_per_day: 70.00, the limit is 69 (0 rows",
        ),
    ],
)
def test_a_plan_that_is_too_large_sends_nothing_until_a_person_says_so(start, limit, said):
    ward = start(guards=f"{{{limit}}}")
    fill(ward, 0, 3, 2)
    ward.fee(1, "-10.00", quantity="-1", refund=ward.fee(1))  # a refund moves money too
    for _ in range(2):  # what is staged already is counted again: no timer gets around it
        report = ward.run()
        assert report.exit_code == STOPPED_BY_GUARD
        assert said in report.problem
        assert said in str(report.breaches[0])
        assert [(one.visit, one.rows) for one in report.breaches[0].most] == [("V2", 3), ("V1", 2), ("V3", 2)]
        assert report.standings["ward"].staged_rows == 7
    assert ward.simulator.calls == []
    assert decisions(ward) == []
    name = limit.partition(":")[0]
    assert override(ward, name).exit_code == 0
    assert sum(ward.platform_rows(2).values()) == 3
    (kept,) = decisions(ward)
    assert (kept.kind, kept.choice, kept.who, kept.reason) == (
        "guard",
        f"override {name}",
        "anna@desk",
        MEANT,
    )
    assert set(kept.numbers) == {"value", "limit"}
    assert ward.run().exit_code == 0


def test_an_override_is_for_the_guards_it_names(start):
    ward = start(guards="{rows_per_run: 1, yuan_per_run: 1}")
    fill(ward, 2)
    report = override(ward, "rows_per_run")
    assert [one.guard for one in report.breaches] == ["yuan_per_run"]
    assert ward.simulator.calls == []


def test_a_plan_at_its_limit_goes(start):
    ward = start(
        guards="{rows_per_run: 2, rows_per_day: 2, yuan_per_run: 20, yuan_per_day: 20, rejected_share: 0}"
    )
    fill(ward, 2)
    assert override(ward, "rows_per_run", "rejected_share").exit_code == 0
    assert decisions(ward) == []  # an override that was not needed leaves no trace


def test_a_day_is_the_platforms_day(start):
    ward = start(guards="{rows_per_day: 5}")
    fill(ward, 3)
    assert ward.run().exit_code == 0
    for _ in range(3):
        ward.fee(1, "20.00")
    report = ward.run()  # 10:00 in Shanghai
    assert str(report.breaches[0]) == (
        "rows_per_day: 6, the limit is 5 (3 rows and 30.00 yuan of them were sent today)"
    )
    ward.time.now += timedelta(hours=13)  # 23:00 there, the day of the world changes only later
    assert ward.run().exit_code == STOPPED_BY_GUARD
    ward.time.now += timedelta(hours=1)
    assert ward.run().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_many_rejections_stop_the_run_and_the_next_ones_until_they_are_mended(start):
    ward = start(guards='{rejected_share: "0.25", rejected_from_rows: 4}')
    fill(ward, 2, 1)
    for _ in range(2):
        ward.fee(2, price="-1.00")
    for _ in range(3):  # nothing is new in the later ones
        report = ward.run()
        assert report.exit_code == STOPPED_BY_GUARD
        (breach,) = report.breaches
        assert breach.value == Decimal("0.2857")  # two of seven: two registrations and three fees are good
        assert [(one.visit, one.rows) for one in breach.most] == [("V2", 2)]
    assert ward.simulator.calls == []
    ward.change("UPDATE fee SET price = 10 WHERE id = (SELECT MAX(id) FROM fee)")
    assert ward.run().exit_code == 3  # one of seven
    ward.fee(1)
    assert ward.run().exit_code == 3  # what was let through is not counted again
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_doubts_that_settle_hold_the_others_back_only_so_long(start):
    ward = start(guards="{rows_in_doubt: 2}", platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    fill(ward, 2, 2, 2, 2, 2, 2)
    report = ward.run()
    assert (report.exit_code, report.breaches) == (0, [])
    assert all(ward.platform_rows(zyh) == ward.his_rows(zyh) for zyh in range(1, 7))


def test_as_many_doubts_as_may_be_stop_the_run_after_what_can_be_settled_is(start):
    faults = [{"fault": "N.lose_request", "operation": "sendMedInfo", "at": [1, 2]}]
    ward = start(guards="{rows_in_doubt: 3}", on_doubt="ask", platform={"faults": faults})
    fill(ward, 2, 2, 2, 2, 2, 2)
    report = ward.run()
    assert report.exit_code == STOPPED_BY_GUARD
    assert report.problem.startswith("a guard stopped the run. rows_in_doubt: 4, the limit is 3.")
    assert [one.rows for one in report.breaches[0].most] == [2, 2]
    received = ward.simulator.rows_received
    assert received <= 4  # what had been claimed before the second doubt was known
    assert ward.run().exit_code == STOPPED_BY_GUARD
    assert ward.simulator.rows_received == received
    assert override(ward, "rows_in_doubt").exit_code == 4
    assert ward.simulator.rows_received == 8
    assert [one.choice for one in decisions(ward)] == ["override rows_in_doubt"]


def test_a_run_that_only_settles_is_not_held_back(start):
    ward = start(guards="{rows_per_day: 3}", platform={"faults": ["N.sent_no_answer:sendMedInfo@1"]})
    fill(ward, 3)
    ward.time.on_sleep = lambda seconds: ward.stop.set()
    assert ward.run().exit_code == 130
    ward.stop.clear()
    ward.time.on_sleep = lambda seconds: None
    settings = ward.directory / "connector.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("rows_per_day: 3", "rows_per_day: 1"))
    assert ward.run().exit_code == 0
    assert ward.platform_rows(1) == ward.his_rows(1)


def test_a_dry_run_says_what_a_guard_would_say(start):
    ward = start(guards="{rows_per_run: 1}")
    fill(ward, 2)
    dry = {"progress": Silent(), "is_stopping": ward.stop.is_set}
    report = rehearse(ward.parts(), [], **dry)
    assert (report.exit_code, report.rehearsal.messages) == (STOPPED_BY_GUARD, 0)
    assert report.breaches[0].most == (Contribution("V1", "fees", 2, 200_000),)
    word = Override(frozenset({"rows_per_run"}), "anna@desk", MEANT)
    assert rehearse(ward.parts(), [], **dry, override=word).exit_code == 0
    assert decisions(ward) == []
