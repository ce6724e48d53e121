"""Any history of blocks, restarts, claims, answers and settlements, against a model that is a dictionary.

What must hold after every step: no record is in two live batches, the accepted sum of a visit is the sum of its
accepted records, every key ever staged stands in exactly one state, and a row that went to the platform never
waits to be sent again.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connector.ledger.claims import Settlement
from connector.ledger.store import open_ledger
from connector.ledger.tables import metadata
from connector.records import BatchState, State
from tests.ledger.blocks import (
    CHARGES,
    KEY,
    REQUIRED,
    VISITS,
    Clock,
    Row,
    begin,
    block,
    intent,
    outcome,
    visit_block,
)

VISIT_KEYS = ["A", "B"]
LIVE = (State.CLAIMED, State.ACCEPTED, State.IN_DOUBT)

AMOUNTS = {"s": 300, "t": -70}
"""An amount belongs to the source: equal fingerprints have equal amounts."""

rows = st.builds(
    lambda source, **more: Row(source=source, amount=AMOUNTS[source], **more),
    key=st.sampled_from([f"k{n}" for n in range(8)]),
    visit=st.sampled_from(VISIT_KEYS),
    source=st.sampled_from(["s", "t"]),
    payload=st.sampled_from(["p", "q"]),
    bad=st.sampled_from([(), (), (REQUIRED,)]),
    aside=st.sampled_from(["", "", "zero"]),
)
blocks = st.lists(rows, max_size=8, unique_by=lambda row: row.key)


class AnyHistory(RuleBasedStateMachine):
    """On SQLite; with `postgresql` set to a URL, on that database."""

    postgresql = ""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.url = self.postgresql or f"sqlite:///{Path(self.folder.name) / 'ledger.db'}"
        self.clock = Clock()
        self.ledger = open_ledger(self.url, KEY, now=self.clock, create=True)
        if self.postgresql:
            tables = ", ".join(f'"{name}"' for name in metadata.tables if name != "ledger")
            with self.ledger._database.writing() as link:
                link.run(f"TRUNCATE {tables}")
        self.his = {}  # key -> the row the HIS showed last
        self.sent = {}  # key -> the row that is in a live batch
        self.batches = {}  # open batch -> its rows
        self.accepted = dict.fromkeys(VISIT_KEYS, 0)

    @initialize()
    def visits(self):
        self.ids = begin(self.ledger, *VISIT_KEYS)

    def teardown(self):
        self.ledger.close()
        self.folder.cleanup()

    @rule(chosen=blocks, again=st.integers(1, 2))
    def stage(self, chosen, again):
        for n in range(again):
            counts = self.ledger.stage(block(*chosen), visits=VISITS, watermark=None, run_id=1)
            assert sum(getattr(counts, name) for name in counts.__dataclass_fields__) == len(chosen)
            if n:
                assert (
                    counts.new
                    == counts.changed
                    == counts.requeued
                    == counts.quarantined
                    == counts.set_aside
                    == 0
                )
        self.his.update((row.key, row) for row in chosen)

    @rule()
    def stage_visits(self):
        self.ledger.stage_visits(visit_block(*VISIT_KEYS), open_keys=VISIT_KEYS, run_id=1)

    @rule(visit=st.sampled_from(VISIT_KEYS), chosen=st.sets(st.sampled_from([f"k{n}" for n in range(8)])))
    def sweep(self, visit, chosen):
        self.ledger.sweep(CHARGES, VISITS, [visit], chosen, 1)
        for key, row in list(self.his.items()):
            if row and row.visit == visit and key not in chosen:
                self.his[key] = None

    @rule()
    def restart(self):
        self.ledger.close()
        self.ledger = open_ledger(self.url, KEY, now=self.clock)
        self.ledger.doubt_orphans()

    @rule(visit=st.sampled_from(VISIT_KEYS), size=st.integers(1, 4))
    def claim(self, visit, size):
        records = self.ledger.outbox.staged(self.ids[visit], CHARGES)[:size]
        if not records or self.ledger.open_batches(self.ids[visit]):
            return
        batch = self.ledger.claim([intent(self.ids[visit], records)])[0]
        for record in records:
            row = self.his[record.key]
            assert row is not None
            assert (record_source(record), record.amount) == (row.source, row.amount)
            assert record.key not in self.sent
            self.sent[record.key] = row
        self.batches[batch.id] = (visit, records)

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), verdict=st.sampled_from(["in_doubt", "rejected", "session_lost"]))
    def answer(self, data, verdict):
        self.ledger.answer(data.draw(st.sampled_from(sorted(self.batches))), outcome(verdict, "1"))

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), state=st.sampled_from(["accepted", "released", "refused"]), limit=st.integers(0, 2))
    def settle(self, data, state, limit):
        batch_id = data.draw(st.sampled_from(sorted(self.batches)))
        visit, records = self.batches.pop(batch_id)
        ids = [record.id for record in records]
        kept, quarantined = ids if state == "accepted" else [], {}
        if state == "accepted" and limit:
            kept = data.draw(st.lists(st.sampled_from(ids), unique=True, max_size=len(ids)))
        elif state == "refused" and len(ids) == 1:
            quarantined = {ids[0]: (REQUIRED,)}
        self.ledger.settle(
            [
                Settlement(
                    batch_id,
                    BatchState(state),
                    "totals",
                    "",
                    accepted=tuple(kept) if limit else (),
                    limit=limit,
                    quarantined=quarantined,
                )
            ]
        )
        for record in records:
            if record.id in kept:
                self.accepted[visit] += record.amount
            else:
                del self.sent[record.key]

    @rule()
    def release(self):
        self.ledger.quarantine.release()

    @invariant()
    def every_key_stands_in_one_state(self):
        if not hasattr(self, "ids"):
            return
        states = self.ledger.outbox.states_of(CHARGES, list(self.his))
        assert set(states) == set(self.his)
        for key in self.his:
            assert (states[key] in LIVE) == (key in self.sent)
        with self.ledger._database.reading() as link:
            assert (
                link.rows(
                    "SELECT key FROM record WHERE state <> :superseded GROUP BY mapping_id, key HAVING COUNT(*) > 1"
                )
                == []
            )

    @invariant()
    def what_waits_is_what_the_his_shows(self):
        """A stale payload never waits, nor does a row that is on its way or on the platform."""
        if not hasattr(self, "ids"):
            return
        for visit in VISIT_KEYS:
            for record in self.ledger.outbox.staged(self.ids[visit], CHARGES):
                row = self.his[record.key]
                assert record.key not in self.sent
                assert row is not None
                assert (row.visit, row.source) == (visit, record_source(record))
                assert record.payload

    @invariant()
    def no_record_is_in_two_live_batches(self):
        with self.ledger._database.reading() as link:
            batched = link.rows("SELECT COUNT(*) FROM record WHERE state = :batched")[0][0]
            claimed = link.rows(
                "SELECT COUNT(*) FROM claim c JOIN batch b ON b.id = c.batch_id JOIN record r ON r.id = c.record_id "
                "WHERE b.state IN (:batch_claimed, :batch_in_doubt, :batch_accepted) AND r.state = :batched"
            )[0][0]
            assert batched == claimed == link.rows("SELECT COUNT(*) FROM claim")[0][0]

    @invariant()
    def sums_agree(self):
        if not hasattr(self, "ids"):
            return
        for totals in self.ledger.visit_totals(VISITS):
            assert (
                totals.accepted
                == self.accepted[totals.key]
                == self.ledger.platform_base(self.ids[totals.key])
            )
            records = self.ledger.outbox.visit_records(VISITS, CHARGES, totals.key)
            assert totals.accepted == sum(a for state, a in records.values() if state is State.ACCEPTED)
            assert totals.accepted_rows == sum(state is State.ACCEPTED for state, _ in records.values())
            assert totals.staged_rows == sum(state is State.STAGED for state, _ in records.values())
            assert totals.quarantined_rows == sum(state is State.QUARANTINED for state, _ in records.values())

    @invariant()
    def a_check_finds_nothing(self):
        assert [one for one in self.ledger.inspect() if one.broken] == []

    @invariant()
    def payloads_are_kept_as_long_as_they_are_needed(self):
        with self.ledger._database.reading() as link:
            rows = link.rows(
                "SELECT s.pack_id, s.live, (SELECT COUNT(*) FROM record r LEFT JOIN claim c ON c.record_id = r.id "
                "LEFT JOIN batch b ON b.id = c.batch_id WHERE r.id >= s.first_id "
                'AND r.id < s.first_id + s."rows" AND (r.state IN (:staged, :refused) OR b.state IN (:open))) '
                "FROM segment s"
            )
            kept = {pack_id for (pack_id,) in link.rows("SELECT first_id FROM payload")}
        assert all(live == needed for _, live, needed in rows)
        assert kept == {pack_id for pack_id, live, _ in rows if live}


def record_source(record):
    return record.payload.decode().split('"source":"')[1][0]


COMMON = {"deadline": None, "report_multiple_bugs": False, "suppress_health_check": list(HealthCheck)}

TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=30, **COMMON)


@pytest.mark.postgresql
def test_any_history_on_postgresql(postgresql_url):
    class OnPostgresql(AnyHistory):
        postgresql = postgresql_url

    run_state_machine_as_test(
        OnPostgresql, settings=settings(max_examples=12, stateful_step_count=25, **COMMON)
    )
