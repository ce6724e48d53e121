"""Start the stand-in platform with a project's own account and key, or with the demo's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.errors import ConfigurationError
from connector.pipeline.parts import open_project
from connector.simulator.server import Simulator, serve

DEMO_USER = "demo"
DEMO_PASSWORD = "demo-password"  # noqa: S105 - a stand-in has no secret to keep
DEMO_KEY = "0123456789abcdef0123456789abcdef"
"""The hospital key of the stand-in: 32 bytes, as AES-256 wants it (section 2.2)."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A running stand-in, and what to tell its user."""

    simulator: Simulator
    introduction: tuple[str, ...]


def start_simulation(
    project: Path,
    *,
    port: int,
    state_file: Path | None = None,
    faults: Sequence[str] = (),
    latency_s: float = 0.0,
    answer_style: str = "document",
    facts: Path | None = None,
    **choices: Any,
) -> Simulation:
    """Start a stand-in on 127.0.0.1; ConfigurationError for a port that is taken or an unknown fault.

    With a project directory its account and key are used, so that `connector run` can talk to it at once. Without
    a fact file it knows a made-up few and admits everybody.
    """
    username, password, key = _account(project)
    plans = [fault for fault in faults if Path(fault).is_file()]
    if plans and len(faults) > 1:
        raise ConfigurationError("Give either one plan file or any number of fault names, not both.")
    simulator = serve(
        port,
        key_text=key,
        username=username,
        password=password,
        faults=Path(plans[0]) if plans else list(faults),
        state_file=state_file,
        latency_s=latency_s,
        answer_style=answer_style,
        facts="default" if facts is None else facts,
        **choices,
    )
    own = (project / "connector.yaml").is_file()
    account = "the project's account and key" if own else _demo_account()
    return Simulation(
        simulator,
        (
            f"The simulated platform listens on {simulator.url}",
            f"It takes {account}.",
            "It keeps nothing after it ends."
            if state_file is None
            else f"It keeps its state in {state_file}.",
            "Ctrl-C ends it.",
        ),
    )


def _account(project: Path) -> tuple[str, str, str]:
    """User name, password and key: the project's where there is one."""
    if not (project / "connector.yaml").is_file():
        return DEMO_USER, DEMO_PASSWORD, DEMO_KEY
    parts = open_project(project)
    settings = parts.project.settings.platform
    return (
        settings.username,
        settings.password.read(parts.environ, project),
        settings.key.read(parts.environ, project),
    )


def _demo_account() -> str:
    """The stand-in's own account, in words."""
    return f"the user {DEMO_USER}, the password {DEMO_PASSWORD} and the key {DEMO_KEY}"
