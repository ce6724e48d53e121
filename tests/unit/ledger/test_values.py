import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import LedgerError
from connector.ledger.answers import pack_answer, unpack_answer
from connector.ledger.claims import Batch, Intent, Settlement
from connector.ledger.faults import Conflict, Unwritable, explain
from connector.ledger.members import pack_members, unpack_members
from connector.ledger.moments import to_iso, to_ms
from connector.ledger.seal import Seal, create_key, read_key
from connector.records import BatchState, Outcome, Verdict

KEY = b"k" * 32


@given(st.lists(st.integers(0, 2**62)))
def test_members_are_kept_in_their_order(ids):
    assert unpack_members(pack_members(ids)) == ids


def test_neighbours_cost_a_byte_each():
    assert len(pack_members(range(10**9, 10**9 + 50))) < 60


@given(st.binary(max_size=40_000), st.text(max_size=20), st.integers())
def test_what_is_sealed_opens_in_its_place(plain, purpose, row):
    seal = Seal(KEY, "ledger")
    assert seal.open(purpose, row, seal.seal(purpose, row, plain)) == plain


@given(st.sampled_from([10, 300, 30_000]), st.integers(0))
def test_one_changed_byte_is_noticed(size, place):
    seal = Seal(KEY, "ledger")
    sealed = bytearray(seal.seal("payload", 1, b"x" * size))
    sealed[place % len(sealed)] ^= 1
    with pytest.raises(LedgerError, match="does not open"):
        seal.open("payload", 1, bytes(sealed))


@pytest.mark.parametrize(
    ("key", "identity", "purpose", "row"),
    [
        (b"x" * 32, "ledger", "payload", 1),
        (KEY, "other", "payload", 1),
        (KEY, "ledger", "answer", 1),
        (KEY, "ledger", "payload", 2),
    ],
)
def test_it_opens_nowhere_else(key, identity, purpose, row):
    sealed = Seal(KEY, "ledger").seal("payload", 1, b"secret")
    with pytest.raises(LedgerError):
        Seal(key, identity).open(purpose, row, sealed)


def test_the_same_text_is_sealed_differently_each_time():
    seal = Seal(KEY, "ledger")
    assert len({bytes(text) for _, text in seal.seal_many("p", [(1, b"a")] * 50)}) == 50


def test_digests_need_the_key():
    assert Seal(KEY, "l").digest(b"a") == Seal(KEY, "l").digest(b"a")
    assert (
        len({Seal(KEY, "l").digest(b"a"), Seal(b"x" * 32, "l").digest(b"a"), Seal(KEY, "m").digest(b"a")})
        == 3
    )


def test_a_created_key_is_read_back():
    assert read_key(create_key()) != read_key(create_key())


@given(st.text(), st.binary())
def test_answers_are_kept_whole(message, raw):
    outcome = Outcome(Verdict.IN_DOUBT, "99999", message, 3, {}, raw)
    kept = unpack_answer(pack_answer(outcome), "in_doubt", "99999", 3)
    assert (kept.message, kept.raw, kept.counts) == (message, raw, 3)


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=8))), allow_imaginary=False))
def test_moments(moment):
    assert abs(datetime.fromisoformat(to_iso(to_ms(moment))) - moment) < timedelta(milliseconds=1)


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        to_ms(datetime(2025, 1, 1))  # noqa: DTZ001 - that is the mistake
    assert to_iso(None) == ""
    assert to_ms(datetime(1970, 1, 1, tzinfo=UTC)) == 0


def test_no_value_shows_money_or_words():
    shown = repr(
        (
            Intent(1, "op", "node", (1,), 123456, 654321, "s"),
            Batch(1, 1, "op", "node", 1, 123456, 654321, BatchState.CLAIMED, 0),
            Settlement(1, BatchState.ACCEPTED, "ack", "张三"),
            Seal(KEY, "identity-of-it"),
        )
    )
    for secret in ("123456", "654321", "张三", "identity-of-it", "kkkk"):
        assert secret not in shown


class _Sqlite(sqlite3.OperationalError):
    def __init__(self, name):
        super().__init__("INSERT INTO x VALUES ('张三', 'password')")
        self.sqlite_errorname = name


class _Postgres(Exception):
    def __init__(self, state):
        super().__init__("Key (k)=(张三) already exists; password=secret")
        self.sqlstate = state


@pytest.mark.parametrize(
    ("error", "word", "kind"),
    [
        (_Sqlite("SQLITE_BUSY"), "locked", LedgerError),
        (_Sqlite("SQLITE_FULL"), "full", Unwritable),
        (_Sqlite("SQLITE_IOERR_WRITE"), "disk", Unwritable),
        (_Sqlite("SQLITE_READONLY_DBMOVED"), "read-only", Unwritable),
        (_Sqlite("SQLITE_CORRUPT_VTAB"), "damaged", Unwritable),
        (_Sqlite("SQLITE_NOTADB"), "not a ledger", Unwritable),
        (_Sqlite("SQLITE_CONSTRAINT_PRIMARYKEY"), "stands there already", Conflict),
        (_Sqlite("SQLITE_MISUSE"), "failed", LedgerError),
        (_Postgres("23505"), "stands there already", Conflict),
        (_Postgres("53100"), "no room", Unwritable),
        (_Postgres("55P03"), "locked", LedgerError),
        (_Postgres("25006"), "read-only", LedgerError),
        (_Postgres("08006"), "cannot be reached", Unwritable),
        (_Postgres("99999"), "failed", LedgerError),
    ],
)
def test_a_drivers_error_is_one_sentence_without_its_values(error, word, kind):
    said = explain(error, "host:5432/ledger")
    assert type(said) is kind
    assert word in str(said)
    assert "host:5432/ledger" in str(said)
    assert "张三" not in str(said)
    assert "secret" not in str(said)
    assert "password" not in str(said)
