"""Visits: which there are, which are open in the HIS, which still have to be read, which are held for a person."""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from connector.ledger.database import Database
from connector.ledger.link import Link
from connector.ledger.moments import to_iso, to_ms
from connector.ledger.names import mapping_id, mapping_id_or_new
from connector.ledger.payloads import IS_COMPARED
from connector.ledger.seal import Seal
from connector.ledger.trust import RESTORED
from connector.records import Reading, RecordBlock

_KNOWN = (
    "SELECT v.id, m.name, v.key, v.number, v.is_registered, v.hold, :is_restored, v.held_at, v.baseline "
    "FROM visit v JOIN mapping m ON m.id = v.mapping_id "
)


@dataclass(frozen=True, slots=True)
class KnownVisit:
    """A visit as people are told of it. `mapping` is its visits mapping; `reason` why it is held, "" if it is not.

    `baseline` (scaled by 4): what a person accepted as uploaded before the connector came, None for nothing.
    """

    visit_id: int
    mapping: str
    key: str = field(repr=False)
    number: str = field(repr=False)
    registered: bool
    reason: str = field(repr=False)
    held_at: str
    baseline: int | None = field(repr=False)

    @property
    def name(self) -> str:
        """What people call it: the platform's number, else the HIS's key."""
        return self.number or self.key


@dataclass(frozen=True, slots=True)
class Visits:
    """Keeps the visits of every visits mapping."""

    database: Database
    seal: Seal = field(repr=False)
    now: Callable[[], datetime]

    def keep(
        self, link: Link, mapping: int, block: RecordBlock, open_keys: Collection[str], run_id: int
    ) -> None:
        """Make or update the visits of a block, rejected ones included.

        The platform's number of a visit is fixed once its registration may be on the platform: what was
        uploaded stands under it.
        """
        numbers = _numbers(block)
        is_open = set(open_keys)
        known = {
            key: (visit_id, number, bool(was_open))
            for visit_id, key, number, was_open in link.rows(
                "SELECT v.id, v.key, v.number, v.is_open FROM EACH(??) e CROSS JOIN visit v "
                "WHERE v.mapping_id = ? AND v.key = e.value",
                list(numbers),
                mapping,
            )
        }
        link.insert(
            "visit",
            ("mapping_id", "key", "number", "is_open", "is_registered"),
            [
                (mapping, key, number, int(key in is_open), 0)
                for key, number in numbers.items()
                if key not in known
            ],
        )
        link.many(
            "UPDATE visit SET number = ? WHERE id = ? AND is_registered = 0 AND NOT EXISTS "
            "(SELECT 1 FROM batch b WHERE b.visit_id = visit.id AND b.state IN (:open))",
            [(numbers[key], i) for key, (i, number, _) in known.items() if numbers[key] not in ("", number)],
        )
        link.many(
            "UPDATE visit SET is_open = ?, closed_run = ? WHERE id = ?",
            [
                (int(key in is_open), None if key in is_open else run_id, i)
                for key, (i, _, was_open) in known.items()
                if was_open != (key in is_open)
            ],
        )

    def ids_of(self, link: Link, mapping: int, keys: Collection[str]) -> dict[str, int]:
        """The ids of visits by their keys; unknown ones are absent."""
        rows = link.rows(
            "SELECT v.key, v.id FROM EACH(??) e CROSS JOIN visit v WHERE v.mapping_id = ? AND v.key = e.value",
            list(keys),
            mapping,
        )
        return dict(rows)

    def keys(self, visits: str) -> list[str]:
        """The keys of all visits of a visits mapping."""
        return self._keys("SELECT v.key FROM visit v WHERE v.mapping_id = ? ORDER BY v.id", visits)

    def open(self, visits: str) -> list[str]:
        """Visits that are open, or were at the last run that read them to its end: these are read whole again."""
        return self._keys(
            "SELECT v.key FROM visit v WHERE v.mapping_id = ? AND " + IS_COMPARED + " ORDER BY v.id",  # noqa: S608 - fixed text
            visits,
        )

    def numbered(self, number: str) -> list[int]:
        """The ids of the visits that have this number at the platform."""
        with self.database.reading() as link:
            rows = link.rows("SELECT v.id FROM visit v WHERE v.number = ? ORDER BY v.id", number)
        return [visit_id for (visit_id,) in rows]

    def known(self, link: Link, where: str, *params: object) -> list[KnownVisit]:
        """The visits for which `where` holds, in the order in which they were first seen."""
        return [
            KnownVisit(
                visit_id,
                mapping,
                key,
                number,
                bool(is_registered),
                self.reason(visit_id, hold, is_restored),
                to_iso(held_at),
                baseline,
            )
            for visit_id, mapping, key, number, is_registered, hold, is_restored, held_at, baseline in link.rows(
                f"{_KNOWN}WHERE {where} ORDER BY v.id", *params
            )
        ]

    def find(self, name: str) -> list[KnownVisit]:
        """The visits of this number at the platform, or of this key in the HIS."""
        with self.database.reading() as link:
            return self.known(link, "v.number = ? OR v.key = ?", name, name)

    def of_ids(self, visit_ids: Collection[int]) -> list[KnownVisit]:
        """The visits of these ids."""
        with self.database.reading() as link:
            return self.known(link, "v.id IN (??)", list(visit_ids))

    def registered_between(
        self, operations: Collection[str], since: datetime, until: datetime
    ) -> list[KnownVisit]:
        """Registered visits whose registration (by one of these interfaces) went from `since` to before `until`."""
        with self.database.reading() as link:
            return self.known(
                link,
                "v.is_registered = 1 AND EXISTS (SELECT 1 FROM batch b WHERE b.visit_id = v.id AND b.state = :batch_accepted "
                "AND b.operation IN (??) AND b.claimed_at >= ? AND b.claimed_at < ?)",
                *(list(operations), to_ms(since), to_ms(until)),
            )

    def unread(self, visits: str, mapping: str) -> list[str]:
        """Visits whose rows of `mapping` have never been read by visit: the watermark may have passed them."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT v.key FROM visit v WHERE v.mapping_id = ? AND NOT EXISTS "
                "(SELECT 1 FROM visit_read d WHERE d.visit_id = v.id AND d.mapping_id = ?) ORDER BY v.id",
                mapping_id(link, visits),
                mapping_id(link, mapping),
            )
        return [key for (key,) in rows]

    def mark_read(self, visits: str, mapping: str, keys: Collection[str]) -> None:
        """The rows of `mapping` of these visits have been read by visit and staged."""
        with self.database.writing() as link:
            number = mapping_id_or_new(link, mapping)
            ids = sorted(self.ids_of(link, mapping_id(link, visits), set(keys)).values())
            known = {
                i
                for (i,) in link.rows(
                    "SELECT visit_id FROM visit_read WHERE mapping_id = ? AND visit_id IN (??)", number, ids
                )
            }
            link.insert(
                "visit_read", ("visit_id", "mapping_id"), [(i, number) for i in ids if i not in known]
            )

    def hold(self, visit_id: int, reason: str) -> None:
        """Nothing more is sent for this visit until its reason is gone."""
        sealed = self.seal.seal("hold", visit_id, reason.encode())
        with self.database.writing() as link:
            link.run(
                "UPDATE visit SET hold = ?, held_at = COALESCE(held_at, ?) WHERE id = ?",
                sealed,
                to_ms(self.now()),
                visit_id,
            )

    def unhold(self, visit_id: int) -> None:
        """The visit may go on."""
        with self.database.writing() as link:
            link.run("UPDATE visit SET hold = NULL, held_at = NULL WHERE id = ?", visit_id)

    def keep_reading(self, visit_id: int, reading: Reading) -> None:
        """Note the platform's totals of a visit; it becomes durable with the next commit."""
        self.database.later(
            "INSERT INTO reading (visit_id, source, total, categories, at) VALUES (?, ?, ?, ?, ?)",
            visit_id,
            reading.source,
            reading.total,
            json.dumps(reading.categories),
            reading.at,
        )

    def reason(self, visit_id: int, hold: bytes | None, is_restored: int = 0) -> str:
        """Why a visit is held, "" when it is not."""
        if is_restored:
            return RESTORED
        return "" if hold is None else self.seal.open("hold", visit_id, hold).decode()

    def _keys(self, sql: str, visits: str) -> list[str]:
        with self.database.reading() as link:
            return [key for (key,) in link.rows(sql, mapping_id(link, visits))]


def _numbers(block: RecordBlock) -> dict[str, str]:
    """Each visit's number, "" where the block does not say it."""
    numbers = dict(zip(block.visits, block.numbers or [""] * len(block.visits), strict=True))
    others: Iterable[str] = (*(r.visit for r in block.rejections), *(s.visit for s in block.set_aside))
    for key in others:
        numbers.setdefault(key, "")
    return numbers
