"""Lint of what a visit leaves with: the mappings that a pipeline names in `leave` and `documents`."""

from collections import abc

from connector.config.mapping import Mapping
from connector.config.pipeline import Pipeline
from connector.config.places import KEY, Path
from connector.config.target import Target
from connector.errors import Fault


def file_faults(mapping: Mapping) -> list[Fault]:
    """Columns that are read as files and used for something else as well: of those only the file is kept."""
    source = mapping.source
    kept = {*source.key, source.visit, *source.refund_of, source.ended or ""}
    others = {column for one in mapping.fields.values() if not one.file for column in one.needs}
    return [
        mapping.places.fault(
            f"The column {column} is read as a file, so nothing else can be made of it.",
            *("fields", path, "file"),
            hint="Let the SELECT give it twice, under two names.",
        )
        for path, made in mapping.fields.items()
        for column in made.columns
        if made.file and column in kept | others
    ]


def paper_faults(pipeline: Pipeline, targets: abc.Mapping[str, Target]) -> list[Fault]:
    """`leave` fills a request that lets visits leave, `documents` its lists, and both are of the visits' family."""
    faults: list[Fault] = []
    if pipeline.documents and not pipeline.leave:
        faults.append(
            pipeline.places.fault(
                "There are documents, but nothing says how a visit leaves.",
                *("documents", KEY),
                hint="Write leave: NAME, a mapping with fills: leaveHos (or offsiteLeaveHos).",
            )
        )
    leave = targets.get(pipeline.leave)
    if leave is not None:
        faults += _leave_faults(pipeline, leave, targets.get(pipeline.visits))
    for number, name in enumerate(pipeline.documents):
        if name in targets:
            faults += _document_faults(pipeline, name, ("documents", str(number)), targets[name], leave)
    return faults


def _leave_faults(pipeline: Pipeline, leave: Target, visits: Target | None) -> list[Fault]:
    """Whether `leave` says how visits of this family leave."""
    name, method = pipeline.leave, leave.operation.method
    if not leave.gives_leave:
        return [
            pipeline.places.fault(
                f"{name} fills {leave.address}, which lets no visit leave.",
                "leave",
                hint="Name it in “documents”."
                if leave.is_document
                else "It needs a mapping with fills: leaveHos (or offsiteLeaveHos).",
            )
        ]
    if visits is not None and visits.gives_visits and visits.operation.family != leave.operation.family:
        return [
            pipeline.places.fault(
                f"{name} fills {method}, but the visits are registered by {visits.operation.method}: one is for local "
                "people, the other for those of other provinces.",
                "leave",
            )
        ]
    return []


def _document_faults(
    pipeline: Pipeline, name: str, place: Path, target: Target, leave: Target | None
) -> list[Fault]:
    """Whether a mapping fills a list of the request that `leave` fills."""
    if not target.is_document:
        return [
            pipeline.places.fault(
                f"{name} fills {target.address}, which is no list that a visit leaves with.",
                *place,
                hint=f"Write leave: {name}" if target.gives_leave else "",
            )
        ]
    if leave is not None and leave.gives_leave and leave.operation is not target.operation:
        return [
            pipeline.places.fault(
                f"{name} fills {target.operation.method}, but the visits leave by {leave.operation.method}.",
                *place,
            )
        ]
    return []
