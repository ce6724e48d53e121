"""Killing a run of the real command line at a named point, and what must be there once later runs are quiet."""

import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.audit import Audit, audit
from tests.crash.processes import Site, fill
from tests.ward import Ward

_FINE = frozenset({0, 3, 4})
"""Exit codes of a run that did what it could: complete, rows in quarantine, a visit held."""

_KILLED = -signal.SIGKILL


def fill_smooth(ward: Ward) -> None:
    """Two visits, five charges each, a refund, two orders."""
    fill(ward)
    (original,) = ward.his.execute("SELECT id FROM fee WHERE zyh = 1").fetchone()
    ward.fee(1, "-4.37", item="XA1", quantity="-1", refund=original)


def fill_rough(ward: Ward) -> None:
    """The same, a row that the platform refuses, a lost answer, a visit refused once, a session that ends."""
    fill_smooth(ward)
    ward.fee(2, "9.99", item="BAD")
    ward.simulator.switch_on(
        {"fault": "P.poison", "items": "BAD"},
        {"fault": "N.sent_no_answer", "operation": "sendMedInfo", "at": "3"},
        {"fault": "N.lose_request", "operation": "sendMedInfo", "at": "5"},
        {"fault": "P.hard", "code": "81005", "operation": "sendMedInfo", "at": "8"},
        {"fault": "P.session_drop", "operation": "getPerDetail", "at": "3"},
    )


SCENARIOS: dict[str, Callable[[Ward], None]] = {"smooth": fill_smooth, "rough": fill_rough}
"""What happens in the HIS and to the platform, apart from the kills."""

SETTINGS = {"settle_s": 0, "read_lag_s": 0, "batch_rows": 2, "visits_in_flight": 1}
"""One visit at a time, so that the same points are passed in the same order every time."""


@dataclass(frozen=True, slots=True)
class Killings:
    """A scenario whose runs were killed: how many were, the platform's faults, and the comparison at the end."""

    killed: int
    found: Audit
    fired: tuple[str, ...]


def trace(site: Site, scenario: str) -> list[list[str]]:
    """Every moment that the runs of a scenario pass until they are quiet, in their order, each with its names."""
    SCENARIOS[scenario](site.ward)
    record = site.ward.directory / "points.txt"
    moments: dict[str, None] = {}
    for _ in range(4):
        record.write_text("", encoding="ascii")
        run_once(site, record=str(record))
        moments.update(dict.fromkeys(record.read_text(encoding="ascii").splitlines()))
    return [moment.split() for moment in moments]


def kill_at(site: Site, scenario: str, points: Sequence[str]) -> Killings:
    """Play a scenario whose first run dies at the first point, the next one at the second, and let it finish.

    A point that a run does not pass kills nobody; the next run then waits for the same point.
    """
    SCENARIOS[scenario](site.ward)
    killed = 0
    for point in points:
        for _ in range(3):
            if run_once(site, die_at=point) == _KILLED:
                killed += 1
                break
    return _end(site, killed)


def kill_at_random(site: Site, seed: int) -> Killings:
    """Kill runs at random moments while the HIS goes on, then let them finish."""
    chance = random.Random(seed)
    fill_rough(site.ward)
    killed = 0
    for _ in range(chance.randint(2, 6)):
        process = site.start()
        time.sleep(chance.uniform(0.01, 0.6))
        process.kill()
        killed += process.wait() == _KILLED
        for _ in range(chance.randrange(4)):
            site.ward.fee(chance.randint(1, 2), f"{chance.randint(1, 999)}.{chance.randint(10, 99)}")
    return _end(site, killed)


def _end(site: Site, killed: int) -> Killings:
    found = finish_killed(site)
    return Killings(killed, found, tuple(name for name, _ in site.ward.simulator.faults.fired))


def finish_killed(site: Site, most: int = 12) -> Audit:
    """Let the runs go on until two in a row have changed nothing on the platform, and compare row by row.

    Raises AssertionError when a run fails, or when it does not come to rest.
    """
    idle = 0
    for _ in range(most):
        before = len(site.ward.simulator.state.journal)
        code = run_once(site)
        assert code != _KILLED
        written = [one for one in site.ward.simulator.state.journal[before:] if one["event"] in _WRITTEN]
        idle = 0 if written or code not in _FINE else idle + 1
        if idle == 2:
            assert site.ward.simulator.internal_errors == []
            return audit(site.ward)
    raise AssertionError(f"not quiet after {most} runs")


_WRITTEN = frozenset({"register", "fees", "orders", "invalidate"})


def run_once(site: Site, **spell: object) -> int:
    """One run to its end; what it says ends in no traceback."""
    process = site.start(**spell)
    code = process.wait()
    assert "Traceback" not in process.said, process.said
    assert code in _FINE or code == _KILLED, f"exit {code}: {process.said}"
    return code
