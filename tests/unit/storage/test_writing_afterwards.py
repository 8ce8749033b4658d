"""Changes and read entries over the twin: what is malformed is refused before anything is written."""

import hashlib

import msgspec
import pytest

from chassis import errors
from chassis import testing as chassis_testing
from storage import testing
from storage.domain import admission, chains, records, views
from storage.usecases import append, change, know_tenants

ID = "0190a5c4-7b1e-7c3a-9f00-000000000000"
GONE = views.Tenant(tenant="gone", display_name="Gone", active=False)
ASKED = records.Change(
    tenant="demo", subject="reviewer", id=ID, expected_revision=1, event="review.decided", decision_json=b"{}"
)


class Ledger(testing.TwinLedger):
    """A twin that keeps the entries of changes and answers with the next revision."""

    def __init__(self, state: testing.rows.State) -> None:
        super().__init__(state)
        self.entries: list[chains.Entry] = []

    async def change(self, change: records.Change, entry: chains.Entry) -> int:
        """Keep the entry."""
        self.entries.append(entry)
        return change.expected_revision + 1


class Bell:
    """A bell that counts."""

    def __init__(self) -> None:
        self.rung = 0

    def ring(self) -> None:
        """Count."""
        self.rung += 1

    async def wait(self, seconds: float) -> None:
        """Nobody waits here."""


async def changed(asked: records.Change) -> tuple[int, list[chains.Entry], int]:
    """Return the revision, the entries written and how often the bell rang."""
    world, clock, bell = testing.world(GONE), chassis_testing.ManualClock(), Bell()
    ledger = Ledger(world.state)
    tenants = know_tenants.Tenants(world.reader, clock)
    try:
        revision = await change.change(
            asked, ledger=ledger, tenants=tenants, bell=bell, clock=clock, chain="s0.change"
        )
    except errors.Fault:
        assert (ledger.entries, bell.rung) == ([], 0)
        raise
    return revision, ledger.entries, bell.rung


async def test_a_change_is_written_with_its_entry_and_told() -> None:
    """The entry names the new revision and binds the decision that came with it; watchers are woken once."""
    revision, entries, rung = await changed(ASKED)
    assert (revision, rung) == (2, 1)
    entry = entries[0]
    assert (entry.chain, entry.event, entry.subject, entry.revision) == (
        "s0.change",
        "review.decided",
        "reviewer",
        2,
    )
    assert entry.document_hash == hashlib.sha256(b"{}").digest()
    assert entry.at_ms == int(chassis_testing.START.timestamp() * 1000)


async def test_a_change_without_a_decision_binds_no_document() -> None:
    """A status alone is audited without the hash of something that is not there."""
    _, entries, _ = await changed(msgspec.structs.replace(ASKED, decision_json=b""))
    assert entries[0].document_hash == b""


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tenant": "nobody"}, "tenant.unknown"),
        ({"tenant": "gone"}, "tenant.inactive"),
        ({"id": "1"}, "id.invalid"),
        ({"event": ""}, "change.invalid"),
        ({"event": "decided"}, "change.invalid"),
        ({"event": "Review.decided"}, "change.invalid"),
        ({"event": "review.decided\n"}, "change.invalid"),
        ({"event": "a." + "b" * admission.SUBJECT_MAX}, "change.invalid"),
        ({"expected_revision": 0}, "change.invalid"),
        ({"expected_revision": admission.DAY_MAX}, "change.invalid"),
        ({"verdict": "v" * (admission.SUBJECT_MAX + 1)}, "change.invalid"),
        ({"review_status": "a\0b"}, "change.invalid"),
        ({"note": "n" * (change.NOTE_MAX + 1)}, "change.invalid"),
        ({"note": "a\0b"}, "change.invalid"),
        ({"decision_json": bytes(admission.DOCUMENT_MAX + 1)}, "change.invalid"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_and_leaves_no_trace(
    fields: dict[str, object], reason: str
) -> None:
    """Each flaw by its reason; no entry is written and no watcher woken for it."""
    with pytest.raises(errors.Fault) as refused:
        await changed(msgspec.structs.replace(ASKED, **fields))
    assert refused.value.reason == reason


async def test_a_persons_words_may_be_long() -> None:
    """A note of the largest size, in any script and over several lines, is taken."""
    note = "مراجعة\n" * (change.NOTE_MAX // 7)
    assert (await changed(msgspec.structs.replace(ASKED, note=note)))[0] == 2


async def appended(**fields: str) -> list[chains.Link]:
    """Return the links of the journal's chain after one entry with these fields."""
    world, clock = testing.world(GONE), chassis_testing.ManualClock()
    tenants = know_tenants.Tenants(world.reader, clock)
    journal = append.Journal(store=world.chains, tenants=tenants, clock=clock, chain="s0.read")
    values = {"tenant": "demo", "subject": "s", "event": "claim.read", "identifier": ID} | fields
    try:
        await journal.append(**values, deadline=60.0)
    finally:
        await journal.aclose()
    return await world.chains.links("demo", "s0.read", 0, 10)


async def test_a_read_becomes_the_first_link_of_the_journals_chain() -> None:
    """Who read what is durable when the append returns, and its id is written in one way only."""
    links = await appended(identifier=ID.upper())
    assert [(link.sequence, link.entry.event, link.entry.id) for link in links] == [(1, "claim.read", ID)]
    assert links[0].previous_hash == chains.GENESIS


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event": append.RESERVED}, "event.invalid"),
        ({"event": "read"}, "event.invalid"),
        ({"event": "claim..read"}, "event.invalid"),
        ({"subject": "s" * (admission.SUBJECT_MAX + 1)}, "event.invalid"),
        ({"subject": "a\0b"}, "event.invalid"),
        ({"identifier": "x"}, "id.invalid"),
        ({"tenant": "gone"}, "tenant.inactive"),
    ],
)
async def test_an_entry_nobody_may_write_is_refused(fields: dict[str, str], reason: str) -> None:
    """Nobody can journal a recording that never was, nor what could not be read back."""
    with pytest.raises(errors.Fault) as refused:
        await appended(**fields)
    assert refused.value.reason == reason
