"""The contract, loaded once from the package's data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

import yaml

from connector.contract.spec import CodeTable, ErrorEntry, ErrorGroup, Lookup, Node, Operation, Region
from connector.errors import ConfigurationError

_TEXT_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Every scalar stays text, so that the codes 010 and 10 stay two (T62); the models read numbers and flags."""

_COMMON = 1  #: the number of the error group that every interface shares


@dataclass(frozen=True, slots=True)
class Contract:
    """Every interface, code table, error group and region of the document."""

    operations: Mapping[str, Operation]
    codes: Mapping[str, CodeTable]
    error_groups: tuple[ErrorGroup, ...]
    regions: Mapping[str, Region]

    def operation(self, method: str) -> Operation:
        """The interface of that method name; ConfigurationError with a proposal when there is none."""
        if method not in self.operations:
            raise _unknown("The platform has no interface", method, self.operations)
        return self.operations[method]

    def find(self, words: str) -> Operation:
        """The interface that a person means: by method, section (`4.12`), purpose or Chinese title, in any case.

        The method's name wins, as the platform spells it, although it may mislead: `discharge` approves fees
        (trap T2). ConfigurationError with a proposal when there is none.
        """
        every = self.operations.values()
        by_name = {_fold(name): one for one in every for name in (one.zh, one.purpose, one.section)}
        by_name |= {_fold(one.method): one for one in every}
        if found := by_name.get(_fold(words)):
            return found
        near = [by_name[name] for name in get_close_matches(_fold(words), by_name, n=1)]
        hints = [f" Did you mean {one.method} ({one.section}, {one.purpose})?" for one in near]
        raise ConfigurationError(f"The platform has no interface “{words}”.{''.join(hints)}")

    def node(self, address: str) -> Node:
        """A node of a request by its address: `sendMedInfo.meds.med` (with its wrapper), `register.kc21`.

        The method's name alone is the whole request. ConfigurationError with a proposal when there is none.
        """
        method, _, path = address.partition(".")
        request = self.operation(method).request
        nodes = {place: child for place, child in request.walk() if isinstance(child, Node)}
        if not path:
            return request
        if path not in nodes:
            raise _unknown("The platform has no node", address, [f"{method}.{place}" for place in nodes])
        return nodes[path]

    def lookup(self, kind: Lookup) -> tuple[Operation, ...]:
        """The interfaces that tell it, in the order in which they are asked: the next where one knows nothing."""
        return tuple(one for one in self.operations.values() if one.lookup is kind)

    def error(self, method: str, code: str) -> ErrorEntry | None:
        """What the document says of a code in the group of the interface, else in the common group (T33)."""
        title = self.operation(method).error_group
        own = (group for group in self.error_groups if group.title == title)
        common = (group for group in self.error_groups if group.number == _COMMON)
        entries = (entry for group in (*own, *common) for entry in group.entries)
        return next((entry for entry in entries if entry.code == code), None)


@cache
def contract() -> Contract:
    """The contract of this package; read once."""
    data = files("connector.contract") / "data"
    operations = {
        one.method: one
        for one in (
            Operation.model_validate(load_text(place))
            for place in (data / "operations").iterdir()
            if place.name.endswith(".yaml")
        )
    }
    in_order = sorted(operations.values(), key=lambda one: int(one.section.partition(".")[2]))
    tables = load_text(data / "codes.yaml")["tables"]
    regions = load_text(data / "regions.yaml")["regions"]
    return Contract(
        operations=MappingProxyType({one.method: one for one in in_order}),
        codes=MappingProxyType({one["name"]: CodeTable.model_validate(one) for one in tables}),
        error_groups=tuple(
            ErrorGroup.model_validate(one) for one in load_text(data / "errors.yaml")["groups"]
        ),
        regions=MappingProxyType({code: Region(code=code, zh=name) for code, name in regions.items()}),
    )


def load_text(place: Traversable) -> Any:
    """One of our own YAML files with every scalar as text."""
    return yaml.load(place.read_text(encoding="utf-8"), Loader=_TEXT_LOADER)  # noqa: S506  # base loaders build nothing but text, lists and mappings


def _fold(words: str) -> str:
    """Words as they are compared: one case, single blanks, no hyphens."""
    return " ".join(words.replace("-", " ").replace("_", " ").casefold().split())


def _unknown(what: str, name: str, known: Iterable[str]) -> ConfigurationError:
    near = get_close_matches(name, list(known), n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return ConfigurationError(f"{what} “{name}”.{hint}")
