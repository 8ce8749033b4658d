"""Voices add up as written, answers of other systems have no share, confidence is calibrated and rises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import completion_support as support
from scoring.domain import calibration
from scoring.domain import completion_diagnoses as diagnoses
from scoring.domain import completion_tokens as tokens


def _rows(*claims: list[str], name: str = "codes") -> tokens.Encoded:
    model = support.grown(name)
    return tokens.encode(claims, {word: place for place, word in enumerate(model.vocabulary)})


def _by_hand(model: diagnoses.Model, words: list[str]) -> np.ndarray:
    """Return the log-scores of one claim, voice by voice, in the plainest way."""
    known = sorted({model.vocabulary.index(word) for word in words if word in model.vocabulary})
    total = model.weights[0] * model.prior
    for number, name in enumerate(model.inputs, 1):
        for place in known:
            if model.vocabulary[place].startswith(tokens.KINDS[name]):
                total = total + model.weights[number] * model.likelihood[place]
    linear = model.bias + sum((model.linear[place] for place in known), np.zeros(len(model.classes)))
    likely = np.exp(linear - linear.max()) / np.exp(linear - linear.max()).sum()
    return np.asarray(total + model.weights[-1] * np.log(likely + diagnoses.FLOOR))


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["S:hcpcs|G0108"],
        ["S:hcpcs|G0108", "S3:hcpcs|G01", "C:sex=male"],
        ["S:hcpcs|G0403", "D:I10", "DC:I10", "D2:I10", "unknown"],
    ],
)
def test_scores_are_the_sum_of_weighed_voices(words: list[str]):
    """The vectorised walk over tokens says what adding voice by voice says."""
    model = support.grown()
    found = diagnoses.scores(model, _rows(words))[0]
    assert np.allclose(found, _by_hand(model, words), atol=1e-4)


def test_a_token_said_twice_is_said_once():
    """Repeating a service changes no score."""
    model = support.grown()
    once, twice = diagnoses.scores(model, _rows(["S:hcpcs|G0108"], ["S:hcpcs|G0108"] * 2))
    assert np.array_equal(once, twice)


def test_rows_do_not_know_each_other():
    """A claim's scores are the same alone, in a batch, and beyond the end of a chunk."""
    model = support.grown()
    words = ["S:hcpcs|G0403", "C:sex=male"]
    many = diagnoses.scores(model, _rows(*([["S:hcpcs|V2020"]] * (diagnoses.CHUNK + 3)), words))
    assert np.allclose(many[-1], diagnoses.scores(model, _rows(words))[0], atol=1e-5)


def test_no_rows_have_no_scores():
    """An empty batch is answered with an empty matrix of the right width."""
    model = support.grown()
    assert diagnoses.scores(model, _rows()).shape == (0, len(model.classes))


def test_answers_of_another_system_have_no_share():
    """An Australian claim is never offered an American code, and the rest adds up to one."""
    model = support.grown()
    mask = np.array([[one.startswith(support.AM) for one in model.classes]])
    likely = diagnoses.shares(diagnoses.scores(model, _rows(["S:hcpcs|G0108"]), mask))[0]
    assert likely[~mask[0]].max() == 0
    assert likely.sum() == pytest.approx(1)


def test_the_frequent_diagnosis_of_a_service_comes_first():
    """What the service was for in most of the claims learned from is the first choice."""
    model = support.grown()
    for service, (codes, _) in support.SERVICES.items():
        for system in (support.CM, support.AM):
            mask = np.array([[one.startswith(system) for one in model.classes]])
            words = [f"S:hcpcs|{service}", f"S3:hcpcs|{service[:3]}"]
            found = diagnoses.scores(model, _rows(words), mask)[0].argmax()
            assert model.classes[found] == f"{system}|{codes[0]}"


def test_naive_weights_silence_the_linear_voice():
    """Then only prior and likelihoods speak, each at its face value."""
    model = support.grown()
    assert diagnoses.naive(model).tolist() == [1.0] * (1 + len(model.inputs)) + [0.0]
    found = diagnoses.scores(model, _rows([]), weights=diagnoses.naive(model))[0]
    assert np.allclose(found, model.prior, atol=1e-5)


def test_likelihoods_are_probabilities_within_a_voice():
    """Per answer, the tokens of one voice add up to one; coarser tokens are silent there."""
    model = support.grown()
    for number in range(1, len(model.inputs) + 1):
        mine = model.voice == number
        if mine.any():
            assert np.allclose(np.exp(model.likelihood[mine].astype(float)).sum(axis=0), 1, atol=1e-4)
    silent = model.voice == diagnoses.SILENT
    assert silent.any()
    assert not model.likelihood[silent].any()


@pytest.mark.parametrize(
    ("word", "voice"),
    [("S:hcpcs|G0108", 1), ("D:I10", 3), ("C:sex=male", 4), ("S3:hcpcs|G01", 0), ("DC:I10", 0)],
)
def test_tokens_know_their_voice(word: str, voice: int):
    """The kind that stands for codes has a voice, the coarser kinds have none."""
    assert diagnoses.voices_of((word,), support.INPUTS["codes"]).tolist() == [voice]


def test_counts_tell_in_how_many_claims_a_token_was():
    """And in how many of them the answer was a given one: what evidence is made of."""
    model = support.grown()
    place = model.vocabulary.index("S:hcpcs|G0108")
    answer = model.classes.index(f"{support.CM}|E11.9")
    told = [(code, system) for facts, system, code in support.world() if facts.lines[0].code == "G0108"]
    agreeing = sum(one == ("E11.9", support.CM) for one in told)
    assert diagnoses.seen(model, place, answer) == (len(told), agreeing)
    never = model.classes.index(f"{support.CM}|H26.9")
    assert diagnoses.seen(model, place, never) == (len(told), 0)


def test_what_spoke_adds_up_to_the_weighed_voices():
    """Parts of the tokens against the average are, together, the score against the average."""
    model = support.grown()
    words = ["S:hcpcs|G0108", "C:sex=male"]
    rows = _rows(words)
    margins = diagnoses.scores(model, rows)
    likely = diagnoses.shares(margins)[0]
    answer = int(likely.argmax())
    parts = diagnoses.spoken(model, rows.places, likely, answer)
    bayes = sum(
        model.weights[number] * model.likelihood[place]
        for place in rows.places
        for number in [model.voice[place]]
        if number
    )
    linear = model.weights[-1] * model.linear[rows.places].sum(axis=0)
    whole = np.asarray(bayes + linear)
    assert parts.sum() == pytest.approx(whole[answer] - whole @ likely, abs=1e-4)
    assert parts[0] > 0


def test_cases_are_all_claims_learned_from():
    """The frequency of the answers is counted, not guessed."""
    model = support.grown()
    assert model.cases == len(support.world())
    assert model.frequency.min() > 0


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_confidence_rises_with_the_share(shares: list[float]):
    """A larger share is never told with less confidence."""
    model = support.grown()
    ordered = np.sort(np.array(shares))
    for table in (model.trust, model.others, model.groups, model.listed):
        assert (np.diff(diagnoses.confidence(table, ordered)) >= 0).all()


def test_confidence_is_how_often_such_a_choice_was_right():
    """The table is looked up between its knots."""
    table = calibration.Table(np.array([0.2, 0.4]), np.array([0.1, 0.3]))
    assert diagnoses.confidence(table, np.array([0.0, 0.3, 1.0])).tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_the_first_choice_is_calibrated_in_the_large():
    """Over the world, mean confidence and share of hits are near each other."""
    found = support.lessons("codes")
    model = support.grown()
    rows = _rows(*[list(words) for words in found.words])
    likely = diagnoses.shares(diagnoses.scores(model, rows, found.allowed))
    sure = diagnoses.confidence(model.trust, likely.max(axis=1)).mean()
    hits = (likely.argmax(axis=1) == found.labels).mean()
    assert sure == pytest.approx(hits, abs=0.05)


@pytest.mark.parametrize("width", [1, 3])
def test_shares_of_absurd_scores_are_still_shares(width: int):
    """Neither very large nor very small scores overflow."""
    margins = np.full((2, width), -1e30, dtype=np.float32)
    margins[1, 0] = 1e30
    found = diagnoses.shares(margins)
    assert np.isfinite(found).all()
    assert np.allclose(found.sum(axis=1), 1)
