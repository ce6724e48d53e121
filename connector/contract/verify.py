"""Hold the contract's data against the text of the platform's document, which is not part of the project.

`python -m connector.contract.verify DOCUMENT` lists every disagreement. Those that a decision of ours explains
(`data/explained.yaml` names the trap) are counted apart. It ends with 0 when nothing is left unexplained, with 1
otherwise, and with 2 when the file cannot be read or is not that document.
"""

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from connector.contract.library import Contract, contract, load_text
from connector.contract.verify_compare import Disagreement, compare
from connector.contract.verify_document import read_document
from connector.errors import ConfigurationError


class _Decision(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    trap: str
    reason: str


class Explanation(_Decision):
    """A decision of ours in the data: `aspect` of the `places` differs from the document, and why."""

    aspect: str
    places: tuple[str, ...]


class Remark(_Decision):
    """A line of the document that stands among the fields' remarks and belongs to none of them."""

    section: str
    line: str


class Explanations(BaseModel):
    """What `data/explained.yaml` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    remarks: tuple[Remark, ...] = ()
    explained: tuple[Explanation, ...] = ()

    @property
    def by_place(self) -> dict[tuple[str, str], Explanation]:
        """(place, aspect) → its explanation."""
        return {(place, one.aspect): one for one in self.explained for place in one.places}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `stale` are explanations of nothing: data and document agree there."""

    unexplained: tuple[Disagreement, ...]
    explained: tuple[tuple[Disagreement, Explanation], ...]
    stale: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing is left to explain."""
        return not self.unexplained and not self.stale


def load_explanations() -> Explanations:
    """The explanations that the package carries."""
    place = files("connector.contract") / "data" / "explained.yaml"
    return Explanations.model_validate(load_text(place))


def verify(own: Contract, text: str, explanations: Explanations) -> Verdict:
    """Hold a contract against a document's text; ConfigurationError when the text is not that document."""
    lines = {(remark.section, remark.line) for remark in explanations.remarks}
    return weigh(compare(own, read_document(text, remarks=lines)), explanations)


def weigh(disagreements: Iterable[Disagreement], explanations: Explanations) -> Verdict:
    """Sort disagreements into explained ones and others, and find explanations that explain nothing."""
    known = explanations.by_place
    found = list(disagreements)
    explained = [(one, known[one.place, one.aspect]) for one in found if (one.place, one.aspect) in known]
    used = {(one.place, one.aspect) for one, _ in explained}
    return Verdict(
        unexplained=tuple(one for one in found if (one.place, one.aspect) not in known),
        explained=tuple(explained),
        stale=tuple(f"{place} {aspect}" for place, aspect in known if (place, aspect) not in used),
    )


def tell(verdict: Verdict) -> Iterator[str]:
    """The verdict in lines: what is unexplained, then what is explained and by which trap."""
    for disagreement in verdict.unexplained:
        yield str(disagreement)
    for place in verdict.stale:
        yield f"{place}: data/explained.yaml explains it, but data and document agree there"
    for disagreement, explanation in verdict.explained:
        yield f"explained by {explanation.trap}: {disagreement} ({explanation.reason})"
    yield (
        f"{len(verdict.unexplained) + len(verdict.stale)} unexplained, "
        f"{len(verdict.explained)} explained by a trap"
    )


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m connector.contract.verify DOCUMENT (its text, UTF-8)\n")
        return 2
    place = Path(arguments[0])
    try:
        verdict = verify(contract(), place.read_text(encoding="utf-8"), load_explanations())
    except OSError as error:
        sys.stderr.write(f"{place} cannot be read: {error.strerror}.\n")
        return 2
    except UnicodeDecodeError:
        sys.stderr.write(f"{place} is not text in UTF-8, so it is not the text of the platform's document.\n")
        return 2
    except ValueError:
        sys.stderr.write(f"{arguments[0]!r} cannot be a file's name.\n")
        return 2
    except ConfigurationError as error:
        sys.stderr.write(f"{place}: {error}\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in tell(verdict))
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may have no Chinese
    raise SystemExit(main(sys.argv[1:]))
