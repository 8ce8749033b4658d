"""Scores as scoring tells them, read into this room's words.

The same few labels and reasons come with every flagged claim, so each is made once per model and day and
shared: a decision's parts are immutable.
"""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Protocol

from chassis import errors, faults
from claims.domain import decisions, reasons, risk
from claims.outbound import opinion_parts
from ultrathink.scoring.v1 import scoring_pb2

STATES = {
    scoring_pb2.SCORE_STATE_SCORED: "scored",
    scoring_pb2.SCORE_STATE_OUT_OF_RANGE: "out_of_range",
}


class _Labelled(Protocol):
    """What has a label in both languages."""

    @property
    def label_en(self) -> str: ...
    @property
    def label_ar(self) -> str: ...


class _Served:
    """The model that answered, in this room's words, with the words that it has used on one day."""

    __slots__ = ("guessed", "labels", "model", "simulated", "words")

    def __init__(self, told: scoring_pb2.ModelInfo) -> None:
        self.model = decisions.Model(name=told.name, revision=told.revision) if told.revision else None
        self.simulated = told.simulated
        self.labels: dict[str, decisions.Bilingual] = {}
        self.guessed: dict[tuple[str, str], opinion_parts.Guess] = {}
        self.words: opinion_parts.Words | None = None  # of answers in columns, once they were told


class Opinions:
    """Reads answers; with `book`, a predicted reason that names one code gets the other by the crosswalk."""

    def __init__(self, book: reasons.Book | None) -> None:
        self._book = book
        self._day = dt.date.min
        self._served: dict[str, _Served] = {}  # by revision; as many as models were seen today
        self._told: dict[str, scoring_pb2.ModelInfo] = {}  # with words, as they came, on whichever day

    def known(self, today: dt.date) -> list[str]:
        """Return the revisions whose words are known today: columns of theirs can be read without."""
        self._turn(today)
        return [revision for revision, served in self._served.items() if served.words is not None]

    def read(
        self,
        answer: scoring_pb2.ScoreResponse | scoring_pb2.ExplainResponse,
        lines: Sequence[int],
        today: dt.date,
    ) -> list[risk.Score | errors.Fault]:
        """Return one score or fault per claim that was answered; `lines` tells how many lines each has."""
        self._turn(today)
        served = {one.revision: self._model(one) for one in answer.candidates}
        stable = self._model(answer.model)
        if isinstance(answer, scoring_pb2.ScoreResponse) and answer.parts:
            self._learn([answer.model, *answer.candidates])
            return opinion_parts.read(answer.parts, lines, self._words)
        return [
            self._score(told, served.get(told.model_revision, stable), count)
            for told, count in zip(answer.claims, lines, strict=False)
        ]

    def _turn(self, today: dt.date) -> None:
        if today != self._day:  # the crosswalk may hold something else
            self._day, self._served = today, {}
            self._learn(list(self._told.values()))

    def _learn(self, infos: Sequence[scoring_pb2.ModelInfo]) -> None:
        """Keep the words that came with an answer in columns."""
        for info in infos:
            served = self._model(info)
            if info.groups and served.words is None:
                self._told[info.revision] = info
                served.words = opinion_parts.Words(
                    served.model,
                    served.simulated,
                    [(one.feature, _label(one)) for one in info.groups],
                    [self._completed((one.nphies, one.carc), _label(one)) for one in info.reasons],
                )

    def _words(self, revision: str) -> opinion_parts.Words:
        """Return the words of a revision; raises LookupError when they were never told."""
        words = self._served[revision].words
        if words is None:
            raise LookupError(revision)
        return words

    def _model(self, told: scoring_pb2.ModelInfo) -> _Served:
        found = self._served.get(told.revision)
        if found is None:
            found = self._served[told.revision] = _Served(told)
        return found

    def _score(self, told: scoring_pb2.ClaimScore, served: _Served, lines: int) -> risk.Score | errors.Fault:
        if told.HasField("error"):
            return faults.from_wire(told.error)
        state = STATES.get(told.state)
        if state is None:
            return risk.not_scored(told.reason or "scoring.not_scored")
        if state == "out_of_range":
            return risk.Score(
                state="out_of_range",
                reason=told.reason or None,
                model=served.model,
                simulated=served.simulated,
                feature_hash=told.feature_hash or None,
            )
        chances, chance = list(told.line_probabilities), told.probability
        if len(chances) != lines or not (_is_chance(chance) and all(map(_is_chance, chances))):
            return opinion_parts.nonsense()
        return risk.Score(
            state="scored",
            reason=told.reason or None,
            probability=chance,
            line_probabilities=chances,
            line_reasons=[self._reason(reason, served) for reason in told.line_reasons],
            contributions=_contributions(told.contributions, served),
            model=served.model,
            simulated=served.simulated,
            feature_hash=told.feature_hash or None,
        )

    def _reason(self, told: scoring_pb2.LineReason, served: _Served) -> risk.LineReason:
        guesses, fix = [], None
        for place, guess in enumerate(told.guesses):
            words = self._guessed(guess, served)
            fix = words.fix if place == 0 else fix
            guesses.append(
                decisions.LikelyReason(
                    nphies=words.nphies,
                    carc=words.carc,
                    label=words.label,
                    probability=guess.probability,
                    predicted=True,
                )
            )
        contributions = _contributions(told.contributions, served)
        return risk.LineReason(row=told.row, guesses=guesses, fix=fix, contributions=contributions)

    def _guessed(self, guess: scoring_pb2.ReasonGuess, served: _Served) -> opinion_parts.Guess:
        key = (guess.nphies, guess.carc)
        found = served.guessed.get(key)
        if found is None:
            found = served.guessed[key] = self._completed(key, _label(guess))
        return found

    def _completed(self, codes: tuple[str, str], label: decisions.Bilingual) -> opinion_parts.Guess:
        nphies, carc = (code or None for code in codes)
        if self._book is None:
            return opinion_parts.Guess(nphies, carc, label, None)
        told = risk.LineReason(
            row=0,
            guesses=[
                decisions.LikelyReason(nphies=nphies, carc=carc, label=label, probability=0.0, predicted=True)
            ],
        )
        known = risk.completed(told, self._book, self._day)
        return opinion_parts.Guess(known.guesses[0].nphies, known.guesses[0].carc, label, known.fix)


def _contributions(told: Sequence[scoring_pb2.Contribution], served: _Served) -> list[decisions.Contribution]:
    labels = served.labels
    parts = []
    for part in told:
        feature = part.feature
        label = labels.get(feature)
        if label is None:
            label = labels[feature] = _label(part)
        parts.append(decisions.Contribution(feature=feature, label=label, log_odds=part.log_odds))
    return parts


def _label(told: _Labelled) -> decisions.Bilingual:
    return decisions.Bilingual(en=told.label_en, ar=told.label_ar)


def _is_chance(value: float) -> bool:
    return math.isfinite(value) and 0 <= value <= 1
