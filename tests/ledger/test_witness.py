"""The witness recognises an old copy of the ledger, and nothing else."""

import shutil

import pytest

from connector.errors import LedgerError
from connector.ledger.decisions import Decision
from connector.ledger.witness import Mark, WitnessFile
from tests.ledger.blocks import CHARGES, KEY, VISITS, Row, accept, begin, claim, intent, stage

MARK = Mark("abc", 0, 7, "d1", 1)


@pytest.fixture
def file(tmp_path):
    return WitnessFile(tmp_path / "witness")


@pytest.fixture
def reopened(opened, file):
    """Opens the ledger once more with its witness, and has the two compared."""

    def reopen(url=None, **more):
        ledger = opened(*([url] if url else []), witness=WitnessFile(file.path), **more)
        ledger.witness.heed()
        return ledger, ledger.witness.caution

    return reopen


def send(ledger, key, visit_id):
    stage(ledger, key)
    batch = claim(ledger, visit_id)
    accept(ledger, batch)
    return batch


def copy(ledger, tmp_path, name="copy.db"):
    ledger.copy_to(tmp_path / name)
    return f"sqlite:///{tmp_path / name}"


def test_what_is_written_is_read(file):
    assert file.read() is None
    file.write(MARK, create=True)
    for batch in range(8, 11):
        file.write(Mark("abc", 0, batch, "d", 2))
        assert WitnessFile(file.path).read().batch == batch
    assert file.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kept", [0, 100, 4000, 4096])
def test_a_write_that_is_cut_off_leaves_what_was_there_before(file, kept):
    """The first place holds the second write: as much of it as is kept, and the first write if that is not enough."""
    file.write(MARK, create=True)
    file.write(Mark("abc", 0, 8, "d", 2))
    content = file.path.read_bytes()
    file.path.write_bytes(content[:kept].ljust(4096, b"\0") + content[4096:])
    assert WitnessFile(file.path).read().batch == (8 if kept == 4096 else 7)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"0" * 8192])
def test_a_damaged_witness_is_not_read(file, content):
    file.path.write_bytes(content)
    with pytest.raises(LedgerError, match="is damaged, or is no witness"):
        file.read()


def test_a_witness_whose_disk_is_away_is_not_a_missing_one(tmp_path):
    away = WitnessFile(tmp_path / "disk" / "witness")
    with pytest.raises(LedgerError, match="Bring its disk back"):
        away.read()
    with pytest.raises(LedgerError, match="cannot be written"):
        away.write(MARK, create=True)


def test_a_rehearsal_only_reads(file):
    file.write(MARK, create=True)
    before = file.path.read_bytes()
    WitnessFile(file.path, is_kept=False).write(Mark("abc", 0, 8, "d", 2))
    assert file.path.read_bytes() == before


def test_a_ledger_and_its_witness_agree(reopened):
    ledger, said = reopened(create=True)
    visit = begin(ledger, "A")["A"]
    send(ledger, "k1", visit)
    with ledger.together():
        send(ledger, "k2", visit)
    ledger.close()
    assert said == ""
    ledger, said = reopened()
    assert said == ""
    assert ledger.trust.suspects() == []
    send(ledger, "k3", visit)


def test_the_last_intent_is_witnessed_before_it_can_be_sent(reopened, file):
    ledger, _ = reopened(create=True)
    visit = begin(ledger, "A")["A"]
    stage(ledger, "k1")
    with ledger.together():
        batch = claim(ledger, visit)
        assert file.read().batch == 0
    assert file.read().batch == batch.id


def test_a_witness_one_commit_behind_is_renewed_two_are_too_many(reopened, file, clock):
    """One commit behind is what a process leaves that dies between the two writes."""
    ledger, _ = reopened(create=True)
    visit = begin(ledger, "A")["A"]
    send(ledger, "k1", visit)
    before = file.path.read_bytes()
    clock.forward(seconds=1)
    last = send(ledger, "k2", visit)
    ledger.close()
    file.path.write_bytes(before)
    ledger, said = reopened()
    assert (said, file.read().batch) == ("", last.id)
    clock.forward(seconds=1)
    send(ledger, "k3", visit)
    ledger.close()
    file.path.write_bytes(before)
    _, said = reopened()
    assert "brought back from an old copy" in said


def test_w28_an_old_copy_that_counts_as_far_is_recognised(reopened, tmp_path):
    """Restored, gone on to the same batch number, restored again: the number is known, what it was is not."""
    ledger, _ = reopened(create=True)
    visit = begin(ledger, "A")["A"]
    early = copy(ledger, tmp_path, "early.db")
    send(ledger, "k1", visit)
    late = copy(ledger, tmp_path, "late.db")
    for url, held in ((early, True), (late, True)):
        ledger, said = reopened(url)
        assert bool(said) is held
        assert [one.name for one in ledger.trust.suspects()] == ["NA"]
        ledger.trust.clear([visit])
        send(ledger, "k9", visit) if url == early else None
        ledger.close()


def test_an_old_copy_is_recognised_as_often_as_it_is_brought_back(reopened, tmp_path):
    ledger, _ = reopened(create=True)
    visit = begin(ledger, "A")["A"]
    url = copy(ledger, tmp_path)
    send(ledger, "k1", visit)
    ledger.close()
    again = f"sqlite:///{shutil.copy(tmp_path / 'copy.db', tmp_path / 'again.db')}"
    for old in (url, again):
        ledger, said = reopened(old)
        assert "old copy" in said
        ledger.close()
        ledger, said = reopened(old)
        assert said == ""  # it is known by now, and its visits stay held
        assert len(ledger.trust.suspects()) == 1
        ledger.close()


def test_nothing_is_claimed_for_a_visit_that_is_held_for_it(reopened):
    ledger, _ = reopened(create=True)
    ids = begin(ledger, "A", "B")
    stage(ledger, "k1")
    ledger.hold_visit(ids["A"], "an older reason")
    ledger.witness.distrust()
    assert {one.reason[:8] for one in ledger.visit_totals(VISITS)} == {"restored"}
    assert {due.is_restored for due in ledger.due_visits(VISITS, [VISITS])} == {True}
    ledger.unhold_visit(ids["A"])
    with pytest.raises(LedgerError, match="because the ledger was restored"):
        claim(ledger, ids["A"])
    ledger.trust.accept({ids["A"]: Decision("restored", "accept", "Li", "looked at", ids["A"])}, 1)
    assert [one.name for one in ledger.trust.suspects()] == ["NB"]
    assert [one.decision.choice for one in ledger.decisions(ids["A"])] == ["accept"]
    claim(ledger, ids["A"])
    begin(ledger, "C")
    assert [one.name for one in ledger.trust.suspects()] == ["NB", "NC"]


def test_nothing_is_claimed_before_the_witness_was_asked(opened, file):
    ledger = opened(create=True, witness=file)
    visit = begin(ledger, "A")["A"]
    stage(ledger, "k1")
    with pytest.raises(ValueError, match="not asked"):
        claim(ledger, visit)


def test_a_missing_witness_stops_a_ledger_that_has_sent(reopened, opened, file):
    ledger, _ = reopened(create=True)
    visit = begin(ledger, "A")["A"]
    send(ledger, "k1", visit)
    ledger.close()
    file.path.unlink()
    with pytest.raises(LedgerError, match=r"its witness .* is missing"):
        reopened()
    assert not file.path.exists()
    ledger = opened(witness=file)
    ledger.witness.distrust()
    assert len(ledger.trust.suspects()) == 1
    ledger.close()
    assert reopened()[1] == ""


def test_a_new_ledger_beside_a_lost_ones_witness_trusts_nothing(reopened, file):
    file.write(MARK, create=True)
    ledger, said = reopened(create=True)
    assert "is lost" in said
    begin(ledger, "A")
    assert len(ledger.trust.suspects()) == 1


def test_the_witness_of_another_ledger_stops_one_that_has_sent(reopened, opened, file):
    ledger = opened(create=True)
    visit = begin(ledger, "A")["A"]
    send(ledger, "k1", visit)
    ledger.close()
    file.write(MARK, create=True)
    with pytest.raises(LedgerError, match="is the witness of another ledger"):
        reopened()


def test_a_witness_that_cannot_be_written_stops_what_was_claimed(reopened, file):
    ledger, _ = reopened(create=True)
    visit = begin(ledger, "A")["A"]
    stage(ledger, "k1")
    file.path.unlink()
    with pytest.raises(LedgerError, match=r"witness .* cannot be written"):
        claim(ledger, visit)


def test_a_witness_tells_nothing_of_a_batch(reopened, file):
    ledger, _ = reopened(create=True)
    batch = send(ledger, "k1", begin(ledger, "A")["A"])
    with ledger._database.reading() as link:
        digest = link.rows("SELECT digest FROM batch WHERE id = ?", batch.id)[0][0]
    assert bytes(digest).hex() not in file.path.read_text()
    assert KEY.hex() not in file.path.read_text()


def test_rows_that_a_person_adopts_are_witnessed_too(reopened, file, clock):
    """Several batches of one commit, by another door than `claim`."""
    ledger, _ = reopened(create=True)
    visit = begin(ledger, "A")["A"]
    ledger.witness.distrust()
    stage(ledger, "k1", "k2")
    intents = [intent(visit, [record]) for record in ledger.outbox.staged(visit, CHARGES)]
    ledger.judgements.adopt(intents, Decision("visit", "adopt", "Li", "seen on the page", visit))
    assert ledger.trust.suspects() == []
    assert file.read().batch == 2
    clock.forward(seconds=1)
    send(ledger, "k3", visit)
    ledger.close()
    assert reopened()[1] == ""


def test_claims_that_are_committed_together_are_one_commit_whatever_the_clock_says(reopened, file, clock):
    ledger, _ = reopened(create=True)
    ids = begin(ledger, "A", "B")
    stage(ledger, "k1", Row("k2", visit="B"))
    before = file.path.read_bytes()
    with ledger.together():
        claim(ledger, ids["A"])
        clock.forward(seconds=1)
        last = claim(ledger, ids["B"])
    ledger.close()
    file.path.write_bytes(before)
    _, said = reopened()
    assert (said, file.read().batch) == ("", last.id)
