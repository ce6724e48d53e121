"""`connector visit set-aside`: a visit that is not for the platform, and nothing that waits for it."""

import json

import pytest

from connector.pipeline.decisions import list_decisions
from tests.e2e.test_cli_decide import asked, hospital
from tests.e2e.test_restored import bring_back, keep_copy

__all__ = ["asked", "hospital"]

WHY = ("--because", "no work injury", "--who", "Li")


@pytest.fixture
def local(hall):
    """A visit of 30 yuan, which is sent."""
    one = hall()
    fill(one.ward, 1)
    assert one.ward.run_until_quiet().exit_code == 0
    return one


def fill(ward, zyh):
    ward.stay(zyh)
    ward.fee(zyh, "10.00")
    ward.fee(zyh, "20.00")
    ward.order(zyh)


def visit(one, *arguments, typed=""):
    return one.call(*arguments, typed=typed, command="visit")


def take_back(one):
    assert one.call("undo", "V1", "--to", "registration", "--yes", command="visit")[0] == 0
    assert one.ward.run().exit_code == 4


def test_a_visit_that_was_taken_back_waits_for_nobody(local):
    ward = local.ward
    take_back(local)
    code, out, err = visit(local, "set-aside", "V1", *WHY)
    assert (code, err) == (0, "")
    assert "Visit V1 is set aside, with 3 rows: nothing of it is sent." in out
    ward.simulator.calls.clear()
    ward.fee(1, "7.00")
    fill(ward, 2)
    assert ward.run_until_quiet().exit_code == 0
    assert "V1" not in ward.simulator.state.visits
    assert ward.platform_rows(2) == ward.his_rows(2)
    code, out, _ = local.call(command="status")
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines() if "set aside" in line] == ["1", "4"]
    assert "attention" not in out
    assert "nothing: a person set it aside" in visit(local, "show", "V1")[1]
    assert local.call(command="reconcile")[0] == 0
    assert local.call("--all", command="reconcile")[0] == 0
    (kept,) = [one for one in list_decisions(ward.parts(), "V1") if one.kind == "set_aside"]
    assert (kept.who, kept.reason) == ("Li", "no work injury")


def test_a_ledger_that_was_brought_back_is_not_believed(local):
    """What the lost ledger let go and sent is there, though the copy says that it was set aside."""
    ward = local.ward
    take_back(local)
    visit(local, "set-aside", "V1", *WHY)
    copy = keep_copy(ward)
    assert visit(local, "step", "V1", "--again", "--because", "it is one")[0] == 0
    sent = ward.platform_rows(1)
    bring_back(ward, copy)
    assert ward.run().exit_code == 4
    assert "restored" in ward.run().standings["ward"].held["V1"]
    assert ward.platform_rows(1) == sent


def test_a_ledger_that_was_brought_back_in_vain_lets_it_be(local):
    ward = local.ward
    take_back(local)
    visit(local, "set-aside", "V1", *WHY)
    copy = keep_copy(ward)
    fill(ward, 2)
    ward.run()
    bring_back(ward, copy)
    ward.run()
    assert "V1" not in ward.run().standings["ward"].held
    assert "V1" not in ward.simulator.state.visits


def test_it_goes_after_all_where_a_person_says_so(local):
    ward = local.ward
    take_back(local)
    visit(local, "set-aside", "V1", *WHY)
    ward.fee(1, "7.00")
    assert ward.run().exit_code == 0
    code, _, err = visit(local, "step", "V1")
    assert code == 2
    assert "Visit V1 is set aside" in err
    code, out, err = visit(local, "step", "V1", "--again", "--because", "it is one")
    assert code == 0, out + err
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert len(ward.his_rows(1)) == 3
    code, _, err = visit(local, "step", "V1", "--again")
    assert code == 2
    assert "it is not set aside" in err


def test_a_visit_that_can_never_be_registered(local):
    ward = local.ward
    fill(ward, 2)
    ward.change("UPDATE stay SET name = '' WHERE zyh = 2")
    assert ward.run().exit_code == 3
    assert visit(local, "set-aside", "2", *WHY)[0] == 0
    assert ward.run().exit_code == 0
    assert "Nothing is in quarantine." in local.call("list", command="quarantine")[1]
    assert "AAC003" in local.call("list", "--rows", "--visit", "2", command="quarantine")[1].upper()
    ward.change("UPDATE stay SET name = '李明' WHERE zyh = 2")
    assert ward.run().exit_code == 0
    assert "V2" not in ward.simulator.state.visits
    assert visit(local, "step", "2", "--again", "--because", "why not")[0] == 0
    assert ward.platform_rows(2) == ward.his_rows(2)


def test_a_question_about_it_is_gone(asked):
    assert visit(asked, "set-aside", "V1", *WHY)[0] == 0
    assert asked.ward.run().exit_code == 0
    assert asked.call(command="decide")[0] == 0
    assert asked.call("step", "V1", "--again", "--because", "it is one", command="visit")[0] == 4
    assert asked.call("V1", command="decide")[0] == 4


def test_guards_do_not_count_what_is_not_sent(local):
    ward = local.ward
    take_back(local)
    for number in range(20):
        ward.fee(1, f"{number + 1}.00")
    settings = ward.directory / "connector.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("guards: {}", "guards: {rows_per_run: 15}"), encoding="utf-8")
    fill(ward, 2)
    assert "rows_per_run" in ward.run().problem
    visit(local, "set-aside", "V1", *WHY)
    assert ward.run_until_quiet().exit_code == 0
    assert ward.platform_rows(2) == ward.his_rows(2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("V1", *WHY), "V1 is registered at the platform: take that back first"),
        (("V9", *WHY), "The ledger knows no visit “V9”"),
        (("V1",), "Say why it is not for the platform"),
    ],
    ids=["registered", "unknown", "no reason"],
)
def test_what_cannot_be_is_said_and_nothing_is_written(local, arguments, said):
    code, _, err = visit(local, "set-aside", *arguments)
    assert code == 2
    assert said in " ".join(err.split())
    assert list_decisions(local.ward.parts()) == []


def test_twice_is_once(local):
    take_back(local)
    code, out, _ = visit(local, "set-aside", "V1", *WHY, "--json")
    assert (code, json.loads(out)) == (0, {"visit": "V1", "rows": 3})
    code, _, err = visit(local, "set-aside", "V1", *WHY)
    assert code == 2
    assert "is set aside already" in err


def test_a_registration_in_doubt_is_not_set_aside(hall):
    one = hall(
        faults=["N.sent_no_answer:register@1", {"fault": "N.500.A", "operation": "getPerDetail", "every": 1}]
    )
    fill(one.ward, 1)
    assert "the platform failed" in one.ward.run().problem
    code, _, err = visit(one, "set-aside", "V1", *WHY)
    assert code == 2
    assert "Nobody knows yet whether visit V1 is registered" in " ".join(err.split())
    one.platform.faults.clear()
    assert one.ward.run_until_quiet().exit_code == 0
    assert one.ward.platform_rows(1) == one.ward.his_rows(1)
