"""The stand-in platform as a running server: `serve` starts one, the Simulator is the handle to it."""

import hashlib
import math
import signal
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connector.contract.envelope import check_key
from connector.contract.library import contract
from connector.errors import ConfigurationError
from connector.simulator.answers import read_styles
from connector.simulator.call import CHINA, Refusal, Rules
from connector.simulator.exchange import PlatformServer
from connector.simulator.facts import Facts, default_facts, read_facts
from connector.simulator.faults import Faults
from connector.simulator.meddling import enter_by_hand
from connector.simulator.plan import Entry, read_faults
from connector.simulator.reception import Reception, Request
from connector.simulator.state import State

BASE_PATH = "/nm-his"

_LATER = ("P.delay_pre_session", "P.delay_post_session", "P.partial_late")


def read_clock() -> datetime:
    """The clock of a simulator that is not given one."""
    return datetime.now(UTC)  # noqa: TID251 - a stand-in platform has its own clock, as the real one has


class Simulator:
    """A running stand-in platform; a context manager, or call `stop`, or `wait` for Ctrl-C.

    `url` is the base URL (ends in /nm-his); `calls` lists (method, code) of every call that reached the platform's
    logic, code "" where no answer was given; `state.journal` has every committed event; `internal_errors` is empty
    unless the simulator itself is wrong.
    """

    def __init__(
        self,
        port: int,
        state: State,
        rules: Rules,
        *,
        key_text: str,
        faults: Faults,
        styles: frozenset[str],
        latency_s: float,
    ) -> None:
        self.state = state
        self.faults = faults
        self._reception = Reception(state, rules, key_text, styles)
        self._latency_s = latency_s
        self._stopping = threading.Event()
        self._release = threading.Event()
        self._delayed: list[threading.Thread] = []
        try:
            self._server = PlatformServer(
                port,
                operations={BASE_PATH + one.path: one for one in contract().operations.values()},
                faults=faults,
                styles=styles,
                serve=self._serve,
                wait=self._wait,
                internal_errors=self._reception.internal_errors,
            )
        except (OSError, OverflowError) as error:
            raise ConfigurationError(f"port {port} on 127.0.0.1 cannot be opened; choose another") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="simulator")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL to configure as the platform's."""
        return f"http://127.0.0.1:{self.port}{BASE_PATH}"

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Every call that reached the platform's logic: (method, code)."""
        return self._reception.calls

    @property
    def internal_errors(self) -> list[str]:
        """What went wrong in the simulator itself: method and kind of error."""
        return self._reception.internal_errors

    @property
    def pending(self) -> int:
        """How many delayed requests have not taken effect yet."""
        return sum(thread.is_alive() for thread in tuple(self._delayed))

    @property
    def rows_received(self) -> int:
        """How many fee rows were ever committed."""
        return self.state.rows_received

    def fees(self, visit: str) -> list[dict[str, Any]]:
        """The fee rows that are stored for a visit now, as they were sent, oldest first."""
        with self.state.lock:
            known = self.state.visits.get(visit)
            return [dict(fee.row) for fee in known.fees] if known else []

    def orders(self, visit: str) -> list[dict[str, Any]]:
        """The orders that are stored for a visit now."""
        with self.state.lock:
            known = self.state.visits.get(visit)
            return [dict(order) for order in known.orders.values()] if known else []

    def total(self, visit: str) -> int:
        """The sum of a visit's stored amounts in units of 1/10000 yuan; 0 for an unknown visit."""
        with self.state.lock:
            known = self.state.visits.get(visit)
            return known.total if known else 0

    def add_fees_by_hand(self, visit: str, amount: Decimal) -> None:
        """Enter one row as an operator does on the web page; the amount is in yuan. KeyError: no such visit."""
        with self.state.lock:
            self._find(visit)
            enter_by_hand(self.state, visit, amount)

    def close_visit(self, visit: str, *, on: str = "", settled: bool = False) -> None:
        """Discharge a visit on the web page; `on` is a date (yyyy-mm-dd), today by default. KeyError: no such visit."""
        with self.state.lock:
            self._find(visit)
            day = on or self.state.clock().astimezone(CHINA).date().isoformat()
            self.state.commit("close", visit=visit, on=day, settled=settled)

    def invoices(self, visit: str) -> list[str]:
        """The numbers of the files that are stored for a visit, oldest first."""
        with self.state.lock:
            known = self.state.visits.get(visit)
            return [invoice.number for invoice in known.invoices] if known else []

    def apply_for_settlement(self, visit: str, *, withdraw: bool = False) -> None:
        """Hand in a discharged visit's settlement application on the web page, or withdraw it. KeyError: no such."""
        self._tell_portal(visit, applied=not withdraw, audited=False)

    def audit(self, visit: str, *, undo: bool = False) -> None:
        """Audit a visit as the agency does; from then on nothing of it can be undone. KeyError: no such visit."""
        self._tell_portal(visit, applied=True, audited=not undo)

    def _tell_portal(self, visit: str, *, applied: bool, audited: bool) -> None:
        with self.state.lock:
            self._find(visit)
            self.state.commit("portal", visit=visit, applied=applied, audited=audited)

    def switch_on(self, *entries: Entry) -> None:
        """Switch further faults on; entries as in `serve`."""
        self.faults.add(read_faults(entries).rules)

    def release(self) -> None:
        """Let every delayed request take effect now, and wait until it has."""
        self._release.set()
        for thread in tuple(self._delayed):
            thread.join()
        self._release.clear()

    def wait(self) -> None:
        """Block until SIGINT (Ctrl-C) or SIGTERM, then stop; a second signal finds its usual handler again.

        Only the main thread of a process may call it.
        """
        asked = threading.Event()
        former = {
            number: signal.signal(number, lambda _number, _frame: asked.set())
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            # With a time-out, because on Windows a wait without one is deaf to Ctrl-C.
            while not asked.wait(0.2):
                pass
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            self.stop()

    def stop(self) -> None:
        """Stop listening, end the connections, drop delayed requests. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._release.set()
        self._server.shutdown()
        self._server.end_connections()
        self._server.server_close()
        self._thread.join()
        for thread in tuple(self._delayed):
            thread.join()
        self.state.close()

    def _find(self, visit: str) -> None:
        if visit not in self.state.visits:
            raise KeyError(visit)

    def _wait(self) -> None:
        if self._latency_s:
            self._stopping.wait(self._latency_s)

    def _serve(self, request: Request) -> bytes | None:
        late = next((name for name in _LATER if name in request.struck), None)
        if late is None:
            return self._reception.serve(request)
        work: Callable[[], bytes | None]
        if late == "P.delay_pre_session":
            work = lambda: self._reception.serve(request)  # noqa: E731 - one of two bodies of a thread
        else:
            try:
                call = self._reception.admit(request)
            except Refusal as refusal:
                return self._reception.refuse(request, refusal)
            work = lambda: self._reception.perform(request, call)  # noqa: E731 - the other body
        how = request.struck[late]
        return self._do_later(work, how.get("delay_s", 1.0), close=how.get("close", True))

    def _do_later(self, work: Callable[[], bytes | None], delay_s: float, *, close: bool) -> bytes | None:
        answers: list[bytes | None] = []

        def wait_and_work() -> None:
            self._release.wait(delay_s)
            if not self._stopping.is_set():
                answers.append(work())

        thread = threading.Thread(target=wait_and_work, name="simulator-delayed")
        self._delayed.append(thread)
        thread.start()
        if close:
            return None
        thread.join()
        return answers[0] if answers else None


def serve(
    port: int = 0,
    *,
    key_text: str,
    username: str,
    password: str,
    faults: Iterable[Entry] | str | Path | Faults = (),
    state_file: Path | str | None = None,
    latency_s: float = 0.0,
    clock: Callable[[], datetime] = read_clock,
    answer_style: str = "document",
    check_rules: bool = True,
    keep_rows: bool | None = None,
    accounts: Mapping[str, str] | None = None,
    injuries: Sequence[Mapping[str, Any]] = (),
    facts: Facts | Path | str | None = None,
    **choices: Any,
) -> Simulator:
    """Start a stand-in platform on 127.0.0.1 (`port` 0: any free one).

    `password` is plain, as are those of `accounts` (further accounts); `clock` gives aware times; `choices` are the
    further fields of `call.Rules`. `facts` is what exists beforehand: a fact file, or "default" for
    `default_facts`; `injuries` are added to its own. With `check_rules=False` the rules about contents are off and rows are only
    counted and summed unless `keep_rows=True`. Raises ConfigurationError, EnvelopeError for an impossible key.
    """
    check_key(key_text)
    if not 0 <= latency_s < math.inf:
        raise ConfigurationError("the simulator's latency is a number of seconds, 0 or more")
    styles = read_styles(answer_style)
    known = {username: password, **(accounts or {})}
    beforehand = _read_facts(facts)
    rules = Rules(
        accounts={name: _digest(word) for name, word in known.items()},
        injuries=(*beforehand.injuries, *injuries),
        facts=beforehand,
        check_rules=check_rules,
        **choices,
    )
    chosen = faults if isinstance(faults, Faults) else read_faults(faults)
    state = State(
        clock,
        state_file=Path(state_file) if state_file is not None else None,
        keep_rows=check_rules if keep_rows is None else keep_rows or check_rules,
    )
    try:
        return Simulator(
            port, state, rules, key_text=key_text, faults=chosen, styles=styles, latency_s=latency_s
        )
    except ConfigurationError:
        state.close()
        raise


def _read_facts(facts: Facts | Path | str | None) -> Facts:
    if facts is None:
        return Facts()
    if isinstance(facts, Facts):
        return facts
    return default_facts() if facts == "default" else read_facts(Path(facts))


def _digest(password: str) -> str:
    # 4.1 asks for MD5; a witness computes it on its own.
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest().upper()
