"""`connector resolve`: a person decides what arithmetic cannot, with the numbers in front of them."""

import json
import signal
from decimal import Decimal

import pytest

import connector.cli.prompting
from connector.cli.stopping import Stopping
from tests.e2e.test_counterexamples import assert_whole, two_rows

WHY = ("--because", "looked at the page", "--who", "dba", "--yes")


@pytest.fixture
def desk(hall):
    """A ward and `resolve` on its command line."""

    def begin(**platform):
        one = hall(**platform)

        def use(*arguments, **more):
            return one.call(*arguments, command="resolve", **more)

        return one.ward, use

    return begin


def held_in_part(ward, *, keep=(0,)):
    """Two rows sent, some of them saved, without an answer."""
    two_rows(ward)
    ward.simulator.switch_on({"fault": "P.partial_silent", "keep": list(keep), "times": 1})
    assert "V1" in ward.run_until_quiet().delivered["ward"].held


def numbers_of(use):
    """The rows that may be decided about, by amount."""
    _, out, _ = use("V1", "--json")
    return {row["amount"]: row["number"] for row in json.loads(out)["rows"]}


def history(ward):
    with ward.parts().open_ledger(read_only=True) as ledger:
        return [(one.decision.kind, one.decision.choice, one.decision.who) for one in ledger.decisions()]


def test_visits_to_decide_about_are_listed(desk):
    ward, use = desk()
    assert use()[:2] == (0, "No visit is held, and nothing is in doubt.\n")
    held_in_part(ward)
    code, out, _ = use()
    assert code == 4
    assert "V1" in out
    assert "fits 1 of its rows" in out
    code, out, _ = use("--json")
    assert [one["visit"] for one in json.loads(out)] == ["V1"]


def test_a_case_shows_the_three_numbers_the_rows_and_the_choices(desk):
    ward, use = desk()
    held_in_part(ward)
    code, out, _ = use("V1")
    assert code == 4
    for words in (
        "is held since",
        "batch 2 in doubt  30.00",
        "platform          10.00",
        "no answer came",
        "it cannot take effect any more",
        "as if just 1 of the 2 rows below were there",
        "It is a proposal, no proof",
        "--reset",
    ):
        assert words in out, words
    assert "--accept all" not in out
    assert "--accept none" not in out
    case = json.loads(use("1", "--json")[1])
    assert (case["ledger"], case["platform"], case["doubt"]["amount"]) == ("0.0000", "10.0000", "30.0000")
    (row,) = [one for one in case["rows"] if one["number"] in case["part"]]
    assert row["amount"] == "10.0000"
    assert f"--accept {row['number']}" in [one["option"] for one in case["choices"]]


def test_a_part_is_accepted_and_the_rest_goes_again(desk):
    ward, use = desk()
    held_in_part(ward)
    row = numbers_of(use)["10.0000"]
    code, out, err = use("V1", "--accept", row, *WHY)
    assert code == 0
    assert "1 of 2 rows count as sent; 1 go again at the next run" in err
    assert "Decided by dba and kept" in out
    assert ward.run().exit_code == 0
    assert_whole(ward)
    assert history(ward) == [("accept", str(row), "dba")]
    with ward.parts().open_ledger(read_only=True) as ledger:
        (kept,) = ledger.decisions()
        assert kept.decision.numbers == {
            "ledger": "0.0000",
            "platform": "10.0000",
            "batch": "30.0000",
            "rows": 1,
            "amount of the rows": "10.0000",
        }


def test_two_rows_of_one_amount_are_told_apart_on_the_page(desk):
    ward, use = desk()
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "10.00", item="XB22")
    ward.simulator.switch_on({"fault": "P.partial_silent", "keep": [1], "times": 1})
    ward.run_until_quiet()
    _, out, _ = use("V1")
    assert "--accept ROW,ROW" in out
    row = next(one["number"] for one in json.loads(use("V1", "--json")[1])["rows"] if "XB22" in one["item"])
    assert use("V1", "--accept", row, *WHY)[0] == 0
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_all_of_a_contradiction_is_accepted(desk):
    ward, use = desk()
    two_rows(ward)
    ward.simulator.switch_on({"fault": "P.partial_error", "keep": [0, 1], "times": 1})
    ward.run_until_quiet()
    assert use("V1", "--accept", "none", *WHY)[0] == 2
    assert use("V1", "--accept", "all", *WHY)[0] == 0
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)


def test_what_does_not_add_up_is_refused_with_the_numbers(desk):
    ward, use = desk()
    held_in_part(ward)
    for choice in ("all", "none", numbers_of(use)["20.0000"]):
        code, _, err = use("V1", "--accept", choice, *WHY)
        assert code == 2
        assert "The ledger says 0.00, the platform 10.00" in err
    for arguments, words in (
        (("--accept", "99"), "99 is no row of this case"),
        (("--adopt", "all"), "in doubt"),
        (("--baseline",), "in doubt"),
        (("--release",), "in doubt"),
    ):
        code, _, err = use("V1", *arguments, *WHY)
        assert (code, words in err) == (2, True), err
    assert history(ward) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("V1", "--reset", "--yes"), "say why"),
        (("V1", "--reset", "--release", *WHY), "exclude each other"),
        (("--reset", *WHY), "which visit"),
        (("V9",), "knows no visit"),
    ],
)
def test_wrong_use_is_told(desk, arguments, words):
    _, use = desk()
    code, _, err = use(*arguments)
    assert code == 2
    assert words in err


def test_what_may_still_arrive_is_not_called_missing(desk):
    """The run was stopped before its fence and its settle time."""
    ward, use = desk(faults=["N.lose_request:sendMedInfo@1"])
    two_rows(ward)
    ward.time.on_sleep = lambda seconds: ward.stop.set()
    ward.run()
    ward.stop.clear()
    ward.time.on_sleep = lambda seconds: None
    assert "it may still take effect" in use("V1")[1]
    code, _, err = use("V1", "--accept", "none", *WHY)
    assert code == 2
    assert "may still arrive" in err
    assert history(ward) == []


def test_a_batch_whose_mapping_was_taken_out_is_not_decided(desk):
    ward, use = desk()
    two_rows(ward)
    ward.simulator.switch_on({"fault": "P.partial_silent", "keep": [], "times": 1})
    ward.time.on_sleep = lambda seconds: ward.stop.set()
    ward.run()
    ward.stop.clear()
    pipeline = ward.directory / "pipelines" / "ward.yaml"
    pipeline.write_text(
        pipeline.read_text(encoding="utf-8").replace("orders, fees", "orders"), encoding="utf-8"
    )
    for choice in ("all", "none"):
        code, _, err = use("V1", "--accept", choice, *WHY)
        assert code == 2
        assert "put it back" in err
    assert "--accept" not in use("V1")[1]


def test_rows_entered_by_hand_are_adopted(desk):
    """One that waits, and one that the platform had refused from us."""
    ward, use = desk()
    ward.simulator.switch_on({"fault": "P.poison", "items": "BAD"})
    two_rows(ward)
    ward.fee(1, "7.00", item="BAD")
    ward.run_until_quiet()
    ward.simulator.add_fees_by_hand("V1", Decimal(7))
    ward.simulator.add_fees_by_hand("V1", Decimal(5))
    ward.fee(1, "5.00")
    ward.fee(1, "100.00")
    assert "V1" in ward.run().delivered["ward"].held
    rows = numbers_of(use)
    assert set(rows) == {"7.0000", "5.0000", "100.0000"}
    assert use("V1", "--baseline", *WHY)[0] == 2
    both = f"{rows['7.0000']},{rows['5.0000']}"
    code, _, err = use("V1", "--adopt", both, *WHY)
    assert (code, "2 rows count as sent" in err) == (0, True)
    report = ward.run_until_quiet()
    assert report.exit_code == 0
    assert report.standings["ward"].accepted_rows == 5
    assert ward.simulator.total("V1") == 142_0000


def test_a_surplus_that_is_something_else_becomes_the_baseline(desk):
    ward, use = desk()
    two_rows(ward)
    ward.run()
    ward.simulator.add_fees_by_hand("V1", Decimal("55.55"))
    ward.fee(1, "100.00")
    assert "V1" in ward.run().delivered["ward"].held
    code, _, err = use("V1", "--baseline", *WHY)
    assert code == 0
    assert "55.55 yuan on the platform are not the connector's" in err
    assert ward.run_until_quiet().exit_code == 0
    assert ward.simulator.total("V1") == 185_5500
    assert use("V1")[0] == 0


def test_a_held_visit_whose_numbers_agree_is_released(desk):
    ward, use = desk()
    two_rows(ward)
    ward.run()
    with ward.parts().open_ledger() as ledger:
        ledger.hold_visit(ledger.find_visits("V1")[0].visit_id, "the ledger was restored")
    assert "--release" in use("V1")[1]
    assert use("V1", "--release", *WHY)[0] == 0
    assert use()[0] == 0


def test_a_reset_is_approved_and_carried_out_by_the_next_run(desk):
    ward, use = desk()
    held_in_part(ward)
    code, _, err = use("V1", "--reset", *WHY)
    assert code == 0
    assert "deletes ALL fees of this visit" in err
    _, out, _ = use("V1")
    assert "a reset is approved" in out
    assert use("V1", "--reset", *WHY)[0] == 2
    assert ward.run_until_quiet().exit_code == 0
    assert_whole(ward)
    assert history(ward) == [("reset", "approved", "dba")]


def test_a_patient_who_has_left_is_not_reset(desk):
    ward, use = desk()
    held_in_part(ward)
    ward.simulator.close_visit("V1")
    _, out, _ = use("V1")
    assert "The patient left on" in out
    assert "--reset" not in out
    code, _, err = use("V1", "--reset", *WHY)
    assert code == 2
    assert "4.14" in err


def test_a_case_that_moved_while_it_was_looked_at_is_not_decided(desk, monkeypatch):
    ward, use = desk()
    held_in_part(ward)
    row = numbers_of(use)["10.0000"]

    def ask(prompt):
        ward.simulator.add_fees_by_hand("V1", Decimal(20))
        return "yes"

    monkeypatch.setattr(connector.cli.prompting, "ask", ask)
    code, _, err = use("V1", "--accept", row, "--because", "seen")
    assert code == 1
    assert "has moved since it was shown" in err
    assert history(ward) == []


def test_ctrl_c_at_the_question_ends_it(desk, monkeypatch):
    """While somebody thinks, no handler of ours keeps Ctrl-C from them."""
    ward, use = desk()
    held_in_part(ward)

    def ask(prompt):
        assert not isinstance(getattr(signal.getsignal(signal.SIGINT), "__self__", None), Stopping)
        raise KeyboardInterrupt

    monkeypatch.setattr(connector.cli.prompting, "ask", ask)
    assert use("V1", "--reset", "--because", "seen")[0] == 130
    assert history(ward) == []


def test_without_a_yes_nothing_is_decided(desk):
    ward, use = desk()
    held_in_part(ward)
    code, _, err = use("V1", "--reset", "--because", "seen", typed="no\n")
    assert code == 1
    assert "Nothing was decided." in err
    assert history(ward) == []


def test_while_a_run_is_under_way_nothing_is_decided(desk):
    ward, use = desk()
    held_in_part(ward)
    with ward.parts().open_ledger() as ledger:
        lease = ledger.take_lease("a run", ttl_s=60)
        assert use("V1")[0] == 5
        ledger.release_lease(lease)


def test_status_and_run_name_the_command(hall):
    one = hall()
    held_in_part(one.ward)
    assert "`connector resolve V1`" in one.call("--visits", command="status")[1]
    assert "`connector resolve V1`" in one.call(command="run")[1]
