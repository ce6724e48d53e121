"""From the short id in a remark on the platform's web page back to the row it belongs to."""

from collections.abc import Iterator

from connector.errors import ConfigurationError
from connector.ledger.store import Ledger
from connector.pipeline.overview import RowReport, report_row
from connector.pipeline.parts import Parts
from connector.transform.trace import find_keys, read_trace_id


def find_trace(parts: Parts, text: str, *, show_personal: bool = False) -> tuple[RowReport, ...]:
    """Every record whose trace id this is, the newest version first; ConfigurationError for what is no trace id.

    No table is kept of the ids: they are made anew of every key in the ledger. Mappings that do not say `trace`
    (any more) are looked through too.
    """
    try:
        wanted = read_trace_id(text)
    except ValueError as error:
        raise ConfigurationError(f"“{text}” cannot be looked up: {error}.") from None
    with parts.open_ledger(read_only=True) as ledger:
        found = sorted(
            (record_id for mapping in parts.project.mappings for record_id in _ids(ledger, mapping, wanted)),
            reverse=True,
        )
        records = [ledger.quarantine.show(record_id) for record_id in found]
    return tuple(report_row(parts, record, show_personal=show_personal) for record in records)


def _ids(ledger: Ledger, mapping: str, wanted: str) -> Iterator[int]:
    """Ids of a mapping's records that have the trace id."""
    after = 0
    while page := ledger.outbox.keys(mapping, after=after):
        after = page[-1][0]
        yield from (page[place][0] for place in find_keys(mapping, [key for _, key in page], wanted))
