"""The answer of every interface in every shape it may come in, through the judge and into words."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contract.envelope import seal
from connector.contract.library import contract
from connector.load.judge import is_nothing_found, judge, scope
from connector.load.meaning import explain
from connector.load.wording import put_in_words
from connector.records import Outcome, Verdict

KEY = "0123456789abcdef0123456789abcdef"
BOOK = contract()
SAMPLES = Path(__file__).parents[2] / "contract" / "samples"
EVERY = sorted(BOOK.operations)


def sample(method):
    return json.loads((SAMPLES / f"{method}.json").read_text(encoding="utf-8"))["answer"]


def ask(method, answer, *, raw=None):
    return judge(BOOK.operation(method), raw if raw is not None else json.dumps(answer).encode(), KEY)


def swap(answer):
    """The other pair of names for code and message (trap T25)."""
    pairs = {"code": "resCode", "msg": "resMsg", "resCode": "code", "resMsg": "msg"}
    return {pairs.get(name, name): value for name, value in answer.items()}


def retype(answer):
    """A number where a text stood, and the other way round (trap T24)."""
    name = "code" if "code" in answer else "resCode"
    return {**answer, name: "0" if answer[name] == 0 else 0}


SHAPES = {
    "as printed": lambda answer: json.dumps(answer).encode(),
    "UTF-8 with BOM": lambda answer: b"\xef\xbb\xbf" + json.dumps(answer, ensure_ascii=False).encode(),
    "GB18030": lambda answer: json.dumps(answer, ensure_ascii=False).encode("gb18030"),
    "in a string": lambda answer: json.dumps(json.dumps(answer)).encode(),
    "sealed": lambda answer: seal(KEY, json.dumps(answer).encode()),
    "sealed in a string": lambda answer: json.dumps(seal(KEY, json.dumps(answer).encode()).decode()).encode(),
    "in a list": lambda answer: json.dumps([answer]).encode(),
    "other pair": lambda answer: json.dumps(swap(answer)).encode(),
    "other type": lambda answer: json.dumps(retype(answer)).encode(),
    "with a blank": lambda answer: json.dumps(
        {name: " 0 " if name in ("code", "resCode") else value for name, value in answer.items()}
    ).encode(),
    "with new fields": lambda answer: json.dumps({"neu": {"a": [1, None]}, **answer, "neu2": 0.10}).encode(),
}


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_answer_is_read_in_every_shape(method, shape):
    answer = sample(method)
    outcome = ask(method, None, raw=SHAPES[shape](answer))
    assert (outcome.verdict, outcome.code) == (Verdict.ACCEPTED, "0")
    said = answer.get("msg", answer.get("resMsg"))
    assert outcome.message == outcome.warning == said
    for name, value in answer.items():
        if name not in ("code", "msg", "resCode", "resMsg") and not isinstance(value, (dict, list, float)):
            assert outcome.body[name] == value


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("code", ["81023", 81023])
def test_every_interface_refuses_in_either_pair(method, code):
    for names in (("code", "msg"), ("resCode", "resMsg")):
        outcome = ask(method, {**sample(method), **dict(zip(names, (code, "不行"), strict=True))})
        own = "resCode" if BOOK.operation(method).success == "resCode" else "code"
        if names[0] == own:
            assert (outcome.verdict, outcome.message) == (Verdict.REJECTED, "不行")
        else:  # two codes that contradict each other are none
            assert outcome.verdict is Verdict.IN_DOUBT


@pytest.mark.parametrize("method", EVERY)
def test_no_answer_without_a_code_is_a_yes(method):
    answer = {name: value for name, value in sample(method).items() if name not in ("code", "resCode")}
    assert ask(method, answer).verdict is Verdict.IN_DOUBT


@pytest.mark.parametrize(
    ("method", "fields", "counts"),
    [
        ("sendMedInfo", {"counts": 2}, 2),
        ("sendMedInfo", {"counts": "2"}, 2),
        ("sendMedInfo", {"count": 2}, 2),
        ("sendBsMedInfo", {"count": "0"}, 0),
        ("sendBsMedInfo", {"counts": 0}, 0),
        ("sendMedInfo", {"counts": 2, "count": "2"}, 2),
        ("sendMedInfo", {"counts": 2, "count": 3}, None),
        ("sendMedInfo", {"counts": "two"}, None),
        ("sendMedInfo", {"counts": None}, None),
        ("sendMedInfo", {}, None),
    ],
)
def test_counts_come_under_two_names_as_number_or_text(method, fields, counts):
    assert ask(method, {"code": 0, "msg": "", **fields}).counts == counts


def test_numbers_are_never_binary_fractions():
    body = ask("login", sample("login")).body
    assert body["sessionid"] == 9007199254740993  # more than a float holds (trap T15)
    total = ask("discharge", None, raw=b'{"code":0,"msg":"","alc407":0.10}').body["alc407"]
    assert total == Decimal("0.10")
    assert str(total) == "0.10"


# In words


def lines_of(method, body):
    return put_in_words(BOOK, BOOK.operation(method), body)


@pytest.mark.parametrize("method", EVERY)
def test_every_field_of_every_answer_is_known_and_named(method):
    for line in lines_of(method, sample(method)):
        assert line.is_known, line.path
        assert line.zh or not line.name


def leaves(value, path=""):
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from leaves(part, f"{path}[{number}]")
    else:
        yield path, value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["lc01s", "lc01", "aac001", "aac004", "ldc1", "neu", "ldch", "kc21dto"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(["getInjuryByNameAndId", "getReport", "getReportBatch", "getJSSheet"]),
    st.dictionaries(st.sampled_from(["lc01s", "ldc1", "ldch", "kc21dto", "neu"]), JSON, max_size=4),
)
def test_nothing_that_an_answer_holds_is_left_out(method, body):
    told = {line.path: line.value for line in lines_of(method, body)}
    for path, value in leaves(body):
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        assert told[path] == text


def test_codes_are_told_in_words_and_unknown_ones_as_they_came():
    body = {"lc01s": {"lc01": [{"aac004": "2", "alc027": "010", "alc021": "77", "neu": "x"}]}}
    told = {
        line.name: (line.zh, line.value, line.words, line.is_known)
        for line in lines_of("getInjuryByNameAndId", body)
    }
    assert told["aac004"] == ("性别", "2", "女", True)
    assert told["alc027"][1:3] == ("010", "因公外出伤害")  # not 10 (trap T62)
    assert told["alc021"][1:3] == ("77", "")
    assert told["neu"] == ("", "x", "", False)


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("many", [True, False])
def test_an_object_stands_for_a_list_and_a_list_for_its_wrapper(wrapped, many):
    row = {"aac003": "斯琴"}
    inside = [row] if many else row
    lines = lines_of("getInjuryByNameAndId", {"lc01s": {"lc01": inside} if wrapped else inside})
    (name,) = [line for line in lines if line.name == "aac003"]
    assert (name.zh, name.value, name.is_known) == ("姓名", "斯琴", True)
    report = [line for line in lines_of("getReport", {"ldc1": inside}) if line.name == "aac003"]
    assert report[0].is_known


# Meanings


@pytest.mark.parametrize(
    ("method", "code", "message", "printed", "ours"),
    [
        (
            "sendMedInfo",
            "81005",
            "F81005-已经出院结算了,不能撤消入院登记",
            "",
            "the visit is settled: no more fees are accepted",
        ),
        (
            "sendMedInfo",
            "81005",
            "已结算",
            "F81005-已经出院结算了,不能撤消入院登记",
            "the visit is settled: no more fees are accepted",
        ),
        ("register", "81005", "某种别的意思", "", ""),  # another interface's number (trap T33)
        ("register", "77777", "新的错误", "", ""),
        ("getCure", "99999", "系统发生异常,请与sunreal管理员联系", "", ""),
    ],
)
def test_a_code_is_looked_up_in_the_group_of_its_interface(method, code, message, printed, ours):
    outcome = ask(method, {"code": code, "msg": message})
    meaning = explain(BOOK, BOOK.operation(method), outcome)
    assert meaning.said == f"{code} {message}"
    assert (meaning.printed, meaning.ours) == (printed, ours)


def test_the_reach_of_a_number_is_its_interfaces_own():
    assert scope("sendMedInfo", "81005").value == "visit"
    assert scope("register", "81005").value == "row"


@pytest.mark.parametrize(
    ("method", "code"), [("getCure", "190002"), ("getPerDetail", "230003"), ("getBSTdjyba", "300004")]
)
def test_nothing_found_is_told_apart_from_a_refusal(method, code):
    operation = BOOK.operation(method)
    outcome = ask(method, {"code": code, "msg": "没有"})
    assert is_nothing_found(operation, outcome)
    meaning = explain(BOOK, operation, outcome)
    assert (meaning.is_empty, meaning.ours, meaning.advice) == (True, "nothing found", "")
    assert not is_nothing_found(
        BOOK.operation("getCureBatch"), ask("getCureBatch", {"code": code, "msg": "没有"})
    )


@pytest.mark.parametrize(
    ("method", "verdict", "code", "words"),
    [
        ("register", Verdict.IN_DOUBT, "", "Look at the visit"),
        ("saveInvoice", Verdict.IN_DOUBT, "", "Look at the visit"),
        ("getCure", Verdict.IN_DOUBT, "", "repeat it"),
        ("register", Verdict.SESSION_LOST, "11005", "Look at the visit"),
        ("getCure", Verdict.SESSION_LOST, "11005", "session was lost"),
        ("getCure", Verdict.RETRYABLE, "99999", "The platform failed at it"),
        ("leaveHos", Verdict.RETRYABLE, "110021", "try again in some minutes"),
        ("register", Verdict.NOT_SENT, "", "Nothing was sent"),
        ("sendMedInfo", Verdict.REJECTED, "81036", "Tell the administrator"),
        ("register", Verdict.REJECTED, "51013", "the centre knows it"),
        ("register", Verdict.REJECTED, "51010", ""),
        ("register", Verdict.ACCEPTED, "0", ""),
    ],
)
def test_the_advice_says_what_to_do(method, verdict, code, words):
    advice = explain(BOOK, BOOK.operation(method), Outcome(verdict, code)).advice
    assert words in advice
    assert bool(words) == bool(advice)
