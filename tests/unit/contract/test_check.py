"""The payload check, on small operations written by hand."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contract.check import check, check_node
from connector.contract.spec import CodeTable, Condition, Effect, Field, Node, Operation, Type
from connector.errors import ConfigurationError, Violation

KINDS = CodeTable(name="AKA130", zh="医疗类别", entries={"21": "工伤住院", "01": "门诊"})
CODES = {"AKA130": KINDS}

CHARGE = Node(
    name="med",
    wrapper="meds",
    many=True,
    children=(
        Field(name="alc400", zh="处方号", length=20, required=True, errors={"required": "81008"}),
        Field(name="alc401", zh="处方日期", type=Type.DATE, format="%Y-%m-%d", required=True),
        Field(
            name="alc405", zh="单价", type=Type.DECIMAL, precision=10, scale=4, required=True, positive=True
        ),
        Field(
            name="alc407", zh="总金额", type=Type.DECIMAL, precision=30, scale=4, required=True, nonzero=True
        ),
        Field(name="akc229", zh="处方执行天数", type=Type.INTEGER, length=10),
        Field(name="alk013", zh="药物剂量", length=8),
        Field(name="akc999", zh="药品追溯码", type=Type.LIST, length=40),
        Field(
            name="aka065",
            zh="收费项目等级",
            const_when=(("3", (Condition(path="alc402", one_of=("SZFYP999",)),)),),
            errors={"const": "81026"},
        ),
        Field(name="alc402", zh="收费项目编码", length=20),
        Field(
            name="reason", zh="情况说明", required_when=(Condition(path="alc407", negative=True),), length=50
        ),
    ),
)
ADVICE = Node(name="advice", wrapper="advices", many=True, children=(Field(name="aae080", zh="医嘱流水号"),))
VISIT = Node(
    name="kc21",
    required=True,
    children=(
        Field(name="akc190", zh="住院号", length=30, required=True),
        Field(name="aka130", zh="医疗类别", type=Type.CODE, codes="AKA130", length=1, required=True),
        Field(name="akc199", zh="病房", required_when=(Condition(path="aka130", one_of=("21",)),)),
        Field(
            name="alca02",
            zh="认定书号",
            required_when=(Condition(path="/isnewinjure", one_of=("0",)),),
            forbidden_when=(Condition(path="/isnewinjure", one_of=("1",)),),
        ),
    ),
)


def operation(*children):
    return Operation(
        method="sendMedInfo",
        section="4.10",
        zh="医疗费信息上传",
        purpose="upload fees",
        path="/public/sendHis/sendMedInfo.html",
        effect=Effect.ADD,
        request=Node(name="request", children=children),
        answer=Node(name="answer"),
    )


UPLOAD = operation(
    Field(name="sessionid", zh="会话", required=True),
    Field(name="akc190", zh="住院号", length=30),
    ADVICE,
    CHARGE,
)
REGISTER = operation(
    Field(name="sessionid", zh="会话", required=True), Field(name="isnewinjure", zh="是否新发工伤"), VISIT
)


def charge(**changes):
    row = {"alc400": "XM1", "alc401": "2024-02-29", "alc405": "399", "alc407": "399.0000", "akc229": "1"}
    return {**row, **changes}


def upload(*rows, **changes):
    return {
        "sessionid": "1",
        "akc190": "Z1",
        "advices": {"advice": []},
        "meds": {"med": list(rows)},
        **changes,
    }


def register(new="1", **changes):
    visit = {"akc190": "Z1", "aka130": "01", "akc199": "", "alca02": "", **changes}
    return {"sessionid": "1", "isnewinjure": new, "kc21": visit}


def found(operation, payload, **options):
    return [(v.path, v.rule) for v in check(operation, payload, codes=CODES, **options)]


def test_a_payload_that_keeps_every_rule_has_no_violations():
    assert found(UPLOAD, upload(charge(), charge(alc407="-2.2", reason="退费"))) == []
    assert found(REGISTER, register()) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"alc400": ""}, "required"),
        ({"alc400": None}, "required"),
        ({"alc400": "  "}, "required"),
        ({"alc400": "X" * 21}, "length"),
        ({"alc400": ["XM1"]}, "shape"),
        ({"alc400": {"a": 1}}, "shape"),
        ({"alc400": True}, "type"),
        ({"alc401": "2024-2-29"}, "date"),
        ({"alc401": "20240229"}, "date"),
        ({"alc401": "2024-02-29 00:00:00"}, "date"),
        ({"alc401": "２024-02-29"}, "date"),
        ({"alc401": "2023-02-29"}, "date"),
        ({"alc401": "0000-01-01"}, "date"),
        ({"alc405": "1000000"}, "precision"),
        ({"alc405": "1.00000"}, "scale"),
        ({"alc405": "0"}, "positive"),
        ({"alc405": "-1"}, "positive"),
        ({"alc407": "0.0000"}, "nonzero"),
        ({"alc407": "-0"}, "nonzero"),
        ({"alc407": "1e2"}, "decimal"),
        ({"alc407": "1,000"}, "decimal"),
        ({"alc407": ".5"}, "decimal"),
        ({"alc407": "+5"}, "decimal"),
        ({"alc407": "NaN"}, "decimal"),
        ({"alc407": 399.0}, "type"),
        ({"akc229": "1.0"}, "integer"),
        ({"akc229": "1" * 11}, "length"),
        ({"alk013": "0.9%氯化钠注射"}, "length"),
        ({"akc999": "a，b"}, "separator"),
        ({"akc999": "a,,b"}, "separator"),
        ({"akc999": "a, b"}, "separator"),
        ({"akc999": "a" * 41}, "length"),
    ],
)
def test_one_broken_field_is_one_violation_at_its_place(changes, rule):
    (name,) = changes
    assert found(UPLOAD, upload(charge(), charge(**changes))) == [(f"meds.med[1].{name}", rule)]


@pytest.mark.parametrize("value", ["999999.9999", "-0.5", "000399", 399, Decimal("1E+2"), "0.0001"])
def test_decimals_that_fit(value):
    assert found(UPLOAD, upload(charge(alc407=value, reason="退费"))) == []


def test_every_violation_at_once_in_the_documents_order():
    row = charge(alc400="", alc401="x", alc405="0", alc407="")
    del row["alc400"]
    assert found(UPLOAD, {"akc190": "Z" * 31, "meds": {"med": [row]}}) == [
        ("sessionid", "required"),
        ("akc190", "length"),
        ("meds.med[0].alc400", "required"),
        ("meds.med[0].alc401", "date"),
        ("meds.med[0].alc405", "positive"),
        ("meds.med[0].alc407", "required"),
    ]


def test_the_platforms_own_code_and_the_chinese_name_are_told():
    violation = check(UPLOAD, upload(charge(alc400="")), codes=CODES)[0]
    assert violation == Violation(
        "meds.med[0].alc400", "required", "处方号", "is required, but is empty", "81008"
    )
    violation = check(UPLOAD, upload(charge(alc402="SZFYP999", aka065="1")), codes=CODES)[0]
    assert (violation.rule, violation.platform_code) == ("const", "81026")
    assert "because alc402 is SZFYP999" in violation.message


@pytest.mark.parametrize(
    ("payload", "path", "hint"),
    [
        (upload(charge(alc47="1")), "meds.med[0].alc47", "did you mean alc407?"),
        (upload(charge(ALC400="1")), "meds.med[0].ALC400", "did you mean alc400?"),
        (upload(charge(), med=[]), "med", "did you mean meds?"),
        (upload(charge(), zzzz=""), "zzzz", "no such field here"),
        (upload() | {"meds": {"meds": []}}, "meds.meds", "did you mean med?"),
    ],
)
def test_unknown_names_are_refused_with_a_proposal(payload, path, hint):
    (violation,) = check(UPLOAD, payload, codes=CODES)
    assert (violation.path, violation.rule) == (path, "unknown")
    assert hint in violation.message


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (upload() | {"meds": []}, "meds"),
        (upload() | {"meds": "x"}, "meds"),
        (upload() | {"meds": {"med": charge()}}, "meds.med"),
        (upload() | {"meds": {"med": "x"}}, "meds.med"),
        (upload("x"), "meds.med[0]"),
        (register() | {"kc21": [{}]}, "kc21"),
        (register() | {"kc21": "x"}, "kc21"),
    ],
)
def test_wrong_shapes(payload, path):
    target = REGISTER if "kc21" in payload else UPLOAD
    assert found(target, payload) == [(path, "shape")]


@pytest.mark.parametrize("absent", [{}, None, ""])
def test_a_required_node_must_hold_something(absent):
    assert found(REGISTER, register() | {"kc21": absent}) == [("kc21", "required")]


def test_a_node_has_codes_of_its_own():
    visit = VISIT.model_copy(update={"errors": {"required": "51002"}})
    (violation,) = check(operation(visit), {}, codes=CODES)
    assert (violation.zh, violation.platform_code) == (visit.zh, "51002")


def test_a_node_may_be_required_by_the_emptiness_of_another():
    needed = CHARGE.model_copy(update={"required_when": (Condition(path="advices", empty=True),)})
    either = operation(ADVICE, needed)
    assert found(either, {"advices": {"advice": []}, "meds": {"med": []}}) == [("meds.med", "required")]
    assert found(either, {}) == [("meds.med", "required")]
    assert found(either, {"advices": {"advice": [{"aae080": "1"}]}, "meds": {"med": []}}) == []


def test_conditions_look_at_the_same_node_and_at_the_root():
    assert found(REGISTER, register(aka130="21")) == [("kc21.akc199", "required")]
    assert found(REGISTER, register("0")) == [("kc21.alca02", "required")]
    assert found(REGISTER, register("1", alca02="2012282")) == [("kc21.alca02", "forbidden")]
    assert found(UPLOAD, upload(charge(alc407="-1"))) == [("meds.med[0].reason", "required")]


def test_codes_are_members_whatever_their_length_and_keep_their_zeros():
    assert found(REGISTER, register(aka130="01")) == []
    (violation,) = check(REGISTER, register(aka130="1"), codes=CODES)
    assert violation.rule == "code"
    assert violation.message == "'1' is not a code of AKA130 医疗类别: 21, 01"


def test_a_table_that_does_not_exist_is_a_fault_of_the_data():
    with pytest.raises(ConfigurationError, match="AKA130"):
        check(REGISTER, register(), codes={})


def test_length_may_count_bytes():
    row = charge(alk013="五分之一")
    assert found(UPLOAD, upload(row)) == []
    assert found(UPLOAD, upload(row), length_in="bytes") == [("meds.med[0].alk013", "length")]


def test_one_row_alone_with_its_path_and_without_its_root():
    assert check_node(CHARGE, charge(), path="meds.med", codes=CODES) == []
    (violation,) = check_node(CHARGE, charge(alc400=""), path="meds.med", codes=CODES)
    assert violation.path == "meds.med.alc400"
    visit = {"akc190": "Z1", "aka130": "01"}
    assert check_node(VISIT, visit, path="kc21", codes=CODES) == []
    rules = [v.path for v in check_node(VISIT, visit, path="kc21", root={"isnewinjure": "0"}, codes=CODES)]
    assert rules == ["kc21.alca02"]


def test_date_forms():
    spec = operation(Field(name="d", zh="日期", type=Type.DATE, format="%Y%m%d"))
    assert found(spec, {"d": "20240229"}) == []
    assert found(spec, {"d": "20230229"}) == [("d", "date")]
    assert found(spec, {"d": "2024-02-29"}) == [("d", "date")]


def test_datetime_forms():
    spec = operation(Field(name="d", zh="时间", type=Type.DATETIME, format="%Y-%m-%d %H:%M:%S"))
    assert found(spec, {"d": "2024-01-31 23:59:59"}) == []
    assert found(spec, {"d": "2024-01-31 23:60:59"}) == [("d", "date")]
    assert found(spec, {"d": "2024-01-31T23:59:59"}) == [("d", "date")]


def test_files_are_url_safe_base64():
    spec = operation(Field(name="body", zh="文件", type=Type.BASE64))
    assert found(spec, {"body": "_-8="}) == []
    assert found(spec, {"body": "/+8="}) == [("body", "base64")]
    assert found(spec, {"body": "_-8"}) == [("body", "base64")]


def test_lists_of_codes():
    spec = operation(Field(name="l", zh="类别", type=Type.LIST, codes="AKA130"))
    assert found(spec, {"l": "21,01"}) == []
    assert found(spec, {"l": "21,02"}) == [("l", "code")]


def test_values_named_in_words_and_a_field_that_forbids_its_own_value():
    spec = operation(
        Field(
            name="noinjury",
            zh="非工伤标识",
            values=("0", "1"),
            forbidden_when=(
                Condition(path="noinjury", one_of=("1",)),
                Condition(path="aka065", one_of=("3",)),
            ),
            errors={"code": "81031", "forbidden": "81038"},
        ),
        Field(name="aka065", zh="收费项目等级"),
    )

    def codes_of(**payload):
        return [v.platform_code for v in check(spec, payload, codes=CODES)]

    assert codes_of(noinjury="1", aka065="1") == []
    assert codes_of(noinjury="0", aka065="3") == []
    assert codes_of(noinjury="", aka065="3") == []
    assert codes_of(noinjury="1", aka065="3") == ["81038"]
    assert codes_of(noinjury="2", aka065="3") == ["81031"]


SECRET = "152824198204240045"


@pytest.mark.parametrize(
    "changes",
    [{name: SECRET * 3} for name in ("alc400", "alc401", "alc405", "alc407", "akc229", "alk013", "akc999")]
    + [{"alc400": [SECRET]}, {"alc400": {SECRET: SECRET}}],
)
def test_no_message_holds_a_value(changes):
    violations = check(UPLOAD, upload(charge(**changes)), codes=CODES)
    assert violations
    assert SECRET not in " ".join(map(str, violations))


def test_no_message_holds_what_was_mapped_to_a_code_by_mistake():
    for wrong in (SECRET, "张敏", "Zhang Min"):
        (violation,) = check(REGISTER, register(aka130=wrong), codes=CODES)
        assert wrong not in str(violation)


TEXT = st.text("XMabc019-_.%患者床氯化钠", min_size=1, max_size=20)
DATES = st.integers(0, 40_000).map(lambda days: (date(1990, 1, 1) + timedelta(days)).isoformat())


def amounts(low):
    return st.integers(low, 10**10 - 1).filter(bool).map(lambda n: format(Decimal(n).scaleb(-4), "f"))


ROWS = st.fixed_dictionaries(
    {
        "alc400": TEXT,
        "alc401": DATES,
        "alc405": amounts(1),
        "alc407": amounts(-(10**10) + 1),
        "reason": TEXT,
    },
    optional={
        "akc229": st.integers(0, 10**9).map(str),
        "alk013": TEXT.map(lambda text: text[:8]),
        "akc999": st.lists(st.text("AZ09", min_size=1, max_size=8), max_size=4).map(",".join),
        "alc402": st.one_of(st.just(""), TEXT),
    },
)
BREAKS = {
    "alc400": ["", "1" * 21],
    "alc401": ["", "2023-02-30", "30.1.2023"],
    "alc405": ["0", "-1", "1.00001", "1e3", ""],
    "alc407": ["0", "0.00", "1.00001", "x"],
    "akc229": ["一", "1.5"],
    "alk013": ["123456789"],
    "akc999": ["，", "a,"],
}


@given(st.lists(ROWS, min_size=1, max_size=4), st.data())
def test_breaking_one_field_is_exactly_one_violation_there(rows, data):
    assert found(UPLOAD, upload(*rows)) == []
    index = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(sorted(BREAKS)))
    rows[index] = rows[index] | {name: data.draw(st.sampled_from(BREAKS[name]))}
    assert [path for path, _ in found(UPLOAD, upload(*rows))] == [f"meds.med[{index}].{name}"]
