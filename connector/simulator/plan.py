"""Reading faults from names, entries and plan files; everything wrong is reported at once."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from connector.contract.library import contract
from connector.errors import ConfigurationError, Fault
from connector.simulator.faults import ANY, KINDS, FaultRule, Faults

Entry = str | Mapping[str, Any]

_ALIASES = {"lose_request": "N.lose_request", "P.delay_beyond_W": "P.delay_post_session"}
_PLAN_KEYS = ("version", "seed", "faults")


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
    return Faults(_read_entries(list(entries), ""), seed)


def _is_name(text: str) -> bool:
    name = _parse_short(text)["fault"]
    return name in KINDS or name in _ALIASES or (name.startswith(("N.", "P.")) and not Path(text).exists())


def _read_plan(path: Path) -> Faults:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: the fault plan cannot be read") from error
    try:
        plan = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes texts, lists, mappings only
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        fault = Fault(f"not YAML: {error.problem}", str(path), mark.line + 1 if mark else 0)
        raise ConfigurationError([fault]) from error
    if isinstance(plan, Mapping):
        unknown = [key for key in plan if key not in _PLAN_KEYS]
        if unknown:
            raise ConfigurationError([_unknown("key", key, _PLAN_KEYS, str(path)) for key in unknown])
        entries, seed = plan.get("faults", []), str(plan.get("seed", "0"))
    else:
        entries, seed = plan, "0"
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not seed.isdecimal():
        raise ConfigurationError(
            f"{path}: a fault plan is `seed: NUMBER` and `faults:` with a list of entries"
        )
    return Faults(_read_entries(entries, str(path)), int(seed))


def _read_entries(entries: Sequence[Entry], file: str) -> list[FaultRule]:
    rules: list[FaultRule] = []
    wrong: list[Fault] = []
    for number, entry in enumerate(entries, start=1):
        try:
            rules.append(_read_entry(entry))
        except ConfigurationError as error:
            wrong.extend(
                Fault(f"fault {number}: {fault.message}", file, hint=fault.hint) for fault in error.faults
            )
    if wrong:
        raise ConfigurationError(wrong)
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


def _read_entry(entry: Entry) -> FaultRule:
    facts = _parse_short(entry) if isinstance(entry, str) else dict(entry)
    name = str(facts.pop("fault", ""))
    name = _ALIASES.get(name, name)
    if name not in KINDS:
        raise ConfigurationError([_unknown("fault", name, (*KINDS, *_ALIASES))])
    kind = KINDS[name]
    readers: dict[str, Callable[[Any], Any]] = {**_SELECTION, **kind.parameters}
    wrong = [_unknown(f"parameter of {name}", key, tuple(readers)) for key in facts if key not in readers]
    values: dict[str, Any] = {}
    for key in facts.keys() & readers.keys():
        try:
            values[key] = readers[key](facts[key])
        except (TypeError, ValueError) as error:
            wrong.append(Fault(f"{name}: {key} is wrong: {error}"))
        except ConfigurationError as error:
            wrong.extend(error.faults)
    if len(values.keys() & {"at", "every", "share"}) > 1:
        wrong.append(Fault(f"{name}: give only one of at, every and share"))
    if name == "P.poison" and not values.get("items"):
        wrong.append(Fault("P.poison: items is missing: the item codes that are refused"))
    if wrong:
        raise ConfigurationError(wrong)
    own = {key: values.pop(key) for key in tuple(values) if key in kind.parameters}
    operations = values.pop("operation", kind.operations)
    return FaultRule(name, operations, parameters=own, **values)


def _operations(value: Any) -> tuple[str, ...]:
    names = tuple(str(part) for part in (value if isinstance(value, (list, tuple)) else [value]))
    for name in names:
        if name != ANY:
            contract().operation(name)
    return names


def _calls(value: Any) -> frozenset[int]:
    return frozenset(_positive(part) for part in (value if isinstance(value, (list, tuple)) else [value]))


def _positive(value: Any) -> int:
    number = int(value)
    if number < 1:
        raise ValueError("say a whole number from 1")
    return number


def _share(value: Any) -> float:
    share = float(value)
    if not 0 < share <= 1:
        raise ValueError("say a share above 0, at most 1")
    return share


_SELECTION: Mapping[str, Callable[[Any], Any]] = {
    "operation": _operations,
    "at": _calls,
    "every": _positive,
    "share": _share,
    "times": _positive,
}


def _unknown(what: str, name: str, known: Sequence[str], file: str = "") -> Fault:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
    return Fault(f"unknown {what}: {name or '(nothing)'}", file, hint=hint)
