"""A ward, its platform, and real processes between them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.simulator.server import serve
from tests.crash.processes import Launcher, Site
from tests.ward import KEY, MachineTime, Ward

QUICK = {"settle_s": 1, "read_lag_s": 0, "batch_rows": 2}


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    one = Launcher()
    yield one
    one.close()


@pytest.fixture
def begin(tmp_path: Path, launcher: Launcher) -> Iterator[Callable[..., Site]]:
    """Make a site; keyword arguments are settings, `platform` those of the simulator."""
    sites: list[Site] = []

    def make(*, platform: dict | None = None, **settings: object) -> Site:
        directory = tmp_path / f"ward-{len(sites)}"
        directory.mkdir()
        simulator = serve(
            key_text=KEY,
            username="demo",
            password="secret",
            one_open_stay=False,
            # A login whose answer died with its process would lock the account for two hours.
            tells_live_session=True,
            **(platform or {}),
        )
        ward = Ward(directory, simulator, MachineTime(), **{**QUICK, **settings})
        sites.append(Site(launcher, ward))
        return sites[-1]

    yield make
    for site in sites:
        site.close()
        ward = site.ward
        ward.his.close()
        ward.simulator.stop()
