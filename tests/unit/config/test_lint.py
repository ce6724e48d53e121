"""Mappings held against the contract: what can never be right is told before the first row."""

from dataclasses import replace

import pytest

from connector.config.lint import lint_mapping
from connector.config.target import Target, find_target
from connector.contract.library import contract

CHARGES = "mappings/charges.yaml"
ORDERS = "mappings/orders.yaml"
VISITS = "mappings/visits.yaml"
CENTRE = "catalogues/centre.yaml"

FAULTS = {
    "interface": (VISITS, "fills: register", "fills: regster", "The platform has no interface “regster”.", "Did you mean register?"),
    "query": (VISITS, "fills: register", "fills: getPerDetail", "getPerDetail (4.15", None),
    "list": (ORDERS, "advices.advice", "advice", "sendMedInfo has no list “advice”.", "Did you mean sendMedInfo.advices.advice?"),
    "whole": (ORDERS, "sendMedInfo.advices.advice", "sendMedInfo", "The whole of sendMedInfo cannot be filled", "Fill one of its lists: sendMedInfo.advices.advice, sendMedInfo.meds.med."),
    "single node": (VISITS, "fills: register", "fills: register.kc21", "register has no list “kc21”.", "Write fills: register"),
    "field": (ORDERS, "  alk016: YSXM", "  alk016: YSXM\n  alk0016: X", "has no field “alk0016”.", "Did you mean alk016 医师签名?"),
    "chinese": (ORDERS, "  alk016: YSXM", "  医师签名: YSXM", "has no field “医师签名”.", "Did you mean alk016 医师签名?"),
    "twin": (CHARGES, "  alc402:", "  ala002:", "has no field “ala002”.", "Did you mean alc402 收费项目编码?"),
    "upper case": (ORDERS, "  alk016:", "  ALK016:", "has no field “ALK016”.", "Did you mean alk016 医师签名?"),
    "session": (VISITS, "  ysbm:", "  sessionid: S\n  ysbm:", "sessionid is filled by the connector itself.", "Leave it out."),
    "same field": (VISITS, "  ysbm:", "  kc21.ysbm: S\n  ysbm:", "ysbm is the same field as kc21.ysbm above.", ""),
    "missing": (ORDERS, "  alk017: HSXM\n", "", "alk017 护士签名 is required, but is not mapped.", ""),
    "empty constant": (ORDERS, "alk017: HSXM", 'alk017: {value: ""}', "alk017 护士签名 is required, but its constant is empty.", ""),
    "because": (VISITS, "  akc199: BQMC\n", "", "kc21.akc199 病房 is required because aka130 is 21, but is not mapped.", ""),
    "because of the root": (VISITS, "isnewinjure: XF", 'isnewinjure: {value: "0"}', "kc21.alca02 认定书号 is required because isnewinjure is 0", None),
    "forbidden": (ORDERS, "aae080: JLXH", 'aae080: {value: "999"}', "aae080 医嘱流水号 is not allowed because aae080 is 999.", ""),
    "code": (VISITS, '{value: "21"}', '{value: "2l"}', "kc21.aka130 医疗类别: '2l' is not a code of AKA130", None),
    "date": (ORDERS, "alk007: KSSJ", "alk007: {from: KSSJ, default: 2026/01/01}", "alk007 医嘱开始日期: is not a date written as yyyy-mm-dd.", ""),
    "decimal": (CHARGES, "alc406: FYSL", "alc406: {from: FYSL, default: 1e3}", "alc406 数量: is not a plain decimal number", ""),
    "nonzero": (CHARGES, "alc406: FYSL", 'alc406: {from: FYSL, default: "0"}', "alc406 数量: must not be zero.", ""),
    "length": (CHARGES, "alc400: CFH", "alc400: {from: CFH, default: 没有处方号的费用一律写这一长串文字作为处方号}", "alc400 处方号: has 22 characters, at most 20", ""),
    "shorten": (CHARGES, "alc400: CFH", "alc400: {from: CFH, shorten: true}", "alc400 处方号 must not be shortened", "A value that is too long"),
    "round": (CHARGES, "round: 4", "round: 5", "alc405 单价 has at most 4 decimals.", "Write round: 4"),
    "round text": (CHARGES, "alc400: CFH", "alc400: {from: CFH, round: 0}", "“round” is for numbers, but alc400 处方号 is none.", ""),
    "read text": (CHARGES, "alc400: CFH", 'alc400: {from: CFH, read: "%Y%m%d"}', "“read” is for dates, but alc400 处方号 is none.", ""),
    "code map": (CHARGES, "codes: item-kind", "codes: item-kinds", "There is no code map “item-kinds”.", "Did you mean item-kind?"),
    "outside codes": (CHARGES, "codes: fee-category", "codes: fees", "There is no code map “fees”.", None),
    "fixed outside": (CHARGES, "{catalogue: level}", '{catalogue: level, outside: {value: "3"}}', "“outside” is fixed for level", "Leave it out."),
    "key": (CHARGES, "{catalogue: level}", "{from: A, catalogue: level}", "aka065 收费项目等级 is looked up by 1 columns, but the catalogue's key is [XMLX, FYXH].", ""),
    "no fact": (CENTRE, ", version: VMED", "", "The catalogue centre has no fact version.", None),
    "no code": (CHARGES, "alc402: {catalogue: centre_code}", "alc402: A", "Facts of the catalogue go with the centre's code.", "Write alc402: {catalogue: centre_code}"),
    "elsewhere": (CHARGES, 'akc515: {from: [XMLX, FYXH], join: "-"}', "akc515: {catalogue: centre_code}", "The centre's code belongs into alc402 收费项目编码, not into akc515.", ""),
    "no items": (ORDERS, "alk016: YSXM", "alk016: {from: [A, B], catalogue: centre_code}", "sendMedInfo.advices.advice has no items of the catalogue.", ""),
    "no refunds": (ORDERS, "  visit: ZYH", "  visit: ZYH\n  refund_of: X", "sendMedInfo.advices.advice has no amounts, so no refunds.", ""),
    "nothing taken back": (ORDERS, "fields:", "on_change: compensate\nfields:", "sendMedInfo.advices.advice has no amounts, so nothing of it is taken back: only on_change: report fits.", "Orders that change"),
    "ended": (ORDERS, "  visit: ZYH", "  visit: ZYH\n  ended: X", "“ended” belongs into the mapping that gives the visits.", ""),
    "catalogue": (CHARGES, "mapping: charges", "mapping: charges\ncatalogue: center", "There is no catalogue “center”.", "Did you mean centre?"),
    "no use": (ORDERS, "mapping: orders", "mapping: orders\ncatalogue: centre", "No field uses the catalogue.", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_can_never_be_right(desk, name):
    file, old, new, message, hint = FAULTS[name]
    desk.swap(file, old, new)
    found = [one for one in desk.faults() if message in one.message]
    assert len(found) == 1, "\n".join(map(str, desk.faults()))
    (fault,) = found
    assert fault.line
    assert fault.column
    assert fault.source
    assert hint is None or fault.hint.startswith(hint)
    assert bool(fault.hint) or not hint


def test_a_texts_place_is_where_it_stands(desk):
    desk.swap(
        CHARGES,
        "alc400: CFH",
        "alc400:\n    from: CFH\n    default: 没有处方号的费用一律写这一长串文字作为处方号",
    )
    fault = desk.fault()
    assert (fault.line, fault.column) == (13, 14)
    assert desk.at(fault) == "没有处方号的费用一律写这一长串文字作为处方号"


def test_a_wrong_target_of_a_code_map_is_told_where_it_stands(desk):
    desk.swap("codes/item-kind.csv", "5,9", "5,09")
    desk.swap("codes/fee-category.yaml", '"4": "32"', '"4": "999"')
    desk.swap("codes/item-level.yaml", '丙: "3"', '丙: "4"')
    faults = desk.faults()
    assert [(desk.at(one), one.message.partition(":")[0]) for one in faults] == [
        ('"999"}', faults[0].message),
        ('"4"}', "'4' is not a code of AKA065 收费项目等级"),
        ("5,09", "'09' is not a code of ALC404 种类"),
    ]
    assert faults[0].message.startswith("'999' is not a code of AKA063 ")
    assert faults[2].message.endswith("(for alc404 种类 of charges).")


def test_otherwise_is_checked_too(desk):
    desk.files["codes/fee-category.yaml"] += 'otherwise: "000"\n'
    fault = desk.fault()
    assert desk.at(fault) == '"000"'
    desk.swap("codes/fee-category.yaml", 'otherwise: "000"', 'otherwise: "91"')
    assert desk.load().code_maps["fee-category"].otherwise == "91"


def test_lengths_are_counted_as_the_settings_say(desk):
    desk.swap(CHARGES, "alc400: CFH", "alc400: {from: CFH, default: 没有处方号的费用}")
    desk.load()
    desk.files["connector.yaml"] += "checks: {length_in: bytes}\n"
    assert desk.fault().message == "alc400 处方号: has 24 bytes, at most 20 are allowed."


def test_of_several_catalogues_one_must_be_named(desk):
    desk.write("catalogues/other.yaml", desk.files[CENTRE].replace("catalogue: centre", "catalogue: other"))
    assert desk.fault().hint == "Write catalogue: NAME at the top; there are centre, other."
    desk.swap(CHARGES, "mapping: charges", "mapping: charges\ncatalogue: other")
    assert desk.load().mappings["charges"].catalogue == "other"


def test_without_a_catalogue_its_facts_are_one_fault(desk):
    desk.write(CENTRE, None)
    assert [one.message for one in desk.faults()] == ["There is no catalogue."]


def test_a_condition_on_what_is_not_known_demands_nothing(desk):
    """The level is required where the code is one of three; only rows can tell."""
    desk.swap(CHARGES, "  aka065: {catalogue: level}\n", "")
    desk.load()


def test_linting_what_is_linted_changes_nothing(desk):
    project = desk.load()
    for mapping in project.mappings.values():
        again, target, faults = lint_mapping(
            mapping, contract(), code_maps=project.code_maps, catalogues=project.catalogues
        )
        assert faults == []
        assert again == mapping
        assert isinstance(target, Target)


def test_every_upload_of_the_contract_can_be_addressed(desk):
    """Each list of an upload, and each upload without lists, is a target whose roles are among its fields."""
    mapping = desk.load().mappings["orders"]
    for address in ("register", "offsiteRegister", "sendMedInfo.meds.med", "sendBsMedInfo.bs004s.bs004"):
        target = find_target(replace(mapping, fills=address), contract())
        assert isinstance(target, Target)
        assert target.gives_visits == address.endswith("egister")
        assert set(target.roles.values()) <= set(target.fields)


def test_a_trace_needs_a_descriptive_field_of_the_node(desk):
    desk.swap(CHARGES, "mapping: charges", "mapping: charges\ntrace: bzmsg")
    assert desk.load().mappings["charges"].trace == "bzmsg"
    for wrong, message, hint in (
        ("bzmgs", "sendMedInfo.meds.med has no field “bzmgs”.", "Did you mean bzmsg 备注?"),
        (
            "alc400",
            "alc400 处方号 cannot carry a trace id: only descriptive text may.",
            "Usual: trace: bzmsg",
        ),
        (
            "alc407",
            "alc407 总金额 cannot carry a trace id: only descriptive text may.",
            "Usual: trace: bzmsg",
        ),
    ):
        desk.swap(CHARGES, "trace: bzmsg", f"trace: {wrong}")
        fault = desk.fault()
        assert (fault.message, fault.hint, desk.at(fault)) == (message, hint, wrong)
        desk.swap(CHARGES, f"trace: {wrong}", "trace: bzmsg")
    desk.swap(
        CHARGES, "  vmed: {catalogue: version}", "  vmed: {catalogue: version}\n  bzmsg: {catalogue: version}"
    )
    assert "is a fact of the catalogue" in desk.fault().message
