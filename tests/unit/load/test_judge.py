import json

import pytest

from connector.contract.library import contract
from connector.load.answer import RAW_KEPT
from connector.load.judge import Scope, judge, scope, system_error
from connector.records import Outcome, Verdict

KEY = "0123456789abcdef0123456789abcdef"
BOOK = contract()
UPLOADS = ("sendMedInfo", "sendBsMedInfo", "register", "offsiteRegister", "invalidData", "leaveHos")


def verdict(method, code, **more):
    return judge(BOOK.operation(method), json.dumps({"code": code, **more}).encode(), KEY).verdict


@pytest.mark.parametrize("method", sorted(BOOK.operations))
@pytest.mark.parametrize("code", [0, "0"])
def test_code_zero_is_the_only_yes(method, code):
    assert verdict(method, code) is Verdict.ACCEPTED


def test_no_other_code_of_the_document_is_a_yes():
    codes = {entry.code for group in BOOK.error_groups for entry in group.entries} - {"0"}
    assert len(codes) > 250
    for method in UPLOADS:
        for code in codes:
            assert verdict(method, code) is not Verdict.ACCEPTED


@pytest.mark.parametrize("method", ["sendMedInfo", "sendBsMedInfo"])
def test_every_refusal_of_an_upload_in_the_document_is_definite(method):
    title = BOOK.operation(method).error_group
    codes = [entry.code for group in BOOK.error_groups if group.title == title for entry in group.entries]
    assert len(codes) > 30
    assert {verdict(method, code) for code in codes} == {Verdict.REJECTED}


@pytest.mark.parametrize("method", UPLOADS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, Verdict.SESSION_LOST) for code in ("11004", 11005, "11006", 21006, "31001", "31007", 21003)),
        *((code, Verdict.RETRYABLE) for code in ("110021", 11009)),
        *((code, Verdict.IN_DOUBT) for code in (99999, "1004")),
        *(
            (code, Verdict.IN_DOUBT)
            for code in (500, "502", -1, 1, "ERROR", "0000", "00", 1234567, "８１００１")
        ),
        *((code, Verdict.IN_DOUBT) for code in (None, "", True, False, [], {}, 0.5)),
        *((code, Verdict.REJECTED) for code in (11002, "41003", 51034, "140005", "81023")),
    ],
)
def test_what_a_code_means_for_a_call_that_has_an_effect(method, code, expected):
    assert verdict(method, code) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (99999, Verdict.RETRYABLE),
        ("1004", Verdict.RETRYABLE),
        (11005, Verdict.SESSION_LOST),
        ("230003", Verdict.REJECTED),
        (-1, Verdict.REJECTED),
        (None, Verdict.IN_DOUBT),
    ],
)
@pytest.mark.parametrize("method", ["getPerDetail", "discharge"])
def test_what_a_code_means_for_a_query(method, code, expected):
    assert verdict(method, code) is expected


def test_login_and_logout_have_codes_of_their_own():
    assert verdict("login", 21003) is Verdict.REJECTED
    assert verdict("login", 99999) is Verdict.IN_DOUBT
    assert verdict("logout", 31007) is Verdict.REJECTED
    assert verdict("logout", 11005) is Verdict.SESSION_LOST


def test_an_outcome_keeps_what_was_said_and_a_bounded_raw():
    raw = json.dumps({"code": 0, "msg": "提示", "counts": "3", "x": "y" * 2 * RAW_KEPT}).encode()
    outcome = judge(BOOK.operation("sendMedInfo"), raw, KEY)
    assert (outcome.code, outcome.message, outcome.counts, outcome.warning) == ("0", "提示", 3, "提示")
    assert outcome.raw == raw[:RAW_KEPT]
    assert len(outcome.body["x"]) == 2 * RAW_KEPT
    assert "提示" not in repr(outcome)


@pytest.mark.parametrize("raw", [b"", b"<html></html>", b"\x00\xff", b'{"msg":"ok"}', b'"ok"'])
def test_no_answer_is_in_doubt_and_says_why(raw):
    outcome = judge(BOOK.operation("sendMedInfo"), raw, KEY)
    assert outcome.verdict is Verdict.IN_DOUBT
    assert outcome.message
    assert outcome.code == ""


@pytest.mark.parametrize(
    ("method", "code", "expected"),
    [
        # protocol C.5: no row is at fault
        *(
            ("sendMedInfo", code, Scope.VISIT)
            for code in ("81001", "81002", "81003", "81004", "81005", "81006", "81007")
        ),
        *(("sendBsMedInfo", f"33000{n}", Scope.VISIT) for n in range(1, 8)),
        # trap T151: set up at the centre
        *(("sendMedInfo", code, Scope.SETUP) for code in ("81028", "81036")),
        *(("sendBsMedInfo", code, Scope.SETUP) for code in ("330030", "330038")),
        ("offsiteRegister", "310017", Scope.SETUP),
        # about one person only
        ("register", "51017", Scope.VISIT),
        ("register", "51013", Scope.VISIT),
        ("offsiteRegister", "310019", Scope.VISIT),
        ("register", "51010", Scope.ROW),
        # catalogue and version: rows
        *(
            ("sendMedInfo", code, Scope.ROW)
            for code in ("990009", "81020", "81023", "81024", "81027", "81031", "81034")
        ),
        ("sendBsMedInfo", "330039", Scope.ROW),
        ("sendMedInfo", "77777", Scope.ROW),
        *(("sendMedInfo", code, Scope.BUSY) for code in ("110021", "11009")),
        *(("sendMedInfo", code, Scope.SESSION) for code in ("11004", "11005", "11006", "21006")),
        # a message that cannot be read
        ("register", "11002", Scope.SETUP),
        ("sendMedInfo", "11002", Scope.VISIT),
    ],
)
def test_how_far_a_refusal_reaches(method, code, expected):
    assert scope(method, code) is expected


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome(Verdict.NOT_SENT, message="nothing listens there"), "not reached"),
        (Outcome(Verdict.IN_DOUBT, message="HTTP 502 from platform: no answer"), "no readable answer"),
        (judge(BOOK.operation("sendMedInfo"), b"<html>", KEY), "no readable answer"),
        (judge(BOOK.operation("sendMedInfo"), b'{"code": 99999}', KEY), "99999"),
        (judge(BOOK.operation("getPerDetail"), b'{"code": "1004"}', KEY), "1004"),
        (judge(BOOK.operation("sendMedInfo"), b'{"code": -1}', KEY), "-1"),
        *(
            (judge(BOOK.operation(method), json.dumps({"code": code}).encode(), KEY), "")
            for method in ("sendMedInfo", "getPerDetail")
            for code in (0, 81023, 110021, 11009, 11005, 230003)
        ),
    ],
)
def test_what_is_a_failure_of_the_platform_itself(outcome, kind):
    assert system_error(outcome) == kind
