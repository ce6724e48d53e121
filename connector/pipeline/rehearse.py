"""A dry run: the whole way of a run, on a copy of the ledger, up to the wire and no further.

Staging, batches, sealing are a run's own; only the ledger is a copy that is thrown away, and the client answers
yes by itself after it has opened what it sealed. The ledger is opened read-only, and no socket to the platform
is opened at all. Time that a run would wait is skipped.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from connector.config.pipeline import Pipeline
from connector.ledger.store import Ledger
from connector.load.exchange import Recorder
from connector.load.mirror import Mirror
from connector.pipeline.guards import NO_OVERRIDE, Override
from connector.pipeline.parts import COPY, Clock, Parts, owner
from connector.pipeline.progress import Progress
from connector.pipeline.run import Errand, Rehearsed, RunReport, choose
from connector.pipeline.turns import LEASE_S


def rehearse(
    parts: Parts,
    names: Sequence[str],
    *,
    progress: Progress,
    is_stopping: Callable[[], bool],
    override: Override = NO_OVERRIDE,
) -> RunReport:
    """What `run` would do now, if the platform took everything; where a guard would stop it, that.

    Raises as `run` does, but for LeaseHeld: it may go on beside a run.
    """
    pipelines = choose(parts, names)
    parts.check_platform()
    parts = replace(parts, clock=_unhurried(parts.clock))
    mirrors: list[Mirror] = []
    with (
        tempfile.TemporaryDirectory(prefix="connector-dry-run-") as folder,
        parts.open_copy(Path(folder)) as ledger,
    ):

        def open_client(_recorder: Recorder) -> Mirror:
            mirrors.append(parts.open_mirror())
            mirrors[0].expect(dict(_totals(ledger, pipelines)))
            return mirrors[0]

        parts = parts.over(Path(folder) / COPY)
        lease = ledger.take_lease(owner(), ttl_s=LEASE_S)
        report = Errand(parts, pipelines, ledger, lease, open_client, progress, is_stopping, override).run()
        report.rehearsal = Rehearsed(
            visits=sum(len(mirror.visits) for mirror in mirrors),
            messages=sum(mirror.sealed for mirror in mirrors),
            quarantine=tuple(ledger.quarantine.groups()),
        )
    return report


def _totals(ledger: Ledger, pipelines: Sequence[Pipeline]) -> Iterator[tuple[str, int | None]]:
    """What the platform would say of each visit: the ledger's own sum, or, of a held visit, what it said last.

    None where a batch is in doubt: what became of it cannot be rehearsed.
    """
    doubtful = {batch.number for batch in ledger.all_open_batches()}
    for pipeline in pipelines:
        for one in ledger.visit_totals(pipeline.visits):
            said = one.last_reading.total if one.reason and one.last_reading else one.accepted + one.baseline
            yield one.number, None if one.number in doubtful else said


def _unhurried(clock: Clock) -> Clock:
    """The same clock, but that sleeping takes no time."""
    slept = 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds

    return Clock(clock.now, lambda: clock.monotonic() + slept, sleep)
