"""The door for people: reading, listing, deciding, explaining and watching claims."""

import asyncio
from typing import Any

import msgspec
import pytest

import claims_support as support
from chassis import errors
from claims.usecases import decide
from ultrathink.claims.v1 import claims_pb2


async def recorded(made: support.World, number: int = 1, chance: float = 0.75) -> str:
    """Return the id of a claim that waits for a person."""
    made.scorer.chance = lambda _: chance
    (result,) = await support.submit(made, support.batch([support.body(number)]))
    identifier: str = result.claim_id
    return identifier


async def get(made: support.World, identifier: str, **context: Any) -> dict[str, Any]:
    """Return a claim as a caller sees it."""
    async with support.desk(made) as stub:
        request = claims_pb2.GetClaimRequest(context=support.wire(**context), id=identifier)
        told: dict[str, Any] = msgspec.json.decode((await stub.GetClaim(request)).document)
    return told


async def judge(
    made: support.World, identifier: str, verdict: Any = "accept", **options: Any
) -> dict[str, Any]:
    """Return the decision after a review."""
    told: dict[str, Any] = {"revision": 1, "note": "looked at it"} | options
    context = support.wire(subject="rev-1", roles=told.pop("roles", ["reviewer"]))
    value = {"accept": claims_pb2.VERDICT_ACCEPT, "reject": claims_pb2.VERDICT_REJECT}.get(verdict, verdict)
    async with support.desk(made) as stub:
        request = claims_pb2.DecideRequest(context=context, id=identifier, verdict=value, **told)
        answer: dict[str, Any] = msgspec.json.decode((await stub.Decide(request)).document)
    return answer


async def test_a_claim_is_shown_as_it_was_recorded() -> None:
    """The document has claim, decision with id, status and time of receipt."""
    async with support.world() as made:
        identifier = await recorded(made)
        told = await get(made, identifier)
        assert set(told) == {"id", "claim", "decision", "status", "received_at"}
        assert told["claim"]["patient"]["name"] == "Secret Person"
        assert told["decision"]["id"] == told["id"] == identifier
        assert told["status"] == {"wire": "received", "business": "draft", "review": "open"}


async def test_every_read_is_an_audit_entry_before_it_is_shown() -> None:
    """Who read is in the audit; a read that cannot be audited shows nothing."""
    async with support.world() as made:
        identifier = await recorded(made)
        await get(made, identifier, subject="curious")
        assert [(line["event"], line["subject"]) for line in made.store.audit[1:]] == [
            ("claim.read", "curious")
        ]

        async def away(context: object, identifier: str, event: str) -> None:
            del context, identifier, event
            raise errors.Unavailable("stream.broken", "x")

        made.store.note_read = away  # type: ignore[method-assign]
        with pytest.raises(errors.Unavailable):
            await get(made, identifier)


@pytest.mark.parametrize("role", ["scientist", "operator"])
async def test_roles_without_need_see_no_patient(role: str) -> None:
    """Names, ids and what rules quote are hidden; the rest is there."""
    async with support.world() as made:
        made.rules.judge = lambda _: [support.finding("warning", actual="Secret")]
        identifier = await recorded(made)
        told = await get(made, identifier, roles=[role])
        assert "Secret" not in str(told)
        assert told["claim"]["lines"][0]["net"] == 150.0
        assert told["decision"]["findings"][0]["rule"] == "T-1"


async def test_claims_of_another_tenant_do_not_exist() -> None:
    """Another tenant's id is not found, like one that was never there."""
    async with support.world() as made:
        identifier = await recorded(made)
        for tenant, wanted in (("other", identifier), ("demo", "0" * 36)):
            with pytest.raises(errors.NotFound, match=r"claim\.not_found"):
                await get(made, wanted, tenant=tenant)


async def test_a_stranger_reads_nothing() -> None:
    """Without a role of the table there is nothing to see."""
    async with support.world() as made:
        identifier = await recorded(made)
        with pytest.raises(errors.Denied, match=r"role\.not_allowed"):
            await get(made, identifier, roles=[])


@pytest.mark.parametrize(("verdict", "wire"), [("accept", "received"), ("reject", "refused")])
async def test_a_reviewers_decision_is_a_new_revision(verdict: str, wire: str) -> None:
    """Verdict, status and review change; findings, risk and amounts stay as they were."""
    async with support.world() as made:
        identifier = await recorded(made)
        before = (await get(made, identifier))["decision"]
        after = await judge(made, identifier, verdict)
        assert after["verdict"] == verdict
        assert after["revision"] == 2
        assert after["status"] == {"wire": wire, "business": "draft", "review": "decided"}
        assert after["review"] == {"verdict": verdict, "subject": "rev-1", "at": after["decided_at"]}
        for same in ("findings", "risk", "amounts", "content_hash", "received_at", "id"):
            assert after[same] == before[same]
        assert (await get(made, identifier))["decision"] == after


async def test_a_note_stays_out_of_decision_and_audit() -> None:
    """A reviewer's words are kept beside the claim only."""
    async with support.world() as made:
        identifier = await recorded(made)
        after = await judge(made, identifier, note="Secret words")
        assert "Secret words" not in str(after)
        assert "Secret words" not in str(made.store.audit)


async def test_a_review_of_an_old_revision_is_a_conflict() -> None:
    """Two reviewers cannot both decide: the second saw another revision."""
    async with support.world() as made:
        identifier = await recorded(made)
        await judge(made, identifier)
        with pytest.raises(errors.Conflict, match=r"claim\.revision_changed"):
            await judge(made, identifier)
        with pytest.raises(errors.Conflict, match=r"lifecycle\.not_allowed"):
            await judge(made, identifier, revision=2)


async def test_only_claims_in_review_are_decided() -> None:
    """An accepted claim takes no reviewer's decision."""
    async with support.world() as made:
        identifier = await recorded(made, chance=0.1)
        with pytest.raises(errors.Conflict, match=r"lifecycle\.not_allowed"):
            await judge(made, identifier)


@pytest.mark.parametrize(
    ("options", "kind", "reason"),
    [
        ({"verdict": claims_pb2.VERDICT_REVIEW}, errors.Invalid, "decision.verdict"),
        ({"verdict": claims_pb2.VERDICT_UNSPECIFIED}, errors.Invalid, "decision.verdict"),
        ({"note": "x" * (decide.MAX_NOTE + 1)}, errors.Invalid, "decision.note_too_long"),
        ({"roles": ["biller"]}, errors.Denied, "role.not_allowed"),
        ({"roles": ["auditor"]}, errors.Denied, "role.not_allowed"),
    ],
)
async def test_decisions_that_cannot_be_are_refused(
    options: dict[str, Any], kind: type[errors.Fault], reason: str
) -> None:
    """No third verdict, no endless note, nobody but reviewers and managers; nothing changes."""
    async with support.world() as made:
        identifier = await recorded(made)
        with pytest.raises(kind) as caught:
            await judge(made, identifier, **options)
        assert caught.value.reason == reason
        assert (await get(made, identifier))["decision"]["revision"] == 1


async def page(made: support.World, **query: Any) -> dict[str, Any]:
    """Return a page of the list."""
    async with support.desk(made) as stub:
        request = claims_pb2.ListClaimsRequest(context=support.wire(), **query)
        told: dict[str, Any] = msgspec.json.decode((await stub.ListClaims(request)).document)
    return told


async def test_lists_are_read_page_by_page() -> None:
    """Every claim comes once, newest first, until there is no cursor."""
    async with support.world() as made:
        for number in range(5):
            await recorded(made, number)
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            told = await page(made, limit=2, cursor=cursor)
            seen += [row["claim_id"] for row in told["items"]]
            cursor = told["next_cursor"]
        assert seen == [f"CLM-{number:06d}" for number in (4, 3, 2, 1, 0)]


async def test_lists_are_filtered_by_column() -> None:
    """A filter on the verdict leaves the others out."""
    async with support.world() as made:
        await recorded(made, 1, 0.75)
        await recorded(made, 2, 0.1)
        told = await page(made, filters={"verdict": "review"})
        assert [row["claim_id"] for row in told["items"]] == ["CLM-000001"]


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ({"limit": 1_001}, "limit", "query.limit"),
        ({"cursor": "x" * 513}, "cursor", "query.cursor"),
        ({"sort": "patient"}, "sort", "query.sort"),
        ({"filters": {"patient": "x"}}, "filters", "query.filter_unknown"),
        ({"filters": {"verdict": "maybe"}}, "filters.verdict", "query.filter_value"),
        ({"filters": {"status": "open"}}, "filters.status", "query.filter_value"),
        ({"filters": {"from": "yesterday"}}, "filters.from", "query.filter_value"),
        ({"filters": {"payer": ""}}, "filters.payer", "query.filter_value"),
    ],
)
async def test_a_question_that_cannot_be_is_refused(query: dict[str, Any], path: str, code: str) -> None:
    """Each wrong parameter is named with its code, none is ignored."""
    async with support.world() as made:
        with pytest.raises(errors.Invalid) as caught:
            await page(made, **query)
        assert [(found.path, found.code) for found in caught.value.violations] == [(path, code)]


async def test_a_history_has_transitions_and_audit() -> None:
    """Recording, reading and deciding are all there, in order, without the claim's content."""
    async with support.world() as made:
        identifier = await recorded(made)
        await get(made, identifier)
        await judge(made, identifier)
        async with support.desk(made) as stub:
            request = claims_pb2.GetHistoryRequest(context=support.wire(), id=identifier)
            told = msgspec.json.decode((await stub.GetHistory(request)).document)
        assert [one["event"] for one in told["transitions"]] == ["claim.recorded", "review.decided"]
        assert [one["event"] for one in told["audit"]] == ["claim.recorded", "claim.read", "review.decided"]
        assert "Secret" not in str(told)


async def test_an_explanation_names_its_model_and_every_line() -> None:
    """The model that answers now explains each line of the stored claim; the read is audited."""
    async with support.world() as made:
        identifier = await recorded(made)
        async with support.desk(made) as stub:
            request = claims_pb2.ExplainRequest(context=support.wire(), id=identifier)
            told = msgspec.json.decode((await stub.Explain(request)).document)
        assert (told["id"], told["model"]["name"], told["simulated"]) == (identifier, "denial", True)
        assert [(line["sequence"], line["probability"]) for line in told["lines"]] == [(1, 0.75)]
        assert told["lines"][0]["reasons"][0]["feature"] == "net"
        assert told["claim"]["probability"] == 0.75
        assert made.store.audit[-1]["event"] == "claim.explained"


async def test_without_scoring_there_is_no_explanation() -> None:
    """An explanation that cannot be had is unavailable, not empty."""
    async with support.world() as made:
        identifier = await recorded(made)
        made.scorer.fault = errors.Unavailable("stream.broken", "x")
        async with support.desk(made) as stub:
            with pytest.raises(errors.Unavailable):
                await stub.Explain(claims_pb2.ExplainRequest(context=support.wire(), id=identifier))


async def test_watching_tells_changes_of_ones_own_tenant() -> None:
    """Changes come as they are recorded, with their position; another tenant's do not."""
    async with support.world() as made:
        made.tenants.known["other"] = made.tenants.known["demo"]
        await recorded(made, 1)
        async with support.desk(made) as stub:
            call = stub.Watch(claims_pb2.WatchRequest(context=support.wire(), after="0"))
            seen = call.__aiter__()
            async with asyncio.timeout(10):
                first = await anext(seen)
                await support.submit(made, support.batch([support.body(2)], tenant="other"))
                await recorded(made, 3)
                second = await anext(seen)
            call.cancel()
        told = [msgspec.json.decode(one.document) for one in (first, second)]
        assert [(one["claim_id"], one["event"]) for one in told] == [
            ("CLM-000001", "claim.recorded"),
            ("CLM-000003", "claim.recorded"),
        ]
        assert first.position != second.position
        assert set(told[0]) == {"id", "claim_id", "event", "status", "verdict", "at"}


async def test_watching_needs_a_role_and_a_sane_position() -> None:
    """Refusals come before the first change."""
    async with support.world() as made, support.desk(made) as stub:
        for request, kind in (
            (claims_pb2.WatchRequest(context=support.wire(roles=["scientist"])), errors.Denied),
            (claims_pb2.WatchRequest(context=support.wire(), after="x" * 513), errors.Invalid),
        ):
            with pytest.raises(kind):
                _ = [one async for one in stub.Watch(request)]
