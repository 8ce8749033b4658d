"""The use cases score and explain: states, reasons, refusals item by item."""

import threading
from collections.abc import Iterator
from concurrent import futures

import numpy as np
import pytest

import scoring_support as support
from chassis import errors
from chassis import testing as chassis_testing
from scoring import ports
from scoring.domain import features, rows, scores
from scoring.inbound import converters
from scoring.usecases import score

MODEL = support.bundle().model


class ThreadNoting:
    """An estimator that notes which thread asked it."""

    def __init__(self, inner: ports.Estimator) -> None:
        self._inner = inner
        self.threads: set[str] = set()

    def lines(self, matrix: ports.Matrix) -> ports.Doubles:
        """Note the thread, then ask the inner one."""
        self.threads.add(threading.current_thread().name)
        return self._inner.lines(matrix)

    def claims(self, matrix: ports.Matrix) -> ports.Doubles:
        """Ask the inner one."""
        return self._inner.claims(matrix)

    def reasons(self, matrix: ports.Matrix) -> ports.Doubles:
        """Ask the inner one."""
        return self._inner.reasons(matrix)


@pytest.fixture
def worker() -> Iterator[futures.ThreadPoolExecutor]:
    """The single worker thread of a scoring process."""
    with futures.ThreadPoolExecutor(1, thread_name_prefix="worker") as made:
        yield made


@pytest.fixture
def scoring(worker: futures.ThreadPoolExecutor) -> score.Score:
    """The use case over the repository's bundle and the in-memory estimator."""
    return score.Score(MODEL, support.twin(), worker=worker, clock=chassis_testing.ManualClock())


def _told(found: scores.Answer) -> tuple[object, ...]:
    """What an answer says in numbers, comparable."""
    assert isinstance(found, scores.ClaimScore)
    lines = tuple(round(p, 9) for p in found.line_probabilities)  # sums depend on the batch by an ulp
    return found.state, round(found.probability, 9), lines, len(found.line_reasons)


def test_an_ordinary_claim_is_scored():
    """Each claim gets its own probability and one per line, all strictly between 0 and 1."""
    (found,) = support.scored(support.claim({}, {}))
    assert found.state == "scored"
    assert len(found.line_probabilities) == 2
    assert all(0 < p < 1 for p in (found.probability, *found.line_probabilities))


def test_a_claim_full_of_trouble_scores_higher_and_says_why():
    """A service for the other sex, dear, undocumented: flagged, with three guesses and contributions."""
    good, bad = support.scored(support.claim(), support.costly())
    assert bad.probability > max(good.probability, MODEL.flag_threshold)
    assert bad.contributions is not None
    reason = bad.line_reasons[0]
    assert reason.row == 0
    assert len(reason.guesses) == 3
    chances = [guess.probability for guess in reason.guesses]
    assert chances == sorted(chances, reverse=True)
    assert 0 < sum(chances) <= 1 + 1e-9
    assert "AD-3-8" in {guess.reason.nphies for guess in reason.guesses}


def test_reasons_come_only_for_the_flagged():
    """A line below the threshold has no reason, a claim below it no contributions."""
    for found in support.scored(support.claim(), support.costly(), support.claim({}, {"quantity": 3})):
        flagged = [n for n, p in enumerate(found.line_probabilities) if p >= MODEL.flag_threshold]
        assert [reason.row for reason in found.line_reasons] == flagged
        assert (found.contributions is not None) == (found.probability >= MODEL.flag_threshold)


def test_contributions_add_up_to_the_margin():
    """Groups and bias of a flagged line sum to its raw score."""
    batch = support.batch(support.costly())
    (found,) = support.scored(support.costly())
    from_trees = support.twin().lines(features.matrices(MODEL.features, batch).lines)
    for reason in found.line_reasons:
        assert reason.contributions.sum() == pytest.approx(from_trees[reason.row], abs=2e-5)
        assert len(reason.contributions) == len(MODEL.features.groups) + 1


def test_a_claim_outside_the_training_range_gets_a_reason_and_no_number():
    """Out of range is not low risk: no probability is given, and the feature is named."""
    (found,) = support.scored(support.claim(currency="EUR"))
    assert found == scores.ClaimScore("out_of_range", "unseen:currency", print=found.print)


async def test_explain_gives_contributions_for_every_row(scoring: score.Score):
    """Explaining does not look at the threshold."""
    batch = support.batch(support.claim({}, {}))
    (found,) = await scoring(support.deadlines(1), batch, depth="all")
    assert isinstance(found, scores.ClaimScore)
    assert [reason.row for reason in found.line_reasons] == [0, 1]
    assert found.contributions is not None


async def test_an_expired_item_is_refused_and_the_others_are_scored(scoring: score.Score):
    """No time left is a fault of that item alone."""
    late, live = support.deadlines(2, deadline=0.0)[0], support.deadlines(2)[1]
    batch = support.batch(support.claim(), support.costly())
    first, second = await scoring([late, live], batch)
    assert isinstance(first, errors.Unavailable)
    assert first.reason == "deadline.exceeded"
    assert _told(second) == _told(support.scored(support.costly())[0])


async def test_when_all_items_are_expired_nothing_is_computed(worker: futures.ThreadPoolExecutor):
    """Work that nobody waits for is not begun."""
    noting = ThreadNoting(support.twin())
    scoring = score.Score(MODEL, noting, worker=worker, clock=chassis_testing.ManualClock())
    answers = await scoring(
        support.deadlines(2, deadline=0.0), support.batch(support.claim(), support.claim())
    )
    assert [answer.reason for answer in answers] == ["deadline.exceeded"] * 2
    assert not noting.threads


async def test_a_claim_without_lines_is_refused_alone(scoring: score.Score):
    """An empty item gets `rows.line_count`; its neighbour is scored as if it were alone."""
    batch = support.batch(support.claim())
    empty = batch._replace(
        offsets=np.array([0, 0, 1]),
        claims={name: np.append(column, column) for name, column in batch.claims.items()},
    )
    first, second = await scoring(support.deadlines(2), empty)
    assert first.reason == "rows.line_count"
    assert _told(second) == _told(support.scored(support.claim())[0])


async def test_a_claim_with_too_many_lines_is_refused(scoring: score.Score):
    """More than MAX_LINES lines are a file, not a claim."""
    batch = support.batch(support.claim())
    count = rows.MAX_LINES + 1
    long = batch._replace(
        offsets=np.array([0, count]),
        lines={name: np.repeat(column, count) for name, column in batch.lines.items()},
    )
    (found,) = await scoring(support.deadlines(1), long)
    assert found.reason == "rows.line_count"


async def test_rows_of_another_schema_are_invalid(scoring: score.Score):
    """Columns that may mean something else are not scored, and the message says which hashes differ."""
    batch = support.batch(support.claim())._replace(schema_hash="f" * 64)
    with pytest.raises(errors.Invalid) as refused:
        await scoring(support.deadlines(1), batch)
    assert refused.value.reason == "rows.schema_mismatch"
    assert MODEL.row_schema_hash[:12] in refused.value.message
    assert "ffffffffffff" in refused.value.message


async def test_contexts_and_claims_must_pair(scoring: score.Score):
    """Two contexts for one claim cannot be answered item by item."""
    with pytest.raises(errors.Invalid) as refused:
        await scoring(support.deadlines(2), support.batch(support.claim()))
    assert refused.value.reason == "rows.contexts_mismatch"


async def test_an_empty_batch_is_refused(scoring: score.Score):
    """No claims is no question: the sender is told so."""
    with pytest.raises(errors.Invalid) as refused:
        await scoring([], support.batch())
    assert refused.value.reason == "rows.empty"


async def test_an_infinite_value_is_refused_alone(scoring: score.Score):
    """A claim with an infinite quantity hears which column; its neighbour is scored as if it were alone."""
    wire = support.wire([support.claim({}, {"quantity": 2}), support.costly()])
    quantity = next(column for column in wire.line_columns if column.name == "quantity")
    quantity.f64 = np.array([1.0, np.inf, 3.0, 4.0]).tobytes()
    first, second = await scoring(support.deadlines(2), converters.to_rows(wire))
    assert isinstance(first, errors.Invalid)
    assert first.reason == "rows.not_finite"
    assert "quantity" in first.message
    assert _told(second) == _told(support.scored(support.costly())[0])


async def test_a_missing_number_that_training_always_saw_is_said(scoring: score.Score):
    """NaN means missing: where training never met that, the claim has no score and the feature is named."""
    wire = support.wire([support.claim()])
    quantity = next(column for column in wire.line_columns if column.name == "quantity")
    quantity.f64 = np.array([np.nan]).tobytes()
    (found,) = await scoring(support.deadlines(1), converters.to_rows(wire))
    assert isinstance(found, scores.ClaimScore)
    assert found == scores.ClaimScore("out_of_range", "missing:most_quantity_log", print=found.print)


@pytest.mark.parametrize(("bound", "thread"), [(1, "worker_0"), (2, "MainThread")])
async def test_large_batches_leave_the_event_loop(
    worker: futures.ThreadPoolExecutor, bound: int, thread: str
):
    """Up to the bound a batch is scored where it is; above it in the worker, with the same answer."""
    noting = ThreadNoting(support.twin())
    scoring = score.Score(
        MODEL, noting, worker=worker, clock=chassis_testing.ManualClock(), inline_rows=bound
    )
    (found,) = await scoring(support.deadlines(1), support.batch(support.claim({}, {})))
    assert noting.threads == {thread}
    assert _told(found) == _told(support.scored(support.claim({}, {}))[0])
