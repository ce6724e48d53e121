"""Moments as the ledger keeps them: whole milliseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """An aware moment in milliseconds. Raises ValueError for a naive one: its zone would be a guess."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return (moment - _BEGINNING) // _MS


def to_iso(ms: int | None) -> str:
    """Milliseconds as ISO 8601 in UTC, "" for none."""
    return "" if ms is None else (_BEGINNING + ms * _MS).isoformat(timespec="milliseconds")
