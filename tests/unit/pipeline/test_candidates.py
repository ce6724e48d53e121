"""Which record fits a visit, and which one is meant: what is taken always fits, was named, or was chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contract.library import contract
from connector.contract.lookups import record_node
from connector.contract.spec import Lookup
from connector.pipeline.candidates import (
    HIS,
    PERSON,
    SINGLE,
    Admission,
    Candidate,
    admission_of,
    choose,
    day_of,
    read_candidate,
    weigh,
)

CONTRACT = contract()
CURE = CONTRACT.operation("getCure")
FITTING = {"aae073": "S1", "akc175": "1", "jxzl": "2", "akc173": "2026-02-25", "aae031": "2026-12-31"}


def admission(kind="21", admitted="2026-03-01", injury="", application="", new=""):
    request = {
        "isnewinjure": new,
        "kc21": {"aka130": kind, "akc192": admitted, "alca02": injury, "aae073": application},
    }
    return admission_of(CONTRACT.operation("register"), request)


@pytest.mark.parametrize(
    ("changes", "visit", "fault"),
    [
        ({}, {}, ""),
        ({"akc175": "0"}, {}, "akc175 审批标志 is 0 未审核, not 1 审核通过"),
        ({"akc175": ""}, {}, "akc175 审批标志 is empty, not 1 审核通过"),
        ({"akc175": 1}, {}, ""),
        ({"jxzl": "1"}, {}, "jxzl 继续治疗方式 is 1 门诊, not 2 住院"),
        ({"jxzl": "1"}, {"kind": "11"}, ""),
        ({}, {"kind": "11"}, "jxzl 继续治疗方式 is 2 住院, not 1 门诊"),
        ({"akc173": "2026-03-01"}, {}, ""),
        ({"akc173": "2026-03-02"}, {}, "akc173 开始时间 20260302 begins after the admission"),
        ({"aae031": "2026-02-28"}, {}, "aae031 结束时间 20260228 ended before the admission"),
        ({"aae031": "20260301"}, {}, ""),
        ({"aae031": None}, {}, ""),
    ],
)
def test_an_application_fits_or_it_is_said_why_not(changes, visit, fault):
    found = weigh(CONTRACT, CURE, {**FITTING, **changes}, admission(**visit))
    assert list(found.faults) == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("record", "new", "fault"),
    [
        ({"alca02": "RD1", "alc020": "2026-03-01"}, "", ""),
        (
            {"alca02": "RD1", "alc020": "2026-03-02"},
            "",
            "alc020 工伤发生时间 20260302 is after the admission",
        ),
        ({"alca02": "RD1"}, "1", "the HIS says that the injury is new"),
        ({"alca02": ""}, "0", "the HIS says that the injury is an old one"),
        ({"alca02": "  "}, "1", ""),
    ],
)
def test_an_injury_fits_or_it_is_said_why_not(record, new, fault):
    operation = CONTRACT.operation("getInjuryByNameAndId")
    found = weigh(CONTRACT, operation, record, admission(new=new))
    assert list(found.faults) == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-01", "20260301"),
        ("20260301", "20260301"),
        ("2026-03-01 08:00:00", "20260301"),
        ("", ""),
        ("3月", ""),
        (None, ""),
    ],
)
def test_days_are_read_as_they_come(text, day):
    assert day_of(text) == day


CANDIDATES = st.lists(
    st.builds(
        lambda number, faults: Candidate("getCure", {**FITTING, "aae073": number}, faults),
        st.sampled_from(["S1", "S2", "S3"]),
        st.sampled_from([(), ("not approved",)]),
    ),
    max_size=4,
)


@given(
    candidates=CANDIDATES,
    kept=st.none() | st.sampled_from(["S1", "S2", "S9"]),
    named=st.sampled_from(["", "S1", "S9"]),
    takes_single=st.booleans(),
)
def test_what_is_taken_was_named_or_chosen_or_alone_fits(candidates, kept, named, takes_single):
    person = None if kept is None else Candidate("getCure", {**FITTING, "aae073": kept})
    visit = Admission({}, {"application": named} if named else {})
    found = choose(
        Lookup.APPLICATION, record_node(CURE), candidates, visit, kept=person, takes_single=takes_single
    )
    fitting = [one for one in candidates if not one.faults]
    if found is None:
        assert not named
        assert not (takes_single and len(fitting) == 1)
        assert kept not in [one.record["aae073"] for one in candidates]
    elif found.how == HIS:
        assert named
        assert found.candidate is None or found.candidate.record["aae073"] == named
        assert bool(found.warning) == (found.candidate is None or bool(found.candidate.faults))
        assert not found.warning or named not in [one.record["aae073"] for one in fitting]
    elif found.how == PERSON:
        assert found.candidate is not None
        assert found.candidate.record["aae073"] == kept
    else:
        assert found.how == SINGLE
        assert fitting == [found.candidate]


@given(candidates=CANDIDATES)
def test_what_is_kept_comes_back(candidates):
    assert [read_candidate(one.kept()) for one in candidates] == candidates
