"""Between the wire and this room's words: what is stored, what is shown, whom an item speaks for."""

import datetime as dt
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import claims_support
from chassis import errors, identity, tokens
from chassis import testing as chassis_testing
from claims.domain import decisions, verdicts
from claims.inbound import callers, converters
from claims.outbound import calls, columns, stored
from formats import canonical
from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2

MISSING = calls.MISSING


def row(**fields: Any) -> dict[str, Any]:
    """Return a list's row as shown, of a claim of which little is known."""
    told: dict[str, Any] = {
        "id": "c-1", "currency": "SAR", "submitted_minor": MISSING, "at_risk_minor": MISSING,
        "probability": math.nan, "received_at_ms": 0, "wire_status": "received",
    }  # fmt: skip
    return stored.row(storage_pb2.ClaimRow(**(told | fields)))


def test_what_a_row_lacks_is_left_out() -> None:
    """NULLs of the contract are no values: no amount, no probability, no empty text is invented."""
    shown = row()
    assert set(shown) == {"id", "revision", "currency", "status", "received_at"}
    assert shown["received_at"] == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(("currency", "shown"), [("SAR", "1234.50"), ("KWD", "123.450"), ("", "1234.50")])
def test_a_rows_amount_has_its_currencys_decimals(currency: str, shown: str) -> None:
    """Minor units come back as exact decimals; zero is an amount and is shown."""
    assert str(row(currency=currency, submitted_minor=123450)["submitted"]) == shown
    assert row(submitted_minor=0, at_risk_minor=0, probability=0.0).keys() >= {
        "submitted",
        "at_risk_minor",
        "probability",
    }


def test_a_transition_shows_the_verdict_and_nothing_of_the_content() -> None:
    """Of a decision in the history the verdict and the state of its score are told; else neither."""
    submission = claims_support.decided(canonical.decode(claims_support.body()))
    document = msgspec.json.encode(
        msgspec.structs.replace(submission.decision, received_at="2026-08-01T00:00:00Z")
    )
    told = stored.transition(
        storage_pb2.Transition(revision=2, event="score.appended", at_ms=1, decision_json=document)
    )
    assert (told["verdict"], told["score_state"], told["at"]) == (
        "review", "not_scored", "1970-01-01T00:00:00.001Z",
    )  # fmt: skip
    assert set(told) == {"revision", "event", "status", "subject", "at", "verdict", "score_state"}
    assert "verdict" not in stored.transition(storage_pb2.Transition(revision=1, event="claim.recorded"))
    waiting = stored.unscored(storage_pb2.UnscoredClaim(tenant="t", id="i", decision_json=document))
    assert waiting.status == submission.decision.status
    assert waiting.received_at == dt.datetime(2026, 8, 1, tzinfo=dt.UTC)


def test_audit_entries_show_their_hashes_in_hex() -> None:
    """The chain can be compared by eye."""
    told = stored.audit_entry(storage_pb2.AuditEntry(chain="x", sequence=7, hash=b"\xab", previous_hash=b""))
    assert (told["sequence"], told["hash"], told["previous_hash"]) == (7, "ab", "")


def test_an_event_says_where_to_go_on() -> None:
    """A change carries its position and the statuses, not the claim."""
    told = stored.event(storage_pb2.WatchResponse(position="p", id="i", wire_status="sent", verdict="accept"))
    assert told.position == "p"
    assert told.document["status"] == decisions.Status(wire="sent", business="", review="")
    assert set(told.document) == {"id", "claim_id", "event", "status", "verdict", "at"}


@given(st.none() | st.integers(-(2**40), 2**40), st.none() | st.floats(0, 1))
def test_nulls_of_the_contract_are_never_values(minor: int | None, chance: float | None) -> None:
    """For any value: written and shown again it is the same, and only None becomes NULL."""
    assert (columns.integer(minor) == MISSING) is (minor is None)
    assert math.isnan(columns.real(chance)) is (chance is None)
    shown = row(at_risk_minor=columns.integer(minor), probability=columns.real(chance))
    assert shown.get("at_risk_minor") == minor
    assert shown.get("probability") == chance


ITEM = common_pb2.Context(
    item_id="1", tenant="wire", subject="wire", roles=["manager"], branch="b", remaining_ms=5_000,
    idempotency_key="k", request_id="r", traceparent="00-a",
)  # fmt: skip


def speaking(who: identity.Caller, **options: Any) -> Any:
    """Return the context of an item from this caller."""
    clock = chassis_testing.ManualClock()
    return callers.Callers(clock, default_seconds=2, max_seconds=4).context(ITEM, who, **options), clock


@pytest.mark.parametrize("service", ["gateway", "cli"])
def test_a_trusted_service_speaks_for_its_user(service: str) -> None:
    """What the gateway says of tenant and roles is believed, its time cut to the most there is."""
    context, clock = speaking(identity.Caller(service=service, principal=None))
    assert (context.tenant, context.roles, context.branch) == ("wire", ("manager",), "b")
    assert context.deadline - clock.monotonic() == pytest.approx(4)
    context, clock = speaking(identity.Caller(service=service, principal=None), given=False)
    assert context.deadline - clock.monotonic() == pytest.approx(2)


@pytest.mark.parametrize("service", ["scoring", "storage", "", None])
def test_no_other_service_speaks_for_anybody(service: str | None) -> None:
    """A service that is not a door is refused, whatever its context claims."""
    with pytest.raises(errors.Denied, match=r"caller\.not_trusted"):
        speaking(identity.Caller(service=service, principal=None))


def test_of_a_user_only_the_token_counts() -> None:
    """Roles and tenant that a user writes into the context give nothing; an expired token is refused."""
    clock = chassis_testing.ManualClock()
    person = tokens.Principal(
        tenant="own", subject="me", roles=("biller",), expires_at=clock.now() + dt.timedelta(seconds=1)
    )
    context, _ = speaking(identity.Caller(service=None, principal=person))
    assert (context.tenant, context.subject, context.roles, context.branch) == ("own", "me", ("biller",), "")
    late = msgspec.structs.replace(person, expires_at=clock.now())
    with pytest.raises(errors.Denied, match=r"token\.expired"):
        speaking(identity.Caller(service="gateway", principal=late))


def test_a_trace_goes_on_only_where_it_is_linked() -> None:
    """With a table of traces the item's own becomes the linked one, or none."""
    who = identity.Caller(service="gateway", principal=None)
    assert speaking(who)[0].traceparent == "00-a"
    assert speaking(who, onward={"00-a": "00-b"})[0].traceparent == "00-b"
    assert speaking(who, onward={})[0].traceparent == ""


SEVERITIES = st.lists(st.sampled_from(["error", "warning", "info"]), max_size=6)
RISKS = st.builds(
    decisions.Risk,
    state=st.sampled_from(["scored", "not_scored", "out_of_range"]),
    probability=st.none() | st.floats(0, 1),
)


@given(SEVERITIES, RISKS, st.floats(0, 1), st.integers(0, 5))
def test_warnings_never_change_a_verdict(
    severities: list[Any], risk: decisions.Risk, threshold: float, warnings: int
) -> None:
    """For any findings and risk: any number of warnings and infos more leaves the verdict as it was."""
    found = [claims_support.finding(severity) for severity in severities]
    mild = [claims_support.finding("warning"), claims_support.finding("info")] * warnings
    verdict = verdicts.decide(found, risk, review_threshold=threshold)
    assert verdicts.decide([*mild, *found], risk, review_threshold=threshold) == verdict
    assert verdicts.decide([*found, *mild], risk, review_threshold=threshold) == verdict


@given(RISKS, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_never_sends_more_to_review(
    risk: decisions.Risk, first: float, second: float
) -> None:
    """For any risk: what is accepted at a threshold is accepted at every higher one."""
    low, high = sorted((first, second))
    if verdicts.decide([], risk, review_threshold=low) == "accept":
        assert verdicts.decide([], risk, review_threshold=high) == "accept"
    assert verdicts.decide([], risk, review_threshold=low) != "reject"


@pytest.mark.parametrize(("chance", "told"), [(None, False), (math.nan, False), (0.0, True), (1.0, True)])
def test_a_typed_decision_carries_a_probability_only_where_there_is_one(
    chance: float | None, told: Any
) -> None:
    """NaN and nothing are not written; zero is."""
    decision = msgspec.structs.replace(
        claims_support.decided(canonical.decode(claims_support.body())).decision,
        risk=decisions.Risk(state="scored", probability=chance, currency="SAR"),
        decided_at="2026-08-01T10:00:00.250Z",
    )
    wire = converters.typed(decision, b"{}")
    assert wire.HasField("probability") is told
    assert not wire.HasField("at_risk_minor")
    assert (wire.currency, wire.document, wire.decided_at.ToMilliseconds() % 1000) == ("SAR", b"{}", 250)
    first = wire.findings[0]
    assert (first.path, first.line, first.message_ar) == ("total", 0, "خطأ.")
