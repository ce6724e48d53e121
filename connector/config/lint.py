"""Lint: mappings, catalogues and pipelines held against the contract and against one another.

Everything here is known without a database. Each function returns faults; none raises.
"""

from collections import abc
from dataclasses import replace
from types import MappingProxyType

from connector.config.codes import FACTS, Catalogue, CodeMap
from connector.config.lint_papers import file_faults, paper_faults
from connector.config.lint_rules import rule_faults
from connector.config.lint_values import FieldLint
from connector.config.mapping import TRACE_SIZE, Expression, Mapping
from connector.config.near import propose
from connector.config.pipeline import Pipeline
from connector.config.places import KEY
from connector.config.target import Target, find_target, name_fields, told_paths
from connector.contract.library import Contract
from connector.contract.lookups import role_paths
from connector.contract.spec import Lookup
from connector.errors import Fault

_GIVEN_FACT = "catalogue."


def lint_mapping(
    mapping: Mapping,
    contract: Contract,
    *,
    code_maps: abc.Mapping[str, CodeMap],
    catalogues: abc.Mapping[str, Catalogue],
    length_in: str = "characters",
) -> tuple[Mapping, Target | None, list[Fault]]:
    """The mapping with the contract's names and its catalogue's key filled in, what it fills, and its faults."""
    target = find_target(mapping, contract)
    if not isinstance(target, Target):
        return mapping, None, [target] if target else []
    named, faults = name_fields(mapping, target)
    bound, catalogue, more = bind_catalogue(named, catalogues)
    faults += more
    faults += FieldLint(bound, target, contract, code_maps, catalogue, length_in).look()
    # A field that is named wrongly is missing under its right name too; only the first is said.
    complete = len(bound.fields) == len(mapping.fields) and (mapping.like is None or mapping.like.complete)
    faults += rule_faults(bound, target, complete=complete)
    faults += _source_faults(bound, target)
    faults += file_faults(bound)
    faults += _trace_faults(bound, target)
    faults += _lookup_faults(bound, target, contract)
    faults += _test_faults(bound)
    return bound, target, faults


def bind_catalogue(
    mapping: Mapping, catalogues: abc.Mapping[str, Catalogue]
) -> tuple[Mapping, Catalogue | None, list[Fault]]:
    """The mapping with the catalogue it uses, and the catalogue's key where a field names no columns."""
    uses = [path for path, one in mapping.fields.items() if one.catalogue]
    if not uses:
        if mapping.catalogue is None:
            return mapping, None, []
        return mapping, None, [mapping.places.fault("No field uses the catalogue.", "catalogue")]
    name = mapping.catalogue or (next(iter(catalogues)) if len(catalogues) == 1 else None)
    if name is None:
        known = ", ".join(catalogues)
        message = (
            "There are several catalogues, and it is not said which."
            if catalogues
            else "There is no catalogue."
        )
        hint = (
            f"Write catalogue: NAME at the top; there are {known}."
            if catalogues
            else "Make catalogues/NAME.yaml"
        )
        return mapping, None, [mapping.places.fault(message, "fields", uses[0], "catalogue", hint=hint)]
    catalogue = catalogues.get(name)
    if catalogue is None:
        fault = mapping.places.fault(
            f"There is no catalogue “{name}”.", "catalogue", hint=propose(name, catalogues)
        )
        return mapping, None, [fault]
    fields = {path: _with_key(one, catalogue) for path, one in mapping.fields.items()}
    return replace(mapping, catalogue=name, fields=MappingProxyType(fields)), catalogue, []


def _with_key(expression: Expression, catalogue: Catalogue) -> Expression:
    """A fact is looked up by the columns of the catalogue's own names, unless the mapping names others."""
    if expression.catalogue and not expression.columns:
        return replace(expression, columns=catalogue.key)
    return expression


def _source_faults(mapping: Mapping, target: Target) -> list[Fault]:
    """What the source says that its rows cannot have."""
    faults: list[Fault] = []
    source = mapping.source
    if mapping.like and source.refund_of and source.key and len(source.refund_of) != len(source.key):
        message = f"“refund_of” names {len(source.refund_of)} columns, but the key has {len(source.key)}"
        faults.append(mapping.places.fault(f"{message}: it is the key of the original.", "source", "key"))
    if mapping.source.refund_of and "amount" not in target.roles:
        faults.append(
            mapping.places.fault(
                f"{mapping.fills} has no amounts, so no refunds.", "source", "refund_of", KEY
            )
        )
    if mapping.on_change != "report" and "amount" not in target.roles:
        faults.append(
            mapping.places.fault(
                f"{mapping.fills} has no amounts, so nothing of it is taken back: only on_change: report fits.",
                "on_change",
                hint="Orders that change are sent again by themselves.",
            )
        )
    if mapping.source.ended is not None and not target.gives_visits:
        faults.append(
            mapping.places.fault(
                "“ended” belongs into the mapping that gives the visits.", "source", "ended", KEY
            )
        )
    return faults


def _trace_faults(mapping: Mapping, target: Target) -> list[Fault]:
    """Whether the field that is to carry the trace id has room for it and may say anything."""
    if mapping.trace is None:
        return []
    spec, made = target.fields[mapping.trace], mapping.fields.get(mapping.trace)
    name = target.named(mapping.trace)
    message = ""
    if not spec.descriptive or (spec.length is not None and spec.length < TRACE_SIZE):
        message = f"{name} cannot carry a trace id: only descriptive text may."
    elif made is not None and made.catalogue is not None:
        message = f"{name} cannot carry a trace id, because it is a fact of the catalogue."
    return [mapping.places.fault(message, "trace", hint=_remark_hint(target))] if message else []


def _lookup_faults(mapping: Mapping, target: Target, contract: Contract) -> list[Fault]:
    """Whether what is looked up tells the field, and whether there is anything to look up for."""
    faults: list[Fault] = []
    for path, kind in mapping.lookups.items():
        told = {one: told_paths(contract, target, one) for one in Lookup}
        if path in told.get(kind, ()):
            continue
        kinds = [one.value for one, paths in told.items() if path in paths]
        faults.append(
            mapping.places.fault(
                f"No look-up of {kind.value} tells {target.named(path)}.",
                *("fields", path, "lookup"),
                hint=f"Write lookup: {' or '.join(kinds)}." if kinds else "Leave it out.",
            )
        )
    return faults


def _remark_hint(target: Target) -> str:
    """The field that is meant for remarks."""
    remark = target.roles.get("remark")
    return f"Usual: trace: {remark}" if remark else ""


def _test_faults(mapping: Mapping) -> list[Fault]:
    """Columns of tests that are probably misspelt: not used, and near to one that is used and not given.

    Other columns may be given: a row pasted from the source has more than the mapping looks at.
    """
    faults: list[Fault] = []
    for number, test in enumerate(mapping.tests):
        lacking = [column for column in mapping.columns if column not in test.given]
        for column in test.given:
            message = hint = ""
            if column.startswith(_GIVEN_FACT):
                fact = column.removeprefix(_GIVEN_FACT)
                message = "" if fact in FACTS else f"A catalogue has no fact “{fact}”."
                hint = propose(fact, FACTS)
            elif column not in mapping.columns:
                hint = propose(column, lacking)
                message = f"The mapping uses no column {column}." if hint.startswith("Did") else ""
            if message:
                place = ("tests", str(number), "given", column, KEY)
                faults.append(mapping.places.fault(message, *place, hint=hint))
    return faults


def lint_catalogue(catalogue: Catalogue, code_maps: abc.Mapping[str, CodeMap]) -> list[Fault]:
    """Code maps that a catalogue names and that are not there."""
    return [
        catalogue.places.fault(
            f"There is no code map “{one.codes}”.", "facts", fact, "codes", hint=propose(one.codes, code_maps)
        )
        for fact, one in catalogue.facts.items()
        if one.codes is not None and one.codes not in code_maps
    ]


def lint_pipelines(
    pipelines: abc.Iterable[Pipeline], mappings: abc.Mapping[str, Mapping], targets: abc.Mapping[str, Target]
) -> list[Fault]:
    """What pipelines name must be there, fit together, and belong to one pipeline only."""
    faults: list[Fault] = []
    owners: dict[str, str] = {}
    for pipeline in pipelines:
        named: list[tuple[str, tuple[str, ...]]] = [(pipeline.visits, ("visits",))]
        named += [(name, ("mappings", str(number))) for number, name in enumerate(pipeline.mappings)]
        named += [(pipeline.leave, ("leave",))]
        named += [(name, ("documents", str(number))) for number, name in enumerate(pipeline.documents)]
        for name, place in named:
            if not name:
                continue
            if name not in mappings:
                message, hint = f"There is no mapping “{name}”.", propose(name, mappings)
                faults.append(pipeline.places.fault(message, *place, hint=hint))
            elif name in owners:
                faults.append(
                    pipeline.places.fault(
                        f"The mapping {name} is in the pipeline {owners[name]} already.", *place
                    )
                )
            else:
                owners[name] = pipeline.name
        faults += _fit_faults(pipeline, targets)
        faults += paper_faults(pipeline, targets)
        faults += _since_faults(pipeline, mappings, targets)
    return faults


def _since_faults(
    pipeline: Pipeline, mappings: abc.Mapping[str, Mapping], targets: abc.Mapping[str, Target]
) -> list[Fault]:
    """Where visits are told apart by their day of admission, a column of the HIS must tell it."""
    if pipeline.since is None or pipeline.visits not in mappings or pipeline.visits not in targets:
        return []
    path = dict(role_paths(targets[pipeline.visits].operation)).get("admitted", "")
    expression = mappings[pipeline.visits].fields.get(path)
    if expression is not None and expression.columns:
        return []
    message = f"“since” needs the day of admission, and no column of the HIS tells it in {pipeline.visits} ({path})."
    return [
        pipeline.places.fault(
            message, "since", hint="Let that field be made of a column, or leave out since."
        )
    ]


def _fit_faults(pipeline: Pipeline, targets: abc.Mapping[str, Target]) -> list[Fault]:
    """The visits come from a mapping that gives visits, the rest does not, and all are of one family."""
    faults: list[Fault] = []
    visits = targets.get(pipeline.visits)
    if visits is not None and not visits.gives_visits:
        faults.append(
            pipeline.places.fault(
                f"{pipeline.visits} fills {visits.operation.method}, which registers no visit.",
                "visits",
                hint="The visits come from a mapping with fills: register (or offsiteRegister).",
            )
        )
    for number, name in enumerate(pipeline.mappings):
        target = targets.get(name)
        if target is None or name == pipeline.visits:
            continue
        place = ("mappings", str(number))
        if target.gives_leave or target.is_document:
            faults.append(
                pipeline.places.fault(
                    f"{name} fills {target.address}: that goes with a visit when it leaves, not before.",
                    *place,
                    hint=f"Write leave: {name}" if target.gives_leave else f"Write documents: [{name}]",
                )
            )
        elif target.whole:
            faults.append(
                pipeline.places.fault(
                    f"{name} fills the whole of {target.operation.method}; only lists can be uploaded for a visit.",
                    *place,
                )
            )
        elif visits is not None and {target.operation.family, visits.operation.family} == {
            "local",
            "cross_province",
        }:
            faults.append(
                pipeline.places.fault(
                    f"{name} fills {target.operation.method}, but the visits are registered by "
                    f"{visits.operation.method}: one is for local people, the other for those of other provinces.",
                    *place,
                )
            )
    return faults
