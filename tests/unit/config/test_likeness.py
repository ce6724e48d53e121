"""Mappings that are like another one: what is taken over, in whose words, and what is wrong with it."""

import json

import pyarrow as pa
import pytest

from connector.config.likeness import counterparts, take_over
from connector.config.mapping import Changes, Expression, Like, Mapping, Source
from connector.config.settings import CheckSettings
from connector.config.target import Target, find_target
from connector.contract.library import contract
from connector.contract.spec import Lookup, Node
from connector.transform.shape import compile_plan, transform

CONTRACT = contract()
LIKE = Like("other")
FAR = "mappings/far-charges.yaml"
FAR_CHARGES = """\
version: 1
mapping: far-charges
like: charges
fills: sendBsMedInfo.bs004s.bs004
"""
FAR_VISITS = """\
version: 1
mapping: far-visits
like: visits
fills: offsiteRegister
source: {sql: far-visits.sql}
fields:
  alc011: RDSBH
  sbkid: SBKH
"""
OUTPATIENTS = """\
version: 1
mapping: outpatients
like: visits
source: {sql: far-visits.sql, key: [SFXH], ended: null}
fields:
  aka130: {value: "11"}
  akc190: {from: [MZHM, SFXH], join: "-"}
  akc199: null
  alk024: ~
"""


@pytest.fixture
def far(desk):
    """The small project with mappings for other provinces that are like its own."""
    desk.write(FAR, FAR_CHARGES)
    desk.write("mappings/far-visits.yaml", FAR_VISITS)
    desk.write("mappings/far-visits.sql", "SELECT * FROM ZY_BRRY WHERE YDBZ = '1'\n")
    return desk


def test_a_twin_takes_every_field_over_under_its_own_name(far):
    project = far.load()
    here, there = project.mappings["far-charges"], project.mappings["charges"]
    assert (here.fills, here.source) == ("sendBsMedInfo.bs004s.bs004", there.source)
    assert len(here.fields) == len(there.fields)
    assert here.fields["ala002"] == there.fields["alc402"]
    assert here.fields["ala020"] == there.fields["alc403"]
    assert here.fields["alc400"] == there.fields["alc400"]
    assert here.fields["akc226"] == Expression(("FYSL",))
    assert here.fields["akc225"] == Expression(("FYDJ",), round=6)  # T74
    assert here.fields["ala012"] == Expression(
        ("XMLX",), codes="item-kind", twin_codes=(("0", "02"), ("1", "01"), ("9", "9"))
    )
    assert here.like
    assert here.like.taken["akc225"] == "alc405"
    assert here.like.untaken == ()
    assert here.catalogue == there.catalogue == "centre"


def test_a_registration_leaves_out_what_has_no_twin_and_converts_its_constants(far):
    visits = far.load().mappings["far-visits"]
    assert visits.fields["bs003WS.aka130"] == Expression(value="72")  # T63
    assert visits.fields["bs003WS.aae030"] == Expression(("RYRQ",))  # T40
    assert visits.fields["bs003WS.akc201"] == Expression(("KSMC",))
    assert visits.fields["bs003WS.akc200"] == Expression(("BRCH",))
    assert visits.fields["bs003WS.alc011"] == Expression(("RDSBH",))
    assert visits.like
    assert visits.like.untaken == ("isnewinjure", "kc21.aab001", "kc21.aac001", "kc21.aac004")
    assert visits.source.sql
    assert "YDBZ" in visits.source.sql
    assert (visits.source.key, visits.source.ended) == (("ZYH",), "CYRQ")


def test_the_same_interface_is_taken_over_as_it_is_but_for_what_the_file_says(far):
    far.write("mappings/outpatients.yaml", OUTPATIENTS)
    project = far.load()
    here, there = project.mappings["outpatients"], project.mappings["visits"]
    assert here.fills == "register"
    assert (here.source.key, here.source.visit, here.source.ended) == (("SFXH",), "ZYH", None)
    assert here.fields["kc21.aka130"] == Expression(value="11")
    assert here.fields["kc21.akc190"] == Expression(("MZHM", "SFXH"), join="-")
    assert not {"kc21.akc199", "kc21.alk024"} & set(here.fields)
    assert here.fields["kc21.aac001"] == there.fields["kc21.aac001"]


def test_trace_catalogue_and_on_change_come_along_and_may_be_said_anew(far):
    far.swap("mappings/charges.yaml", "fields:", "on_change: reset\ntrace: bzmsg\ncatalogue: centre\nfields:")
    found = far.load().mappings["far-charges"]
    assert (found.on_change, found.trace, found.catalogue) == ("reset", "bzmsg", "centre")
    far.write(FAR, FAR_CHARGES + "on_change: compensate\ntrace: null\n")
    found = far.load().mappings["far-charges"]
    assert (found.on_change, found.trace) == ("compensate", None)


def test_a_look_up_becomes_the_one_that_tells_the_field_there(far):
    far.swap("mappings/visits.yaml", "aab001: DWBH", "aab001: {lookup: injury}\n  alca02: {lookup: injury}")
    far.swap("mappings/visits.yaml", "isnewinjure: XF", "isnewinjure: {lookup: injury}")
    far.swap("mappings/far-visits.yaml", "  alc011: RDSBH\n", "")
    visits = far.load().mappings["far-visits"]
    assert visits.lookups == {"bs003WS.alc011": Lookup.FILING}


@pytest.mark.parametrize(
    ("text", "message", "at", "hint"),
    [
        ("like: chargs", "There is no mapping “chargs” to be like.", "chargs", "Did you mean charges?"),
        ("like: far-charges", "A mapping cannot be like itself.", "far-charges", ""),
        ("like: far-visits", "far-visits is itself like visits", "far-visits", "Write like: visits"),
        ("like: orders", "orders fills sendMedInfo.advices.advice, and sendBsMedInfo.bs004s.bs004 is neither that nor its twin.", "sendBsMedInfo.bs004s.bs004", "Write fills: sendBsMedInfo.advices.advice"),
        ("like: visits", "visits fills register, and sendBsMedInfo.bs004s.bs004 is neither", "sendBsMedInfo.bs004s.bs004", "Write fills: offsiteRegister"),
        ("like: charges\nfields: {akc405: FYDJ}", "has no field “akc405”", "akc405: FYDJ}", "Did you mean"),
        ("like: charges\nfields: {akc405: null}", "has no field “akc405”", "akc405: null}", "Did you mean"),
        ("like: charges\nfields: {akc225: }", "“akc225” has no value.", None, ""),
        ("like: charges\nfields: {}", "The mapping fills no fields.", None, ""),
        ("like: charges\nfields: {ala020: null}", "ala020 收费项目名称 is required, but is not mapped.", None, "charges has nothing to take over for it: write it under fields: here."),
        ("like: charges\nsource: {key: [A, B]}", "“refund_of” names 1 columns, but the key has 2", "[A, B]}", ""),
        ("like: charges\nsource: {table: T, sorce: X}", "The key “sorce” is not known in source.", "sorce: X}", ""),
        ("like: charges\nsource: {visit: null}", "“visit” has no value.", None, ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_this_file(far, text, message, at, hint):
    far.swap(FAR, "like: charges", text)
    found = [one for one in far.faults() if message in one.message]
    assert len(found) == 1, "\n".join(map(str, far.faults()))
    (fault,) = found
    assert fault.file.endswith(FAR)
    assert at is None or far.at(fault) == at
    assert fault.hint.startswith(hint)


def test_what_a_twin_demands_and_nothing_is_there_for_is_told_at_like(far):
    far.write("mappings/far-visits.yaml", FAR_VISITS.partition("fields:")[0])
    faults = far.faults()
    assert [one.message for one in faults] == [
        "bs003WS.alc011 认定书号 is required, but is not mapped.",
        "bs003WS.sbkid 社保卡卡号 is required, but is not mapped.",
    ]
    assert {far.at(one) for one in faults} == {"visits"}
    assert {one.hint for one in faults} == {
        "visits has nothing to take over for it: write it under fields: here."
    }


def test_what_is_wrong_in_the_other_mapping_is_told_there_once(far):
    far.swap("mappings/charges.yaml", "codes: item-kind", "codes: item-kinds")
    far.swap("mappings/charges.yaml", "round: 4", "round: 7")
    faults = far.faults()
    assert [one.message for one in faults] == [
        "There is no code map “item-kinds”.",
        "alc405 单价 has at most 4 decimals.",
    ]
    assert all(one.file.endswith("mappings/charges.yaml") for one in faults)


def test_a_field_that_is_misspelt_there_is_not_missing_here_as_well(far):
    far.swap("mappings/charges.yaml", "  alc405:", "  alc4o5:")
    assert far.fault().message == "sendMedInfo.meds.med has no field “alc4o5”."


def test_what_fits_there_and_not_here_is_told_at_like_with_its_place_there(far):
    far.swap(
        "mappings/visits.yaml",
        "akc190: ZYHM",
        "akc190: {from: ZYHM, default: 这个住院号比二十个字还要长所以异地登记放不下}",
    )
    fault = far.fault()
    assert far.at(fault) == "visits"
    there = f"{far.directory}/mappings/visits.yaml:19"
    assert fault.message == (
        f"bs003WS.akc190 住院号/门诊号: has 22 characters, at most 20 are allowed (taken over from {there})."
    )
    assert fault.hint == "Write under fields: what it is here; null leaves it out."


def test_a_mapping_like_one_that_fills_nothing_says_nothing_of_its_own(far):
    far.swap("mappings/charges.yaml", "fills: sendMedInfo.meds.med", "fills: sendMedInf.meds.med")
    far.write("mappings/far-visits.yaml", None)
    assert far.fault().message == "The platform has no interface “sendMedInf”."


def test_code_maps_are_held_to_the_table_of_the_mapping_that_names_them(far):
    far.swap("codes/item-kind.csv", "5,9", "5,02")  # a code of ALA012, but not of ALC404
    fault = far.fault()
    assert fault.message.startswith("'02' is not a code of ALC404")


def test_rows_are_converted_and_a_code_of_neither_table_is_no_guess(far):
    """XMLX without a code map: what the twin does not know goes to quarantine, 02 too, which ALA012 has (T62)."""
    far.swap("mappings/charges.yaml", "{from: XMLX, codes: item-kind}", '{from: XMLX, default: "9"}')
    far.swap("mappings/charges.yaml", "  vmed:", "  zka100: GG\n  vmed:")
    for name in ("alc402", "alc403", "aka063", "aka065", "vmed"):
        text = far.files["mappings/charges.yaml"]
        (line,) = [one for one in text.splitlines() if one.startswith(f"  {name}:")]
        far.swap("mappings/charges.yaml", line, f'  {name}: {{value: "1"}}' if name != "aka063" else "")
    far.write("catalogues/centre.yaml", None)
    project = far.load()
    mapping = project.mappings["far-charges"]
    plan = compile_plan(
        mapping, CONTRACT, code_maps=project.code_maps, catalogue=None, checks=CheckSettings()
    )
    kinds = ["0", "1", "9", "02", None]
    row = {
        **dict.fromkeys(mapping.columns, "1"),
        "FYRQ": "2026030109:00:00",
        "FYDJ": "1.23456",
        "ZJJE": "1.23",
        "TFXH": None,
    }
    columns = {name: pa.array([value] * len(kinds), pa.string()) for name, value in row.items()}
    columns |= {"XMLX": pa.array(kinds, pa.string()), "JLXH": pa.array(list("12345"), pa.string())}
    block = transform(plan, pa.table(columns)).block
    made = [json.loads(one) for one in block.payloads]
    assert {key: one["ala012"] for key, one in zip(block.keys, made, strict=True)} == {
        "1": "02", "2": "01", "3": "9", "5": "9",
    }  # fmt: skip
    assert {one["akc225"] for one in made} == {"1.234560"}
    (rejection,) = block.rejections
    (violation,) = rejection.violations
    assert (rejection.key, violation.rule) == ("4", "codes")
    assert violation.message == "'02' is not a code that alc404 may have and ala012 has another for"


def test_facts_of_the_catalogue_and_what_stands_outside_it_are_converted_too(far):
    far.swap("catalogues/centre.yaml", "version: VMED", "version: VMED, kind: ZL")
    far.swap(
        "mappings/charges.yaml",
        "{from: XMLX, codes: item-kind}",
        '{catalogue: kind, default: "0", outside: {from: XMLX, codes: item-kind, default: "1"}}',
    )
    far.swap("mappings/charges.yaml", "  vmed:", "  aka070: {value: 无}\n  zka100: {value: 次}\n  vmed:")
    project = far.load()
    mapping = project.mappings["far-charges"]
    made = mapping.fields["ala012"]
    assert (made.default, made.outside and made.outside.default) == ("02", "01")
    items = {"A": ("found", "9"), "B": ("found", ""), "C": ("outside", ""), "D": ("outside", "")}
    facts = [
        {"status": status, "kind": kind, "centre_code": "" if status == "outside" else f"C{name}"}
        for name, (status, kind) in items.items()
    ]
    plan = compile_plan(
        mapping,
        CONTRACT,
        code_maps=project.code_maps,
        catalogue=_Told(facts),
        checks=CheckSettings(),
    )
    row = {**dict.fromkeys(mapping.columns, "1"), "FYRQ": "2026030109:00:00", "TFXH": None}
    columns = {name: pa.array([value] * len(items), pa.string()) for name, value in row.items()}
    columns |= {
        "JLXH": pa.array(list(items), pa.string()),
        "XMLX": pa.array(["1", "1", "5", None], pa.string()),
    }
    block = transform(plan, pa.table(columns)).block
    assert block.rejections == ()
    made_of = {key: json.loads(one) for key, one in zip(block.keys, block.payloads, strict=True)}
    assert {key: (one["ala012"], one["ala002"]) for key, one in made_of.items()} == {
        "A": ("9", "CA"),
        "B": ("02", "CB"),
        "C": ("9", "SZFCL999"),
        "D": ("01", "SZFZL999"),
    }


class _Told:
    """A catalogue that says the same of its items, whatever they are."""

    key = ("XMLX", "FYXH")
    facts = ("centre_code", "centre_name", "level", "category", "version", "kind")

    def __init__(self, items):
        self.items = items

    def lookup(self, keys, dates):
        defaults = {"centre_name": "项目", "level": "1", "category": "91", "version": "1"}
        return pa.Table.from_pylist([{**defaults, **one} for one in self.items])


def test_rounding_follows_the_other_fields_decimals_but_never_begins_by_itself(far):
    far.write(
        FAR,
        FAR_CHARGES.replace("far-charges", "near")
        .replace("sendBsMedInfo.bs004s.bs004", "sendMedInfo.meds.med")
        .replace("like: charges", "like: far"),
    )
    text = far.files["mappings/charges.yaml"]
    for here, there in {
        "alc402": "ala002",
        "alc403": "ala020",
        "alc404": "ala012",
        "alc405": "akc225",
        "alc406": "akc226",
    }.items():
        text = text.replace(here, there)
    text = text.replace("{from: XMLX, codes: item-kind}", '{value: "01"}')
    text = text.replace("mapping: charges", "mapping: far").replace(
        "sendMedInfo.meds.med", "sendBsMedInfo.bs004s.bs004"
    )
    rounds = {"round: 6": 4, "round: 5": 4, "round: 2": 2, 'empty: "0"': None}
    for said, expected in rounds.items():
        far.write("mappings/far.yaml", text.replace("round: 4", said))
        fields = far.load().mappings["near"].fields
        assert fields["alc405"].round == expected
        assert fields["alc404"] == Expression(value="1")


TWINS = [
    (f"{operation.method}.{place}" if place else operation.method, here)
    for operation in CONTRACT.operations.values()
    if operation.twin
    for place, here in [
        ("", operation.twin),
        *((place, node.twin) for place, node in operation.request.walk() if isinstance(node, Node) and node.many),
    ]
]  # fmt: skip


def target_of(fills):
    """What a mapping that fills this fills; None where no mapping can."""
    found = find_target(Mapping("m", fills, Source(("K",), "V", Changes("comparison")), {}), CONTRACT)
    return found if isinstance(found, Target) else None


@pytest.mark.parametrize(("there", "here"), [pair for pair in TWINS if target_of(pair[0])])
def test_every_twin_takes_over_only_fields_and_codes_of_its_own(there, here):
    """Every pair of nodes that mappings can fill, both ways, with every field mapped and every code a constant."""
    assert here, f"{there} has no twin"
    local, far = target_of(there), target_of(here)
    assert local
    assert far
    pairs = counterparts(local, far, CONTRACT)
    assert pairs
    tables = {
        path: CONTRACT.codes[field.codes].entries if field.codes else {}
        for path, field in local.fields.items()
    }
    for number in range(max(map(len, tables.values()), default=0) or 1):
        fields = {
            path: Expression(value=list(table)[number]) if number < len(table) else Expression((path,))
            for path, table in tables.items()
        }
        source = Source(("K",), "V", Changes("comparison"), table="T")
        other = Mapping("other", there, source, fields)
        mapping = Mapping("mapping", here, Source((), "", Changes("comparison")), {}, like=LIKE)
        found, faults = take_over({"other": other, "mapping": mapping}, CONTRACT)
        assert not faults
        made = found["mapping"].fields
        assert made
        assert set(made) == set(pairs.values()) <= set(far.fields)
        for path, expression in made.items():
            spec = far.fields[path]
            if expression.value is not None and spec.codes:
                assert expression.value in CONTRACT.codes[spec.codes].entries, path
            kept = local.fields[found["mapping"].like.taken[path]]
            assert dict(expression.twin_codes) in ({}, dict(kept.twin_codes)), path
            assert kept.type is spec.type, path
            assert (kept.codes == spec.codes) or kept.twin_codes, path
