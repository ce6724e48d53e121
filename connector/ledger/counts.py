"""What staging and sweeping count."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class StageCounts:
    """What became of the rows of a block; every row counts once.

    `changed`: waiting, and replaced because the HIS changed it; `mapping_changed`: only the mapping's result
    changed (waiting rows take it, uploaded ones stay); `changed_after_upload`: claimed or uploaded, and the HIS
    changed it since; `compensated`: the same, and it is taken back; `requeued`: was in quarantine, set aside or gone, and may be sent now.
    """

    new: int = 0
    unchanged: int = 0
    changed: int = 0
    changed_after_upload: int = 0
    compensated: int = 0
    mapping_changed: int = 0
    quarantined: int = 0
    set_aside: int = 0
    requeued: int = 0

    def __add__(self, other: "StageCounts") -> "StageCounts":
        """The counts of both."""
        return StageCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def count(self, name: str, rows: int = 1) -> None:
        """Add to one of the counts."""
        setattr(self, name, getattr(self, name) + rows)


@dataclass(frozen=True, slots=True)
class SweepCounts:
    """`void`: waiting rows that are gone from the HIS; `vanished`: uploaded ones found missing for the first time."""

    void: int = 0
    vanished: int = 0
