"""The contract's data: references that lead somewhere, and the decisions that the traps ask for."""

import re
from collections.abc import Iterator

import pytest

from connector.contract.check import check
from connector.contract.library import contract
from connector.contract.spec import Effect, Field, Node, Type
from connector.errors import ConfigurationError

CONTRACT = contract()


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
        for name in (name for pair in node.ranges.values() for name in pair):
            assert node.field(name), (place, name)


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
    visit = CONTRACT.node("register.kc21").field("aka130")  # T63
    assert visit
    assert dict(visit.twin_codes) == {"11": "71", "21": "72"}


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


CAN_OCCUR = {
    "length": lambda one: one.length,
    "date": lambda one: one.type in (Type.DATE, Type.DATETIME),
    "code": lambda one: one.codes or one.values,
    "nonzero": lambda one: one.nonzero,
    "positive": lambda one: one.positive,
    "const": lambda one: one.const_when,
    "forbidden": lambda one: one.forbidden_when,
    "required": lambda one: one.required or one.required_when,
    # amount against price × quantity, within the project's tolerance: the transform's rule
    "amount": lambda one: one.type is Type.DECIMAL and one.nonzero,
}


def test_a_code_of_the_platform_belongs_to_a_rule_that_can_be_broken():
    for place, _, holder in nodes():
        for one in (holder, *holder.fields):
            for rule in one.errors:
                assert CAN_OCCUR[rule](one), (place, one.name, rule)


@pytest.mark.parametrize(
    ("method", "spared"),
    [
        # what no check of one request can find: the state of the visit, of the centre, or a field that is not there
        ("register", "51013 51014 51015 51016 51017 51018 51020"),
        ("regundo", "61001 61003 61005 61006 61007 61008 61009"),
        (
            "sendMedInfo",
            "81001 81004 81005 81006 81007 81019 81020 81021 81028 81032 81036 990008 990009",
        ),
        ("invalidData", "130001 130003 130004"),
        ("discharge", "91003 91004 91005 91006"),
        ("getPerDetail", "230003"),
        ("getInjuryByNameAndId", ""),
        ("login", "21002 21003 21005 21006"),
        ("logout", "31001 31003 31004 31006 31007"),
        ("offsiteRegister", "310017 310018 310019 310020 310021 310022 310023"),
        (
            "sendBsMedInfo",
            "330001 330004 330005 330006 330007 330021 330022 330023 330030 330034 330038 330039 330041",
        ),
    ],
)
def test_every_code_about_a_request_is_attached_to_its_rule(method, spared):
    operation = CONTRACT.operation(method)
    (group,) = (one for one in CONTRACT.error_groups if one.title == operation.error_group)
    below = [operation.request, *(child for _, child in operation.request.walk())]
    attached = {code for one in below for code in one.errors.values()}
    assert {entry.code for entry in group.entries} - attached == set(spared.split())
