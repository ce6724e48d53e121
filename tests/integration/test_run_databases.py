"""The shipped project on the sample hospital, run by the command line: the same on every database of the HIS."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.pipeline.parts import open_project
from connector.pipeline.shipped import copy_shipped
from connector.pipeline.simulation import DEMO_KEY, DEMO_PASSWORD, DEMO_USER
from connector.pipeline.totals import compare_totals
from connector.sample.changes import change_hospital
from connector.sample.elsewhere import sample_filings
from connector.sample.hospital import build_hospital, sample_injuries
from connector.simulator.facts import Facts
from connector.simulator.server import Simulator, serve

TODAY = datetime.now(UTC).date()  # noqa: TID251 - the simulated platform keeps the machine's time
QUARANTINED = 3

SETTINGS = """
version: 1
his: {{url: "env:HIS_URL", page_rows: 500}}
platform: {{base_url: "{url}", username: {user}, password: "env:PASSWORD", key: "env:KEY"}}
ledger: {{url: "sqlite:///ledger.db", key: "file:ledger.key"}}
delivery: {{batch_rows: 50, visits_in_flight: 4, settle_s: 0, read_lag_s: 0}}
"""


class Office:
    """A project directory whose commands are processes."""

    def __init__(self, directory: Path, his: str, simulator: Simulator) -> None:
        self.directory, self.simulator = directory, simulator
        self.fewest_visits = 15
        self.environ = {"HIS_URL": his, "PASSWORD": DEMO_PASSWORD, "KEY": DEMO_KEY}
        copy_shipped(directory)
        text = SETTINGS.format(url=simulator.url, user=DEMO_USER)
        (directory / "connector.yaml").write_text(text, encoding="utf-8")

    def use(self, *arguments: str, is_silent: bool = True) -> tuple[int, str]:
        """One command: exit code and standard output; it complains of nothing, and tells no progress where silent."""
        done = subprocess.run(
            [sys.executable, "-m", "connector", *arguments, "-p", self.directory],
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not (is_silent and done.stderr), done.stderr
        return done.returncode, done.stdout

    def run(self) -> dict:
        """One run, after which HIS, ledger and platform agree: what was staged."""
        code, said = self.use("run", "--json")
        assert code == QUARANTINED, said
        self.assert_balanced()
        return json.loads(said)["staged"]

    def leave_the_past(self, since: date) -> None:
        """Let runs leave visits admitted before a day to backfills."""
        for file in (self.directory / "pipelines").iterdir():
            file.write_text(f"{file.read_text(encoding='utf-8')}since: {since}\n", encoding="utf-8")
        self.fewest_visits = 5

    def fill_in_the_past(self, until: date) -> None:
        """Upload what the runs left, week by week; then everything is balanced."""
        span = ("--from", str(until - timedelta(days=365)), "--to", str(until - timedelta(days=1)))
        code, said = self.use("backfill", *span, "--by", "week", "--yes", "--json", is_silent=False)
        report = json.loads(said)
        assert code == QUARANTINED, said
        assert {one["stage"] for one in report["shards"]} == {"done"}
        assert len(report["shards"]) >= 2
        assert report["rows"] > 500
        self.fewest_visits = 15
        self.assert_balanced()

    def assert_balanced(self) -> None:
        """HIS = ledger = platform, in every visit."""
        parts = open_project(self.directory, environ=self.environ)
        sums = compare_totals(parts, list(parts.project.pipelines.values()))
        assert len(sums) > self.fewest_visits
        assert [one.visit for one in sums if not one.is_balanced] == []
        assert {one.visit: one.ledger for one in sums} == {
            one.visit: self.simulator.total(one.visit) for one in sums
        }


def _play(directory: Path, his: str, *, since: date | None = None) -> tuple[list[dict], dict[str, Counter]]:
    """Two days of the sample hospital: what each run staged, and every row the platform holds in the end, by visit.

    With `since` runs take up visits admitted from that day on, and a backfill the others, between the two days.
    """
    directory.mkdir()
    build_hospital(his, today=TODAY)
    with serve(
        key_text=DEMO_KEY,
        username=DEMO_USER,
        password=DEMO_PASSWORD,
        injuries=sample_injuries(his),
        facts=Facts(filings=tuple(sample_filings(his))),
    ) as simulator:
        office = Office(directory, his, simulator)
        assert office.use("init")[0] == 0
        if since is not None:
            office.leave_the_past(since)
        staged = [office.run()]
        if since is not None:
            office.fill_in_the_past(since)
        change_hospital(his, today=TODAY)
        staged.append(office.run())
        assert simulator.internal_errors == []
        return staged, {
            number: Counter(
                tuple(sorted(row.items())) for row in (*simulator.fees(number), *simulator.orders(number))
            )
            for number in simulator.state.visits
        }


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory) -> tuple[list[dict], dict[str, Counter]]:
    place = tmp_path_factory.mktemp("sqlite")
    return _play(place / "project", f"sqlite:///{place / 'his.db'}")


@pytest.mark.parametrize(
    "server",
    [
        pytest.param("postgresql_url", marks=pytest.mark.postgresql),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ],
)
def test_the_platform_holds_the_same_rows_from_every_database(on_sqlite, server, request, tmp_path):
    url = request.getfixturevalue(server)
    staged, held = _play(tmp_path / "project", url)
    assert staged == on_sqlite[0]
    assert held == on_sqlite[1]
    assert sum(sum(rows.values()) for rows in held.values()) > 900
    assert_his_is_held(url, held)


@pytest.mark.parametrize(
    "server",
    [
        pytest.param("postgresql_url", marks=pytest.mark.postgresql),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ],
)
def test_a_backfill_and_runs_together_send_what_runs_alone_would(on_sqlite, server, request, tmp_path):
    url = request.getfixturevalue(server)
    staged, held = _play(tmp_path / "project", url, since=TODAY - timedelta(days=9))
    assert sum(one["earlier"] for one in staged[0].values()) >= 8
    assert held == on_sqlite[1]


def assert_his_is_held(url: str, held: dict[str, Counter]) -> None:
    """No row of the platform is without its row in the HIS: amounts, counted on their own by plain SQL."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    union = " UNION ALL ".join(f"SELECT ZJJE FROM {table}" for table in ("ZY_FYMX", "ZY_FYMX_N"))
    with engine.connect() as connection:
        amounts = Counter(round(float(value), 2) for (value,) in connection.exec_driver_sql(union))
    engine.dispose()
    sent = Counter(
        round(float(dict(row)["alc407"]), 2)
        for number, rows in held.items()
        for row in rows.elements()
        if "alc407" in dict(row) and not number.startswith("M")
    )
    assert sent - amounts == Counter()
