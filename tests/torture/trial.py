"""A ward whose connector can be struck and killed in place, and the invariants that must hold once it is at rest.

The process dies in place: from then on nothing of it writes or sends any more, and what it had not committed is
gone. A run is tried with what strikes it; `come_to_rest` ends the faults and runs until nothing is left to do.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connector.ledger.store import Ledger
from connector.pipeline.compose import TOLERANCE
from connector.pipeline.progress import Silent
from connector.pipeline.run import RunReport, run
from connector.records import Outcome, Verdict
from connector.simulator.faults import KINDS
from tests.audit import Audit, accepted, audit, stored
from tests.torture.outcomes import Outcomes
from tests.ward import Ward

SETTLE_S, READ_LAG_S = 1800, 30
STRIDE = 40
"""Our clock goes so many times faster than it is asked to: sleeping longer than asked is always allowed."""

NOT_SENT = "not sent"
"""A fault of ours: the connection is refused, not a byte leaves."""

AGAIN = "N.lose_request again and again"
"""A fault of ours: the same rows are lost more often than a person is spared (`delivery.most_releases`)."""

BENIGN = (
    *("N.body_mid", "N.lose_request", "N.reset", "N.redirect", "N.sent_no_answer", "N.answer_head"),
    *("N.answer_mid", "N.answer_garbled", "N.html_200", "N.500.B", "N.500.A", "N.502.B", "N.502.A"),
    *("N.504.B", "N.504.A", "P.soft", "P.busy", "P.hard", "P.session_drop", "P.lockout", NOT_SENT),
    *("P.delay_pre_session", "P.delay_post_session", "P.stale"),
)
"""Faults that alone or together end well, without a person (I6)."""

LYING = ("P.double", "P.counts_lie", "P.manual_delete")
"""Faults after which the platform holds something else than it said: only the end shows it."""

ROUGH = (
    *(
        "P.partial_counts",
        "P.partial_counts",
        "P.partial_error",
        "P.partial_silent",
        "P.partial_late",
        "P.counts_more",
    ),
    *("P.manual_add", AGAIN, *LYING),
)
"""Faults that may end with a visit held for a person, never with a row lost or sent twice."""

CONDITIONS = ("P.round.half_up", "P.round.half_even", "P.round.trunc", "P.empty_91006")
"""Ways of the platform that hold for a whole trial."""

LEFT_OUT = {
    "P.poison": "always on, for the item BAD",
    "P.round.per_row": "exceeds the tolerance of two decimals: `connector calibrate` looks for it (assumption A6)",
    "P.session_multi": "takes the fence away (assumption A2): `connector calibrate` looks for it",
    "P.manual_same_amount": "deceives every arithmetic (residual risk R1)",
}
"""Faults of the simulator that no trial arms by itself, and why."""

_LATE = ("P.delay_pre_session", "P.delay_post_session")


_PARTS = ((), (0,), (0,), (1,), (0, 1), (0, 2), (1, 2, 3), (0, 1, 2, 3))
"""Which rows of a batch are saved; of a short batch the last part is the whole, and the others may be."""

_DETAILS: dict[str, dict[str, Any]] = {
    AGAIN: {"times": 5},
    "P.delay_pre_session": {"delay_s": 3600},
    "P.delay_post_session": {"delay_s": 3600},
    "P.manual_add": {"amount": "1000.07"},
}


class Killed(BaseException):
    """The process is dead. Not an Exception: nothing may catch it."""


class Violation(AssertionError):
    """An invariant of the delivery protocol is broken; `found` is the comparison that shows it, if one does."""

    def __init__(self, text: str, found: Audit | None = None) -> None:
        self.found = found
        super().__init__(text)


@dataclass
class Trial:
    """One ward under test. Numbers of visits are its own, so that wards can be used again.

    `faults`: what strikes the n-th call; `kills` and `stops`: at which point it dies, at which call it is stopped.
    `may_lag`: totals may be old for a while (one visit at a time, else nobody could say for which).
    """

    ward: Ward
    visits: list[int]
    chance: random.Random
    may_lag: bool = True
    faults: dict[int, str] = field(default_factory=dict)
    owed: list[str] = field(default_factory=list)
    kills: set[int] = field(default_factory=set)
    stops: set[int] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)
    points: int = 0
    calls: int = 0
    deaths: int = 0
    uploads: Counter[str] = field(default_factory=Counter)
    is_dead: bool = False
    is_tiny: bool = False
    pending_since: float | None = None
    last: RunReport | None = None

    def tell(self, text: str) -> None:
        self.told.append(text)

    def fail(self, text: str, found: Audit | None = None) -> None:
        raise Violation("\n".join([text, *self.told]), found)

    def begin(self, *conditions: str) -> None:
        """Take hold of the ward's clock, and switch on what holds for the whole trial."""
        self.ward.time.on_sleep = self.on_sleep
        self.ward.simulator.switch_on({"fault": "P.poison", "items": "BAD"}, *conditions)

    def end(self) -> None:
        """Leave the ward as it was."""
        self.ward.simulator.faults.clear()
        self.ward.simulator.release()
        self.ward.stop.clear()
        self.ward.time.on_sleep = lambda seconds: None

    # -- runs -------------------------------------------------------------------------------------------------

    def attempt(self) -> RunReport | None:
        """One run of a fresh process; None when it died."""
        doubts = self._doubts()
        self.uploads.clear()
        try:
            report = run(self.ward.parts(), [], progress=Silent(), is_stopping=self.ward.stop.is_set)
        except Killed:
            self.deaths += 1
            self.tell(f"-- killed at point {self.points}, call {self.calls}")
            return None
        finally:
            self.is_dead = False
            self.ward.stop.clear()
        sent = {name: (r.rows, r.registered, r.held, r.waiting) for name, r in report.delivered.items()}
        self.tell(f"-- run: exit {report.exit_code} {report.problem} {sent}, {self.calls} calls")
        still = self._doubts()
        for batch, visit in doubts.items():
            if batch in still and self.uploads[visit]:
                self.fail(f"I5: {visit} was sent something while its batch {batch} was in doubt")
        return report

    def come_to_rest(self) -> Audit:
        """No more faults: it comes to rest in a few runs, and everything is where it belongs."""
        self.tell("== calm")
        self.kills.clear()
        self.stops.clear()
        self.faults.clear()
        self.owed.clear()
        rules = self.ward.simulator.faults.rules
        rules[:] = [rule for rule in rules if KINDS[rule.fault].condition]
        idle = 0
        for _ in range(12):
            report = self.attempt()
            assert report is not None
            busy = sum(r.rows + r.registered + r.settled + r.refused for r in report.delivered.values())
            idle = 0 if busy or report.problem else idle + 1
            self.last = report
            if idle == 2:
                return self.check()
            self.ward.time.sleep(60)
        self.fail("I8: it does not come to rest")
        raise AssertionError

    def _doubts(self) -> dict[int, str]:
        """The batches in doubt, with the number of their visit."""
        with self.ward.parts().open_ledger(read_only=True) as ledger:
            return {one.id: one.number for one in ledger.all_open_batches()}

    # -- what breaks in ----------------------------------------------------------------------------------------

    def pass_point(self) -> None:
        """A place where the process may die."""
        self.must_live()
        self.points += 1
        if self.points in self.kills:
            self.is_dead = True
            raise Killed

    def must_live(self) -> None:
        """A dead process does nothing."""
        if self.is_dead:
            raise Killed

    def before_call(self, method: str, body: bytes) -> Outcome | None:
        """Arm what strikes this call; an outcome when it never leaves."""
        self.calls += 1
        if method == "sendMedInfo":
            self.uploads[json.loads(body)["akc190"]] += 1
        if self.calls in self.stops:
            self.ward.stop.set()
        if self.calls in self.faults:
            self.owed.append(self.faults[self.calls])
        for name in tuple(self.owed):
            if self._fits(name, method, body):
                self.owed.remove(name)
                return self._strike(name, method)
        return None

    def _fits(self, name: str, method: str, body: bytes) -> bool:
        """Whether a fault can strike this call."""
        if name in ROUGH:
            return method == "sendMedInfo" and b'"meds"' in body
        if name in _LATE:
            return method == "sendMedInfo"
        if name == "P.stale":
            return method in KINDS[name].operations and self.may_lag and self._is_recent(body)
        kind = KINDS.get(name)
        return kind is None or not kind.bound or method in kind.operations

    def _strike(self, name: str, method: str) -> Outcome | None:
        self.fired.append(name)
        self.tell(f"   call {self.calls} {method}: {name}")
        if name == NOT_SENT:
            return Outcome(Verdict.NOT_SENT, message="refused by the test")
        fault = {"fault": name.partition(" ")[0], "operation": method, "times": 1, **self._details(name)}
        self.ward.simulator.switch_on(fault)
        return None

    def _details(self, name: str) -> dict[str, Any]:
        """What a fault is told besides its name; chance decides what is open."""
        chance = self.chance
        if name == "P.partial_late":
            return {"delay_s": 3600, "saved": chance.randint(0, 2)}
        if name.startswith("P.partial") or name == "P.counts_lie":
            return {"keep": list(chance.choice(_PARTS))}
        if name == "P.soft":
            return {"commit": chance.choice((True, False))}
        if name == "P.hard":
            return {"code": chance.choice(("81036", "81005"))}
        return _DETAILS.get(name, {})

    def _is_recent(self, body: bytes) -> bool:
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

    def after_settling(self, ledger: Ledger) -> None:
        """I4: what was decided is what is stored, wherever nobody lied."""
        if set(self.fired) & {*LYING} or (not self.may_lag and ledger.all_open_batches()):
            return
        for one in ledger.visit_totals("stays"):
            there, decided = stored(self.ward, int(one.key)), accepted(self.ward, ledger, int(one.key))
            if not one.doubt_rows and there != decided:
                self.fail(f"I4: {one.key}: stored {there}, decided {decided}")

    def check(self) -> Audit:
        """I1, I2, I3 by comparing every row, I6, and whatever waits is shown to wait."""
        found = audit(self.ward, self.visits)
        if (
            "P.double" in self.fired
        ):  # the gateway's copies are its own (residual risk R4); they are held, not ours
            found.twice.clear()
        if set(self.fired) & {*LYING} and self._is_hidden():
            found.lost.clear()
            found.different.clear()
        if found.wrong:
            self.fail("\n".join(found.wrong), found)
        with self.ward.parts().open_ledger(read_only=True) as ledger:
            totals = [one for one in ledger.visit_totals("stays") if int(one.key) in self.visits]
        waiting = {name for r in self.last.delivered.values() for name in r.waiting} if self.last else set()
        for one in totals:
            is_just = one.reason.startswith(
                "more refunded than charged"
            )  # the history does refund a charge twice
            if one.reason and not is_just and set(self.fired) <= {*BENIGN} and not self.is_tiny:
                self.fail(f"I6: {one.key} is held without need: {one.reason}")
            if one.staged_rows and not one.reason and not waiting & {one.key, one.number}:
                self.fail(f"I2: rows of {one.key} wait, and nothing says why")
        return found

    def _is_hidden(self) -> bool:
        """Whether somebody else changed the platform in a way that no total can show (residual risk R6)."""
        with self.ward.parts().open_ledger(read_only=True) as ledger:
            for zyh in self.visits:
                there, known = stored(self.ward, zyh), accepted(self.ward, ledger, zyh)
                sums = [sum(amount * n for (_, amount), n in rows.items()) for rows in (there, known)]
                if there != known and abs(sums[0] - sums[1]) <= TOLERANCE:
                    return True
        return False
