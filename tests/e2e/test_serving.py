"""`connector serve` on a ward whose time is ours: when it runs, what it survives, how it ends."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from connector.errors import ConfigurationError, LeaseHeld
from connector.pipeline.serving import Served, serve
from tests.ward import PIPELINE, START


class Post:
    """A service on a ward, until a time; what it said and did. The ward's clock is at 10:00 of Asia/Shanghai."""

    def __init__(self, ward, schedule: str = "{every: 15m}") -> None:
        self.ward = ward
        self.served: list[Served] = []
        self.notes: list[str] = []
        self.schedule(schedule)

    def schedule(self, schedule: str) -> None:
        text = PIPELINE.replace("}", f", schedule: {schedule}}}")
        (self.ward.directory / "pipelines" / "ward.yaml").write_text(text, encoding="utf-8")

    def serve(self, minutes: float, names=()) -> int:
        self.end = self.ward.time.now + timedelta(minutes=minutes)
        return serve(
            self.ward.directory,
            names,
            open_parts=self.ward.parts,
            progress=self,
            is_stopping=lambda: self.ward.time.now >= self.end,
            tell=self.served.append,
        )

    @property
    def began(self) -> list[float]:
        """When each run began, in minutes since the ward's beginning."""
        moments = [datetime.fromisoformat(one.started_at) for one in self.served]
        return [round((one - START).total_seconds() / 60, 1) for one in moments]

    @property
    def codes(self) -> list[int]:
        return [one.exit_code for one in self.served]

    def start(self, what, total): ...

    def advance(self, what, units=1): ...

    def finish(self, what): ...

    def note(self, text):
        self.notes.append(text)


def test_it_runs_every_quarter_and_sends_what_is_new_once(start):
    ward = start()
    post = Post(ward)
    ward.stay(1)
    ward.fee(1)
    assert post.serve(20) == 130
    ward.fee(1, "12.00", item="XA12")
    post.serve(20)
    assert post.began == [0.0, 15.0, 30.0]
    assert post.codes == [0, 0, 0]
    assert [one.rows for one in post.served] == [1, 0, 1]
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert post.served[0].next_at == "2026-03-05T02:15:00+00:00"


def test_a_machine_that_slept_makes_up_for_what_it_missed_by_one_run(start):
    ward = start()
    post = Post(ward)

    def sleep(_seconds):
        if ward.time.now - START > timedelta(minutes=20) and not slept:
            slept.append(ward.time.now)
            ward.time.now += timedelta(hours=8)

    slept: list[datetime] = []
    ward.time.on_sleep = sleep
    post.serve(8 * 60 + 40)
    assert post.began == [0.0, 15.0, 500.0, 515.0]
    assert any("The machine slept" in one and "by 8:00:" in one for one in post.notes)


def test_a_clock_that_was_wrong_and_is_set_back_leaves_no_long_gap(start):
    ward = start()
    ward.time.now += timedelta(days=300)
    post = Post(ward)

    def sleep(_seconds):
        if ward.time.now - START > timedelta(days=300):
            ward.time.now = START
            post.end = START + timedelta(minutes=20)

    ward.time.on_sleep = sleep
    post.serve(60)
    assert post.began == [300 * 24 * 60, 15.0]
    assert any("set back" in one for one in post.notes)


def test_a_database_that_is_down_is_tried_again_after_a_growing_pause(start):
    ward = start()
    post = Post(ward, '{cron: "30 2 * * *"}')
    ward.stay(1)
    ward.fee(1)
    his, away = ward.directory / "his.db", ward.directory / "away.db"

    def sleep(_seconds):
        if len(post.served) == 3 and away.exists():
            away.rename(his)

    ward.time.on_sleep = sleep
    his.rename(away)
    ward.time.now += timedelta(hours=16, minutes=29)
    post.serve(15)
    assert post.began == [990.0, 991.0, 993.0, 997.0]
    assert post.codes == [1, 1, 1, 0]
    assert "his.db" in post.served[0].problem
    assert ward.platform_rows(1) == ward.his_rows(1)
    assert post.served[-1].next_at == "2026-03-06T18:30:00+00:00"


def test_a_run_that_was_missed_while_no_service_ran_begins_with_it(start):
    ward = start()
    post = Post(ward, '{cron: "30 2 * * *"}')
    ward.run()
    ward.time.now += timedelta(hours=20)
    post.serve(10)
    assert post.began == [1200.0]


def test_in_the_quiet_hours_nothing_begins_and_what_is_under_way_stops(start):
    ward = start()
    post = Post(ward, '{every: 15m, quiet: "10:20-12:00"}')
    for zyh in range(1, 4):
        ward.stay(zyh)
        ward.fee(zyh)
    ward.time.now += timedelta(minutes=19, seconds=59)
    stage = post.start

    def late(what, total):
        ward.time.now += timedelta(seconds=1)
        stage(what, total)

    post.start = late
    post.serve(101)
    assert post.began == [20.0, 120.0]
    assert post.codes == [130, 0]
    assert "quiet hours began" in post.served[0].problem
    assert all(ward.platform_rows(zyh) == ward.his_rows(zyh) for zyh in range(1, 4))


def test_files_are_read_anew_and_broken_ones_are_told_until_they_are_mended(start):
    ward = start()
    post = Post(ward)
    path = ward.directory / "mappings" / "fees.yaml"
    good = path.read_text(encoding="utf-8")

    def sleep(_seconds):
        if len(post.served) == 1:
            path.write_text(good.replace("refund_of", "refund_off"), encoding="utf-8")
        elif len(post.served) == 3:
            path.write_text(good, encoding="utf-8")
            post.schedule("{every: 1h}")

    ward.time.on_sleep = sleep
    post.serve(100)
    assert post.codes == [0, 2, 2, 0, 0]
    assert "fees.yaml" in post.served[1].problem
    assert post.began == [0.0, 15.0, 16.0, 18.0, 78.0]


@pytest.mark.parametrize("names", [[], ["ward"], ["wrad"]], ids=["all", "named", "unknown"])
def test_what_is_wrong_at_the_start_ends_it_at_once(start, names):
    ward = start()
    post = Post(ward)
    (ward.directory / "pipelines" / "ward.yaml").write_text(PIPELINE, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"schedule|no pipeline “wrad”"):
        post.serve(1, names)
    assert post.served == []


def test_a_project_is_served_once_and_the_second_is_told_by_whom(start):
    ward = start()
    post = Post(ward)
    said: list[str] = []

    def sleep(_seconds):
        if not said:
            said.append("")
            with pytest.raises(LeaseHeld, match=r"process \d+ serves this project already"):
                post.serve(1)
            said.append("refused")

    ward.time.on_sleep = sleep
    post.serve(1)
    assert said == ["", "refused"]
    assert post.serve(1) == 130


def nightly(ward, rest: str = "") -> None:
    """Totals are compared at 11:05 of Asia/Shanghai, which is 65 minutes after the ward's beginning."""
    file = ward.directory / "connector.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(f'{text}reconcile: {{schedule: {{cron: "5 11 * * *"}}{rest}}}\n', encoding="utf-8")


def test_it_compares_the_totals_between_its_runs(start):
    ward = start()
    post = Post(ward, "{every: 30m}")
    nightly(ward, ", all: true, export: totals")
    ward.stay(1)
    ward.fee(1)
    assert post.serve(100) == 130
    assert [(one.pipeline, began) for one, began in zip(post.served, post.began, strict=True)] == [
        ("ward", 0.0),
        ("ward", 30.0),
        ("ward", 60.0),
        ("reconcile", 65.0),
        ("ward", 90.0),
    ]
    compared = post.served[3]
    assert (compared.exit_code, compared.compared, compared.equal, compared.problem) == (0, 1, 1, "")
    assert compared.next_at == "2026-03-06T03:05:00+00:00"
    assert [file.name for file in (ward.directory / "totals").iterdir()] == [
        "reconcile-2026-03-05-110500.xlsx"
    ]
    ward.simulator.add_fees_by_hand("V1", Decimal(20))
    post.served.clear()
    post.serve(24 * 60)
    (compared,) = [one for one in post.served if one.pipeline == "reconcile"]
    assert (compared.exit_code, compared.compared, compared.equal) == (4, 1, 0)


def test_a_comparison_that_was_missed_is_made_up_for(start):
    ward = start()
    nightly(ward)
    post = Post(ward)
    post.serve(70)
    assert [one.pipeline for one in post.served].count("reconcile") == 1
    ward.time.now += timedelta(days=3)
    post.served.clear()
    post.serve(20)
    assert [one.pipeline for one in post.served].count("reconcile") == 1


def test_a_comparison_that_fails_is_tried_again(start):
    ward = start()
    nightly(ward, ", export: lists/totals")
    post = Post(ward, "{every: 2h}")
    ward.time.on_sleep = lambda _seconds: (
        ward.directory / "lists"
    ).touch()  # a file: no folder can be made in it
    post.serve(70)
    failed = [one for one in post.served if one.pipeline == "reconcile"]
    assert [one.exit_code for one in failed] == [2, 2, 2]
    assert "cannot be made" in failed[0].problem
    assert failed[0].compared == 0


def test_totals_alone_may_be_served_and_a_pipeline_alone_too(start):
    ward = start()
    nightly(ward)
    post = Post(ward)
    post.serve(70, names=["ward"])
    assert {one.pipeline for one in post.served} == {"ward"}
    (ward.directory / "pipelines" / "ward.yaml").write_text(PIPELINE, encoding="utf-8")
    post.served.clear()
    ward.time.now = START
    post.serve(70)
    assert [one.pipeline for one in post.served] == ["reconcile"]


def test_a_pipeline_of_that_name_is_refused(start):
    ward = start()
    nightly(ward)
    text = PIPELINE.replace("pipeline: ward", "pipeline: reconcile")
    (ward.directory / "pipelines" / "ward.yaml").unlink()
    (ward.directory / "pipelines" / "reconcile.yaml").write_text(text, encoding="utf-8")
    post = Post.__new__(Post)
    post.ward, post.served, post.notes = ward, [], []
    with pytest.raises(ConfigurationError, match="A pipeline is called “reconcile”"):
        post.serve(1)
