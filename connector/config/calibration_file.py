"""Reading and writing calibration.yaml. It holds no secret."""

import json
import pathlib
from collections import abc
from datetime import datetime
from types import MappingProxyType
from typing import get_args

from connector.config.calibration import (
    ASSUMPTIONS,
    NOT_TRIED,
    Account,
    Calibration,
    Finding,
    Result,
)
from connector.config.form import Form, read_version
from connector.config.page import Page
from connector.config.yaml_reader import read_yaml

_HEAD = """\
# Written by `connector calibrate`; docs/calibrating.md says what follows from it.
# Another account may be added to holds_for once its operator has said that the same software answers there.
version: 1
"""


def read_calibration(page: Page, path: pathlib.Path) -> Calibration | None:
    """The calibration of a page; None where it is no table of keys. What is wrong is noted there."""
    table = read_yaml(page)
    if table is None:
        return None
    form = Form(page, table)
    read_version(form)
    calibration = Calibration(
        calibrated_at=_read_moment(form),
        holds_for=tuple(_read_accounts(form)),
        settle_s=_read_seconds(form, "settle_s"),
        read_lag_s=_read_seconds(form, "read_lag_s"),
        findings=_read_findings(form),
        file=path,
    )
    form.close()
    return calibration


def _read_moment(form: Form) -> str:
    """When it was found out, with its zone."""
    scalar = form.scalar("calibrated_at", required=True)
    if scalar is None:
        return ""
    try:
        has_zone = datetime.fromisoformat(scalar.text).tzinfo is not None
    except ValueError:
        has_zone = False
    if not has_zone:
        form.page.complain(
            scalar.spot, "“calibrated_at” must be a moment with its zone.", "2026-03-05T10:00:00+08:00"
        )
    return scalar.text


def _read_accounts(form: Form) -> abc.Iterator[Account]:
    """Whom it holds for."""
    form.item("holds_for", required=True)
    for number, item in enumerate(form.series("holds_for")):
        inner = form.inner(item, "Each account of “holds_for”", ("holds_for", str(number)))
        if inner is not None:
            base_url, username = inner.word("base_url", required=True), inner.word("username", required=True)
            inner.close()
            yield Account((base_url or "").rstrip("/"), username or "")


def _read_seconds(form: Form, name: str) -> int | None:
    """Seconds; None where nothing was measured."""
    if not form.has(name):
        form.item(name)
        return None
    return form.number(name, default=0, most=604_800)


def _read_findings(form: Form) -> abc.Mapping[str, Finding]:
    """Every assumption with its result; one that is not there was not tried."""
    inner = form.form("assumptions", required=True)
    found: dict[str, Finding] = {}
    for name in ASSUMPTIONS if inner else ():
        one = inner.form(name) if inner else None
        if one is None:
            found[name] = NOT_TRIED
            continue
        one.item("assumes")  # for people
        result = one.choice("result", get_args(Result), default="not tried", required=True)
        found[name] = Finding(result, one.text("evidence") or "")
        one.close()
    if inner:
        inner.close()
    return MappingProxyType(found)


def write_calibration(calibration: Calibration) -> str:
    """The text of a file that reads as this calibration."""
    lines = [f"calibrated_at: {_quoted(calibration.calibrated_at)}", "holds_for:"]
    lines += [
        f"  - {{base_url: {_quoted(one.base_url)}, username: {_quoted(one.username)}}}"
        for one in calibration.holds_for
    ]
    lines += [
        f"settle_s: {_or_null(calibration.settle_s)}",
        f"read_lag_s: {_or_null(calibration.read_lag_s)}",
    ]
    lines.append("assumptions:")
    for name, assumption in ASSUMPTIONS.items():
        finding = calibration.findings.get(name, NOT_TRIED)
        lines += [
            f"  {name}:",
            f"    assumes: {_quoted(assumption)}",
            f"    result: {finding.result}",
            f"    evidence: {_quoted(finding.evidence)}",
        ]
    return _HEAD + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A text between the quotation marks that YAML and JSON have in common."""
    return json.dumps(text, ensure_ascii=False)


def _or_null(number: int | None) -> str:
    return "null" if number is None else str(number)
