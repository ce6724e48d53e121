import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from connector.errors import LedgerError, Violation
from connector.ledger.claims import Settlement
from connector.ledger.faults import Conflict
from connector.ledger.staging import StageCounts
from connector.records import BatchState, Reading, State, Verdict
from tests.ledger.blocks import (
    CHARGES,
    REQUIRED,
    VISITS,
    Row,
    accept,
    begin,
    claim,
    intent,
    outcome,
    stage,
    states,
)

REFUSED = Violation(
    "sendMedInfo.meds.med", "refused", "", "refused by the platform: 81012 张三 has no price", "81012"
)


@pytest.fixture
def visits(ledger):
    return begin(ledger, "A", "B")


@pytest.fixture
def visit(ledger, visits):
    stage(ledger, Row("k1", amount=100), Row("k2", amount=200), Row("k3", amount=300), Row("b1", visit="B"))
    return visits["A"]


def settle(ledger, batch, state, evidence="totals", **more):
    ledger.settle([Settlement(batch.id, BatchState(state), evidence, "because", **more)])


def test_a_claim_is_what_it_says(ledger, visit):
    records = ledger.outbox.staged(visit, CHARGES)
    batch = ledger.claim([intent(visit, records, base=50)])[0]
    assert (batch.rows, batch.amount, batch.base_total, batch.state, batch.tries) == (
        3,
        600,
        50,
        BatchState.CLAIMED,
        0,
    )
    assert not batch.fenced
    assert ledger.batch(batch.id) == batch
    assert ledger.open_batches(visit) == [batch]
    assert ledger.outbox.records_of(batch.id) == records
    assert ledger.outbox.staged(visit, CHARGES) == []
    assert states(ledger, "k1", "k2", "k3") == ["claimed"] * 3


def test_an_attempt_is_on_record_with_session_and_digest(ledger, visit):
    records = ledger.outbox.staged(visit, CHARGES)
    batch = claim(ledger, visit)
    with ledger._database.reading() as link:
        row = link.one("SELECT session, digest, size, claimed_at FROM batch WHERE id = ?", batch.id)
    body = b"\n".join(r.payload for r in records)
    assert (row[0], bytes(row[1]), row[2]) == ("5e55", sha256(body).digest(), len(body))
    assert row[3]


def test_claims_of_many_visits_are_all_or_none(ledger, visits, visit):
    first = ledger.outbox.staged(visit, CHARGES)
    second = ledger.outbox.staged(visits["B"], CHARGES)
    claim(ledger, visits["B"])
    with pytest.raises(LedgerError, match="does not wait to be sent"):
        ledger.claim([intent(visit, first), intent(visits["B"], second)])
    assert states(ledger, "k1", "k2", "k3", "b1") == ["staged"] * 3 + ["claimed"]
    assert ledger.open_batches(visit) == []
    assert ledger.claim([]) == []


@pytest.mark.parametrize("state", ["claimed", "in_doubt", "accepted"])
def test_a_record_in_a_batch_cannot_enter_another(ledger, visit, state):
    records = ledger.outbox.staged(visit, CHARGES)
    batch = claim(ledger, visit)
    if state == "in_doubt":
        ledger.answer(batch.id, outcome("in_doubt"))
    elif state == "accepted":
        accept(ledger, batch)
    with pytest.raises(LedgerError, match="Nothing was claimed and nothing is sent"):
        ledger.claim([intent(visit, records[:1])])
    assert states(ledger, "k1") == [state]


@pytest.mark.parametrize("state", ["claimed", "in_doubt", "accepted"])
def test_even_a_careless_writer_is_refused_by_the_index(ledger, visit, state):
    record = ledger.outbox.staged(visit, CHARGES)[0]
    batch = claim(ledger, visit)
    if state == "in_doubt":
        ledger.answer(batch.id, outcome("in_doubt"))
    elif state == "accepted":
        accept(ledger, batch)
    with pytest.raises(Conflict), ledger._database.writing() as link:
        link.run("INSERT INTO claim (record_id, batch_id) VALUES (?, ?)", record.id, 99)
    with ledger._database.writing() as link:  # a lost state is no way around the index either
        link.run("UPDATE record SET state = :staged WHERE id = ?", record.id)
    with pytest.raises(LedgerError, match="in another batch already"):
        ledger.claim([intent(visit, [record])])


def test_a_visit_has_one_open_batch(ledger, visit):
    claim(ledger, visit, rows=1)
    with pytest.raises(LedgerError, match="has a batch that is not settled"):
        claim(ledger, visit, rows=1)
    assert states(ledger, "k2") == ["staged"]


def test_of_two_connections_that_race_one_claims(opened, ledger, visit):
    records = ledger.outbox.staged(visit, CHARGES)
    together = threading.Barrier(2)

    def race():
        rival = opened(patience_s=10)
        try:
            together.wait(10)
            return rival.claim([intent(visit, records)])
        except LedgerError as error:
            return str(error)
        finally:
            rival.close()

    with ThreadPoolExecutor(2) as pool:
        results = [f.result() for f in [pool.submit(race) for _ in range(2)]]
    won = [r for r in results if isinstance(r, list)]
    lost = [r for r in results if isinstance(r, str)]
    assert len(won) == len(lost) == 1
    assert "nothing is sent" in lost[0]
    assert [b.id for b in ledger.open_batches(visit)] == [won[0][0].id]


def test_an_intent_must_be_true(ledger, visits, visit):
    records = ledger.outbox.staged(visit, CHARGES)
    with pytest.raises(ValueError, match="of another visit"):
        ledger.claim([intent(visits["B"], records)])
    with pytest.raises(ValueError, match="names no record"):
        ledger.claim([intent(visit, [])])
    registration = ledger.outbox.registration(visit)
    with pytest.raises(ValueError, match="mixes mappings"):
        ledger.claim([intent(visit, [*records, registration])])
    with pytest.raises((ValueError, LedgerError)):
        ledger.claim([intent(visit, [records[0], records[0]])])
    assert ledger.open_batches(visit) == []


@pytest.mark.parametrize("verdict", list(Verdict))
def test_an_answer_is_kept_before_anybody_acts(ledger, visit, verdict, opened, place):
    batch = claim(ledger, visit)
    said = outcome(verdict, "81012", "张三", 2, b'{"code":81012}')
    ledger.answer(batch.id, said)
    ledger.close()
    again = opened()
    assert again.answer_of(batch.id) == said
    definite = verdict in (Verdict.REJECTED, Verdict.RETRYABLE)
    assert again.batch(batch.id).state is (BatchState.CLAIMED if definite else BatchState.IN_DOUBT)
    assert (
        again.quarantine.show(again.outbox.records_of(batch.id)[0].id).journeys[0].answer.raw
        == b'{"code":81012}'
    )


def test_no_answer_is_none(ledger, visit):
    assert ledger.answer_of(claim(ledger, visit).id) is None


def test_batches_of_a_dead_process_are_in_doubt(ledger, visit, opened):
    batch = claim(ledger, visit)
    ledger.close()
    again = opened()
    assert again.doubt_orphans() == 1
    assert again.doubt_orphans() == 0
    assert again.batch(batch.id).state is BatchState.IN_DOUBT
    assert states(again, "k1") == ["in_doubt"]
    assert [r.payload for r in again.outbox.records_of(batch.id)] == [Row(k).body for k in ("k1", "k2", "k3")]


def test_a_fence_is_remembered(ledger, visit):
    batch = claim(ledger, visit)
    ledger.note_fenced(batch.id)
    assert ledger.batch(batch.id).fenced
    assert ledger.open_batches(visit)[0].fenced


def test_acceptance_counts_and_forgets_the_payloads(ledger, visits, visit):
    accept(ledger, claim(ledger, visits["B"]))
    batch = claim(ledger, visit)
    ledger.settle(
        [
            Settlement(
                batch.id, BatchState.ACCEPTED, "ack", "", outcome=outcome("accepted", "0", "saved", 3, b"{}")
            )
        ]
    )
    assert states(ledger, "k1", "k2", "k3") == ["accepted"] * 3
    assert ledger.platform_base(visit) == 600
    assert [(r.key, r.payload) for r in ledger.outbox.records_of(batch.id)] == [
        ("k1", b""),
        ("k2", b""),
        ("k3", b""),
    ]
    assert ledger.open_batches(visit) == []
    assert ledger.answer_of(batch.id).message == "saved"
    with ledger._database.reading() as link:
        assert link.rows(
            "SELECT COUNT(*) FROM payload p JOIN segment s ON s.pack_id = p.first_id WHERE s.visit_id = ? "
            "AND s.mapping_id = (SELECT id FROM mapping WHERE name = ?)",
            visit,
            CHARGES,
        ) == [(0,)]


def test_after_a_large_run_the_claims_are_packed_and_still_claims(opened, place, monkeypatch):
    ledger = opened(create=True)
    monkeypatch.setattr("connector.ledger.upkeep._MANY", 3)
    visit = begin(ledger, "A")["A"]
    stage(ledger, *(Row(f"k{n}") for n in range(9)))
    records = ledger.outbox.staged(visit, CHARGES)
    accept(ledger, ledger.claim([intent(visit, records[5:])])[0])
    accept(ledger, ledger.claim([intent(visit, records[:5])])[0])
    ledger.end_run(1, exit_code=0, summary={})
    assert states(ledger, *(f"k{n}" for n in range(9))) == ["accepted"] * 9
    with pytest.raises(Conflict), ledger._database.writing() as link:
        link.run("INSERT INTO claim (record_id, batch_id) VALUES (?, ?)", records[0].id, 99)


def test_a_part_is_accepted_the_rest_waits_in_smaller_batches(ledger, visit):
    records = ledger.outbox.staged(visit, CHARGES)
    batch = claim(ledger, visit)
    settle(ledger, batch, "accepted", "counts", accepted=(records[1].id,), limit=1)
    assert states(ledger, "k1", "k2", "k3") == ["staged", "accepted", "staged"]
    assert ledger.platform_base(visit) == 200
    assert [(r.key, r.limit, r.payload) for r in ledger.outbox.staged(visit, CHARGES)] == [
        ("k1", 1, Row("k1").body),
        ("k3", 1, Row("k3").body),
    ]
    accept(ledger, claim(ledger, visit))
    assert ledger.platform_base(visit) == 600


def test_a_yes_that_saved_nothing_accepts_nothing(ledger, visit):
    batch = claim(ledger, visit)
    settle(ledger, batch, "accepted", "counts", limit=1)
    assert states(ledger, "k1", "k2", "k3") == ["staged"] * 3
    assert ledger.batch(batch.id).state is BatchState.REFUSED
    assert ledger.platform_base(visit) == 0


@pytest.mark.parametrize("state", ["released", "refused"])
def test_rows_that_come_back_may_be_claimed_anew(ledger, visit, state):
    records = ledger.outbox.staged(visit, CHARGES)
    batch = claim(ledger, visit)
    settle(ledger, batch, state, "answer", limit=2)
    back = ledger.outbox.staged(visit, CHARGES)
    assert [(r.id, r.payload, r.limit) for r in back] == [(r.id, r.payload, 2) for r in records]
    assert ledger.batch(batch.id).state.value == state
    assert [r.key for r in ledger.outbox.records_of(batch.id)] == ["k1", "k2", "k3"]
    second = claim(ledger, visit)
    assert second.id != batch.id
    settle(ledger, second, "released", "answer")
    assert {r.limit for r in ledger.outbox.staged(visit, CHARGES)} == {2}


def test_only_proven_releases_are_tries(ledger, visit):
    for evidence in ("not_sent", "answer", "totals", "totals"):
        settle(ledger, claim(ledger, visit), "released", evidence)
    assert claim(ledger, visit).tries == 2


def test_the_row_at_fault_goes_to_quarantine_with_the_platforms_words(ledger, visit):
    batch = claim(ledger, visit, rows=1)
    culprit = ledger.outbox.records_of(batch.id)[0]
    settle(ledger, batch, "refused", "answer", quarantined={culprit.id: (REFUSED,)})
    assert states(ledger, "k1", "k2") == ["quarantined", "staged"]
    row = ledger.quarantine.rows()[0]
    assert (row.key, row.is_refused, row.violations) == ("k1", True, (REFUSED,))
    assert ledger.quarantine.keys(CHARGES) == []
    assert stage(ledger, Row("k1", amount=100)) == StageCounts(unchanged=1)
    assert states(ledger, "k1") == ["quarantined"]
    view = ledger.quarantine.show(culprit.id)
    assert (view.payload, view.state) == (Row("k1").body, State.QUARANTINED)
    assert [(j.state, j.reason, j.evidence) for j in view.journeys] == [
        (BatchState.REFUSED, "because", "answer")
    ]


@pytest.mark.parametrize("change", [{"source": "t"}, {"payload": "q"}])
def test_a_refused_row_that_is_mended_waits_again(ledger, visit, change):
    batch = claim(ledger, visit, rows=1)
    settle(
        ledger, batch, "refused", "answer", quarantined={ledger.outbox.records_of(batch.id)[0].id: (REFUSED,)}
    )
    assert stage(ledger, Row("k1", **change)) == StageCounts(requeued=1)
    assert states(ledger, "k1") == ["staged"]
    assert ledger.quarantine.rows() == []


def test_a_released_row_that_changed_meanwhile_is_read_again_first(ledger, visit):
    batch = claim(ledger, visit)
    stage(ledger, Row("k1", source="t", payload="q"))
    ledger.sweep(CHARGES, VISITS, ["A"], {"k1", "k3"}, 1)
    settle(ledger, batch, "released")
    assert states(ledger, "k1", "k2", "k3") == ["quarantined", "void", "staged"]
    assert ledger.quarantine.keys(CHARGES) == ["k1"]
    assert ledger.quarantine.groups()[0].violation.rule == "reread"
    assert stage(ledger, Row("k1", source="t", payload="q")) == StageCounts(requeued=1)
    assert [r.payload for r in ledger.outbox.staged(visit, CHARGES)] == [
        Row("k3").body,
        Row("k1", source="t", payload="q").body,
    ]
    assert ledger.marked() == []


def test_an_accepted_row_that_changed_meanwhile_stays_marked(ledger, visit):
    batch = claim(ledger, visit)
    stage(ledger, Row("k1", source="t"))
    accept(ledger, batch)
    assert [m.key for m in ledger.marked()] == ["k1"]
    assert states(ledger, "k1") == ["accepted"]


def test_a_batch_is_settled_once(ledger, visit):
    batch = claim(ledger, visit)
    accept(ledger, batch)
    for state in ("accepted", "released"):
        with pytest.raises(LedgerError, match="settled before"):
            settle(ledger, batch, state)
    with pytest.raises(LedgerError, match="settled before"):
        ledger.answer(batch.id, outcome("in_doubt"))
    with pytest.raises(LedgerError, match="settled before"):
        accept(ledger, ledger.batch(batch.id))
    assert ledger.platform_base(visit) == 600


def test_settlements_are_all_or_none(ledger, visits, visit):
    first, second = claim(ledger, visit), claim(ledger, visits["B"])
    accept(ledger, second)
    with pytest.raises(LedgerError):
        ledger.settle([Settlement(b.id, BatchState.ACCEPTED, "ack", "") for b in (first, second)])
    with pytest.raises(LedgerError):
        ledger.settle([Settlement(first.id, BatchState.ACCEPTED, "ack", "")] * 2)
    assert ledger.batch(first.id).state is BatchState.CLAIMED


def test_a_settlement_must_be_true(ledger, visits, visit):
    batch = claim(ledger, visit)
    foreign = ledger.outbox.staged(visits["B"], CHARGES)[0].id
    with pytest.raises(ValueError, match="not in its batch"):
        settle(ledger, batch, "accepted", accepted=(foreign,))
    with pytest.raises(ValueError, match="no accepted records"):
        settle(ledger, batch, "released", accepted=(ledger.outbox.records_of(batch.id)[0].id,))
    with pytest.raises(ValueError, match="accepts, releases or refuses"):
        settle(ledger, batch, "in_doubt")
    assert ledger.open_batches(visit) == [batch]


def test_registration(ledger, visits):
    record = ledger.outbox.registration(visits["A"])
    assert record.payload == b'{"akc190":"A"}'
    batch = ledger.claim([intent(visits["A"], [record], base=None, node="register")])[0]
    assert batch.base_total is None
    assert ledger.outbox.registration(visits["A"]) is None
    assert not ledger.due_visits(VISITS, [CHARGES])[0].registered
    accept(ledger, batch)
    stage(ledger, "k1")
    assert ledger.due_visits(VISITS, [CHARGES])[0].registered
    assert states(ledger, "A", mapping=VISITS) == ["accepted"]
    assert ledger.visit_totals(VISITS)[0].accepted_rows == 0


def test_due_visits(ledger, visits):
    for visit in visits.values():
        accept(ledger, claim(ledger, visit, VISITS))
    assert ledger.due_visits(VISITS, [CHARGES]) == []
    stage(ledger, Row("k1"), Row("k2", visit="B", bad=(REQUIRED,)))
    stage(ledger, Row("o1", visit="B"), mapping="orders")
    assert [d.key for d in ledger.due_visits(VISITS, [CHARGES])] == ["A"]
    assert [d.key for d in ledger.due_visits(VISITS, [CHARGES, "orders"])] == ["A", "B"]
    batch = claim(ledger, visits["A"])
    assert [d.key for d in ledger.due_visits(VISITS, [CHARGES])] == ["A"]
    accept(ledger, batch)
    assert ledger.due_visits(VISITS, [CHARGES]) == []
    assert ledger.due_visits("other visits", [CHARGES]) == []


def test_a_held_visit_says_why(ledger, visit):
    ledger.hold_visit(visit, "the platform holds 3.00, 张三")
    due = ledger.due_visits(VISITS, [CHARGES])[0]
    assert due.reason == "the platform holds 3.00, 张三"
    assert ledger.visit_totals(VISITS)[0].reason == due.reason
    assert "张三" not in repr(due)
    ledger.unhold_visit(visit)
    assert ledger.due_visits(VISITS, [CHARGES])[0].reason == ""


def test_readings_travel_with_the_next_commit(ledger, visit, opened):
    ledger.keep_reading(
        visit, Reading(100, (("11", 60), ("12", 40)), "discharge", "2025-03-01T08:00:00+00:00")
    )
    latest = Reading(600, (), "getPerDetail", "2025-03-01T09:00:00+00:00")
    ledger.keep_reading(visit, latest)
    rival = opened()
    assert rival.visit_totals(VISITS)[0].last_reading is None
    claim(ledger, visit)
    assert rival.visit_totals(VISITS)[0].last_reading == latest
    ledger.keep_reading(visit, Reading(1, (("11", 1),), "discharge", "x"))
    ledger.close()
    assert rival.visit_totals(VISITS)[0].last_reading.categories == (("11", 1),)


def test_totals_of_a_visit(ledger, visit, clock):
    stage(ledger, Row("bad", bad=(REQUIRED,)), Row("zero", aside="zero"))
    accept(ledger, claim(ledger, visit, rows=1))
    batch = claim(ledger, visit, rows=1)
    clock.forward(minutes=5)
    totals = ledger.visit_totals(VISITS)[0]
    assert (totals.accepted_rows, totals.accepted) == (1, 100)
    assert (totals.doubt_rows, totals.doubt) == (1, 200)
    assert (totals.staged_rows, totals.staged) == (1, 300)
    assert (totals.quarantined_rows, totals.set_aside_rows) == (1, 1)
    assert totals.is_open
    shown = ledger.all_open_batches()[0]
    assert (shown.id, shown.key, shown.number, shown.age_s, shown.rows) == (batch.id, "A", "NA", 300.0, 1)


def test_quarantine_is_grouped_filtered_and_released(ledger, visits, visit):
    stage(ledger, *(Row(f"q{n}", visit="AB"[n % 2], bad=(REQUIRED,)) for n in range(5)))
    batch = claim(ledger, visit, rows=1)
    settle(
        ledger, batch, "refused", "answer", quarantined={ledger.outbox.records_of(batch.id)[0].id: (REFUSED,)}
    )
    groups = ledger.quarantine.groups()
    assert [(g.count, g.violation) for g in groups] == [(5, REQUIRED), (1, REFUSED)]
    assert len(ledger.quarantine.rows(visit="B")) == len(ledger.quarantine.rows(visit="NB")) == 2
    assert [r.key for r in ledger.quarantine.rows(rule="refused")] == ["k1"]
    assert len(ledger.quarantine.rows(mapping=CHARGES, limit=3)) == 3
    assert ledger.quarantine.rows(mapping="orders") == []
    assert ledger.quarantine.release(rule="refused") == 1
    assert states(ledger, "k1", "q1") == ["staged", "quarantined"]
    assert ledger.outbox.staged(visit, CHARGES)[0].payload == Row("k1").body
    assert ledger.quarantine.release() == 5
    assert len(ledger.quarantine.keys(CHARGES)) == 5


def test_a_run_under_way_says_what_it_did_so_far(ledger, clock):
    run_id = ledger.begin_run("inpatient", "backfill shard")
    for rows in (1, 2):
        ledger.note_run(run_id, {"rows": rows})
        (run,) = ledger.runs(kind="backfill shard")
        assert (run.summary, run.exit_code, run.ended_at, run.seconds) == ({"rows": rows}, None, "", 0)
    clock.forward(seconds=90)
    ledger.end_run(run_id, exit_code=0, summary={"rows": 3})
    (run,) = ledger.runs(kind="backfill shard")
    assert (run.summary, run.exit_code, run.seconds) == ({"rows": 3}, 0, 90)


def test_history_of_runs(ledger, clock):
    run_id = ledger.begin_run("p", "run")
    clock.forward(seconds=3)
    ledger.end_run(run_id, exit_code=3, summary={"sent": 4})
    other = ledger.begin_run("p", "run")
    runs = ledger.runs()
    assert [(r.id, r.exit_code, r.summary) for r in runs] == [(other, None, {}), (run_id, 3, {"sent": 4})]
    assert runs[1].ended_at == "2025-03-01T08:00:03.000+00:00"


def test_missing_batches_and_records_say_so(ledger):
    with pytest.raises(LedgerError, match="no batch 7"):
        ledger.batch(7)
    with pytest.raises(LedgerError, match="no record 7"):
        ledger.quarantine.show(7)
    assert ledger.outbox.records_of(7) == []
    assert ledger.outbox.registration(7) is None
