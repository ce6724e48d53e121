"""A batch that was found not applied is looked for once more, when nothing of it can be alive any more."""

from datetime import timedelta
from decimal import Decimal

from connector.simulator.meddling import enter_by_hand

SECOND_LOOK = timedelta(minutes=30, hours=2)


def lose_one(start):
    """A ward whose first batch was lost on its way and sent again."""
    ward = start(platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "20.00")
    ward.run_until_quiet()
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert ward.run().delivered == {}
    return ward


def test_the_total_is_read_once_more_and_only_once(start):
    ward = lose_one(start)
    ward.time.sleep(SECOND_LOOK.total_seconds())
    looked = ward.run()
    assert looked.exit_code == 0
    assert looked.delivered["ward"].rows == 0
    assert ward.run().delivered == {}
    ward.time.sleep(SECOND_LOOK.total_seconds())
    assert ward.run().delivered == {}


def test_a_surplus_of_that_batch_is_named_as_its_late_duplicate(start):
    ward = lose_one(start)
    enter_by_hand(ward.simulator.state, "V1", Decimal("30.00"))
    assert ward.run().delivered == {}
    ward.time.sleep(SECOND_LOOK.total_seconds())
    report = ward.run()
    assert report.exit_code == 4
    (reason,) = report.delivered["ward"].held.values()
    assert "platform holds 60.00, the ledger 30.00" in reason
    assert "suspected late duplicate of batch 2, which was found not applied" in reason


def test_another_surplus_is_somebody_elses(start):
    ward = lose_one(start)
    enter_by_hand(ward.simulator.state, "V1", Decimal("31.00"))
    ward.time.sleep(SECOND_LOOK.total_seconds())
    (reason,) = ward.run().delivered["ward"].held.values()
    assert reason.endswith("somebody else changed this visit")
