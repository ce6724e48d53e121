"""One random history of a small hospital, its connector and its platform, and the invariants it must keep.

A seed gives everything: what happens in the HIS, which calls fail and how, where the process stops or dies, when a
delayed request takes effect.
"""

import itertools
import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.audit import Audit
from tests.torture.trial import BENIGN, CONDITIONS, ROUGH, Trial
from tests.ward import START, Ward

_AMOUNTS = ("10.00", "10.00", "10.00", "20.00", "30.00", "7.77", "333.33", "0.50", "1234.5678")
_TINY = ("0.0040", "0.0150", "0.0200")

KINDS: dict[str, dict[str, Any]] = {
    "rows after the watermark, one visit at a time": {
        "changes": "{by: sequence, column: id, lookback: 1000}",
        "visits_in_flight": 1,
    },
    "whole visits compared": {"changes": "{by: comparison}", "visits_in_flight": 1},
    "several visits at once": {"changes": "{by: comparison}", "batch_rows": 3},
    "row by row": {
        "changes": "{by: sequence, column: id, lookback: 1000}",
        "visits_in_flight": 1,
        "batch_rows": 1,
    },
}
"""Wards in which histories are played: the settings of each."""


@dataclass
class History(Trial):
    """One seed's history."""

    seed: int = 0
    late: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = self.chance
        names = [*BENIGN, *ROUGH] if chance.random() < 0.4 else list(BENIGN)
        if not self.may_lag:
            names.remove("P.stale")
        self.faults = {chance.randint(1, 25): chance.choice(names) for _ in range(chance.randint(0, 3))}
        self.kills = {chance.randint(10, 200) for _ in range(chance.choice((0, 0, 1, 2)))}
        self.stops = {chance.randint(2, 25) for _ in range(chance.choice((0, 0, 0, 1)))}
        self.tell(f"seed {self.seed}: faults {self.faults}, kills {self.kills}, stops {self.stops}")

    def play(self) -> Audit:
        """Faults first, then calm: it must come to rest, and everything must be where it belongs."""
        self.begin(*self.chance.sample(CONDITIONS, self.chance.choice((0, 0, 1))))
        try:
            for _ in range(self.chance.randint(2, 4)):
                self.happen()
                self.attempt()
                self.ward.time.sleep(self.chance.choice((1, 60, 60, 600, 9000)))
            return self.come_to_rest()
        finally:
            self.end()

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
            "SELECT id FROM fee WHERE zyh = ? AND amount > 0 ORDER BY id LIMIT 1 OFFSET ?",
            zyh,
            self.chance.randint(0, 3),
        )
        if found:
            amount = self.chance.choice(_AMOUNTS)
            self.ward.edit(found[0], amount)
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
        self.tell(f"odd fee {key} of {zyh}: {amount}, price {price}")

    def order(self, zyh: int) -> None:
        self.ward.order(zyh)

    def one(self, sql: str, *values: object) -> tuple | None:
        return self.ward.his.execute(
            sql.replace("random()", f"(id * {self.seed % 97 + 1}) % 31"), values
        ).fetchone()


@dataclass
class Playground:
    """A ward that one trial after the other is played in, each from an empty HIS and an empty ledger."""

    ward: Ward

    def __post_init__(self) -> None:
        parts = self.ward.parts()
        self.ward.parts = lambda: parts  # type: ignore[method-assign]  # its files do not change
        self._fresh = {file.name: file.read_bytes() for file in self._ledger_files()}

    def _ledger_files(self) -> list[Path]:
        """The ledger's files, its witness among them."""
        return list(self.ward.directory.glob("ledger.[dw]*"))

    def clear(self) -> None:
        """Begin anew, at the same hour of a later day, so that a seed gives the same history wherever it is played.

        Every earlier session has lapsed. What the platform holds stays: the next visits are others.
        """
        for table in ("stay", "fee", "doctor_order"):
            self.ward.change(f"DELETE FROM {table}")
        for old in self._ledger_files():
            old.unlink()
        for name, content in self._fresh.items():
            (self.ward.directory / name).write_bytes(content)
        self.ward.ids = itertools.count(1)
        self.ward.items.clear()
        self.ward.versions.clear()
        time = self.ward.time
        days = (time.now + timedelta(hours=3) - START) // timedelta(days=1) + 1
        time.now = START + timedelta(days=days)

    def history(self, kind: str, seed: int) -> History:
        """The history of a seed, ready to be played."""
        self.clear()
        visits = [seed * 10 + n for n in range(1, 4)]
        may_lag = KINDS[kind].get("visits_in_flight") == 1
        return History(self.ward, visits, random.Random(seed), may_lag=may_lag, seed=seed)
