"""Any history of HIS, faults, deaths and people on the web page, drawn and shrunk by hypothesis.

`CONNECTOR_EXAMPLES=500` draws so many. At the end of each, and wherever the machine asks for it in between, the
faults end, it comes to rest, and HIS, ledger and platform are compared row by row (invariants I1, I2, I3, I5, I8).
"""

import os
import random
from collections.abc import Callable
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.schedule import KINDS, Playground
from tests.torture.breaking import break_in
from tests.torture.trial import BENIGN, CONDITIONS, ROUGH, Trial

_FEW = 10
EXAMPLES = int(os.environ.get("CONNECTOR_EXAMPLES", _FEW))
_KIND = "rows after the watermark, one visit at a time"
_AMOUNTS = ("10.00", "20.00", "30.00", "0.50", "1234.5678", "0.0040")

visits = st.sampled_from((1, 2))
amounts = st.sampled_from(_AMOUNTS)
nth = st.integers(0, 30)
"""Which row is meant, counted round: any number names one, so that a shrunk history still means something."""


class AnyDelivery(RuleBasedStateMachine):
    """One small hospital; `begin` gives a trial in an empty ward."""

    begin: Callable[[], Trial]

    def __init__(self):
        super().__init__()
        self.trial = type(self).begin()
        self.ward = self.trial.ward
        self.ids = self.trial.visits[:2]
        self.late = []

    @initialize(conditions=st.sets(st.sampled_from(CONDITIONS), max_size=1))
    def admit(self, conditions):
        self.trial.begin(*conditions)
        for zyh in self.ids:
            self.ward.stay(zyh)

    def teardown(self):
        try:
            self.trial.come_to_rest()
        finally:
            self.trial.end()

    # -- the HIS ------------------------------------------------------------------------------------------------

    @rule(visit=visits, amount=amounts, item=st.sampled_from(("XA11", "XB22", "BAD")))
    def charge(self, visit, amount, item):
        self.trial.is_tiny |= amount == "0.0040"
        self.ward.fee(self._zyh(visit), amount, item=item)

    @rule()
    def keep_a_key_for_later(self):
        self.late.append(next(self.ward.ids))

    @precondition(lambda self: self.late)
    @rule(visit=visits, amount=amounts)
    def charge_late(self, visit, amount):
        self.trial.is_tiny |= amount == "0.0040"
        self.ward.fee(self._zyh(visit), amount, key=self.late.pop(0))

    @rule(nth=nth, is_linked=st.booleans())
    def refund(self, nth, is_linked):
        found = self._pick(nth, "amount > 0")
        if found:
            key, zyh, item, amount = found
            negative = f"-{Decimal(str(amount))}"
            self.ward.fee(zyh, negative, item=item, quantity="-1", refund=key if is_linked else None)

    @rule(nth=nth, amount=amounts)
    def edit(self, nth, amount):
        found = self._pick(nth, "amount > 0")
        if found:
            self.trial.is_tiny |= amount == "0.0040"
            self.ward.edit(found[0], amount)

    @rule(nth=nth)
    def delete(self, nth):
        found = self._pick(nth, "1 = 1")
        if found:
            self.ward.change("DELETE FROM fee WHERE id = ?", found[0])

    @rule(visit=visits)
    def order(self, visit):
        self.ward.order(self._zyh(visit))

    # -- runs ---------------------------------------------------------------------------------------------------

    @rule()
    def run(self):
        self.trial.attempt()

    @rule(fault=st.sampled_from(BENIGN + ROUGH), call=st.integers(1, 8), chance=st.integers(0, 7))
    def run_struck(self, fault, call, chance):
        self.trial.chance = random.Random(chance)
        self.trial.faults[self.trial.calls + call] = fault
        self.trial.attempt()

    @rule(point=st.integers(1, 80))
    def run_killed(self, point):
        self.trial.kills.add(self.trial.points + point)
        self.trial.attempt()

    @rule(fault=st.sampled_from(BENIGN + ROUGH), call=st.integers(1, 8), point=st.integers(1, 80))
    def run_struck_and_killed(self, fault, call, point):
        self.trial.faults[self.trial.calls + call] = fault
        self.trial.kills.add(self.trial.points + point)
        self.trial.attempt()

    @rule(call=st.integers(1, 8))
    def run_stopped(self, call):
        self.trial.stops.add(self.trial.calls + call)
        self.trial.attempt()

    @rule(minutes=st.sampled_from((1, 10, 150)))
    def wait(self, minutes):
        self.ward.time.sleep(60 * minutes)

    @rule()
    def come_to_rest(self):
        self.trial.come_to_rest()

    # -- people on the platform's web page ------------------------------------------------------------------------

    @rule(visit=visits, amount=st.sampled_from(("1000.07", "-1000.07")))
    def enter_by_hand(self, visit, amount):
        number = f"V{self._zyh(visit)}"
        if number in self.ward.simulator.state.visits:
            self.trial.fired.append("P.manual_add")
            self.ward.simulator.add_fees_by_hand(number, Decimal(amount))

    def _zyh(self, visit):
        return self.ids[visit - 1]

    def _pick(self, nth, where):
        rows = self.ward.his.execute(
            f"SELECT id, zyh, item, amount FROM fee WHERE {where} ORDER BY id"
        ).fetchall()
        return rows[nth % len(rows)] if rows else None


def test_any_delivery(start, monkeypatch):
    ground = Playground(start(**KINDS[_KIND]))
    playing = []
    break_in(monkeypatch, lambda: playing[0] if playing else None)

    class Here(AnyDelivery):
        @staticmethod
        def begin():
            ground.clear()
            number = ground.ward.simulator.state.clock().toordinal()  # a later day for each: other visits
            playing[:] = [Trial(ground.ward, [number * 10 + 1, number * 10 + 2], random.Random(0))]
            return playing[0]

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=14,
            deadline=None,
            derandomize=EXAMPLES == _FEW,  # the suite is the same every time
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
