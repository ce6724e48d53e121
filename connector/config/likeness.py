"""Mappings that are like another one: what they take over, in the words of the interface they fill.

The same interface takes everything as it is. The twin in the other family (4.8 and 4.22, 4.10 and 4.24, 4.13 and 4.26)
takes each field under its twin's name, its codes converted as the contract says (`twin`, `twin_codes`; traps T39, T40,
T41, T63). What the file says itself counts before what it takes over.
"""

from collections import abc
from dataclasses import dataclass, replace
from types import MappingProxyType

from connector.config.mapping import Expression, Like, Mapping, Source
from connector.config.near import propose
from connector.config.places import Path, Place, Places
from connector.config.target import Target, find_target, name_fields, path_of, told_paths
from connector.contract.library import Contract
from connector.contract.spec import Field, Lookup, Type
from connector.errors import Fault

_ONCE = ("trace", "catalogue", "on_change")
_NUMBERS = (Type.DECIMAL, Type.INTEGER)


def take_over(
    mappings: abc.Mapping[str, Mapping], contract: Contract
) -> tuple[dict[str, Mapping], list[Fault]]:
    """Every mapping complete, in the same order, and what is wrong with what they are like.

    A mapping that cannot take anything over fills nothing any more, so that nobody complains about what it lacks.
    """
    found: dict[str, Mapping] = {}
    faults: list[Fault] = []
    for name, mapping in mappings.items():
        made = mapping if mapping.like is None else _complete(mapping, mapping.like, mappings, contract)
        if isinstance(made, Fault):
            faults.append(made)
            made = None
        found[name] = made or replace(mapping, fills="")
    return found, faults


def mend_here(mapping: Mapping, faults: abc.Iterable[Fault], said: abc.Iterable[Fault]) -> list[Fault]:
    """Faults of a mapping where they are to be mended.

    What is wrong in its own words with what it takes over is mended in this file, at `like`; what was `said` of the
    other mapping's lines already is mended there.
    """
    if mapping.like is None:
        return list(faults)
    lines = {(place.file, place.line) for place in mapping.places.by_path.values() if place.file}
    known = {(fault.file, fault.line) for fault in said}
    mended: list[Fault] = []
    for fault in faults:
        line = (fault.file, fault.line)
        if line not in lines:
            mended.append(fault)
        elif line not in known:
            message = f"{fault.message.rstrip('.')} (taken over from {fault.file}:{fault.line})."
            hint = fault.hint or "Write under fields: what it is here; null leaves it out."
            mended.append(mapping.places.fault(message, "like", hint=hint))
    return mended


def counterparts(there: Target, here: Target, contract: Contract) -> dict[str, str] | None:
    """Path there → path here, of the fields that mean the same; None where the two are neither the same nor twins."""
    if there.node is here.node:
        return {path: path for path in there.fields}
    twin = _twin_address(there)
    if twin is None or there.whole != here.whole or contract.node(twin) is not here.node:
        return None
    places = {(id(node), path.rpartition(".")[2]): path for path, node in here.nodes.items()}
    mates = {
        id(node): contract.node(address)
        for node in {id(one): one for one in there.nodes.values()}.values()
        if (address := twin if node is there.node else node.twin)
    }
    pairs: dict[str, str] = {}
    for path, field in there.fields.items():
        mate = mates.get(id(there.nodes[path]))
        if mate is not None and field.twin and (place := places.get((id(mate), field.twin))):
            pairs[path] = place
    return pairs


def _twin_address(target: Target) -> str | None:
    """The twin of what a mapping fills, as `fills` would name it."""
    return target.operation.twin if target.whole else target.node.twin


def _complete(
    mapping: Mapping, like: Like, mappings: abc.Mapping[str, Mapping], contract: Contract
) -> Mapping | Fault | None:
    """The mapping with what it takes over; None where the other one, or what it fills, is wrong (which is said there)."""
    other = mappings.get(like.name)
    if other is None or other is mapping or other.like is not None:
        return _unusable(mapping, like, other, mappings)
    there = find_target(other, contract)
    if not isinstance(there, Target):
        return None
    mapping = replace(mapping, fills=mapping.fills or other.fills)
    here = find_target(mapping, contract)
    if not isinstance(here, Target):
        return mapping
    pairs = counterparts(there, here, contract)
    if pairs is None:
        return _no_twin(mapping, other, there)
    named, _ = name_fields(other, there)
    return _Taking(mapping, like, other, named, there, here, pairs, contract).made()


def _unusable(
    mapping: Mapping, like: Like, other: Mapping | None, mappings: abc.Mapping[str, Mapping]
) -> Fault:
    """Why nothing can be taken over from the mapping that is named."""
    if other is None:
        known = [name for name, one in mappings.items() if one.like is None]
        return mapping.places.fault(
            f"There is no mapping “{like.name}” to be like.", "like", hint=propose(like.name, known)
        )
    if other is mapping:
        return mapping.places.fault("A mapping cannot be like itself.", "like", hint="Name another mapping.")
    first = other.like.name if other.like else ""
    return mapping.places.fault(
        f"{other.name} is itself like {first}, and what is taken over is not taken over again.",
        "like",
        hint=f"Write like: {first}",
    )


def _no_twin(mapping: Mapping, other: Mapping, there: Target) -> Fault:
    """The other mapping fills something that has nothing to do with what this one fills."""
    twin = _twin_address(there)
    return mapping.places.fault(
        f"{other.name} fills {other.fills}, and {mapping.fills} is neither that nor its twin.",
        "fills",
        hint=f"Write fills: {twin or other.fills}, or be like another mapping.",
    )


@dataclass(frozen=True, slots=True)
class _Taking:
    """One mapping taking over from another. `named`: the other with the contract's paths; `pairs`: path there → here."""

    mapping: Mapping
    like: Like
    other: Mapping
    named: Mapping
    there: Target
    here: Target
    pairs: abc.Mapping[str, str]
    contract: Contract

    def made(self) -> Mapping:
        """The mapping, complete."""
        own = {
            path: name
            for name in (*self.mapping.fields, *self.like.left_out)
            if (path := path_of(self.here, name)) is not None
        }
        taken: dict[str, str] = {}
        fields: dict[str, Expression] = {}
        untaken: list[str] = []
        for path, expression in self.named.fields.items():
            place = self.pairs.get(path)
            made = place and self._converted(expression, path, place)
            if place is None or not made:
                untaken.append(path)
            elif place not in own:
                fields[place], taken[place] = made, path
        misnamed = {name: Expression() for name in self.like.left_out if name not in own.values()}
        like = replace(
            self.like,
            taken=MappingProxyType(taken),
            untaken=tuple(untaken),
            complete=len(self.named.fields) == len(self.other.fields),
        )
        return replace(
            self.mapping,
            source=self._source(),
            fields=MappingProxyType({**fields, **self.mapping.fields, **misnamed}),
            on_change=self.mapping.on_change if self._says("on_change") else self.other.on_change,
            catalogue=self.mapping.catalogue if self._says("catalogue") else self.other.catalogue,
            trace=self.mapping.trace if self._says("trace") else self.pairs.get(self.named.trace or ""),
            like=like,
            places=self._places(taken),
        )

    def _says(self, *path: str) -> bool:
        """Whether the file itself has something at a key."""
        return path in self.mapping.places.by_path

    def _source(self) -> Source:
        """The source, key by key; a table or a SELECT of its own takes the place of the other's."""
        mine, theirs = self.mapping.source, self.other.source
        origin = mine if self._has_rows_of_its_own() else theirs
        return Source(
            key=mine.key if self._says("source", "key") else theirs.key,
            visit=mine.visit if self._says("source", "visit") else theirs.visit,
            changes=mine.changes if self._says("source", "changes") else theirs.changes,
            table=origin.table,
            sql=origin.sql,
            sql_file=origin.sql_file,
            refund_of=mine.refund_of if self._says("source", "refund_of") else theirs.refund_of,
            ended=mine.ended if self._says("source", "ended") else theirs.ended,
            encoding=mine.encoding if self._says("source", "encoding") else theirs.encoding,
        )

    def _has_rows_of_its_own(self) -> bool:
        return self._says("source", "table") or self._says("source", "sql")

    def _converted(self, made: Expression, path: str, place: str) -> Expression | None:
        """A value as it is made here; None where it is only looked up, and nothing that is looked up tells it here."""
        converted = _convert(made, self.there.fields[path], self.here.fields[place])
        if made.lookup is None:
            return converted
        kinds = [kind for kind in Lookup if place in told_paths(self.contract, self.here, kind)]
        kind = made.lookup if made.lookup in kinds else kinds[0] if len(kinds) == 1 else None
        return replace(converted, lookup=kind) if kind is not None or made.is_made else None

    def _places(self, taken: abc.Mapping[str, str]) -> Places:
        """Where everything is written: its own words in its own file, what is taken over in the other's."""
        file, mine = self.other.places.file, self.mapping.places
        here = {path: place for place, path in taken.items()}
        places: dict[Path, Place] = {}
        for path, place in self.named.places.by_path.items():
            if path[:1] == ("fields",) and path[1:2] and path[1] in here:
                places["fields", here[path[1]], *path[2:]] = replace(place, file=file)
            elif path and (path[0] in _ONCE or (path[0] == "source" and path[1:])):
                places[path] = replace(place, file=file)
            elif path[:1] == ("columns",):
                # A column that its own table or SELECT lacks is missing there, whoever names it.
                own = "table" if self._says("source", "table") else "sql"
                rows = mine.find("source", own)
                places[path] = rows if self._has_rows_of_its_own() else replace(place, file=file)
        like = mine.find("like")
        return replace(
            mine, by_path=MappingProxyType({("fields",): like, ("source",): like, **places, **mine.by_path})
        )


def _convert(made: Expression, there: Field, here: Field) -> Expression:
    """A value of a field as a value of its twin: constants and codes converted, rounded to as many decimals as fit.

    What is rounded to all decimals of the field there is rounded to all of the field here: across provinces a price has
    six (trap T74). What is not rounded there is not rounded here: a value that does not fit breaks a rule.
    """
    codes = there.twin_codes if there.twin == here.name and there is not here else {}
    decimals = made.round
    if decimals is not None and here.type in _NUMBERS:
        most = here.scale or 0
        decimals = most if decimals == (there.scale or 0) else min(decimals, most)
    return replace(
        made,
        value=None if made.value is None else codes.get(made.value, made.value),
        default=None if made.default is None else codes.get(made.default, made.default),
        round=decimals,
        outside=None if made.outside is None else _convert(made.outside, there, here),
        twin_codes=() if made.value is not None else tuple(codes.items()),
    )
