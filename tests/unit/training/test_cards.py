"""Cards and reasons: what people read about a model."""

import json
import re
from pathlib import Path

import pytest

from training import cards, reason_labels

FIGURES = {"n": 1_200, "positives": 300, "auc": 0.8, "pr_auc": 0.7, "brier": 0.1, "ece": 0.02, "f1": 0.6,
    "recall_at_95_precision": None}  # fmt: skip
SPREAD = {"auc": {"mean": 0.8, "sd": 0.01, "folds": 5}, "pr_auc": {"mean": 0.7, "sd": None, "folds": 1}}
BOTH = {"logistic": FIGURES, "prior": FIGURES}
LINES = FIGURES | {
    "baselines": BOTH,
    "spread": SPREAD,
    "families": {"seen": FIGURES, "unseen": {"n": 12}},
    "reasons": {"n": 0},
}
JUDGED = FIGURES | {
    "baselines": BOTH,
    "spread": SPREAD,
    "strangers": {"providers": {"n": 3}, "patients": FIGURES},
    "outside_range": 0.0125,
    "lines": LINES,
}
MANIFEST = {
    "name": "test-model",
    "data": {"claims": 4_000, "lines": 9_000, "fingerprint": "f" * 64},
    "command": "ultrathink train denial --data DATA --seed 1 --out DIR",
    "row_schema_hash": "a" * 64,
    "flag_threshold": 0.3,
    "simulated": True,
}


@pytest.fixture
def card() -> str:
    """A card of made-up figures."""
    return cards.denial(MANIFEST, {"judged": JUDGED}, {"line": "xgboost"}, "by hand")


def test_the_first_thing_said_is_that_it_is_simulated(card: str):
    """Nobody can read a figure before that word."""
    assert card.index("**Simulated.**") < card.index("AUC")


def test_figures_are_in_the_table(card: str):
    """Three digits for each figure; counts with separators."""
    assert "| claims | 1,200 | 300 | 0.800 | 0.700 | 0.100 | 0.020 | 0.600 | – |" in card


def test_a_figure_that_does_not_exist_is_a_dash(card: str):
    """Too small a slice shows its size and dashes, not zeros."""
    assert re.search(r"\| claims of providers never seen \| 3 \| 0 \|( – \|){6}", card)
    assert "PR-AUC –" in card
    assert "first guess –" in card


def test_spread_and_share_not_scored_are_stated(card: str):
    """Mean ± standard deviation, and how many claims lie outside the range."""
    assert "0.800 ± 0.010" in card
    assert "1.25%" in card


def test_origin_and_limits_are_stated(card: str):
    """Data, command, schema, threshold and what the model must not be used for."""
    for text in (
        "by hand: 4,000 claims",
        "f" * 64,
        str(MANIFEST["command"]),
        "a" * 64,
        "0.3: best F1",
        "## Limits",
    ):
        assert text in card
    assert "never rejects a claim alone" in card


def test_the_origin_of_simulated_data_is_its_command(tmp_path: Path):
    """meta.json tells claims and seed; a folder without it is said not to be simulated by us."""
    assert cards.origin(tmp_path) == "not by `ultrathink simulate`"
    (tmp_path / "meta.json").write_text(json.dumps({"claims": 10, "seed": 3, "other": 1}))
    assert cards.origin(tmp_path) == "`ultrathink simulate --claims 10 --seed 3 --out DATA`"


def test_every_reason_is_told_in_both_languages():
    """Codes have the form of the nphies list, texts are short and in their language."""
    for code, (english, arabic) in reason_labels.LABELS.items():
        assert re.fullmatch(r"(AD|BE|CV|MN|SE)-\d-\d{1,2}", code)
        assert english.isascii()
        assert len(english) <= 60
        assert re.search("[\u0600-\u06ff]", arabic)


def test_texts_are_not_used_twice():
    """Two reasons never read the same."""
    texts = [text for pair in reason_labels.LABELS.values() for text in pair]
    assert len(texts) == len(set(texts))


def test_an_unknown_reason_is_called_by_its_code():
    """A code without a text of ours is shown, never dropped."""
    found = reason_labels.reason("ZZ-9-9", "999")
    assert (found.nphies, found.carc) == ("ZZ-9-9", "999")
    assert "ZZ-9-9" in found.label_en
    assert "ZZ-9-9" in found.label_ar
    assert "999" in reason_labels.reason("", "999").label_en
