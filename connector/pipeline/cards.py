"""Cards and QR codes at the counter: read, then verified or looked up at the platform.

Local cards are verified (4.19, 4.20), those of other provinces looked up (4.28, 4.29); which fields these have is
the contract's (trap T133). All four only ask: nothing changes at the platform, and nothing is kept here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from connector.card.decard import Decard, read_decard
from connector.card.manual import enter_card
from connector.card.pcsc import read_pcsc
from connector.card.qr import LENGTH, read_code
from connector.card.scanner import SerialScanner, first_scan
from connector.card.values import Card, OneTimeCode, masked
from connector.contract.check import check
from connector.contract.spec import Operation
from connector.errors import CardError, PlatformError
from connector.load.meaning import explain
from connector.pipeline.parts import Clock, Parts
from connector.pipeline.single_call import open_line
from connector.records import Outcome, Verdict

_VERIFY_CARD, _VERIFY_CODE = "sbkAuth", "dzSbkAuth"
_LOOK_UP_CARD, _LOOK_UP_CODE = "parsingSbk", "parsingQrcode"
_GOOD = "1"
"""Both a verification that went well (trap T31) and a card in a good state (trap T134)."""

_PROVINCE = 2
"""Digits of a region code that name the province."""


def _ignore(_text: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Who stands at the counter: `ask` puts a question and gives what was typed or scanned, `notify` tells."""

    ask: Callable[[str], str]
    notify: Callable[[str], None] = _ignore
    is_stopping: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform says of a card.

    `is_good` is False when it was refused; `reason` is then the platform's. Facts it does not give are "".
    """

    section: str
    is_good: bool
    reason: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    number: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    state: str = ""
    expires: str = ""


@dataclass(frozen=True, slots=True)
class CardReport:
    """A card, what the platform says of it, and what to look at."""

    card: Card | None = None
    answer: Answer | None = None
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 for a card that the platform refuses."""
        return 0 if self.answer is None or self.answer.is_good else 1

    def hidden(self) -> "CardReport":
        """The same without what names a person or a card."""
        card, answer = self.card, self.answer
        return CardReport(
            None
            if card is None
            else replace(
                card,
                number=masked(card.number),
                code=masked(card.code, keep=6),
                identity=masked(card.identity),
                name=masked(card.name),
            ),
            None
            if answer is None
            else replace(
                answer,
                number=masked(answer.number),
                code=masked(answer.code, keep=6),
                identity=masked(answer.identity),
                name=masked(answer.name),
            ),
            self.warnings,
        )


def read_from_reader(clock: Clock, counter: Counter, *, device: str, wait_s: float) -> Card:
    """A card in a reader that the system knows (PC/SC); CardError."""
    return read_pcsc(device=device, wait_s=wait_s, now=clock.monotonic, is_stopping=counter.is_stopping)


def read_from_decard(dll: str, python32: str) -> Card:
    """A card in a Decard T6; CardError."""
    return read_decard(Decard(dll=dll, python32=tuple(python32.split())))


def type_in(counter: Counter) -> Card:
    """A card whose data is typed in; CardError."""
    return enter_card(counter.ask)


def scan_at_port(clock: Clock, counter: Counter, port: str, *, baud: int, wait_s: float) -> OneTimeCode:
    """The next code that a scanner on a serial port gives; CardError when it is no electronic card's."""
    scanner = SerialScanner(
        port,
        LENGTH,
        now=clock.monotonic,
        sleep=clock.sleep,
        notify=counter.notify,
        baud=baud,
        is_stopping=counter.is_stopping,
    )
    counter.notify(f"Waiting {wait_s:.0f} s for a code on {port}.")
    return read_code(first_scan(scanner.scans(wait_s)))


def scan_by_keyboard(counter: Counter) -> OneTimeCode:
    """The code that a scanner types; CardError when it is no electronic card's."""
    return read_code(counter.ask("Scan the code (the scanner ends it by Enter): "))


def look_up_card(parts: Parts, counter: Counter, card: Card, *, cross_province: bool) -> CardReport:
    """Verify a card (4.19), or look up another province's (4.29): one whose region says so, or on request.

    Raises CardError for a card that breaks the contract, LeaseHeld, SessionError, PlatformError.
    """
    is_far = cross_province or is_of_another_province(card, parts.project.settings.cards.region)
    operation = parts.contract.operation(_LOOK_UP_CARD if is_far else _VERIFY_CARD)
    roles = operation.request.roles
    facts = {"number": card.number, "code": card.code, "identity": card.identity, "name": card.name}
    payload = {roles[role]: value for role, value in facts.items() if role in roles}
    answer, warnings = _ask(parts, counter, operation, payload)
    return CardReport(card, answer, (*_warn_of_card(parts, card, answer), *warnings))


def look_up_code(
    parts: Parts, counter: Counter, code: OneTimeCode, *, cross_province: bool, operator: tuple[str, str]
) -> CardReport:
    """Whose electronic card a code is: 4.20, or 4.28 across provinces. The code is used up. Errors as above.

    `operator`: number and name of who scans, sent where the interface takes them; may be empty.
    """
    operation = parts.contract.operation(_LOOK_UP_CODE if cross_province else _VERIFY_CODE)
    roles = operation.request.roles
    number, name = operator
    facts = {"qr": code.take(), "operator": number, "operator_name": name}
    payload = {roles[role]: value for role, value in facts.items() if role in roles}
    answer, warnings = _ask(parts, counter, operation, payload)
    return CardReport(None, answer, tuple(warnings))


def is_of_another_province(card: Card, region: str) -> bool:
    """Whether a card was issued elsewhere; a card that does not say so is a local one."""
    return bool(card.region) and card.region[:_PROVINCE] != region[:_PROVINCE]


def _ask(
    parts: Parts, counter: Counter, operation: Operation, payload: dict[str, str]
) -> tuple[Answer, list[str]]:
    """The platform's answer, and what to look at in it; PlatformError for a refusal or none."""
    length_in = parts.project.settings.checks.length_in
    faults = [one for one in check(operation, payload, length_in=length_in) if one.path != "sessionid"]
    if faults:
        raise CardError("\n".join(["Nothing was sent, because", *map(str, faults)]))
    with open_line(parts, notify=counter.notify, is_stopping=counter.is_stopping) as call:
        outcome = call(operation, payload)
    if outcome.verdict is not Verdict.ACCEPTED:
        raise PlatformError(_explain(parts, operation, outcome))
    answer = _read_answer(operation, outcome)
    warnings = [f"The platform remarks: {outcome.warning}"] if outcome.warning else []
    if "state" in operation.answer.roles and answer.state != _GOOD:
        warnings.append(_warn_of_state(parts, operation, answer.state))
    return answer, warnings


def _read_answer(operation: Operation, outcome: Outcome) -> Answer:
    """The answer's fields by the parts they play; whatever else it holds is left out."""
    roles = operation.answer.roles

    def fact(role: str) -> str:
        value = outcome.body.get(roles.get(role, ""))
        return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()

    return Answer(
        section=operation.section,
        is_good="valid" not in roles or fact("valid") == _GOOD,
        reason=fact("reason"),
        identity=fact("identity"),
        name=fact("name"),
        number=fact("number"),
        code=fact("code"),
        state=fact("state"),
        expires=fact("expires"),
    )


def _explain(parts: Parts, operation: Operation, outcome: Outcome) -> str:
    """Why there is no answer: the platform's words, ours beside them."""
    what = f"{operation.section} {operation.zh}"
    if outcome.verdict in (Verdict.NOT_SENT, Verdict.IN_DOUBT):
        return f"{what}: the platform gave no answer ({outcome.message}). Nothing changed there; repeat it."
    meaning = explain(parts.contract, operation, outcome)
    ours = f" ({meaning.ours})" if meaning.ours else ""
    advice = f"\n{meaning.advice}" if meaning.advice else ""
    return f"{what}: the platform refuses it: {meaning.said}{ours}{advice}"


def _warn_of_state(parts: Parts, operation: Operation, state: str) -> str:
    """What a card's state is called."""
    spec = operation.answer.field(operation.answer.roles["state"])
    table = parts.contract.codes.get(spec.codes or "") if spec else None
    zh = table.entries.get(state, "") if table else ""
    if not state:
        return "The platform does not tell the card's state."
    return f"The card's state is {f'{state} {zh}'.strip()}, not 1 正常: ask its holder, and the insurance centre."


def _warn_of_card(parts: Parts, card: Card, answer: Answer) -> list[str]:
    """What is odd about the card itself, or differs from what the platform says."""
    warnings = []
    zone = ZoneInfo(parts.project.settings.platform.key_date_zone)
    if card.expires and card.expires < parts.clock.now().astimezone(zone).date().isoformat():
        warnings.append(f"The card expired on {card.expires}.")
    if answer.identity and answer.identity.upper() != card.identity.upper():
        warnings.append("The platform names another identity number than the card.")
    if answer.name and answer.name != card.name:
        warnings.append("The platform names another person than the card.")
    return warnings
