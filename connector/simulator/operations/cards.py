"""4.19 sbkAuth, 4.20 dzSbkAuth, 4.28 parsingQrcode, 4.29 parsingSbk: the cards of the fact file. 5.2 has no group."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from connector.simulator.call import Call, Handler
from connector.simulator.refusals import refusal
from connector.simulator.rulebook import hold_to_contract

_NO_CARD = "社保卡信息不存在"
_WRONG_PERSON = "社会保障号码或姓名与社保卡不符"
_BAD_STATE = "社保卡状态不正常"
_GOOD = "1"


def verify_card(call: Call) -> Mapping[str, Any]:
    """Whether card and person belong together and the card is good: result, not code, says so (T31)."""
    hold_to_contract(call)
    card = _card_of_number(call)
    why = ""
    if card is None:
        why = _NO_CARD
    elif any(call.text(name) != card.get(name) for name in ("aac002", "aac003")):
        why = _WRONG_PERSON
    elif card.get("aaz502", _GOOD) != _GOOD:
        why = _BAD_STATE
    return {"errmsg": why, "result": "0" if why else "1"}


def read_card(call: Call) -> Mapping[str, Any]:
    """The person of a card, by its number and code; a card in a bad state is told, with its state (T134)."""
    hold_to_contract(call)
    return _tell(call, _card_of_number(call))


def read_code(call: Call) -> Mapping[str, Any]:
    """The person of a QR code. How long a code is good is not stated: here for ever, and as often as asked."""
    hold_to_contract(call)
    qr = call.text(call.operation.request.roles["qr"])
    return _tell(call, next((card for card in call.rules.facts.cards if qr in _codes(card)), None))


def _card_of_number(call: Call) -> Mapping[str, Any] | None:
    names = [call.operation.request.roles[role] for role in ("number", "code")]
    asked = [call.text(name) for name in names]
    return next(
        (card for card in call.rules.facts.cards if [card.get(name) for name in names] == asked), None
    )


def _codes(card: Mapping[str, Any]) -> tuple[str, ...]:
    codes = card.get("qrcode", ())
    return (codes,) if isinstance(codes, str) else tuple(codes)


def _tell(call: Call, card: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if card is None:
        raise refusal(call, "unknown_card")
    known = {"aaz502": _GOOD, **card}
    return {name: known.get(name, "") for name in call.operation.answer.roles.values()}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "sbkAuth": verify_card,
        "dzSbkAuth": read_code,
        "parsingQrcode": read_code,
        "parsingSbk": read_card,
    }
)
