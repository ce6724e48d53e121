"""Lint of one field: how its value is made, held against what the contract says of it."""

from collections import abc
from dataclasses import dataclass, field

from connector.config.codes import Catalogue, CodeMap
from connector.config.mapping import Expression, Mapping
from connector.config.near import propose
from connector.config.places import Path
from connector.config.target import Target
from connector.contract import values
from connector.contract.library import Contract
from connector.contract.spec import Field, Type
from connector.errors import Fault

_DATES = (Type.DATE, Type.DATETIME)
_NUMBERS = (Type.DECIMAL, Type.INTEGER)
_RULED = (
    "centre_code",
    "level",
    "version",
)  # what an item outside the catalogue has of these is fixed (T78, T80)


@dataclass(frozen=True, slots=True)
class FieldLint:
    """Looks at the fields of one mapping; what it finds is in `faults`."""

    mapping: Mapping
    target: Target
    contract: Contract
    code_maps: abc.Mapping[str, CodeMap]
    catalogue: Catalogue | None
    length_in: str
    faults: list[Fault] = field(default_factory=list)

    def look(self) -> list[Fault]:
        """Everything that is wrong with single fields."""
        for path, expression in self.mapping.fields.items():
            self._expression(self.target.fields[path], path, expression, ("fields", path))
        return self.faults

    def _say(self, message: str, *place: str, hint: str = "") -> None:
        self.faults.append(self.mapping.places.fault(message, *place, hint=hint))

    def _expression(self, spec: Field, path: str, made: Expression, place: Path) -> None:
        name = self.target.named(path)
        for part, text in (("value", made.value), ("default", made.default)):
            if text:
                self._text(spec, name, text, (*place, part))
        if made.read is not None and spec.type not in _DATES:
            self._say(f"“read” is for dates, but {name} is none.", *place, "read")
        if made.round is not None:
            self._round(spec, name, made.round, (*place, "round"))
        if made.file and spec.type is not Type.BASE64:
            self._say(f"“file” is for files, but {name} is none.", *place, "file")
        if made.shorten and not spec.descriptive:
            self._say(
                f"{name} must not be shortened: only descriptive text may be.",
                *place,
                "shorten",
                hint="A value that is too long goes to quarantine.",
            )
        if made.codes is not None:
            self._codes(spec, name, made.codes, (*place, "codes"), dict(made.twin_codes))
        if made.catalogue is not None:
            self._fact(spec, name, made, place)
        if made.outside is not None:
            self._expression(spec, path, made.outside, (*place, "outside"))

    def _text(self, spec: Field, name: str, text: str, place: Path) -> None:
        """A text of the mapping itself, as a value of the field."""
        for _, message in values.faults(spec, text, self.contract.codes, self.length_in):
            self._say(f"{name}: {message}.", *place)

    def _round(self, spec: Field, name: str, decimals: int, place: Path) -> None:
        if spec.type not in _NUMBERS:
            self._say(f"“round” is for numbers, but {name} is none.", *place)
        elif decimals > (spec.scale or 0):
            self._say(
                f"{name} has at most {spec.scale or 0} decimals.",
                *place,
                hint=f"Write round: {spec.scale or 0}",
            )

    def _codes(
        self, spec: Field, name: str, codes: str, place: Path, twin_codes: abc.Mapping[str, str]
    ) -> None:
        """A code map must be there, and every code it gives must be one that the field takes.

        A code that the twin of the field does not have is complained about there.
        """
        code_map = self.code_maps.get(codes)
        if code_map is None:
            self._say(
                f"There is no code map “{codes}”.",
                *place,
                hint=propose(codes, self.code_maps) or f"Make codes/{codes}.yaml or codes/{codes}.csv",
            )
            return
        if twin_codes:
            return
        for code, text in code_map.entries.items():
            self._target_code(spec, name, code_map, text, ("map", code))
        if code_map.otherwise:
            self._target_code(spec, name, code_map, code_map.otherwise, ("otherwise",))

    def _target_code(self, spec: Field, name: str, code_map: CodeMap, text: str, place: Path) -> None:
        """One code that a code map gives; the complaint is made in the code map's file."""
        if not text:
            return
        for _, message in values.faults(spec, text, self.contract.codes, self.length_in):
            self.faults.append(
                code_map.places.fault(f"{message} (for {name} of {self.mapping.name}).", *place)
            )

    def _fact(self, spec: Field, name: str, made: Expression, place: Path) -> None:
        """A fact must be in the catalogue; its key must fit; what it gives must be what the field takes."""
        fact = made.catalogue or ""
        if made.outside is not None and fact in _RULED:
            self._say(
                f"“outside” is fixed for {fact}: the code by the item's kind, level 3, no version.",
                *place,
                "outside",
                hint="Leave it out.",
            )
        if (
            self.catalogue is None or not self.catalogue.facts
        ):  # missing or unreadable, which is said elsewhere
            return
        if fact not in self.catalogue.facts:
            self._say(
                f"The catalogue {self.catalogue.name} has no fact {fact}.",
                *place,
                "catalogue",
                hint=propose(fact, self.catalogue.facts),
            )
        elif (codes := self.catalogue.facts[fact].codes) is not None and codes in self.code_maps:
            self._codes(spec, name, codes, (*place, "catalogue"), dict(made.twin_codes))
        if made.columns and self.catalogue.key and len(made.columns) != len(self.catalogue.key):
            key = ", ".join(self.catalogue.key)
            self._say(
                f"{name} is looked up by {len(made.columns)} columns, but the catalogue's key is [{key}].",
                *place,
                "from",
            )
