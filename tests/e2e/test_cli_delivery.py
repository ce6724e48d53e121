"""The commands of a running project, as a script and as a person meet them."""

import json
import re
import sqlite3

import pytest

import connector.pipeline.parts
from connector.cli.main import run

NAME = "张敏"
ID_NUMBER = "152824198204240045"


@pytest.fixture
def hospital(start, monkeypatch, capsys):
    """A ward, and its commands on the ward's own clock: `use(…)` gives exit code, stdout and stderr."""

    def begin(**settings):
        ward = start(**settings)
        monkeypatch.setenv("PASSWORD", "secret")
        monkeypatch.setenv("KEY", "0123456789abcdef0123456789abcdef")
        monkeypatch.setattr(connector.pipeline.parts, "real_clock", ward.time.clock)

        def use(*arguments):
            code = run([*arguments, "-p", str(ward.directory)])
            printed = capsys.readouterr()
            return code, printed.out, printed.err

        return ward, use

    return begin


def numbers(out: str, row: str) -> list[str]:
    """The cells of a plain table's row, but for its first."""
    line = next(line for line in out.splitlines() if line.startswith(row + " "))
    return re.split(r"\s{2,}", line)[1:]


def test_a_run_says_what_was_read_and_sent(hospital):
    ward, use = hospital()
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "20.50")
    ward.order(1)
    code, out, err = use("run")
    assert code == 0
    assert numbers(out, "fees") == ["4", "0", "2", "0", "2", "0", "0"]  # the lookback reads them once more
    assert numbers(out, "ward") == ["1", "2", "3", "30.50", "0"]
    assert numbers(out, "rows on the platform") == ["3"]
    assert "stage fees: 4" in err
    code, out, _ = use("status")
    assert code == 0
    assert "need attention" not in out
    assert "exit code 0" in out
    assert use("status", "--visits")[1].count("No visit needs attention.") == 1


def test_quarantine_is_found_shown_and_mended(hospital):
    ward, use = hospital()
    ward.stay(1)
    ward.fee(1, "10.00")
    bad = ward.fee(1, "20.00", price="-20.00", quantity="1")
    assert use("run")[0] == 3
    code, out, _ = use("status", "--visits")
    assert code == 3
    assert "V1     ward      1 in quarantine" in out
    _, out, _ = use("quarantine", "list")
    assert re.search(r"1  fees +alc405 单价 +positive: must be above zero", out)
    _, out, _ = use("quarantine", "list", "--rows")
    row = next(line for line in out.splitlines() if " fees " in line).split()[0]
    code, out, _ = use("quarantine", "show", row)
    assert code == 0
    assert f"key {bad}, visit V1: quarantined" in out
    assert use("quarantine", "release", "--mapping", "fees")[1].startswith("1 row released")
    ward.change("UPDATE fee SET price = 20 WHERE id = ?", bad)
    assert use("run")[0] == 0
    assert use("quarantine", "list")[1] == "Nothing is in quarantine.\n"
    _, out, _ = use("quarantine", "show", "2")
    assert "accepted by a plain yes" in out


FILTERS = [
    (["--rule", "positive"], True),
    (["--rule", "required"], False),
    (["--visit", "V1"], True),
    (["--visit", "1"], True),
    (["--visit", "V2"], False),
    (["--mapping", "fees"], True),
    (["--mapping", "orders"], False),
    (["--mapping", "fees", "--visit", "V1", "--rule", "positive"], True),
]


def test_filters_hold_for_reasons_rows_and_release_alike(hospital):
    ward, use = hospital()
    ward.stay(1)
    ward.stay(2)
    ward.fee(1, "20.00", price="-20.00", quantity="1")
    use("run")
    for filters, found in FILTERS:
        for rows in ([], ["--rows"]):
            _, out, _ = use("quarantine", "list", *filters, *rows)
            assert ("fees" in out) is found, filters
            assert ("No row in quarantine fits." in out) is not found, filters
        _, out, _ = use("quarantine", "list", "--json", *filters)
        assert bool(json.loads(out)["groups"]) is bool(json.loads(out)["rows"]) is found, filters
        _, out, _ = use("quarantine", "release", "--json", *filters)
        assert json.loads(out) == {"released": int(found)}, filters


def test_a_limit_on_rows_is_told(hospital):
    ward, use = hospital()
    ward.stay(1)
    for _ in range(3):
        ward.fee(1, "20.00", price="-20.00", quantity="1")
    use("run")
    assert "the first 2 rows" in use("quarantine", "list", "--rows", "--limit", "2")[1]
    assert "the first" not in use("quarantine", "list", "--rows", "--limit", "3")[1]


def test_a_wrong_mapping_in_a_filter_is_refused(hospital):
    _, use = hospital()
    for command in ("list", "release"):
        code, out, err = use("quarantine", command, "--mapping", "fes")
        assert (code, out) == (2, "")
        assert "Did you mean fees?" in err


def test_release_without_a_filter_wants_all_to_be_said(hospital):
    _, use = hospital()
    code, _, err = use("quarantine", "release")
    assert code == 2
    assert "--all" in err
    assert use("quarantine", "release", "--all")[1] == "No row in quarantine fits.\n"


def test_a_row_the_platform_refused_is_released_to_be_sent_again(hospital):
    ward, use = hospital(platform={"faults": [{"fault": "P.poison", "items": "BAD"}]})
    ward.stay(1)
    ward.fee(1, item="BAD")
    assert use("run")[0] == 3
    _, out, _ = use("quarantine", "list")
    assert "refused" in out
    assert "1 row released" in use("quarantine", "release", "--rule", "refused")[1]
    assert numbers(use("status")[1], "rows waiting to be sent") == ["1"]


def test_doubt_is_told_with_its_visit(hospital):
    ward, use = hospital(on_doubt="ask", platform={"faults": ["N.lose_request:sendMedInfo@1"]})
    ward.stay(1)
    ward.fee(1, "12.34")
    code, out, _ = use("run")
    assert code == 4
    assert "visit V1 is HELD for a person" in out
    code, out, _ = use("status", "--visits")
    assert code == 4
    assert "visit V1: a batch of 1 row, 12.34 yuan, is in doubt since " in out
    assert "no answer, and its total shows nothing of it" in out


def test_a_platform_out_of_reach_leaves_everything_staged(hospital):
    ward, use = hospital()
    ward.stay(1)
    ward.fee(1)
    settings = ward.directory / "connector.yaml"
    own = settings.read_text(encoding="utf-8")
    settings.write_text(own.replace(ward.simulator.url, "http://127.0.0.1:9/nm-his"), encoding="utf-8")
    code, out, _ = use("run")
    assert code == 1
    assert "Ended early: The platform cannot be reached" in out
    assert numbers(out, "rows waiting to be sent") == ["1"]
    settings.write_text(own, encoding="utf-8")
    assert use("run")[0] == 0


def test_a_second_process_is_told_who_delivers(hospital):
    ward, use = hospital()
    with ward.parts().open_ledger() as ledger:
        lease = ledger.take_lease("the other computer process 7", ttl_s=60)
        code, out, err = use("run")
        ledger.release_lease(lease)
    assert (code, out) == (5, "")
    assert "the other computer process 7" in err


def test_a_stop_that_was_asked_for_has_its_own_code(hospital, monkeypatch):
    ward, use = hospital()
    ward.stay(1)
    ward.fee(1)
    monkeypatch.setattr("connector.cli.stopping.Stopping.__call__", lambda self: True)
    code, out, _ = use("run")
    assert code == 130
    assert "stopped on request" in out
    assert ward.simulator.rows_received == 0


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("KEY", "short", (1, "16, 24 or 32")),
        ("KEY", None, (2, "KEY is not set")),
        ("PASSWORD", None, (2, "PASSWORD is not set")),
    ],
)
def test_secrets_are_looked_at_before_anything_is_read(hospital, monkeypatch, variable, value, expected):
    ward, use = hospital()
    code, words = expected
    ward.stay(1)
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    for options in ([], ["--dry-run"]):
        found, out, err = use("run", *options)
        assert (found, out) == (code, "")
        assert words in err
        assert "stage" not in err


COMMANDS = [
    ["run"],
    ["run", "--dry-run"],
    ["status"],
    ["status", "--visits"],
    ["check"],
    ["check", "--offline"],
    ["test"],
    ["preview", "stays"],
    ["preview", "fees"],
    ["quarantine", "list"],
    ["quarantine", "list", "--rows"],
    ["quarantine", "show", "1"],
    ["quarantine", "show", "2"],
    ["quarantine", "release", "--all"],
    ["init"],
]


@pytest.mark.parametrize("shape", [[], ["--json"]])
def test_no_command_names_a_patient_unless_asked(hospital, shape):
    ward, use = hospital()
    ward.stay(1, name=NAME, injury="")  # its registration stays in quarantine
    ward.stay(2, name=NAME)
    ward.fee(2)
    for command in COMMANDS:
        _, out, err = use(*command, *shape)
        printed = (out + err).encode()
        for text in (NAME, ID_NUMBER):
            assert text.encode() not in printed, command
            assert text.encode().hex().encode() not in printed, command
        if shape:
            json.loads(out)
            assert "\n\n" not in out
    assert NAME in use("preview", "stays", "--show-personal", *shape)[1]


def test_a_row_that_waits_is_shown_as_it_will_be_sent(hospital):
    ward, use = hospital()
    ward.stay(1, name=NAME)
    settings = ward.directory / "connector.yaml"
    own = settings.read_text(encoding="utf-8")
    settings.write_text(own.replace(ward.simulator.url, "http://127.0.0.1:9/nm-his"), encoding="utf-8")
    use("run")
    _, out, _ = use("quarantine", "show", "1")
    assert "kc21.aac003 姓名: ***" in out
    assert "kc21.akc190 住院号/门诊号: V1" in out
    assert f"kc21.aac003 姓名: {NAME}" in use("quarantine", "show", "1", "--show-personal")[1]
    found = json.loads(use("quarantine", "show", "1", "--show-personal", "--json")[1])
    assert found["payload"]["kc21"]["aac003"] == NAME
    assert found["record"]["payload"] == ""


def test_json_keeps_every_digit_of_money(hospital):
    ward, use = hospital()
    ward.stay(1)
    ward.fee(1, "0.0325")
    ward.fee(1, "654321.1")
    found = json.loads(use("run", "--json")[1])
    assert found["delivered"]["ward"]["amount"] == "654321.1325"
    found = json.loads(use("status", "--json")[1])
    assert found["standings"][0]["accepted"] == "654321.1325"
    assert found["runs"][0]["summary"]["sent"]["ward"]["yuan"] == "654321.1325"
    row = json.loads(use("preview", "fees", "--json")[1])["rows"][0]
    assert row["payload"]["alc407"] == "0.0325"


def test_preview_finds_rows_by_visit_and_by_key(hospital):
    ward, use = hospital()
    for zyh in (1, 2):
        ward.stay(zyh)
    first, second = ward.fee(1, "10.00"), ward.fee(2, "20.00", price="-1", quantity="1")
    _, out, _ = use("preview", "fees", "--visit", "2")
    assert f"Row {second}" in out
    assert f"Row {first}" not in out
    assert "wrong: meds.med.alc405 单价: must be above zero" in out
    _, out, _ = use("preview", "fees", "--key", str(first))
    assert "alc407 总金额: 10" in out
    assert "    amount: 10\n" in out
    assert "empty: " in out
    assert use("preview", "fees", "--key", "99")[1] == "The source of fees has no row with the key 99.\n"
    assert use("preview", "fees", "--visit", "99")[1] == "The source of fees has no row of visit 99.\n"
    assert use("preview", "fees", "--visit", "1", "--key", "1")[0] == 2
    assert "Did you mean fees?" in use("preview", "fee")[2]


def test_a_ledger_that_is_missing_or_locked_away_is_one_sentence(hospital):
    ward, use = hospital()
    (ward.directory / "ledger.db").rename(ward.directory / "elsewhere.db")
    for command in (["status"], ["run"], ["run", "--dry-run"], ["quarantine", "list"]):
        code, out, err = use(*command)
        assert (code, out) == (1, "")
        assert err.startswith("There is no ledger at")
        assert "Traceback" not in err


def test_a_fault_of_our_own_is_a_sentence_and_a_file_without_data(hospital, monkeypatch, tmp_path):
    _, use = hospital()

    def fail(*arguments, **values):
        raise ZeroDivisionError(NAME)

    monkeypatch.setattr("connector.pipeline.overview.survey", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, err = use("status")
    assert (code, out) == (1, "")
    assert err.startswith("A fault in the connector itself (ZeroDivisionError).")
    (file,) = tmp_path.glob("connector-fault-*.txt")
    assert str(file) in err.replace("\n", "")
    assert "survey" not in err
    assert NAME not in file.read_text(encoding="utf-8")


def test_a_database_that_is_no_database_is_one_sentence(hospital):
    ward, use = hospital()
    ward.his.close()
    (ward.directory / "his.db").write_text("not a database at all, " * 100, encoding="utf-8")
    for command in (["check"], ["run"], ["preview", "fees"]):
        code, _, err = use(*command)
        assert code == 1
        assert "cannot be opened" in err
        assert "Traceback" not in err
    ward.his = sqlite3.connect(":memory:")


def test_a_guard_stops_a_run_and_an_override_lets_one_through(hospital):
    ward, use = hospital(guards="{rows_per_run: 1}")
    ward.stay(1)
    ward.fee(1, "10.00")
    ward.fee(1, "20.50")
    code, out, _ = use("run")
    assert code == 6
    assert re.search(
        r"rows_per_run: what contributes most\nvisit +mapping +rows +yuan\nV1 +fees +2 +30.50\n", out
    )
    assert (
        "Ended early: a guard stopped the run before its first call. rows_per_run: 2, the limit is 1." in out
    )
    assert '`connector run --override rows_per_run --because "…"`' in out
    code, out, _ = use("run", "--json")
    (breach,) = json.loads(out)["breaches"]
    assert code == json.loads(out)["exit_code"] == 6
    assert breach["most"] == [{"visit": "V1", "mapping": "fees", "rows": 2, "amount": "30.5000"}]
    assert ward.simulator.calls == []
    assert use("run", "--override", "rows_per_run", "--because", "the first upload")[0] == 0
    _, out, _ = use("ledger", "decisions")
    assert re.search(r"guard +override rows_per_run +the first upload +value 2, limit 1", out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--override", "rows_per_runs", "--because", "x"),
            "There is no guard “rows_per_runs”. Did you mean rows_per_run?",
        ),
        (("--override", "rows_per_run"), "An override needs its reason: --because"),
        (("--because", "x"), "name the guard with --override"),
    ],
    ids=["unknown", "no reason", "no guard"],
)
def test_an_override_that_says_too_little_is_wrong_use(hospital, arguments, said):
    ward, use = hospital()
    code, _, err = use("run", *arguments)
    assert code == 2
    assert said in err
    assert ward.simulator.calls == []
