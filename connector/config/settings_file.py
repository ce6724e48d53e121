"""Reading connector.yaml. What it shows of the file in complaints never holds a secret."""

import pathlib
import re
from decimal import Decimal, InvalidOperation
from typing import get_args, get_type_hints

from connector.config import secrets
from connector.config.form import Form, read_version
from connector.config.mapping_file import read_encoding
from connector.config.masking import hide_all_but
from connector.config.page import Page
from connector.config.places import Path
from connector.config.platform_file import no_platform, read_platform
from connector.config.schedule import read_quiet, read_schedule
from connector.config.secret_settings import read_secret, read_url
from connector.config.secrets import Secret
from connector.config.settings import (
    BackfillSettings,
    CardSettings,
    CheckSettings,
    DeliverySettings,
    GuardSettings,
    HisSettings,
    JournalSettings,
    LedgerSettings,
    LifecycleSettings,
    ReconcileSettings,
    Settings,
    SettlementSettings,
)
from connector.config.yaml_reader import Scalar, read_yaml

_SECTIONS = (
    "his",
    "platform",
    "ledger",
    "delivery",
    "guards",
    "checks",
    "cards",
    "journal",
    "lifecycle",
    "backfill",
    "settlement",
    "reconcile",
)
_SECRETS = frozenset(
    {("his", "url"), ("platform", "password"), ("platform", "key"), ("ledger", "url"), ("ledger", "key")}
)
_TIMES = ("reconcile", "schedule")
_OPEN: frozenset[Path] = frozenset(
    {("version",)}
    | {("his", one) for one in ("page_rows", "statement_timeout_s", "encoding", "files")}
    | {
        ("platform", one)
        for one in ("base_url", "username", "message_in", "ca_file", "key_date_zone", "max_file_mb")
    }
    | {("ledger", "witness")}
    | {("guards", one) for one in GuardSettings.__dataclass_fields__}
    | {("delivery", one) for one in DeliverySettings.__dataclass_fields__ if one != "measured"}
    | {("checks", one) for one in CheckSettings.__dataclass_fields__}
    | {("cards", one) for one in CardSettings.__dataclass_fields__}
    | {("journal", one) for one in JournalSettings.__dataclass_fields__}
    | {("settlement", "title"), ("settlement", "fonts")}
    | {("lifecycle", one) for one in LifecycleSettings.__dataclass_fields__}
    | {("backfill", one) for one in BackfillSettings.__dataclass_fields__}
    | {("reconcile", one) for one in ("all", "settle", "export")}
    | {(*_TIMES, one) for one in ("every", "cron", "quiet")}
)
"""Settings whose values may be shown. Everything else in the file is masked, known or not."""
_TOLERANCE = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,4})?", re.ASCII)
_SHARE = re.compile(r"0(?:\.[0-9]{1,4})?|1(?:\.0{1,4})?", re.ASCII)
_REGION = re.compile(r"[0-9]{6}", re.ASCII)
_NO_WITNESS = "none"


def read_settings(page: Page, path: pathlib.Path) -> Settings | None:
    """The settings of a page; None where they are no table of keys. What is wrong is noted there."""
    table = read_yaml(page)
    if table is None:
        return None
    hide_all_but(page, table, _may_show_key, _may_show)
    form = Form(page, table)
    read_version(form)
    his, platform, ledger = (form.form(one, required=True) for one in _SECTIONS[:3])
    settings = Settings(
        his=_read_his(his, path.parent) if his else HisSettings(Secret("", "his.url")),
        platform=read_platform(platform, path.parent) if platform else no_platform(),
        ledger=_read_ledger(ledger) if ledger else LedgerSettings(Secret(""), Secret("")),
        delivery=_read_delivery(form.form("delivery")),
        guards=_read_guards(form.form("guards")),
        checks=_read_checks(form.form("checks")),
        cards=_read_cards(form.form("cards")),
        journal=_read_journal(form.form("journal")),
        lifecycle=_read_lifecycle(form.form("lifecycle")),
        backfill=_read_backfill(form.form("backfill")),
        settlement=_read_settlement(form.form("settlement"), path.parent),
        reconcile=_read_reconcile(form.form("reconcile"), path.parent),
        file=path,
    )
    form.close()
    return settings


def _read_his(form: Form, directory: pathlib.Path) -> HisSettings:
    default = HisSettings(Secret(""))
    files = form.word("files", nullable=True)
    his = HisSettings(
        url=read_url(form, "url", required=True) or Secret(""),
        page_rows=form.number("page_rows", default=default.page_rows, least=1, most=1_000_000),
        statement_timeout_s=form.number(
            "statement_timeout_s", default=default.statement_timeout_s, least=1, most=86_400
        ),
        encoding=read_encoding(form),
        files=directory / files if files else None,
    )
    form.close()
    return his


def _read_ledger(form: Form) -> LedgerSettings:
    default = LedgerSettings(Secret(""), Secret(""))
    witness = form.word("witness") or str(default.witness)
    ledger = LedgerSettings(
        url=read_url(form, "url", required=True) or Secret(""),
        key=read_secret(form, "key"),
        witness=None if witness == _NO_WITNESS else pathlib.Path(witness),
    )
    form.close()
    return ledger


def _read_delivery(form: Form | None) -> DeliverySettings:
    default = DeliverySettings()
    if form is None:
        return default
    hints = get_type_hints(DeliverySettings)
    delivery = DeliverySettings(
        batch_rows=form.number("batch_rows", default=default.batch_rows, least=1, most=1000),
        visits_in_flight=form.number("visits_in_flight", default=default.visits_in_flight, least=1, most=64),
        timeout_s=form.number("timeout_s", default=default.timeout_s, least=1, most=3600),
        settle_s=form.number("settle_s", default=default.settle_s, most=604_800),
        read_lag_s=form.number("read_lag_s", default=default.read_lag_s, most=86_400),
        verify=form.choice("verify", get_args(hints["verify"]), default=default.verify),
        on_doubt=form.choice("on_doubt", get_args(hints["on_doubt"]), default=default.on_doubt),
        most_releases=form.number("most_releases", default=default.most_releases, most=100),
        mass_edit_rows=form.number("mass_edit_rows", default=default.mass_edit_rows, most=1_000_000),
        mass_edit_percent=form.number("mass_edit_percent", default=default.mass_edit_percent, most=100),
    )
    form.close()
    return delivery


def _read_guards(form: Form | None) -> GuardSettings:
    default = GuardSettings()
    if form is None:
        return default
    guards = GuardSettings(
        rows_per_run=_read_limit(form, "rows_per_run", default.rows_per_run),
        rows_per_day=_read_limit(form, "rows_per_day", default.rows_per_day),
        yuan_per_run=_read_limit(form, "yuan_per_run", default.yuan_per_run),
        yuan_per_day=_read_limit(form, "yuan_per_day", default.yuan_per_day),
        rejected_share=_read_share(form, "rejected_share", default.rejected_share),
        rejected_from_rows=form.number("rejected_from_rows", default=default.rejected_from_rows, least=1),
        rows_in_doubt=_read_limit(form, "rows_in_doubt", default.rows_in_doubt),
        breaker_pause_s=form.number("breaker_pause_s", default=default.breaker_pause_s, most=3600),
        breaker_probes=form.number("breaker_probes", default=default.breaker_probes, most=10),
    )
    form.close()
    return guards


def _read_limit(form: Form, name: str, default: int | None) -> int | None:
    """A whole number, or null for no limit."""
    if _is_null(form, name):
        return None
    return form.number(name, default=default or 0, least=1, most=10**12)


def _read_share(form: Form, name: str, default: Decimal | None) -> Decimal | None:
    """A share from 0 to 1, or null for no limit."""
    if _is_null(form, name):
        return None
    scalar = form.scalar(name)
    if scalar is None:
        return default
    if not _SHARE.fullmatch(scalar.text):
        form.page.complain(scalar.spot, f"“{name}” must be a share from 0 to 1.", 'For example "0.5".')
        return default
    return Decimal(scalar.text)


def _is_null(form: Form, name: str) -> bool:
    """Whether a key is there and null."""
    item = form.item(name)
    return isinstance(item, Scalar) and item.is_null


def _read_checks(form: Form | None) -> CheckSettings:
    default = CheckSettings()
    if form is None:
        return default
    hints = get_type_hints(CheckSettings)
    tolerance = default.amount_tolerance
    scalar = form.scalar("amount_tolerance")
    if scalar is not None:
        try:
            tolerance = Decimal(scalar.text) if _TOLERANCE.fullmatch(scalar.text) else Decimal("NaN")
        except InvalidOperation:
            tolerance = Decimal("NaN")
        if tolerance.is_nan():
            form.page.complain(
                scalar.spot, "“amount_tolerance” must be yuan in digits.", 'For example "0.05".'
            )
            tolerance = default.amount_tolerance
    length_in = form.choice("length_in", get_args(hints["length_in"]), default=default.length_in)
    form.close()
    return CheckSettings(tolerance, length_in)


def _read_cards(form: Form | None) -> CardSettings:
    default = CardSettings()
    if form is None:
        return default
    scalar = form.scalar("region")
    region = default.region if scalar is None else scalar.text
    if scalar is not None and not _REGION.fullmatch(region):
        form.page.complain(
            scalar.spot, "“region” must be a region code of six digits.", 'For example "150100".'
        )
    form.close()
    return CardSettings(region)


def _read_journal(form: Form | None) -> JournalSettings:
    default = JournalSettings()
    if form is None:
        return default
    hints = get_type_hints(JournalSettings)
    journal = JournalSettings(
        keep_days=form.number("keep_days", default=default.keep_days, least=1, most=36_500),
        keep=form.choice("keep", get_args(hints["keep"]), default=default.keep),
    )
    form.close()
    return journal


def _read_lifecycle(form: Form | None) -> LifecycleSettings:
    default = LifecycleSettings()
    if form is None:
        return default
    hints = get_type_hints(LifecycleSettings)
    single = get_args(hints["single_injury"])
    lifecycle = LifecycleSettings(
        accident_report=form.choice(
            "accident_report", get_args(hints["accident_report"]), default=default.accident_report
        ),
        leave=form.choice("leave", get_args(hints["leave"]), default=default.leave),
        e_invoice=form.flag("e_invoice"),
        single_injury=form.choice("single_injury", single, default=default.single_injury),
        single_application=form.choice("single_application", single, default=default.single_application),
        single_filing=form.choice("single_filing", single, default=default.single_filing),
    )
    form.close()
    return lifecycle


def _read_backfill(form: Form | None) -> BackfillSettings:
    default = BackfillSettings()
    if form is None:
        return default
    backfill = BackfillSettings(
        rows_per_hour=_read_limit(form, "rows_per_hour", default.rows_per_hour),
        rows_per_day=_read_limit(form, "rows_per_day", default.rows_per_day),
        visits_in_flight=form.number("visits_in_flight", default=default.visits_in_flight, least=1, most=64),
        quiet=read_quiet(form),
    )
    form.close()
    return backfill


def _read_settlement(form: Form | None, directory: pathlib.Path) -> SettlementSettings:
    if form is None:
        return SettlementSettings()
    fonts = tuple(
        directory / font for font in form.words("fonts")
    )  # looked at when they are used: deliver without
    settlement = SettlementSettings(form.word("title") or "", fonts)
    form.close()
    return settlement


def _read_reconcile(form: Form | None, directory: pathlib.Path) -> ReconcileSettings:
    if form is None:
        return ReconcileSettings()
    folder = form.word("export", nullable=True)
    if folder and (directory / folder).is_file():
        form.complain("“export” must name a folder, and this is a file.", at="export")
    reconcile = ReconcileSettings(
        schedule=read_schedule(form.form("schedule", required=True)),
        everything=form.flag("all"),
        settle=form.flag("settle"),
        folder=directory / folder if folder else None,
    )
    form.close()
    return reconcile


def _may_show_key(path: Path) -> bool:
    """Whether a key may be shown: those of the vocabulary's levels, known or not."""
    if len(path) > 2:
        return path[:-1] in (("platform", "headers"), _TIMES)
    return len(path) == 1 or path[0] in _SECTIONS


def _may_show(path: Path, scalar: Scalar) -> bool:
    """Whether a value may be shown: one that is known to be no secret, or a reference to one."""
    if secrets.holds_password(scalar.text) or "@" in scalar.text:
        return False
    if path in _OPEN or scalar.is_null:
        return True
    return (path in _SECRETS or path[:2] == ("platform", "headers")) and secrets.is_reference(scalar.text)
