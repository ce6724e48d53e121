"""What a visit is due for: tables of decisions, and what holds for all of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.settings import LifecycleSettings
from connector.pipeline.lifecycle import (
    BACK,
    ENDED,
    INCOMPLETE,
    NO_UPLOAD,
    UNCONFIRMED,
    Asking,
    Due,
    Facts,
    Finished,
    Told,
    Waiting,
    needed_lookups,
    next_step,
)

RULES = LifecycleSettings()
NEW = Facts(is_registered=False, has_registration=True)
SENT = frozenset({"orders", "charges", "compare"})
IN = Facts(is_registered=True, has_registration=False, tried=SENT)
LISTED = SENT | {"checklist"}
GONE = replace(IN, leaves=True, has_ended=True, may_leave=True, tried=LISTED)
LOOKUPS = frozenset({"injury", "application", "report", "filing"})


def facts(base=NEW, *, wanted="", told="", tried="", **more):
    """Facts; `told` is written kind=outcome."""
    pairs = dict(one.split("=") for one in told.split())
    return replace(
        base,
        wanted=base.wanted | set(wanted.split()),
        told={kind: Told(outcome) for kind, outcome in pairs.items()},
        tried=base.tried | set(tried.split()),
        **more,
    )


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (facts(), Due("register")),
        (facts(has_registration=False), Waiting(INCOMPLETE)),
        (facts(tried="register"), Waiting(UNCONFIRMED)),
        (facts(wanted="injury application"), Due("injury")),
        (facts(wanted="injury application", told="injury=asked"), Asking("injury")),
        (facts(wanted="injury application", told="injury=chosen", is_new_injury=False), Due("application")),
        (facts(wanted="application", told="application=asked"), Asking("application")),
        (facts(wanted="application", told="application=chosen"), Due("register")),
        (facts(wanted="application injury", told="injury=chosen", is_new_injury=True), Due("report")),
        (facts(wanted="injury", told="injury=chosen report=nothing", is_new_injury=True), Due("register")),
        (facts(wanted="injury", told="injury=chosen report=asked", is_new_injury=True), Asking("report")),
        (facts(is_new_injury=True), Due("register")),
        (facts(wanted="filing injury", is_cross_province=True), Due("filing")),
        (facts(wanted="filing", told="filing=chosen", is_cross_province=True), Due("register")),
        (facts(wanted="injury"), Due("injury")),
    ],
)
def test_before_the_registration(known, found):
    assert next_step(known, RULES) == found


@pytest.mark.parametrize("kind", ["injury", "application", "filing"])
def test_what_the_platform_does_not_know_is_waited_for(kind):
    known = facts(wanted=kind, told=f"{kind}=nothing", is_cross_province=kind == "filing")
    found = next_step(known, RULES)
    assert isinstance(found, Waiting)
    assert "asked again at the next run" in found.reason


@pytest.mark.parametrize(
    ("rule", "found"),
    [("required", Due("report")), ("optional", Due("register")), ("no-upload", Waiting(NO_UPLOAD))],
)
def test_regions_differ_about_new_injuries(rule, found):
    assert next_step(facts(is_new_injury=True), LifecycleSettings(accident_report=rule)) == found
    assert next_step(facts(is_new_injury=False), LifecycleSettings(accident_report=rule)) == Due("register")


def test_where_new_injuries_are_not_uploaded_the_injury_is_still_looked_up():
    rules = LifecycleSettings(accident_report="no-upload")
    assert next_step(facts(wanted="injury"), rules) == Due("injury")
    known = facts(wanted="injury", told="injury=chosen", is_new_injury=True)
    assert next_step(known, rules) == Waiting(NO_UPLOAD)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (replace(IN, tried=frozenset()), Due("orders")),
        (replace(IN, tried=frozenset({"orders"})), Due("charges")),
        (replace(IN, tried=frozenset({"orders", "charges"})), Due("compare")),
        (replace(IN, tried=frozenset(), lacks_report=True), Due("report")),
        (replace(IN, tried=frozenset({"report"}), lacks_report=True), Due("orders")),
        (IN, Finished()),
        (replace(IN, has_ended=True), Finished()),
        (replace(GONE, tried=SENT), Due("checklist")),
        (GONE, Due("approve")),
        (replace(GONE, obstacles=("2 rows wait",)), Waiting("2 rows wait")),
        (replace(GONE, is_approved=True), Due("leave")),
        (replace(GONE, tried=LISTED | {"approve"}), Waiting("“approve” is not confirmed yet")),
        (replace(GONE, has_left=True), Finished()),
        (replace(GONE, has_left=True, tried=frozenset()), Due("compare")),
        (replace(GONE, is_back=True), Due("approve")),
    ],
)
def test_after_the_registration(known, found):
    assert next_step(known, RULES) == found


@pytest.mark.parametrize(
    ("rule", "said", "back", "found"),
    [
        ("automatic", False, False, Due("approve")),
        ("automatic", False, True, Waiting(BACK)),
        ("automatic", True, True, Due("approve")),
        ("ask", False, False, Waiting(ENDED)),
        ("ask", False, True, Waiting(BACK)),
        ("ask", True, False, Due("approve")),
        ("never", True, False, Finished()),
    ],
)
def test_who_lets_a_patient_leave(rule, said, back, found):
    known = replace(GONE, may_leave=said, is_back=back)
    assert next_step(known, LifecycleSettings(leave=rule)) == found


RULE = st.builds(
    LifecycleSettings,
    accident_report=st.sampled_from(["required", "optional", "no-upload"]),
    leave=st.sampled_from(["automatic", "ask", "never"]),
)
ANY = st.builds(
    Facts,
    is_registered=st.booleans(),
    has_registration=st.booleans(),
    is_cross_province=st.booleans(),
    is_new_injury=st.sampled_from([None, True, False]),
    wanted=st.frozensets(st.sampled_from(sorted(LOOKUPS))),
    told=st.dictionaries(st.sampled_from(sorted(LOOKUPS)), st.sampled_from(list(Told))),
    tried=st.frozensets(st.sampled_from(["register", *sorted(LISTED), "approve", "leave"])),
    lacks_report=st.booleans(),
    has_ended=st.booleans(),
    leaves=st.booleans(),
    may_leave=st.booleans(),
    is_back=st.booleans(),
    obstacles=st.sampled_from([(), ("rows wait",)]),
    is_approved=st.booleans(),
    has_left=st.booleans(),
)


def may(step, known, rules):
    """Whether a step's preconditions hold: what the platform, or a person, would mind otherwise."""
    if step == "report" and known.is_registered:
        return known.lacks_report and not known.has_left
    if step in LOOKUPS:
        return not known.is_registered and not known.has_left and step not in known.told
    if step == "register":
        needs = set(needed_lookups(known, rules)) - {"report"}
        return (
            not known.is_registered
            and known.has_registration
            and all(known.told.get(kind) is Told.CHOSEN for kind in needs)
            and not (known.is_new_injury and rules.accident_report == "no-upload")
        )
    sends = known.is_registered and not known.has_left
    if step in SENT:
        return sends or step == "compare"
    wanted = known.leaves and known.has_ended and known.tried >= SENT
    agreed = rules.leave != "never" and (
        known.may_leave or (rules.leave == "automatic" and not known.is_back)
    )
    if step == "checklist":
        return sends and wanted and agreed
    ready = "checklist" in known.tried and not known.obstacles
    return sends and wanted and agreed and ready and (step == "approve" or known.is_approved)


@given(known=ANY, rules=RULE)
def test_no_step_is_proposed_before_its_time(known, rules):
    found = next_step(known, rules)
    if isinstance(found, Due):
        assert found.step not in known.tried
        assert may(found.step, known, rules)


@given(known=ANY, rules=RULE, data=st.data())
def test_a_sitting_always_ends(known, rules, data):
    """Whatever comes of the steps, no sitting has more of them than there are."""
    for _ in range(len(LOOKUPS) + 8):
        found = next_step(known, rules)
        if not isinstance(found, Due):
            return
        known = replace(known, tried=known.tried | {found.step})
        if found.step in LOOKUPS:
            known = replace(known, told={**known.told, found.step: data.draw(st.sampled_from(list(Told)))})
        elif data.draw(st.booleans()):
            known = replace(
                known,
                is_registered=known.is_registered or found.step == "register",
                is_approved=known.is_approved or found.step == "approve",
                has_left=known.has_left or found.step == "leave",
            )
    raise AssertionError("the sitting does not end")
