"""What a pipeline file says: which mappings run together, and whose visits they belong to."""

import pathlib
from dataclasses import dataclass, field
from datetime import date

from connector.config.places import Places
from connector.config.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline file. `visits` is the mapping that gives the visits; `mappings` are staged in their order.

    `leave` says how a visit ends, "" where nothing does; `documents` are what it leaves with. Neither is staged: they
    are read when a visit leaves. `schedule`: when `connector serve` runs it; None where it does not. `since`:
    visits that were admitted before are not taken up by runs, but by `connector backfill`; None where runs take up all.
    """

    name: str
    visits: str
    mappings: tuple[str, ...]
    leave: str = field(default="", kw_only=True)
    documents: tuple[str, ...] = field(default=(), kw_only=True)
    schedule: Schedule | None = field(default=None, kw_only=True)
    since: date | None = field(default=None, kw_only=True)
    file: pathlib.Path = field(default_factory=pathlib.Path, compare=False)
    places: Places = field(default_factory=Places, compare=False, repr=False)
