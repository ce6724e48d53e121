"""Mappings' names as the small numbers that stand for them in the tables."""

from connector.ledger.link import Link

UNKNOWN = -1
"""The number of a mapping the ledger has never met; no row has it."""


def mapping_id(link: Link, name: str) -> int:
    """The mapping's number, `UNKNOWN` if it was never staged."""
    row = link.one("SELECT id FROM mapping WHERE name = ?", name)
    return UNKNOWN if row is None else int(row[0])


def mapping_id_or_new(link: Link, name: str) -> int:
    """The mapping's number, given now if it has none yet."""
    found = mapping_id(link, name)
    if found != UNKNOWN:
        return found
    highest = link.rows("SELECT COALESCE(MAX(id), 0) FROM mapping")[0][0]
    link.run("INSERT INTO mapping (id, name) VALUES (?, ?)", highest + 1, name)
    return int(highest) + 1


def keep_payloads(link: Link, mapping: int, *, wanted: bool) -> bool:
    """Say whether a mapping keeps the payloads of what was accepted; returns whether it did before."""
    did = bool(link.rows("SELECT keeps_payloads FROM mapping WHERE id = ?", mapping)[0][0])
    if did != wanted:
        link.run("UPDATE mapping SET keeps_payloads = ? WHERE id = ?", int(wanted), mapping)
    return did
