"""One random history of a small hospital, its connector and its platform, and the invariants it must keep.

A seed gives everything: what happens in the HIS, which calls fail and how, where the process stops or dies, when a
delayed request takes effect. The process dies in place: from then on nothing of it writes or sends any more.
"""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import wraps
from typing import Any

from connector.ledger.store import Ledger
from connector.load.client import PlatformClient
from connector.pipeline.compose import TOLERANCE
from connector.pipeline.progress import Silent
from connector.pipeline.run import RunReport, run
from connector.records import Outcome, State, Verdict
from connector.simulator.faults import KINDS
from connector.simulator.meddling import MANUAL
from tests.ward import Ward

SETTLE_S, READ_LAG_S = 1800, 30
STRIDE = 40
"""Our clock goes so many times faster than it is asked to: sleeping longer than asked is always allowed."""

_AMOUNTS = ("10.00", "10.00", "10.00", "20.00", "30.00", "7.77", "333.33", "0.50", "1234.5678")
_TINY = ("0.0040", "0.0150", "0.0200")
_BENIGN = (
    *("N.body_mid", "N.lose_request", "N.reset", "N.redirect", "N.sent_no_answer", "N.answer_head"),
    *("N.answer_mid", "N.answer_garbled", "N.html_200", "N.500.B", "N.500.A", "N.502.B", "N.502.A"),
    *("N.504.B", "N.504.A", "P.soft", "P.busy", "P.hard", "P.session_drop", "P.lockout", "not sent"),
    *("P.delay_pre_session", "P.delay_post_session", "P.stale"),
)
"""Faults that alone or together end well, without a person (I6)."""

_LYING = ("P.double", "P.counts_lie", "P.manual_delete")
"""Faults after which the platform holds something else than it said: only the end shows it."""

_ROUGH = (
    *("P.partial_counts", "P.partial_error", "P.partial_silent", "P.partial_late", "P.counts_more"),
    *("P.manual_add", "P.manual_add", *_LYING),
)
_LATE = ("P.delay_pre_session", "P.delay_post_session", "P.partial_late")
_WRITES = (
    *(
        "begin_run",
        "stage_visits",
        "stage",
        "sweep",
        "mark_read",
        "doubt_orphans",
        "put_session",
        "drop_session",
    ),
    *("claim", "answer", "settle", "note_fenced", "hold_visit", "unhold_visit", "end_run"),
)


class Killed(BaseException):
    """The process is dead. Not an Exception: nothing may catch it."""


class Violation(AssertionError):
    """An invariant of the delivery protocol is broken."""


@dataclass
class History:
    """One seed's history in a ward. Numbers of visits are its own, so that wards can be used again."""

    ward: Ward
    seed: int
    visits: list[int]
    one_at_a_time: bool
    chance: random.Random = field(init=False)
    faults: dict[int, str] = field(init=False)
    owed: list[str] = field(default_factory=list)
    kills: set[int] = field(init=False)
    stops: set[int] = field(init=False)
    versions: Counter = field(default_factory=Counter)
    items: dict[int, str] = field(default_factory=dict)
    late: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    points: int = 0
    calls: int = 0
    is_dead: bool = False
    is_tiny: bool = False
    is_calm: bool = False
    pending_since: float | None = None

    def __post_init__(self) -> None:
        self.chance = chance = random.Random(self.seed)
        names = [*_BENIGN, *_ROUGH] if chance.random() < 0.4 else list(_BENIGN)
        if not self.one_at_a_time:
            names = [name for name in names if name != "P.stale"]
        self.faults = {chance.randint(1, 25): chance.choice(names) for _ in range(chance.randint(0, 3))}
        self.kills = {chance.randint(10, 160) for _ in range(chance.choice((0, 0, 1, 2)))}
        self.stops = {chance.randint(2, 25) for _ in range(chance.choice((0, 0, 0, 1)))}
        self.tell(f"seed {self.seed}: faults {self.faults}, kills {self.kills}, stops {self.stops}")

    def tell(self, text: str) -> None:
        self.told.append(text)

    def fail(self, text: str) -> None:
        raise Violation("\n".join([text, *self.told]))

    # -- what happens -----------------------------------------------------------------------------------------

    def play(self) -> None:
        """Faults first, then calm: it must come to rest, and everything must be where it belongs."""
        self.ward.time.on_sleep = self.on_sleep
        self.ward.simulator.switch_on({"fault": "P.poison", "items": "BAD"})
        try:
            for _ in range(self.chance.randint(2, 4)):
                self.happen()
                self.attempt()
                self.ward.time.sleep(self.chance.choice((1, 60, 60, 600, 9000)))
            self.calm_down()
            self.check_end()
        finally:
            self.ward.simulator.faults.clear()
            self.ward.simulator.release()
            self.ward.stop.clear()
            self.ward.time.on_sleep = lambda seconds: None

    def happen(self) -> None:
        """A few events in the HIS."""
        for zyh in self.visits:
            if not self.one("SELECT 1 FROM stay WHERE zyh = ?", zyh) and self.chance.random() < 0.8:
                self.ward.stay(zyh, injury="" if self.chance.random() < 0.1 else "2012282")
                self.tell(f"stay {zyh}")
        for _ in range(self.chance.randint(0, 8)):
            event = self.chance.choice(
                (
                    *(self.charge,) * 6,
                    self.refund,
                    self.refund,
                    self.change,
                    self.delete,
                    self.odd,
                    self.order,
                )
            )
            event(self.chance.choice(self.visits))
        if self.chance.random() < 0.3:
            self.ward.change("UPDATE stay SET injury = '2012282'")

    def charge(self, zyh: int) -> None:
        amount = self.chance.choice(_AMOUNTS)
        if self.chance.random() < 0.06:
            amount, self.is_tiny = self.chance.choice(_TINY), True
        self.insert(
            zyh,
            amount,
            self.chance.choice(("XA11", "XA11", "XB22", "BAD") if self.chance.random() < 0.2 else ("XA11",)),
        )

    def insert(self, zyh: int, amount: str, item: str, refund: int | None = None) -> None:
        key = None
        if self.late and self.chance.random() < 0.5:
            key = self.late.pop()
        elif self.chance.random() < 0.2:
            self.late.append(next(self.ward.ids))
        quantity = "-1" if amount.startswith("-") else "1"
        key = self.ward.fee(zyh, amount, item=item, quantity=quantity, refund=refund, key=key)
        self.items[key] = item
        self.versions[zyh, item, scaled(amount)] += 1
        self.tell(f"fee {key} of {zyh}: {item} {amount}" + (f" refund of {refund}" if refund else ""))

    def refund(self, zyh: int) -> None:
        found = self.one(
            "SELECT id, item, amount FROM fee WHERE zyh = ? AND amount > 0 ORDER BY random()", zyh
        )
        if self.chance.random() < 0.1:
            self.insert(zyh, "-10.00", "XA11", refund=10**6)
        elif found:
            amount = f"-{Decimal(str(found[2]))}"
            self.insert(zyh, amount, found[1], refund=found[0] if self.chance.random() < 0.6 else None)

    def change(self, zyh: int) -> None:
        found = self.one(
            "SELECT id, item FROM fee WHERE zyh = ? AND amount > 0 ORDER BY id LIMIT 1 OFFSET ?",
            zyh,
            self.chance.randint(0, 3),
        )
        if found:
            amount = self.chance.choice(_AMOUNTS)
            self.ward.change("UPDATE fee SET price = ?, amount = ? WHERE id = ?", amount, amount, found[0])
            self.versions[zyh, found[1], scaled(amount)] += 1
            self.tell(f"fee {found[0]} becomes {amount}")

    def delete(self, zyh: int) -> None:
        found = self.one(
            "SELECT id FROM fee WHERE zyh = ? ORDER BY id LIMIT 1 OFFSET ?", zyh, self.chance.randint(0, 3)
        )
        if found:
            self.ward.change("DELETE FROM fee WHERE id = ?", found[0])
            self.tell(f"fee {found[0]} is gone")

    def odd(self, zyh: int) -> None:
        """A zero amount, or a row that breaks a rule."""
        amount, price = self.chance.choice((("0.00", "5.00"), ("20.00", "-20.00")))
        key = self.ward.fee(zyh, amount, price=price)
        self.items[key] = "XA11"
        self.versions[zyh, "XA11", scaled(amount)] += 1
        self.tell(f"odd fee {key} of {zyh}: {amount}, price {price}")

    def order(self, zyh: int) -> None:
        self.ward.order(zyh)

    def one(self, sql: str, *values: object) -> tuple | None:
        return self.ward.his.execute(
            sql.replace("random()", f"(id * {self.seed % 97 + 1}) % 31"), values
        ).fetchone()

    def attempt(self) -> RunReport | None:
        """One run of a fresh process; None when it died."""
        parts = self.ward.parts()
        try:
            report = run(parts, [], progress=Silent(), is_stopping=self.ward.stop.is_set)
        except Killed:
            self.tell(f"-- killed at point {self.points}, call {self.calls}")
            return None
        finally:
            self.is_dead = False
            self.ward.stop.clear()
        sent = {name: (r.rows, r.registered, r.held, r.waiting) for name, r in report.delivered.items()}
        self.tell(f"-- run: exit {report.exit_code} {report.problem} {sent}, {self.calls} calls")
        return report

    def calm_down(self) -> None:
        self.tell("== calm")
        self.is_calm = True
        self.kills.clear()
        self.stops.clear()
        self.faults.clear()
        self.owed.clear()
        self.ward.simulator.faults.clear()
        self.ward.simulator.switch_on({"fault": "P.poison", "items": "BAD"})
        idle = 0
        for _ in range(12):
            report = self.attempt()
            assert report is not None
            busy = sum(r.rows + r.registered + r.settled + r.refused for r in report.delivered.values())
            idle = 0 if busy or report.problem else idle + 1
            self.last = report
            if idle == 2:
                return
            self.ward.time.sleep(60)
        self.fail("I8: it does not come to rest")

    # -- what breaks in ----------------------------------------------------------------------------------------

    def pass_point(self) -> None:
        """A place where the process may die."""
        if self.is_dead:
            raise Killed
        self.points += 1
        if self.points in self.kills:
            self.is_dead = True
            raise Killed

    def before_call(self, method: str, body: bytes) -> Outcome | None:
        """Arm what strikes this call; an outcome when it never leaves."""
        self.calls += 1
        if self.calls in self.stops:
            self.ward.stop.set()
        if self.calls in self.faults:
            self.owed.append(self.faults[self.calls])
        for name in tuple(self.owed):
            kind = KINDS.get(name)
            fits = kind is None or not kind.bound or method in kind.operations
            if name.startswith("P.manual") or name in _LATE:
                fits = method == "sendMedInfo"
            if name == "P.stale":
                fits = fits and self.is_recent(body)
            if not fits:
                continue
            self.owed.remove(name)
            self.fired.append(name)
            self.tell(f"   call {self.calls} {method}: {name}")
            if name == "not sent":
                return Outcome(Verdict.NOT_SENT, message="refused by the test")
            self.ward.simulator.switch_on(
                {"fault": name, "operation": method, "times": 1, **self.details(name)}
            )
            break
        return None

    def details(self, name: str) -> dict[str, Any]:
        if name in ("P.delay_pre_session", "P.delay_post_session"):
            return {"delay_s": 3600}
        if name == "P.partial_late":
            return {"delay_s": 3600, "saved": self.chance.randint(0, 2)}
        if name.startswith("P.partial") or name == "P.counts_lie":
            return {"keep": sorted(self.chance.sample(range(4), self.chance.randint(0, 3)))}
        if name == "P.manual_add":
            return {"amount": "1000.07"}
        if name == "P.soft":
            return {"commit": self.chance.choice((True, False))}
        return {}

    def is_recent(self, body: bytes) -> bool:
        """Whether the visit's total may still be an old one (assumption A4: for a short while only)."""
        number = json.loads(body).get("akc190")
        for event in reversed(self.ward.simulator.state.journal):
            if event["event"] == "fees" and event["visit"] == number:
                return (self.ward.time.now - event["at"]).total_seconds() < READ_LAG_S
        return False

    def on_sleep(self, seconds: float) -> None:
        """Time passes faster, and what is delayed takes effect before its time is up (assumption A3)."""
        time, simulator = self.ward.time, self.ward.simulator
        jump = seconds * STRIDE if seconds <= 1 else seconds
        if simulator.pending:
            moment = time.now.timestamp()
            self.pending_since = self.pending_since or moment
            is_over = moment + jump - self.pending_since > SETTLE_S - 100
            if is_over or self.chance.random() < 0.01:
                simulator.release()
        else:
            self.pending_since = None
        if seconds <= 1:
            time.now += timedelta(seconds=jump)

    # -- what must hold ----------------------------------------------------------------------------------------

    def stored(self, zyh: int) -> Counter:
        """The connector's rows on the platform."""
        return Counter(
            (row["alc402"], scaled(row["alc407"]))
            for row in self.ward.simulator.fees(f"V{zyh}")
            if row["alc400"] != MANUAL
        )

    def accepted(self, ledger: Ledger, zyh: int) -> Counter:
        records = ledger.visit_records("stays", "fees", str(zyh))
        return Counter(
            (self.items[int(key)], amount)
            for key, (state, amount) in records.items()
            if state is State.ACCEPTED
        )

    def after_settling(self, ledger: Ledger) -> None:
        """I4: what was decided is what is stored, wherever nobody lied."""
        if set(self.fired) & {*_LYING} or (not self.one_at_a_time and ledger.all_open_batches()):
            return
        for one in ledger.visit_totals("stays"):
            stored, decided = self.stored(int(one.key)), self.accepted(ledger, int(one.key))
            if not one.doubt_rows and stored != decided:
                self.fail(f"I4: {one.key}: stored {stored}, decided {decided}")

    def check_end(self) -> None:
        self.check_copies()
        with self.ward.parts().open_ledger(read_only=True) as ledger:
            totals = {int(one.key): one for one in ledger.visit_totals("stays")}
            changed = {one.key for one in ledger.marked(1000)}
            for zyh in self.visits:
                if zyh in totals:
                    self.check_visit(ledger, zyh, totals[zyh].reason, changed)
        if set(self.fired) <= {*_BENIGN} and not self.is_tiny:
            for one in totals.values():
                if one.reason:
                    self.fail(f"I6: {one.key} is held without need: {one.reason}")

    def check_copies(self) -> None:
        """I1: no more copies ever committed than the HIS had versions."""
        if "P.double" in self.fired:
            return
        copies = Counter(
            (int(visit[1:]), fee.item, fee.amount)
            for visit, fee in self.ward.simulator.state.committed_rows()
            if fee.item != MANUAL
        )
        for payload, count in copies.items():
            if payload[0] in self.visits and count > self.versions[payload]:
                self.fail(
                    f"I1: {payload} is there {count} times, the HIS had it {self.versions[payload]} times"
                )

    def check_visit(self, ledger: Ledger, zyh: int, reason: str, changed: set[str]) -> None:
        records = ledger.visit_records("stays", "fees", str(zyh))
        stored, accepted = self.stored(zyh), self.accepted(ledger, zyh)
        if not reason and stored != accepted and not self.is_hidden(stored, accepted):
            self.fail(f"I3: {zyh}: stored {stored}, accepted {accepted}")
        waits = any(
            str(zyh) == name or f"V{zyh}" == name for r in self.last.delivered.values() for name in r.waiting
        )
        rows = self.ward.his.execute("SELECT id, amount, refund FROM fee WHERE zyh = ?", (zyh,)).fetchall()
        for key, amount, refund in rows:
            state, known = records.get(str(key), (None, 0))
            fine = state in (State.ACCEPTED, State.QUARANTINED, State.SET_ASIDE) or (
                reason and state in (State.STAGED, State.IN_DOUBT)
            )
            if state is State.STAGED and waits:
                original = records.get(str(refund), (None, 0))[0]
                unregistered = f"V{zyh}" not in self.ward.simulator.state.visits
                fine = fine or unregistered or (refund and original is not State.ACCEPTED)
            if not fine:
                self.fail(f"I2: fee {key} of {zyh} is {state}, held “{reason}”, waits {waits}")
            if state is State.ACCEPTED and known != scaled(str(amount)) and str(key) not in changed:
                self.fail(f"I2: fee {key} was accepted with another amount, and nothing shows it")

    def is_hidden(self, stored: Counter, accepted: Counter) -> bool:
        """Whether somebody else changed the platform in a way that no total can show (residual risk R6)."""
        sums = [sum(amount * count for (_, amount), count in rows.items()) for rows in (stored, accepted)]
        return bool(set(self.fired) & {*_LYING}) and abs(sums[0] - sums[1]) <= TOLERANCE


def scaled(amount: str) -> int:
    """An amount in ten-thousandths of a yuan."""
    return int(Decimal(str(amount)).scaleb(4))


def break_in(monkeypatch: Any, current: Callable[[], History | None]) -> None:
    """Put a point where the process may die around everything it writes and sends."""

    def around(owner: type, name: str) -> None:
        real = getattr(owner, name)

        @wraps(real)
        def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
            history = current()
            if history is None:
                return real(self, *args, **kwargs)
            history.pass_point()
            result = real(self, *args, **kwargs)
            history.pass_point()
            if name == "settle":
                history.after_settling(self)
            return result

        monkeypatch.setattr(owner, name, guarded)

    for name in _WRITES:
        around(Ledger, name)
    call, login = PlatformClient.call, PlatformClient.login

    def guarded_call(self: Any, operation: Any, body: bytes, sessionid: str) -> Outcome:
        history = current()
        if history is None:
            return call(self, operation, body, sessionid)
        history.pass_point()
        outcome = history.before_call(operation.method, body) or call(self, operation, body, sessionid)
        history.pass_point()
        return outcome

    def guarded_login(self: Any, day: Any) -> Outcome:
        history = current()
        if history is None:
            return login(self, day)
        history.pass_point()
        outcome = history.before_call("login", b"{}") or login(self, day)
        history.pass_point()
        return outcome

    monkeypatch.setattr(PlatformClient, "call", guarded_call)
    monkeypatch.setattr(PlatformClient, "login", guarded_login)
