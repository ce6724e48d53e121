"""connector.yaml: its values, and that no secret is ever shown back."""

import dataclasses
from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.page import Page
from connector.config.schedule import Quiet, Schedule
from connector.config.settings import (
    BackfillSettings,
    CardSettings,
    CheckSettings,
    DeliverySettings,
    GuardSettings,
    JournalSettings,
    LifecycleSettings,
    ReconcileSettings,
    SettlementSettings,
)
from connector.config.settings_file import read_settings

FULL = """\
version: 1
his: {url: "keyring:his/reader", page_rows: 100, statement_timeout_s: 9, encoding: gb18030}
platform:
  base_url: "https://example.org:8443/nm-his/"
  username: 演示
  password: "env:PLATFORM_PASSWORD"
  key: "file:platform.key"
  message_in: json
  headers: {X-Hospital: "1502", Authorization: "env:TOKEN"}
  proxy: "http://proxy:3128"
  ca_file: ca.pem
  key_date_zone: UTC
  max_file_mb: 25
ledger: {url: "env:LEDGER_URL", key: "keyring:ledger/key"}
delivery: {batch_rows: 1, visits_in_flight: 2, timeout_s: 3, settle_s: 4, read_lag_s: 5, verify: always, on_doubt: ask, most_releases: 6}
guards:
  {rows_per_run: 1, rows_per_day: 2, yuan_per_run: 3, yuan_per_day: null, rejected_share: 0.25, rejected_from_rows: 4,
   rows_in_doubt: null, breaker_pause_s: 7, breaker_probes: 0}
checks: {amount_tolerance: "0.10", length_in: bytes}
cards: {region: "150100"}
journal: {keep_days: 30, keep: changes}
backfill: {rows_per_hour: 10, rows_per_day: null, visits_in_flight: 3, quiet: "07:00-19:30"}
settlement: {title: 包头市结算单, fonts: [fonts/a.ttf, /b.ttc]}
reconcile: {schedule: {cron: "30 2 * * *", quiet: "07:00-19:30"}, all: true, settle: true, export: totals}
lifecycle:
  {accident_report: no-upload, leave: automatic, e_invoice: true, single_injury: ask, single_application: take,
   single_filing: ask}
"""


def test_every_setting_is_read(desk):
    desk.write("connector.yaml", FULL)
    desk.write("ca.pem", "-")
    read = desk.load({"TOKEN": "t0ken"}).settings
    assert (read.his.page_rows, read.his.statement_timeout_s, read.his.encoding) == (100, 9, "gb18030")
    assert read.platform.base_url == "https://example.org:8443/nm-his"
    assert read.platform.username == "演示"
    assert read.platform.message_in == "json"
    assert read.platform.headers["X-Hospital"].read({}, desk.directory) == "1502"
    assert read.platform.headers["Authorization"].read({"TOKEN": "t0ken"}, desk.directory) == "t0ken"
    assert read.platform.proxy is not None
    assert read.platform.proxy.read({}, desk.directory) == "http://proxy:3128"
    assert read.platform.ca_file == desk.directory / "ca.pem"
    assert read.platform.key_date_zone == "UTC"
    assert read.platform.max_file_mb == 25
    assert read.delivery == DeliverySettings(1, 2, 3, 4, 5, "always", "ask", 6)
    assert read.guards == GuardSettings(1, 2, 3, None, Decimal("0.25"), 4, None, 7, 0)
    assert read.checks == CheckSettings(Decimal("0.10"), "bytes")
    assert read.cards == CardSettings("150100")
    assert read.journal == JournalSettings(30, "changes")
    assert read.backfill == BackfillSettings(10, None, 3, Quiet(time(7), time(19, 30)))
    assert read.reconcile == ReconcileSettings(
        Schedule(0, "30 2 * * *", Quiet(time(7), time(19, 30))), True, True, read.file.parent / "totals"
    )
    assert read.settlement == SettlementSettings(
        "包头市结算单", (read.file.parent / "fonts" / "a.ttf", Path("/b.ttc"))
    )
    assert read.lifecycle == LifecycleSettings("no-upload", "automatic", True, "ask", "take", "ask")


def test_what_is_not_said_has_its_default(desk):
    read = desk.load().settings
    assert read.delivery == DeliverySettings()
    assert read.guards == GuardSettings()
    assert read.checks == CheckSettings()
    assert read.cards == CardSettings("150000")
    assert read.journal == JournalSettings(365, "all")
    assert read.settlement == SettlementSettings()
    assert read.reconcile == ReconcileSettings(None, False, False, None)
    assert read.backfill == BackfillSettings(20_000, 100_000, 2, None)
    assert read.lifecycle == LifecycleSettings("optional", "ask", False, "take", "ask", "take")
    assert read.platform.max_file_mb == 10
    assert (read.his.page_rows, read.platform.proxy, dict(read.platform.headers)) == (50_000, None, {})


def test_null_is_the_default_where_a_setting_may_be_nothing(desk):
    desk.swap("connector.yaml", "username: demo", "username: demo, headers: null, proxy: null, ca_file: ~")
    desk.swap("connector.yaml", '"env:HIS_URL"', '"env:HIS_URL", encoding: null')
    desk.files["connector.yaml"] += "guards: {rejected_share: ~}\n"
    assert desk.load().settings.guards.rejected_share is None
    assert desk.load().settings.platform.proxy is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 1", "version: 2", "This connector reads version 1 of its files."),
        ("version: 1\n", "", "The key “version” is missing."),
        ('"http://127.0.0.1:8029/nm-his"', '"127.0.0.1:8029"', "“base_url” must be the platform's address."),
        ("username: demo", "username: [demo]", "“username” must be a single text, but this is a list."),
        (
            "username: demo",
            "username: demo, message_in: From",
            "“message_in” must be one of form, query, json.",
        ),
        ("username: demo", "username: demo, key_date_zone: Asia/Peking", "There is no such time zone."),
        ("version: 1", "version: 1\nreconcile: {all: true}", "The key “schedule” is missing in reconcile."),
        (
            "version: 1",
            "version: 1\nreconcile: {schedule: {every: 1d}, export: connector.yaml}",
            "“export” must name a folder, and this is a file.",
        ),
        (
            "version: 1",
            'version: 1\nreconcile: {schedule: {cron: "30 2"}}',
            "“cron” cannot be used: it has 2 fields.",
        ),
        ("version: 1", "version: 1\nbackfill: {rows_per_hour: 0}", "“rows_per_hour” must be from 1 to"),
        (
            "version: 1",
            "version: 1\nbackfill: {quiet: 7-19}",
            "“quiet” must be two different times of the day.",
        ),
        ("version: 1", "version: 1\nbackfill: {rows: 5}", "The key “rows” is not known in backfill."),
        ("version: 1", "version: 1\njournal: {keep_days: 0}", "“keep_days” must be"),
        ("version: 1", "version: 1\njournal: {keep: al}", "“keep” must be one of all, changes."),
        ("version: 1", 'version: 1\ncards: {region: "15"}', "“region” must be a region code of six digits."),
        (
            "version: 1",
            "version: 1\nlifecycle: {leave: yes}",
            "“leave” must be one of automatic, ask, never.",
        ),
        ("version: 1", "version: 1\nguards: {rows_per_run: 0}", "“rows_per_run” must be from 1 to"),
        (
            "version: 1",
            "version: 1\nguards: {rejected_share: 1.5}",
            "“rejected_share” must be a share from 0 to 1.",
        ),
        ("version: 1", "version: 1\nguards: {rejected_share: [1]}", "“rejected_share” must be a single text"),
        ("username: demo", "username: demo, ca_file: ca.pem", "“ca_file” names no file."),
        (
            "username: demo",
            "username: demo, proxy: proxy:3128",
            "platform.proxy must be a URL without a password",
        ),
        ('"env:HIS_URL"', '"env:HIS_URL", page_rows: 0', "“page_rows” must be from 1 to 1000000."),
        ('"env:HIS_URL"', '"env:HIS_URL", page_rows: 5e4', "“page_rows” must be a whole number in digits."),
        ('"env:HIS_URL"', '"env:HIS_URL", encoding: gb2313', "There is no text encoding “gb2313”."),
        ('"env:HIS_URL"', '"env:"', "his.url must be a URL without a password, or a reference to one."),
        ('"env:PLATFORM_KEY"', '""', "platform.key is a secret and must not stand in the file."),
    ],
)
def test_wrong_settings(spoil, old, new, message):
    assert message in spoil("connector.yaml", old, new).message


@pytest.mark.parametrize("section", ["his", "platform", "ledger"])
def test_a_section_that_is_missing_or_no_table_is_one_fault(desk, section):
    rows = [
        row for row in desk.files["connector.yaml"].splitlines(keepends=True) if not row.startswith(section)
    ]
    desk.files["connector.yaml"] = "".join(rows)
    assert desk.fault().message == f"The key “{section}” is missing."
    desk.files["connector.yaml"] += f"{section}: demo\n"
    assert desk.fault().message == f"“{section}” must be a table of keys, but this is a single text."


def test_a_tolerance_is_yuan(desk):
    for wrong in ("0,05", "five", "-1", "NaN", "1e2"):
        desk.files["connector.yaml"] += f'checks: {{amount_tolerance: "{wrong}"}}\n'
        assert desk.fault().message == "“amount_tolerance” must be yuan in digits."
        desk.files["connector.yaml"] = desk.files["connector.yaml"].rpartition("checks:")[0]


SECRET = "hunter2"
LEAKS = {
    "password": ('"env:PLATFORM_PASSWORD"', SECRET),
    "quoted": ('"env:PLATFORM_PASSWORD"', f'"{SECRET}"'),
    "key": ('"env:PLATFORM_KEY"', SECRET),
    "his url": ('"env:HIS_URL"', f'"mysql+pymysql://reader:{SECRET}@h/db"'),
    "his parameter": ('"env:HIS_URL"', f'"mssql+pyodbc:///?odbc_connect=UID%3Dx;PWD%3D{SECRET}"'),
    "no url": ('"env:HIS_URL"', SECRET),
    "ledger url": ('"sqlite:///ledger.db"', f'"postgresql://u:{SECRET}@h/db"'),
    "ledger key": ('"file:ledger.key"', SECRET),
    "misspelt key": ('password: "env:PLATFORM_PASSWORD"', f"pasword: {SECRET}"),
    "twice": ('key: "env:PLATFORM_KEY"', f'key: "env:PLATFORM_KEY", password: {SECRET}'),
    "list": ('"env:PLATFORM_PASSWORD"', f"[{SECRET}, {SECRET}]"),
    "table": ('"env:PLATFORM_PASSWORD"', f"{{{SECRET}: {SECRET}}}"),
    "base url": ('"http://127.0.0.1:8029/nm-his"', f'"http://u:{SECRET}@127.0.0.1/"'),
    "proxy": ("username: demo", f'username: demo, proxy: "http://u:{SECRET}@p:1"'),
    "header": ("username: demo", f"username: demo, headers: {{X-Token: {SECRET}}}"),
    "other header, other fault": (
        "username: demo",
        f"username: demo, headers: {{X-A: {SECRET}}}, mesage_in: x",
    ),
    "beside a fault": ("username: demo", f"username: demo, pw: {SECRET}, message_in: From"),
    "comment": (
        'ledger: {url: "sqlite:///ledger.db"',
        f'ledger: {{ # was {SECRET}\n  lurl: "sqlite:///ledger.db"',
    ),
    "block": ('his: {url: "env:HIS_URL"}', f"his:\n  url: |\n    {SECRET}\n    {SECRET}\n"),
    "folded": ('his: {url: "env:HIS_URL"}', f"his:\n  url: abc\n    {SECRET}\n"),
    "section": ('his: {url: "env:HIS_URL"}', f"his: {SECRET}"),
    "unknown section": ("version: 1", f"version: 1\nsecrets: {{a: {SECRET}}}"),
    "tag": ('"env:PLATFORM_PASSWORD"', f"!{SECRET} x"),
    "alias": ('"env:PLATFORM_PASSWORD"', f"*{SECRET}"),
    "percent": ('"env:PLATFORM_PASSWORD"', f"%{SECRET}"),
    "at": ('"env:PLATFORM_PASSWORD"', f"@{SECRET}"),
    "colons": ('"env:PLATFORM_PASSWORD"', f"a: {SECRET}: b"),
    "open quote": ('"env:PLATFORM_PASSWORD"', f'"{SECRET}'),
    "escape": ('"env:PLATFORM_PASSWORD"', f'"\\{SECRET}"'),
    "NUL": ('"env:PLATFORM_PASSWORD"', f"{SECRET}\x00"),
    "anchor": ('"env:PLATFORM_PASSWORD"', f"&{SECRET} x"),
}


@pytest.mark.parametrize(("old", "new"), LEAKS.values(), ids=LEAKS)
@pytest.mark.parametrize("flow", [True, False], ids=["flow", "block"])
def test_a_literal_secret_is_a_fault_and_never_shown_back(desk, old, new, flow):
    if not flow:
        desk.files["connector.yaml"] = (
            'version: 1\nhis: {url: "env:HIS_URL"}\nplatform:\n  base_url: "http://127.0.0.1:8029/nm-his"\n'
            '  username: demo\n  password: "env:PLATFORM_PASSWORD"\n  key: "env:PLATFORM_KEY"\n'
            'ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}\n'
        )
        new = new.replace(", ", "\n  ") if old == "username: demo" or old.startswith("key:") else new
    desk.swap("connector.yaml", old, new)
    faults = desk.faults()
    shown = "\n".join(map(str, faults)) + repr(faults)
    assert "hunter" not in shown
    assert "unter2" not in shown


@given(
    st.from_regex(
        r"[A-Za-z0-9]{6}[A-Za-z0-9!@#%^&*()_+=,.;:{}\[\]'\"<>?/|~` -]{0,14}[A-Za-z0-9]{6}", fullmatch=True
    ),
    st.sampled_from(['"{}"', "'{}'", "{}", "[a, {}]", "|\n    {}", "x # {}", "&a {}", "!{} x", "{{a: {}}}"]),
    st.sampled_from(["password", "pasword", "key", "headers"]),
)
def test_whatever_stands_for_a_secret_is_not_shown(text, form, name):
    page = Page(
        "connector.yaml",
        f"version: 1\nplatform:\n  base_url: x\n  {name}: {form.format(text)}\n  message_in: From\n",
        keeps_secrets=True,
    )
    read_settings(page, Path("connector.yaml"))
    shown = "\n".join(f"{fault.source} {fault.hint}" for fault in page.faults())
    assert page.faults()
    assert text[:6] not in shown
    assert text[-6:] not in shown


def test_the_reading_of_a_repr_shows_no_literal(desk):
    desk.swap("connector.yaml", '"sqlite:///ledger.db"', '"postgresql://ledger.example.org/db"')
    text = repr(desk.load().settings)
    assert "ledger.example.org" not in text
    assert "env:PLATFORM_PASSWORD" in text


def test_settings_are_frozen(desk):
    with pytest.raises(dataclasses.FrozenInstanceError):
        desk.load().settings.his.page_rows = 1
