"""The commands before there is anything to deliver: wrong use, a new project, the stand-in platform, the demo."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from datetime import date

import httpx
import pytest

from connector.cli.app import app
from connector.cli.main import run
from connector.config.project import load_project
from connector.contract.library import contract
from connector.errors import ConfigurationError
from connector.pipeline.shipped import copy_shipped
from connector.sample.hospital import build_hospital

COMMAND = [sys.executable, "-m", "connector"]


@pytest.fixture
def use(capsys):
    """Run a command: exit code, stdout, stderr."""

    def call(*arguments):
        code = run([str(one) for one in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, printed.out, printed.err

    return call


# Wrong use


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["stauts"], "Did you mean 'status'?"),
        (["run", "--dryrun"], "--dry-run"),
        (["preview"], "`connector preview --help` tells more."),
        (["preview", "m", "--rows", "0"], "greater than or equal to 1"),
        (["quarantine", "lst"], "Did you mean 'list'?"),
        (["quarantine", "show", "x"], "`connector quarantine show --help` tells more."),
        (["simulate", "--port", "99999"], "65535"),
        (["check", "extra"], "extra"),
    ],
)
def test_wrong_use_is_code_2_and_says_what_helps(use, arguments, words):
    code, out, err = use(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 2


def test_without_a_command_the_help_is_shown(use):
    code, out, err = use()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: connector")
    assert "tells more" not in err
    assert use("quarantine")[2].startswith("Usage: connector quarantine")


def test_every_command_has_a_help_that_fits_a_line(use):
    code, out, _ = use("--help")
    assert code == 0
    assert not any(line.endswith("...") for line in out.partition("Commands:")[2].splitlines())
    for command in [c.name or c.callback.__name__ for c in app.registered_commands]:
        code, out, _ = use(command, "--help")
        assert code == 0
        assert "Usage:" in out
        assert all(len(line) <= 80 for line in out.splitlines())


def test_help_comes_at_once_and_loads_no_heavy_library():
    code = (
        "import sys, connector.cli.main as m\n"
        "assert m.run(['--help']) == 0\n"
        "heavy = {'pandas', 'pyarrow', 'numpy', 'sqlalchemy', 'httpx', 'pydantic', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# A project that is none, or is wrong


def test_a_directory_without_a_project_is_told(use, tmp_path):
    for command in (["check"], ["run"], ["status"], ["test"], ["preview", "x"], ["quarantine", "list"]):
        code, out, err = use(*command, "-p", tmp_path)
        assert (code, out) == (2, "")
        assert f"There is no connector.yaml in {tmp_path}" in err
        assert "connector init" in err
    assert use("check", "-p", tmp_path / "nowhere")[0] == 2


@pytest.fixture
def shipped(tmp_path):
    """The shipped project on a SQLite sample hospital, without a ledger."""
    directory = tmp_path / "project"
    directory.mkdir()
    copy_shipped(directory)
    build_hospital(f"sqlite:///{directory / 'his.db'}", seed=7, today=date(2026, 3, 1))
    (directory / "connector.yaml").write_text(
        f"version: 1\nhis: {{url: 'sqlite:///{directory / 'his.db'}'}}\n"
        'platform: {base_url: "http://127.0.0.1:9/x", username: u, password: "env:NO_P", key: "env:NO_K"}\n'
        'ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}\n',
        encoding="utf-8",
    )
    return directory


def test_check_says_what_was_checked(use, shipped):
    code, out, err = use("check", "-p", shipped)
    assert (code, err) == (0, "")
    assert out.startswith("34 mappings, 4 pipelines: nothing wrong in the files.\n")
    assert "17 mappings are like others; `connector check --explain MAPPING` tells" in out
    lost = "cross-province-invoices does not take over from inpatient-invoices, because offsiteLeaveHos.bskm12s.bskm12 has"
    assert f"{lost} no such field: invoiceType 发票类型." in out
    assert "has every column they name" in out
    (shipped / "his.db").unlink()
    code, out, _ = use("check", "--offline", "-p", shipped)
    assert code == 0
    assert "The database was not asked." in out
    code, out, err = use("check", "-p", shipped)
    assert (code, out) == (1, "")
    assert "his.db cannot be opened" in err


def test_check_explains_where_each_field_comes_from(use, shipped):
    code, out, err = use("check", "--explain", "inpatient-charges", "-p", shipped)
    assert (code, err) == (0, "")
    assert "inpatient-charges fills sendMedInfo.meds.med" in out
    (line,) = [one for one in out.splitlines() if one.startswith("alc405 ")]
    assert "FYDJ, rounded to 4 decimals" in line
    assert line.endswith("mappings/inpatient-charges.yaml:21")
    code, out, _ = use("check", "--explain", "cross-province-charges", "-p", shipped)
    (line,) = [one for one in out.splitlines() if one.startswith("akc225 ")]
    assert "FYDJ, rounded to 6 decimals" in line
    assert "alc405 单价" in line
    assert line.endswith("mappings/inpatient-charges.yaml:21")
    code, out, _ = use("check", "--explain", "cross-province-visits", "-p", shipped)
    assert "Not taken over, because offsiteRegister has no such field: isnewinjure 是否新发工伤" in out
    (line,) = [one for one in out.splitlines() if one.startswith("bs003WS.akc192 ")]
    assert line.endswith("mappings/cross-province-visits.yaml:10")
    code, out, err = use("check", "--explain", "inpatient-charge", "-p", shipped)
    assert (code, out) == (2, "")
    assert "Did you mean inpatient-charges?" in err


SPOILT = [
    ("fills: sendMedInfo.meds.med", "fils: sendMedInfo.meds.med", "Did you mean fills?"),
    ("fills: sendMedInfo.meds.med", "fills: sendMedInfo.meds.mad", "med"),
    ("  alc406: ", "  alc409: ", "Did you mean alc407 总金额?"),
    ("version: 1", "version: 2", "version"),
    ("version: 1", "version: 1\n\tx: 1", "tab"),
    ("codes: fee-category", "codes: fee-categry", "fee-category"),
    ("  key: JLXH", "  key: JLXH\n  key: JLXH", "twice"),
    ("by: sequence", "by: sequnce", "sequence"),
]


@pytest.mark.parametrize(("good", "bad", "words"), SPOILT)
def test_wrong_yaml_is_told_with_its_place_and_nothing_is_read(use, shipped, good, bad, words):
    file = shipped / "mappings" / "inpatient-charges.yaml"
    text = file.read_text(encoding="utf-8")
    assert good in text
    file.write_text(text.replace(good, bad, 1), encoding="utf-8")
    (shipped / "his.db").unlink()  # nothing may even be looked for
    for command in (["check"], ["run"], ["run", "--dry-run"]):
        code, out, err = use(*command, "-p", shipped)
        assert (code, out) == (2, "")
        assert words in err
        assert re.search(r"inpatient-charges\.yaml:\d+:\d+: ", err)
        assert re.search(r"^ +\^$", err, re.MULTILINE)


def test_every_column_that_does_not_fit_is_told_at_once(use, shipped):
    for name in ("inpatient-charges", "cross-province-charges"):  # the other one has them in its tests
        file = shipped / "mappings" / f"{name}.yaml"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("FYDJ", "FYDX").replace("FYSL", "FYSX"), encoding="utf-8")
    code, out, err = use("check", "-p", shipped)
    assert (code, out) == (1, "")
    # not once more for what is taken over
    assert err.count("no column FYDX") == err.count("no column FYSX") == 1
    assert "did you mean" in err


def test_a_column_that_only_another_source_lacks_is_told_at_that_source(use, shipped):
    file = shipped / "mappings" / "cross-province-visits.sql"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("r.BRCH", "r.BRCH AS BED"), encoding="utf-8")
    code, out, err = use("check", "-p", shipped)
    assert (code, out) == (1, "")
    assert re.search(
        r"cross-province-visits\.yaml:7:15: the SELECT of cross-province-visits has no column BRCH", err
    )


def test_types_that_do_not_fit_are_told(use, shipped):
    mapping = shipped / "mappings" / "typed.yaml"
    mapping.write_text(
        "version: 1\nmapping: typed\nfills: sendMedInfo.advices.advice\n"
        "source: {table: T, key: F, visit: V, changes: {by: sequence, column: N}}\n"
        "fields: {aae080: N, alk007: N, alk009: N, alk016: N, alk017: N}\n",
        encoding="utf-8",
    )
    with sqlite3.connect(shipped / "his.db") as his:
        his.execute("CREATE TABLE T (F FLOAT, V INTEGER, N VARCHAR(9))")
    his.close()
    code, _, err = use("check", "-p", shipped)
    assert code == 1
    for words in ("floating-point", "`by: sequence` needs integer", "say how to `read` it"):
        assert words in err


def test_the_tests_of_mappings_pass_or_say_what_differs(use, shipped):
    code, out, _ = use("test", "-p", shipped)
    assert code == 0
    assert out.endswith("tests, 0 failed.\n")
    file = shipped / "mappings" / "inpatient-charges.yaml"
    text = file.read_text(encoding="utf-8")
    own = text.partition("\ntests:")[0]
    file.write_text(
        f"{own}\ntests:\n  - {{name: wrong, given: {{ZJJE: '0'}}, expect: {{alc407: '1'}}}}\n",
        encoding="utf-8",
    )
    code, out, _ = use("test", "inpatient-charges", "-p", shipped)
    assert code == 1
    assert "FAILED inpatient-charges: wrong" in out
    assert "expected a payload" in out
    assert out.endswith("1 test, 1 failed.\n")
    assert "Did you mean" in use("test", "inpatient-charge", "-p", shipped)[2]


# A new project


def test_init_makes_a_project_that_check_understands(use, tmp_path):
    code, out, err = use("init", "-p", tmp_path / "new")
    assert (code, err) == (0, "")
    assert "ledger.key" in out
    assert (tmp_path / "new" / "ledger.key").stat().st_mode & 0o077 == 0
    assert use("check", "--offline", "-p", tmp_path / "new")[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "new").rglob("*") if path.is_file()}
    code, out, _ = use("init", "-p", tmp_path / "new")
    assert code == 0
    assert "kept" in out
    assert "wrote" not in out
    assert {path: path.read_bytes() for path in (tmp_path / "new").rglob("*") if path.is_file()} == before


def draft(use, url, directory):
    code, out, err = use(
        *("init", "--url", url, "-p", directory),
        *("--table", "visits=ZY_BRRY", "--table", "orders=zy_bqyz", "--table", "charges=ZY_FYMX"),
    )
    assert (code, err) == (0, "")
    assert "mappings/charges.yaml" in out
    text = (directory / "mappings" / "charges.yaml").read_text(encoding="utf-8")
    with pytest.raises(ConfigurationError) as wrong:
        load_project(directory, contract(), environ={})
    told = str(wrong.value)
    assert "alc407 总金额 is required, but is not mapped" in told
    assert "cannot be read" not in told
    assert "source" not in told
    return text


def test_init_drafts_mappings_from_sqlite(use, tmp_path):
    build_hospital(f"sqlite:///{tmp_path / 'his.db'}", seed=7, today=date(2026, 3, 1))
    text = draft(use, f"sqlite:///{tmp_path / 'his.db'}", tmp_path / "new")
    assert "changes: {by: sequence, column: JLXH, lookback: 5000}" in text
    assert "alc407: ? # 总金额 decimal(30,4) 必填" in text


def test_init_drafts_mappings_from_postgresql(use, tmp_path, postgresql_url):
    build_hospital(postgresql_url, seed=7, today=date(2026, 3, 1))
    text = draft(use, postgresql_url, tmp_path / "new")
    assert "table: zy_fymx # 住院费用明细" in text
    assert "zjje NUMERIC(12, 4) 总计金额" in text


def test_init_drafts_mappings_from_mariadb(use, tmp_path, mariadb_url):
    build_hospital(mariadb_url, seed=7, today=date(2026, 3, 1))
    text = draft(use, mariadb_url, tmp_path / "new")
    assert "table: ZY_FYMX # 住院费用明细" in text
    assert "ZJJE DECIMAL(12, 4) 总计金额" in text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--table", "charges=ZY_FYMX"], 2, "--table needs --url"),
        (["--url", "SQLITE", "--table", "ZY_FYMX"], 2, "say WHAT=TABLE"),
        (["--url", "SQLITE", "--table", "chargs=ZY_FYMX"], 2, "Did you mean charges=ZY_FYMX?"),
        (["--url", "SQLITE", "--table", "charges=ZY_FYM"], 2, "no table ZY_FYM. Did you mean ZY_FYMX?"),
        (["--url", "sqlite:////nowhere/his.db", "--table", "charges=A"], 1, "cannot be opened"),
        (["--url", "postgresql://his:geheim@127.0.0.1/his"], 2, "holds a password"),
        (["--url", "env:NO_SUCH_URL", "--table", "charges=A"], 2, "NO_SUCH_URL is not set"),
        (["--url", "nonsense", "--table", "charges=A"], 1, "not a database URL"),
        (["--url", "mysql+nodriver://x/y", "--table", "charges=A"], 1, "not installed"),
    ],
)
def test_what_init_cannot_do_leaves_nothing_behind(use, tmp_path, arguments, code, words):
    url = f"sqlite:///{tmp_path / 'his.db'}"
    with sqlite3.connect(tmp_path / "his.db") as his:
        his.execute("CREATE TABLE ZY_FYMX (JLXH INTEGER PRIMARY KEY)")
    his.close()
    given = [url if one == "SQLITE" else one for one in arguments]
    found, out, err = use("init", *given, "-p", tmp_path / "new")
    assert (found, out) == (code, "")
    assert words in err
    assert "geheim" not in err
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_told(use, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = use("init", "-p", tmp_path / "file")
    assert code == 2
    assert "cannot be made a project" in err


def test_a_ledger_without_its_key_is_not_replaced(use, tmp_path):
    use("init", "-p", tmp_path)
    (tmp_path / "ledger.key").unlink()
    code, _, err = use("init", "-p", tmp_path)
    assert code == 2
    assert "Bring the key back" in err


def test_no_database_that_refuses_shows_the_password(
    use, tmp_path, monkeypatch, postgresql_server, mariadb_server
):
    for server in (postgresql_server, mariadb_server):
        url = server.url.set(username="nobody", password="geheim")
        url = url.set(database="nothing") if server is postgresql_server else url
        monkeypatch.setenv("HIS_URL", url.render_as_string(hide_password=False))
        code, out, err = use("init", "--url", "env:HIS_URL", "--table", "visits=A", "-p", tmp_path / "new")
        assert (code, out) == (1, "")
        assert "refused the user 'nobody'" in err
        assert "geheim" not in err


# The stand-in platform


@pytest.fixture
def simulate(tmp_path):
    """Start `connector simulate` as a process; the process and its URL."""
    started = []

    def begin(*arguments):
        process = subprocess.Popen(
            [*COMMAND, "simulate", "--port", "0", "-p", str(tmp_path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        started.append(process)
        line = process.stdout.readline()
        return process, line.rpartition(" ")[2].strip()

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_simulate_listens_until_it_is_told_to_end(simulate, tmp_path):
    process, url = simulate("--state-file", str(tmp_path / "state"))
    assert httpx.post(f"{url}/public/sendHis/login.html").status_code == 200
    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)
    # communicate() would lose the lines that readline() took into its buffer
    out, err = process.stdout.read(), process.stderr.read()
    assert (process.returncode, err) == (0, "")
    assert "the user demo" in out
    assert out.endswith("The simulated platform has ended.\n")
    assert (tmp_path / "state").read_bytes().startswith(b'{"event":"begin"')


def test_a_port_that_is_taken_is_told(use, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = use("simulate", "--port", port, "-p", tmp_path)
    assert (code, out) == (2, "")
    assert f"port {port} on 127.0.0.1 cannot be opened" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "N.sent_no_anser"], "did you mean N.sent_no_answer?"),
        (["--fault", "N.sent_no_answer:sendMedInf"], "Did you mean sendMedInfo?"),
        (["--fault", "N.sent_no_answer:sendMedInfo@x"], "a whole number from 1"),
        (["--answer-style", "nonsense"], "known: document"),
        (["--state-file", "/nowhere/state"], "cannot be written"),
    ],
)
def test_what_simulate_does_not_know_is_told(use, tmp_path, arguments, words):
    code, out, err = use("simulate", "--port", "0", *arguments, "-p", tmp_path)
    assert (code, out) == (2, "")
    assert words in err


# The demo


def test_the_demo_is_balanced_to_the_fen(use, tmp_path):
    code, out, err = use("demo", "--directory", tmp_path / "demo")
    assert code == 0
    assert "equal to the fen." in out
    assert "the platform's totals settled what became of" in out
    assert "waited for a person: Which cross-province filing is this stay under?" in out
    assert "Then it left again." in out
    assert "A hospital of" in err
    code, out, _ = use("status", "-p", tmp_path / "demo")
    assert code == 3
    assert "visits need attention" in out


def test_the_demo_as_json_is_one_document(use, tmp_path):
    (tmp_path / ".made-by-demo").touch()  # an earlier demo's folder is used again
    (tmp_path / "old").touch()
    code, out, err = use("demo", "--json", "--seed", "3", "--directory", tmp_path)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert all(one["is_balanced"] for one in found["sums"])
    shown = found["visits"]
    assert [(one["fitting"], one["candidates"]) for one in shown["decided"]] == [(2, 3)]
    ways = {one["kind"]: one["sections"] for one in shown["journeys"]}
    here = ["4.8", "4.10", "4.12", "4.13", "4.16"]
    assert ways == {
        "an old injury, in the ward": here,
        "a new injury, in the ward": here,
        "of another province, in the ward": ["4.21", "4.22", "4.24", "4.12", "4.26", "4.16"],
        "in the clinic": here,
    }
    assert [call.split()[0] for call in shown["taken_back"]["calls"]] == ["4.14"]
    assert shown["taken_back"]["has_left_again"]
    assert not (tmp_path / "old").exists()


def test_the_demo_leaves_a_strangers_folder_alone(use, tmp_path):
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    code, _, err = use("demo", "--directory", tmp_path)
    assert code == 2
    assert "was not made by an earlier demo" in err
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"
