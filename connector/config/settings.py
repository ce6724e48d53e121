"""What connector.yaml says: where things are and how careful to be; secrets only by reference."""

import pathlib
from collections import abc
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from connector.config.places import Places
from connector.config.schedule import Quiet, Schedule
from connector.config.secrets import Secret


@dataclass(frozen=True, slots=True)
class HisSettings:
    """The hospital's database: its SQLAlchemy URL, rows a page, seconds a statement may take, encoding.

    `files`: the folder that relative paths in its columns start from; None for the project directory.
    """

    url: Secret
    page_rows: int = 50_000
    statement_timeout_s: int = 120
    encoding: str | None = None
    files: pathlib.Path | None = None


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """The platform: its address and the account, and how a message is carried.

    `base_url` has no slash at its end. `message_in`: POST form, query or JSON. `proxy` is a URL, None for none.
    `key_date_zone`: in whose time zone the date of the login key is. `max_file_mb`: how many
    megabytes (of 1024 x 1024 bytes) a file that is sent (4.18) may have; the document names no limit (trap T23).
    """

    base_url: str
    username: str
    password: Secret
    key: Secret
    message_in: Literal["form", "query", "json"] = "form"
    headers: abc.Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}))
    proxy: Secret | None = None
    ca_file: pathlib.Path | None = None
    key_date_zone: str = "Asia/Shanghai"
    max_file_mb: int = 10


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """The ledger: its SQLAlchemy URL and the key that seals what it keeps.

    `witness`: the file that keeps the last intent besides, relative to the project directory; None for none.
    """

    url: Secret
    key: Secret
    witness: pathlib.Path | None = pathlib.Path("ledger.witness")


@dataclass(frozen=True, slots=True)
class Measured:
    """What calibration found out about the platform; where nothing was, the assumption that is careful or was made.

    `is_atomic`: a request is saved whole or not at all (A5); `rounds_rows`: its totals are sums of rows that were
    rounded to the fen (A6); `totals_tell`: its totals are the sums of what was sent (A8).
    """

    is_atomic: bool = False
    rounds_rows: bool = False
    totals_tell: bool = True


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How rows are sent.

    `batch_rows` a call, `visits_in_flight` at once, `timeout_s` for an answer; `settle_s`: how long after a
    call its effect may still appear; `read_lag_s`: how long totals may lag behind; `verify`: when totals are
    compared; `on_doubt`: settle by totals, or ask a person; `most_releases` of the same rows before a person
    is asked; more than `mass_edit_rows` rows, and more than `mass_edit_percent` of a visit's, that are to be taken
    back at once hold the visit (risk R11). `measured` comes from calibration.yaml.
    """

    batch_rows: int = 50
    visits_in_flight: int = 4
    timeout_s: int = 120
    settle_s: int = 1800
    read_lag_s: int = 30
    verify: Literal["per-run", "always", "never"] = "per-run"
    on_doubt: Literal["settle", "ask"] = "settle"
    most_releases: int = 3
    mass_edit_rows: int = 3
    mass_edit_percent: int = 33
    measured: Measured = Measured()


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What stops a run before it does harm; None is no limit.

    Rows and whole yuan that one run, or one day (of `platform.key_date_zone`), may send; `rejected_share`: how much
    of what was staged since a run was last let through our rules may reject, once that is `rejected_from_rows`;
    `rows_in_doubt` at a time. `breaker_pause_s`: how long a platform that fails is left alone before it is asked
    again, doubled each time, at most `breaker_probes` times.
    """

    rows_per_run: int | None = 200_000
    rows_per_day: int | None = 300_000
    yuan_per_run: int | None = 10_000_000
    yuan_per_day: int | None = 15_000_000
    rejected_share: Decimal | None = Decimal("0.5")
    rejected_from_rows: int = 200
    rows_in_doubt: int | None = 500
    breaker_pause_s: int = 30
    breaker_probes: int = 5


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """`amount_tolerance`, in yuan, between amount and price × quantity; what a documented length counts."""

    amount_tolerance: Decimal = Decimal("0.05")
    length_in: Literal["characters", "bytes"] = "characters"


@dataclass(frozen=True, slots=True)
class CardSettings:
    """`region`: where the hospital is (行政区划); a card of another province is looked up across provinces."""

    region: str = "150000"


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """The call journal: entries older than `keep_days` are deleted at the end of runs.

    `keep`: every call, or only those that change something and those that did not go well.
    """

    keep_days: int = 365
    keep: Literal["all", "changes"] = "all"


@dataclass(frozen=True, slots=True)
class LifecycleSettings:
    """How far a visit goes by itself, and what the region wants of it.

    `accident_report` of a new injury: `required` before it is registered, `optional`, or `no-upload` where new
    injuries are not uploaded at all (traps T115, T116). `leave`: whether a patient who has gone leaves at the platform
    by itself, when a person says so, or never. `e_invoice`: the hospital issues electronic invoices (trap T97).
    `single_…`: whether the only candidate that fits is taken, or a person asked all the same; the document wants a
    person to choose the treatment application (trap T118).
    """

    accident_report: Literal["required", "optional", "no-upload"] = "optional"
    leave: Literal["automatic", "ask", "never"] = "ask"
    e_invoice: bool = False
    single_injury: Literal["take", "ask"] = "take"
    single_application: Literal["take", "ask"] = "ask"
    single_filing: Literal["take", "ask"] = "take"


@dataclass(frozen=True, slots=True)
class BackfillSettings:
    """How gently the past is uploaded; None is no limit.

    As long as so many rows went within an hour, or on a day (of `platform.key_date_zone`), by whatever command, a
    backfill sends none; `quiet`: nor in these hours of the day.
    """

    rows_per_hour: int | None = 20_000
    rows_per_day: int | None = 100_000
    visits_in_flight: int = 2
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """When and how `connector serve` compares HIS, ledger and platform; without a `schedule` it does not.

    `everything`: every visit the ledger knows, not only those that are open, due or not proven; `settle`: doubts are
    settled first; `folder`: where a workbook is written each time, None for none.
    """

    schedule: Schedule | None = None
    everything: bool = False
    settle: bool = False
    folder: pathlib.Path | None = None


@dataclass(frozen=True, slots=True)
class SettlementSettings:
    """How a settlement sheet is printed: its `title` ("" is the document's), and the `fonts` of its PDF.

    The first font that has a character draws it; without any, the usual ones of this machine are looked for.
    """

    title: str = ""
    fonts: tuple[pathlib.Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole of connector.yaml."""

    his: HisSettings
    platform: PlatformSettings
    ledger: LedgerSettings
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    guards: GuardSettings = field(default_factory=GuardSettings)
    checks: CheckSettings = field(default_factory=CheckSettings)
    cards: CardSettings = field(default_factory=CardSettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    settlement: SettlementSettings = field(default_factory=SettlementSettings)
    lifecycle: LifecycleSettings = field(default_factory=LifecycleSettings)
    backfill: BackfillSettings = field(default_factory=BackfillSettings)
    reconcile: ReconcileSettings = field(default_factory=ReconcileSettings)
    file: pathlib.Path = field(default_factory=pathlib.Path, compare=False)
    places: Places = field(default_factory=Places, compare=False, repr=False)
