"""Lint of a mapping as a whole: what the contract demands of a node, as far as it is certain before any row.

Known before any row are constants, and fields that are not mapped: they are empty.
"""

from collections import abc

from connector.config.mapping import Mapping
from connector.config.places import Path
from connector.config.target import Target
from connector.contract.conditions import because, hold
from connector.contract.spec import Condition
from connector.errors import Fault

_HERE = "here"


def rule_faults(mapping: Mapping, target: Target, *, complete: bool) -> list[Fault]:
    """Required fields that are missing, constants that are never allowed, and facts without their code.

    `complete` is false where a field has a name that is not known; then none is called missing.
    """
    known = _known(mapping, target)
    faults: list[Fault] = []
    for path in target.fields:
        faults += _field_faults(mapping, target, path, known, complete=complete)
    return faults + _catalogue_faults(mapping, target)


def _known(mapping: Mapping, target: Target) -> dict[str, str]:
    """Path → text, of every field whose text is the same in every row."""
    known: dict[str, str] = {}
    for path in target.fields:
        made = mapping.fields.get(path)
        if made is None:
            known[path] = ""
        elif made.value is not None:
            known[path] = made.value
    return known


def _field_faults(
    mapping: Mapping, target: Target, path: str, known: abc.Mapping[str, str], *, complete: bool
) -> list[Fault]:
    """One field against required, forbidden and const."""
    spec = target.fields[path]
    text = known.get(path)
    if text is None:
        return []
    place: Path = ("fields", path, "value") if path in mapping.fields else ("fields",)
    name = target.named(path)
    if not text:
        demanded = spec.required or _certain(spec.required_when, target, path, known)
        if not demanded or (path not in mapping.fields and not complete):
            return []
        reason = "" if spec.required else because(spec.required_when)
        how = "its constant is empty" if path in mapping.fields else "is not mapped"
        return [
            mapping.places.fault(f"{name} is required{reason}, but {how}.", *place, hint=_hint(mapping, path))
        ]
    faults: list[Fault] = []
    if _certain(spec.forbidden_when, target, path, known):
        faults.append(mapping.places.fault(f"{name} is not allowed{because(spec.forbidden_when)}.", *place))
    for constant, conditions in spec.const_when:
        if text != constant and _certain(conditions, target, path, known):
            faults.append(mapping.places.fault(f"{name} must be {constant}{because(conditions)}.", *place))
    return faults


def _hint(mapping: Mapping, path: str) -> str:
    """What to do about a field that another mapping would have given, were there anything."""
    if mapping.like is None or path in mapping.fields:
        return ""
    return f"{mapping.like.name} has nothing to take over for it: write it under fields: here."


def _certain(
    conditions: tuple[Condition, ...], target: Target, path: str, known: abc.Mapping[str, str]
) -> bool:
    """Whether all conditions (there are some) hold in every row."""
    return bool(conditions) and all(_holds(one, target, path, known) for one in conditions)


def _holds(condition: Condition, target: Target, path: str, known: abc.Mapping[str, str]) -> bool:
    """Whether a condition on a field that is known before any row holds; what is not known does not."""
    if condition.path.startswith("/"):
        if not target.whole:
            return False
        subject = condition.path[1:].replace("/", ".")
    else:
        inside, _, _ = path.rpartition(".")
        subject = f"{inside}.{condition.path}" if inside else condition.path
    if subject not in known:
        return False
    return hold(condition.model_copy(update={"path": _HERE}), {_HERE: known[subject]}, None)


def _catalogue_faults(mapping: Mapping, target: Target) -> list[Fault]:
    """Facts of the catalogue need the centre's code, which is where a missing item is complained about."""
    uses = {path: one.catalogue for path, one in mapping.fields.items() if one.catalogue}
    if not uses:
        return []
    first = next(iter(uses))
    item = target.roles.get("item")
    if item is None:
        return [
            mapping.places.fault(
                f"{mapping.fills} has no items of the catalogue.", "fields", first, "catalogue"
            )
        ]
    code_fields = [path for path, fact in uses.items() if fact == "centre_code"]
    if not code_fields:
        return [
            mapping.places.fault(
                "Facts of the catalogue go with the centre's code.",
                "fields",
                first,
                "catalogue",
                hint=f"Write {item}: {{catalogue: centre_code}}",
            )
        ]
    return [
        mapping.places.fault(
            f"The centre's code belongs into {target.named(item)}, not into {path}.",
            "fields",
            path,
            "catalogue",
        )
        for path in code_fields
        if path != item
    ]
