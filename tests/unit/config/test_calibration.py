"""calibration.yaml: what is written reads as it was, and what it found makes delivery more careful, never less."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.calibration import ASSUMPTIONS, Account, Calibration, Finding, adjust
from connector.config.calibration_file import read_calibration, write_calibration
from connector.config.page import Page
from connector.config.settings import DeliverySettings, Measured

HERE = Account("http://127.0.0.1:8029/nm-his", "demo")
RESULTS = ("confirmed", "refuted", "not tried")
FILE = "calibration.yaml"


def calibration(*, holds_for=(HERE,), settle_s=900, read_lag_s=0, **results):
    findings = {name: Finding(results.get(name, "confirmed"), f"{name} was seen") for name in ASSUMPTIONS}
    return Calibration("2026-03-05T10:00:00+08:00", holds_for, findings, settle_s, read_lag_s)


@given(
    st.dictionaries(st.sampled_from(list(ASSUMPTIONS)), st.sampled_from(RESULTS)),
    st.none() | st.integers(0, 600_000),
    st.none() | st.integers(0, 600_000),
)
def test_what_is_written_is_read(results, settle_s, read_lag_s):
    written = calibration(settle_s=settle_s, read_lag_s=read_lag_s, **results)
    page = Page(FILE, write_calibration(written))
    assert read_calibration(page, written.file) == written
    assert page.faults() == []


@given(
    st.dictionaries(st.sampled_from(list(ASSUMPTIONS)), st.sampled_from(RESULTS)),
    st.none() | st.integers(0, 5000),
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.sampled_from(["ask", "settle"]),
)
def test_nothing_becomes_less_careful(results, measured_s, settle_s, read_lag_s, on_doubt):
    before = DeliverySettings(settle_s=settle_s, read_lag_s=read_lag_s, on_doubt=on_doubt)
    found = calibration(settle_s=measured_s, read_lag_s=measured_s, **results)
    after, notes = adjust(before, found)
    assert after.settle_s >= max(settle_s, measured_s or 0)
    assert after.read_lag_s >= max(read_lag_s, measured_s or 0)
    assert (on_doubt, after.on_doubt) != ("ask", "settle")
    changed = {
        name
        for name in ("settle_s", "read_lag_s", "on_doubt")
        if getattr(before, name) != getattr(after, name)
    }
    assert {note.split()[0].removeprefix("delivery.") for note in notes} == changed


@pytest.mark.parametrize(
    ("results", "changes"),
    [
        ({}, {"measured": Measured(is_atomic=True)}),
        ({"A5": "not tried"}, {}),
        ({"A5": "refuted", "A1": "refuted", "A7": "refuted", "A9": "refuted", "A10": "refuted"}, {}),
        ({"A5": "refuted", "A2": "refuted"}, {"on_doubt": "ask"}),
        ({"A5": "refuted", "A3": "refuted"}, {"on_doubt": "ask"}),
        ({"A5": "refuted", "A6": "refuted"}, {"measured": Measured(rounds_rows=True)}),
        ({"A5": "refuted", "A8": "refuted"}, {"on_doubt": "ask", "measured": Measured(totals_tell=False)}),
    ],
    ids=lambda one: " ".join(one) or "nothing",
)
def test_what_follows_from_a_result(results, changes):
    before = DeliverySettings()
    assert adjust(before, calibration(**results))[0] == replace(before, **changes)


def test_a_total_that_stayed_old_makes_every_conclusion_wait():
    after, notes = adjust(DeliverySettings(), calibration(read_lag_s=None, A4="refuted"))
    assert after.read_lag_s == after.settle_s == 1800
    assert notes == ("delivery.read_lag_s is 1800, not 30: calibration.yaml asks for it (A4).",)


def test_a_project_takes_what_holds_for_its_account(desk):
    assert desk.load().calibrated.startswith("not calibrated: the careful defaults apply")
    desk.write(FILE, write_calibration(calibration(settle_s=2000, A2="refuted", A9="not tried")))
    project = desk.load()
    assert (project.settings.delivery.settle_s, project.settings.delivery.on_doubt) == (2000, "ask")
    assert project.calibrated == "calibrated 2026-03-05; refuted: A2; not tried: A9"
    assert len(project.overruled) == 2


def test_a_project_does_not_take_what_holds_for_another(desk):
    other = (replace(HERE, username="other"), replace(HERE, base_url="http://test"))
    desk.write(FILE, write_calibration(calibration(settle_s=2000, holds_for=other)))
    project = desk.load()
    assert project.settings.delivery == DeliverySettings()
    assert project.overruled == ()
    assert (
        "holds for other at http://127.0.0.1:8029/nm-his, demo at http://test, not for demo"
        in project.calibrated
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 1", "version: 2", "This connector reads version 1 of its files."),
        ('"2026-03-05T10:00:00+08:00"', "yesterday", "“calibrated_at” must be a moment with its zone."),
        ("settle_s: 900", "settle_s: soon", "“settle_s” must be a whole number in digits."),
        (
            "    result: refuted",
            "    result: wrong",
            "“result” must be one of confirmed, refuted, not tried.",
        ),
        ("  A7:", "  A77:", "The key “A77” is not known in assumptions."),
        ("holds_for:", "holds:", "The key “holds_for” is missing."),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_place(desk, old, new, message):
    desk.write(FILE, write_calibration(calibration(A2="refuted")).replace(old, new, 1))
    assert message in [one.message for one in desk.faults()]
    assert {one.file for one in desk.faults()} == {str(desk.directory / FILE)}
