import re
import sqlite3
import time
from datetime import date, timedelta
from decimal import Decimal

import pytest

from connector.errors import ConfigurationError
from connector.sample.elsewhere import sample_filings
from connector.sample.hospital import build_hospital, plan_hospital, sample_facts, sample_injuries
from connector.sample.items import ITEMS, Match
from connector.sample.plan import amount_of
from connector.sample.planted import REJECTED, ZERO
from connector.sample.schema import tables

TODAY = date(2026, 3, 5)

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@pytest.fixture(scope="module")
def plan():
    return plan_hospital(today=TODAY)


def test_the_size_that_the_demo_speaks_of(sample):
    facts = sample.facts
    assert (facts.stays, facts.injured_stays, facts.injured_bills, facts.injured_visits) == (43, 14, 6, 20)
    assert (facts.far_stays, facts.far_bills) == (2, 1)
    assert 1500 <= facts.charges + facts.lines <= 3000
    assert facts.injured_charges < facts.charges
    assert facts.injured_orders < facts.orders


def test_facts_are_counted_from_the_database(sample, url, ask):
    assert sample_facts(url) == sample.facts
    assert ask("SELECT COUNT(*) n FROM ZY_FYMX")[0]["n"] + ask("SELECT COUNT(*) n FROM ZY_FYMX_N")[0][
        "n"
    ] == (sample.facts.charges)


def test_a_seed_and_a_day_make_the_same_hospital(tmp_path):
    dumps = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        build_hospital(f"sqlite:///{tmp_path / name}", seed=seed, today=TODAY)
        database = sqlite3.connect(tmp_path / name)
        dumps.append("\n".join(database.iterdump()))
        database.close()
    assert dumps[0] == dumps[1]
    assert dumps[0] != dumps[2]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("day", [date(2026, 1, 2), date(2028, 3, 1)])
def test_every_seed_and_day_gives_the_same_kinds_of_rows(seed, day):
    plan = plan_hospital(seed=seed, today=day)
    assert {*REJECTED, *ZERO, "late", "outside", "refund_whole", "refund_partial", "refund_unlinked"} <= set(
        plan.planted
    )
    assert 1500 < len(plan.charges) < 3000


def test_building_takes_less_than_two_seconds(tmp_path):
    begun = time.process_time()
    build_hospital(f"sqlite:///{tmp_path / 'his.db'}", today=TODAY)
    assert time.process_time() - begun < 2


def test_a_database_with_a_hospital_is_left_alone(sample, url):
    with pytest.raises(ConfigurationError, match="already has a hospital"):
        build_hospital(url, today=TODAY)
    assert sample_facts(url) == sample.facts


def test_every_text_fits_its_column_and_gbk(plan):
    for name, rows in plan.tables.items():
        widths = {
            column: int(found[1])
            for column, kind, _ in tables()[name].columns
            if (found := re.match(r"(?:VAR)?CHAR\((\d+)\)", kind))
        } | {column: 5000 for column, kind, _ in tables()[name].columns if kind == "TEXT"}
        for row in rows:
            assert set(row) <= {column for column, _, _ in tables()[name].columns}
            for column, value in row.items():
                if isinstance(value, str):
                    value.encode("gbk")
                    assert len(value) <= widths.get(column, 60), f"{name}.{column}"


def test_numbers_rise_with_time(plan):
    for drafts in (plan.charges, plan.orders):
        assert [one.at for one in drafts] == sorted(one.at for one in drafts)
        assert [one.number for one in drafts] == list(range(drafts[0].number, drafts[0].number + len(drafts)))


def test_nothing_is_younger_than_the_first_day(ask):
    last = f"{TODAY - timedelta(days=3)}"
    for table, column in (("ZY_FYMX", "JFRQ"), ("ZY_BQYZ", "XGSJ"), ("MS_SFZB", "SFRQ")):
        assert ask(f"SELECT MAX({column}) latest FROM {table}")[0]["latest"][:10] <= last


def test_padding_and_dates_as_text(ask):
    row = ask("SELECT BRXM, ZYYS, RYRQ FROM ZY_BRRY WHERE GSBZ = '1'")[0]
    assert len(row["BRXM"]) == 20
    assert row["BRXM"] != row["BRXM"].strip()
    assert len(row["ZYYS"]) == 6
    assert re.fullmatch(r"\d{8}\d\d:\d\d:\d\d", row["RYRQ"])
    empty = {row["CYRQ"] for row in ask("SELECT CYRQ FROM ZY_BRRY WHERE CYPB = 0")}
    assert empty == {None, "", " ", "00000000"}
    no_injury = {row["GSBZ"] for row in ask("SELECT GSBZ FROM ZY_BRRY WHERE GSBZ IS NULL OR GSBZ <> '1'")}
    assert no_injury == {None, "", " ", "0"}


def test_one_time_is_twenty_four_hours(sample, ask):
    (key,) = sample.planted["midnight"]
    assert ask("SELECT FYRQ FROM ZY_FYMX WHERE JLXH = ?", key)[0]["FYRQ"].endswith("24:00:00")
    assert len(ask("SELECT 1 FROM ZY_FYMX WHERE FYRQ LIKE '%24:00:00'")) == 1


def test_amounts_off_by_a_cent_and_float_artefacts(plan):
    off = artefacts = 0
    for charge in plan.charges:
        price, quantity, amount = (str(charge.row[name]) for name in ("FYDJ", "FYSL", "ZJJE"))
        if charge.mark or Decimal(quantity) < 0:
            continue
        off += abs(Decimal(amount) - Decimal(amount_of(price, quantity))) == Decimal("0.01")
        artefacts += len(amount.partition(".")[2]) > 5
        assert abs(Decimal(amount) - Decimal(price) * Decimal(quantity)) <= Decimal("0.02")
    assert off >= 10
    assert artefacts >= 2


def test_refunds_repeat_their_original_and_never_exceed_it(plan):
    back: dict[object, Decimal] = {}
    refunds = [charge for charge in plan.charges if Decimal(str(charge.row["FYSL"])) < 0]
    assert len(refunds) >= 5
    for refund in refunds:
        assert Decimal(str(refund.row["ZJJE"])) < 0 < Decimal(str(refund.row["FYDJ"]))
        original = refund.original
        assert (original is None) == (refund.mark == "refund_unlinked")
        if original:
            assert refund.row["TFXH"] == original.number < refund.number
            assert [refund.row[n] for n in ("CFH", "FYXH", "FYDJ")] == [
                original.row[n] for n in ("CFH", "FYXH", "FYDJ")
            ]
            back[original.number] = back.get(original.number, Decimal(0)) - Decimal(str(refund.row["FYSL"]))
            assert back[original.number] <= Decimal(str(original.row["FYSL"]))


def test_matches_of_every_kind(ask):
    kinds = {item.match for item in ITEMS.values()}
    assert kinds == set(Match)
    valid = "XZLB = 'GS' AND SHBZ = '1' AND (JSRQ IS NULL OR JSRQ IN ('', '00000000') OR JSRQ >= '20260302')"
    counts = {
        row["FYXH"]: row["n"]
        for row in ask(f"SELECT FYXH, COUNT(*) n FROM YB_MLDZ WHERE {valid} GROUP BY FYXH")
    }
    expected = {Match.MISSING: 0, Match.EXPIRED: 0, Match.AMBIGUOUS: 2, Match.DOUBLED: 2}
    for item in ITEMS.values():
        assert counts.get(item.number, 0) == expected.get(item.match, 1), item.number


def test_late_rows_have_numbers_below_rows_that_are_there(sample, ask):
    there = ask("SELECT MAX(JLXH) newest FROM ZY_FYMX")[0]["newest"]
    late = [int(key) for key in sample.planted["late"]]
    assert len(late) == 6
    assert sum(number < there for number in late) >= 2
    assert not ask(f"SELECT 1 FROM ZY_FYMX WHERE JLXH IN ({', '.join(map(str, late))})")


def test_identity_numbers_have_their_check_digit(plan):
    for person in plan.people:
        body, check = person.identity[:17], person.identity[17].upper()
        total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
        assert check == "10X98765432"[total % 11]
    assert plan.people[3].identity.endswith("x")
    assert len({person.identity for person in plan.people}) == len(plan.people)


def test_the_platform_knows_every_work_injury_visit(sample, url, ask):
    known = {(one["aac002"], one["aac003"]): one for one in sample_injuries(url)}
    assert len(known) == 19
    visits = ask(
        "SELECT UPPER(p.SFZH) i, TRIM(p.BRXM) n, g.GSLB, g.RDSBH, g.GRBH, g.DWBH, s.RYRQ, b.SFRQ FROM GS_DJXX g"
        " JOIN MS_BRDA p ON p.BRID = g.BRID LEFT JOIN ZY_BRRY s ON s.ZYH = g.ZYH"
        " LEFT JOIN MS_SFZB b ON b.SFXH = g.SFXH"
        " WHERE COALESCE(g.YDBZ, '0') <> '1' AND (g.ZYH IS NOT NULL OR g.SFXH IS NOT NULL)"
    )
    far = sample.facts.far_stays + sample.facts.far_bills
    assert len(visits) == sample.facts.injured_visits - far
    for visit in visits:
        injury = known[visit["i"], visit["n"]]
        begun = (visit["RYRQ"] or visit["SFRQ"].replace("-", ""))[:8]
        assert injury["alc020"].replace("-", "") <= begun
        assert injury["aac001"] == visit["GRBH"]
        assert visit["DWBH"] in ("", injury["aab001"])
        assert visit["RDSBH"] in ("", injury["alca02"])
        assert (injury["alca02"] == "") == (visit["GSLB"] == "新")


def test_the_platform_knows_a_valid_filing_of_everybody_from_elsewhere(sample, url, ask):
    filings = sample_filings(url)
    visits = ask(
        "SELECT UPPER(p.SFZH) i, TRIM(p.BRXM) n, g.RDSBH, s.RYRQ, b.SFRQ FROM GS_DJXX g"
        " JOIN MS_BRDA p ON p.BRID = g.BRID LEFT JOIN ZY_BRRY s ON s.ZYH = g.ZYH"
        " LEFT JOIN MS_SFZB b ON b.SFXH = g.SFXH WHERE g.YDBZ = '1'"
    )
    assert len(visits) == sample.facts.far_stays + sample.facts.far_bills
    assert {bool(visit["RDSBH"]) for visit in visits} == {True, False}
    for visit in visits:
        own = [one for one in filings if (one["aac002"], one["aac003"]) == (visit["i"], visit["n"])]
        begun = (visit["RYRQ"] or visit["SFRQ"].replace("-", ""))[:8]
        (valid,) = [one for one in own if one["aae100"] == "1" and one["aae030"] <= begun <= one["aae031"]]
        assert visit["RDSBH"] in ("", valid["alc011"])
        assert len(own) == 2


def test_one_open_visit_per_person(ask):
    people = [row["BRID"] for row in ask("SELECT BRID FROM GS_DJXX")]
    assert len(people) == len(set(people))


def test_patients_are_not_shown_by_repr(plan, sample):
    shown = f"{plan!r} {sample!r} {plan.people[0]!r} {plan.stays[0]!r} {plan.charges[0]!r}"
    for person in plan.people:
        assert person.name not in shown
        assert person.identity not in shown
