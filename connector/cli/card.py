"""`connector card`: social security cards and the QR codes of electronic ones."""

from __future__ import annotations

import sys
from enum import StrEnum
from getpass import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import HERE, JsonOption, PersonalOption, ProjectOption
from connector.cli.output import err, say, show_json
from connector.cli.stopping import Stopping

if TYPE_CHECKING:
    from connector.pipeline.cards import CardReport

app = typer.Typer(
    help="Social security cards, and QR codes of electronic ones.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CrossOption = Annotated[bool, typer.Option("--cross-province", help="Ask as for another province's card.")]
WaitOption = Annotated[float, typer.Option("--wait", min=0.0, help="Seconds to wait for it.")]


class Reader(StrEnum):
    """Where a card comes from."""

    PCSC = "pcsc"
    DECARD = "decard"
    MANUAL = "manual"


@app.command("read")
def read(
    project: ProjectOption = HERE,
    reader: Annotated[Reader, typer.Option(help="What reads the card.")] = Reader.PCSC,
    no_lookup: Annotated[
        bool, typer.Option("--no-lookup", help="Only read; ask the platform nothing.")
    ] = False,
    cross_province: CrossOption = False,
    device: Annotated[
        str, typer.Option(help="pcsc: a part of the reader's name, where there are several.")
    ] = "",
    wait: WaitOption = 30.0,
    dll: Annotated[str, typer.Option(help="decard: the vendor's library.")] = "dcrf32.dll",
    python32: Annotated[str, typer.Option(help="decard: the command of a 32-bit Python.")] = "py -3-32",
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Read a card, and verify it at the platform (4.19; another province's: 4.29)."""
    from connector.pipeline import cards
    from connector.pipeline.parts import open_project, real_clock

    parts = None if no_lookup else open_project(project)
    with Stopping() as stopping:
        counter = cards.Counter(_ask, _tell, stopping)
        if reader is Reader.PCSC:
            card = cards.read_from_reader(real_clock(), counter, device=device, wait_s=wait)
        elif reader is Reader.DECARD:
            card = cards.read_from_decard(dll, python32)
        else:
            card = cards.type_in(counter)
        report = (
            cards.CardReport(card)
            if parts is None
            else cards.look_up_card(parts, counter, card, cross_province=cross_province)
        )
    return _show(report, show_personal=show_personal, json=json)


@app.command("scan")
def scan(
    project: ProjectOption = HERE,
    port: Annotated[str, typer.Option(help="The scanner's serial port: COM3, /dev/ttyACM0.")] = "",
    keyboard: Annotated[bool, typer.Option("--keyboard", help="The scanner types like a keyboard.")] = False,
    baud: Annotated[int, typer.Option(min=300, help="The port's speed.")] = 9600,
    wait: WaitOption = 60.0,
    cross_province: CrossOption = False,
    operator: Annotated[str, typer.Option(help="The number of who scans (操作员工编号).")] = "",
    operator_name: Annotated[str, typer.Option(help="The name of who scans (操作员工姓名).")] = "",
    show_personal: PersonalOption = False,
    json: JsonOption = False,
) -> int:
    """Scan the QR code of an electronic card, and ask the platform whose it is (4.20; across provinces: 4.28)."""
    from connector.pipeline import cards
    from connector.pipeline.parts import open_project

    if bool(port) == keyboard:
        raise typer.BadParameter("say where the scanner is: either --port COM3, or --keyboard.")
    parts = open_project(project)
    with Stopping() as stopping:
        counter = cards.Counter(_ask_unseen, _tell, stopping)
        code = (
            cards.scan_by_keyboard(counter)
            if keyboard
            else cards.scan_at_port(parts.clock, counter, port, baud=baud, wait_s=wait)
        )
        report = cards.look_up_code(
            parts, counter, code, cross_province=cross_province, operator=(operator, operator_name)
        )
    return _show(report, show_personal=show_personal, json=json)


def _ask(question: str) -> str:
    """What is typed, or what another program hands over, a line each."""
    if sys.stdin.isatty():
        err.print(question, end="")
    return sys.stdin.readline()


def _ask_unseen(question: str) -> str:
    """The same, without showing it on the screen."""
    return getpass(question) if sys.stdin.isatty() else sys.stdin.readline()


def _tell(text: str) -> None:
    say(text, to=err)


def _show(report: CardReport, *, show_personal: bool, json: bool) -> int:
    shown = report if show_personal else report.hidden()
    if json:
        show_json({"card": shown.card, "answer": shown.answer, "warnings": shown.warnings})
    else:
        _show_lines(shown)
    return report.exit_code


def _show_lines(report: CardReport) -> None:
    """A fact a line; what is not known is left out."""
    card, answer = report.card, report.answer
    if card is not None:
        _show_facts(
            ("Card number 卡号", card.number),
            ("Identification code 卡识别码", card.code),
            ("Identity number 社会保障号码", card.identity),
            ("Name 姓名", card.name),
            ("Version 规范版本", card.version),
            ("Valid until 有效期", card.expires),
        )
    if answer is not None:
        verdict = "good" if answer.is_good else f"REFUSED: {answer.reason or 'no reason given'}"
        say(f"The platform ({answer.section}): {verdict}")
        _show_facts(
            ("Identity number 社会保障号码", answer.identity),
            ("Name 姓名", answer.name),
            ("Card number 卡号", answer.number),
            ("Identification code 卡识别码", answer.code),
            ("State 卡状态", answer.state),
            ("Valid until 有效期", answer.expires),
        )
    for warning in report.warnings:
        say(f"Look: {warning}")


def _show_facts(*facts: tuple[str, str]) -> None:
    for label, value in facts:
        if value:
            say(f"{label}: {value}")
