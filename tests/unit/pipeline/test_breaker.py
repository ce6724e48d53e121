"""The breaker: what opens it, what closes it, and that every history of answers leaves it sound."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.pipeline.breaker import EQUAL_ERRORS, Breaker, Position

NEW = Breaker(30, 3)
QUERY, UPLOAD = False, True


def feed(breaker, *answers, now=0.0):
    """Answers as (is_upload, error)."""
    for is_upload, error in answers:
        breaker = breaker.take_answer(error, is_upload=is_upload, now=now)
    return breaker


@pytest.mark.parametrize(
    "answers",
    [
        [(UPLOAD, "99999")] * 3,
        [(QUERY, "99999")] * 3,
        [(QUERY, "not reached"), (UPLOAD, "not reached"), (QUERY, "not reached")],
        [(UPLOAD, "99999"), (QUERY, ""), (UPLOAD, "99999"), (QUERY, ""), (UPLOAD, "99999")],
        [(UPLOAD, "1004"), (UPLOAD, "99999"), (UPLOAD, "99999"), (UPLOAD, "99999")],
    ],
    ids=["uploads", "queries", "both", "uploads between good queries", "the last three are equal"],
)
def test_three_equal_errors_in_a_row_open_it(answers):
    assert feed(NEW, *answers[:-1]).position is Position.CLOSED
    after = feed(NEW, *answers, now=100.0)
    assert (after.position, after.probe_at) == (Position.OPEN, 130.0)


@pytest.mark.parametrize(
    "answers",
    [
        [(UPLOAD, "99999"), (UPLOAD, "1004")] * 5,
        [(UPLOAD, "99999"), (UPLOAD, "99999"), (UPLOAD, "")] * 5,
        [(QUERY, "99999"), (QUERY, "99999"), (QUERY, "")] * 5,
    ],
    ids=["different", "an upload is answered", "a query is answered"],
)
def test_other_errors_do_not(answers):
    assert feed(NEW, *answers).position is Position.CLOSED


def test_nothing_goes_while_it_is_open_and_one_upload_at_a_time_on_trial():
    opened = feed(NEW, *[(UPLOAD, "99999")] * 3)
    trial = opened.take_probe("", now=30)
    assert [one.allow(4, in_flight=0) for one in (NEW, opened, trial)] == [4, 0, 1]
    assert [one.allow(4, in_flight=1) for one in (NEW, opened, trial)] == [4, 0, 0]
    assert trial.allow(0, in_flight=0) == 0


def test_a_good_query_leaves_it_on_trial_and_an_upload_closes_it():
    trial = feed(NEW, *[(UPLOAD, "99999")] * 3).take_probe("", now=30)
    assert feed(trial, (QUERY, "")).position is Position.TRIAL
    assert feed(trial, (QUERY, "99999")).position is Position.TRIAL
    assert feed(trial, (UPLOAD, "")) == NEW


def test_any_failed_upload_on_trial_opens_it_for_longer():
    trial = feed(NEW, *[(UPLOAD, "99999")] * 3).take_probe("", now=30)
    again = feed(trial, (UPLOAD, "1004"), now=50.0)
    assert (again.position, again.probe_at, again.tries) == (Position.OPEN, 110.0, 2)


def test_it_gives_up_after_the_last_probe():
    breaker, at = feed(NEW, *[(QUERY, "not reached")] * 3), []
    while breaker.position is Position.OPEN:
        at.append(breaker.probe_at)
        breaker = breaker.take_probe("not reached", now=breaker.probe_at)
    assert breaker.position is Position.GIVEN_UP
    assert at == [30, 90, 210]
    assert breaker.patience_s == at[-1]
    assert feed(breaker, (UPLOAD, "")).position is Position.GIVEN_UP  # one that was still under way


def test_without_probes_it_gives_up_at_once():
    assert feed(replace(NEW, probes=0), *[(UPLOAD, "99999")] * 3).position is Position.GIVEN_UP


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["query", "upload", "probe"]), st.sampled_from(["", "", "99999", "not reached"])
    ),
    max_size=40,
)


@given(EVENTS)
def test_whatever_happens_it_opens_only_for_a_reason_and_ends(events):
    breaker, row, failed = NEW, [], 0
    for number, (kind, error) in enumerate(events):
        before = breaker
        if kind == "probe":
            if before.position is not Position.OPEN:
                continue
            breaker = before.take_probe(error, now=number)
            assert breaker.position is not Position.CLOSED  # a query never proves that uploads work
        else:
            breaker = before.take_answer(error, is_upload=kind == "upload", now=number)
            row = [*row, error] if error else row if kind == "query" else []
        failed = 0 if breaker.position is Position.CLOSED else failed
        if breaker.position is Position.OPEN and breaker.tries > before.tries:
            failed += 1
            assert error
            assert breaker.probe_at > number
            assert before.position is not Position.CLOSED or len(row) >= EQUAL_ERRORS
        assert failed <= breaker.probes
        if before.position is Position.GIVEN_UP:
            assert breaker.position is Position.GIVEN_UP
