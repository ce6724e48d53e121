"""A ledger that cannot be trusted or written: one clear sentence, and not a row is sent that it does not know."""

import os
from collections.abc import Callable

import pytest

from connector.ledger.seal import create_key
from tests.crash.processes import Running, Site, fill, finish
from tests.ward import Ward

FAILED, WRONG, HELD = 1, 2, 4


def _shorten(part: float) -> Callable[[Ward], None]:
    def damage(ward: Ward) -> None:
        file = ward.directory / "ledger.db"
        os.truncate(file, int(file.stat().st_size * part))

    return damage


def _overwrite(ward: Ward) -> None:
    (ward.directory / "ledger.db").write_bytes(b"\0" * 8192)


def _lose(name: str) -> Callable[[Ward], None]:
    return lambda ward: (ward.directory / name).unlink()


def _write_key(text: str) -> Callable[[Ward], object]:
    return lambda ward: (ward.directory / "ledger.key").write_text(text, encoding="ascii")


def _make_a_folder_of_it(ward: Ward) -> None:
    (ward.directory / "ledger.db").unlink()
    (ward.directory / "ledger.db").mkdir()


def _lose_the_witnesses_disk(ward: Ward) -> None:
    file = ward.directory / "connector.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace('"file:ledger.key"', '"file:ledger.key", witness: disk/witness'), encoding="utf-8"
    )


DAMAGES = {
    "cut to nothing": (_shorten(0), FAILED, "is an empty file"),
    "cut in the middle": (_shorten(0.5), FAILED, "is shorter than it says"),
    "cut by a byte": (_shorten(0.99999), FAILED, "is shorter than it says"),
    "overwritten": (_overwrite, FAILED, "is not a ledger, or is damaged"),
    "a folder": (_make_a_folder_of_it, FAILED, "cannot be opened (Is a directory)"),
    "witness's disk away": (_lose_the_witnesses_disk, FAILED, "Bring its disk back"),
    "lost": (_lose("ledger.db"), FAILED, "There is no ledger at"),
    "key lost": (_lose("ledger.key"), WRONG, "ledger.key"),
    "key empty": (_write_key(""), WRONG, "ledger.key"),
    "key cut": (_write_key(create_key()[:20]), FAILED, "key"),
    "key of another": (_write_key(create_key()), FAILED, "The key does not open the ledger"),
}


def _is_one_sentence(process: Running) -> bool:
    """Whether all it said is one line, or a few, for people."""
    said = process.said.strip()
    return bool(said) and "Traceback" not in said and "connector-fault" not in said and said.count("\n") < 3


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_ledger_that_cannot_be_trusted_sends_nothing(begin, damage):
    site = begin()
    fill(site.ward)
    hurt, code, words = DAMAGES[damage]
    hurt(site.ward)
    process = site.start()
    assert process.wait() == code, process.said
    assert words in process.said
    assert _is_one_sentence(process), process.said
    assert site.ward.simulator.calls == []


@pytest.mark.parametrize(("file", "rights"), [("ledger.db", 0o444), (".", 0o555), ("ledger.db.lock", 0o444)])
def test_a_ledger_that_is_read_only_sends_nothing(begin, file, rights):
    site = begin()
    fill(site.ward)
    place = site.ward.directory / file
    if not place.exists():
        place.touch()
    outputs = [site.ward.directory / f"run-0.{end}" for end in ("out", "err")]
    former = place.stat().st_mode
    for output in outputs:
        output.touch()
    place.chmod(rights)
    process = site.start(is_powerless=True)
    code = process.wait()
    place.chmod(former)
    assert code == FAILED, process.said
    assert _is_one_sentence(process), process.said
    assert "write" in process.said
    assert site.ward.simulator.calls == []
    finish(site)


@pytest.mark.parametrize("room_kb", [8, 96, 160, 224, 288])
def test_a_full_disk_loses_nothing_and_sends_nothing_twice(begin, room_kb):
    """No file may grow beyond a size: the ledger fails earlier or later, also between an upload and its answer."""
    site = begin(settle_s=0)
    fill(site.ward, visits=3, fees=8)
    process = site.start(file_bytes=1024 * room_kb)
    assert process.wait() == FAILED, process.said
    assert "cannot be" in process.said
    assert "Traceback" not in process.said
    assert _known(site) >= site.ward.simulator.rows_received
    if room_kb in (8, 288):  # long before the first claim, or after many
        assert bool(site.ward.simulator.calls) == (room_kb == 288)
    finish(site)


def _known(site: Site) -> int:
    """Rows of charges that the ledger knows to be sent, or to be in doubt."""
    with site.ward.parts().open_ledger(read_only=True) as ledger:
        return sum(one.accepted_rows + one.doubt_rows for one in ledger.visit_totals("stays"))


def test_a_log_that_was_deleted_is_noticed_and_nothing_goes_twice(begin):
    """What was committed since the last checkpoint is gone with it; the witness knows of it."""
    site = begin()
    fill(site.ward)
    assert site.run_killed_at_call(6, "served") < 0
    received = site.ward.simulator.rows_received
    (site.ward.directory / "ledger.db-wal").unlink()
    (site.ward.directory / "ledger.db-shm").unlink(missing_ok=True)
    process = site.start()
    assert process.wait() in (FAILED, HELD), process.said
    assert _is_one_sentence(process) or "old copy" in process.said or "is lost" in process.said, process.said
    assert site.ward.simulator.rows_received == received


def test_a_witness_that_is_read_only_sends_nothing(begin):
    site = begin()
    fill(site.ward)
    finish(site)
    site.ward.fee(1, "99.00")
    witness = site.ward.directory / "ledger.witness"
    witness.chmod(0o444)
    received = site.ward.simulator.rows_received
    process = site.start(is_powerless=True)
    assert process.wait() == FAILED, process.said
    assert "witness" in process.said
    assert "cannot be written (Permission denied)" in process.said
    assert "Traceback" not in process.said
    assert site.ward.simulator.rows_received == received
    witness.chmod(0o600)
    finish(site)
