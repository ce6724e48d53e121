"""`make bench`: the connector beside the script that a hospital's engineer would write, on the same data and sink.

Prints rows/s per stage, the ratio of CPU time, and peak memory at two sizes. Figures are of the machine it runs
on; quote the ratios.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.bench.hospital import build_bench
from tests.bench.naive import Naive
from tests.bench.project import KEY, PASSWORD, USER, make_project

ROWS_A_VISIT = 200
MEMORY_GOAL = 1.20


@dataclass(frozen=True)
class Run:
    """What one finished process cost."""

    rows: int
    wall_s: float
    cpu_s: float
    peak_mb: float


class Sink:
    """The platform in a process of its own."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.sink"],
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
        build_bench(his, rows=rows, visits=max(1, rows // ROWS_A_VISIT), today=date.today())
    return his


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


def run_connector(directory: Path, rows: int, *, batch_rows: int, in_flight: int) -> tuple[Run, int]:
    """One whole run of the command line: HIS → acknowledged; and the bytes of the ledger afterwards."""
    his = build(directory, rows)
    project = directory / f"project-{rows}"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    with Sink() as sink:
        make_project(project, his=his, url=sink.url, batch_rows=batch_rows, in_flight=in_flight)
        run = measure([sys.executable, "-m", "connector", "run", "-p", str(project), "--json"], rows)
    if sink.rows != rows:
        sys.exit(f"{rows} rows were charged, the sink received {sink.rows}")
    return run, (project / "ledger.db").stat().st_size


def run_again(directory: Path, rows: int) -> Run:
    """A second run with nothing new: what the lookback costs."""
    project = directory / f"project-{rows}"
    return measure([sys.executable, "-m", "connector", "run", "-p", str(project), "--json"], rows)


def run_naive(directory: Path, rows: int, limit: int) -> Run:
    """The yardstick, in this process: one row, one POST."""
    his = build(directory, rows)
    with Sink() as sink:
        before = resource.getrusage(resource.RUSAGE_SELF)
        began = time.perf_counter()
        script = Naive(sink.url, KEY, USER, PASSWORD, date.today())
        sent = visit = 0
        while sent < limit:
            visit += 1
            sent += script.upload(str(his), str(visit), str(visit), limit - sent)
        script.http.close()
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(sent, wall, cpu, after.ru_maxrss / 1024)


def run_stages(directory: Path, rows: int) -> dict[str, dict[str, float]]:
    project = directory / "project-stages"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    with Sink() as sink:
        make_project(project, his=build(directory, rows), url=sink.url, batch_rows=50, in_flight=4)
        text = subprocess.run(
            [sys.executable, "-m", "tests.bench.stages", str(project)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
    return json.loads(text)


def show(name: str, run: Run) -> None:
    print(
        f"{name:34}{run.rows:>10,} rows {run.rows / run.wall_s:>10,.0f} rows/s wall "
        f"{run.rows / run.cpu_s:>10,.0f} rows/s cpu {run.peak_mb:>7.0f} MB peak"
    )


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument(
        "--rows", type=int, nargs=2, default=[100_000, 1_000_000], metavar=("SMALL", "LARGE")
    )
    options.add_argument(
        "--naive", type=int, default=2_000, help="rows that the naive script sends, each time"
    )
    options.add_argument("--rounds", type=int, default=3, help="interleaved rounds of naive and connector")
    options.add_argument("--batch-rows", type=int, default=50)
    options.add_argument("--in-flight", type=int, default=4)
    options.add_argument("--keep", type=Path, help="work in this directory and keep it")
    chosen = options.parse_args()
    directory = chosen.keep or Path(tempfile.mkdtemp(prefix="connector-bench-"))
    directory.mkdir(exist_ok=True)
    small, large = chosen.rows
    try:
        print(f"Stages by themselves, one core, {small:,} rows:")
        for stage, one in run_stages(directory, small).items():
            rate = one["rows"] / one["cpu_s"] if one["cpu_s"] else float("inf")
            print(f"  {stage:12}{rate:>12,.0f} rows/s cpu {one['rows'] / one['wall_s']:>12,.0f} rows/s wall")
        ratios = []
        for number in range(1, chosen.rounds + 1):
            print(f"Round {number}:")
            naive = run_naive(directory, small, chosen.naive)
            show("  naive script", naive)
            ours, ledger = run_connector(
                directory, small, batch_rows=chosen.batch_rows, in_flight=chosen.in_flight
            )
            show("  connector, HIS to acknowledged", ours)
            ratios.append((ours.rows / ours.cpu_s) / (naive.rows / naive.cpu_s))
        print(f"Connector ÷ naive, CPU time, median of {len(ratios)}: {sorted(ratios)[len(ratios) // 2]:.1f}")
        again = run_again(directory, small)
        big, ledger = run_connector(
            directory, large, batch_rows=chosen.batch_rows, in_flight=chosen.in_flight
        )
        show("connector, large", big)
        print(f"Ledger on disk: {ledger / large:.0f} bytes an accepted row (after one run)")
        print(
            f"Peak memory: {ours.peak_mb:.0f} MB at {small:,} rows, {big.peak_mb:.0f} MB at {large:,}: "
            f"{big.peak_mb / ours.peak_mb:.2f} (goal: at most {MEMORY_GOAL:.2f})"
        )
        print(f"A run with nothing new: {again.wall_s:.1f} s wall")
    finally:
        if chosen.keep is None:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
