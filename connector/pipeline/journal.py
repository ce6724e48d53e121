"""The call journal as people read it: listed, one call in words, and written to a file.

What names a person is hidden unless it was asked for; also in the platform's message, which may quote the request.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.config.near import propose
from connector.contract.library import Contract
from connector.contract.spec import Operation
from connector.errors import ConfigurationError
from connector.ledger.journal import Entry, Search
from connector.load.exchange import LEFT_OUT
from connector.load.meaning import explain
from connector.load.wording import Line, put_in_words, put_request_in_words
from connector.pipeline.parts import Parts
from connector.pipeline.personal import CallMask, mask_of_call
from connector.records import Outcome, Verdict

FAILED = "failed"
"""A word for every outcome but a yes."""

_OUTCOMES: Mapping[str, tuple[Verdict, ...]] = {
    **{one.value: (one,) for one in Verdict},
    FAILED: tuple(one for one in Verdict if one is not Verdict.ACCEPTED),
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(?::\d{2})?", re.ASCII)
_PAGE = 200
_SHORTEST_QUOTE = 2
_SHORTEST_NUMBER = 6
"""A hidden text so long is hidden where another text quotes it; what is shorter stands in every sentence and sum."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call in a list. `rows` and `amount` (scaled by 4) are those of its batch, None where it carried none."""

    id: int
    at: str
    section: str
    method: str
    visit: str = field(repr=False)
    outcome: str
    code: str
    message: str = field(repr=False)
    batch_id: int | None
    rows: int | None
    amount: int | None = field(repr=False)
    duration_ms: int


@dataclass(frozen=True, slots=True)
class CallList:
    """The last calls that fit, the newest first; `more`: there are older ones."""

    calls: tuple[Call, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class CallReport:
    """One call. `request` and `answer` are objects, or texts where they are none; the lines are both in words."""

    call: Call
    title: str
    request: object = field(repr=False)
    answer: object = field(repr=False)
    printed: str
    ours: str
    advice: str
    request_lines: tuple[str, ...] = field(repr=False)
    answer_lines: tuple[str, ...] = field(repr=False)


def read_search(
    book: Contract,
    *,
    visit: str = "",
    operation: str = "",
    since: str = "",
    until: str = "",
    outcome: str = "",
) -> Search:
    """What people ask for; ConfigurationError in one sentence for a word that means nothing.

    An operation is named by method, section or purpose; a moment is one of this computer's zone, and an `until`
    without a time means the whole day.
    """
    begin = _read_moment("--since", since)
    end = _read_moment("--until", until)
    if end is not None and _DAY.fullmatch(until.strip()):
        end += timedelta(days=1)
    if begin is not None and end is not None and begin >= end:
        raise ConfigurationError(f"--since {since} is not before --until {until}: no call can fit.")
    return Search(
        visit=visit.strip(),
        operations=(book.find(operation).method,) if operation else (),
        verdicts=_read_outcome(outcome),
        since=begin,
        until=end,
    )


def _read_moment(option: str, text: str) -> datetime | None:
    """A day or a moment, aware."""
    if not text:
        return None
    try:
        if _DAY.fullmatch(text.strip()) or _MOMENT.fullmatch(text.strip()):
            return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError):
        pass
    raise ConfigurationError(
        f"{option}: “{text}” is no date. Write 2026-03-01, or “2026-03-01 08:30” with a time."
    )


def _read_outcome(text: str) -> tuple[Verdict, ...]:
    word = text.strip().casefold().replace("-", "_").replace(" ", "_")
    if not word:
        return ()
    if word not in _OUTCOMES:
        raise ConfigurationError(f"No call has the outcome “{text}”. {propose(word, _OUTCOMES)}")
    return _OUTCOMES[word]


def list_calls(parts: Parts, search: Search, *, limit: int, show_personal: bool = False) -> CallList:
    """The last calls that fit. Raises LedgerError."""
    with parts.open_ledger(read_only=True) as ledger:
        found = ledger.journal.find(search, limit + 1)
    readers = (_read(parts.contract, one, show_personal=show_personal) for one in found[:limit])
    return CallList(tuple(one.call for one in readers), len(found) > limit)


def show_call(parts: Parts, entry_id: int, *, show_personal: bool = False) -> CallReport:
    """One call in words. Raises LedgerError for a number that is not in the journal."""
    with parts.open_ledger(read_only=True) as ledger:
        entry = ledger.journal.show(entry_id)
    book, operation, exchange = (
        parts.contract,
        parts.contract.operation(entry.exchange.operation),
        entry.exchange,
    )
    read = _read(book, entry, show_personal=show_personal)
    meaning = explain(book, operation, Outcome(exchange.verdict, exchange.code, exchange.message))
    return CallReport(
        call=read.call,
        title=f"{operation.section} {operation.method} {operation.zh} ({operation.purpose})",
        request=read.request,
        answer=read.answer,
        printed=meaning.printed,
        ours=meaning.ours,
        advice="" if exchange.verdict is Verdict.ACCEPTED else meaning.advice,
        request_lines=_lines(read.request, lambda body: put_request_in_words(book, operation, body)),
        answer_lines=_lines(read.answer, lambda body: put_in_words(book, operation, body)),
    )


def export_calls(parts: Parts, search: Search, file: Path, *, show_personal: bool = False) -> int:
    """Write the calls that fit into a new file, one JSON object a line, the oldest first; how many.

    The file is this user's alone. Raises ConfigurationError where it exists or cannot be written (nothing is left of
    it then), LedgerError.
    """
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(f"{file} exists; it is not written over. Name another file.") from None
    except OSError as error:
        raise _unwritable(file, error) from None
    number = 0
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as target:
            for number, one in enumerate(_exported(parts, search, show_personal=show_personal), start=1):  # noqa: B007
                target.write(json.dumps(one, ensure_ascii=False, default=_plain) + "\n")
    except BaseException as error:
        file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritable(file, error) from None
        raise
    return number


def _unwritable(file: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{file} cannot be written ({os.strerror(error.errno or 0)}). Name a file in a folder that is there, where "
        "this user may write and where there is room."
    )


def _plain(value: object) -> str:
    """An exact number as text."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _exported(parts: Parts, search: Search, *, show_personal: bool) -> Iterator[dict[str, object]]:
    """Every call that fits, page by page."""
    last = 0
    with parts.open_ledger(read_only=True) as ledger:
        while found := ledger.journal.after(search, last, _PAGE):
            for one in found:
                read = _read(parts.contract, one, show_personal=show_personal)
                yield {**_told(read.call), "request": read.request, "answer": read.answer}
            last = found[-1].id


def _told(call: Call) -> dict[str, object]:
    """A call's own facts, without those of its batch."""
    names = (
        "id",
        "at",
        "section",
        "method",
        "visit",
        "outcome",
        "code",
        "message",
        "batch_id",
        "duration_ms",
    )
    return {name: getattr(call, name) for name in names}


@dataclass(frozen=True, slots=True)
class _Read:
    """An entry, opened, with what may be shown of it."""

    call: Call
    request: object = field(repr=False)
    answer: object = field(repr=False)


def _read(book: Contract, entry: Entry, *, show_personal: bool) -> _Read:
    exchange = entry.exchange
    operation = book.operation(exchange.operation)
    request, answer, message = _parse(exchange.request), _parse(exchange.answer), exchange.message
    if not show_personal:
        request, answer, message = _hide(operation, request, answer, message)
    call = Call(
        id=entry.id,
        at=entry.at,
        section=operation.section,
        method=operation.method,
        visit=exchange.visit,
        outcome=exchange.verdict.value,
        code=exchange.code,
        message=message,
        batch_id=exchange.batch_id,
        rows=entry.rows,
        amount=entry.amount,
        duration_ms=exchange.duration_ms,
    )
    return _Read(call, request, answer)


def _parse(text: bytes) -> Any:
    """The object of a text, the text itself where it is none, None for no text."""
    if not text:
        return None
    try:
        value = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else text.decode("utf-8", "replace")


def _hide(operation: Operation, request: Any, answer: Any, message: str) -> tuple[Any, Any, str]:
    """A request, an answer and a message without what names a person."""
    mask = mask_of_call(operation, *LEFT_OUT)
    quoted = {text for side in (request, answer) for text in mask.hidden(side) if _is_telling(text)}
    found = sorted(quoted, key=len, reverse=True)
    return (
        _hide_side(mask, request, found),
        _hide_side(mask, answer, found),
        _hide_quotes(message, found),
    )


def _is_telling(text: str) -> bool:
    """Whether a text names somebody where it is quoted."""
    return len(text) >= (_SHORTEST_NUMBER if text.isascii() else _SHORTEST_QUOTE)


def _hide_side(mask: CallMask, side: Any, found: Sequence[str]) -> Any:
    if isinstance(side, str):
        return f"(a text of {len(side)} characters; --show-personal shows it)"
    return _hide_all_quotes(mask.hide(side), found)


def _hide_all_quotes(value: Any, found: Sequence[str]) -> Any:
    """A hidden text is hidden wherever else it is quoted."""
    if isinstance(value, Mapping):
        return {name: _hide_all_quotes(part, found) for name, part in value.items()}
    if isinstance(value, list):
        return [_hide_all_quotes(part, found) for part in value]
    return _hide_quotes(value, found) if isinstance(value, str) else value


def _hide_quotes(text: str, found: Sequence[str]) -> str:
    for one in found:
        text = text.replace(one, "***")
    return text


def _lines(side: Any, tell: Callable[[Mapping[str, object]], list[Line]]) -> tuple[str, ...]:
    """A side of a call in words."""
    if side is None:
        return ()
    if isinstance(side, str):
        return tuple("".join(c if c.isprintable() else " " for c in line) for line in side.splitlines())
    return tuple(map(str, tell(side)))
