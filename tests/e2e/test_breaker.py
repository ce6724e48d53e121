"""A platform that fails as a whole is left alone and asked by queries; rows that fail alone stop nobody."""

import pytest

from connector.pipeline.progress import Silent
from tests.ward import Ward

QUICK = {"guards": "{breaker_pause_s: 3}", "read_lag_s": 1}
QUERIES = ["getPerDetail", "discharge"]
UPLOADS = ["register", "sendMedInfo"]


def fill(ward: Ward, visits: int, *, bad: int = 0) -> None:
    """Visits of two fees; the second fee of the first `bad` visits is one that the platform chokes on."""
    for zyh in range(1, visits + 1):
        ward.stay(zyh)
        ward.fee(zyh, f"{zyh}.25")
        ward.fee(zyh, f"{zyh}.50", item="BAD" if zyh <= bad else "XA11")


def arrived(ward: Ward) -> set[int]:
    """Visits whose rows are on the platform, each once."""
    visits = [zyh for (zyh,) in ward.his.execute("SELECT zyh FROM stay")]
    return {zyh for zyh in visits if ward.platform_rows(zyh) == ward.his_rows(zyh)}


def break_down(ward: Ward, fault: str, *operations: str) -> None:
    """Every call of these operations fails until the faults are cleared."""
    for operation in operations:
        ward.simulator.switch_on({"fault": fault, "operation": operation, "every": 1})


def seen(ward: Ward, operations: list[str]) -> int:
    """How many calls of these operations came in since they fail."""
    return sum(rule.seen for rule in ward.simulator.faults.rules if rule.operations[0] in operations)


@pytest.mark.parametrize("fault", ["N.lose_request", "N.500.A", "P.soft"])
def test_an_outage_is_waited_out_and_nothing_is_uploaded_meanwhile(start, fault):
    ward = start(**QUICK, settle_s=5)
    fill(ward, 9)
    break_down(ward, fault, *UPLOADS, *QUERIES)
    during: list[tuple[int, int]] = []

    def recover(seconds: float) -> None:
        if ward.simulator.faults.rules:
            during.append((seen(ward, UPLOADS), seen(ward, QUERIES)))
        if sum(ward.time.slept) > 20:
            ward.simulator.faults.clear()

    ward.time.on_sleep = recover
    report = ward.run()
    assert report.problem == ""
    (sent,) = {sent for sent, _ in during}
    assert 3 <= sent <= 5  # three at once, and what was claimed before their answers had come
    assert during[-1][1] - during[0][1] == 2  # probes after 3 and 9 s; the one after 21 s was answered
    assert ward.run_until_quiet().exit_code == 0
    assert arrived(ward) == set(range(1, 10))


@pytest.mark.parametrize("operations", [[*UPLOADS, *QUERIES], UPLOADS], ids=["everything", "uploads"])
def test_a_platform_that_never_recovers_ends_the_run_after_a_few_uploads(start, operations):
    """Where only uploads fail, each probe is answered and one more upload tried."""
    ward = start(**QUICK, settle_s=100)
    fill(ward, 12)
    break_down(ward, "P.soft", *operations)
    notes = Silent()
    told: list[str] = []
    notes.note = told.append
    report = ward.run(notes)
    assert report.exit_code == 1
    assert report.problem == (
        "the platform failed 3 times in a row and 5 times more within 2 minutes (99999). "
        "What is staged stays staged; the next run tries again"
    )
    tried = 5 if operations == UPLOADS else 0
    assert 3 + tried <= seen(ward, UPLOADS) <= 5 + tried
    assert told[0] == "The platform fails (99999): nothing is sent; it is asked again in 3 s."
    assert ("answers again" in "".join(told)) == (operations == UPLOADS)
    ward.simulator.faults.clear()
    assert ward.run_until_quiet().exit_code == 0
    assert arrived(ward) == set(range(1, 13))


def test_one_row_in_each_of_three_visits_that_the_platform_chokes_on_stops_nobody(start):
    """99999 for a row's own reason, three times in a row: the probe is answered, the next visit's upload too."""
    ward = start(
        **QUICK, settle_s=5, platform={"faults": [{"fault": "P.poison", "items": "BAD", "code": "99999"}]}
    )
    fill(ward, 9, bad=3)
    ward.run()
    assert arrived(ward) == set(range(4, 10))
    report = ward.run_until_quiet()
    assert (report.problem, report.exit_code) == ("", 3)
    assert (report.standings["ward"].held, report.standings["ward"].quarantined_rows) == ({}, 3)
    assert [sum(ward.platform_rows(zyh).values()) for zyh in (1, 2, 3)] == [1, 1, 1]


def test_rows_that_are_choked_on_alone_end_in_quarantine_and_new_visits_go(start):
    """Nothing but such rows is left to prove that uploads work: runs may end early, but each comes nearer to the end."""
    ward = start(
        **QUICK, settle_s=5, platform={"faults": [{"fault": "P.poison", "items": "BAD", "code": "99999"}]}
    )
    for zyh in (1, 2, 3):
        ward.stay(zyh)
        ward.fee(zyh, f"{zyh}.50", item="BAD")
    for _ in range(4):
        ward.run()
        ward.time.sleep(90)
    ward.stay(4)
    ward.fee(4)
    report = ward.run_until_quiet()
    assert (report.problem, report.exit_code) == ("", 3)
    assert (report.standings["ward"].held, report.standings["ward"].quarantined_rows) == ({}, 3)
    assert arrived(ward) == {4}
