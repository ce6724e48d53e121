"""`make bench`: the connector beside the script that a hospital's engineer would write, on the same data and sink.

Everything measured runs in a process of its own, because a process that is started from a big one counts its
parent's memory as its own peak. Prints rows/s per stage, the ratio of CPU time, peak memory at two sizes, the ledger's size, what a run with nothing
new costs, and how a platform that answers slowly is kept busy. Figures are of the machine it runs on: quote the
ratios, and CPU time (user and system, start of Python included) rather than the clock's.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.bench.project import make_project, set_lookback

ROWS_A_VISIT = 200
SLOW_S = 0.1
SLOW_IN_FLIGHT = 8
SLOW_VISITS_EACH = 12


@dataclass(frozen=True)
class Run:
    """What one finished process cost."""

    rows: int
    wall_s: float
    cpu_s: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Rows per second of CPU time."""
        return self.rows / self.cpu_s


@dataclass(frozen=True)
class Bench:
    """Where the benchmark works, and how the connector is set."""

    directory: Path
    batch_rows: int
    in_flight: int


class Sink:
    """The platform in a process of its own; it answers after `latency_s`."""

    def __init__(self, latency_s: float = 0.0) -> None:
        self.latency_s = latency_s

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.sink", str(self.latency_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.rows = int(self.process.stdout.readline() or 0)
        self.process.wait(timeout=60)
        self.process.stdout.close()


def build(directory: Path, rows: int) -> Path:
    his = directory / f"his-{rows}.db"
    if not his.exists():
        visits = max(1, rows // ROWS_A_VISIT)
        run_module("tests.bench.hospital", str(his), str(rows), str(visits), date.today().isoformat())
    return his


def run_module(name: str, *arguments: str) -> str:
    """Run one of our modules; what it printed."""
    return subprocess.run(
        [sys.executable, "-m", name, *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def measure(command: list[str], rows: int) -> Run:
    """Run a process to its end and read what the operating system says it used."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    wall = time.perf_counter() - began
    return Run(rows, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def command(project: Path) -> list[str]:
    return [sys.executable, "-m", "connector", "run", "-p", str(project), "--json"]


def new_project(bench: Bench, name: str, *, rows: int, url: str, in_flight: int) -> Path:
    project = bench.directory / name
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    his = build(bench.directory, rows)
    make_project(project, his=his, url=url, batch_rows=bench.batch_rows, in_flight=in_flight)
    return project


def run_connector(bench: Bench, rows: int, *, latency_s: float = 0.0, in_flight: int = 0) -> tuple[Run, Path]:
    """One whole run of the command line, HIS → acknowledged, and its project; every row has to arrive once."""
    build(bench.directory, rows)
    with Sink(latency_s) as sink:
        project = new_project(
            bench, f"project-{rows}", rows=rows, url=sink.url, in_flight=in_flight or bench.in_flight
        )
        run = measure(command(project), rows)
    if sink.rows != rows:
        sys.exit(f"{rows} rows were charged, the sink received {sink.rows}")
    return run, project


def run_again(project: Path, rows: int) -> Run:
    """A second run that finds nothing new, with every row inside the lookback: all are read and compared."""
    set_lookback(project, 2 * rows)
    return measure(command(project), rows)


def run_naive(bench: Bench, rows: int, limit: int) -> Run:
    """The yardstick: one row, one POST; no visit is registered, and the start of Python does not count."""
    his = build(bench.directory, rows)
    with Sink() as sink:
        return Run(**json.loads(run_module("tests.bench.naive", sink.url, str(his), str(limit))))


def show_stages(bench: Bench, rows: int) -> None:
    """Each stage by itself, in one process that does nothing else."""
    with Sink() as sink:
        project = new_project(bench, "project-stages", rows=rows, url=sink.url, in_flight=bench.in_flight)
        text = run_module("tests.bench.stages", str(project), str(bench.batch_rows))
    print(f"Stages by themselves, {rows:,} rows:")
    for stage, one in json.loads(text).items():
        rate = one["rows"] / one["cpu_s"] if one["cpu_s"] else float("inf")
        print(f"  {stage:12}{rate:>12,.0f} rows/s cpu {one['rows'] / one['wall_s']:>12,.0f} rows/s wall")


def show(name: str, run: Run) -> None:
    print(
        f"  {name:32}{run.rows:>10,} rows {run.rows / run.wall_s:>9,.0f} rows/s wall "
        f"{run.rate:>9,.0f} rows/s cpu {run.peak_mb:>6.0f} MB",
        flush=True,
    )


def show_ratio(name: str, ours: Sequence[Run], naive: Sequence[Run]) -> None:
    """Medians, because other work on the machine disturbs single runs."""
    rate, yardstick = (statistics.median(run.rate for run in runs) for runs in (ours, naive))
    print(f"  connector ÷ naive, CPU time, {name}: {rate / yardstick:.1f}")


def show_ledger(project: Path, rows: int) -> None:
    """The ledger as the run left it: SQLite has folded its log into the file."""
    size = sum(file.stat().st_size for file in project.glob("ledger.db*") if file.suffix != ".lock")
    print(f"  ledger on disk: {size / rows:.1f} bytes an accepted row")


def show_slow(bench: Bench, rows: int) -> None:
    """A platform that takes its time: how much of it is used, by the moments the ledger keeps of every batch."""
    run, project = run_connector(bench, rows, latency_s=SLOW_S, in_flight=SLOW_IN_FLIGHT)
    with sqlite3.connect(project / "ledger.db") as ledger:
        batches, began, ended = ledger.execute(
            "SELECT COUNT(*), MIN(claimed_at), MAX(settled_at) FROM batch"
        ).fetchone()
    ledger.close()
    took = (ended - began) / 1000
    calls = batches + 2 * (rows // ROWS_A_VISIT)  # registrations and uploads; two totals a visit
    most = SLOW_IN_FLIGHT / SLOW_S
    print(f"A platform that answers after {SLOW_S * 1000:.0f} ms, {SLOW_IN_FLIGHT} visits in flight:")
    show("connector", run)
    print(
        f"  delivery: {rows / took:,.0f} rows/s, {calls / took:.1f} calls/s: {calls / took / most:.0%} of "
        f"visits in flight ÷ latency ({calls / rows * bench.batch_rows:.2f} calls for {bench.batch_rows} rows)"
    )


def report(bench: Bench, small: int, large: int, *, naive_rows: int, rounds: int) -> None:
    show_stages(bench, small)
    naive: list[Run] = []
    ours: list[Run] = []
    print(
        f"HIS to acknowledged, batches of {bench.batch_rows}, {bench.in_flight} visits in flight:", flush=True
    )
    for _ in range(rounds):
        naive.append(run_naive(bench, small, naive_rows))
        show("naive script", naive[-1])
        ours.append(run_connector(bench, small)[0])
        show("connector", ours[-1])
    big, project = run_connector(bench, large)
    show("connector", big)
    naive.append(run_naive(bench, small, naive_rows))
    show("naive script", naive[-1])
    show_ratio(f"{small:,} rows", ours, naive)
    show_ratio(f"{large:,} rows", [big], naive[-2:])
    show_ledger(project, large)
    peak = statistics.median(run.peak_mb for run in ours)
    print(
        f"  peak memory: {peak:.0f} MB at {small:,} rows, {big.peak_mb:.0f} MB at {large:,}: ×{big.peak_mb / peak:.2f}"
    )
    print("Nothing new, every row in the lookback:")
    show("connector", run_again(project, large))
    show_slow(bench, SLOW_IN_FLIGHT * SLOW_VISITS_EACH * ROWS_A_VISIT)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument(
        "--rows", type=int, nargs=2, default=[100_000, 1_000_000], metavar=("SMALL", "LARGE")
    )
    options.add_argument(
        "--naive", type=int, default=2_000, help="rows that the naive script sends, each time"
    )
    options.add_argument("--rounds", type=int, default=2, help="interleaved rounds of naive and connector")
    options.add_argument("--batch-rows", type=int, default=50)
    options.add_argument("--in-flight", type=int, default=4)
    options.add_argument("--keep", type=Path, help="work in this directory and keep it")
    chosen = options.parse_args()
    directory = chosen.keep or Path(tempfile.mkdtemp(prefix="connector-bench-"))
    directory.mkdir(exist_ok=True)
    bench = Bench(directory, chosen.batch_rows, chosen.in_flight)
    try:
        report(bench, *chosen.rows, naive_rows=chosen.naive, rounds=chosen.rounds)
    finally:
        if chosen.keep is None:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
