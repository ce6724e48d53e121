"""On which day each visit of the HIS was admitted, as its registration says (the role `admitted` of 4.8 and 4.22)."""

from collections.abc import Iterator
from datetime import date, datetime

import pyarrow as pa

from connector.columns.text import key_text
from connector.errors import ConfigurationError
from connector.transform.plan import Slot
from connector.transform.shape import Plan, frame

_ROLE = "admitted"


def find_admission(plan: Plan) -> Slot:
    """The registration's date of admission; ConfigurationError where no column of the HIS tells it."""
    slot = plan.role(_ROLE)
    if slot is None or slot.expression is None or not slot.expression.columns:
        where = f"{slot.path} {slot.spec.zh}" if slot is not None else "the date of admission"
        raise ConfigurationError(
            f"Mapping {plan.mapping.name}: no column of the HIS tells on which day a visit was admitted ({where} is made "
            "of none). Let its field be made of a column; or name visits one by one: `connector backfill --visits`."
        )
    return slot


def read_admissions(plan: Plan, table: pa.Table) -> Iterator[tuple[str, date | None]]:
    """Key and day of admission of every visit of a chunk; None where its date cannot be read.

    ConfigurationError as `find_admission`.
    """
    slot = find_admission(plan)
    form = slot.spec.format or "%Y-%m-%d"
    keys = key_text(table.column(plan.mapping.source.visit)).to_pylist()
    for key, text in zip(keys, frame(plan, table)[slot.path].tolist(), strict=True):
        yield str(key or ""), datetime.strptime(text, form).date() if text else None  # noqa: DTZ007 - a day
