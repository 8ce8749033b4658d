"""Answers in columns to messages of scoring.proto: a few arrays per arm, whatever the number of claims."""

import struct

import numpy as np
import numpy.typing as npt

from chassis import faults
from scoring.domain import models, scores
from scoring.inbound import converters
from scoring.usecases import crew
from ultrathink.scoring.v1 import scoring_pb2

MOST_REASONS = max(converters.CLAIM_REASONS, converters.LINE_REASONS)


def add_part(response: scoring_pb2.ScoreResponse, part: crew.Part) -> None:
    """Add to a response what one arm answered."""
    scored = part.scored
    states = bytearray([converters.STATES["scored"]]) * len(scored)
    for items, state in ((scored.outside, "out_of_range"), (scored.faults, "not_scored")):
        for item in items:
            states[item] = converters.STATES[state]
    told = response.parts.add(
        arm=part.arm,
        model_revision=part.model.revision,
        states=bytes(states),
        probabilities=_doubles(scored.probability),
        line_probabilities=_doubles(scored.lines),
        feature_hashes=struct.pack(f"<{len(scored)}q", *scored.prints),
    )
    if part.items is not None:
        told.items.extend(part.items.tolist())
    if scored.outside or scored.faults:
        told.unscored.extend(_unscored(scored))
    if len(scored.flagged_lines.places) or len(scored.flagged_claims.places):
        _explain(told, scored.flagged_lines, scored.flagged_claims)


def label(told: scoring_pb2.ScoreResponse, part: crew.Part) -> None:
    """Add to a response the words that the columns of a part point to."""
    for info in (told.model, *told.candidates):
        if info.revision == part.model.revision and not info.groups:
            info.groups.extend(_groups(part.model))
            info.reasons.extend(scoring_pb2.ReasonClass(**one._asdict()) for one in part.model.reasons)


def _groups(model: models.Model) -> list[scoring_pb2.FeatureGroup]:
    return [
        scoring_pb2.FeatureGroup(feature=name, label_en=english, label_ar=arabic)
        for name, english, arabic in model.features.groups
    ]


def _explain(told: scoring_pb2.ScoredPart, lines: scores.Lines, claims: scores.Claims) -> None:
    """Add why lines and claims are flagged: what moves their scores most is sought for all at once."""
    count = len(lines.places)
    both = [one.shares for one in (lines, claims) if len(one.places)]
    groups, moved = _strongest(both[0] if len(both) == 1 else np.concatenate(both))
    if count:
        told.flagged_rows = lines.places.astype("<u4").tobytes()
        told.row_groups = groups[:count, : converters.LINE_REASONS].tobytes()
        told.row_shares = _doubles(moved[:count, : converters.LINE_REASONS])
        told.row_reasons = lines.classes.astype(np.uint8).tobytes()
        told.row_chances = _doubles(lines.chances)
    if len(claims.places):
        told.flagged_claims = claims.places.astype("<u4").tobytes()
        told.claim_groups = groups[count:, : converters.CLAIM_REASONS].tobytes()
        told.claim_shares = _doubles(moved[count:, : converters.CLAIM_REASONS])


def _strongest(shares: scores.Doubles) -> tuple[npt.NDArray[np.uint8], scores.Doubles]:
    """Return the groups that move each score most, strongest first, and their shares; never the bias."""
    groups, moved = scores.largest(np.abs(shares[:, :-1]), shares, MOST_REASONS)
    return groups.astype(np.uint8), moved


def _unscored(scored: scores.Scored) -> list[scoring_pb2.Unscored]:
    """Return why claims have no score."""
    faulty = {
        item: scoring_pb2.Unscored(item=item, error=faults.to_wire(one))
        for item, one in scored.faults.items()
    }
    outside = {item: scoring_pb2.Unscored(item=item, reason=why) for item, why in scored.outside.items()}
    return [one for _, one in sorted((outside | faulty).items())]


def _doubles(values: npt.NDArray[np.float64]) -> bytes:
    return values.astype("<f8", copy=False).tobytes()
