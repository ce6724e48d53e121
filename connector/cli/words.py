"""Values in words for people: amounts, moments, counts."""

from datetime import datetime


def money(amount: int | None) -> str:
    """An amount scaled by 4, in yuan with two decimals (four where it has them); "–" for none."""
    from connector.records import yuan

    if amount is None:
        return "–"
    exact = yuan(amount)
    return f"{exact:,.2f}" if exact == round(exact, 2) else f"{exact:,.4f}"


def count(number: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`, `2 batches`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(iso: str) -> str:
    """A moment of the ledger (ISO 8601, UTC) in this computer's zone, to the second; "" for none."""
    return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M:%S}" if iso else ""
