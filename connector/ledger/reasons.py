"""Why a record is not sent: violations and reasons, each distinct one kept once, its words sealed.

Refusals quote the platform, and the platform may quote the patient; so words are protected at rest, and equal
ones are found by a keyed digest.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.errors import Violation
from connector.ledger.link import Link
from connector.ledger.seal import Seal

SET_ASIDE = "set-aside"
"""The rule under which the reason of a row with nothing to send is kept."""

REREAD = Violation(
    "", "reread", "", "the HIS changed this row while it was being sent: it is read again at the next run"
)

AFTER_RESET = Violation(
    "",
    "reread",
    "",
    "its visit's fees were deleted on the platform (a reset): it is read again at the next run and sent anew; "
    "a row that stays here is not in the HIS any more",
)

AFTER_UNDO = Violation(
    "",
    "reread",
    "",
    "it was taken back on the platform with its visit: it is read again at the next run, and sent when the visit is let "
    "go; a row that stays here is not in the HIS any more",
)


@dataclass(frozen=True, slots=True)
class Reasons:
    """Keeps violations, and which record breaks which."""

    seal: Seal = field(repr=False)

    def intern(self, link: Link, violations: Iterable[Violation]) -> dict[Violation, int]:
        """The ids of these violations; unknown ones are added."""
        digests = {self._digest(v): v for v in violations}
        if not digests:
            return {}
        known = dict(link.rows("SELECT digest, id FROM violation WHERE digest IN (??)", list(digests)))
        highest = link.rows("SELECT COALESCE(MAX(id), 0) FROM violation")[0][0]
        fresh = [(digest, v) for digest, v in digests.items() if digest not in known]
        known.update((digest, highest + n) for n, (digest, _) in enumerate(fresh, start=1))
        rows = [
            (known[digest], digest, v.path, v.rule, v.zh, v.platform_code, self._sealed(digest, v.message))
            for digest, v in fresh
        ]
        link.insert("violation", ("id", "digest", "path", "rule", "zh", "code", "message"), rows)
        return {v: known[digest] for digest, v in digests.items()}

    def link(self, link: Link, records: Mapping[int, Sequence[int]], at: int) -> None:
        """Say which violations (by id) the records break now."""
        rows = [(r, place, v, at) for r, ids in records.items() for place, v in enumerate(ids)]
        link.insert("violated", ("record_id", "place", "violation_id", "since"), rows)

    def clear(self, link: Link, record_ids: list[int]) -> None:
        """The records break nothing any more, or are superseded."""
        if record_ids:
            link.run("DELETE FROM violated WHERE record_id IN (??)", record_ids)

    def ids_of(self, link: Link, record_ids: list[int]) -> dict[int, tuple[int, ...]]:
        """The ids of what each record breaks."""
        found: dict[int, tuple[int, ...]] = {}
        for record_id, violation_id in link.rows(
            "SELECT record_id, violation_id FROM violated WHERE record_id IN (??) ORDER BY record_id, place",
            record_ids,
        ):
            found[record_id] = (*found.get(record_id, ()), violation_id)
        return found

    def read(self, link: Link, violation_ids: list[int]) -> dict[int, Violation]:
        """The violations themselves, opened."""
        rows = link.rows(
            "SELECT id, digest, path, rule, zh, code, message FROM violation WHERE id IN (??)", violation_ids
        )
        return {
            row[0]: Violation(
                row[2], row[3], row[4], self.seal.open("violation", row[1], row[6]).decode(), row[5]
            )
            for row in rows
        }

    def _digest(self, violation: Violation) -> str:
        parts = [violation.path, violation.rule, violation.zh, violation.message, violation.platform_code]
        return self.seal.digest(json.dumps(parts).encode())

    def _sealed(self, digest: str, message: str) -> bytes:
        return self.seal.seal("violation", digest, message.encode())
