"""Where the shipped project files are: mappings/, pipelines/, codes/, catalogues/ for the sample hospital."""

import shutil
import sysconfig
from pathlib import Path

import connector
from connector.errors import ConfigurationError

FOLDERS = ("mappings", "pipelines", "codes", "catalogues")


def copy_shipped(directory: Path) -> None:
    """Copy the shipped folders into a project directory; what is there already is replaced."""
    home = _home()
    for folder in FOLDERS:
        shutil.copytree(home / folder, directory / folder, dirs_exist_ok=True)


def _home() -> Path:
    """The checkout that is run from, else what an installation put beside the interpreter's data."""
    checkout = Path(connector.__file__).resolve().parent.parent
    installed = Path(sysconfig.get_path("data")) / "share" / "injury-connector"
    for home in (checkout, installed):
        if all((home / folder).is_dir() for folder in FOLDERS):
            return home
    raise ConfigurationError(
        f"The shipped {', '.join(FOLDERS)} are neither in {checkout} nor in {installed}; install again."
    )
