"""What the answers of look-ups tell about the request that registers a visit, by the roles both sides have."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from connector.contract.spec import Lookup, Node, Operation

NEW_INJURY = "new_injury"
"""The role of the flag that says whether an injury is new: no field of an answer, but whether it has a number."""

_INJURY = "injury"

IDENTITY: Mapping[Lookup, str] = MappingProxyType(
    {Lookup.INJURY: _INJURY, Lookup.APPLICATION: "application", Lookup.FILING: _INJURY}
)
"""The role by which a registration names the record that was looked up; a report is not named."""


def record_node(operation: Operation) -> Node:
    """The list in an answer that holds the records."""
    return operation.answer.nodes[0]


def roles_told(operation: Operation) -> frozenset[str]:
    """The roles of a request that a record of the answer fills; an injury without a number is new (trap T114)."""
    roles = frozenset(record_node(operation).roles)
    return roles | {NEW_INJURY} if operation.lookup is Lookup.INJURY else roles


def role_paths(operation: Operation) -> Iterator[tuple[str, str]]:
    """Role and path of its field, of a request and of the single objects in it."""
    yield from operation.request.roles.items()
    for node in operation.request.nodes:
        if not node.many:
            yield from ((role, f"{node.name}.{name}") for role, name in node.roles.items())


def read_roles(operation: Operation, request: Mapping[str, object]) -> dict[str, str]:
    """Role → text in a request, without those that are empty."""
    found: dict[str, str] = {}
    for role, path in role_paths(operation):
        holder, _, name = path.rpartition(".")
        inside = request.get(holder) if holder else request
        text = str((inside.get(name) if isinstance(inside, Mapping) else None) or "").strip()
        if text:
            found[role] = text
    return found
