from dataclasses import replace

import pytest

from connector.errors import ConfigurationError, Violation
from connector.ledger.staging import StageCounts, SweepCounts
from connector.records import State, Watermark
from tests.ledger.blocks import (
    CHARGES,
    REQUIRED,
    VISITS,
    Row,
    accept,
    begin,
    block,
    claim,
    stage,
    states,
    visit_block,
)


@pytest.fixture
def visit(ledger):
    return begin(ledger, "A", "B")["A"]


def test_rows_are_staged_with_their_payloads_in_order(ledger, visit):
    rows = [Row(f"k{n}", amount=n, visit="AB"[n % 2], refund_of="k0" if n == 4 else "") for n in range(6)]
    assert stage(ledger, *rows) == StageCounts(new=6)
    staged = ledger.outbox.staged(visit, CHARGES)
    assert [(r.key, r.amount, r.payload) for r in staged] == [(r.key, r.amount, r.body) for r in rows[::2]]
    assert [r.id for r in staged] == sorted(r.id for r in staged)
    assert [r.refund_of for r in staged] == ["", "", "k0"]
    assert {r.category for r in staged} == {"11"}
    assert {r.limit for r in staged} == {0}


def test_staging_twice_equals_once(ledger, visit):
    rows = [Row("k1"), Row("k2", bad=(REQUIRED,)), Row("k3", aside="a zero amount")]
    assert stage(ledger, *rows) == StageCounts(new=1, quarantined=1, set_aside=1)
    before = ledger.outbox.staged(visit, CHARGES)
    assert stage(ledger, *rows) == StageCounts(unchanged=3)
    assert ledger.outbox.staged(visit, CHARGES) == before
    assert states(ledger, "k1", "k2", "k3") == ["staged", "quarantined", "set_aside"]


def test_the_watermark_moves_with_its_rows_or_not_at_all(ledger, visit):
    assert ledger.watermark(CHARGES) is None
    stage(ledger, "k1", watermark=Watermark("2025-03-01T08:00:00", ("a|b", "c")))
    assert ledger.watermark(CHARGES) == Watermark("2025-03-01T08:00:00", ("a|b", "c"))
    with pytest.raises(ValueError, match="visit that is not staged"):
        stage(ledger, "k2", Row("k3", visit="unknown"), watermark=Watermark("9", ("9",)))
    assert ledger.watermark(CHARGES).cursor == "2025-03-01T08:00:00"
    assert states(ledger, "k2", "k3") == [None, None]


def test_keys_come_a_page_at_a_time_with_every_version(ledger, visit):
    stage(ledger, "k1", "k2", "k3")
    stage(ledger, Row("k1", payload="q", source="t"))
    stage(ledger, "other", mapping="orders")
    pages, after = [], 0
    while page := ledger.outbox.keys(CHARGES, after=after, limit=2):
        pages.append([key for _, key in page])
        after = page[-1][0]
    assert pages == [["k1", "k2"], ["k3", "k1"]]
    assert ledger.outbox.keys("never staged") == []


def test_accepted_rows_with_more_than_two_decimals_are_counted(ledger, visit):
    amounts = [10_000, 10_050, -1, -100, 40]
    stage(ledger, *(Row(f"k{n}", amount=amount) for n, amount in enumerate(amounts)), Row("other", "B", 1))
    assert ledger.outbox.fine_rows(visit) == 0
    accept(ledger, claim(ledger, visit, rows=3))
    claim(ledger, visit)
    assert ledger.outbox.fine_rows(visit) == 2


def test_a_waiting_row_that_changes_is_a_new_version(ledger, visit):
    stage(ledger, "k1", "k2")
    old = ledger.outbox.staged(visit, CHARGES)[0]
    assert stage(ledger, Row("k1", source="t", payload="q", amount=7)) == StageCounts(changed=1)
    new = {r.key: r for r in ledger.outbox.staged(visit, CHARGES)}
    assert new["k1"].id > old.id
    assert (new["k1"].amount, new["k1"].payload) == (7, Row("k1", source="t", payload="q").body)
    assert len(new) == 2
    assert ledger.quarantine.show(old.id).state is State.VOID
    assert ledger.quarantine.show(old.id).versions == (old.id, new["k1"].id)


def test_a_changed_mapping_updates_what_waits_and_never_resends(ledger, visit):
    stage(ledger, "k1", "k2")
    records = ledger.outbox.staged(visit, CHARGES)
    batch = claim(ledger, visit, rows=1)
    accept(ledger, batch)
    assert stage(ledger, Row("k1", payload="q"), Row("k2", payload="q")) == StageCounts(mapping_changed=2)
    assert [r.payload for r in ledger.outbox.staged(visit, CHARGES)] == [Row("k2", payload="q").body]
    assert states(ledger, "k1", "k2") == ["accepted", "staged"]
    assert records[0].key == "k1"
    assert ledger.marked() == []


def test_a_mapping_that_reads_other_columns_changes_nothing_that_was_sent(ledger, visit):
    stage(ledger, "k1", "k2")
    accept(ledger, claim(ledger, visit))
    stage(ledger, Row("k2", source="t", payload="q"))
    assert [one.key for one in ledger.marked()] == ["k2"]
    other = [Row("k1", source="a", payload="r", shape="##"), Row("k2", source="b", payload="r", shape="##")]
    assert stage(ledger, *other) == StageCounts(mapping_changed=1, changed_after_upload=1)
    assert stage(ledger, *other) == StageCounts(mapping_changed=1, changed_after_upload=1)
    assert [one.key for one in ledger.marked()] == ["k2"]
    later = Row("k1", source="c", payload="s", shape="##")
    assert stage(ledger, later) == StageCounts(changed_after_upload=1)
    assert {one.key for one in ledger.marked()} == {"k1", "k2"}


def test_an_accepted_row_that_changes_is_kept_and_shown(ledger, visit, clock):
    stage(ledger, "k1")
    accept(ledger, claim(ledger, visit))
    changed = Row("k1", source="t", payload="q", amount=99)
    assert stage(ledger, changed) == StageCounts(changed_after_upload=1)
    first = ledger.marked()[0]
    clock.forward(hours=1)
    assert stage(ledger, changed) == StageCounts(changed_after_upload=1)
    assert ledger.marked() == [first]
    assert (first.key, first.state, first.vanished_at) == ("k1", State.ACCEPTED, "")
    assert ledger.outbox.staged(visit, CHARGES) == []
    assert ledger.visit_totals(VISITS)[0].changed == 1
    assert stage(ledger, "k1") == StageCounts(unchanged=1)
    assert ledger.marked() == []


@pytest.mark.parametrize("fate", [{"bad": (REQUIRED,)}, {"aside": "zero"}])
def test_an_accepted_row_that_turns_bad_is_kept_and_shown(ledger, visit, fate):
    stage(ledger, "k1")
    accept(ledger, claim(ledger, visit))
    assert stage(ledger, Row("k1", source="t", **fate)) == StageCounts(changed_after_upload=1)
    assert stage(ledger, Row("k1", **fate)) == StageCounts(mapping_changed=1)
    assert states(ledger, "k1") == ["accepted"]
    assert ledger.quarantine.rows() == []


def test_a_row_that_moves_to_another_visit_is_changed(ledger, visit):
    stage(ledger, "k1", "k2")
    accept(ledger, claim(ledger, visit, rows=1))
    counts = stage(ledger, Row("k1", visit="B"), Row("k2", visit="B"))
    assert counts == StageCounts(changed=1, changed_after_upload=1)
    assert ledger.outbox.staged(visit, CHARGES) == []
    other = ledger.due_visits(VISITS, [CHARGES])[1]
    assert [r.key for r in ledger.outbox.staged(other.visit_id, CHARGES)] == ["k2"]


def test_a_bad_row_shows_its_present_violations_until_it_is_good(ledger, visit):
    too_long = Violation("meds.med.alc403", "length", "项目名称", "is longer than 50", "")
    stage(ledger, Row("k1", bad=(REQUIRED, too_long)))
    assert ledger.quarantine.rows()[0].violations == (REQUIRED, too_long)
    assert ledger.quarantine.keys(CHARGES) == ["k1"]
    assert stage(ledger, Row("k1", bad=(too_long,))) == StageCounts(quarantined=1)
    assert ledger.quarantine.rows()[0].violations == (too_long,)
    assert stage(ledger, Row("k1")) == StageCounts(requeued=1)
    assert ledger.quarantine.rows() == []
    assert ledger.quarantine.keys(CHARGES) == []
    assert ledger.outbox.staged(visit, CHARGES)[0].payload == Row("k1").body


def test_a_waiting_row_that_turns_bad_waits_no_more(ledger, visit):
    stage(ledger, "k1")
    assert stage(ledger, Row("k1", bad=(REQUIRED,))) == StageCounts(quarantined=1)
    assert ledger.outbox.staged(visit, CHARGES) == []
    assert states(ledger, "k1") == ["quarantined"]


def test_a_row_set_aside_may_come_back(ledger, visit):
    stage(ledger, Row("k1", aside="a zero amount"))
    assert ledger.quarantine.set_aside_groups()[0].violation.message == "a zero amount"
    assert ledger.visit_totals(VISITS)[0].set_aside_rows == 1
    assert stage(ledger, Row("k1", bad=(REQUIRED,))) == StageCounts(quarantined=1)
    assert stage(ledger, Row("k1", aside="other")) == StageCounts(set_aside=1)
    assert stage(ledger, Row("k1", source="t")) == StageCounts(requeued=1)
    assert states(ledger, "k1") == ["staged"]
    assert ledger.quarantine.set_aside_groups() == []


def test_one_row_read_twice_in_a_block_counts_once(ledger, visit):
    assert stage(ledger, "k1", "k1") == StageCounts(new=1, unchanged=1)
    assert len(ledger.outbox.staged(visit, CHARGES)) == 1


def test_a_key_that_does_not_identify_a_row_is_refused(ledger, visit):
    with pytest.raises(ConfigurationError, match="do not identify a row"):
        stage(ledger, Row("k1"), Row("k1", source="t"))
    with pytest.raises(ConfigurationError, match="do not identify a row"):
        stage(ledger, Row("k1"), Row("k1", source="t", bad=(REQUIRED,)))
    assert states(ledger, "k1") == [None]


def test_the_same_key_in_two_mappings_is_two_rows(ledger, visit):
    stage(ledger, "k1")
    stage(ledger, Row("k1", source="o"), mapping="orders")
    assert [r.payload for r in ledger.outbox.staged(visit, "orders")] == [Row("k1", source="o").body]
    assert [r.payload for r in ledger.outbox.staged(visit, CHARGES)] == [Row("k1").body]


@pytest.mark.parametrize("key", ["", "中文|'\"\\ %s ?", "x" * 500, "😀", "0012"])
def test_keys_are_any_text(ledger, visit, key):
    stage(ledger, Row(key))
    assert stage(ledger, Row(key)) == StageCounts(unchanged=1)
    assert ledger.outbox.staged(visit, CHARGES)[0].key == key


def test_a_large_block_keeps_every_payload_with_its_row(ledger, visit):
    rows = [Row(f"k{n}", visit="AB"[n % 2], amount=n) for n in range(700)]
    stage(ledger, *rows)
    for record in ledger.outbox.staged(visit, CHARGES):
        assert record.payload == Row(record.key).body
    assert len(ledger.outbox.staged(visit, CHARGES)) == 350


def test_a_payload_with_a_line_break_is_refused(ledger, visit):
    broken = block("k1", "k2")
    broken.payloads[0] = b"{\n}"
    with pytest.raises(ValueError, match="line break"):
        ledger.stage(broken, visits=VISITS, watermark=None, run_id=1)
    assert states(ledger, "k1", "k2") == [None, None]


def test_a_sweep_voids_what_waits_and_marks_what_was_sent(ledger, visit):
    stage(ledger, "sent", "kept", "gone", Row("bad", bad=(REQUIRED,)), Row("aside", aside="zero"))
    stage(ledger, Row("elsewhere", visit="B"))
    accept(ledger, claim(ledger, visit, rows=1))
    assert ledger.sweep(CHARGES, VISITS, ["A"], {"kept"}, 1) == SweepCounts(void=3, vanished=1)
    assert ledger.sweep(CHARGES, VISITS, ["A"], {"kept"}, 1) == SweepCounts()
    assert states(ledger, "sent", "kept", "gone", "bad", "aside") == [
        "accepted",
        "staged",
        "void",
        "void",
        "void",
    ]
    assert states(ledger, "elsewhere") == ["staged"]
    assert [r.key for r in ledger.outbox.staged(visit, CHARGES)] == ["kept"]
    assert ledger.visit_totals(VISITS)[0].vanished == 1
    assert ledger.quarantine.rows() == []


def test_what_was_gone_may_come_back(ledger, visit):
    stage(ledger, "k1", "k2")
    accept(ledger, claim(ledger, visit, rows=1))
    ledger.sweep(CHARGES, VISITS, ["A"], set(), 1)
    assert stage(ledger, "k1", "k2") == StageCounts(unchanged=1, requeued=1)
    assert states(ledger, "k1", "k2") == ["accepted", "staged"]
    assert ledger.marked() == []
    assert [r.payload for r in ledger.outbox.staged(visit, CHARGES)] == [Row("k2").body]


def test_counts_add_up():
    assert StageCounts(new=1, changed=2) + StageCounts(new=3, requeued=1) == StageCounts(
        new=4, changed=2, requeued=1
    )


class TestVisits:
    def test_a_visit_without_its_registration_is_known_too(self, ledger):
        counts = ledger.stage_visits(visit_block("A", rejected=["B"]), open_keys={"A", "B"}, run_id=1)
        assert counts == StageCounts(new=1, quarantined=1)
        assert ledger.visit_keys(VISITS) == ["A", "B"]
        totals = ledger.visit_totals(VISITS)
        assert [(t.key, t.number, t.quarantined_rows, t.staged_rows) for t in totals] == [
            ("A", "NA", 0, 0),
            ("B", "", 1, 0),
        ]
        stage(ledger, Row("k1", visit="B"))
        due = {d.key: d for d in ledger.due_visits(VISITS, [CHARGES])}
        assert ledger.outbox.registration(due["A"].visit_id).payload == b'{"akc190":"A"}'
        assert ledger.outbox.registration(due["B"].visit_id) is None
        assert not due["B"].registered

    def test_a_rejection_keeps_the_number_that_was_given(self, ledger):
        ledger.stage_visits(visit_block("A"), open_keys={"A"}, run_id=1)
        ledger.stage_visits(visit_block(rejected=["A"], content="w"), open_keys={"A"}, run_id=1)
        assert ledger.visit_totals(VISITS)[0].number == "NA"

    def test_a_visit_is_found_by_its_number(self, ledger):
        ledger.stage_visits(visit_block("A", "B", numbers=["NA", "NB"]), open_keys={"A"}, run_id=1)
        ((found,), (other,)) = ledger.visits_numbered("NA"), ledger.visits_numbered("NB")
        assert found != other
        assert ledger.visits_numbered("NC") == ledger.visits_numbered("na") == []

    def test_a_number_follows_the_his_until_it_is_registered(self, ledger):
        ledger.stage_visits(visit_block("A"), open_keys={"A"}, run_id=1)
        ledger.stage_visits(visit_block("A", content="w", numbers=["N2"]), open_keys={"A"}, run_id=1)
        due = ledger.due_visits(VISITS, [CHARGES])[0]
        assert due.number == "N2"
        batch = claim(ledger, due.visit_id, VISITS)
        ledger.stage_visits(visit_block("A", content="x", numbers=["N3"]), open_keys={"A"}, run_id=1)
        assert ledger.visit_totals(VISITS)[0].number == "N2"
        accept(ledger, batch)
        counts = ledger.stage_visits(visit_block("A", content="y", numbers=["N3"]), open_keys={"A"}, run_id=1)
        assert counts == StageCounts(changed_after_upload=1)
        totals = ledger.visit_totals(VISITS)[0]
        assert (totals.number, totals.registered, totals.changed) == ("N2", True, 1)

    def test_open_visits_are_read_once_more_after_they_closed(self, ledger):
        first = ledger.begin_run("p", "run")
        ledger.stage_visits(visit_block("A", "B"), open_keys={"A"}, run_id=first)
        assert ledger.open_visits(VISITS) == ["A"]
        ledger.end_run(first, exit_code=0, summary={})
        second = ledger.begin_run("p", "run")
        ledger.stage_visits(visit_block("A", "B"), open_keys=set(), run_id=second)
        assert ledger.open_visits(VISITS) == ["A"]
        ledger.end_run(second, exit_code=1, summary={})
        third = ledger.begin_run("p", "run")
        ledger.stage_visits(visit_block("A", "B"), open_keys=set(), run_id=third)
        assert ledger.open_visits(VISITS) == ["A"]
        ledger.end_run(third, exit_code=3, summary={})
        assert ledger.open_visits(VISITS) == []
        ledger.stage_visits(visit_block("A", "B"), open_keys={"B"}, run_id=third)
        assert ledger.open_visits(VISITS) == ["B"]

    def test_unread_visits(self, ledger):
        begin(ledger, "A", "B")
        assert ledger.unread_visits(VISITS, CHARGES) == ["A", "B"]
        ledger.mark_read(VISITS, CHARGES, ["A"])
        ledger.mark_read(VISITS, CHARGES, ["A"])
        assert ledger.unread_visits(VISITS, CHARGES) == ["B"]
        assert ledger.unread_visits(VISITS, "orders") == ["A", "B"]
        assert ledger.unread_visits("other visits", CHARGES) == []

    def test_records_of_a_visit(self, ledger):
        visit = begin(ledger, "A")["A"]
        stage(ledger, "k1", Row("k2", amount=5))
        accept(ledger, claim(ledger, visit, rows=1))
        stage(ledger, Row("k2", source="t", amount=6), Row("k3", bad=(REQUIRED,)))
        assert ledger.outbox.visit_records(VISITS, CHARGES, "A") == {
            "k1": (State.ACCEPTED, 10_000),
            "k2": (State.STAGED, 6),
            "k3": (State.QUARANTINED, 0),
        }
        assert ledger.outbox.visit_records(VISITS, CHARGES, "unknown") == {}


def test_every_row_of_a_block_counts_once(ledger, visit):
    rows = [Row(f"k{n}") for n in range(5)] + [Row("b", bad=(REQUIRED,)), Row("z", aside="zero")]
    stage(ledger, *rows)
    changed = [replace(r, source="t") if n % 2 else r for n, r in enumerate(rows)] + [Row("n")]
    counts = stage(ledger, *changed)
    assert sum(getattr(counts, name) for name in counts.__dataclass_fields__) == len(changed)


def test_what_the_platform_overwrites_goes_again_when_it_changed(ledger, visit):
    stage(ledger, "o1", "o2")
    accept(ledger, claim(ledger, visit, rows=1))
    batch = claim(ledger, visit, rows=1)
    changed = block(Row("o1", source="t", amount=5), Row("o2", source="t", amount=5))
    counts = ledger.stage(changed, visits=VISITS, watermark=None, run_id=1, overwrites=True)
    assert counts == StageCounts(changed=1, changed_after_upload=1)
    assert states(ledger, "o1", "o2") == ["staged", "claimed"]
    assert [r.payload for r in ledger.outbox.staged(visit, CHARGES)] == [Row("o1", source="t").body]
    accept(ledger, batch)
    accept(ledger, claim(ledger, visit))
    assert states(ledger, "o1", "o2") == ["accepted", "accepted"]
