"""`connector calibrate` at the stand-in platform: every probe finds what is planted, and leaves nothing behind."""

import itertools
import os
import signal
from dataclasses import replace
from decimal import Decimal

import pytest
import yaml

import connector.pipeline.parts
from connector.config.calibration import ASSUMPTIONS, Account
from connector.config.calibration_file import write_calibration
from connector.config.project import load_project
from connector.contract.library import contract
from tests.e2e.call_kit import ADMISSION, CHARGES
from tests.ward import ENVIRON

CHARGE = {**CHARGES["meds"]["med"][0], "noinjury": "0"}
DATA = {"register": ADMISSION, "charges": [CHARGE, {**CHARGE, "alc402": "XA13", "akc515": "I2"}]}
INVOICE = {"body": "JVBERi0xLjQ=", "invoiceType": "pdf", "invoiceNo": "CAL1", "invoiceMoney": "10.00"}
LEAVE = {
    "aac002": ADMISSION["kc21"]["aac002"],
    "aac003": ADMISSION["kc21"]["aac003"],
    "akc194": "2026-03-05",
    "akc195": "9",
    "akc196": "S82.201",
    "ints": "4",
    "km12s": {"km12": [INVOICE]},
}


@pytest.fixture
def calibrate(hall):
    """Calibrate a ward; keyword arguments are the simulator's. Gives hall, exit code, findings, both outputs."""

    def run(*arguments, faults=(), data=DATA, typed="", test=True, before=None, **platform):
        one = hall(faults=list(faults), **platform)
        if before:
            before(one)
        declared = ["--this-is-a-test-platform"] if test else []
        code, out, err = one.call(*declared, *arguments, data=data, typed=typed, command="calibrate")
        return one, code, out, err

    return run


def found(hall):
    """The results as the project reads them."""
    project = load_project(hall.ward.directory, contract(), environ=ENVIRON)
    assert project.calibration is not None
    return project.calibration


def is_clean(hall):
    """Nothing is left at the platform: no visit, no session."""
    return not hall.platform.state.visits and not hall.platform.state.sessions


def test_a_platform_as_the_document_has_it(calibrate):
    hall, code, out, err = calibrate()
    assert code == 0, err
    calibration = found(hall)
    assert calibration.of_result("refuted") == ()
    assert calibration.of_result("not tried") == ("A9", "A10")
    assert (calibration.settle_s, calibration.read_lag_s) == (900, 0)
    assert all(name in out for name in ASSUMPTIONS)
    assert calibration.findings["A6"].evidence.startswith("Rounded: 4.15 not at all, 4.12 the sum half up")
    assert calibration.findings["A7"].evidence == "Before the first fee 4.15 shows 0.00, 4.12 shows 0.00."
    assert is_clean(hall)


# Uploads with one repetition of A4 and batches of four rows: A4 the first, A8 2 to 4, A3 5 and 6, A6 7 to 10,
# A5 from 11 on, and A1 the last.


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        (
            {
                "faults": ["P.session_multi", "P.round.half_even", "P.empty_91006", "P.hard@2"],
                "amount_tolerance": Decimal(1000),
            },
            {
                "A1": ("not tried", "answered 0 (A2)"),
                "A2": ("refuted", "answered 0."),
                "A5": ("confirmed", "a row without an item (1004, 1004)"),
                "A6": ("confirmed", "4.15 not at all, 4.12 the sum half to even"),
                "A7": ("confirmed", "4.15 shows 0.00, 4.12 says 91006"),
                "A8": ("confirmed", "refused: a charge (81036), a refund (81021)"),
            },
        ),
        (
            {
                "faults": [
                    "P.session_multi",
                    "P.round.trunc",
                    {"fault": "P.hard", "operation": "discharge", "code": "91003"},
                    {"fault": "P.partial_error", "keep": [0], "at": 11},
                    {"fault": "P.soft", "code": "11005", "commit": True, "at": 12},
                ],
                "amount_tolerance": Decimal(1000),
            },
            {
                "A1": ("refuted", "answered 11005 and changed the total by 11"),
                "A5": ("refuted", "(990009) 7.00"),
                "A6": ("confirmed", "4.12 the sum cut off"),
                "A7": ("refuted", "4.12 is answered 91003"),
            },
        ),
        (
            {
                "faults": [
                    "P.round.per_row",
                    "P.double@2",
                    "N.sent_no_answer@5",
                    {"fault": "P.partial_counts", "keep": [1], "at": 10},
                ],
                "amount_tolerance": Decimal(1000),
            },
            {
                "A3": ("refuted", "An upload of 1 rows had no answer"),
                "A5": ("refuted", "(0) 9.00"),
                "A6": ("refuted", "4.15 each row half up, 4.12 each row half up"),
                "A8": ("refuted", "a charge of 12.34 changed the total by 24.68"),
            },
        ),
        (
            {"faults": ["P.double@7", "N.reset@11"]},
            {
                "A5": ("not tried", "(no answer)"),
                "A6": ("refuted", "4.15 in no way we know"),
                "A8": ("confirmed", "counted as sent: a charge, one not of the injury, a refund."),
            },
        ),
    ],
    ids=["sessions stay usable", "dead sessions save", "rows are rounded", "twice and lost"],
)
def test_probes_find_what_is_planted(calibrate, planted, expected):
    hall, code, _, err = calibrate("--repeats", "1", **planted)
    assert code == 0, err
    findings = found(hall).findings
    for assumption, (result, evidence) in expected.items():
        assert findings[assumption].result == result, findings[assumption]
        assert evidence in findings[assumption].evidence
    assert is_clean(hall)


@pytest.mark.parametrize(
    ("stale", "lag_s", "evidence"),
    [
        ({"at": [3, 4]}, 3, "1 totals were old, the longest for 3.0 s"),
        ({"every": 1}, None, "still the old one after 600 s"),
        ({"at": [5]}, None, "was gone 30 s later"),
    ],
    ids=["late", "never", "gone again"],
)
def test_old_totals_are_measured(calibrate, stale, lag_s, evidence):
    fault = {"fault": "P.stale", "operation": "getPerDetail", **stale}
    hall, _, _, _ = calibrate("--repeats", "2", faults=[fault])
    calibration = found(hall)
    assert calibration.result("A4") == "refuted"
    assert evidence in calibration.findings["A4"].evidence
    assert calibration.read_lag_s == lag_s
    assert is_clean(hall)


def test_a_slow_platform_is_given_ten_times_its_slowest_answer(calibrate, monkeypatch):
    ticks = itertools.count(0.0, 100.0)  # a call reads the clock twice itself, for the journal

    def slow(hall):
        clock = replace(hall.ward.time.clock(), monotonic=lambda: next(ticks))
        monkeypatch.setattr(connector.pipeline.parts, "real_clock", lambda: clock)

    hall, code, _, _ = calibrate("--repeats", "1", before=slow)
    assert code == 0
    assert found(hall).settle_s == 3000
    assert "took 300.0 s" in found(hall).findings["A3"].evidence


def test_what_ends_a_visit_or_approves_is_tried_when_asked_for(calibrate):
    hall, code, _, err = calibrate("--leave", "--sheet", data={**DATA, "leave": LEAVE})
    assert code == 0, err
    calibration = found(hall)
    assert (
        calibration.findings["A9"].evidence
        == "After the discharge 4.12 was answered 91004; 4.14 was answered 0."
    )
    assert calibration.findings["A10"].evidence == "Of 2 rows that are stored 4.16 lists 0."
    assert (calibration.result("A9"), calibration.result("A10")) == ("confirmed", "refuted")
    assert is_clean(hall)


# What goes wrong on the way


def test_a_stop_leaves_nothing_behind_and_writes_nothing(calibrate):
    def stop_while_waiting(hall):
        hall.ward.time.on_sleep = lambda _: stopped or stopped.append(os.kill(os.getpid(), signal.SIGINT))

    stopped = []
    hall, code, out, _ = calibrate(before=stop_while_waiting)
    assert (code, len(stopped)) == (130, 1)
    assert "It ended early: stopped on request. Nothing was written." in out
    assert not (hall.ward.directory / "calibration.yaml").exists()
    assert is_clean(hall)
    assert hall.heard()[-2:] == ["invalidData", "regundo"]


def test_what_cannot_be_taken_back_is_said(calibrate):
    refusal = {"fault": "P.hard", "operation": "regundo", "code": "61006", "every": 1}
    hall, code, _, err = calibrate("--repeats", "1", faults=[refusal])
    assert code == 1
    (number,) = hall.platform.state.visits
    assert f"The test visit {number} is left: its registration could not be taken back (61006" in err
    assert "`connector call regundo`" in err
    assert hall.platform.state.sessions == {}


def test_a_registration_that_is_refused_ends_it(calibrate):
    hall, code, out, _ = calibrate(faults=[{"fault": "P.hard", "operation": "register", "code": "51013"}])
    assert code == 1
    assert "The test visit could not be registered: 51013" in out
    assert hall.heard() == ["register"]
    assert not (hall.ward.directory / "calibration.yaml").exists()


def test_a_registration_without_an_answer_is_looked_for(calibrate):
    hall, code, _, err = calibrate("--repeats", "1", faults=["N.sent_no_answer:register"])
    assert code == 0, err
    assert is_clean(hall)


def test_a_session_lost_on_the_way_is_renewed(calibrate):
    lost = {"fault": "P.session_drop", "operation": "getPerDetail", "at": [2, 9]}
    hall, code, _, err = calibrate("--repeats", "1", faults=[lost])
    assert code == 0, err
    assert found(hall).of_result("refuted") == ()
    assert is_clean(hall)


# Who may, and with what


def test_nothing_is_sent_until_the_address_is_typed(calibrate):
    hall, code, _, err = calibrate(test=False, typed="yes\n")
    assert (code, hall.platform.calls) == (1, [])
    assert "Do this at a test system only." in err.replace("\n", " ")
    assert "Nothing was sent." in err
    code, _, err = hall.call(data=DATA, typed=f"{hall.platform.url}/\n", command="calibrate")
    assert code == 0, err


def test_it_waits_for_nobody_who_delivers(calibrate):
    def deliver(hall):
        ledger = hall.ward.parts().open_ledger()
        ledgers.append(ledger)
        ledger.take_lease("another", ttl_s=60)

    ledgers = []
    hall, code, _, _ = calibrate(before=deliver)
    ledgers[0].close()
    assert (code, hall.platform.calls) == (5, [])


WRONG = (
    ({}, ("register is missing", "charges is missing", "--template")),
    ({**DATA, "charge": []}, ("the key charge is not known",)),
    ({**DATA, "charges": [CHARGE]}, ("at least two rows",)),
    ({**DATA, "charges": [{**CHARGE, "alc401": "tomorrow"}, CHARGE]}, ("charges[0].alc401",)),
    ({**DATA, "register": {**ADMISSION, "isnewinjure": "2"}}, ("register: isnewinjure",)),
    ({**DATA, "leave": {"akc194": "x"}}, ("leave: akc194",)),
)


def test_a_file_that_cannot_be_sent_is_refused_whole(hall):
    one = hall()
    for data, words in WRONG:
        code, _, err = one.call("--this-is-a-test-platform", data=data, command="calibrate")
        assert (code, one.platform.calls) == (2, [])
        for word in words:
            assert word in err
    code, _, err = one.call("--leave", data=DATA, command="calibrate")
    assert code == 2
    assert "leave is missing" in err


def test_the_template_is_a_file_that_works(hall):
    first = hall()
    code, out, _ = first.call("--template", command="calibrate")
    assert code == 0
    data = yaml.load(out, Loader=yaml.BaseLoader)
    code, _, err = first.call("--this-is-a-test-platform", "--repeats", "1", data=data, command="calibrate")
    assert code == 0, err
    assert first.call(command="calibrate")[0] == 2


def test_status_and_check_say_how_it_stands(calibrate):
    hall, _, _, _ = calibrate("--repeats", "1", faults=["P.session_multi", "P.round.per_row"])
    code, out, _ = hall.call(command="status")
    assert "The platform is calibrated 2026-03-05; refuted: A2, A6; not tried: A1, A9, A10." in out
    code, out, _ = hall.call("--offline", command="check")
    assert code == 0
    assert "delivery.on_doubt is ask, not settle: calibration.yaml asks for it (A2)." in out
    (hall.ward.directory / "calibration.yaml").unlink()
    assert "The platform is not calibrated: the careful defaults apply" in hall.call(command="status")[1]


def test_accounts_that_a_person_added_stay(calibrate):
    hall, _, _, _ = calibrate("--repeats", "1")
    file = hall.ward.directory / "calibration.yaml"
    production = Account("https://production.example/nm-his", "hospital")
    file.write_text(
        write_calibration(replace(found(hall), holds_for=(*found(hall).holds_for, production))),
        encoding="utf-8",
    )
    hall.call("--this-is-a-test-platform", "--repeats", "1", data=DATA, command="calibrate")
    assert found(hall).holds_for == (Account(hall.platform.url, "demo"), production)
    assert not list(hall.ward.directory.glob("*.new"))
