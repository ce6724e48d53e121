"""What was found out about the platform by trying (`connector calibrate`), and what follows for the delivery.

The platform's document is silent on what delivery rests on (assumptions A1 to A10 of the delivery protocol). What
calibration finds can only make delivery more careful than connector.yaml says, with one exception: a request that
is known to be saved whole or not at all (A5) leaves fewer explanations of a total to be considered.
"""

import pathlib
from collections import abc
from dataclasses import dataclass, field, replace
from typing import Literal

from connector.config.settings import DeliverySettings, Measured, PlatformSettings

FILE = "calibration.yaml"

ASSUMPTIONS: abc.Mapping[str, str] = {
    "A1": "a request in a dead session has no effect",
    "A2": "after a new login the old session is refused",
    "A3": "a request that has begun ends within the settle time",
    "A4": "a total shows at once what was saved",
    "A5": "a request is saved whole or not at all",
    "A6": "totals are rounded as a whole, not row by row",
    "A7": "a visit without fees reads as zero",
    "A8": "totals are the sums of what was sent",
    "A9": "4.12 is refused after the discharge",
    "A10": "4.16 lists every row",
}
"""What is tried, by the delivery protocol's number."""

Result = Literal["confirmed", "refuted", "not tried"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What trying an assumption came to, with what was seen in one sentence."""

    result: Result
    evidence: str = ""


NOT_TRIED = Finding("not tried")


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a platform."""

    base_url: str
    username: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """The content of calibration.yaml.

    `calibrated_at`: ISO 8601 with zone. `holds_for`: the accounts it was found out for, or is known to hold for.
    `settle_s` and `read_lag_s`: what A3 and A4 ask for at least; None where nothing was measured.
    """

    calibrated_at: str
    holds_for: tuple[Account, ...]
    findings: abc.Mapping[str, Finding]
    settle_s: int | None = None
    read_lag_s: int | None = None
    file: pathlib.Path = field(default_factory=pathlib.Path, compare=False)

    def is_for(self, platform: PlatformSettings) -> bool:
        """Whether it holds for the account of these settings."""
        return Account(platform.base_url, platform.username) in self.holds_for

    def describe(self, platform: PlatformSettings) -> str:
        """One line for people: whether it holds here, and which assumptions do not."""
        if not self.is_for(platform):
            known = ", ".join(f"{one.username} at {one.base_url}" for one in self.holds_for)
            return (
                f"not calibrated: {FILE} holds for {known or 'nobody'}, not for {platform.username} at "
                f"{platform.base_url}; the careful defaults apply"
            )
        parts = [f"calibrated {self.calibrated_at[:10]}"]
        for result in ("refuted", "not tried"):
            found = self.of_result(result)
            parts += [f"{result}: {', '.join(found)}"] if found else []
        return "; ".join(parts)

    def result(self, assumption: str) -> Result:
        """What trying an assumption came to."""
        return self.findings.get(assumption, NOT_TRIED).result

    def of_result(self, result: Result) -> tuple[str, ...]:
        """The assumptions of that result, in their order."""
        return tuple(one for one in ASSUMPTIONS if self.result(one) == result)


NOT_CALIBRATED = "not calibrated: the careful defaults apply (`connector calibrate`, on a test platform)"
"""What stands for the line of a project that has no calibration."""


def adjust(delivery: DeliverySettings, calibration: Calibration) -> tuple[DeliverySettings, tuple[str, ...]]:
    """The delivery's settings with what calibration demands, and every setting that it overrules, in words.

    A setting of connector.yaml stands where it is at least as careful.
    """
    settle_s = max(delivery.settle_s, calibration.settle_s or 0)
    read_lag_s = max(delivery.read_lag_s, calibration.read_lag_s or 0)
    is_lagging = calibration.result("A4") == "refuted" and calibration.read_lag_s is None
    if is_lagging:  # old totals for longer than was waited: every conclusion has to wait the settle time
        read_lag_s = max(read_lag_s, settle_s)
    asked = [one for one in ("A2", "A3", "A8") if calibration.result(one) == "refuted"]
    adjusted = replace(
        delivery,
        settle_s=settle_s,
        read_lag_s=read_lag_s,
        on_doubt="ask" if asked else delivery.on_doubt,
        measured=Measured(
            is_atomic=calibration.result("A5") == "confirmed",
            rounds_rows=calibration.result("A6") == "refuted",
            totals_tell=calibration.result("A8") != "refuted",
        ),
    )
    reasons = {"settle_s": "A3", "read_lag_s": "A4", "on_doubt": ", ".join(asked)}
    notes = tuple(
        f"delivery.{name} is {getattr(adjusted, name)}, not {getattr(delivery, name)}: {FILE} asks for it ({reason})."
        for name, reason in reasons.items()
        if getattr(adjusted, name) != getattr(delivery, name)
    )
    return adjusted, notes
