"""Tell where each field of a mapping comes from: how it is made, where that is written, and whom it is like."""

from collections.abc import Iterator
from dataclasses import dataclass

from connector.config.mapping import Expression
from connector.config.mapping import Mapping as RowMapping
from connector.config.target import Target
from connector.pipeline.check import target_of, untaken
from connector.pipeline.parts import Parts
from connector.pipeline.preview import find_mapping


@dataclass(frozen=True, slots=True)
class FieldOrigin:
    """One field: how its value is made, in words, and the line where that is written.

    `taken_over` is the field of the other mapping that it is taken over from, with that field's Chinese name, or "".
    """

    path: str
    zh: str
    made: str
    file: str
    line: int
    taken_over: str = ""


@dataclass(frozen=True, slots=True)
class MappingOrigins:
    """Every mapped field of a mapping in the document's order.

    `like`: the mapping that it is like, or ""; `untaken`: the other's fields that have no counterpart here.
    """

    mapping: str
    fills: str
    like: str
    fields: tuple[FieldOrigin, ...]
    untaken: tuple[str, ...] = ()


def explain_mapping(parts: Parts, name: str) -> MappingOrigins:
    """Where every field of a mapping comes from; ConfigurationError where there is no mapping of that name."""
    mapping = find_mapping(parts, name)
    here = target_of(mapping, parts.contract)
    there = target_of(find_mapping(parts, mapping.like.name), parts.contract) if mapping.like else None
    return MappingOrigins(
        mapping=mapping.name,
        fills=mapping.fills,
        like=mapping.like.name if mapping.like else "",
        fields=tuple(_origins(mapping, here, there)),
        untaken=untaken(mapping.like, there) if mapping.like and there else (),
    )


def _origins(mapping: RowMapping, here: Target, there: Target | None) -> Iterator[FieldOrigin]:
    """Every mapped field."""
    taken = mapping.like.taken if mapping.like else {}
    for path, spec in here.fields.items():
        expression = mapping.fields.get(path)
        if expression is None:
            continue
        place = mapping.places.find("fields", path)
        source = taken.get(path)
        yield FieldOrigin(
            path=path,
            zh=spec.zh,
            made=", ".join(_steps(expression)),
            file=place.file or mapping.places.file,
            line=place.line,
            taken_over=there.named(source) if there and source else "",
        )


def _steps(made: Expression) -> Iterator[str]:
    """What is done for a value, in its order."""
    if made.value is not None:
        yield f"always {made.value}" if made.value else "always empty"
        return
    if made.catalogue:
        by = f" of {', '.join(made.columns)}" if made.columns else ""
        yield f"{made.catalogue} in the catalogue{by}"
    elif made.columns:
        yield " and ".join(made.columns)
    changed = ", ".join(f"{there} becomes {here}" for there, here in made.twin_codes if there != here)
    steps = {
        f"read as {made.read}": made.read,
        f"codes of {made.codes}": made.codes,
        changed: changed,
        f"rounded to {made.round} decimals": made.round is not None,
        f"else {made.default}": made.default is not None,
        "shortened where too long": made.shorten,
    }
    yield from (words for words, applies in steps.items() if applies)
    if made.outside is not None:
        yield f"outside the catalogue {', '.join(_steps(made.outside))}"
    if made.lookup is not None:
        yield f"{'else ' if made.is_made else ''}looked up ({made.lookup.value})"
