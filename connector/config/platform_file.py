"""Reading `platform:` of connector.yaml."""

import pathlib
import re
from collections import abc
from types import MappingProxyType
from typing import get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.config import secrets
from connector.config.form import Form
from connector.config.secret_settings import read_secret, read_url
from connector.config.secrets import Secret
from connector.config.settings import PlatformSettings

_SECRET_HEADER = re.compile(r"auth|cookie|token|key|secret|passw|session", re.IGNORECASE)


def no_platform() -> PlatformSettings:
    """A stand-in where the section is missing (noted)."""
    return PlatformSettings("", "", Secret(""), Secret(""))


def read_platform(form: Form, directory: pathlib.Path) -> PlatformSettings:
    """The platform, its account and the way to it."""
    hints = get_type_hints(PlatformSettings)
    ca_file = form.word("ca_file", nullable=True)
    if ca_file is not None and not (directory / ca_file).is_file():
        form.complain("“ca_file” names no file.", "Its path is relative to connector.yaml.", at="ca_file")
    platform = PlatformSettings(
        base_url=_read_base_url(form),
        username=form.word("username", required=True) or "",
        password=read_secret(form, "password"),
        key=read_secret(form, "key"),
        message_in=form.choice("message_in", get_args(hints["message_in"]), default="form"),
        headers=_read_headers(form.form("headers", nullable=True)),
        proxy=read_url(form, "proxy", required=False),
        ca_file=directory / ca_file if ca_file else None,
        key_date_zone=_read_zone(form),
        max_file_mb=form.number("max_file_mb", default=no_platform().max_file_mb, least=1, most=1000),
    )
    form.close()
    return platform


def _read_base_url(form: Form) -> str:
    """The platform's address, without the slash at its end."""
    scalar = form.scalar("base_url", required=True)
    if scalar is None:
        return ""
    if not re.fullmatch(r"https?://[^\s/?#@]+(?:/[^\s?#@]*)?", scalar.text):
        form.page.complain(
            scalar.spot,
            "“base_url” must be the platform's address.",
            "For example http://127.0.0.1:8029/nm-his, without user, password or parameters.",
        )
    return scalar.text.rstrip("/")


def _read_headers(form: Form | None) -> abc.Mapping[str, Secret]:
    """Headers that every call carries; one whose name speaks of a secret is given by reference."""
    headers: dict[str, Secret] = {}
    for name in form.table.entries if form else ():
        scalar = form.scalar(name) if form else None
        if form is None or scalar is None:
            continue
        if _SECRET_HEADER.search(name) and not secrets.is_reference(scalar.text):
            form.page.complain(
                scalar.spot,
                f"The header {name} looks like a secret, which must not stand in the file.",
                f"Refer to it: {secrets.FORMS}.",
            )
        headers[name] = Secret(scalar.text, f"platform.headers.{name}")
    return MappingProxyType(headers)


def _read_zone(form: Form) -> str:
    """A time zone that this machine knows."""
    scalar = form.scalar("key_date_zone")
    if scalar is None:
        return "Asia/Shanghai"
    try:
        ZoneInfo(scalar.text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        form.page.complain(scalar.spot, "There is no such time zone.", "Usual here: Asia/Shanghai.")
    return scalar.text
