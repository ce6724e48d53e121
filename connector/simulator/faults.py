"""The faults that can be switched on: their names, what each does, and when it strikes.

The names are those of the delivery protocol's test plan: `N.` for the network, `P.` for the platform itself;
`.B` strikes before the request took effect, `.A` after. An incident strikes once (the first matching call)
unless it is given `at`, `every` or `share`; a condition holds for every matching call unless it is.
"""

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from connector.simulator.readings import (
    read_amount,
    read_list_of,
    read_natural,
    read_seconds,
    read_some_of,
    read_truth,
    read_word,
)

UPLOADS = ("sendMedInfo", "sendBsMedInfo")
READINGS = ("discharge", "getPerDetail")
ANY = "*"


_SUBSET: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "keep": partial(read_list_of, read_natural),
        "saved": read_natural,
    }
)
_DELAY: Mapping[str, Callable[[Any], Any]] = MappingProxyType({"delay_s": read_seconds, "close": read_truth})
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Kind:
    """One fault by name: what it does, on which calls by default, and its own parameters.

    `bound`: it has an effect on those calls only.
    """

    does: str
    operations: tuple[str, ...] = UPLOADS
    condition: bool = False
    bound: bool = False
    parameters: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "N.body_mid": Kind("the connection is cut while the request is still coming in; nothing is done"),
        "N.lose_request": Kind("the whole request came in, the connection is closed; nothing is done"),
        "N.reset": Kind("as N.lose_request, by a TCP reset"),
        "N.redirect": Kind("302 to the same address; nothing is done"),
        "N.sent_no_answer": Kind("the request takes effect, the connection is closed without an answer"),
        "N.answer_head": Kind("the request takes effect, the answer ends within its head"),
        "N.answer_mid": Kind("the request takes effect, the answer ends half way through its body"),
        "N.answer_garbled": Kind("the request takes effect, the answer's bytes are not an answer"),
        "N.html_200": Kind(
            "200 with a gateway's HTML page; the request takes effect unless commit: false",
            parameters={"commit": read_truth},
        ),
        "N.500.B": Kind("500 before the request took effect"),
        "N.500.A": Kind("500 after the request took effect"),
        "N.502.B": Kind("502 before the request took effect"),
        "N.502.A": Kind("502 after the request took effect"),
        "N.504.B": Kind("504 before the request took effect"),
        "N.504.A": Kind("504 after the request took effect"),
        "P.delay_pre_session": Kind(
            "the request waits (delay_s) before its session is checked, then goes on; the caller is cut off at once "
            "unless close: false",
            parameters=_DELAY,
        ),
        "P.delay_post_session": Kind(
            "the session is checked, the request takes effect later (delay_s) whatever became of the session; the "
            "caller is cut off at once unless close: false",
            parameters=_DELAY,
        ),
        "P.partial_late": Kind(
            "as P.delay_post_session, and only some rows are saved",
            bound=True,
            parameters={**_DELAY, **_SUBSET},
        ),
        "P.partial_counts": Kind(
            "only some rows are saved, and counts says how many", bound=True, parameters=_SUBSET
        ),
        "P.partial_error": Kind(
            "only some rows are saved, the answer is an error (990009)",
            bound=True,
            parameters={**_SUBSET, "code": read_word},
        ),
        "P.partial_silent": Kind(
            "only some rows are saved, there is no answer", bound=True, parameters=_SUBSET
        ),
        "P.counts_lie": Kind("only some rows are saved, counts says all", bound=True, parameters=_SUBSET),
        "P.counts_more": Kind("all rows are saved, counts says one more", bound=True),
        "P.double": Kind(
            "every row is saved twice, counts says once (a gateway that repeats a POST)", bound=True
        ),
        "P.soft": Kind(
            "99999; nothing is done unless commit: true",
            parameters={"code": read_word, "commit": read_truth},
        ),
        "P.hard": Kind(
            "a refusal no retry cures (81036; 330038 on sendBsMedInfo, 310017 on offsiteRegister); nothing is done",
            parameters={"code": read_word},
        ),
        "P.busy": Kind("110021, come again later; nothing is done", parameters={"code": read_word}),
        "P.stale": Kind(
            "totals as they were before the last change (back: 2 = before the last two)",
            operations=READINGS,
            bound=True,
            parameters={"back": read_natural},
        ),
        "P.session_drop": Kind("the session is dead from this call on (11005)"),
        "P.session_multi": Kind(
            "a session that was logged out or has lapsed stays usable", (ANY,), condition=True
        ),
        "P.lockout": Kind("21003 although nobody of ours is logged in", operations=("login",), bound=True),
        "P.empty_91006": Kind(
            "an empty visit's approval is 91006 instead of zero",
            operations=("discharge",),
            condition=True,
            bound=True,
        ),
        "P.round.half_up": Kind(
            "sums half up, as many decimals as the answer has (the default)",
            READINGS,
            condition=True,
            bound=True,
        ),
        "P.round.half_even": Kind(
            "sums half to even, as many decimals as the answer has", READINGS, condition=True, bound=True
        ),
        "P.round.trunc": Kind(
            "sums cut off after as many decimals as the answer has", READINGS, condition=True, bound=True
        ),
        "P.round.per_row": Kind(
            "each row to the fen, half up, then summed", READINGS, condition=True, bound=True
        ),
        "P.poison": Kind(
            "a batch with one of these item codes (items) is refused whole (81023)",
            condition=True,
            bound=True,
            parameters={"items": partial(read_some_of, read_word), "code": read_word},
        ),
        "P.manual_add": Kind(
            "just before the call somebody adds a row of `amount` to its visit on the web page",
            parameters={"amount": read_amount, "category": read_word},
        ),
        "P.manual_delete": Kind("just before the call somebody deletes the visit's fees on the web page"),
        "P.manual_same_amount": Kind(
            "just before the call somebody adds exactly its sum on the web page; the call itself is lost",
            bound=True,
        ),
    }
)


@dataclass(slots=True)
class FaultRule:
    """One switched-on fault: on which calls, which of them, how often."""

    fault: str
    operations: tuple[str, ...]
    at: frozenset[int] = frozenset()
    every: int = 0
    share: float = 0.0
    times: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0
    fired: int = 0

    def strikes(self, operation: str, chance: random.Random) -> bool:
        """Count one call and say whether the fault strikes it."""
        if ANY not in self.operations and operation not in self.operations:
            return False
        self.seen += 1
        if self.times is not None and self.fired >= self.times:
            return False
        strikes = self._chosen(chance)
        self.fired += strikes
        return strikes

    def _chosen(self, chance: random.Random) -> bool:
        if self.at:
            return self.seen in self.at
        if self.every:
            return self.seen % self.every == 0
        if self.share:
            return chance.random() < self.share
        return KINDS[self.fault].condition or self.times is not None or self.seen == 1


Strike = Mapping[str, Mapping[str, Any]]
"""The faults that strike one call: name → parameters."""


@dataclass
class Faults:
    """Every switched-on fault. One seed gives one sequence of decisions for one sequence of calls."""

    rules: list[FaultRule] = field(default_factory=list)
    seed: int = 0
    fired: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._lock = threading.Lock()

    def strike(self, operation: str) -> Strike:
        """The faults that strike the next call of `operation`."""
        if not self.rules:
            return _NOTHING
        with self._lock:
            struck = {
                rule.fault: rule.parameters for rule in self.rules if rule.strikes(operation, self._chance)
            }
            self.fired.extend((name, operation) for name in struck if not KINDS[name].condition)
        return struck

    def add(self, rules: Iterable[FaultRule]) -> None:
        """Switch further faults on while the simulator runs."""
        with self._lock:
            self.rules.extend(rules)

    def clear(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self.rules.clear()
