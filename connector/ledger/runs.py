"""Runs: when each began and ended, with which exit code, and what it says it did."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.ledger.database import Database
from connector.ledger.moments import to_iso, to_ms
from connector.ledger.seal import Seal
from connector.ledger.upkeep import tidy


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `ended_at` is "" and `exit_code` None while it is under way, or if its process died."""

    id: int
    pipeline: str
    kind: str
    started_at: str
    ended_at: str
    exit_code: int | None
    summary: Mapping[str, object] = field(repr=False)

    @property
    def seconds(self) -> float:
        """How long it took; 0 while it is under way, or if its process died."""
        if not self.ended_at:
            return 0.0
        return (
            datetime.fromisoformat(self.ended_at) - datetime.fromisoformat(self.started_at)
        ).total_seconds()


@dataclass(frozen=True, slots=True)
class Runs:
    """Keeps the history of runs; summaries are sealed, for reasons in them may quote the platform."""

    database: Database
    seal: Seal = field(repr=False)
    now: Callable[[], datetime]

    def begin(self, pipeline: str, kind: str) -> int:
        """Begin a run; returns its number."""
        with self.database.writing() as link:
            link.run(
                "INSERT INTO run (pipeline, kind, started_at) VALUES (?, ?, ?)",
                pipeline,
                kind,
                to_ms(self.now()),
            )
            return int(link.rows("SELECT MAX(id) FROM run")[0][0])

    def note(self, run_id: int, summary: Mapping[str, object]) -> None:
        """Keep what a run that is still under way says it did so far; a later note, or its end, replaces it."""
        with self.database.writing() as link:
            link.run("UPDATE run SET summary = ? WHERE id = ?", self._seal(run_id, summary), run_id)

    def end(self, run_id: int, exit_code: int, summary: Mapping[str, object]) -> None:
        """End a run, and hand freed room back to the disk."""
        with self.database.writing() as link:
            link.run(
                "UPDATE run SET ended_at = ?, exit_code = ?, summary = ? WHERE id = ?",
                *(to_ms(self.now()), exit_code, self._seal(run_id, summary), run_id),
            )
        tidy(self.database, run_id)

    def history(self, limit: int, kind: str) -> list[Run]:
        """The last runs of a kind, the newest first."""
        with self.database.reading() as link:
            rows = link.rows(
                "SELECT id, pipeline, kind, started_at, ended_at, exit_code, summary FROM run WHERE kind = ? "
                "ORDER BY id DESC LIMIT ?",
                kind,
                limit,
            )
        return [
            Run(
                run_id, pipeline, kind, to_iso(began), to_iso(ended), exit_code, self._summary(run_id, sealed)
            )
            for run_id, pipeline, kind, began, ended, exit_code, sealed in rows
        ]

    def _seal(self, run_id: int, summary: Mapping[str, object]) -> bytes:
        return self.seal.seal("summary", run_id, json.dumps(summary, default=str).encode())

    def _summary(self, run_id: int, sealed: bytes | None) -> Mapping[str, object]:
        if sealed is None:
            return {}
        summary: Mapping[str, object] = json.loads(self.seal.open("summary", run_id, sealed))
        return summary
