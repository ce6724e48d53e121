"""Secrets by reference: `env:NAME`, `file:PATH`, `keyring:SERVICE/USER`. The value is read late and never shown."""

import re
from collections import abc
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from connector.errors import ConfigurationError

_REFERENCE = re.compile(
    r"env:(?P<env>[A-Za-z_][A-Za-z0-9_]*)|file:(?P<file>.+)|keyring:(?P<keyring>[^/]+/.+)"
)
_USER_AND_PASSWORD = re.compile(r"[^:/@]*:[^@]+@")
_PASSWORD_WORD = re.compile(r"(?:password|passwd|pwd)\s*(?:=|%3D)", re.IGNORECASE)

FORMS = "env:NAME, file:PATH or keyring:SERVICE/USER"
"""How a secret may be referred to."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to a secret, or (where a setting allows one) a text that holds none.

    `text` is what the file says; `setting` its name there (`platform.password`), for complaints.
    """

    text: str = field(repr=False)
    setting: str = ""

    def __repr__(self) -> str:
        """The reference; a literal text is masked."""
        return f"Secret({self.text if is_reference(self.text) else '***'})"

    def read(self, environ: abc.Mapping[str, str], directory: Path) -> str:
        """The value; `directory` is what a relative file is relative to.

        Raises ConfigurationError, which names the setting and the reference and never the value.
        """
        found = _REFERENCE.fullmatch(self.text)
        if not found:
            return self.text
        if name := found["env"]:
            value = environ.get(name, "")
            missing = f"the environment variable {name} is not set"
        elif path := found["file"]:
            value, missing = _read_file(directory / path)
        else:
            service, _, user = found["keyring"].partition("/")
            value, missing = _read_keyring(service, user)
        if not value:
            raise ConfigurationError(f"The secret {self.setting} cannot be read: {missing}.")
        return value


def is_reference(text: str) -> bool:
    """Whether a text refers to a secret that is kept elsewhere."""
    return _REFERENCE.fullmatch(text) is not None


def holds_password(url: str) -> bool:
    """Whether a URL has a password in it, before its host or among its parameters."""
    _, separator, rest = url.partition("://")
    if not separator:
        return False
    return _USER_AND_PASSWORD.match(rest) is not None or _PASSWORD_WORD.search(rest) is not None


def _read_file(path: Path) -> tuple[str, str]:
    """The text of a file without the line end, or "" and why there is none."""
    try:
        return path.read_text(encoding="utf-8-sig").strip("\r\n"), f"{path} is empty"
    except UnicodeDecodeError:
        return "", f"{path} is not UTF-8 text"
    except OSError as error:
        return "", f"{path}: {error.strerror or type(error).__name__}"


def _read_keyring(service: str, user: str) -> tuple[str, str]:
    """The password of a user in the system's keyring, or "" and why there is none."""
    try:
        keyring = import_module("keyring")  # optional: only hospitals that use it install it
    except ImportError:
        return "", "the package keyring is not installed (pip install keyring)"
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001 - backends raise what they like, and their texts may hold values
        return "", f"the keyring failed ({type(error).__name__})"
    return value or "", f"the keyring has no entry {service}/{user}"
