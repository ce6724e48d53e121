"""`connector settlement`: the settlement sheet of a visit (4.16), fetched, kept and printed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import err, say, show_json, show_table
from connector.cli.prompting import is_yes
from connector.cli.stopping import Stopping
from connector.cli.words import moment

if TYPE_CHECKING:
    from connector.pipeline.paper import Cell, Paper
    from connector.pipeline.parts import Parts
    from connector.pipeline.sheet import Fetched, Prints, Version, Wanted

_FAILED = 1
_STATES = {
    "final": "FINAL: the agency has audited the fees.",
    "provisional": "PROVISIONAL: the agency has not audited the fees; the figures may change.",
    "not told": "PROVISIONAL: the platform does not say whether the agency has audited the fees.",
}


def settlement(
    number: Annotated[
        str, typer.Argument(help="The visit: its number at the platform (akc190), or its key in the HIS.")
    ],
    project: ProjectOption = HERE,
    html: Annotated[Path | None, typer.Option(help="Write the sheet to this new HTML file.")] = None,
    pdf: Annotated[Path | None, typer.Option(help="Write the sheet to this new PDF file.")] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Show this kept version; the platform is not asked.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--list", help="List the kept versions; the platform is not asked.")
    ] = False,
    cross_province: Annotated[
        bool,
        typer.Option(
            "--cross-province", help="The visit is another province's (where the ledger does not know it)."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the fees are approved.")] = False,
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Fetch and print the settlement sheet of a visit.

    4.16 APPROVES the visit's fees. Every version is kept with its audit state. Files name the patient: they are for him, readable by you alone.
    """
    from connector.pipeline import sheet
    from connector.pipeline.parts import open_project

    if every and (version is not None or html or pdf):
        raise typer.BadParameter("--list only lists; leave --version, --html and --pdf out.")
    parts = open_project(project)
    wanted = sheet.find_wanted(parts, number, cross_province=cross_province)
    if every:
        return _show_versions(sheet.list_versions(parts, wanted), wanted.number, json=json)
    prints = sheet.Prints(html, pdf)
    with sheet.reserve(parts, prints):
        if version is not None:
            found = sheet.take_version(parts, wanted, version)
            return _show(parts, found, prints, show_personal=show_personal, json=json)
        return _fetch(parts, wanted, prints, yes=yes, show_personal=show_personal, json=json)


def _fetch(
    parts: "Parts", wanted: "Wanted", prints: "Prints", *, yes: bool, show_personal: bool, json: bool
) -> int:
    """Ask a person, then the platform."""
    from connector.pipeline import sheet

    if not yes and not _agree(sheet.question_of(parts, wanted)):
        say("Nothing was sent.", to=err)
        return _FAILED
    with Stopping() as stopping:
        fetched = sheet.fetch(parts, wanted, notify=_tell, is_stopping=stopping)
    if fetched.version is None:
        return _show_refusal(fetched, json=json)
    if fetched.outcome.warning:
        _tell(f"The platform remarks: {fetched.outcome.warning}")
    return _show(parts, fetched.version, prints, show_personal=show_personal, json=json)


def _agree(lines: tuple[str, ...]) -> bool:
    for line in lines:
        _tell(line)
    return is_yes(
        "Fetch it, and approve? Type yes: ", unanswered="Nobody answered; --yes fetches without asking."
    )


def _tell(text: str) -> None:
    say(text, to=err)


def _show_refusal(fetched: "Fetched", *, json: bool) -> int:
    """Why there is no sheet: the platform's words first."""
    meaning = fetched.meaning
    if json:
        show_json(meaning)
        return _FAILED
    say(f"There is no sheet. The platform says: {meaning.said}")
    if meaning.ours:
        say(f"We say: {meaning.ours}")
    if meaning.advice:
        say(meaning.advice)
    return _FAILED


def _show_versions(versions: "list[Version]", number: str, *, json: bool) -> int:
    if json:
        names = ("number", "at", "who", "audit", "is_discharged", "changed")
        show_json([{name: getattr(one, name) for name in names} for one in versions])
        return 0
    if not versions:
        say(f"No sheet of visit {number} was fetched yet.")
        return 0
    rows = [
        (
            one.number,
            moment(one.at),
            one.audit,
            "yes" if one.is_discharged else "no",
            one.who,
            "、".join(one.changed),
        )
        for one in versions
    ]
    columns = ("version", "fetched", "figures", "discharged", "by", "changed since the last")
    show_table(f"Settlement sheets of visit {number}", columns, rows, text=columns[-1])
    return 0


def _show(parts: "Parts", version: "Version", prints: "Prints", *, show_personal: bool, json: bool) -> int:
    """Write the files, then show the sheet as it is printed, without what names the patient unless that is wanted."""
    from connector.pipeline import sheet

    missing = sheet.draw(parts, version, prints)
    paper = sheet.paper_of(parts, version)
    if json:
        show_json(
            {
                "version": version.number or None,
                "at": version.at,
                "audit": version.audit,
                "is_discharged": version.is_discharged,
                "changed": version.changed,
                "answer": sheet.answer_of(parts, version, show_personal=show_personal),
                "words": sheet.words_in(parts, version),
                "files": [str(file) for file in prints.files],
                "missing_characters": missing,
            }
        )
        return 0
    _show_paper(paper, show_personal=show_personal)
    if version.changed:
        say(f"Changed since version {version.number - 1}: {'、'.join(version.changed)}")
    say(
        f"Kept as version {version.number}."
        if version.number
        else "NOT kept: the ledger does not know this visit."
    )
    if missing:
        codes = ", ".join(f"U+{ord(one):04X}" for one in missing)
        say(
            f"No font has {codes}: the PDF shows a mark, and says so. settlement.fonts may name one that has."
        )
    for file in prints.files:
        say(f"Written: {file}")
    return 0


def _show_paper(paper: "Paper", *, show_personal: bool) -> None:
    """The sheet's lines."""
    say(_STATES[paper.audit])
    for note in paper.notes:
        say(note)
    say(f"{paper.number.label}: {paper.number.text}")
    for section in paper.sections:
        for row in section.rows:
            say("  ".join(f"{cell.label}: {_told(cell, show_personal=show_personal)}" for cell in row))
    if paper.items:
        show_table(
            f"{paper.items_title}，{paper.unit}",
            paper.columns,
            paper.items,
            right=paper.columns[2:6],
            text=paper.columns[1],
        )


def _told(cell: "Cell", *, show_personal: bool) -> str:
    return "***" if cell.is_personal and cell.text and not show_personal else cell.text
