"""A restored ledger compared with the platform, visit by visit, and what a person accepts of it (protocol C.8)."""

import getpass
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from connector.errors import ConfigurationError, LedgerError, PlatformError
from connector.ledger.decisions import Decision
from connector.ledger.store import Ledger
from connector.ledger.trust import Suspect
from connector.pipeline import messages
from connector.pipeline.parts import Parts
from connector.pipeline.settling import fits
from connector.pipeline.single_call import Line, open_line
from connector.records import Verdict, yuan

_TOTALS = "getPerDetail"
RESTORED = "restored"
"""The kind of decision that says of a visit that nothing of it is missing in the ledger."""


@dataclass(frozen=True, slots=True)
class SuspectSums:
    """A held visit in numbers (scaled by 4): what the ledger knows, what is in doubt, and the platform's total.

    `doubt` is None without an open batch, `platform` where the platform does not list the visit. `agrees`: the
    platform has what the ledger knows, with the doubtful batch or without it.
    """

    visit_id: int
    visit: str = field(repr=False)
    ledger: int = field(repr=False)
    doubt: int | None = field(repr=False)
    platform: int | None = field(repr=False)
    agrees: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """All held visits; `restorations` is how often the ledger was restored when they were read."""

    visits: tuple[SuspectSums, ...]
    restorations: int


def compare(parts: Parts, *, notify: Callable[[str], None], is_stopping: Callable[[], bool]) -> Comparison:
    """Read the platform's total of every visit that is held because the ledger was restored.

    Where the witness is lost, damaged or another ledger's, the ledger counts as restored from now on. Requests of the
    lost ledger are waited for first. Raises LeaseHeld, SessionError, PlatformError, LedgerError.
    """
    with open_line(parts, notify=notify, is_stopping=is_stopping) as line:
        ledger = line.ledger
        try:
            ledger.witness.heed()
        except LedgerError as error:
            notify(str(error).partition(" Nothing was sent.")[0])
            notify("Every visit is held from now on, until it is compared.")
            ledger.witness.distrust()
        # Of a visit without a number nothing can have been sent.
        suspects = [one for one in ledger.trust.suspects() if one.number]
        if suspects and not ledger.trust.is_quiet():
            settle_s = parts.project.settings.delivery.settle_s
            notify(f"Waiting {settle_s} s, until what another ledger may have sent would have shown.")
            line.sessions.pause(settle_s)
            ledger.trust.note_quiet()
        sums = tuple(_sum(one, ledger, _read(line, one, parts)) for one in suspects)
        return Comparison(sums, ledger.trust.restorations())


def _read(line: Line, suspect: Suspect, parts: Parts) -> int | None:
    """The platform's total of a visit (4.15), None where it is not listed."""
    line.keep()
    operation = parts.contract.operation(_TOTALS)
    body = messages.totals_body(operation, suspect.number)
    outcome = line.client.call(operation, body, line.sessions.sessionid)
    line.write()
    if outcome.verdict is not Verdict.ACCEPTED and outcome.code not in messages.NOT_FOUND:
        said = f"{outcome.code} {outcome.message}".strip()
        raise PlatformError(
            f"The platform's total of a visit could not be read: {said}. Nothing was decided."
        )
    reading = messages.read_totals(operation, outcome, suspect.number, parts.clock.now().isoformat())
    if reading is None:
        return None
    line.ledger.keep_reading(suspect.visit_id, reading)
    return reading.total


def _sum(suspect: Suspect, ledger: Ledger, platform: int | None) -> SuspectSums:
    """A visit with its numbers."""
    base = ledger.platform_base(suspect.visit_id)
    expected = [base] if suspect.doubt is None else [base, base + suspect.doubt]
    agrees = any(fits(platform or 0, one) for one in expected)
    if platform is None and (suspect.registered or base):
        agrees = False  # the ledger knows of something at the platform, and the platform does not
    return SuspectSums(suspect.visit_id, suspect.name, base, suspect.doubt, platform, agrees)


def accept(
    parts: Parts, comparison: Comparison, names: Sequence[str], *, matching: bool, reason: str
) -> list[SuspectSums]:
    """Let visits go on: the named ones, or all that agree; the decision is kept with the numbers.

    Raises ConfigurationError for a visit that is not held for this, or does not agree; LedgerError when the ledger was
    restored once more meanwhile.
    """
    chosen = [one for one in comparison.visits if one.agrees] if matching else []
    chosen += [one for one in _find(comparison, names) if one not in chosen]
    who = getpass.getuser()
    with parts.open_ledger() as ledger:
        if chosen:
            decisions = {one.visit_id: _decide(one, who, reason) for one in chosen}
            ledger.trust.accept(decisions, comparison.restorations)
    return chosen


def _find(comparison: Comparison, names: Sequence[str]) -> Iterator[SuspectSums]:
    """The visits of these names."""
    known = {one.visit: one for one in comparison.visits}
    for name in names:
        found = known.get(name)
        if found is None:
            raise ConfigurationError(f"No visit “{name}” is held because the ledger was restored.")
        if not found.agrees:
            raise ConfigurationError(
                f"The platform and the ledger differ about visit “{name}”. Nothing was accepted. Decide what its rows "
                "are with `connector resolve`."
            )
        yield found


def _decide(one: SuspectSums, who: str, reason: str) -> Decision:
    """What is kept of an acceptance."""
    numbers = {"ledger": f"{yuan(one.ledger):f}", "platform": f"{yuan(one.platform or 0):f}"}
    if one.doubt is not None:
        numbers["doubt"] = f"{yuan(one.doubt):f}"
    return Decision(RESTORED, "accept", who, reason, one.visit_id, numbers=numbers)
