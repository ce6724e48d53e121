"""`connector backfill` as a person or a script uses it: the plan, the question, the report, and what is refused."""

import io
import json

import pytest

import connector.pipeline.parts
from connector.cli.main import run
from tests.past import assert_equal, backfill, date_stays, fill_year
from tests.ward import ENVIRON

SPAN = ("--from", "2024-01-01", "--to", "2024-12-31")
YEAR = {1: "2024-01-05", 2: "2024-01-31", 3: "2024-02-29"}


@pytest.fixture
def hospital(start, monkeypatch, capsys):
    """A ward with a past, and its commands on the ward's own clock: `use(…)` gives exit code, stdout and stderr."""
    ward = start()
    date_stays(ward, backfill="{rows_per_hour: null, rows_per_day: null}")
    fill_year(ward, YEAR)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(connector.pipeline.parts, "real_clock", ward.time.clock)

    def use(*arguments, typed="", command="backfill"):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = run([command, *arguments, "-p", str(ward.directory)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return ward, use


def test_plan_question_upload_and_status(hospital):
    ward, use = hospital
    code, out, err = use(*SPAN, "--plan")
    assert code == 0
    assert "The HIS gives these pipelines visits admitted from 2024-01-05 to 2024-02-29." in out
    assert "3 visits, 12 rows, 48.33 yuan, about 15 calls; less than a minute (assumed" in out
    assert "ward 2024-01-01 to 2024-01-31" in out
    assert use("--status")[1] == "No backfill was begun in this project.\n"
    code, out, err = use(*SPAN, typed="no\n")
    assert code == 1
    assert "Nothing was begun." in err
    assert ward.simulator.calls == []
    code, out, err = use(*SPAN, typed="yes\n")
    assert code == 0
    assert "12 rows sent by this command, 48.33 yuan." in out
    assert "ward 2024-01-01 to 2024-01-31 is done: 8 rows sent, 4 to go" in err
    assert_equal(ward, YEAR)
    code, out, err = use("--status")
    assert code == 0
    assert "visits admitted from 2024-01-01 to 2024-12-31" in out
    assert "2 of 2 shards are done." in out
    assert [line.split()[-8:] for line in out.splitlines() if line.startswith("ward 2024-02")] == [
        ["1", "4", "4", "19.11", "0", "0", "0", "0"]
    ]


def test_scripts_get_one_document(hospital):
    ward, use = hospital
    code, out, _err = use(*SPAN, "--plan", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["visits"], found["rows"], found["amount"], found["number"]) == (3, 12, "48.3300", 0)
    assert [one["amount"] for one in found["shards"]] == ["29.2200", "19.1100"]
    code, out, _err = use(*SPAN, "--yes", "--json")
    found = json.loads(out)
    assert (code, found["exit_code"], found["rows"], found["amount"]) == (0, 0, 12, "48.3300")
    assert [one["accepted"] for one in found["shards"]] == ["29.2200", "19.1100"]
    ((standing),) = json.loads(use("--status", "--json")[1])
    assert (standing["done"], [one["stage"] for one in standing["shards"]]) == (2, ["done", "done"])
    assert_equal(ward, YEAR)


def test_status_tells_of_a_backfill_that_is_not_done(hospital):
    ward, use = hospital
    ward.time.on_sleep = lambda _seconds: ward.stop.set()
    assert backfill(ward).exit_code == 130
    told = "A backfill (visits admitted from 2024-01-01 to 2024-12-31) was begun"
    code, out, _err = use(command="status")
    assert code == 0
    assert told in out
    assert "1 of its 2 shards are done" in " ".join(out.split())
    (one,) = json.loads(use("--json", command="status")[1])["backfills"]
    assert (one["done"], one["shards"]) == (1, 2)
    ward.time.on_sleep = lambda _seconds: None
    assert use(*SPAN, "--yes")[0] == 0
    assert told not in use(command="status")[1]


def test_visits_from_a_file(hospital):
    ward, use = hospital
    file = ward.directory / "visits.txt"
    file.write_text("3\n\n 1 ,3\n", encoding="utf-8")
    code, out, _err = use("--visits", f"@{file}", "--yes")
    assert code == 0
    assert "Planned: 2 named visits" in out
    assert_equal(ward, [1, 3])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say which visits: --from and --to"),
        (("--from", "2024-02-01", "--to", "2024-01-01"), "--from 2024-02-01 is after --to 2024-01-01"),
        (("--from", "yesterday", "--to", "2024-01-01"), "--from yesterday: a date like 2024-01-31 is meant."),
        ((*SPAN, "--by", "year"), "--by year: one of month, week, day is meant."),
        (("wrad", *SPAN), "There is no pipeline “wrad”"),
        (
            ("--visits", "1,22"),
            "The HIS has no visit 22, as the visits mappings of ward read it. Did you mean 2?",
        ),
        (("--visits", "@nowhere.txt"), "--visits @nowhere.txt: the file cannot be read"),
        ((*SPAN, "--override", "rows_per_run"), "An override needs its reason"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_done(hospital, arguments, said):
    ward, use = hospital
    code, _out, err = use(*arguments, "--yes")
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert ward.simulator.calls == []


def test_a_span_without_visits_is_nothing_to_do(hospital):
    ward, use = hospital
    code, out, _err = use("--from", "2019-01-01", "--to", "2019-12-31", "--yes")
    assert code == 0
    assert "No visits admitted from 2019-01-01 to 2019-12-31: there is nothing to do." in out
    assert ward.simulator.calls == []


def test_a_ledger_that_is_missing_is_said(hospital):
    ward, use = hospital
    (ward.directory / "ledger.db").unlink()
    for leftover in ward.directory.glob("ledger.db-*"):
        leftover.unlink()
    code, _out, err = use(*SPAN, "--yes")
    assert code == 1
    assert "ledger" in err
    assert "Traceback" not in err


def test_since_in_a_pipeline_whose_registration_has_no_day(hospital, capsys):
    ward, _use = hospital
    text = (ward.directory / "mappings" / "stays.yaml").read_text(encoding="utf-8")
    fixed = text.replace('akc192: {from: ward, read: "%Y-%m-%d"}', 'akc192: {value: "2024-01-01"}')
    (ward.directory / "mappings" / "stays.yaml").write_text(fixed, encoding="utf-8")
    date = (ward.directory / "pipelines" / "ward.yaml").read_text(encoding="utf-8")
    (ward.directory / "pipelines" / "ward.yaml").write_text(
        date.replace("}", ", since: 2024-01-01}"), encoding="utf-8"
    )
    assert run(["check", "-p", str(ward.directory)]) == 2
    err = capsys.readouterr().err
    assert (
        "“since” needs the day of admission, and no column of the HIS tells it in stays (kc21.akc192)." in err
    )
    assert "ward.yaml:1:" in err
    assert run(["run", "-p", str(ward.directory)]) == 2
    assert ward.simulator.calls == []
