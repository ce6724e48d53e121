"""A ward whose time is ours, and its platform."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.simulator.server import serve
from tests.ward import KEY, Time, Ward


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
            one_open_stay=False,
            **(platform or {}),
        )
        ward = Ward(tmp_path, simulator, time, **settings)
        wards.append(ward)
        return ward

    yield begin
    for ward in wards:
        ward.his.close()
        ward.simulator.stop()
        assert ward.simulator.internal_errors == []
