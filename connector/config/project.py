"""A project directory: connector.yaml, mappings/, pipelines/, codes/, catalogues/, read and checked as one."""

from collections import abc
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from connector.config.calibration import FILE as CALIBRATION
from connector.config.calibration import NOT_CALIBRATED, Calibration, adjust
from connector.config.calibration_file import read_calibration
from connector.config.codes import Catalogue, CodeMap
from connector.config.codes_file import read_catalogue, read_code_csv, read_code_map
from connector.config.likeness import mend_here, take_over
from connector.config.lint import lint_catalogue, lint_mapping, lint_pipelines
from connector.config.mapping import Changes, Mapping, Source
from connector.config.mapping_file import read_mapping
from connector.config.near import propose
from connector.config.opening import open_page
from connector.config.page import Page
from connector.config.pipeline import Pipeline
from connector.config.pipeline_file import read_pipeline
from connector.config.places import Places
from connector.config.secrets import Secret
from connector.config.settings import Settings
from connector.config.settings_file import read_settings
from connector.config.target import Target
from connector.contract.library import Contract
from connector.errors import ConfigurationError, Fault

SETTINGS = "connector.yaml"
_MAPPINGS, _PIPELINES, _CODES, _CATALOGUES = "mappings", "pipelines", "codes", "catalogues"


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def file(self) -> Path: ...
    @property
    def places(self) -> Places: ...


_Value = TypeVar("_Value", bound=_Named)


@dataclass(frozen=True, slots=True)
class Project:
    """Everything the files of a project say, complete and checked against the contract.

    `settings` are adjusted to the calibration, where there is one that holds for their account; `overruled` says in
    words which of them it changed.
    """

    directory: Path
    settings: Settings
    mappings: abc.Mapping[str, Mapping]
    pipelines: abc.Mapping[str, Pipeline]
    code_maps: abc.Mapping[str, CodeMap]
    catalogues: abc.Mapping[str, Catalogue]
    calibration: Calibration | None = None
    overruled: tuple[str, ...] = ()
    environ: abc.Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), repr=False, compare=False
    )

    @property
    def calibrated(self) -> str:
        """Whether, and how, the platform was calibrated, in one line."""
        if self.calibration is None:
            return NOT_CALIBRATED
        return self.calibration.describe(self.settings.platform)

    def read(self, secret: Secret) -> str:
        """The value of a secret; ConfigurationError names the setting and never the value."""
        return secret.read(self.environ, self.directory)


def load_project(directory: Path, contract: Contract, *, environ: abc.Mapping[str, str]) -> Project:
    """Read and check every file of a project; secrets are not read yet.

    Raises ConfigurationError with every fault of every file, each with its place.
    """
    loader = _Loader(directory, contract)
    project = loader.load(environ)
    if loader.faults or project is None:
        raise ConfigurationError(_once(loader.faults))
    return project


def load_mapping(
    path: Path,
    contract: Contract,
    *,
    code_maps: abc.Mapping[str, CodeMap] | None = None,
    catalogues: abc.Mapping[str, Catalogue] | None = None,
) -> Mapping:
    """Read and check one mapping file by itself, which then can be like no other; ConfigurationError with all its faults."""
    page, sql_pages = open_page(path), list[Page]()
    mapping = read_mapping(page, path, sql_pages) if page.readable else None
    faults = [fault for one in (page, *sql_pages) for fault in one.faults()]
    if mapping is not None:
        found, more = take_over({mapping.name: mapping}, contract)
        mapping = found[mapping.name]
        faults += more
        mapping, _, more = lint_mapping(
            mapping, contract, code_maps=code_maps or {}, catalogues=catalogues or {}
        )
        faults += more
    if faults or mapping is None:
        raise ConfigurationError(_once(faults))
    return mapping


class _Loader:
    """Reads the files one after another and keeps every fault."""

    def __init__(self, directory: Path, contract: Contract) -> None:
        self.directory = directory
        self.contract = contract
        self.faults: list[Fault] = []

    def load(self, environ: abc.Mapping[str, str]) -> Project | None:
        """The project, made of whatever could be read."""
        if not self.directory.is_dir():
            self.faults.append(Fault(f"There is no project directory {self.directory}."))
            return None
        settings = self._settings()
        code_maps = self._unique(
            [
                *self._read(_CODES, ".yaml", read_code_map, _no_code_map),
                *self._read(_CODES, ".csv", read_code_csv, _no_code_map),
            ]
        )
        sql_pages: list[Page] = []
        catalogues = self._unique(
            self._read(
                _CATALOGUES, ".yaml", lambda page, path: read_catalogue(page, path, sql_pages), _no_catalogue
            )
        )
        read = self._unique(
            self._read(
                _MAPPINGS, ".yaml", lambda page, path: read_mapping(page, path, sql_pages), _no_mapping
            )
        )
        pipelines = self._unique(self._read(_PIPELINES, ".yaml", read_pipeline, lambda _: None))
        self.faults += [fault for page in sql_pages for fault in page.faults()]
        for catalogue in catalogues.values():
            self.faults += lint_catalogue(catalogue, code_maps)
        length_in = settings.checks.length_in if settings else "characters"
        mappings: dict[str, Mapping] = {}
        targets: dict[str, Target] = {}
        complete, unusable = take_over(read, self.contract)
        self.faults += unusable
        found: dict[str, list[Fault]] = {}
        for name, one in complete.items():
            bound, target, found[name] = lint_mapping(
                one, self.contract, code_maps=code_maps, catalogues=catalogues, length_in=length_in
            )
            mappings[name] = bound
            if target is not None:
                targets[name] = target
        for name, one in mappings.items():
            self.faults += mend_here(one, found[name], found.get(one.like.name, ()) if one.like else ())
        self.faults += lint_pipelines(pipelines.values(), mappings, targets)
        calibration = self._calibration()
        if settings is None:
            return None
        overruled: tuple[str, ...] = ()
        if calibration is not None and calibration.is_for(settings.platform):
            delivery, overruled = adjust(settings.delivery, calibration)
            settings = replace(settings, delivery=delivery)
        return Project(
            self.directory,
            settings,
            MappingProxyType(mappings),
            MappingProxyType(pipelines),
            MappingProxyType(code_maps),
            MappingProxyType(catalogues),
            calibration,
            overruled,
            environ,
        )

    def _settings(self) -> Settings | None:
        path = self.directory / SETTINGS
        if not path.exists():
            self.faults.append(
                Fault(
                    f"There is no {SETTINGS} in {self.directory}.",
                    hint="`connector init` makes a project; --project DIR names another directory.",
                )
            )
            return None
        page = open_page(path, keeps_secrets=True)
        settings = read_settings(page, path) if page.readable else None
        self.faults += page.faults()
        return replace(settings, places=page.places()) if settings else None

    def _calibration(self) -> Calibration | None:
        """What was found out about the platform, if anybody has tried."""
        path = self.directory / CALIBRATION
        if not path.exists():
            return None
        page = open_page(path)
        calibration = read_calibration(page, path) if page.readable else None
        self.faults += page.faults()
        return calibration

    def _read(
        self,
        folder: str,
        suffix: str,
        read: abc.Callable[[Page, Path], _Value | None],
        stand_in: abc.Callable[[Path], _Value | None],
    ) -> list[_Value]:
        """Every file of a kind, in the order of their names; a stand-in where one cannot be read at all."""
        found: list[_Value] = []
        for path in self._paths(folder, suffix):
            page = open_page(path)
            value = (read(page, path) if page.readable else None) or stand_in(path)
            self.faults += page.faults()
            if value is not None:
                found.append(value)
        return found

    def _paths(self, folder: str, suffix: str) -> list[Path]:
        """The files of a kind; one with a near suffix is not passed over in silence."""
        place = self.directory / folder
        if not place.is_dir():
            if folder == _MAPPINGS:
                known = [one.name for one in self.directory.iterdir() if one.is_dir()]
                near = propose(folder, known)
                self.faults.append(
                    Fault(
                        f"There is no directory {place}.",
                        hint=near if near.startswith("Did") else "Mappings belong there.",
                    )
                )
            return []
        names = sorted(one for one in place.iterdir() if one.is_file() and not one.name.startswith("."))
        for one in names:
            lower = one.suffix.lower()
            if suffix == ".yaml" and (lower == ".yml" or (lower == ".yaml" and one.suffix != ".yaml")):
                self.faults.append(Fault("The file's name must end in .yaml to be read.", str(one)))
        return [one for one in names if one.suffix == suffix]

    def _unique(self, values: abc.Iterable[_Value]) -> dict[str, _Value]:
        """Values by name; a name that is used twice is a fault that names both files."""
        found: dict[str, _Value] = {}
        for one in values:
            if one.name in found and one.name:
                key = {Mapping: "mapping", Pipeline: "pipeline", CodeMap: "codes", Catalogue: "catalogue"}[
                    type(one)
                ]
                self.faults.append(
                    one.places.fault(f"The name {one.name} is taken already, by {found[one.name].file}.", key)
                )
            else:
                found[one.name or str(one.file)] = one
        return found


def _once(faults: abc.Iterable[Fault]) -> list[Fault]:
    """Every fault once (a code map that two fields use is wrong only once), file by file, from top to bottom."""
    distinct = list(dict.fromkeys(faults))
    files = {file: number for number, file in enumerate(dict.fromkeys(one.file for one in distinct))}
    return sorted(distinct, key=lambda one: (files[one.file], one.line, one.column))


def _no_code_map(path: Path) -> CodeMap:
    """What stands for a code map that cannot be read, so that nobody calls it missing as well."""
    return CodeMap(path.stem, {}, None, path)


def _no_catalogue(path: Path) -> Catalogue:
    """What stands for a catalogue that cannot be read."""
    return Catalogue(path.stem, (), {}, file=path)


def _no_mapping(path: Path) -> Mapping:
    """What stands for a mapping that cannot be read."""
    return Mapping(path.stem, "", Source((), "", Changes("comparison")), {}, file=path)
