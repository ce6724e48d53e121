"""`connector calibrate`: try what delivery rests on at a test platform, on a visit of our own, and keep the results.

The visit is registered under a fresh number, and everything is taken back again, also after a failure or a stop.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

from connector.config.calibration import ASSUMPTIONS, FILE, Account, Calibration, Finding
from connector.config.calibration_file import write_calibration
from connector.contract.check import check, check_node
from connector.contract.library import Contract
from connector.contract.template import write_example
from connector.errors import ConfigurationError, Fault, PlatformError
from connector.pipeline import probes
from connector.pipeline.overview import FAILED, STOPPED
from connector.pipeline.parts import Parts
from connector.pipeline.probes import Probe, Probed
from connector.pipeline.request_file import read_request_file
from connector.pipeline.single_call import open_line
from connector.pipeline.trial import ADMISSION, NotTried, Trial, TrialData, numbered

_KEYS = ("register", "charges", "leave")
_TEMPLATES = 2
_NOT_TRIED = Finding("not tried", "It was not come to, or not asked for.")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is tried: `repeats` of A4; `sheet` (A10) approves fees, `leave` (A9) discharges the test visit."""

    repeats: int = 10
    sheet: bool = False
    leave: bool = False


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What was found. `left`: what could not be taken back; `problem`: why it ended early, or ""; `file`: "" for none."""

    number: str
    findings: Mapping[str, Finding]
    settle_s: int | None
    read_lag_s: int | None
    left: tuple[str, ...]
    problem: str
    file: str
    exit_code: int


def read_data(parts: Parts, path: Path, wishes: Wishes) -> TrialData:
    """The test patient's file, held to the contract; ConfigurationError with every rule it breaks."""
    given = read_request_file(path)
    found = [
        f"the key {name} is not known; known are {', '.join(_KEYS)}" for name in given if name not in _KEYS
    ]
    registration, charges, leave = given.get("register"), given.get("charges"), given.get("leave") or {}
    if not isinstance(registration, dict) or not isinstance(registration.get(ADMISSION), dict):
        found.append(f"register is missing: a request of 4.8, with its {ADMISSION}")
        registration = {}
    if (
        not isinstance(charges, list)
        or len(charges) < _TEMPLATES
        or not all(isinstance(one, dict) for one in charges)
    ):
        found.append("charges is missing: a list of at least two rows of 4.10")
        charges = []
    if not isinstance(leave, dict) or (wishes.leave and not leave):
        found.append("leave is missing: a request of 4.13, which --leave sends")
        leave = {}
    data = TrialData(registration, tuple(charges), leave)
    found += _broken(parts.contract, data)
    if found:
        faults = [Fault(f"{path}: nothing was sent, because"), *(Fault(f"  {one}") for one in found)]
        raise ConfigurationError(
            [*faults, Fault("`connector calibrate --template` prints a filled example.")]
        )
    return data


def _broken(contract: Contract, data: TrialData) -> list[str]:
    """What the file's requests break of the document's rules."""
    found: list[str] = []
    for name, method, payload in (
        ("register", "register", data.registration),
        ("leave", "leaveHos", data.leave),
    ):
        if payload:
            faults = check(contract.operation(method), numbered(payload, "CAL"))
            found += [f"{name}: {one}" for one in faults if one.path != "sessionid"]
    node = contract.node("sendMedInfo.meds.med")
    for number, row in enumerate(data.charges):
        found += [str(one) for one in check_node(node, row, path=f"charges[{number}]")]
    return found


def write_template() -> str:
    """A filled example of the test patient's file."""
    lines = [
        "# The test patient: whom to register (4.8), and two charges (4.10) whose amounts are replaced.",
        "# Everything here is made up; put in what the test platform knows. The visit's number is replaced too.",
        "# For --leave add `leave:`, a request of 4.13: `connector call leaveHos --template`; its invoices have to sum",
        "# up to the two charges.",
        "register:",
        *write_example("register", "  "),
        "charges:",
    ]
    for _ in range(_TEMPLATES):
        lines += ["  -", *write_example("sendMedInfo.meds.med", "    ")]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class _Results:
    """What the probes have come to so far."""

    findings: dict[str, Finding] = field(default_factory=lambda: dict.fromkeys(ASSUMPTIONS, _NOT_TRIED))
    settle_s: int | None = None
    read_lag_s: int | None = None
    is_ending: bool = False

    def add(self, name: str, probed: Probed) -> None:
        """Keep one probe's result."""
        self.findings[name] = probed.finding
        self.settle_s = self.settle_s if probed.settle_s is None else probed.settle_s
        self.read_lag_s = self.read_lag_s if probed.read_lag_s is None else probed.read_lag_s


def calibrate(
    parts: Parts,
    data: TrialData,
    wishes: Wishes,
    *,
    notify: Callable[[str], None],
    is_stopping: Callable[[], bool] = lambda: False,
) -> CalibrationReport:
    """Try every assumption that is wished for, remove the visit, and write the results beside connector.yaml.

    Nothing is written where it ended early. Raises LeaseHeld while a run is under way, SessionError, LedgerError.
    """
    number = f"CAL{secrets.token_hex(6).upper()}"
    results = _Results()
    problem, left = "", list[str]()
    with open_line(parts, notify=notify, is_stopping=lambda: is_stopping() and not results.is_ending) as line:
        trial = Trial(
            line,
            parts.contract,
            data,
            number,
            batch_rows=parts.project.settings.delivery.batch_rows,
            read_lag_s=float(parts.project.settings.delivery.read_lag_s),
            monotonic=parts.clock.monotonic,
            sleep=parts.clock.sleep,
        )
        try:
            notify(
                f"The test visit is {number}. Were this process killed, it would have to be taken back by hand: "
                "`connector call invalidData`, then `connector call regundo`."
            )
            trial.register()
            _try_all(trial, _chosen(wishes), results, notify)
        except (PlatformError, NotTried) as error:
            problem = "stopped on request" if is_stopping() else str(error)
        finally:
            results.is_ending = True
            left += trial.remove()
            for one in left:
                notify(one)
    file = "" if problem else str(_keep(parts, results))
    return CalibrationReport(
        number=number,
        findings=MappingProxyType(results.findings),
        settle_s=results.settle_s,
        read_lag_s=results.read_lag_s,
        left=tuple(left),
        problem=problem,
        file=file,
        exit_code=STOPPED if problem and is_stopping() else FAILED if problem or left else 0,
    )


def _chosen(wishes: Wishes) -> dict[str, Probe]:
    """The probes in the order in which they are made: what is true of readings first, what ends the visit last."""
    chosen: dict[str, Probe] = {
        "A7": probes.empty_visit,
        "A4": partial(probes.lag, repeats=wishes.repeats),
        "A8": probes.stored_as_sent,
        "A3": probes.latency,
        "A6": probes.rounding,
        "A5": probes.whole_or_not,
        "A2": probes.old_session,
        "A1": probes.dead_session,
    }
    if wishes.sheet:
        chosen["A10"] = probes.sheet
    if wishes.leave:
        chosen["A9"] = probes.after_leaving
    return chosen


def _try_all(
    trial: Trial, chosen: Mapping[str, Probe], results: _Results, notify: Callable[[str], None]
) -> None:
    """Make the probes one after the other; one that cannot be made keeps the next from nothing."""
    for name, probe in chosen.items():
        trial.line.keep()
        try:
            probed = probe(trial)
        except NotTried as why:
            probed = Probed(Finding("not tried", f"It could not be tried: {why}."))
        results.add(name, probed)
        notify(f"{name} {ASSUMPTIONS[name]}: {probed.finding.result}")


def _keep(parts: Parts, results: _Results) -> Path:
    """Write the results, whole or not at all. Accounts that a person has added stay, where this one was among them."""
    project = parts.project
    platform = project.settings.platform
    here = Account(platform.base_url, platform.username)
    earlier = project.calibration
    others: Iterable[Account] = earlier.holds_for if earlier is not None and earlier.is_for(platform) else ()
    calibration = Calibration(
        calibrated_at=parts.clock.now().isoformat(timespec="seconds"),
        holds_for=(here, *(one for one in others if one != here)),
        findings=results.findings,
        settle_s=results.settle_s,
        read_lag_s=results.read_lag_s,
    )
    file = project.directory / FILE
    draft = file.with_name(f"{FILE}.new")
    try:
        with draft.open("w", encoding="utf-8") as page:
            page.write(write_calibration(calibration))
            page.flush()
            os.fsync(page.fileno())
        draft.replace(file)
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written ({error.strerror or type(error).__name__})."
        ) from error
    return file
