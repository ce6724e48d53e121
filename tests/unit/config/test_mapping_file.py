"""The vocabulary of a mapping file, and what is wrong with it in itself."""

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connector.config.mapping import Changes, Expression
from tests.unit.config.test_yaml_reader import TRICKY, double_quoted

CHARGES = "mappings/charges.yaml"
ORDERS = "mappings/orders.yaml"
VISITS = "mappings/visits.yaml"


def field(desk, text, name="alk014", file=ORDERS):
    """The expression that a field's YAML makes."""
    desk.files[file] += f"  {name}: {text}\n"
    try:
        return desk.load().mappings["orders"].fields[name]
    finally:
        desk.files[file] = desk.files[file].rpartition(f"  {name}:")[0]


def test_the_ways_to_make_a_value(desk):
    assert field(desk, "BZXX") == Expression(("BZXX",))
    assert field(desk, "{from: BZXX}") == Expression(("BZXX",))
    assert field(desk, '{value: "0012"}') == Expression(value="0012")
    assert field(desk, '{from: [A, B], join: ","}') == Expression(("A", "B"), join=",")
    assert field(desk, '{from: [A, B], join: ""}') == Expression(("A", "B"), join="")
    assert field(desk, '{from: A, empty: [0, "  "], default: 无}') == Expression(
        ("A",), empty=("0", "  "), default="无"
    )
    assert field(desk, "{from: A, shorten: true}") == Expression(("A",), shorten=True)
    assert field(desk, "{from: A, shorten: false}") == Expression(("A",))
    assert field(desk, '{from: A, read: "%d.%m.%Y"}', "alk008") == Expression(("A",), read="%d.%m.%Y")
    assert field(desk, '"中文 列"') == Expression(("中文 列",))


@pytest.mark.parametrize("text", TRICKY)
def test_tricky_texts_stay_as_written(desk, text):
    for place in (f"{{value: {text}}}", f"{{from: A, default: {text}}}", f"{{from: A, empty: {text}}}"):
        made = field(desk, place)
        assert text in (made.value, made.default, *made.empty)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=60))
@example("null")
@example(" ")
@example("0012 # x")
def test_any_text_of_a_mapping_survives_unchanged(desk, text):
    made = field(desk, f"{{from: A, default: {double_quoted(text)}, empty: [{double_quoted(text)}]}}")
    assert (made.default, made.empty) == (text, (text,))


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("{by: sequence, column: A}", Changes("sequence", "A")),
        ("{by: sequence, column: A, lookback: 07}", Changes("sequence", "A", 7)),
        ("{by: timestamp, column: A}", Changes("timestamp", "A")),
        ("{by: timestamp, column: A, lookback: 90s}", Changes("timestamp", "A", 90)),
        ("{by: timestamp, column: A, lookback: 15m}", Changes("timestamp", "A", 900)),
        (
            "{by: timestamp, column: A, lookback: 1d, nulls: always}",
            Changes("timestamp", "A", 86400, 0, "always"),
        ),
        ("{by: timestamp, column: A, lookback: 0, safety_lag: 2h}", Changes("timestamp", "A", 0, 7200)),
        ("{by: comparison}", Changes("comparison")),
    ],
)
def test_the_ways_to_find_changes(desk, text, changes):
    desk.swap(ORDERS, "{by: timestamp, column: XGSJ, lookback: 2h, safety_lag: 60s}", text)
    assert desk.load().mappings["orders"].source.changes == changes


def test_a_key_may_have_several_columns_and_a_refund_as_many(desk):
    desk.swap(CHARGES, "key: JLXH", "key: [A, B]")
    assert desk.fault().message.startswith("“refund_of” names 1 columns, but the key has 2")
    desk.swap(CHARGES, "refund_of: TFXH", "refund_of: [C, D]")
    source = desk.load().mappings["charges"].source
    assert (source.key, source.refund_of) == (("A", "B"), ("C", "D"))


TESTS = """\
tests:
  - name: 正常
    given: {JLXH: 0012, YZMC: null, XGSJ: ""}
    expect: {aae080: 0012, alk009: ""}
  - given: {JLXH: "1"}
    expect_violations: [{field: alk017, rule: required}]
  - given: {JLXH: "1", 多余的列: x}
    expect_set_aside: true
"""


def test_tests_of_a_mapping(desk):
    desk.files[ORDERS] += TESTS
    one, two, three = desk.load().mappings["orders"].tests
    assert (one.name, one.given, one.expect) == (
        "正常",
        {"JLXH": "0012", "YZMC": None, "XGSJ": ""},
        {"aae080": "0012", "alk009": ""},
    )
    assert (two.name, two.violations, two.expect) == ("test 2", (("alk017", "required"),), None)
    assert three.set_aside


def test_names_in_tests_become_the_contracts_paths(desk):
    desk.files[VISITS] += "tests:\n  - given: {ZYHM: x}\n    expect: {akc190: x}\n"
    (one,) = desk.load().mappings["visits"].tests
    assert one.expect == {"kc21.akc190": "x"}


@pytest.mark.parametrize(
    ("old", "new", "message", "at"),
    [
        (
            "    expect_set_aside: true",
            "    expect_set_aside: yes",
            "“expect_set_aside” must be true or false.",
            "yes",
        ),
        ("    expect_set_aside: true\n", "", "must expect one thing, but it says none", "given"),
        (
            "    expect_set_aside: true",
            "    expect_set_aside: true\n    expect: {aae080: x}",
            "must expect one thing, but it says 2",
            "given",
        ),
        ("rule: required", "rul: required", "The key “rule” is missing", None),
        ("field: alk017", "field: alk17", "has no field “alk17”", "alk17"),
        ("expect: {aae080", "expect: {aae08", "has no field “aae08”", "aae08: 0012"),
        ("YZMC: null", "YZMS: null", "The mapping uses no column YZMS.", "YZMS"),
        ("YZMC: null", "catalogue.levl: x", "A catalogue has no fact “levl”.", "catalogue.levl"),
        ("- name: 正常", "- nam: 正常", "The key “nam” is not known in tests.0.", "nam"),
    ],
)
def test_wrong_tests(desk, old, new, message, at):
    desk.files[ORDERS] += TESTS
    desk.swap(ORDERS, old, new)
    fault = desk.faults()[0]
    assert message in fault.message
    assert at is None or desk.at(fault).startswith(at)


FAULTS = {
    "no version": (ORDERS, "version: 1\n", "", "The key “version” is missing.", None, ""),
    "version": (ORDERS, "version: 1", "version: 1.0", "This connector reads version 1", "1.0", "Write version: 1"),
    "name": (ORDERS, "mapping: orders", "mapping: 医嘱", "The name in “mapping” may have small", "医嘱", None),
    "top key": (ORDERS, "fields:", "field:", "The key “field” is not known.", "field:", "Did you mean fields?"),
    "no origin": (ORDERS, "  table: ZY_BQYZ\n", "", "It is not said where the rows come from.", "source:", None),
    "two origins": (VISITS, "  sql:", "  table: A\n  sql:", "Rows come from a “table” or from “sql”", "sql:", None),
    "blank table": (ORDERS, "ZY_BQYZ", '" "', "“table” must not be blank.", '" "', ""),
    "key list": (ORDERS, "key: JLXH", "key: []", "The list of “key” is empty.", "[]", None),
    "key twice": (ORDERS, "key: JLXH", "key: [A, A]", "The column A stands twice in “key”.", "A]", None),
    "key table": (ORDERS, "key: JLXH", "key: {a: b}", "“key” must be a single text, but this is a table", None, None),
    "key null": (ORDERS, "key: JLXH", "key:", "“key” has no value.", "key:", 'An empty text is written ""'),
    "visit list": (ORDERS, "visit: ZYH", "visit: [A, B]", "“visit” must be a single text, but this is a list", "[A", ""),
    "changes text": (VISITS, "{by: comparison}", "comparison", "“changes” must be a table of keys", None, None),
    "by": (VISITS, "by: comparison", "by: compare", "“by” must be one of", "compare", "Did you mean comparison?"),
    "no column": (ORDERS, "column: XGSJ, ", "", "The key “column” is missing in source.changes.", "changes:", None),
    "no unit": (ORDERS, "lookback: 2h", "lookback: 7200", "“lookback” must be a time span.", "7200", "Write a number with"),
    "unit": (ORDERS, "60s", "60 s", "“safety_lag” must be a time span.", "60 s", None),
    "rows": (CHARGES, "lookback: 5000", "lookback: 2h", "“lookback” must be a whole number", "2h", None),
    "sequence lag": (CHARGES, "lookback: 5000", "safety_lag: 5s", "“safety_lag” is for by: timestamp.", "safety_lag", None),
    "comparison column": (VISITS, "by: comparison", "by: comparison, column: A", "“column” does not go with", "column", None),
    "nulls": (ORDERS, "60s}", "60s, nulls: skip}", "“nulls” must be one of error, ignore, always.", "skip", None),
    "encoding": (ORDERS, "  visit: ZYH", "  visit: ZYH\n  encoding: gbk2", "There is no text encoding “gbk2”.", "gbk2", None),
    "on_change": (ORDERS, "fields:", "on_change: ignore\nfields:", "“on_change” must be one of report, compensate, reset.", "ignore", ""),
    "null field": (ORDERS, "alk007: KSSJ", "alk007:", "“alk007” has no value.", None, None),
    "field list": (ORDERS, "alk007: KSSJ", "alk007: [KSSJ]", "“alk007” must be a table of keys", "[KSSJ]", None),
    "step": (ORDERS, "alk007: KSSJ", "alk007: {from: A, format: x}", "The key “format” is not known in fields.alk007.", "format", "Known here: "),
    "nothing": (ORDERS, "alk007: KSSJ", "alk007: {default: 2026-01-01}", "It is not said where the value comes from.", "alk007", None),
    "both": (CHARGES, '{value: "1"}', '{value: "1", from: A}', "“value” is a constant and stands alone", "from", ""),
    "no join": (CHARGES, ', join: "-"', "", "Several columns make one value, but it is not said how.", "from", None),
    "lone join": (CHARGES, "[XMLX, FYXH], join", "XMLX, join", "“join” glues several columns, but there is only one.", "join", ""),
    "outside": (ORDERS, "YZMC, shorten: true", "YZMC, outside: A", "“outside” needs “catalogue”", "outside", ""),
    "nested outside": (CHARGES, "outside: FYMC", "outside: {catalogue: level}", "The key “catalogue” is not known in fields.alc403.outside.", None, None),
    "lookup codes": (CHARGES, "{catalogue: level}", "{catalogue: level, codes: item-level}", "“codes” does not go with “catalogue”.", "codes", None),
    "fact": (CHARGES, "catalogue: level", "catalogue: levels", "A catalogue has no fact “levels”.", "levels", "Did you mean level?"),
    "read": (CHARGES, "%Y%m%d%H:%M:%S", "%Y%j", "“read” must say how a date is written, but %j is not understood.", '"', None),
    "read lacks": (CHARGES, "%Y%m%d%H:%M:%S", "%Y-%m", "but %d is missing", '"', None),
    "read twice": (CHARGES, "%Y%m%d%H:%M:%S", "%Y%m%d%Y", "but %Y stands twice", '"', None),
    "round": (CHARGES, "round: 4", "round: -1", "“round” must be a whole number in digits.", "-1", ""),
    "shorten": (ORDERS, "shorten: true", 'shorten: "true"', "“shorten” must be true or false.", '"true"', None),
    "null value": (CHARGES, '{value: "1"}', "{value: null}", "“value” has no value.", "null", 'An empty text is written ""'),
    "null empty": (CHARGES, '["0", "00000000"]', "[~]", "Each element of “empty” has no value.", "~", None),
    "no sql": (VISITS, "sql: visits.sql", "sql: ../ledger.key", "“sql” must name a file that ends in .sql.", "../", ""),
    "sql": (VISITS, "sql: visits.sql", "sql: visit.sql", "visit.sql: There is no such file.", "visit.sql", "Did you mean visits.sql?"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_has_its_place_and_our_words(desk, name):
    file, old, new, message, at, hint = FAULTS[name]
    desk.swap(file, old, new)
    faults = [one for one in desk.faults() if message in one.message]
    assert len(faults) == 1, "\n".join(map(str, desk.faults()))
    (fault,) = faults
    assert fault.file == str(desk.directory / file)
    assert at is None or desk.at(fault).startswith(at)
    assert hint is None or fault.hint.startswith(hint)
    assert bool(fault.hint) or not hint


def test_only_consequences_are_left_out(desk):
    """A wrong value is one fault: the field is not called missing, or anything else, as well."""
    desk.swap(ORDERS, "alk016: YSXM", "alk016: [YSXM]")
    assert len(desk.faults()) == 1
    desk.swap(CHARGES, "alc406: FYSL", "alc406: {from: FYSL, rond: 4}")
    assert len(desk.faults()) == 2


def test_a_mapping_is_frozen(desk):
    mapping = desk.load().mappings["orders"]
    with pytest.raises(FrozenInstanceError):
        mapping.name = "x"
    with pytest.raises(TypeError):
        mapping.fields["x"] = Expression()
