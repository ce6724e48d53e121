"""Real processes of the connector, and the moment at which something happens to them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

from connector.pipeline.totals import compare_totals
from connector.simulator.call import Refusal
from connector.simulator.reception import Request
from connector.simulator.server import Simulator
from tests.ward import ENVIRON, Ward

_PATIENCE_S = 30.0
_ROOT = Path(__file__).parents[2]


class Launcher:
    """The process whose children the connector's processes are."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.launcher"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for who started it
            # One thread: only such a process may fork.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )

    def ask(self, **order: object) -> dict:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(_PATIENCE_S)
        self._process.stdout.close()


class Running:
    """One process of the connector."""

    def __init__(
        self,
        launcher: Launcher,
        directory: Path,
        arguments: list[str],
        environ: Mapping[str, str],
        spell: dict,
    ) -> None:
        self._launcher = launcher
        number = next(n for n in count() if not (directory / f"run-{n}.err").exists())
        self._files = [directory / f"run-{number}.{end}" for end in ("out", "err")]
        for file in self._files:
            file.touch()
        out, err = map(str, self._files)
        order = {"arguments": arguments, "environ": dict(environ), "out": out, "err": err, "spell": spell}
        self.pid: int = launcher.ask(do="start", **order)["pid"]
        self._code: int | None = None

    def signal(self, number: signal.Signals) -> None:
        if self.code is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    @property
    def code(self) -> int | None:
        """The exit code (negative: the signal that ended it), None while it runs."""
        if self._code is None:
            self._code = self._launcher.ask(do="poll", pid=self.pid)["code"]
        return self._code

    def wait(self, patience_s: float = _PATIENCE_S) -> int:
        deadline = time.monotonic() + patience_s
        while self.code is None:
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"still running; it said: {self.said}")
            time.sleep(0.005)
        return self.code

    @property
    def said(self) -> str:
        # The process makes its files itself; a busy machine asks before it has.
        return "".join(file.read_text(encoding="utf-8") for file in self._files if file.exists())


class Trap:
    """Lets something happen when the n-th call from now reaches the platform.

    `lost`: the request is lost with its process. `served`: it takes effect, the answer is lost. `late`: its session
    is found good, it takes effect some time later. `slow`: nothing is lost, it takes effect some time later. `over`
    ends that time.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._reception = simulator._reception
        self._serve = simulator._server.serve
        self._lock = threading.Lock()
        self._left = 0
        self.sprung, self.over = threading.Event(), threading.Event()
        simulator._server.serve = self

    def set(
        self, nth: int, how: str, act: Callable[[], object], *, method: str = "", late_s: float = 0.7
    ) -> None:
        """Arm it; `method` counts only calls of that operation."""
        self._left, self._how, self._act, self._method, self._late_s = nth, how, act, method, late_s
        self.sprung, self.over = threading.Event(), threading.Event()

    def __call__(self, request: Request) -> bytes | None:
        with self._lock:
            counts = self._left and self._method in ("", request.operation.method)
            self._left -= bool(counts)
            is_struck = bool(counts) and not self._left
        return self._strike(request) if is_struck else self._serve(request)

    def _strike(self, request: Request) -> bytes | None:
        work = lambda: self._serve(request)  # noqa: E731 - one of two
        if self._how == "late":
            try:
                call = self._reception.admit(request)
            except Refusal as refusal:
                return self._reception.refuse(request, refusal)
            work = lambda: self._reception.perform(request, call)  # noqa: E731 - the other
        if self._how == "served":
            answer = work()
            self._spring()
            return answer
        self._spring()
        if self._how == "lost":
            return None
        self.over.wait(self._late_s)
        return work()

    def _spring(self) -> None:
        self._act()
        self.sprung.set()


class Site:
    """A ward whose runs are processes."""

    def __init__(self, launcher: Launcher, ward: Ward, environ: Mapping[str, str] | None = None) -> None:
        self.ward = ward
        self.trap = Trap(ward.simulator)
        self._launcher = launcher
        self._environ = environ or ENVIRON
        self._running: list[Running] = []

    def start(self, *arguments: str, **spell: object) -> Running:
        """Start `connector run` (or other `arguments`) on the ward's project."""
        line = [*(arguments or ("run",)), "-p", str(self.ward.directory)]
        self._running.append(Running(self._launcher, self.ward.directory, line, self._environ, spell))
        return self._running[-1]

    def close(self) -> None:
        """Leave no process behind."""
        self.trap.over.set()
        for process in self._running:
            process.kill()
            process.wait()

    def run_until_quiet(self, most: int = 8) -> Running:
        """Run until a run calls nobody; every run does what it can, and the last one leaves nothing waiting."""
        for _ in range(most):
            before = len(self.ward.simulator.calls)
            process = self.start()
            assert process.wait() in (0, 4), process.said
            if len(self.ward.simulator.calls) == before:
                assert process.wait() == 0, process.said
                return process
        raise AssertionError(f"not quiet after {most} runs: {process.said}")

    def start_struck(
        self,
        nth: int,
        how: str,
        number: signal.Signals,
        *,
        method: str = "",
        late_s: float = 0.7,
        arguments: Sequence[str] = (),
    ) -> Running:
        """Start a run (or other `arguments`) that gets a signal when its n-th call (of `method`) reaches the platform."""
        box: list[Running] = []
        ready = threading.Event()

        def strike() -> None:
            ready.wait()
            os.kill(box[0].pid, number)

        self.trap.set(nth, how, strike, method=method, late_s=late_s)
        box.append(self.start(*arguments))
        ready.set()
        return box[0]

    def run_killed_at_call(self, nth: int, how: str) -> int:
        """One run that is killed when its n-th call reaches the platform; its exit code."""
        return self.start_struck(nth, how, signal.SIGKILL).wait()


def fill(ward: Ward, visits: int = 2, fees: int = 5) -> None:
    """Visits with an order each, and fees of different amounts, two of them alike."""
    for zyh in range(1, visits + 1):
        ward.stay(zyh)
        ward.order(zyh)
        for number in range(fees):
            ward.fee(zyh, f"{max(1, number) * 3 + zyh}.37", item=f"XA{max(1, number)}")


def finish(site: Site) -> None:
    """Let the runs go on until there is nothing to do, and compare everything."""
    site.run_until_quiet()
    assert_all_there_once(site.ward)


def assert_all_there_once(ward: Ward) -> None:
    """HIS, ledger and platform hold the same rows, and no row ever came twice."""
    simulator = ward.simulator
    visits = [zyh for (zyh,) in ward.his.execute("SELECT zyh FROM stay")]
    for zyh in visits:
        assert ward.platform_rows(zyh) == ward.his_rows(zyh)
        ((orders,),) = ward.his.execute("SELECT COUNT(*) FROM doctor_order WHERE zyh = ?", (zyh,))
        assert len(simulator.orders(f"V{zyh}")) == orders
    assert simulator.rows_received == sum(sum(ward.his_rows(zyh).values()) for zyh in visits)
    registered = [one["visit"] for one in simulator.state.journal if one["event"] == "register"]
    assert sorted(registered) == sorted(f"V{zyh}" for zyh in visits)
    parts = ward.parts()
    sums = compare_totals(parts, list(parts.project.pipelines.values()))
    assert len(sums) == len(visits)
    for one in sums:
        assert one.his == one.ledger == one.platform == simulator.total(one.visit)
        assert one.kept_back == {}
    with parts.open_ledger(read_only=True) as ledger:
        assert ledger.all_open_batches() == []
        assert ledger.stored_session("demo") == ""
        for one in ledger.visit_totals("stays"):
            assert (one.staged_rows, one.doubt_rows, one.reason) == (0, 0, "")
    assert simulator.state.sessions == {}
    assert simulator.internal_errors == []
