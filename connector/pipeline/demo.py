"""`demo`: a made-up hospital, the stand-in platform, two runs with a day's changes between, and the sums compared.

One answer of the platform is lost on purpose, so that a batch in doubt is seen and settled. After the runs some visits go
all the way.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.errors import ConfigurationError
from connector.ledger.quarantine import Group
from connector.pipeline.balance import Comparison
from connector.pipeline.demo_visits import Guide, VisitsShown
from connector.pipeline.overview import quarantined
from connector.pipeline.parts import Clock, Parts, open_project, real_clock
from connector.pipeline.progress import Progress
from connector.pipeline.run import RunReport, run
from connector.pipeline.scaffold import make_ledger
from connector.pipeline.shipped import copy_shipped
from connector.pipeline.simulation import DEMO_KEY, DEMO_PASSWORD, DEMO_USER
from connector.pipeline.totals import compare_totals
from connector.sample.changes import change_hospital
from connector.sample.elsewhere import sample_filings
from connector.sample.hospital import SampleFacts, build_hospital, sample_injuries
from connector.simulator.facts import Facts
from connector.simulator.server import Simulator, serve

LOST_ANSWER = "N.sent_no_answer:sendMedInfo@7"
"""The seventh upload is saved, and its answer never arrives."""

_MARK = ".made-by-demo"
_ZONE = ZoneInfo("Asia/Shanghai")
_SETTLE_S = 2
_CONNECTOR = """\
version: 1
# Made by `connector demo`. The waits are short because the simulated platform is quick; see docs/delivery.md.
his: {{url: "{his}"}}
platform: {{base_url: "{url}", username: {user}, password: "file:platform.password", key: "file:platform.key"}}
ledger: {{url: "sqlite:///ledger.db", key: "file:ledger.key"}}
delivery: {{batch_rows: 50, visits_in_flight: 4, settle_s: {settle_s}, read_lag_s: 0}}
"""


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo showed.

    `visits`: what became of some after the runs; `sums` per visit at the end, `quarantine` what is left to be mended.
    """

    directory: Path
    facts: SampleFacts
    runs: tuple[RunReport, ...]
    changes: tuple[str, ...]
    visits: VisitsShown
    sums: tuple[Comparison, ...]
    quarantine: tuple[Group, ...]

    @property
    def exit_code(self) -> int:
        """0 when both runs ended, a visit of each kind went all the way, and every visit is balanced."""
        ended = len(self.runs) > 1 and not any(one.problem for one in self.runs) and self.visits.is_complete
        return 0 if ended and all(one.is_balanced for one in self.sums) else 1


def run_demo(
    directory: Path,
    *,
    seed: int,
    progress: Progress,
    is_stopping: Callable[[], bool],
    clock: Clock | None = None,
) -> DemoReport:
    """Build everything in `directory` anew and run it; ConfigurationError when the folder is somebody else's."""
    watch = clock or real_clock()
    today = watch.now().astimezone(_ZONE).date()
    _clear(directory)
    his = f"sqlite:///{(directory / 'his.db').resolve()}"
    sample = build_hospital(his, seed=seed, today=today)
    progress.note(
        f"A hospital of {sample.facts.stays} stays and {sample.facts.charges} charges in {directory}."
    )
    with _platform(directory, his, watch) as simulator:
        parts = _project(directory, his, simulator, watch)
        first = run(parts, [], progress=progress, is_stopping=is_stopping)
        if is_stopping():
            return DemoReport(directory, sample.facts, (first,), (), VisitsShown(), (), ())
        changes = change_hospital(his, seed=seed, today=today)
        second = run(parts, [], progress=progress, is_stopping=is_stopping)
        visits = VisitsShown() if is_stopping() else Guide(parts, progress, is_stopping).show()
        sums = compare_totals(parts, [] if is_stopping() else list(parts.project.pipelines.values()))
    return DemoReport(
        directory=directory,
        facts=sample.facts,
        runs=(first, second),
        changes=tuple(changes),
        visits=visits,
        sums=tuple(sums),
        quarantine=tuple(quarantined(parts).groups),
    )


def _clear(directory: Path) -> None:
    """An empty directory of our own; what an earlier demo left in it is removed."""
    if directory.exists() and any(directory.iterdir()):
        if not (directory / _MARK).is_file():
            raise ConfigurationError(
                f"{directory} exists and was not made by an earlier demo; name another one with --directory."
            )
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARK).touch()


def _platform(directory: Path, his: str, clock: Clock) -> Simulator:
    """The stand-in platform, which knows the injuries and filings of the hospital's patients."""
    return serve(
        key_text=DEMO_KEY,
        username=DEMO_USER,
        password=DEMO_PASSWORD,
        faults=[LOST_ANSWER],
        state_file=directory / "platform.state",
        clock=clock.now,
        injuries=sample_injuries(his),
        facts=Facts(filings=tuple(sample_filings(his, several=True))),
    )


def _project(directory: Path, his: str, simulator: Simulator, clock: Clock) -> Parts:
    """The project directory: the shipped files, settings for this platform, a fresh ledger."""
    copy_shipped(directory)
    texts = {
        "connector.yaml": _CONNECTOR.format(his=his, url=simulator.url, user=DEMO_USER, settle_s=_SETTLE_S),
        "platform.password": DEMO_PASSWORD,
        "platform.key": DEMO_KEY,
    }
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    for _ in make_ledger(directory):
        pass
    return open_project(directory, environ={}, clock=clock)
