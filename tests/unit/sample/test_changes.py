import sqlite3
from datetime import date, timedelta

import pytest

from connector.sample.changes import CHANGES, FRESH_STAY, change_hospital
from connector.sample.hospital import build_hospital, plan_hospital, sample_facts, sample_injuries

TODAY = date(2026, 3, 5)


class Days:
    """The same hospital before and after its second day."""

    def __init__(self, folder):
        self.url = f"sqlite:///{folder / 'after.db'}"
        self.sample = build_hospital(self.url, today=TODAY)
        self.injuries = sample_injuries(self.url)
        after = sqlite3.connect(folder / "after.db")
        self.before = sqlite3.connect(":memory:")
        after.backup(self.before)
        after.close()
        self.sentences = dict(zip(CHANGES, change_hospital(self.url, today=TODAY), strict=True))
        self.after = sqlite3.connect(folder / "after.db")
        self.before.row_factory = self.after.row_factory = sqlite3.Row

    def keys(self, database, table, key):
        return {row[0] for row in database.execute(f"SELECT {key} FROM {table}")}

    def row(self, database, table, key, value):
        return dict(database.execute(f"SELECT * FROM {table} WHERE {key} = ?", (value,)).fetchone() or {})

    def both(self, table, key, value):
        return self.row(self.before, table, key, value), self.row(self.after, table, key, value)


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    made = Days(tmp_path_factory.mktemp("days"))
    yield made
    made.before.close()
    made.after.close()


def test_every_change_says_one_sentence_without_a_patient(days):
    plan = plan_hospital(today=TODAY)
    assert len(days.sentences) == 15
    for sentence in days.sentences.values():
        assert any(character.isdigit() for character in sentence)
        assert "\n" not in sentence
        assert not any(person.name in sentence or person.identity in sentence for person in plan.people)


def test_new_charges_have_new_numbers_and_belong_to_the_second_day(days):
    newest = max(days.keys(days.before, "ZY_FYMX", "JLXH"))
    new = days.after.execute("SELECT * FROM ZY_FYMX WHERE JLXH > ? AND TFXH IS NULL", (newest,)).fetchall()
    second = f"{TODAY - timedelta(days=2):%Y%m%d}"
    assert len(new) > 100
    late = {int(key) for key in days.sample.planted["late"]}
    assert {row["FYRQ"][:8] for row in new if row["JLXH"] not in late} == {second}
    assert f"{len(late)} charges committed late" in days.sentences["late_charges"]


def test_late_charges_appear_below_what_was_there(days):
    newest = max(days.keys(days.before, "ZY_FYMX", "JLXH"))
    late = {int(key) for key in days.sample.planted["late"]}
    assert late <= days.keys(days.after, "ZY_FYMX", "JLXH") - days.keys(days.before, "ZY_FYMX", "JLXH")
    assert min(late) < newest


def test_a_charge_of_the_first_day_is_refunded_in_part(days):
    known = days.keys(days.before, "ZY_FYMX", "JLXH")
    (refund,) = [
        row
        for row in days.after.execute("SELECT * FROM ZY_FYMX WHERE TFXH IS NOT NULL")
        if row["JLXH"] not in known
    ]
    original = days.row(days.before, "ZY_FYMX", "JLXH", refund["TFXH"])
    assert original["FYSL"] == 2
    assert (refund["FYSL"], refund["FYDJ"], refund["FYXH"]) == (-1, original["FYDJ"], original["FYXH"])
    assert refund["CFH"] == original["CFH"]
    assert refund["YZXH"] == original["YZXH"]


def test_a_rejected_row_is_mended(days):
    before, after = days.both("ZY_FYMX", "JLXH", days.sample.planted["date_missing"][0])
    assert before["FYRQ"] == "00000000"
    assert after == {**before, "FYRQ": after["FYRQ"]}
    assert len(after["FYRQ"]) == 16


def test_an_order_is_stopped_under_its_number(days):
    number = int(days.sentences["stopped_order"].split()[1])
    before, after = days.both("ZY_BQYZ", "JLXH", number)
    assert before["TZSJ"] is None
    assert after["TZSJ"] == after["XGSJ"] > before["XGSJ"]
    assert max(row["XGSJ"] for row in days.before.execute("SELECT XGSJ FROM ZY_BQYZ")) < after["XGSJ"]


def test_an_order_gets_its_signature(days):
    before, after = days.both("ZY_BQYZ", "JLXH", days.sample.planted["order_unsigned"][0])
    assert not before["FHGH"]
    assert after["FHGH"] == after["ZXGH"]
    assert after["XGSJ"] > before["XGSJ"]


def test_an_uploaded_row_is_changed_in_place(days):
    number = int(days.sentences["changed_in_place"].split()[1].rstrip(","))
    before, after = days.both("ZY_FYMX", "JLXH", number)
    assert (before["FYSL"], after["FYSL"]) == (1, 2)
    assert after["ZJJE"] == 2 * before["ZJJE"]


def test_a_new_visit_and_one_that_turns_were_known_to_the_platform_before(days):
    known = {injury["aac002"] for injury in days.injuries}
    for stay in (FRESH_STAY, int(days.sentences["turned_stay"].split()[3])):
        row = days.row(days.after, "ZY_BRRY", "ZYH", stay)
        assert row["GSBZ"] == "1"
        assert row["SFZH"].upper() in known
        registration = days.row(days.after, "GS_DJXX", "ZYH", stay)
        assert registration["BRID"] == row["BRID"]
    assert days.row(days.before, "ZY_BRRY", "ZYH", FRESH_STAY) == {}
    assert sample_facts(days.url).injured_stays == days.sample.facts.injured_stays + 2


def test_a_registration_is_completed_with_what_the_platform_has(days):
    stay = int(days.sentences["completed_registration"].split()[4])
    before, after = days.both("GS_DJXX", "ZYH", stay)
    assert before["DWBH"] == ""
    known = {injury["aac001"]: injury["aab001"] for injury in days.injuries}
    assert after["DWBH"] == known[after["GRBH"]]


def test_a_missing_match_is_added(days):
    (added,) = days.keys(days.after, "YB_MLDZ", "DZXH") - days.keys(days.before, "YB_MLDZ", "DZXH")
    row = days.row(days.after, "YB_MLDZ", "DZXH", added)
    assert (row["XZLB"], row["SHBZ"], row["FYXH"]) == ("GS", "1", 1301)
    waiting = days.sentences["repaired_match"]
    assert sum(key in waiting for key in days.sample.planted["unmatched"]) == 2


def test_settled_rows_move_to_the_archive_whole(days):
    moved = days.keys(days.after, "ZY_FYMX_N", "JLXH") - days.keys(days.before, "ZY_FYMX_N", "JLXH")
    assert str(len(moved)) == days.sentences["archived_rows"].split()[0]
    for number in moved:
        before = days.row(days.before, "ZY_FYMX", "JLXH", number)
        assert days.row(days.after, "ZY_FYMX_N", "JLXH", number) == {**before, "JSCS": 1}
        assert days.row(days.after, "ZY_FYMX", "JLXH", number) == {}


def test_an_uploaded_and_a_waiting_line_are_deleted(days):
    gone = days.keys(days.before, "MS_SFMX", "SBXH") - days.keys(days.after, "MS_SFMX", "SBXH")
    bills = [days.row(days.before, "MS_SFMX", "SBXH", number)["SFXH"] for number in sorted(gone)]
    assert [str(bill) for bill in bills] == [
        days.sample.planted["bill_incomplete"][0],
        days.sample.planted["bill_old"][1],
    ]


def test_a_bill_is_refunded_in_part_by_a_bill(days):
    known = days.keys(days.before, "MS_SFZB", "SFXH")
    refunds = days.after.execute("SELECT * FROM MS_SFZB WHERE YSFXH IS NOT NULL").fetchall()
    (bill,) = [row for row in refunds if row["SFXH"] not in known]
    assert str(bill["YSFXH"]) == days.sample.planted["bill_old"][0]
    (line,) = days.after.execute("SELECT * FROM MS_SFMX WHERE SFXH = ?", (bill["SFXH"],)).fetchall()
    assert line["ZJJE"] == bill["ZJJE"] < 0
    assert days.row(days.after, "MS_SFMX", "SBXH", line["TFXH"])["SFXH"] == bill["YSFXH"]


@pytest.mark.parametrize(("seed", "day"), [(1, date(2026, 1, 2)), (2, date(2028, 3, 1)), (9, TODAY)])
def test_every_seed_has_a_second_day(tmp_path, seed, day):
    url = f"sqlite:///{tmp_path / 'his.db'}"
    build_hospital(url, seed=seed, today=day)
    assert len(change_hospital(url, seed=seed, today=day)) == len(CHANGES)


def test_the_front_page_that_was_lacking_is_written(days):
    (stay,) = days.sample.planted["front_page_missing"]
    before, after = (
        {str(row["ZYH"]) for row in one.execute("SELECT ZYH FROM BA_BASY")}
        for one in (days.before, days.after)
    )
    assert after - before == {stay}
    assert stay in days.sentences["front_page"]
