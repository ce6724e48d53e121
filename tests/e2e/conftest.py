"""A ward whose time is ours, and its platform."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import connector.pipeline.parts
from connector.simulator.server import serve
from tests.e2e.call_kit import Hall
from tests.ward import ENVIRON, KEY, Time, Ward


@pytest.fixture
def start(tmp_path: Path) -> Iterator:
    """Make a ward; keyword arguments are settings, `platform` those of the simulator."""
    wards: list[Ward] = []

    def begin(*, platform: dict | None = None, **settings: object) -> Ward:
        time = Time()
        simulator = serve(
            key_text=KEY,
            username="demo",
            password="secret",
            clock=lambda: time.now,
            **{"one_open_stay": False, **(platform or {})},
        )
        ward = Ward(tmp_path, simulator, time, **settings)
        wards.append(ward)
        return ward

    yield begin
    for ward in wards:
        ward.his.close()
        ward.simulator.stop()
        assert ward.simulator.internal_errors == []


@pytest.fixture
def hall(start, monkeypatch, capsys) -> Callable[..., Hall]:
    """A ward whose commands run on its own clock; keyword arguments are the simulator's."""

    def begin(**platform: object) -> Hall:
        ward = start(platform={"facts": "default", "needs_records": False, **platform})
        for name, value in ENVIRON.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(connector.pipeline.parts, "real_clock", ward.time.clock)
        return Hall(ward, monkeypatch, capsys)

    return begin
