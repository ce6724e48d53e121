"""An answer of the platform as bytes to be sealed: its words and its raw text, whole."""

import json
from dataclasses import dataclass, field

from connector.ledger.seal import Seal
from connector.records import Outcome

_END = b"\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as the ledger kept it."""

    verdict: str
    code: str
    message: str = field(repr=False)
    counts: int | None
    raw: bytes = field(repr=False)


def pack_answer(outcome: Outcome) -> bytes:
    """The message as one line of JSON, then the raw answer as it came."""
    return json.dumps(outcome.message, ensure_ascii=True).encode() + _END + outcome.raw


def unpack_answer(plain: bytes, verdict: str, code: str, counts: int | None) -> Answer:
    """The inverse of `pack_answer`, with what is kept beside it."""
    message, _, raw = plain.partition(_END)
    return Answer(verdict, code, json.loads(message), counts, raw)


def answer_row(seal: Seal, batch_id: int, outcome: Outcome, at: int) -> tuple[object, ...]:
    """An answer as a batch keeps it: moment, verdict, code, counts, and the sealed rest."""
    sealed = seal.seal("answer", batch_id, pack_answer(outcome))
    return (at, outcome.verdict.value, outcome.code, outcome.counts, sealed)
