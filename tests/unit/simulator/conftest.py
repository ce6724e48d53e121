"""A running simulator with a client that is logged in."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from connector.simulator.server import Simulator, serve
from tests.unit.simulator.client import KEY, Caller, Clock, code


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(clock: Clock) -> Iterator[Callable[..., Caller]]:
    """Start a simulator with these choices; the caller is logged in, visit V1 registered, unless told otherwise."""
    simulators: list[Simulator] = []
    with ExitStack() as stack:

        def begin(*, ready: bool = True, **choices: Any) -> Caller:
            simulator = stack.enter_context(
                serve(key_text=KEY, username="demo", password="secret", clock=clock, **choices)
            )
            simulators.append(simulator)
            caller = Caller(simulator)
            stack.callback(caller.http.close)
            if ready:
                assert code(caller.login()) == "0"
                assert code(caller.register()) == "0"
            return caller

        yield begin
    assert [one.internal_errors for one in simulators if one.internal_errors] == []
