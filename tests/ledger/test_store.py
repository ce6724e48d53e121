import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from connector.errors import LeaseHeld, LedgerError, Violation
from connector.ledger import schema
from connector.ledger.claims import Settlement
from connector.ledger.seal import Seal
from connector.ledger.store import create_key, open_ledger, read_key
from connector.ledger.tables import SCHEMA, metadata
from connector.records import BatchState
from tests.ledger.blocks import CHARGES, KEY, VISITS, Clock, Row, accept, begin, claim, outcome, stage, states

SECRETS = ["张三", "110101199001011234", "SESSION-17", "单价为空"]


def test_what_is_written_is_there_after_a_restart(opened, clock):
    ledger = opened(create=True)
    begin(ledger, "A")
    stage(ledger, "k1")
    ledger.put_session("demo", "s1")
    ledger.close()
    again = opened()
    assert states(again, "k1") == ["staged"]
    assert again.stored_session("demo") == "s1"
    assert again.created_at == "2025-03-01T08:00:00.000+00:00"


def test_creating_twice_keeps_the_ledger(opened):
    first = opened(create=True)
    begin(first, "A")
    first.close()
    assert opened(create=True).visit_keys(VISITS) == ["A"]


def test_a_ledger_that_is_missing_is_not_made_up(opened):
    with pytest.raises(LedgerError, match="There is no ledger"):
        opened()
    with pytest.raises(LedgerError, match="There is no ledger"):
        opened(read_only=True)


def test_the_schema_is_what_the_tables_say(ledger, place):
    engine = sa.create_engine(place)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == SCHEMA
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("revision", "word"), [("9999", "newer version"), ("0000", "newer version"), (SCHEMA, "")]
)
def test_a_newer_schema_is_refused(opened, place, revision, word):
    opened(create=True).close()
    engine = sa.create_engine(place)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    engine.dispose()
    for more in ({}, {"create": True}, {"read_only": True}):
        if word:
            with pytest.raises(LedgerError, match=word):
                opened(**more)
        else:
            opened(**more).close()


def _make_first_version(place):
    """A ledger as the first version of this program made it, with one visit."""
    engine = sa.create_engine(place)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        check = Seal(KEY, "abc").check_text()
        connection.execute(
            sa.text("INSERT INTO ledger VALUES (1, 'abc', :check, 1, 1, 1)").bindparams(check=check)
        )
        connection.execute(
            sa.text(
                "INSERT INTO visit (mapping_id, key, number, is_open, is_registered) VALUES (1, 'V', 'Z1', 1, 1)"
            )
        )
    engine.dispose()


def test_an_older_ledger_is_brought_up_to_date_by_whoever_may_write(opened, place):
    _make_first_version(place)
    with pytest.raises(LedgerError, match="older version of this program"):
        opened(read_only=True)
    with pytest.raises(LedgerError, match="The key does not open"):
        opened(key=b"x" * 32)
    with opened() as ledger:
        assert len(ledger.visits_numbered("Z1")) == 1
        assert ledger.platform_base(ledger.visits_numbered("Z1")[0]) == 0
    opened(read_only=True).close()
    engine = sa.create_engine(place)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_database_of_somebody_else_is_not_taken(opened, place):
    engine = sa.create_engine(place)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE ledger (id INTEGER)"))
    engine.dispose()
    with pytest.raises(LedgerError, match="not ours"):
        opened(create=True)
    with pytest.raises(LedgerError, match="no tables of one"):
        opened()


def test_a_wrong_key_is_recognised(opened):
    opened(create=True).close()
    with pytest.raises(LedgerError, match="The key does not open the ledger"):
        opened(key=b"x" * 32)
    with pytest.raises(LedgerError, match="missing"):
        opened(key=b"")
    with pytest.raises(LedgerError, match="16 bytes"):
        opened(key=b"x" * 16)


def test_keys_in_text_form():
    assert len(read_key(create_key() + "\n")) == 32
    assert create_key() != create_key()
    for text, word in [
        ("", "empty"),
        ("  \n", "empty"),
        ("not base64!", "missing or unreadable"),
        ("QUJD", "3 bytes"),
    ]:
        with pytest.raises(LedgerError, match=word):
            read_key(text)


def test_nothing_of_a_patient_is_readable_at_rest(opened, place, tmp_path):
    ledger = opened(create=True)
    visit = begin(ledger, "A")["A"]
    stage(
        ledger,
        Row("k1", patient="张三110101199001011234"),
        Row("k2", bad=(Violation("p", "r", "zh", "单价为空 张三"),)),
    )
    ledger.put_session("demo", "SESSION-17")
    ledger.hold_visit(visit, "张三 is held")
    batch = claim(ledger, visit)
    ledger.answer(batch.id, outcome("in_doubt", "", "张三", None, "张三".encode()))
    refusal = Violation("p", "refused", "", "张三 refused", "1")
    ledger.settle(
        [
            Settlement(
                batch.id,
                BatchState.REFUSED,
                "answer",
                "张三",
                quarantined={ledger.outbox.records_of(batch.id)[0].id: (refusal,)},
            )
        ]
    )
    ledger.end_run(1, exit_code=0, summary={"held": "张三"})
    stored = _everything(ledger, place)
    for secret in SECRETS:
        assert secret.encode() not in stored
        assert secret.encode("unicode-escape") not in stored
    assert SECRETS[0] in ledger.quarantine.groups()[0].violation.message
    assert ledger.stored_session("demo") == "SESSION-17"


def _everything(ledger, place):
    """Every value of every table, and for SQLite every byte of the files."""
    with ledger._database.reading() as link:
        rows = [link.rows(f'SELECT * FROM "{table}"') for table in metadata.tables]
    parts = [v if isinstance(v, bytes) else str(v).encode() for table in rows for row in table for v in row]
    path = ledger._database.path
    if path is not None:
        parts += [file.read_bytes() for file in path.parent.glob(path.name + "*")]
    return b"\n".join(parts)


@pytest.mark.parametrize("table", ["payload", "session"])
def test_a_protected_text_opens_only_in_its_own_place(ledger, table):
    visits = begin(ledger, "A", "B")
    stage(ledger, Row("k1", visit="A"), Row("k2", visit="B"))
    ledger.put_session("demo", "s1")
    ledger.put_session("other", "s2")
    key = {"payload": "first_id", "session": "account"}[table]
    with ledger._database.writing() as link:
        (a, one), (b, other) = link.rows(f"SELECT {key}, sealed FROM {table} ORDER BY {key} DESC")[:2]
        link.many(f"UPDATE {table} SET sealed = ? WHERE {key} = ?", [(one, b), (other, a)])
    read = {
        "session": lambda: ledger.stored_session("demo"),
        "payload": lambda: ledger.outbox.staged(visits["A"], CHARGES),
    }
    with pytest.raises(LedgerError, match="does not open"):
        read[table]()


def test_a_claim_of_an_altered_payload_is_refused(opened, place):
    ledger = opened(create=True)
    visit = begin(ledger, "A")["A"]
    stage(ledger, "k1")
    records = ledger.outbox.staged(visit, CHARGES)
    with ledger._database.writing() as link:
        link.run("UPDATE payload SET sealed = ?", b"0" * 60)
    ledger.close()
    again = opened()
    with pytest.raises(LedgerError, match="does not open"):
        again.outbox.staged(visit, CHARGES)
    from tests.ledger.blocks import intent

    with pytest.raises(LedgerError, match="does not open"):
        again.claim([intent(visit, records)])
    assert states(again, "k1") == ["staged"]


def test_a_copy_is_a_ledger_without_lease_and_session(opened, ledger, tmp_path):
    visit = begin(ledger, "A")["A"]
    stage(ledger, "k1", "k2")
    ledger.put_session("demo", "s1")
    ledger.take_lease("one", ttl_s=60)
    accept(ledger, claim(ledger, visit, rows=1))
    ledger.copy_to(tmp_path / "copy.db")
    copy = opened(url=f"sqlite:///{tmp_path / 'copy.db'}")
    assert states(copy, "k1", "k2") == ["accepted", "staged"]
    assert copy.stored_session("demo") == ""
    assert [r.payload for r in copy.outbox.staged(visit, CHARGES)] == [Row("k2").body]
    claim(copy, visit)
    assert states(ledger, "k2") == ["staged"]


class TestSessions:
    def test_sessions_are_kept_one_per_account(self, ledger):
        assert ledger.stored_session("demo") == ""
        ledger.put_session("demo", "s1")
        ledger.put_session("demo", "s2")
        ledger.put_session("other", "o1")
        assert (ledger.stored_session("demo"), ledger.stored_session("other")) == ("s2", "o1")
        ledger.drop_session("demo")
        ledger.drop_session("demo")
        assert (ledger.stored_session("demo"), ledger.stored_session("other")) == ("", "o1")


class TestReadOnly:
    def test_it_writes_nothing(self, opened, place, tmp_path):
        ledger = opened(create=True)
        visit = begin(ledger, "A")["A"]
        stage(ledger, "k1")
        ledger.close()
        before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir()}
        reader = opened(read_only=True)
        assert states(reader, "k1") == ["staged"]
        assert reader.visit_totals(VISITS)[0].staged_rows == 1
        assert len(reader.outbox.staged(visit, CHARGES)) == 1
        for write in (
            lambda: stage(reader, "k2"),
            lambda: reader.begin_run("p", "run"),
            lambda: claim(reader, visit),
            lambda: reader.take_lease("me", ttl_s=60),
            lambda: reader.hold_visit(visit, "x"),
            reader.doubt_orphans,
        ):
            with pytest.raises(LedgerError, match="for reading only"):
                write()
        reader.close()
        assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir()} == before

    def test_it_reads_beside_a_running_delivery(self, opened):
        ledger = opened(create=True)
        begin(ledger, "A")
        stage(ledger, "k1")
        reader = opened(read_only=True)
        assert states(reader, "k1", "k2") == ["staged", None]
        stage(ledger, "k2")
        with ledger._database.writing():
            assert states(reader, "k1", "k2") == ["staged", "staged"]

    def test_it_follows_a_delivery_that_begins_later(self, opened):
        opened(create=True).close()
        reader = opened(read_only=True)
        assert reader.visit_keys(VISITS) == []
        ledger = opened()
        begin(ledger, "A")
        assert reader.visit_keys(VISITS) == ["A"]
        ledger.close()
        assert reader.visit_keys(VISITS) == ["A"]

    def test_it_is_never_created(self, opened):
        with pytest.raises(ValueError, match="not created"):
            opened(create=True, read_only=True)


class TestLease:
    def test_a_second_process_is_told_who_holds_it_since_when(self, opened, ledger, clock):
        ledger.take_lease("host-1 process 7", ttl_s=60)
        clock.forward(seconds=10)
        rival = opened()
        with pytest.raises(
            LeaseHeld, match=r"host-1 process 7 .* since 2025-03-01T08:00:00.*Nothing is sent"
        ):
            rival.take_lease("host-2 process 8", ttl_s=60)

    def test_it_is_free_once_released_or_closed(self, opened, ledger):
        lease = ledger.take_lease("one", ttl_s=60)
        ledger.release_lease(lease)
        second = opened()
        assert second.take_lease("two", ttl_s=60).epoch == lease.epoch + 1
        second.close()
        assert opened().take_lease("three", ttl_s=60).epoch == lease.epoch + 2

    def test_a_dead_process_holds_nothing(self, opened, ledger, place):
        ledger.close()
        script = (
            "import os\nfrom tests.ledger.blocks import *\nfrom connector.ledger.store import open_ledger\n"
            f"ledger = open_ledger({place!r}, KEY, now=Clock())\n"
            "ledger.take_lease('the dead', ttl_s=3600)\nos._exit(9)\n"
        )
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
        heir = opened()
        assert heir.take_lease("heir", ttl_s=60).epoch == 2

    def test_keeping_it_is_cheap_and_shows_life(self, opened, ledger, clock):
        lease = ledger.take_lease("one", ttl_s=60)
        clock.forward(seconds=5)
        ledger.keep_lease(lease)
        assert _kept_at(ledger) == 0
        clock.forward(seconds=30)
        ledger.keep_lease(lease)
        assert _kept_at(ledger) == 35_000

    def test_who_lost_it_claims_nothing_but_may_write_what_it_knows(self, opened, ledger, clock):
        visit = begin(ledger, "A")["A"]
        stage(ledger, "k1", "k2")
        lease = ledger.take_lease("sleeper", ttl_s=60)
        batch = claim(ledger, visit, rows=1)
        with ledger._database.writing() as link:  # as if another process had taken over
            link.run("UPDATE lease SET epoch = epoch + 1, owner = ?", "the other")
        clock.forward(seconds=40)
        with pytest.raises(LeaseHeld, match="the other has been delivering"):
            ledger.keep_lease(lease)
        accept(ledger, batch)
        with pytest.raises(LeaseHeld, match="the other"):
            claim(ledger, visit)
        with pytest.raises(LeaseHeld):
            ledger.doubt_orphans()
        assert states(ledger, "k1", "k2") == ["accepted", "staged"]

    def test_who_has_none_does_not_claim_while_another_has(self, opened, ledger, clock):
        visit = begin(ledger, "A")["A"]
        stage(ledger, "k1")
        ledger.take_lease("one", ttl_s=60)
        rival = opened()
        with pytest.raises(LeaseHeld, match="one has been delivering"):
            claim(rival, visit)

    @pytest.mark.postgresql
    def test_on_postgresql_an_expired_lease_of_a_sleeper_is_taken_over(self, postgresql_url, clock):
        with (
            open_ledger(postgresql_url, KEY, now=clock, create=True) as sleeper,
            open_ledger(postgresql_url, KEY, now=clock) as heir,
        ):
            lease = sleeper.take_lease("sleeper", ttl_s=60)
            clock.forward(seconds=59)
            with pytest.raises(LeaseHeld):
                heir.take_lease("heir", ttl_s=60)
            clock.forward(seconds=2)
            assert heir.take_lease("heir", ttl_s=60).epoch == 2
            with pytest.raises(LeaseHeld, match="heir"):
                sleeper.keep_lease(lease)

    def test_on_sqlite_the_lock_file_decides(self, tmp_path, clock):
        url = f"sqlite:///{tmp_path / 'l.db'}"
        with (
            open_ledger(url, KEY, now=clock, create=True) as sleeper,
            open_ledger(url, KEY, now=clock) as heir,
        ):
            sleeper.take_lease("sleeper", ttl_s=60)
            clock.forward(hours=9)
            with pytest.raises(LeaseHeld, match="sleeper"):
                heir.take_lease("heir", ttl_s=60)


def _kept_at(ledger):
    with ledger._database.reading() as link:
        taken, kept = link.one("SELECT taken_at, kept_at FROM lease")
    return kept - taken


class TestFaultsOfSqlite:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "ledger.db"

    @pytest.fixture
    def url(self, path):
        return f"sqlite:///{path}"

    @pytest.fixture
    def visit(self, url, clock):
        with open_ledger(url, KEY, now=clock, create=True) as ledger:
            visit = begin(ledger, "A")["A"]
            stage(ledger, *(Row(f"k{n}") for n in range(300)))
        return visit

    def open(self, url, **more):
        return open_ledger(url, KEY, now=Clock(), patience_s=0.1, **more)

    def test_the_file_is_for_this_user_only(self, path, visit):
        assert path.stat().st_mode & 0o077 == 0

    def test_it_is_durable(self, url, visit):
        with self.open(url) as ledger:
            cursor = ledger._database._cursor
            assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_locked_by_another_process(self, url, path, visit):
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        with self.open(url) as ledger:
            with pytest.raises(LedgerError, match=r"locked by another process.*Nothing was sent"):
                claim(ledger, visit)
            other.rollback()
            other.close()
            assert claim(ledger, visit).rows == 300

    @pytest.mark.parametrize("kept", [0.5, 0.99])
    def test_a_file_cut_off(self, url, path, visit, kept):
        os.truncate(path, int(path.stat().st_size * kept))
        for more in ({}, {"read_only": True}, {"create": True}):
            with pytest.raises(LedgerError, match="cut off"):
                self.open(url, **more)

    def test_a_file_cut_off_to_nothing_is_no_new_ledger(self, url, path, visit):
        os.truncate(path, 0)
        for more in ({}, {"read_only": True}, {"create": True}):
            with pytest.raises(LedgerError, match="empty file"):
                self.open(url, **more)
        assert path.stat().st_size == 0

    @pytest.mark.parametrize("create", [False, True])
    def test_a_file_that_is_something_else(self, url, path, create):
        path.write_bytes(b"PK\x03\x04 not a database at all" * 500)
        with pytest.raises(LedgerError, match="not a ledger, or is damaged"):
            self.open(url, create=create)

    def test_a_page_of_noise(self, url, path, visit):
        content = bytearray(path.read_bytes())
        for place in range(4096, len(content), 4096):
            content[place : place + 200] = os.urandom(200)
        path.write_bytes(content)
        with pytest.raises(LedgerError, match=r"damaged|failed|no tables|does not open"):
            self.open(url)

    def test_a_folder_that_is_missing(self, tmp_path):
        with pytest.raises(LedgerError, match="cannot be opened"):
            self.open(f"sqlite:///{tmp_path / 'no' / 'ledger.db'}", create=True)

    def test_a_disk_that_is_full_claims_nothing(self, url, visit):
        with self.open(url) as ledger:
            cursor = ledger._database._cursor
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count = {pages}").fetchone()
            with pytest.raises(LedgerError, match=r"full.*Nothing was sent.*Make room"):
                stage(ledger, *(Row(f"n{n}", source=os.urandom(4).hex()) for n in range(3000)))
            with pytest.raises(LedgerError, match="full"):  # once it failed it is not tried again
                claim(ledger, visit)
            assert ledger.open_batches(visit) == []
        with self.open(url) as ledger:
            assert states(ledger, "k0", "n0") == ["staged", None]
            assert claim(ledger, visit).rows == 300

    def test_a_file_that_may_not_grow_claims_nothing(self, url, path, visit):
        """The file system's own refusal (a quota), in a process of its own because the limit is one of a process."""
        script = (
            "import resource, sys\nfrom tests.ledger.blocks import *\nfrom connector.errors import LedgerError\n"
            "from connector.ledger.store import open_ledger\n"
            f"ledger = open_ledger({url!r}, KEY, now=Clock())\n"
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size}, -1))\n"
            "try:\n"
            "    for n in range(500):\n        stage(ledger, *(Row(f'm{n}-{i}', source=str(i)) for i in range(200)))\n"
            "except LedgerError as error:\n    print(error)\n"
            f"try:\n    claim(ledger, {visit})\nexcept LedgerError as error:\n    print('claim:', error)\n"
        )
        run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
        first, second = run.stdout.strip().splitlines()
        assert "disk" in first
        assert "Nothing was sent" in first
        assert second.startswith("claim: The ledger")
        with self.open(url) as ledger:
            assert ledger.open_batches(visit) == []
            assert states(ledger, "k0") == ["staged"]

    @pytest.mark.skipif(
        os.geteuid() == 0 and shutil.which("setpriv") is None, reason="needs to give up root's rights"
    )
    def test_a_file_that_may_not_be_written(self, url, path, tmp_path, visit):
        path.chmod(0o444)
        tmp_path.chmod(0o555)
        script = (
            "import os\nfrom tests.ledger.blocks import *\nfrom connector.errors import LedgerError\n"
            "from connector.ledger.store import open_ledger\n"
            f"try:\n    ledger = open_ledger({url!r}, KEY, now=Clock())\n    claim(ledger, {visit})\n"
            "except LedgerError as error:\n    print(error)\n"
            f"reader = open_ledger({url!r}, KEY, now=Clock(), read_only=True)\nprint(states(reader, 'k0'))\n"
        )
        for folder in (tmp_path, *tmp_path.parents):
            if (
                folder.stat().st_uid == os.geteuid()
                and not folder.stat().st_mode & 0o001
                and folder != Path("/")
            ):
                folder.chmod(folder.stat().st_mode | 0o011)
        command = [sys.executable, "-c", script]
        if os.geteuid() == 0:
            command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        tmp_path.chmod(0o755)
        first, second = run.stdout.strip().splitlines()
        assert "read-only" in first
        assert "Nothing was sent" in first
        assert second == "['staged']"

    @pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
    def test_a_ledger_in_memory_is_refused(self, url):
        with pytest.raises(LedgerError, match="would forget"):
            self.open(url, create=True)

    @pytest.mark.parametrize(
        ("url", "word"),
        [("ledger.db", "not a database URL"), ("mysql://h/x", "lives in SQLite or PostgreSQL")],
    )
    def test_a_url_of_another_kind_is_refused(self, url, word):
        with pytest.raises(LedgerError, match=word):
            self.open(url, create=True)

    def test_a_path_of_any_letters(self, tmp_path):
        folder = tmp_path / "医院 #1 50%?x=1"
        folder.mkdir()
        with self.open(
            sa.URL.create("sqlite", database=str(folder / "帐.db")).render_as_string(), create=True
        ) as ledger:
            begin(ledger, "A")
        assert (folder / "帐.db").exists()


@pytest.mark.postgresql
class TestFaultsOfPostgresql:
    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"port": 1}, "cannot be reached"),
            ({"database": "no_such_database"}, "does not exist on that server"),
            ({"username": "no_such_user"}, "refuses the user or the password"),
        ],
    )
    def test_a_server_that_does_not_let_in(self, postgresql_url, change, word):
        url = sa.make_url(postgresql_url).set(**change).set(password="geheim")
        with pytest.raises(LedgerError, match=word) as caught:
            open_ledger(url.render_as_string(hide_password=False), KEY, now=Clock(), create=True)
        assert "geheim" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_locked_by_another_process(self, postgresql_url):
        with open_ledger(postgresql_url, KEY, now=Clock(), create=True, patience_s=0.1) as ledger:
            engine = sa.create_engine(postgresql_url)
            with engine.begin() as other:
                other.execute(sa.text("SELECT id FROM ledger FOR UPDATE"))
                with pytest.raises(LedgerError, match=r"locked by another process.*Nothing was sent"):
                    begin(ledger, "A")
            engine.dispose()
            begin(ledger, "A")

    def test_a_connection_that_breaks_claims_nothing(self, postgresql_url, postgresql_server):
        with open_ledger(postgresql_url, KEY, now=Clock(), create=True) as ledger:
            visit = begin(ledger, "A")["A"]
            stage(ledger, "k1")
            records = ledger.outbox.staged(visit, CHARGES)
            name = sa.make_url(postgresql_url).database
            with postgresql_server.connect() as connection:
                connection.execute(
                    sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                    {"name": name},
                )
            from tests.ledger.blocks import intent

            with pytest.raises(LedgerError, match="Nothing was sent"):
                ledger.claim([intent(visit, records)])
        with open_ledger(postgresql_url, KEY, now=Clock()) as again:
            assert again.open_batches(visit) == []

    def test_commits_are_synchronous(self, postgresql_url):
        with (
            open_ledger(postgresql_url, KEY, now=Clock(), create=True) as ledger,
            ledger._database.reading() as link,
        ):
            assert link.one("SHOW synchronous_commit") == ("on",)
