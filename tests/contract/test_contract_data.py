"""The contract's data, held whole: counts measured from the document, references that lead somewhere."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from connector.contract.check import check
from connector.contract.library import contract
from connector.contract.spec import Effect, Field, Node, Type
from connector.errors import ConfigurationError

CONTRACT = contract()
METHODS = [
    "login",
    "logout",
    "getInjuryByNameAndId",
    "getCure",
    "getCureBatch",
    "getReport",
    "getReportBatch",
    "register",
    "regundo",
    "sendMedInfo",
    "invalidData",
    "discharge",
    "leaveHos",
    "leaveHosUndo",
    "getPerDetail",
    "getJSSheet",
    "getPerMed",
    "saveInvoice",
    "sbkAuth",
    "dzSbkAuth",
    "getBSTdjyba",
    "offsiteRegister",
    "offsiteRegisterUndo",
    "sendBsMedInfo",
    "medInfoInvalidData",
    "offsiteLeaveHos",
    "offsiteLeaveHosUndo",
    "parsingQrcode",
    "parsingSbk",
]
TABLES = {
    "AAC004": 2,
    "ALC027": 20,
    "ALC021": 3,
    "AKA130": 2,
    "AKA063": 53,
    "AKA065": 3,
    "ALC404": 3,
    "ALC060": 4,
    "AKC195": 5,
    "AAE116": 4,
    "ZKA020": 3,
    "AKA073": 13,
    "TCLB": 3,
    "ALA040": 16,
    "ALK022": 2,
    "AKC191": 2,
    "ALE021": 5,
    "JXZL": 2,
    "CLC004": 9,
    "ALC029": 5,
    "AKC175": 4,
    "AAA027": 17,
    "AKA1300": 2,
    "AAE100": 2,
    "AAE016": 3,
    "ALA491": 7,
    "ALA012": 3,
    "AAZ502": 6,
    "FILETYPE": 6,
    "AKC666": 3,
    "AKC667": 2,
}
CROSS = "(限跨省异地就医使用)"
GROUPS = [
    (1, "公共", 9),
    (2, "登陆", 6),
    (3, "登出", 7),
    (4, "获取工伤信息", 2),
    (5, "入院登记", 21),
    (6, "撤消入院登记", 8),
    (7, "医疗费预审核", 8),
    (8, "医疗费信息上传", 39),
    (9, "出院结算", 6),
    (10, "出院结算回退", 5),
    (11, "出院", 26),
    (12, "出院撤消", 3),
    (13, "数据作废", 4),
    (14, "获取审核结果", 4),
    (15, "更新对照关系", 10),
    (16, "加密", 1),
    (17, "继续治疗申请", 21),
    (18, "撤销继续治疗申请", 6),
    (19, "获取继续治疗申请", 2),
    (20, "体检信息上传", 7),
    (21, "撤销体检信息上传", 4),
    (22, "上传人员明细", 1),
    (23, "提供结算单接口数据", 3),
    (24, f"获取异地就医备案{CROSS}", 4),
    (25, f"异地就医入院登记{CROSS}", 24),
    (26, f"异地就医入院登记撤销{CROSS}", 5),
    (27, f"医疗费明细撤销{CROSS}", 5),
    (28, f"医疗费明细上传{CROSS}", 41),
    (29, f"异地就医办理出院{CROSS}", 29),
    (29, f"异地就医办理出院撤销{CROSS}", 4),
]


def sides() -> Iterator[tuple[str, Node]]:
    for operation in CONTRACT.operations.values():
        yield f"{operation.method}.request", operation.request
        yield f"{operation.method}.answer", operation.answer


def nodes() -> Iterator[tuple[str, Node, Node]]:
    """(place, the side's root, node), roots included."""
    for place, root in sides():
        yield place, root, root
        for path, child in root.walk():
            if isinstance(child, Node):
                yield f"{place}.{path}", root, child


def fields() -> Iterator[tuple[str, Node, Node, Field]]:
    for place, root, node in nodes():
        for field in node.fields:
            yield f"{place}.{field.name}", root, node, field


def find(root: Node, path: str) -> Field | Node | None:
    return dict(root.walk()).get(path)


def test_every_interface_stands_in_the_order_of_chapter_4():
    assert list(CONTRACT.operations) == METHODS
    assert [one.section for one in CONTRACT.operations.values()] == [f"4.{n}" for n in range(1, 30)]


def test_addresses_and_purposes_are_unique_and_addresses_end_in_the_method():
    operations = CONTRACT.operations.values()
    assert len({one.path for one in operations}) == len({one.purpose for one in operations}) == 29
    assert all(one.path.endswith(f"/{one.method}.html") for one in operations)
    assert {place.name for place in (files("connector.contract") / "data" / "operations").iterdir()} == {
        f"{method}.yaml" for method in METHODS
    }


def test_code_tables_error_groups_and_regions_are_whole():
    assert {name: len(table.entries) for name, table in CONTRACT.codes.items()} == TABLES
    assert [(one.number, one.title, len(one.entries)) for one in CONTRACT.error_groups] == GROUPS
    assert len(CONTRACT.regions) == 136
    assert CONTRACT.regions["150100"].zh == "呼和浩特市"


def test_every_field_has_a_chinese_name_and_every_node_too():
    for place, _, node, field in fields():
        assert re.search(r"[\u4e00-\u9fff]", field.zh), place
        assert node.field(field.name) is field, f"{place} stands twice"
    assert all(node.zh for place, _, node in nodes() if node.name not in ("request", "answer")), "a node"
    assert all(one.section and re.search(r"[\u4e00-\u9fff]", one.zh) for one in CONTRACT.operations.values())


def test_types_have_what_they_need():
    for place, _, _, field in fields():
        assert (field.type is Type.CODE) == (field.codes is not None), place
        assert field.codes is None or field.codes in CONTRACT.codes, place
        assert (field.type in (Type.DATE, Type.DATETIME)) == (field.format is not None), place
        assert field.precision is None or field.type is Type.DECIMAL, place


def test_conditions_and_roles_name_fields_that_exist():
    for place, root, node, field in fields():
        rules = (field.required_when, field.forbidden_when, *(when for _, when in field.const_when))
        for condition in (condition for rule in rules for condition in rule):
            path = condition.path
            assert find(root, path[1:]) if path.startswith("/") else node.field(path), (place, path)
    for place, root, node in nodes():
        for condition in node.required_when:
            assert find(root, condition.path.removeprefix("/")), (place, condition.path)
        for role, name in node.roles.items():
            assert node.field(name), (place, role)


def test_twins_point_at_each_other():
    seen = 0
    for operation in CONTRACT.operations.values():
        if operation.twin is None:
            assert all(f.twin is None for p, _, _, f in fields() if p.startswith(f"{operation.method}."))
            continue
        other = CONTRACT.operation(operation.twin)
        assert other.twin == operation.method
        assert {operation.family, other.family} == {"local", "cross_province"}
        for own, theirs in ((operation.request, other.request), (operation.answer, other.answer)):
            pairs = [(own, theirs)]
            for _, node in own.walk():
                if isinstance(node, Node) and node.twin:
                    mate = CONTRACT.node(node.twin)
                    assert CONTRACT.node(mate.twin or "") is node
                    pairs.append((node, mate))
            for node, mate in pairs:
                for field in (field for field in node.fields if field.twin):
                    counterpart = mate.field(field.twin or "")
                    assert counterpart is not None, field
                    assert counterpart.twin == field.name, field
                    back = {there: here for here, there in counterpart.twin_codes.items()}
                    assert dict(field.twin_codes) == back, field
                    seen += 1
    assert seen > 300


def test_twin_codes_cover_both_tables():
    for place, _, _, field in fields():
        if field.twin_codes:
            assert set(field.twin_codes) == set(CONTRACT.codes[field.codes or ""].entries), place
    kind = CONTRACT.node("sendMedInfo.meds.med").field("alc404")
    assert kind
    assert dict(kind.twin_codes) == {"0": "02", "1": "01", "9": "9"}


def test_error_codes_of_fields_belong_to_the_interface():
    for place, _, holder in nodes():
        method = place.partition(".")[0]
        for one in (holder, *holder.fields):
            for rule, code in one.errors.items():
                assert CONTRACT.error(method, code), (place, one.name, rule, code)


def test_error_groups_name_their_interfaces_both_ways():
    for operation in CONTRACT.operations.values():
        claimed = [one.title for one in CONTRACT.error_groups if operation.method in one.operations]
        assert claimed == ([operation.error_group] if operation.error_group else [])


def test_the_same_code_reads_differently_per_group():
    groups = {one.title: one for one in CONTRACT.error_groups}
    assert groups["加密"].entries[0].code == groups["继续治疗申请"].entries[0].code == "170001"
    assert groups["加密"].entries[0].text != groups["继续治疗申请"].entries[0].text
    assert [one.code for one in groups["撤销继续治疗申请"].entries].count("180005") == 2


def test_an_error_is_looked_up_in_its_group_then_among_the_common_ones():
    settled = CONTRACT.error("sendMedInfo", "81005")
    assert settled
    assert "settled" in settled.ours
    assert (CONTRACT.error("sendMedInfo", "11005") or settled).text == "sessionid无效"
    assert CONTRACT.error("sendMedInfo", "61001") is None


def test_the_region_table_of_5_1_has_its_codes_in_the_last_column():  # T60
    assert CONTRACT.codes["AAA027"].entries["150100"] == "呼和浩特市"
    assert all(re.fullmatch(r"\d{6}", code) for code in CONTRACT.codes["AAA027"].entries)


def test_codes_are_texts_with_their_zeros():  # T62
    injuries = CONTRACT.codes["ALC027"].entries
    assert (injuries["10"], injuries["010"]) == ("职业中毒", "因公外出伤害")
    assert {"00", "10", "14012"} <= set(CONTRACT.codes["AKA063"].entries)
    assert set(CONTRACT.codes["ALA012"].entries) == {"01", "02", "9"}


def test_no_code_of_a_table_is_longer_than_its_field():  # T61
    for place, _, _, field in fields():
        if field.codes and field.length:
            assert max(map(len, CONTRACT.codes[field.codes].entries)) <= field.length, place


@pytest.mark.parametrize(  # T39
    ("zh", "local", "cross"),
    [
        ("出院日期", "akc194", "aae031"),
        ("出院诊断疾病编码", "akc196", "akc194"),
        ("出院诊断说明", None, "akc195"),
        ("出院原因", "akc195", "akc202"),
    ],
)
def test_discharge_fields_mean_what_their_family_says(zh, local, cross):
    there = CONTRACT.node("offsiteLeaveHos").field(cross)
    assert there
    assert (there.zh, there.twin) == (zh, local)
    if local:
        here = CONTRACT.node("leaveHos").field(local)
        assert here
        assert (here.zh, here.twin) == (zh, cross)


def test_admission_and_fee_fields_mean_what_their_family_says():  # T40, T41
    local, cross = CONTRACT.node("register.kc21"), CONTRACT.node("offsiteRegister.bs003WS")
    assert [(local.field("akc192") or 0).zh, (cross.field("akc192") or 0).zh] == ["入院日期", "入院诊断编码"]
    pairs = {field.name: field.twin for field in local.fields if field.twin != field.name}
    assert pairs == {
        "aab001": None,
        "aac001": None,
        "aac004": None,
        "akc192": "aae030",
        "alca02": "alc011",
        "aae073": None,
        "alk023": "akc201",
        "alk024": "akc200",
        "akc666": None,
        "bz": None,
    }
    fee, far = CONTRACT.node("sendMedInfo.meds.med"), CONTRACT.node("sendBsMedInfo.bs004s.bs004")
    renamed = {field.name: field.twin for field in fee.fields if field.twin != field.name}
    assert renamed == dict(
        zip(
            ("alc402", "alc403", "alc404", "alc405", "alc406"),
            ("ala002", "ala020", "ala012", "akc225", "akc226"),
            strict=True,
        )
    )
    sizes = [(field.precision, field.scale) for field in (fee.field("alc405"), far.field("akc225")) if field]
    assert sizes == [(10, 4), (16, 6)]
    assert set(fee.roles) == set(far.roles) >= {"amount", "price", "quantity", "item", "kind", "trace"}


def test_approval_and_deletion_cannot_be_mistaken_for_each_other():  # T1, T2
    approve, delete = CONTRACT.operation("discharge"), CONTRACT.operation("invalidData")
    assert (approve.section, approve.effect, approve.purpose) == ("4.12", Effect.APPROVE, "approve fees")
    assert (delete.section, delete.effect) == ("4.11", Effect.UNDO)
    assert CONTRACT.operation("getJSSheet").effect is Effect.APPROVE  # T109
    for operation in CONTRACT.operations.values():
        assert bool(operation.removes) == (operation.effect is Effect.UNDO)
        if operation.effect in (Effect.ADD, Effect.UNDO):
            assert not operation.idempotent


def test_keys_encodings_and_success_fields():  # T6, T7, T21, T24, T25
    assert [one.method for one in CONTRACT.operations.values() if one.key == "date"] == ["login"]
    assert [one.method for one in CONTRACT.operations.values() if one.key == "none"] == ["saveInvoice"]
    assert CONTRACT.operation("saveInvoice").encoding == "multipart"
    for operation in CONTRACT.operations.values():
        assert operation.answer.field(operation.success), operation.method
        assert (operation.request.field("sessionid") is None) == (operation.method == "login")


def admission(**changes: str) -> dict[str, object]:
    row = {
        "aab001": "1",
        "aac001": "2",
        "aac002": "152824198204240045",
        "aac003": "张敏",
        "aac004": "2",
        "aka130": "21",
        "akc191": "7",
        "akc190": "V1",
        "akc192": "2026-03-01",
        "alc028": "T14.900",
        "alca02": "2012282",
        "aae073": "1036",
        "alk023": "骨科",
        "akc199": "3",
        "alk024": "12",
        "ysbm": "王",
    }
    new = changes.pop("isnewinjure", "0")
    return {"sessionid": "1", "isnewinjure": new, "kc21": row | changes}


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, set()),
        ({"alk023": "", "ysbm": ""}, {"kc21.alk023", "kc21.ysbm"}),
        ({"akc199": "", "alk024": ""}, {"kc21.akc199", "kc21.alk024"}),
        ({"aka130": "11", "akc199": "", "alk024": ""}, set()),
        ({"alca02": "", "aae073": ""}, {"kc21.alca02", "kc21.aae073"}),
        ({"isnewinjure": "1"}, {"kc21.alca02", "kc21.aae073"}),
        ({"isnewinjure": "1", "alca02": "", "aae073": ""}, set()),
        ({"isnewinjure": "2"}, {"isnewinjure"}),
    ],
)
def test_words_without_a_star_are_rules(changes, broken):  # T92
    found = check(CONTRACT.operation("register"), admission(**changes))
    assert {one.path for one in found} == broken


def fee(**changes: str) -> dict[str, object]:
    row = dict.fromkeys((field.name for field in CONTRACT.node("sendMedInfo.meds.med").fields), "")
    row |= {"alc400": "CF1", "alc401": "2026-03-02", "akc229": "1", "alc402": "XA11", "alc403": "鞘"}
    row |= {"alc404": "9", "alc405": "10", "alc406": "1", "alc407": "10", "akc231": "鞘", "akc515": "H1"}
    row |= {"aae080": "999", "vmed": "1"}
    return {"sessionid": "1", "akc190": "V1", "meds": {"med": [row | changes]}, "advices": {"advice": []}}


OUTSIDE = {"alc402": "SZFCL999", "aka063": "51", "aka065": "3", "aka070": "无", "vmed": ""}


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, set()),
        (OUTSIDE, set()),
        (OUTSIDE | {"aka063": "14021"}, set()),  # T61
        (OUTSIDE | {"aka063": "", "aka070": ""}, {("aka063", "81024"), ("aka070", "")}),  # T78
        (OUTSIDE | {"aka065": "1"}, {("aka065", "81026")}),
        (OUTSIDE | {"alc404": "1"}, {("alc404", "81027")}),
        ({"alc407": "0", "alc406": "0"}, {("alc407", "81023"), ("alc406", "81012")}),  # T72
        ({"alc404": "0"}, {("zka100", "")}),  # T83
        ({"aae080": ""}, {("aae080", "81033")}),  # T77
        ({"vmed": ""}, {("vmed", "")}),  # T80
        ({"noinjury": "1", "aka065": "1"}, set()),  # T79
        (OUTSIDE | {"noinjury": "1"}, {("noinjury", "81038")}),
        (OUTSIDE | {"spreason": "1"}, set()),
        ({"spreason": "1", "aka065": "1"}, {("spreason", "81035")}),
        ({"spreason": "2"}, {("spreason", "81034")}),  # T64
    ],
)
def test_rules_between_the_fields_of_a_fee(changes, broken):
    found = check(CONTRACT.operation("sendMedInfo"), fee(**changes))
    assert {(one.path.rpartition(".")[2], one.platform_code) for one in found} == broken


def test_a_request_without_fees_needs_orders():  # T76, T77, T86
    order = {"aae080": "9", "alk007": "2026-03-02", "alk009": "医嘱", "alk016": "王", "alk017": "李"}
    operation = CONTRACT.operation("sendMedInfo")

    def broken(*orders: dict[str, str]) -> list[tuple[str, str]]:
        payload = fee() | {"meds": {"med": []}, "advices": {"advice": list(orders)}}
        return [(one.path, one.platform_code) for one in check(operation, payload)]

    assert broken(order) == []
    assert broken() == [("meds.med", "81003")]
    assert broken(order | {"aae080": "999"}) == [("advices.advice[0].aae080", "")]
    assert broken(order | {"alk017": "", "alk009": ""}) == [
        ("advices.advice[0].alk009", "81016"),
        ("advices.advice[0].alk017", "81018"),
    ]


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (lambda: CONTRACT.operation("sendMedinfo"), "Did you mean sendMedInfo?"),
        (lambda: CONTRACT.node("sendMedInfo.meds.mde"), "Did you mean sendMedInfo.meds.med?"),
        (lambda: CONTRACT.node("registr.kc21"), "Did you mean register?"),
    ],
)
def test_unknown_names_get_a_proposal(ask, hint):
    with pytest.raises(ConfigurationError, match=re.escape(hint)):
        ask()


def test_every_trap_that_the_data_name_is_told_in_the_docs():
    told = set(re.findall(r"^\| (T\d+) \|", Path("docs/traps.md").read_text(encoding="utf-8"), re.MULTILINE))
    data = Path(str(files("connector.contract") / "data"))
    named = {
        trap
        for place in data.rglob("*.yaml")
        for trap in re.findall(r"\bT\d{1,3}\b", place.read_text(encoding="utf-8"))
    }
    assert len(named) > 100
    assert named <= told
