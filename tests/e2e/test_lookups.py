"""From the injury look-up to the registration, local and across provinces: what is taken, waited for, asked."""

import json

import pytest

from connector.ledger.decisions import Decision
from connector.simulator.facts import make_facts
from tests.ward import FEES, STAYS

ID = "152824198204240045"
INJURY = {"alca02": "RD1", "aab001": "E1", "alc020": "2025-05-17"}
ACCIDENT = {"alca02": "", "aab001": "E2", "alc020": "2026-02-27"}
APPLICATION = {
    "aae073": "S1",
    "alca02": "RD1",
    "akc175": "1",
    "jxzl": "2",
    "akc173": "2026-02-25",
    "aae031": "",
}
REPORT = {"alca02": "BA1", "aab001": "E2", "alc020": "2026-02-27"}
FILING = {"alc011": "LN1", "aae100": "1", "aae016": "1", "aae030": "20260115", "aae031": "20301231"}

LOCAL = {
    "isnewinjure": "{lookup: injury}",
    "aab001": "{lookup: injury}",
    "aac001": "{lookup: injury}",
    "alca02": "{from: injury, lookup: injury}",
    "aae073": "{lookup: application}",
}
FAR = """
version: 1
mapping: stays
fills: offsiteRegister
source: {table: stay, key: zyh, visit: zyh, changes: {by: comparison}, ended: ended}
fields:
  aac002: {value: "152824198204240045"}
  aac003: name
  akc190: number
  aka130: {value: "72"}
  aae030: {value: "2026-03-01"}
  akc191: {value: "7"}
  alc028: {value: "T14.900"}
  alc011: {from: injury, lookup: filing}
  akc201: {value: 骨科}
  akc199: ward
  akc200: {value: "12"}
  ysbm: {value: 王医生}
  sbkid: {value: A0001}
"""


def looking(**fields):
    """The visits mapping of the ward with other fields."""
    lines = []
    for line in STAYS.splitlines():
        name = line.strip().partition(":")[0]
        lines.append(f"  {name}: {fields[name]}" if name in fields else line)
    return "\n".join(lines)


def known(**lists):
    """What the platform knows of one person."""
    return make_facts({"persons": [{"aac001": "P1", "aac002": ID, "aac003": "张敏", **lists}]})


@pytest.fixture
def hospital(start):
    """A ward with one visit that has a charge; `knows` are facts, `lifecycle` settings."""

    def begin(knows, *, lifecycle="", mapping=None, injury=""):
        ward = start(platform={"facts": knows})
        if mapping != FAR:
            ward.directory.joinpath("mappings/stays.yaml").write_text(mapping or looking(**LOCAL))
        else:
            ward.directory.joinpath("mappings/stays.yaml").write_text(FAR)
            fees = FEES.format(changes="{by: sequence, column: id, lookback: 100}")
            far = fees.replace("sendMedInfo.meds.med", "sendBsMedInfo.bskmWS.bskm")
            ward.directory.joinpath("mappings/fees.yaml").write_text(far)
            ward.directory.joinpath("pipelines/ward.yaml").write_text(
                "{version: 1, pipeline: ward, visits: stays, mappings: [orders]}\n"
            )
        if lifecycle:
            with ward.directory.joinpath("connector.yaml").open("a") as file:
                file.write(f"lifecycle: {{{lifecycle}}}\n")
        ward.stay(1, injury=injury)
        ward.fee(1)
        return ward

    return begin


def tell(ward, report):
    """Why the visit waits, in the last run's words."""
    (pipeline,) = report.delivered.values()
    return pipeline.waiting.get("V1", "") or pipeline.held.get("V1", "")


def registered(ward):
    """The admission as the platform has it, or None."""
    visit = ward.simulator.state.visits.get("V1")
    return None if visit is None else visit.data


def questions(ward):
    with ward.parts().open_ledger(read_only=True) as ledger:
        return ledger.questions.open("stays")


def choose(ward, number):
    """A person's answer to the one open question."""
    with ward.parts().open_ledger() as ledger:
        (question,) = ledger.questions.open("stays")
        decision = Decision("question", str(number + 1), "dba", "because", question.visit_id)
        ledger.questions.answer(question.id, question.candidates[number], decision)


TAKES = "single_application: take"


def test_an_old_injury_is_looked_up_and_registered(hospital):
    ward = hospital(known(injuries=[INJURY], applications=[APPLICATION]), lifecycle=TAKES)
    assert ward.run().exit_code == 0
    data = registered(ward)
    assert (data["alca02"], data["aae073"], data["aac001"], data["aab001"]) == ("RD1", "S1", "P1", "E1")
    assert ward.platform_rows(1) == ward.his_rows(1)
    with ward.parts().open_ledger(read_only=True) as ledger:
        steps = {one.name: one.details for one in ledger.steps.of(1)}
        assert steps["injury"]["record"]["alca02"] == "RD1"
        assert steps["application"]["how"] == "single"
        assert json.loads(json.dumps(steps["registration"]["request"]))["kc21"]["aae073"] == "S1"


def test_the_application_is_a_persons_choice_unless_a_setting_says_otherwise(hospital):
    ward = hospital(known(injuries=[INJURY], applications=[APPLICATION]))
    report = ward.run()
    assert "a question waits for a person (its application)" in tell(ward, report)
    assert registered(ward) is None
    choose(ward, 0)
    assert ward.run().exit_code == 0
    assert registered(ward)["aae073"] == "S1"
    assert questions(ward) == []
