"""The ledger's tables, the same on SQLite and on PostgreSQL, and the numbers that stand for states in them.

Four of them carry the weight:

* `record` is one version of one row of the HIS. Its current version is the one that is not superseded, and a
  unique index allows one of them per key. The index asks `is_current` and not `state`: claiming changes the
  states of fifty records whose keys lie far apart, and would write as many pages of an index that depends on it.
* `segment` says that so many records, from `first_id` on, belong to one visit and one mapping: it is the way
  from a visit to its records, at a tenth of the price of an index over `record`. `live` counts those of them
  whose payload may still be needed.
* `payload` holds the payloads of some records from `first_id` on (a pack, `segment.pack_id`) as one sealed text,
  deleted when no segment of it is live. A mapping that `keeps_payloads` keeps it while a visit of it is open: what
  was sent may have to be taken back.
* `claim` says which batch holds a record. Its primary key is the promise of the whole ledger: a record that is
  claimed, accepted or in doubt cannot enter another batch.

What became of a batched record stands on the batch: accepting fifty rows writes one.

A batch without records is a reset (protocol C.7): it deletes all fees of its visit. While it is open, a batch that
was in doubt before it is shelved; when it is done, what was accepted is undone, and its records are read again.

A `compensation` is a record that is no row of the HIS: it takes back `origin_id`, an accepted version that the HIS
has changed; `heir_id` is the current version of that key, which waits for it. A `decision` is what a person said,
with the numbers they saw, sealed; `done_at` is empty while it waits to be carried out. The `journal` keeps every call in plain text, sealed; an `invoice` is a number that was sent,
as a keyed digest, and outlives the journal's entries, for it may never be sent again (trap T111). `visit.baseline`
(scaled by 4) is what the platform held of a visit before the connector came, once a person has accepted it.

`ledger.restorations` counts how often the ledger was found to be older than what was sent; a visit whose `trusted` is
less is held until a person, or a proof, says that nothing of it is missing. `ledger.quiet_at`: since then no request
of another ledger can be under way any more.
"""

from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from connector.records import BatchState, State

SCHEMA = "0002"
"""The revision of the tables (alembic) that this code reads and writes."""


class Standing(IntEnum):
    """A record's state as it is stored; BATCHED means that its batch knows."""

    STAGED = 0
    BATCHED = 1
    REJECTED = 2  #: breaks one of our own rules; it has no payload
    REFUSED = 3  #: the platform said no; its payload is kept
    SET_ASIDE = 4
    GONE = 5  #: gone from the HIS before it was sent
    SUPERSEDED = 6  #: a newer version took its place before it was sent


class Phase(IntEnum):
    """A batch's state as it is stored."""

    CLAIMED = 0
    ACCEPTED = 1
    IN_DOUBT = 2
    RELEASED = 3
    REFUSED = 4
    UNDONE = 5  #: a reset deleted on the platform what was accepted
    SHELVED = 6  #: in doubt, while a reset is under way that will settle it


STATES = {
    Standing.STAGED: State.STAGED,
    Standing.REJECTED: State.QUARANTINED,
    Standing.REFUSED: State.QUARANTINED,
    Standing.SET_ASIDE: State.SET_ASIDE,
    Standing.GONE: State.VOID,
    Standing.SUPERSEDED: State.VOID,
}
"""What a stored state means; BATCHED is answered by `BATCHED_STATES`."""

BATCHED_STATES = {
    Phase.CLAIMED: State.CLAIMED,
    Phase.ACCEPTED: State.ACCEPTED,
    Phase.IN_DOUBT: State.IN_DOUBT,
    Phase.SHELVED: State.IN_DOUBT,
}
"""What a batched record is while its batch is in this phase; other phases hold no records."""

PHASES = {
    Phase.CLAIMED: BatchState.CLAIMED,
    Phase.ACCEPTED: BatchState.ACCEPTED,
    Phase.IN_DOUBT: BatchState.IN_DOUBT,
    Phase.RELEASED: BatchState.RELEASED,
    Phase.REFUSED: BatchState.REFUSED,
    Phase.UNDONE: BatchState.UNDONE,
    Phase.SHELVED: BatchState.IN_DOUBT,
}

_Big = BigInteger().with_variant(Integer, "sqlite")
_CURRENT = text("is_current = 1")
_ASIDE = text("state IN (2, 3)")
_OPEN = text("state IN (0, 2)")
_UNANSWERED = text("answered_at IS NULL")

metadata = MetaData()

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("identity", Text, nullable=False),
    Column("key_check", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("next_record", BigInteger, nullable=False),
    Column("next_batch", BigInteger, nullable=False),
    Column("restorations", Integer, nullable=False, server_default="0"),
    Column("quiet_at", BigInteger),
)

mapping = Table(
    "mapping",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("keeps_payloads", SmallInteger, nullable=False, server_default="0"),
)

run = Table(
    "run",
    metadata,
    Column("id", _Big, Identity(), primary_key=True),
    Column("pipeline", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("exit_code", Integer),
    Column("summary", LargeBinary),
)

visit = Table(
    "visit",
    metadata,
    Column("id", _Big, Identity(), primary_key=True),
    Column("mapping_id", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("is_open", SmallInteger, nullable=False),
    Column("closed_run", BigInteger),
    Column("is_registered", SmallInteger, nullable=False),
    Column("held_at", BigInteger),
    Column("hold", LargeBinary),
    Column("baseline", BigInteger),
    Column("trusted", Integer, nullable=False, server_default="0"),
    UniqueConstraint("mapping_id", "key"),
)

visit_read = Table(
    "visit_read",
    metadata,
    Column("visit_id", BigInteger, primary_key=True, autoincrement=False),
    Column("mapping_id", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

watermark = Table(
    "watermark",
    metadata,
    Column("mapping_id", Integer, primary_key=True, autoincrement=False),
    Column("cursor_value", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
)

record = Table(
    "record",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=False),
    Column("mapping_id", Integer, nullable=False),
    Column("visit_id", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("category", Text, nullable=False),
    Column("refund_of", Text, nullable=False),
    Column("is_current", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Index(
        "ux_record_current",
        "mapping_id",
        "key",
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    ),
    Index("ix_record_aside", "mapping_id", "state", sqlite_where=_ASIDE, postgresql_where=_ASIDE),
)

segment = Table(
    "segment",
    metadata,
    Column("first_id", _Big, primary_key=True, autoincrement=False),
    Column("visit_id", BigInteger, nullable=False),
    Column("mapping_id", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("live", Integer, nullable=False),
    Column("pack_id", BigInteger, nullable=False),
    Index("ix_segment_visit", "visit_id", "mapping_id"),
)

payload = Table(
    "payload",
    metadata,
    Column("first_id", _Big, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)

retry = Table(
    "retry",
    metadata,
    Column("record_id", _Big, primary_key=True, autoincrement=False),
    Column("most_rows", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
)

mark = Table(
    "mark",
    metadata,
    Column("record_id", _Big, primary_key=True, autoincrement=False),
    Column("fingerprint", LargeBinary),
    Column("changed_at", BigInteger),
    Column("vanished_at", BigInteger),
)

violation = Table(
    "violation",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("path", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("zh", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", LargeBinary, nullable=False),
)

violated = Table(
    "violated",
    metadata,
    Column("record_id", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("violation_id", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

batch = Table(
    "batch",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=False),
    Column("visit_id", BigInteger, nullable=False),
    Column("mapping_id", Integer, nullable=False),
    Column("operation", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("base_total", BigInteger),
    Column("session", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("members", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("claimed_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("verdict", Text),
    Column("code", Text),
    Column("counts", BigInteger),
    Column("answer", LargeBinary),
    Column("fenced_at", BigInteger),
    Column("settled_at", BigInteger),
    Column("evidence", Text),
    Column("reason", LargeBinary),
    Column("accepted_rows", Integer, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Index("ix_batch_visit", "visit_id"),
    Index("ux_batch_open", "visit_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
)

claim = Table(
    "claim",
    metadata,
    Column("record_id", _Big, primary_key=True, autoincrement=False),
    Column("batch_id", BigInteger, nullable=False),
)

reading = Table(
    "reading",
    metadata,
    Column("id", _Big, Identity(), primary_key=True),
    Column("visit_id", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("categories", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("ix_reading_visit", "visit_id"),
)

compensation = Table(
    "compensation",
    metadata,
    Column("record_id", _Big, primary_key=True, autoincrement=False),
    Column("origin_id", BigInteger, nullable=False, unique=True),
    Column("heir_id", BigInteger, nullable=False, unique=True),
    Column("is_approved", SmallInteger, nullable=False),
)

decision = Table(
    "decision",
    metadata,
    Column("id", _Big, Identity(), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("visit_id", BigInteger),
    Column("batch_id", BigInteger),
    Column("choice", Text, nullable=False),
    Column("done_at", BigInteger),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_decision_visit", "visit_id"),
)

step = Table(
    "step",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=False),
    Column("visit_id", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_step_visit", "visit_id"),
)

question = Table(
    "question",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=False),
    Column("visit_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("decision_id", BigInteger),
    Column("sealed", LargeBinary, nullable=False),
    Index(
        "ux_question_open",
        "visit_id",
        "kind",
        unique=True,
        sqlite_where=_UNANSWERED,
        postgresql_where=_UNANSWERED,
    ),
)

journal = Table(
    "journal",
    metadata,
    Column("id", _Big, Identity(), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("operation", Text, nullable=False),
    Column("visit", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("batch_id", BigInteger),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_journal_at", "at"),
    Index("ix_journal_visit", "visit"),
)

invoice = Table(
    "invoice",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("operation", Text, nullable=False),
    Column("visit", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    sqlite_with_rowid=False,
)

session = Table(
    "session",
    metadata,
    Column("account", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("kept_at", BigInteger, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    Column("kept_at", BigInteger, nullable=False),
    Column("ttl_ms", BigInteger, nullable=False),
    Column("is_released", SmallInteger, nullable=False),
)
