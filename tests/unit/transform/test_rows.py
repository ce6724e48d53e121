"""Rows as a whole: catalogue, money, keys, refunds, digests, visits."""

import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.catalogue.table import CatalogueTable
from connector.config.codes import Catalogue, CodeMap
from connector.config.mapping import Changes, Expression, Mapping, Source
from connector.config.settings import CheckSettings
from connector.contract.library import contract
from connector.records import join_key
from connector.transform.keys import keys_of
from connector.transform.shape import compile_plan, frame, transform

OUTSIDE = {"XMLX": 5, "FYXH": 3008, "YPCD": 0, "FYMC": "腕关节支具", "FYXM": 10, "GG": "中号"}


def payloads(block):
    return [json.loads(one) for one in block.payloads]


def test_an_item_outside_the_catalogue_keeps_the_hospitals_name(his):
    (one,) = payloads(transform(his.plan_of(), his.rows(OUTSIDE)).block)
    assert {name: one[name] for name in ("alc402", "alc403", "aka063", "aka065", "alc404", "vmed")} == {
        "alc402": "SZFCL999",
        "alc403": "腕关节支具",
        "aka063": "51",
        "aka065": "3",
        "alc404": "9",
        "vmed": "",
    }


def test_across_provinces_the_kinds_are_others(his):
    fields = {
        "ala002": his.fact("centre_code"),
        "ala012": Expression(columns=("XMLX",), codes="item-kind"),
        "aka065": his.fact("level"),
        "ala020": his.fact("centre_name", his.column("FYMC")),
    }
    mapping = Mapping("x", "sendBsMedInfo.bs004s.bs004", his.charges().source, fields, catalogue="centre")
    maps = {"item-kind": CodeMap("item-kind", {"1": "02", "4": "01", "5": "9"})}
    table = his.rows(OUTSIDE, OUTSIDE | {"XMLX": 4, "FYXH": 1, "YPCD": 1})
    catalogue = Catalogue("centre", key=his.key, facts=his.catalogue.facts, missing="outside")
    plan = compile_plan(
        mapping,
        contract(),
        code_maps=maps,
        catalogue=CatalogueTable.build(catalogue, his.items, {}),
        checks=CheckSettings(),
    )
    assert frame(plan, table)[["ala002", "ala012", "aka065"]].to_numpy().tolist() == [
        ["SZFCL999", "9", "3"],
        ["SZFZL999", "01", "3"],
    ]


def test_items_without_a_usable_row_are_rejected_once_and_by_reason(his):
    table = his.rows(
        {"FYXH": 7777},
        {"FYXH": 1002, "YPCD": 0},
        {"XMLX": 4, "FYXH": 2002, "YPCD": 0},
        {"XMLX": 4, "FYXH": 2002, "YPCD": 0, "FYRQ": "2025123123:00:00"},
    )
    assert his.broken(his.plan_of(), table) == [
        ("meds.med.alc402", "unmapped", ""),
        ("meds.med.alc402", "ambiguous", ""),
        ("meds.med.alc402", "expired", ""),
    ]


def test_a_row_without_a_date_is_not_called_ambiguous_too(his):
    assert his.broken(his.plan_of(), his.rows({"FYXH": 1002, "YPCD": 0, "FYRQ": None})) == [
        ("meds.med.alc401", "required", "81009")
    ]


def test_an_item_outside_of_an_unknown_kind_says_so(his):
    fields = {"alc404": his.column("FYXM", codes="item-kind")}
    found = his.broken(his.plan_of(his.charges(fields)), his.rows(OUTSIDE | {"FYXM": 7}))
    assert ("meds.med.alc402", "unmapped", "") in found


@pytest.mark.parametrize(
    ("amount", "price", "quantity", "rules"),
    [
        ("13.66", "6.83", "2", []),
        ("13.71", "6.83", "2", []),
        ("13.7101", "6.83", "2", [("meds.med.alc407", "amount", "81023")]),
        ("-13.66", "6.83", "-2", []),
        (
            "13.66",
            "6.83",
            "-2",
            [("meds.med.alc407", "forbidden", "81022"), ("meds.med.alc407", "amount", "81023")],
        ),
        (
            "-13.66",
            "6.83",
            "2",
            [("meds.med.alc406", "forbidden", ""), ("meds.med.alc407", "amount", "81023")],
        ),
        (
            "1" + "0" * 20,
            "6.83",
            "2",
            [("meds.med.alc407", "amount", "81023"), ("meds.med.alc407", "range", "")],
        ),
        ("900000000000000", "900000", "1000000000", []),
        ("900000000000000.06", "900000", "1000000000", [("meds.med.alc407", "amount", "81023")]),
        (
            "90000",
            "0.0000",
            "1",
            [("meds.med.alc405", "positive", ""), ("meds.med.alc407", "amount", "81023")],
        ),
    ],
)
def test_amount_price_and_quantity(his, amount, price, quantity, rules):
    kinds = dict.fromkeys(("ZJJE", "FYDJ", "FYSL"), pa.string())
    table = his.rows({"ZJJE": amount, "FYDJ": price, "FYSL": quantity}, types=kinds)
    assert his.broken(his.plan_of(), table) == rules


money = st.decimals(-(10**10), 10**10, places=4)


@given(st.lists(st.tuples(money, st.decimals(0, 10**5, places=4), money), min_size=1, max_size=8))
def test_the_product_is_exact_whatever_the_size(rows):
    kinds = pa.schema(
        [
            ("key", pa.int64()),
            ("visit", pa.string()),
            ("a", pa.decimal128(20, 4)),
            ("p", pa.decimal128(12, 4)),
            ("q", pa.decimal128(20, 4)),
        ]
    )
    table = pa.Table.from_pylist(
        [{"key": n, "visit": "1", "a": a, "p": p, "q": q} for n, (a, p, q) in enumerate(rows)], schema=kinds
    )
    fields = {
        "alc407": Expression(columns=("a",)),
        "alc405": Expression(columns=("p",)),
        "alc406": Expression(columns=("q",)),
    }
    source = Source(key=("key",), visit="visit", changes=Changes("comparison"), table="T")
    plan = compile_plan(
        Mapping("m", "sendMedInfo.meds.med", source, fields), contract(), code_maps={}, checks=CheckSettings()
    )
    block = transform(plan, table).block
    wrong = {one.key for one in block.rejections for v in one.violations if v.rule == "amount"}
    aside = {one.key for one in block.set_aside}
    for n, (a, p, q) in enumerate(rows):
        assert (str(n) in aside) == (a == 0)
        if str(n) not in aside:
            assert (str(n) in wrong) == (abs(a - p * q) > Decimal("0.05"))


def test_zero_amounts_are_set_aside_whatever_else_is_wrong(his):
    table = his.rows(
        {"ZJJE": Decimal(0), "CFH": "x" * 50}, {"FYSL": Decimal(0)}, {"FYSL": Decimal(0), "ZJJE": Decimal(0)}
    )
    block = transform(his.plan_of(), table).block
    assert [(one.key, "T72" in one.reason) for one in block.set_aside] == [("700001", True), ("700003", True)]
    assert [one.key for one in block.rejections] == ["700002"]  # money without a quantity is nobody's to drop
    assert "81012" in {violation.platform_code for violation in block.rejections[0].violations}


def test_refunds_name_their_original(his):
    table = his.rows({"TFXH": 700000}, {"TFXH": None}, {"TFXH": 0})
    assert transform(his.plan_of(), table).block.refund_of == ["700000", "", ""]
    plan = his.plan_of(his.charges(key=("JLXH", "CFH"), refund_of=("TFXH", "BZ")))
    table = his.rows({"TFXH": 1, "BZ": "a|b"}, {"TFXH": 1, "BZ": " "}, {"TFXH": 0, "BZ": "0"})
    assert transform(plan, table).block.refund_of == ["1|a\\|b", "", ""]


def test_rows_that_cannot_be_told_apart_are_rejected_once(his):
    table = his.rows({"JLXH": 5}, {"JLXH": 5, "ZJJE": Decimal(0)}, {"JLXH": None}, {"ZYH": None}, {})
    block = transform(his.plan_of(), table).block
    assert [(one.key, [v.rule for v in one.violations]) for one in block.rejections] == [
        ("5", ["key"]),
        ("", ["key"]),
        ("700004", ["visit"]),
    ]
    assert (block.keys, block.set_aside) == (["700005"], ())


def test_an_undecodable_key_is_no_key(his):
    plan = his.plan_of(his.charges(key=("CFH", "JLXH")))
    block = transform(plan, his.rows({"CFH": None}), undecodable=[(0, "CFH")]).block
    assert ("CFH", "encoding") in [(v.path, v.rule) for v in block.rejections[0].violations]


@given(st.lists(st.tuples(st.text(r"a|\ ", max_size=4), st.text("b|", max_size=3)), min_size=1, max_size=5))
def test_keys_are_those_of_join_key(rows):
    table = pa.table({"a": [a for a, _ in rows], "b": [b for _, b in rows]})
    assert keys_of(table, ["a", "b"]).to_pylist() == [join_key([a.strip(), b.strip()]) for a, b in rows]


def test_keys_of_numbers(his):
    table = pa.table({"n": pa.array([Decimal("12.00"), Decimal("12.50"), None], pa.decimal128(10, 2))})
    assert keys_of(table, ["n"]).to_pylist() == ["12", "12.5", ""]


def prints(his, *changes, plan=None, **row):
    block = transform(plan or his.plan_of(), his.rows(*changes, **row)).block
    return [one.fingerprint for one in block.rejections] or block.fingerprints


def test_a_fingerprint_tells_source_from_payload(his):
    (before,) = prints(his)
    assert len(before) == 16
    assert prints(his, {}, {})[0] == before  # whatever else is in the chunk
    (padded,) = prints(his, CFH="CF1   ")
    assert padded[:8] != before[:8]
    assert padded[8:] == before[8:]
    (remapped,) = prints(his, plan=his.plan_of(his.charges({"bzmsg": his.column("BZ", default="无")})))
    assert remapped[:8] == before[:8]
    assert remapped[8:] != before[8:]
    assert prints(his, BZ="")[0][:8] != before[:8]  # NULL is not ''


def test_a_fingerprint_tells_another_reading_from_another_row(his):
    (before,) = prints(his)
    assert prints(his, CFH="CF7")[0][:2] == before[:2]
    (wider,) = prints(his, plan=his.plan_of(his.charges({"bzmsg": his.column("MEMO")})), MEMO="x")
    (elsewhere,) = prints(his, plan=his.plan_of(his.charges(table="ZY_FYMX_2026")))
    assert before[:2] != wider[:2] != elsewhere[:2] != before[:2]
    assert elsewhere[2:] == before[2:]


def test_a_fingerprint_is_the_same_on_every_machine(his):
    assert prints(his)[0].hex() == "7fbd9d8dab5fbb586cabc5fedfcb6ab5"


def test_a_fingerprint_does_not_depend_on_the_cursor_of_the_table(his):
    fields = {"alc400": his.column("CFH")}
    mapping = his.charges(fields)
    assert "JLXH" in his.plan_of(mapping).content
    by_time = Mapping(
        "m",
        mapping.fills,
        Source(("JLXH",), "ZYH", Changes("timestamp", "XGSJ"), "T"),
        mapping.fields,
        catalogue="centre",
    )
    assert "XGSJ" not in his.plan_of(by_time).content


VISIT = {
    "isnewinjure": "0", "aab001": "1", "aac001": "2", "aac002": "152824198204240045", "aac003": "张敏  ", "aac004": "1",
    "aka130": "21", "akc191": "7", "akc190": "88001-1", "akc192": "2026-03-01", "alc028": "T14.900，S00",
    "alca02": "R1", "aae073": "A1", "alk023": "骨科", "akc199": "一", "alk024": "１2床", "ysbm": "包",
}  # fmt: skip


def visits(**changes):
    row = VISIT | changes
    fields = {
        name if name == "isnewinjure" else f"kc21.{name}": Expression(columns=(name,)) for name in VISIT
    }
    source = Source(key=("akc190",), visit="akc190", changes=Changes("comparison"), table="V")
    plan = compile_plan(
        Mapping("visits", "register", source, fields), contract(), code_maps={}, checks=CheckSettings()
    )
    return transform(
        plan, pa.table({name: pa.array([text], pa.string()) for name, text in row.items()})
    ).block


def test_a_registration_is_the_whole_request(his):
    block = visits()
    assert block.rejections == ()
    (payload,) = payloads(block)
    assert list(payload) == ["isnewinjure", "kc21"]
    assert (payload["kc21"]["aac003"], payload["kc21"]["alc028"], payload["kc21"]["bz"]) == (
        "张敏",
        "T14.900,S00",
        "",
    )
    assert (block.numbers, block.amounts, block.categories) == (["88001-1"], [0], [""])


def test_rules_of_a_registration_see_the_whole_request(his):
    assert [(v.path, v.rule, v.platform_code) for v in visits(isnewinjure="1").rejections[0].violations] == [
        ("kc21.alca02", "forbidden", ""),
        ("kc21.aae073", "forbidden", ""),
    ]
    assert visits(isnewinjure="1", alca02="", aae073=None).rejections == ()
    assert [v.path for v in visits(alca02="", akc199="").rejections[0].violations] == [
        "kc21.alca02",
        "kc21.akc199",
    ]


def test_an_order_has_no_amount(his):
    fields = {
        "aae080": his.column("YZXH"),
        "alk007": his.column("FYRQ", read="%Y%m%d%H:%M:%S"),
    } | dict.fromkeys(("alk009", "alk016", "alk017"), his.column("FYMC"))
    mapping = Mapping("orders", "sendMedInfo.advices.advice", his.charges().source, fields)
    plan = compile_plan(mapping, contract(), code_maps={}, checks=CheckSettings())
    block = transform(plan, his.rows({}, {"YZXH": 999})).block
    assert (block.amounts, block.categories, block.set_aside) == ([0], [""], ())
    assert [(v.path, v.rule) for v in block.rejections[0].violations] == [
        ("advices.advice.aae080", "forbidden")
    ]


def test_optional_fields_are_left_out_where_empty(his):
    plan = his.plan_of(his.charges({"noinjury": his.column("BZ")}))
    block = transform(plan, his.rows({"BZ": "1"}, {"BZ": None}, {"BZ": "0"})).block
    assert [one.get("noinjury") for one in payloads(block)] == ["1", None, "0"]
