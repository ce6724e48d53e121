"""What a mapping fills: the node of the contract, and its fields under the names a mapping may use."""

from collections import abc
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType

from connector.config.mapping import Expression, Mapping, MappingTest
from connector.config.near import propose
from connector.config.places import KEY, Path, Place, Places
from connector.contract.library import Contract
from connector.contract.lookups import roles_told
from connector.contract.spec import Effect, Field, Lookup, Node, Operation
from connector.errors import Fault

_SESSION = "sessionid"  # a field of every request, which the connector itself fills (trap T14)
_VISIT = "visit"
_ADMITTED = "admitted"
_DISCHARGED = "discharged"


@dataclass(frozen=True, slots=True)
class Target:
    """What a mapping fills. `fields`: path inside the node → field; `nodes`: path of a field → the node it is in.

    `whole` is true where the mapping fills a whole request (a visits mapping), or all of it but its lists (a leave
    mapping).
    """

    operation: Operation
    node: Node
    whole: bool
    fields: abc.Mapping[str, Field]
    nodes: abc.Mapping[str, Node]

    @property
    def roles(self) -> dict[str, str]:
        """Role → path of the field that plays it."""
        return {
            role: path
            for path, node in self.nodes.items()
            for role, name in node.roles.items()
            if name == path.rpartition(".")[2]
        }

    @property
    def address(self) -> str:
        """What is filled, as `fills` spells it."""
        if self.whole:
            return self.operation.method
        places = {id(node): place for place, node in self.operation.request.walk()}
        return f"{self.operation.method}.{places[id(self.node)]}"

    @property
    def gives_visits(self) -> bool:
        """Whether the rows are visits: a request that registers one."""
        return self.whole and {_VISIT, _ADMITTED} <= self.roles.keys()

    @property
    def gives_leave(self) -> bool:
        """Whether the rows say how a visit ends: a request that lets one leave, without its lists."""
        return self.whole and leaves(self.operation)

    @property
    def is_document(self) -> bool:
        """Whether the rows go into a list of the request that lets a visit leave."""
        return not self.whole and leaves(self.operation)

    def named(self, path: str) -> str:
        """A field's path with its Chinese name."""
        return f"{path} {self.fields[path].zh}".rstrip()


def find_target(mapping: Mapping, contract: Contract) -> Target | Fault | None:
    """What the mapping fills; a fault where nothing can be filled there, None where it says nothing (noted)."""
    if not mapping.fills:
        return None
    method, _, below = mapping.fills.partition(".")
    operation = contract.operations.get(method)
    if operation is None:
        return mapping.places.fault(
            f"The platform has no interface “{method}”.", "fills", hint=propose(method, _fillable(contract))
        )
    if operation.effect is not Effect.ADD:
        return mapping.places.fault(
            f"{method} ({operation.section} {operation.zh}) uploads nothing, so no mapping can fill it.",
            "fills",
        )
    return _find_node(mapping, operation, below)


def _find_node(mapping: Mapping, operation: Operation, below: str) -> Target | Fault:
    """The list below a request, or the whole of a request that has no lists."""
    method = operation.method
    lists = {
        f"{method}.{place}": node
        for place, node in operation.request.walk()
        if isinstance(node, Node) and node.many
    }
    if below and mapping.fills in lists:
        return _target(operation, lists[mapping.fills], whole=False)
    if not below and (not lists or leaves(operation)):
        return _target(operation, operation.request, whole=True)
    if below:
        message = f"{method} has no list “{below}”."
        hint = propose(mapping.fills, lists) if lists else f"Write fills: {method}"
    else:
        message = f"The whole of {method} cannot be filled by one mapping."
        hint = f"Fill one of its lists: {', '.join(lists)}."
    return mapping.places.fault(message, "fills", hint=hint)


def leaves(operation: Operation) -> bool:
    """Whether a request lets a visit leave (4.13, 4.26)."""
    return {_VISIT, _DISCHARGED} <= operation.request.roles.keys()


def _fillable(contract: Contract) -> list[str]:
    return [method for method, one in contract.operations.items() if one.effect is Effect.ADD]


def _target(operation: Operation, node: Node, *, whole: bool) -> Target:
    """The node's own fields and those of the single nodes in it."""
    fields: dict[str, Field] = {}
    nodes: dict[str, Node] = {}
    _collect(node, "", fields, nodes)
    return Target(operation, node, whole, MappingProxyType(fields), MappingProxyType(nodes))


def _collect(node: Node, path: str, fields: dict[str, Field], nodes: dict[str, Node]) -> None:
    for field in node.fields:
        if field.name != _SESSION:
            place = f"{path}.{field.name}" if path else field.name
            fields[place], nodes[place] = field, node
    for inner in node.nodes:
        if not inner.many:
            steps = [path, inner.wrapper or "", inner.name]
            _collect(inner, ".".join(step for step in steps if step), fields, nodes)


def name_fields(mapping: Mapping, target: Target) -> tuple[Mapping, list[Fault]]:
    """The mapping with its fields under the contract's paths, and what is wrong with the names."""
    faults: list[Fault] = []
    fields: dict[str, Expression] = {}
    written: dict[str, str] = {}
    for name, expression in mapping.fields.items():
        path = _resolve(mapping, target, name, ("fields", name, KEY), faults)
        if path is None:
            continue
        if path in written:
            faults.append(
                mapping.places.fault(
                    f"{name} is the same field as {written[path]} above.", "fields", name, KEY
                )
            )
            continue
        fields[path], written[path] = expression, name
    tests = tuple(
        _name_test(mapping, target, test, number, faults) for number, test in enumerate(mapping.tests)
    )
    trace = mapping.trace and _resolve(mapping, target, mapping.trace, ("trace",), faults)
    places = _also_resolved(mapping.places, written)
    named = replace(mapping, fields=MappingProxyType(fields), trace=trace, tests=tests, places=places)
    return named, faults


def _name_test(
    mapping: Mapping, target: Target, test: MappingTest, number: int, faults: list[Fault]
) -> MappingTest:
    """A test with the contract's paths in what it expects."""
    where = ("tests", str(number))
    expect = None
    if test.expect is not None:
        expect = {
            path: text
            for name, text in test.expect.items()
            if (path := _resolve(mapping, target, name, (*where, "expect", name, KEY), faults)) is not None
        }
    violations = tuple(
        (path, rule)
        for place, (name, rule) in enumerate(test.violations)
        if (
            path := _resolve(
                mapping, target, name, (*where, "expect_violations", str(place), "field"), faults
            )
        )
        is not None
    )
    return replace(test, expect=expect, violations=violations)


def path_of(target: Target, name: str) -> str | None:
    """The contract's path of a field that a mapping names, with its path or without; None where it is not just one."""
    found = _named(target, name)
    return found[0] if len(found) == 1 else None


def _named(target: Target, name: str) -> list[str]:
    """The paths that a name may mean."""
    return [name] if name in target.fields else [p for p in target.fields if p.rpartition(".")[2] == name]


def told_paths(contract: Contract, target: Target, kind: Lookup) -> set[str]:
    """The paths of the fields that a look-up tells, of a request that registers a visit."""
    operation = contract.lookup(kind)[0]
    if not target.gives_visits or operation.family != target.operation.family:
        return set()
    return {target.roles[role] for role in roles_told(operation) if role in target.roles}


def _resolve(mapping: Mapping, target: Target, name: str, place: Path, faults: list[Fault]) -> str | None:
    """The contract's path of a field that a mapping names; None and a fault where there is not exactly one."""
    found = _named(target, name)
    if len(found) == 1:
        return found[0]
    if found:
        message, hint = f"“{name}” may be one of several fields.", f"Write {' or '.join(found)}."
    elif name == _SESSION:
        message, hint = f"{name} is filled by the connector itself.", "Leave it out."
    else:
        message, hint = f"{mapping.fills} has no field “{name}”.", _near_field(target, name)
    faults.append(mapping.places.fault(message, *place, hint=hint))
    return None


def _near_field(target: Target, name: str) -> str:
    """The field that was probably meant: by its name, its Chinese name, or its name in the twin interface."""
    by_word: dict[str, str] = {}
    for path, field in target.fields.items():
        by_word.setdefault(path.lower(), path)
        by_word.setdefault(path.rpartition(".")[2].lower(), path)
        by_word.setdefault(field.zh, path)
        if field.twin:
            by_word.setdefault(field.twin.lower(), path)
    near = get_close_matches(name.strip().lower(), by_word, n=1, cutoff=0.6)
    return f"Did you mean {target.named(by_word[near[0]])}?" if near else ""


def _also_resolved(places: Places, written: abc.Mapping[str, str]) -> Places:
    """The places under the contract's paths too, for complaints that know only those."""
    paths = {name: path for path, name in written.items()}
    also: dict[Path, Place] = {
        ("fields", paths[path[1]], *path[2:]): place
        for path, place in places.by_path.items()
        if len(path) > 1 and path[0] == "fields" and path[1] in paths
    }
    return replace(places, by_path=MappingProxyType({**places.by_path, **also}))
