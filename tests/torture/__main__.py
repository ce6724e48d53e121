"""`make torture`: random histories of HIS, faults, deaths and killed processes, for as long as you like.

Every number between SEED and SEED + RUNS is one schedule: most are played in this process on a clock of their own,
every tenth kills real processes at random moments. At the end HIS, ledger and platform are compared row by row, and
the sums are printed. `--points` kills a process once at every point there is (`tests.crash.points`), `--pairs` twice,
at every pair of points or at so many of them. A schedule that breaks an invariant is printed with the line that plays it alone; the exit code
is 1 then, and also where the run was long enough to have seen every outcome and did not.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from connector.simulator.server import Simulator, read_clock, serve
from tests.crash.killing import SCENARIOS, SETTINGS, Killings, kill_at, kill_at_random, trace
from tests.crash.processes import Launcher, Site
from tests.schedule import KINDS, Playground
from tests.torture.breaking import break_in
from tests.torture.tally import Tally
from tests.torture.trial import Trial, Violation
from tests.ward import KEY, MachineTime, Time, Ward

ENOUGH_FOR_ALL = 1000
"""A run of so many schedules must have seen every outcome of settling."""

_QUICK_DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Ledgers of the schedules lie in memory, where there is such a place: no power fails here, and fsync costs nothing."""

_PROGRESS = 50
_MOST_VIOLATIONS = 3
_PROCESSES_EVERY = 10
_BROKEN, _STOPPED = 1, 130


class Arena:
    """Everything that schedules are played in, made when it is first asked for."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.playing: list[Trial] = []
        self._stack, self._directory = stack, directory
        self._grounds: dict[str, Playground] = {}
        self._launcher: Launcher | None = None
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        break_in(patch, lambda: self.playing[0] if self.playing else None)

    def play(self, seed: int, tally: Tally) -> None:
        """One history in this process."""
        kind = list(KINDS)[seed % len(KINDS)]
        trial = self._ground(kind).history(kind, seed)
        self.playing[:] = [trial]
        try:
            tally.add_trial(trial, trial.play())
        except AssertionError:
            tally.add_trial(trial, None)
            raise
        finally:
            self.playing.clear()

    def kill(self, play: Callable[[Site], Killings], tally: Tally) -> None:
        """One schedule of real processes."""
        with self.site() as site:
            ended = play(site)
        tally.add_kills(ended)
        if ended.found.wrong:
            raise Violation("\n".join(ended.found.wrong))

    @contextmanager
    def site(self) -> Iterator[Site]:
        """A ward whose runs are processes; it is gone afterwards."""
        if self._launcher is None:
            self._launcher = Launcher()
            self._stack.callback(self._launcher.close)
        with TemporaryDirectory(dir=self._directory) as directory, _serve(read_clock) as simulator:
            ward = Ward(Path(directory), simulator, MachineTime(), **SETTINGS)
            site = Site(self._launcher, ward)
            try:
                yield site
            finally:
                site.close()
                ward.his.close()

    def _ground(self, kind: str) -> Playground:
        """The playground of a kind of history."""
        if kind not in self._grounds:
            directory = self._directory / str(len(self._grounds))
            directory.mkdir()
            time = Time()
            simulator = self._stack.enter_context(_serve(lambda: time.now, tells_live_session=False))
            ward = Ward(directory, simulator, time, **KINDS[kind])
            self._stack.callback(ward.his.close)
            self._grounds[kind] = Playground(ward)
        return self._grounds[kind]


def _serve(clock: Callable[[], datetime], *, tells_live_session: bool = True) -> Simulator:
    """A platform. Where real processes die, one that tells the live session, or each would wait two hours."""
    return serve(
        key_text=KEY,
        username="demo",
        password="secret",
        clock=clock,
        one_open_stay=False,
        tells_live_session=tells_live_session,
    )


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something to play, and the arguments that play it alone."""

    alone: str
    play: Callable[[Tally], None]


def plan(arena: Arena, options: argparse.Namespace) -> Iterator[Schedule]:
    """Every schedule that the options ask for, one after the other."""
    for scenario in SCENARIOS:
        yield from _plan_points(arena, options, scenario)
    for seed in range(options.seed, options.seed + options.runs):
        play = partial(arena.play, seed)
        if seed % _PROCESSES_EVERY == 0:
            play = partial(arena.kill, partial(kill_at_random, seed=seed))
        yield Schedule(f"--seed {seed} --runs 1", play)


def _plan_points(arena: Arena, options: argparse.Namespace, scenario: str) -> Iterator[Schedule]:
    """Kills at points: the named ones, each one, pairs of them."""
    at = partial(_kill_at, arena, scenario)
    if options.at:
        yield at(options.at)
    if not (options.points or options.pairs):
        return
    with arena.site() as site:
        points = [names[0] for names in trace(site, scenario)]
    print(f"{scenario}: {len(points)} points")
    if options.points:
        yield from (at([point]) for point in points)
    pairs = list(product(points, repeat=2))
    chosen = random.Random(options.seed).sample(pairs, min(len(pairs), options.pairs))
    yield from (at(pair) for pair in chosen)


def _kill_at(arena: Arena, scenario: str, points: Sequence[str]) -> Schedule:
    play = partial(kill_at, scenario=scenario, points=points)
    return Schedule(f"--runs 0 --at {' '.join(points)}", partial(arena.kill, play))


def main() -> int:
    """Play, print, and say by the exit code what came of it."""
    options = _options()
    tally = Tally()
    began = datetime.now(UTC)
    is_whole = False
    try:
        with ExitStack() as stack:
            directory = stack.enter_context(TemporaryDirectory(prefix="torture-", dir=_QUICK_DISK))
            is_whole = _play_all(plan(Arena(stack, Path(directory)), options), tally)
    except KeyboardInterrupt:
        print("Stopped; what was done so far:")
    took = datetime.now(UTC) - began
    print(f"seed {options.seed}, {began:%Y-%m-%d %H:%M} UTC, {took.total_seconds():.0f} s")
    print("\n".join(tally.table()))
    if is_whole and options.runs >= ENOUGH_FOR_ALL and tally.outcomes.missing:
        print("never seen, so the schedules are not what they were:", *tally.outcomes.missing, sep="\n  ")
        return _BROKEN
    if options.at and not tally.kills:
        print("no process passed", *options.at)
        return _BROKEN
    if tally.violations:
        return _BROKEN
    return 0 if is_whole else _STOPPED


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--seed", type=int, default=1, help="the first schedule's number (default 1)")
    parser.add_argument("--runs", type=_natural, default=1000, help="how many schedules (default 1000)")
    parser.add_argument("--points", action="store_true", help="kill a process once at every point")
    parser.add_argument(
        "--pairs",
        type=_natural,
        default=0,
        help="kill at so many pairs of points of each scenario, or at `all`",
    )
    parser.add_argument("--at", nargs="+", default=[], help="kill at these points, one run after the other")
    return parser.parse_args()


def _natural(text: str) -> int:
    """A number of things, or `all`."""
    if text == "all":
        return sys.maxsize
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a whole number, 0 or more, is meant")
    return int(text)


def _play_all(schedules: Iterator[Schedule], tally: Tally) -> bool:
    """Every schedule in turn, until all are played or too many broke; whether all were played."""
    for number, schedule in enumerate(schedules, start=1):
        try:
            schedule.play(tally)
        except AssertionError as broken:
            tally.add_violation(broken)
            print(f"\n{broken}\nplay it alone: python -m tests.torture {schedule.alone}\n")
            if tally.violations >= _MOST_VIOLATIONS:
                return False
        if number % _PROGRESS == 0:
            print(tally.line, flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
