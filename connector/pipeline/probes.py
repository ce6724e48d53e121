"""The assumptions that delivery rests on (A1 to A10 of the delivery protocol), each tried on a test visit.

A probe gives what it came to and what was seen in one sentence; NotTried says why it could not be made. Nothing a
platform says in words is repeated, because the results are kept in a file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from math import ceil
from typing import Any

from connector.config.calibration import Finding, Result
from connector.contract.check import check_node
from connector.errors import PlatformError
from connector.pipeline import messages
from connector.pipeline.compose import is_fine
from connector.pipeline.settling import fits
from connector.pipeline.single_call import body_of
from connector.pipeline.trial import NotTried, Trial, tell
from connector.records import Verdict, yuan

LEAST_SETTLE_S = 900
"""A request is given at least a quarter of an hour, however quick the platform is (protocol C.4)."""

_SETTLE_FACTOR = 10
_LONGEST_LAG_S = 600.0
_LATER_S = 30.0
_YUAN = 10_000
_FEN = 100
_NO_FEES = "91006"
_LEFT = frozenset({"91004", "91005"})


@dataclass(frozen=True, slots=True)
class Probed:
    """A finding, and what was measured on the way, in whole seconds."""

    finding: Finding
    settle_s: int | None = None
    read_lag_s: int | None = None


Probe = Callable[[Trial], Probed]


def _found(result: Result, evidence: str) -> Probed:
    return Probed(Finding(result, evidence))


def _judge(holds: bool, evidence: str) -> Probed:
    return _found("confirmed" if holds else "refuted", evidence)


def empty_visit(trial: Trial) -> Probed:
    """A7: 4.15 and 4.12 of a visit that was just registered."""
    detail = trial.ask_total()
    approval = trial.ask_approval()
    seen: list[str] = []
    try:
        reading = trial.read(detail)
        seen.append("4.15 does not list it" if reading is None else f"4.15 shows {yuan(reading.total):.2f}")
        is_zero = reading is None or reading.total == 0
        if approval.code == _NO_FEES:
            seen.append(f"4.12 says {_NO_FEES}")
        elif approval.verdict is Verdict.ACCEPTED:
            operation = trial.contract.operation("discharge")
            total = messages.read_approval(operation, approval, "").total
            seen.append(f"4.12 shows {yuan(total):.2f}")
            is_zero = is_zero and total == 0
        else:
            return _found("refuted", f"Before the first fee {seen[0]}, 4.12 is answered {tell(approval)}.")
    except PlatformError:
        return _found("refuted", "An answer before the first fee has no readable amount.")
    return _judge(is_zero, f"Before the first fee {', '.join(seen)}.")


def lag(trial: Trial, repeats: int) -> Probed:
    """A4: a total right after an upload, again and again, and once more later."""
    expected = trial.total_now()
    slowest = 0.0
    stale = 0
    for number in range(repeats):
        amount = _YUAN + number * 3 * _FEN
        trial.save(trial.row(amount, template=number))
        expected += amount
        waited = _wait_for(trial, expected)
        if waited is None:
            return _found("refuted", f"A total was still the old one after {_LONGEST_LAG_S:.0f} s.")
        stale += waited > 0
        slowest = max(slowest, waited)
    trial.pause(_LATER_S)
    if not fits(trial.total_now(), expected):
        return _found("refuted", f"A total that was shown was gone {_LATER_S:.0f} s later.")
    trial.lag_s = slowest
    evidence = f"{repeats} uploads, each read at once: "
    evidence += f"{stale} totals were old, the longest for {slowest:.1f} s." if stale else "no total was old."
    return Probed(Finding("refuted" if stale else "confirmed", evidence), read_lag_s=ceil(slowest))


def _wait_for(trial: Trial, expected: int) -> float | None:
    """Seconds until the total shows what is expected; 0 for at once, None for never."""
    begun = trial.monotonic()
    pause = 1.0
    is_first = True
    while not fits(trial.total_now(), expected):
        is_first = False
        if trial.monotonic() - begun >= _LONGEST_LAG_S:
            return None
        trial.pause(pause)
        pause = min(2 * pause, 30.0)
    return 0.0 if is_first else trial.monotonic() - begun


def stored_as_sent(trial: Trial) -> Probed:
    """A8: a row of each kind, and whether the total grows by exactly its amount."""
    amount = 12 * _YUAN + 34 * _FEN
    kinds: dict[str, dict[str, Any]] = {
        "a charge": trial.row(amount),
        "one not of the injury": trial.row(amount + _FEN, template=1, not_injury="1"),
        "a refund": trial.row(amount, sign=-1),
    }
    amounts = {name: _amount(trial, row) for name, row in kinds.items()}
    counted: list[str] = []
    others: list[str] = []
    refused: list[str] = []
    base = trial.total()
    for name, row in kinds.items():
        if check_node(trial.fees, row, path=""):
            refused.append(f"{name} (the document forbids it of the file's rows)")
            continue
        outcome = trial.send(row)
        if outcome.verdict is Verdict.REJECTED:
            refused.append(f"{name} ({tell(outcome)})")
            continue
        if outcome.verdict is not Verdict.ACCEPTED:
            raise NotTried(f"{name} was answered {tell(outcome)}")
        total = trial.total()
        if fits(total - base, amounts[name]):
            counted.append(name)
        else:
            others.append(
                f"{name} of {yuan(amounts[name]):.2f} changed the total by {yuan(total - base):.2f}"
            )
        base = total
    if not counted and not others:
        raise NotTried(f"refused: {', '.join(refused)}")
    parts = [f"counted as sent: {', '.join(counted)}"] if counted else []
    parts += others + ([f"refused: {', '.join(refused)}"] if refused else [])
    return _judge(not others, f"{'; '.join(parts)}.")


def _amount(trial: Trial, row: Mapping[str, Any]) -> int:
    return int(Decimal(row[trial.fees.roles["amount"]]).scaleb(4))


def latency(trial: Trial) -> Probed:
    """A3: how long growing uploads take; ten times the slowest is what a request may be given."""
    sizes = sorted({1, min(10, trial.batch_rows), trial.batch_rows})
    for size in sizes:
        begun = trial.monotonic()
        outcome = trial.send(*(trial.row(_YUAN, template=number) for number in range(size)))
        if outcome.verdict in (Verdict.IN_DOUBT, Verdict.NOT_SENT):
            took = trial.monotonic() - begun
            settle_s = max(LEAST_SETTLE_S, ceil(_SETTLE_FACTOR * took))
            evidence = f"An upload of {size} rows had no answer after {took:.1f} s."
            return Probed(Finding("refuted", evidence), settle_s=settle_s)
        if outcome.verdict is not Verdict.ACCEPTED:
            raise NotTried(f"an upload of {size} rows was answered {tell(outcome)}")
    settle_s = max(LEAST_SETTLE_S, ceil(_SETTLE_FACTOR * trial.slowest_s))
    evidence = (
        f"The slowest upload of up to {sizes[-1]} rows took {trial.slowest_s:.1f} s; the operator knows the time-outs of "
        "gateway and database, which have to be shorter than settle_s."
    )
    return Probed(Finding("confirmed", evidence), settle_s=settle_s)


def rounding(trial: Trial) -> Probed:
    """A6: how 4.15 and 4.12 show rows with more than two decimals."""
    trial.clear()
    amounts = (50, 40, 60, 50)
    shown: dict[str, list[int]] = {"4.15": [], "4.12": []}
    fine_categories = False
    operation = trial.contract.operation("discharge")
    for amount in amounts:
        trial.save(trial.row(amount))
        shown["4.15"].append(trial.total())
        approval = trial.ask_approval()
        if approval.verdict is Verdict.ACCEPTED:
            reading = messages.read_approval(operation, approval, "")
            shown["4.12"].append(reading.total)
            fine_categories |= any(is_fine(part) for _, part in reading.categories)
    named = {source: rounding_of(amounts, totals) for source, totals in shown.items() if totals}
    told = ", ".join(f"{source} {name or 'in no way we know'}" for source, name in named.items())
    decimals = "four" if fine_categories else "two"
    as_a_whole = all(name and "row" not in name for name in named.values())
    return _judge(as_a_whole, f"Rounded: {told}; categories have {decimals} decimals.")


def _cut(amount: int) -> int:
    return amount // _FEN * _FEN


def _half_up(amount: int) -> int:
    return _cut(amount + _FEN // 2)


def _half_even(amount: int) -> int:
    return int((Decimal(amount) / _FEN).to_integral_value(ROUND_HALF_EVEN)) * _FEN


_ROUNDINGS = {"half up": _half_up, "half to even": _half_even, "cut off": _cut}


def rounding_of(amounts: Sequence[int], totals: Sequence[int]) -> str:
    """The way of rounding that shows amounts, one after the other, as these totals; "" for none."""
    steps = [amounts[: number + 1] for number in range(len(amounts))]
    ways = {"not at all": [sum(rows) for rows in steps]}
    for name, one in _ROUNDINGS.items():
        ways[f"the sum {name}"] = [one(sum(rows)) for rows in steps]
        ways[f"each row {name}"] = [sum(map(one, rows)) for rows in steps]
    return next((name for name, shown in ways.items() if shown == list(totals)), "")


def whole_or_not(trial: Trial) -> Probed:
    """A5: a batch with one bad row, before and behind a good one."""
    good = trial.row(7 * _YUAN)
    for what, bad in _bad_rows(trial):
        seen: list[str] = []
        for rows in ((good, bad), (bad, good)):
            base = trial.total()
            outcome = trial.send(*rows)
            if not outcome.code or outcome.verdict in (Verdict.SESSION_LOST, Verdict.RETRYABLE):
                raise NotTried(f"a batch with a bad row was answered {tell(outcome)}")
            if outcome.verdict is Verdict.ACCEPTED and outcome.counts in (None, len(rows)):
                break  # it was not bad enough
            change = trial.total() - base
            if not fits(change, 0):
                return _found(
                    "refuted",
                    f"Of a batch with a row {what} ({tell(outcome)}) {yuan(change):.2f} were saved.",
                )
            seen.append(tell(outcome))
        else:
            return _found("confirmed", f"Of batches with a row {what} ({', '.join(seen)}) nothing was saved.")
    raise NotTried("the platform took every row that we thought was bad")


def _bad_rows(trial: Trial) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows that the document forbids, the likeliest to be refused first."""
    yield "whose amount is not price times quantity", trial.row(9 * _YUAN, price="3.0000")
    yield "without an item", trial.row(9 * _YUAN, item="")
    yield "without a date", trial.row(9 * _YUAN, date="")


def old_session(trial: Trial) -> Probed:
    """A2: a query in the session that a later login has ended."""
    old = trial.line.sessions.sessionid
    trial.line.sessions.renew()
    trial.dead_session = old
    operation = trial.contract.operation("getPerDetail")
    outcome = trial.line.client.call(operation, messages.totals_body(operation, trial.number), old)
    if outcome.verdict in (Verdict.IN_DOUBT, Verdict.NOT_SENT):
        raise NotTried(f"a query in the old session was answered {tell(outcome)}")
    return _judge(
        outcome.verdict is Verdict.SESSION_LOST,
        f"A query in the old session, after a new login, was answered {tell(outcome)}.",
    )


def dead_session(trial: Trial) -> Probed:
    """A1: an upload in a dead session, and whether the total shows anything of it."""
    if not trial.dead_session:
        raise NotTried("no session was ended (A2)")
    base = trial.total()
    outcome = trial.send(trial.row(11 * _YUAN), sessionid=trial.dead_session)
    trial.pause(trial.read_lag_s)
    change = trial.total() - base
    if outcome.verdict is not Verdict.SESSION_LOST:
        raise NotTried(f"the upload was not refused for its session, but answered {tell(outcome)} (A2)")
    return _judge(
        fits(change, 0),
        f"An upload in a dead session was answered {tell(outcome)} and changed the total by {yuan(change):.2f}.",
    )


def sheet(trial: Trial) -> Probed:
    """A10: which rows 4.16 lists. It approves the fees."""
    trial.clear()
    rows = (trial.row(2 * _YUAN), trial.row(3 * _YUAN, template=1))
    trial.save(*rows)
    operation = trial.contract.operation("getJSSheet")
    fields = {one.name: "" for one in operation.request.fields if one.name != "sessionid"}
    outcome = trial.ask("getJSSheet", body_of({**fields, messages.VISIT: trial.number, "rolltype": "0"}))
    if outcome.verdict is not Verdict.ACCEPTED:
        raise NotTried(f"4.16 was answered {tell(outcome)}")
    head = operation.answer.nodes[0]
    inside = outcome.body.get(head.name)
    listed = messages.rows_of(inside, head.nodes[0]) if isinstance(inside, dict) else []
    return _judge(len(listed) == len(rows), f"Of {len(rows)} rows that are stored 4.16 lists {len(listed)}.")


def after_leaving(trial: Trial) -> Probed:
    """A9: 4.12 of a visit that has left (4.13), which comes back then (4.14)."""
    trial.clear()
    trial.save(*trial.data.charges)
    approval = trial.ask_approval()
    if approval.verdict is not Verdict.ACCEPTED:
        raise NotTried(f"4.12 was answered {tell(approval)}")
    left = trial.leave()
    if left.verdict is not Verdict.ACCEPTED:
        raise NotTried(f"4.13 was answered {tell(left)}")
    outcome = trial.ask_approval()
    back = trial.come_back()
    return _judge(
        outcome.code in _LEFT,
        f"After the discharge 4.12 was answered {tell(outcome)}; 4.14 was answered {tell(back)}.",
    )
