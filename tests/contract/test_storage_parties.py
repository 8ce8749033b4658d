"""What claims leave for their patient and for other parties, over PostgreSQL and over the twin."""

from typing import Any

import storage_support as support
from ultrathink.storage.v1 import storage_pb2

KEY, SHARED, PARTY = b"k" * 12, b"s" * 12, b"p" * 12
MARK, DAY, ONE = b"m" * 12, 20_666, 10_000
PATIENT = "a2b4c6d8e0f2"
OWN = ((KEY, DAY, ONE, MARK, b""),)
OTHERS = ((SHARED, DAY, ONE, b"", PARTY),)


async def ask(
    storage: support.Stubs, key: bytes = KEY, party: bytes | None = b"", **fields: Any
) -> storage_pb2.LookupResult:
    """Return what a claim of provider P1 and the patient is told about one key."""
    values: dict[str, Any] = {
        "context": support.context(),
        "provider_id": "P1",
        "use": "claim",
        "claim_id": "NEW",
    }
    item = storage_pb2.LookupItem(**(values | {"patient_key": PATIENT} | fields))
    item.past.add(key=key, from_day=DAY - 9, to_day=DAY, most=9, party=party)
    [result] = (await storage.store.LookupBatch(storage_pb2.LookupRequest(items=[item]))).results
    return result


def told(result: storage_pb2.LookupResult) -> list[str]:
    """Return the claims that an answer tells."""
    return [line.claim_id for line in result.past[0].lines]


async def test_a_patients_key_is_found_by_that_patient_alone(storage: support.Stubs):
    """Neither another patient nor a question without a party sees it."""
    await support.recorded(storage, "C-1", history=OWN)
    found = await ask(storage)
    [line] = found.past[0].lines
    assert (line.claim_id, line.day, line.quantity_e4, line.mark) == ("C-1", DAY, ONE, MARK)
    assert (line.provider_id, line.payer_id, line.line) == ("P1", "7001571327", 1)
    assert found.past[0].quantity_e4 == ONE
    assert told(await ask(storage, patient_key="another")) == []
    assert told(await ask(storage, party=None)) == []
    assert told(await ask(storage, patient_key="")) == []


async def test_another_partys_key_is_found_whoever_the_patient_is(storage: support.Stubs):
    """An authorisation is used up by whoever uses it, and told of under its own party only."""
    await support.recorded(storage, "C-1", history=OTHERS)
    await support.recorded(storage, "C-2", history=OTHERS, patient_key="another")
    await support.recorded(storage, "C-3", history=OTHERS, patient_key="")
    found = await ask(storage, SHARED, PARTY)
    assert told(found) == ["C-3", "C-2", "C-1"]
    assert found.past[0].quantity_e4 == 3 * ONE
    assert told(await ask(storage, SHARED, PARTY, patient_key="")) == told(found)
    assert told(await ask(storage, SHARED, b"q" * 12)) == []
    assert told(await ask(storage, SHARED)) == []


async def test_rows_of_a_caller_that_knows_no_parties_are_found_either_way(storage: support.Stubs):
    """By the key alone, by the patient, and under another party."""
    await support.recorded(storage, "OLD", history=((KEY, DAY, ONE, MARK),))
    assert told(await ask(storage)) == ["OLD"]
    assert told(await ask(storage, party=None)) == ["OLD"]
    assert told(await ask(storage, party=PARTY)) == ["OLD"]
    await support.recorded(storage, "NEW-1", history=((KEY, DAY, ONE, MARK, PARTY),))
    both = await ask(storage, party=PARTY)
    assert told(both) == ["NEW-1", "OLD"]
    assert both.past[0].quantity_e4 == 2 * ONE


async def test_what_becomes_of_a_claim_shows_in_its_traces(storage: support.Stubs):
    """A denied claim is told and not summed, a cancelled one is gone, for the patient and for others."""
    [first] = await support.recorded(storage, "C-1", history=(*OWN, *OTHERS))
    [second] = await support.recorded(storage, "C-2", history=(*OWN, *OTHERS))
    await storage.store.RecordChange(
        support.changed(first, verdict="", review_status="", business_status="rejected")
    )
    for key, party in ((KEY, b""), (SHARED, PARTY)):
        answer = (await ask(storage, key, party)).past[0]
        assert [line.claim_id for line in answer.lines] == ["C-2", "C-1"]
        assert answer.quantity_e4 == ONE
    counted = (await ask(storage)).patient
    assert (counted.claims, counted.denied) == (2, 1)
    await storage.store.RecordChange(
        support.changed(second, verdict="", review_status="", business_status="cancelled")
    )
    for key, party in ((KEY, b""), (SHARED, PARTY)):
        answer = (await ask(storage, key, party)).past[0]
        assert ([line.claim_id for line in answer.lines], answer.quantity_e4) == (["C-1"], 0)


async def test_a_patients_claims_are_counted_with_or_without_rows(storage: support.Stubs):
    """Claims for money count and add up; other uses do not, whatever they left."""
    await support.recorded(storage, "C-1", "C-2", submitted_minor=300)
    await support.recorded(storage, "C-3", history=OWN, submitted_minor=support.NO_INT)
    await support.recorded(storage, "ASKED", history=OWN, use="preauthorization", submitted_minor=300)
    found = await ask(storage)
    assert (found.patient.claims, found.patient.net_minor) == (3, 600)
    assert told(found) == ["ASKED", "C-3"]


async def test_days_outside_the_range_are_not_told(storage: support.Stubs):
    """Of a claim with several days the rows inside are told alone."""
    history = tuple((KEY, DAY - back, ONE, MARK, b"") for back in (0, 9, 10, 400))
    await support.recorded(storage, "C-1", history=history)
    found = await ask(storage)
    assert [line.day for line in found.past[0].lines] == [DAY, DAY - 9]
    assert found.past[0].quantity_e4 == 2 * ONE


async def test_one_tenants_parties_are_unknown_to_another(two_tenants: support.Stubs):
    """The same patient's key and the same party under two tenants never meet."""
    batch = support.Batch().add("MINE", history=(*OWN, *OTHERS))
    batch.add("THEIRS", tenant="other", history=(*OWN, *OTHERS))
    await support.record(two_tenants, batch)
    for tenant, name in (("demo", "MINE"), ("other", "THEIRS")):
        context = support.context(tenant=tenant)
        assert told(await ask(two_tenants, context=context)) == [name]
        assert told(await ask(two_tenants, SHARED, PARTY, context=context)) == [name]


async def test_a_party_of_a_wrong_length_is_refused(storage: support.Stubs):
    """In a row it refuses its claim, in a question the question."""
    batch = support.Batch().add("C-1", history=((KEY, DAY, ONE, MARK, b"short"),)).add("C-2")
    bad, good = await support.record(storage, batch)
    assert (bad.error.reason, bool(good.recorded.id)) == ("column.unstorable", True)
    assert (await ask(storage, party=b"short")).error.reason == "lookup.past"
