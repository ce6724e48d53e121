"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ProjectOption = Annotated[
    Path,
    typer.Option("--project", "-p", help="The project directory: connector.yaml, mappings/, pipelines/."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
PersonalOption = Annotated[
    bool, typer.Option("--show-personal", help="Show names, numbers and addresses of people too.")
]
HERE = Path()
