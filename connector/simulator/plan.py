"""Reading faults from names, entries and plan files; everything wrong is reported at once."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from connector.contract.library import contract
from connector.errors import ConfigurationError, Fault
from connector.simulator.faults import ANY, KINDS, FaultRule, Faults
from connector.simulator.readings import read_positive, read_share, read_some_of, read_word

Entry = str | Mapping[str, Any]

_ALIASES = {"lose_request": "N.lose_request", "P.delay_beyond_W": "P.delay_post_session"}
_PLAN_KEYS = ("version", "seed", "faults")
_SHAPE = "a fault plan is `version: 1`, `seed: NUMBER` and `faults:` with a list of entries"


class _PlanLoader(yaml.BaseLoader):
    """YAML as texts, lists and mappings only; a key that stands twice is an error instead of the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value} stands twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def read_faults(entries: Iterable[Entry] | str | Path, *, seed: int = 0) -> Faults:
    """Faults from entries, or from the plan file of that path.

    An entry is a name with an optional operation and call number, `N.answer_mid:sendMedInfo@3`, or a mapping
    `{fault: NAME, operation: METHOD, at: 3 | every: 5 | share: 0.02, times: 2, …its own parameters}`.
    A string that is not the name of a fault is the path of a plan file. Raises ConfigurationError.
    """
    if isinstance(entries, (str, Path)):
        if isinstance(entries, Path) or not _is_name(entries):
            return _read_plan(Path(entries))
        entries = [entries]
    wrong: list[Fault] = []
    rules = _read_entries([(entry, 0) for entry in entries], "", wrong)
    if wrong:
        raise ConfigurationError(wrong)
    return Faults(rules, seed)


def _is_name(text: str) -> bool:
    name = _parse_short(text)["fault"]
    return name in KINDS or name in _ALIASES or (name.startswith(("N.", "P.")) and not Path(text).exists())


def _read_plan(path: Path) -> Faults:
    plan, lines = _load(path)
    wrong: list[Fault] = []
    entries, seed = plan, "0"
    if isinstance(plan, Mapping):
        wrong += [_unknown("key", key, _PLAN_KEYS, str(path)) for key in plan if key not in _PLAN_KEYS]
        entries, seed = plan.get("faults", []), plan.get("seed", "0")
        if plan.get("version", "1") != "1":
            wrong.append(Fault(_SHAPE, str(path)))
    rules: list[FaultRule] = []
    if isinstance(entries, list):
        rules = _read_entries(list(zip(entries, lines, strict=True)), str(path), wrong)
    if not isinstance(entries, list) or not isinstance(seed, str) or not seed.isdecimal():
        wrong.append(Fault(_SHAPE, str(path)))
    if wrong:
        raise ConfigurationError(wrong)
    return Faults(rules, int(seed))


def _load(path: Path) -> tuple[Any, list[int]]:
    """The plan, and the line of each entry."""
    plan, node = _parse(path, "fault plan")
    if isinstance(node, yaml.MappingNode):
        node = next((value for key, value in node.value if key.value == "faults"), None)
    items = node.value if isinstance(node, yaml.SequenceNode) else []
    return plan, [item.start_mark.line + 1 for item in items]


def read_yaml(path: Path, what: str) -> Any:
    """A file's content as texts, lists and mappings; ConfigurationError for what cannot be read."""
    return _parse(path, what)[0]


def _parse(path: Path, what: str) -> tuple[Any, yaml.Node | None]:
    """A file's content, and its nodes with their places."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: the {what} cannot be read (a file in UTF-8 is meant)") from error
    try:
        node = yaml.compose(text, Loader=_PlanLoader)
        return yaml.load(text, Loader=_PlanLoader), node  # noqa: S506 - BaseLoader makes texts, lists, mappings only
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        told = getattr(error, "problem", None) or "characters or nesting that YAML does not allow"
        raise ConfigurationError(
            [Fault(f"not YAML: {told}", str(path), mark.line + 1 if mark else 0)]
        ) from error


def _read_entries(entries: Sequence[tuple[Any, int]], file: str, wrong: list[Fault]) -> list[FaultRule]:
    """The rules of the entries, each with its line; what is wrong with any is added to `wrong`."""
    rules: list[FaultRule] = []
    for number, (entry, line) in enumerate(entries, start=1):
        try:
            rules.append(_read_entry(entry))
        except ConfigurationError as error:
            wrong.extend(
                Fault(f"fault {number}: {fault.message}", file, line, hint=fault.hint)
                for fault in error.faults
            )
    return rules


def _parse_short(text: str) -> dict[str, Any]:
    head, _, at = text.strip().partition("@")
    name, _, operation = head.partition(":")
    entry: dict[str, Any] = {"fault": name}
    if operation:
        entry["operation"] = operation
    if at:
        entry["at"] = at
    return entry


def _read_entry(entry: Any) -> FaultRule:
    if not isinstance(entry, (str, Mapping)):
        raise ConfigurationError("an entry is a fault's name, or a mapping with `fault: NAME`")
    facts = _parse_short(entry) if isinstance(entry, str) else {str(key): entry[key] for key in entry}
    name = str(facts.pop("fault", ""))
    name = _ALIASES.get(name, name)
    if name not in KINDS:
        raise ConfigurationError([_unknown("fault", name, (*KINDS, *_ALIASES))])
    kind = KINDS[name]
    readers: dict[str, Callable[[Any], Any]] = {**_SELECTION, **kind.parameters}
    wrong = [_unknown(f"parameter of {name}", key, tuple(readers)) for key in facts if key not in readers]
    values: dict[str, Any] = {}
    for key in (key for key in facts if key in readers):
        try:
            values[key] = readers[key](facts[key])
        except ConfigurationError as error:
            wrong.extend(error.faults)
        except ValueError as error:
            wrong.append(Fault(f"{name}: {key} is wrong: {error}"))
    wrong.extend(Fault(f"{name}: {rule}") for rule in _break_rules(name, facts, values))
    if wrong:
        raise ConfigurationError(wrong)
    own = {key: values.pop(key) for key in tuple(values) if key in kind.parameters}
    operations = values.pop("operation", kind.operations)
    return FaultRule(name, operations, parameters=own, **values)


def _break_rules(name: str, facts: Mapping[str, Any], values: Mapping[str, Any]) -> Iterable[str]:
    """The rules between the parts of one entry that it breaks."""
    kind = KINDS[name]
    if len(facts.keys() & {"at", "every", "share"}) > 1:
        yield "give only one of at, every and share"
    if name == "P.poison" and "items" not in facts:
        yield "items is missing: the item codes that are refused"
    foreign = [method for method in values.get("operation", ()) if method not in kind.operations]
    if kind.bound and foreign:
        yield f"it has no effect on {', '.join(foreign)}, only on {', '.join(kind.operations)}"


def _operations(value: Any) -> tuple[str, ...]:
    names = read_some_of(read_word, value)
    for name in names:
        if name != ANY:
            contract().operation(name)
    return names


_SELECTION: Mapping[str, Callable[[Any], Any]] = {
    "operation": _operations,
    "at": lambda value: frozenset(read_some_of(read_positive, value)),
    "every": read_positive,
    "share": read_share,
    "times": read_positive,
}


def _unknown(what: str, name: str, known: Sequence[str], file: str = "") -> Fault:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
    return Fault(f"unknown {what}: {name or '(nothing)'}", file, hint=hint)
