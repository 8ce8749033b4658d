"""Answers in columns say what answers by claim say, in a fraction of the bytes."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

import scoring_support as support
from chassis import apps, local
from scoring import compose, settings
from scoring.domain import arms
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

CLAIMS = (
    support.claim(), support.costly(), support.claim(currency="EUR"), support.claim({}, {"quantity": 3}),
    support.claim(),
)  # fmt: skip
_STABLE = [key for key in range(200) if not arms.chosen([key], 50)[0]]
_CANARY = [key for key in range(200) if arms.chosen([key], 50)[0]]
KEYS = [_STABLE[0], _CANARY[0], _CANARY[1], _STABLE[1], _STABLE[2]]


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[apps.App]:
    """A scoring app whose canary meets half of the claims."""
    other = support.other_bundle(tmp_path / "other")
    options = settings.ScoringSettings(
        bundle_dir=support.BUNDLE, canary_bundle_dir=other, canary_percent=50, canary_timeout_ms=5_000
    )
    async with compose.compose(options) as composed:
        yield composed


@pytest.fixture
async def stub(app: apps.App) -> "AsyncIterator[scoring_pb2_grpc.ScorerAsyncStub]":
    """A stub of the claims service on the in-process channel."""
    async with local.LocalChannel(app, caller="claims") as channel:
        yield scoring_pb2_grpc.ScorerStub(channel)


def _asked(
    *, columnar: bool, known: tuple[str, ...] = (), keys: list[int] | None = None
) -> scoring_pb2.ScoreRequest:
    request = support.request(*CLAIMS)
    request.claim_keys.extend(keys or KEYS)
    request.contexts[4].remaining_ms = 0
    request.columnar = columnar
    request.known_revisions.extend(known)
    return request


def _shares(
    info: scoring_pb2.ModelInfo, groups: bytes, shares: bytes, count: int
) -> list[list[scoring_pb2.Contribution]]:
    """The contributions that columns tell, as messages."""
    named, moved = (
        np.frombuffer(one, kind).reshape(count, -1).tolist()
        for one, kind in ((groups, "u1"), (shares, "<f8"))
    )
    return [
        [
            scoring_pb2.Contribution(
                feature=info.groups[group].feature, label_en=info.groups[group].label_en,
                label_ar=info.groups[group].label_ar, log_odds=share,
            )
            for group, share in zip(*one, strict=True)
            if share
        ]
        for one in zip(named, moved, strict=True)
    ]  # fmt: skip


def _reasons(
    part: scoring_pb2.ScoredPart, info: scoring_pb2.ModelInfo
) -> list[tuple[int, list[scoring_pb2.ReasonGuess], list[scoring_pb2.Contribution]]]:
    """Why rows of a part are flagged: place, guesses, contributions."""
    places = np.frombuffer(part.flagged_rows, "<u4").tolist()
    classes, chances = (
        np.frombuffer(one, kind).reshape(len(places), -1).tolist()
        for one, kind in ((part.row_reasons, "u1"), (part.row_chances, "<f8"))
    )
    guesses = [
        [
            scoring_pb2.ReasonGuess(
                nphies=info.reasons[label].nphies, carc=info.reasons[label].carc,
                label_en=info.reasons[label].label_en, label_ar=info.reasons[label].label_ar,
                probability=chance,
            )
            for label, chance in zip(*one, strict=True)
        ]
        for one in zip(classes, chances, strict=True)
    ]  # fmt: skip
    moved = _shares(info, part.row_groups, part.row_shares, len(places))
    return list(zip(places, guesses, moved, strict=True))


def _claims(answer: scoring_pb2.ScoreResponse) -> list[scoring_pb2.ClaimScore]:
    """A columnar answer as one message per claim, as who knows nothing of arms and columns would read it."""
    lines = [len(claim.lines) for claim in CLAIMS]
    infos = {info.revision: info for info in (answer.model, *answer.candidates)}
    found: dict[int, scoring_pb2.ClaimScore] = {}
    for part in answer.parts:
        info, items = infos[part.model_revision], list(part.items) or list(range(len(CLAIMS)))
        chances = np.frombuffer(part.probabilities, "<f8").tolist()
        rows = iter(np.frombuffer(part.line_probabilities, "<f8").tolist())
        prints = np.frombuffer(part.feature_hashes, "<i8").tolist()
        flagged, start = _reasons(part, info), 0
        why = {one.item: one for one in part.unscored}
        claims = np.frombuffer(part.flagged_claims, "<u4").tolist()
        moved = dict(
            zip(claims, _shares(info, part.claim_groups, part.claim_shares, len(claims)), strict=True)
            if claims
            else ()
        )
        for place, item in enumerate(items):
            own = [next(rows) for _ in range(lines[item])]
            state = scoring_pb2.ScoreState.ValueType(part.states[place])
            told = scoring_pb2.ClaimScore(item_id=str(item), state=state)
            if told.state != scoring_pb2.SCORE_STATE_NOT_SCORED:
                told.arm, told.model_revision, told.feature_hash = part.arm, info.revision, prints[place]
            if place in why:
                told.reason = why[place].reason
                if why[place].HasField("error"):
                    told.error.CopyFrom(why[place].error)
            else:
                told.probability = chances[place]
                told.line_probabilities.extend(own)
                told.contributions.extend(moved.get(place, ()))
                told.line_reasons.extend(
                    scoring_pb2.LineReason(row=row - start, guesses=guesses, contributions=parts)
                    for row, guesses, parts in flagged
                    if start <= row < start + lines[item]
                )
            found[item] = told
            start += lines[item]
    return [found[item] for item in range(len(CLAIMS))]


async def test_columns_say_what_messages_say(stub: "scoring_pb2_grpc.ScorerAsyncStub") -> None:
    """Scored, out of range, late, flagged, by both arms: read back, the columns are the messages."""
    columns, messages = await stub.Score(_asked(columnar=True)), await stub.Score(_asked(columnar=False))
    assert not columns.claims
    assert not messages.parts
    assert [part.arm for part in columns.parts] == ["stable", "canary"]
    expected = list(messages.claims)
    for told in expected:
        if told.state == scoring_pb2.SCORE_STATE_NOT_SCORED:
            assert told.error.kind == common_pb2.ERROR_KIND_UNAVAILABLE
    assert _claims(columns) == expected


async def test_one_arm_answers_in_one_part_without_places(
    stub: "scoring_pb2_grpc.ScorerAsyncStub",
) -> None:
    """Where no claim meets the canary, nothing has to be said about whose claims they are."""
    answer = await stub.Score(_asked(columnar=True, keys=_STABLE[: len(CLAIMS)]))
    assert [(part.arm, list(part.items)) for part in answer.parts] == [("stable", [])]


async def test_labels_are_sent_to_who_does_not_know_them(stub: "scoring_pb2_grpc.ScorerAsyncStub") -> None:
    """Each arm's groups and reasons come with its first answer; a revision named as known comes without."""
    first = await stub.Score(_asked(columnar=True))
    stable, (canary,) = first.model, first.candidates
    for info in (stable, canary):
        assert len(info.groups) == len(support.bundle().model.features.groups)
        assert len(info.reasons) == len(support.bundle().model.reasons)
        assert all(one.label_en and one.label_ar for one in info.groups)
        assert all(one.label_en and one.label_ar for one in info.reasons)
    known = await stub.Score(_asked(columnar=True, known=(stable.revision,)))
    assert not known.model.groups
    assert not known.model.reasons
    assert known.candidates[0] == canary


async def test_columns_are_a_fraction_of_messages(stub: "scoring_pb2_grpc.ScorerAsyncStub") -> None:
    """What a stream carries for the same claims, once labels are known, is less than half."""
    first = await stub.Score(_asked(columnar=True))
    known = tuple(info.revision for info in (first.model, *first.candidates))
    sizes = [
        (await stub.Score(asked)).ByteSize()
        for asked in (_asked(columnar=True, known=known), _asked(columnar=False))
    ]
    assert 2 * sizes[0] < sizes[1]


async def test_a_batch_that_cannot_be_understood_is_refused_item_by_item(
    stub: "scoring_pb2_grpc.ScorerAsyncStub",
) -> None:
    """On the stream, a refusal of the whole is told by claim, in columns as without."""
    asked = _asked(columnar=True)
    asked.rows.schema_hash = "old"

    async def feed() -> AsyncIterator[scoring_pb2.ScoreRequest]:
        yield asked

    (answer,) = [one async for one in stub.ScoreStream(feed())]
    assert not answer.parts
    assert [claim.error.reason for claim in answer.claims] == ["rows.schema_mismatch"] * len(CLAIMS)
