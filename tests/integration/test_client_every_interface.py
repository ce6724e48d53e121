"""Every interface's sample request, through the client: the platform understands each and its answer is judged."""

import json
from pathlib import Path

import pytest

from connector.contract.library import contract
from connector.contract.spec import Effect
from connector.load.document import open_document
from connector.load.meaning import explain
from connector.load.wording import put_in_words
from connector.records import Verdict
from tests.integration.client_kit import log_in, make_client, start_platform

BOOK = contract()
SAMPLES = Path(__file__).parents[1] / "contract" / "samples"
SEALED = [one for one in BOOK.operations.values() if one.effect is not Effect.SESSION]
NOT_UNDERSTOOD = {"", "11001", "11002", "11003", "11004", "11005"}


@pytest.fixture(scope="module")
def line():
    """A client with a session at a platform that knows its default facts."""
    simulator = start_platform(check_rules=True, facts="default")
    client = make_client(simulator.url)
    yield client, log_in(client)
    client.close()
    simulator.stop()
    assert simulator.internal_errors == []


@pytest.mark.parametrize("operation", SEALED, ids=lambda one: one.method)
def test_the_sample_of_every_interface_is_understood(line, operation, tmp_path):
    client, sessionid = line
    sample = json.loads((SAMPLES / f"{operation.method}.json").read_text(encoding="utf-8"))["request"]
    del sample["sessionid"]
    if operation.encoding == "multipart":
        file = tmp_path / "a.pdf"
        file.write_bytes(b"%PDF-1.4\n%%EOF\n")
        del sample["file"]
        outcome = client.upload(operation, sample, open_document(file, max_mb=1), sessionid)
    else:
        outcome = client.call(operation, json.dumps(sample, ensure_ascii=False).encode(), sessionid)
    assert outcome.code not in NOT_UNDERSTOOD
    meaning = explain(BOOK, operation, outcome)
    assert meaning.said.startswith(outcome.code)
    assert (outcome.verdict is Verdict.ACCEPTED) == (outcome.code == "0")
    for told in put_in_words(BOOK, operation, outcome.body):
        assert told.is_known, told.path
