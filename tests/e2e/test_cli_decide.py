"""`connector decide` and `connector visit`: a question is listed, shown, answered, changed, and the visit goes on."""

import json

import pytest

from tests.e2e.test_lookups import ACCIDENT, APPLICATION, INJURY, OLD, hospital, known, registered

__all__ = ["hospital"]

UNFIT = {**APPLICATION, "aae073": "S2", "akc175": "0"}
CLINIC = {**APPLICATION, "aae073": "S3", "jxzl": "1"}
SEVERAL = known(injuries=[INJURY], applications=[APPLICATION, UNFIT, CLINIC])
WHO = ("--who", "dba")


@pytest.fixture
def asked(hospital):
    """A hall with a visit about whose application a person is asked."""
    one = hospital(SEVERAL)
    assert one.ward.run().exit_code == 4
    return one


def test_open_questions_are_listed_and_shown(asked):
    code, out, _ = asked.call(command="decide")
    assert code == 4
    assert "Which treatment application is this stay under?" in out
    code, out, _ = asked.call("V1", command="decide")
    assert code == 4
    assert "1. fits" in out
    assert "2. does not fit: akc175 审批标志 is 0 未审核, not 1 审核通过" in out
    assert "3. does not fit: jxzl 继续治疗方式 is 1 门诊, not 2 住院" in out
    assert "aae073 审批编号: S1" in out
    assert "aac003 姓名: ***" in out
    assert "张敏" not in out
    assert "张敏" in asked.call("V1", "--show-personal", command="decide")[1]
    (question,) = json.loads(asked.call("--json", command="decide")[1])
    assert [len(option["faults"]) for option in question["options"]] == [0, 1, 1]


def test_status_and_the_list_of_visits_show_it(asked):
    code, out, _ = asked.call(command="status")
    assert code == 4
    assert "a question waits for a person (its application): `connector decide V1`" in out
    code, out, _ = asked.call("list", command="visit")
    assert code == 0
    assert "a person's answer (its application)" in out
    assert json.loads(asked.call("list", "--json", command="visit")[1])[0]["pipeline"] == "ward"


def test_a_choice_is_kept_and_the_visit_goes_on(asked):
    code, out, _ = asked.call("V1", "--choose", 1, *WHO, command="decide")
    assert (code, out) == (
        0,
        "Visit V1: candidate 1 is its application; the next run goes on with it.\n",
    )
    code, out, _ = asked.call("step", "V1", command="visit")
    assert code == 0
    assert registered(asked.ward)["aae073"] == "S1"
    code, out, _ = asked.call("show", "V1", command="visit")
    assert code == 0
    for words in ("registration", "person", "answered at", "candidate 1", "dba: application 1"):
        assert words in out, words
    assert asked.call("V1", command="decide")[0] == 0
    code, _, err = asked.call("V1", "--choose", 1, command="decide")
    assert code == 2
    assert "is registered" in err


def test_a_choice_can_be_changed_until_the_visit_is_registered(asked):
    assert asked.call("V1", "--choose", 2, "--because", "it is approved today", command="decide")[0] == 0
    assert asked.call("V1", "--choose", 1, command="decide")[0] == 0
    assert asked.ward.run().exit_code == 0
    assert registered(asked.ward)["aae073"] == "S1"
    with asked.ward.parts().open_ledger(read_only=True) as ledger:
        assert [one.decision.choice for one in ledger.decisions()] == ["1", "2"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("V1", "--choose", 4), "has the candidates 1 to 3; 4 is none"),
        (("V1", "--choose", -1), "-1 is none"),
        (("V1", "--choose", 2), "Candidate 2 does not fit: akc175"),
        (("V9", "--choose", 1), "The ledger knows no visit “V9”"),
        (("V1", "--choose", 1, "--kind", "injury"), "There is no injury question about visit V1"),
        (("--choose", 1), "say which visit"),
    ],
)
def test_wrong_answers_are_refused(asked, arguments, words):
    code, _, err = asked.call(*arguments, command="decide")
    assert code == 2
    assert words in err
    assert asked.call(command="decide")[0] == 4


def test_another_injury_asks_for_its_application_anew(hospital):
    other = {**INJURY, "alca02": "RD2"}
    one = hospital(
        known(
            injuries=[INJURY, other, ACCIDENT],
            applications=[APPLICATION, {**APPLICATION, "aae073": "S2", "alca02": "RD2"}],
        )
    )
    assert one.ward.run().exit_code == 4
    one.call("V1", "--choose", 1, command="decide")
    assert one.ward.run().exit_code == 4
    one.call("V1", "--choose", 1, command="decide")
    assert one.call("V1", "--choose", 2, "--kind", "injury", command="decide")[0] == 0
    assert one.ward.run().exit_code == 4  # the application that was chosen is the other injury's
    assert registered(one.ward) is None
    one.call("V1", "--choose", 1, "--kind", "application", command="decide")
    assert one.ward.run().exit_code == 0
    assert (registered(one.ward)["alca02"], registered(one.ward)["aae073"]) == ("RD2", "S2")


def test_a_step_sends_nothing_of_other_visits(hospital):
    one = hospital(OLD, lifecycle="single_application: take")
    ward = one.ward
    ward.stay(2, injury="")
    ward.fee(2)
    code, _, _ = one.call("step", "V1", command="visit")
    assert code == 0
    assert list(ward.simulator.state.visits) == ["V1"]
    code, _, _ = one.call("step", "V1", command="visit")
    assert code == 0
    assert list(ward.simulator.state.visits) == ["V1"]
    assert one.call("step", "V9", command="visit")[0] == 2
    assert one.call(command="run")[0] == 0
    assert ward.platform_rows(2) == ward.his_rows(2)
