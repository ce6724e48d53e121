"""One field at a time: from → trim → empty → read → codes → round → default, and what spoils it."""

# ruff: noqa: DTZ001 - times of a HIS have no zone

import json
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from connector.config.mapping import Expression
from connector.errors import ConfigurationError
from connector.transform.shape import frame, transform


def sent(his, path, *changes, fields=None, types=None, **row):
    """What a field of the payload reads, row by row."""
    return frame(his.plan_of(his.charges(fields)), his.rows(*changes, types=types, **row))[path].tolist()


def test_a_row_as_it_is_sent(his):
    block = transform(his.plan_of(), his.rows()).block
    assert block.rejections == block.set_aside == ()
    assert block.payloads[0].decode() == (
        '{"alc400":"CF1","alc401":"2026-03-02","akc229":"1","alc402":"XJ01","alc403":"注射用头孢","aka063":"11",'
        '"aka065":"2","alc404":"0","alc405":"6.8300","alc406":"2.0000","alc407":"13.6600","aka070":"注射剂",'
        '"zka100":"0.75g","akc230":"","akc231":"头孢呋辛钠针","akc515":"1-1001-1","reason":"","aae080":"300001",'
        '"spreason":"0","bzmsg":"","vmed":"V1","akc999":""}'
    )
    assert (block.keys, block.visits, block.amounts, block.categories) == (
        ["700001"],
        ["2600101"],
        [136600],
        ["11"],
    )
    assert (block.refund_of, block.numbers, block.mapping) == ([""], [], "charges")


@pytest.mark.parametrize("nothing", [None, "", "   ", "\u3000", "0", " 0 ", "-"])
def test_null_blank_and_declared_texts_all_mean_nothing(his, nothing):
    fields = {"alc400": his.column("CFH", empty=("0", "-"), default="无处方")}
    assert sent(his, "alc400", fields=fields, CFH=nothing) == ["无处方"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0, pa.int64()),
        (Decimal("0.00"), pa.decimal128(10, 2)),
        (0.0, pa.float64()),
        (datetime(1900, 1, 1), pa.timestamp("us")),
        (date(1900, 1, 1), pa.date32()),
    ],
)
def test_declared_texts_also_empty_typed_columns(his, value, kind):
    fields = {"aae080": his.column("YZXH", empty=("0.0", "1900-01-01"), default="999")}
    assert sent(his, "aae080", fields=fields, types={"YZXH": kind}, YZXH=value) == ["999"]


def test_leading_zeros_stay(his):
    assert sent(his, "alc400", CFH=" 0012") == ["0012"]


def test_texts_with_quotes_and_backslashes_stay_json(his):
    text = 'a"b\\c/d'
    block = transform(his.plan_of(), his.rows({"BZ": text}, {"BZ": "plain"})).block
    assert [json.loads(one)["bzmsg"] for one in block.payloads] == [text, "plain"]


def test_several_columns_leave_out_empty_parts(his):
    fields = {"bzmsg": his.column("BZ", "GG", "YPCD", join="/", empty=("0",))}
    got = sent(
        his, "bzmsg", {"BZ": " a "}, {"BZ": None}, {"BZ": "0", "GG": " ", "YPCD": None}, fields=fields, YPCD=0
    )
    assert got == ["a/0.75g", "0.75g", ""]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2026030224:00:00", pa.string()),
        (datetime(2026, 3, 2, 23, 59, 59), pa.timestamp("us")),
        (date(2026, 3, 2), pa.date32()),
    ],
)
def test_dates_of_every_type(his, value, kind):
    assert sent(his, "alc401", types={"FYRQ": kind}, FYRQ=value) == ["2026-03-02"]


def test_dates_that_are_numbers_are_read_by_their_digits(his):
    fields = {"alc401": his.column("FYRQ", read="%Y%m%d")}
    assert sent(his, "alc401", fields=fields, types={"FYRQ": pa.int64()}, FYRQ=20260302) == ["2026-03-02"]


def test_a_date_not_in_its_format_is_a_violation_even_if_it_looks_right(his):
    found = his.broken(
        his.plan_of(), his.rows({"FYRQ": "2026-03-02"}, {"FYRQ": "2026023009:30:00"}, {"FYRQ": ""})
    )
    assert found == [
        ("meds.med.alc401", "date", ""),
        ("meds.med.alc401", "date", ""),
        ("meds.med.alc401", "required", "81009"),
    ]
    block = transform(his.plan_of(), his.rows({"FYRQ": "2026-03-02"})).block
    assert "yyyymmddhh:mm:ss" in block.rejections[0].violations[0].message


def test_codes_are_mapped_or_a_violation_and_never_guessed(his):
    assert his.broken(his.plan_of(), his.rows({"XMLX": 9})) == [
        ("meds.med.alc402", "unmapped", ""),
        ("meds.med.alc404", "codes", ""),
    ]
    block = transform(his.plan_of(), his.rows({"XMLX": 9})).block
    assert block.rejections[0].violations[1].message == "'9' is not in the code map item-kind"
    fields = {"aka063": his.column("FYXM", codes="any")}
    assert sent(his, "aka063", fields=fields, types={"FYXM": pa.string()}, FYXM="何") == ["91"]
    fields = {"aka063": his.column("FYXM", codes="any", default="99")}
    assert sent(his, "aka063", fields=fields, types={"FYXM": pa.string()}, FYXM=" ") == ["99"]


def test_a_code_map_may_give_what_the_platform_does_not_know(his):
    found = his.broken(his.plan_of(), his.rows({"XMLX": 7}))
    assert ("meds.med.alc404", "code", "81027") in found


def test_full_width_digits_in_ids_are_no_guess(his):
    found = his.broken(
        his.plan_of(), his.rows({"CFH": "ＣＦ１"}, {"FYSL": "２"}, types={"FYSL": pa.string()}, FYSL="2")
    )
    assert found == [("meds.med.alc400", "width", ""), ("meds.med.alc406", "decimal", "")]
    assert sent(his, "akc231", FYMC="维生素Ｃ１号") == ["维生素Ｃ１号"]


def test_control_characters_are_blanks_in_descriptions_and_violations_elsewhere(his):
    assert sent(his, "bzmsg", BZ="一\r\n二\x07") == ["一 二"]
    assert his.broken(his.plan_of(), his.rows({"CFH": "CF\n1"})) == [("meds.med.alc400", "control", "")]


def test_lists_have_one_separator(his):
    assert sent(his, "akc999", ZSM="，a1 ， b2、、c3;") == ["a1,b2,c3"]


def test_only_descriptions_are_cut_only_where_asked_and_it_is_counted(his):
    long = "长" * 60
    out = transform(his.plan_of(), his.rows({"GG": long}, {}, {"GG": long, "CFH": "x" * 99}))
    assert out.shortened == {"zka100": 1}
    assert json.loads(out.block.payloads[0])["zka100"] == "长" * 50
    assert [v.rule for one in out.block.rejections for v in one.violations] == ["length"]
    bytes_plan = his.plan_of(length_in="bytes")
    assert frame(bytes_plan, his.rows({"GG": long}))["zka100"].tolist() == ["长" * 16]


def test_money_of_every_type_is_one_money(his):
    for value, kind in (
        (Decimal("13.66"), pa.decimal128(10, 2)),
        (13.66, pa.float64()),
        ("13.66 ", pa.string()),
        (" 13.660", pa.string()),
    ):
        assert sent(his, "alc407", types={"ZJJE": kind}, ZJJE=value) == ["13.6600"]


def test_too_many_decimals_are_a_violation_unless_the_mapping_rounds(his):
    assert his.broken(
        his.plan_of(his.charges({"alc405": his.column("FYDJ")})), his.rows({"FYDJ": Decimal("6.83001")})
    ) == [("meds.med.alc405", "scale", "")]
    assert sent(his, "alc405", {"FYDJ": Decimal("6.83005")}) == ["6.8301"]
    noisy = his.rows({"ZJJE": 13.660000000000002}, types={"ZJJE": pa.float64()})
    assert his.broken(his.plan_of(), noisy) == [("meds.med.alc407", "scale", "")]


@pytest.mark.parametrize(
    ("price", "rule"),
    [("999999.9999", None), ("1000000", "precision"), ("0", "positive"), ("-1", "positive")],
)
def test_the_price_keeps_its_room(his, price, rule):
    plan = his.plan_of(amount_tolerance=Decimal(10) ** 12)
    table = his.rows({"FYDJ": price}, types={"FYDJ": pa.string()})
    assert [what for _, what, _ in his.broken(plan, table)] == ([rule] if rule else [])


def test_a_default_of_a_number_counts(his):
    fields = {"alc406": his.column("FYSL", default="2")}
    block = transform(his.plan_of(his.charges(fields)), his.rows({"FYSL": None})).block
    assert json.loads(block.payloads[0])["alc406"] == "2.0000"


def test_whole_numbers_are_not_made_of_fractions(his):
    fields = {"akc229": his.column("FYSL")}
    assert his.broken(
        his.plan_of(his.charges(fields)), his.rows({"FYSL": Decimal("2.5"), "ZJJE": Decimal("17.08")})
    ) == [("meds.med.akc229", "integer", "")]
    rounded = {"akc229": his.column("FYSL", round=0)}
    assert sent(his, "akc229", {"FYSL": Decimal("2.5")}, fields=rounded) == ["3"]


def test_undecodable_cells_say_so_and_nothing_else(his):
    table = his.rows({"FYMC": None}, {"CFH": None}, {})
    found = transform(his.plan_of(), table, undecodable=[(0, "FYMC"), (1, "CFH")]).block
    assert [[(v.path, v.rule) for v in one.violations] for one in found.rejections] == [
        [("meds.med.alc403", "encoding"), ("meds.med.akc231", "encoding")],
        [("meds.med.alc400", "encoding")],
    ]
    assert len(found.payloads) == 1


def test_a_missing_column_and_bytes_are_named(his):
    table = his.rows()
    with pytest.raises(ConfigurationError, match="gives no column CFH"):
        transform(his.plan_of(), table.drop_columns(["CFH"]))
    with pytest.raises(ConfigurationError, match="Column CFH holds binary"):
        transform(his.plan_of(), his.rows(types={"CFH": pa.binary()}, CFH=b"x"))


def test_a_plan_that_cannot_be_followed_is_refused_with_everything_at_once(his):
    fields = {
        "alc499": his.column("A"),
        "alc400": his.column("CFH", codes="nowhere"),
        "alc401": his.column("FYRQ", read="%y%m%d"),
        "aka070": his.fact("form"),
    }
    with pytest.raises(ConfigurationError) as caught:
        his.plan_of(his.charges(fields))
    for part in ("alc499 is no field", "nowhere", "%y", "looks up form"):
        assert part in str(caught.value)


def test_no_value_is_in_a_message_or_a_repr(his):
    secret = "15020419820424004Ｘ"
    out = transform(his.plan_of(), his.rows({"CFH": secret, "FYSL": secret}, types={"FYSL": pa.string()}))
    assert out.block.rejections
    assert secret not in repr(out)


def test_values_are_constants(his):
    fields = {"bzmsg": Expression(value="甲\n乙"), "reason": Expression(value="")}
    assert sent(his, "bzmsg", {}, {}, fields=fields) == ["甲 乙"] * 2


def test_empty_chunks(his):
    out = transform(his.plan_of(), his.rows().slice(0, 0))
    assert (out.block.keys, out.block.payloads, out.block.rejections, out.shortened) == ([], [], (), {})
