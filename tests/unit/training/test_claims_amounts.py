"""Amounts of canonical claims: learned without telling themselves, ranged, served as they were trained."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import completion_support as support
from chassis import errors
from formats import canonical, completions
from payersim.usecases import simulate
from scoring.domain import completion, completion_models, completion_pricing
from scoring.domain import completion_amounts as amounts
from scoring.inbound import completion_converters
from scoring.outbound import bundles, completion_bundles
from training import claims_amounts, completion_history

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle() -> Path:
    """A bundle trained on a small simulated world."""
    return support.trained("amount")[0]


@pytest.fixture(scope="module")
def history() -> completion_history.History:
    """That world, read."""
    return completion_history.read(support.data())


def _served(bundle: Path) -> completion_models.Amounts:
    served = completion_bundles.load(bundle)
    assert isinstance(served, completion_models.Amounts)
    return served


def _figures(bundle: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((bundle / "metrics.json").read_text())
    return found


def test_the_model_is_nearer_than_the_services_mean(bundle: Path):
    """R² and absolute error beside the service's mean and the constant, on unseen patients' later lines."""
    told = json.loads((bundle / "metrics.json").read_text())
    assert told["r2_log"] > told["baseline"]["r2_log"] > told["baselines"]["constant"]["r2_log"]
    assert told["mae"] < told["baseline"]["mae"]
    assert told["r2_log"] > 0.95
    assert set(told["slices"]) >= {"in SAR", "in USD"}


def test_the_range_holds_about_as_often_as_told(bundle: Path):
    """Eight of ten were meant; nearness comes about as often as promised."""
    told = json.loads((bundle / "metrics.json").read_text())
    assert 0.65 < told["in_range"] < 0.95
    assert told["near"] == pytest.approx(told["near_told"], abs=0.12)


def test_differences_to_the_mean_are_over_sixths_of_the_judged_time(bundle: Path):
    """With their spread."""
    told = json.loads((bundle / "metrics.json").read_text())
    assert told["spread"]["r2_log"]["folds"] >= 5
    assert told["paired_differences"]["mean of the service"]["mae"]["mean"] < 0


def test_evaluating_says_the_same_again(bundle: Path):
    """On the data it was trained on, by the same lines."""
    found = claims_amounts.evaluate(bundle, support.data())
    stored = _figures(bundle)
    assert found["same_data_as_trained"] is True
    assert {name: found[name] for name in stored} == stored


def test_evaluating_tells_what_serving_would_have_told(bundle: Path):
    """How many amounts, how many of them near or in their range, and the reasons of those refused."""
    found = claims_amounts.evaluate(bundle, support.data())
    served = found["served"]
    assert served["suggested"] + sum(served["refused"].values()) == found["n"] + found["left_out"]
    assert served["near"] / served["suggested"] == pytest.approx(found["near"], abs=0.1)
    assert served["in_range"] / served["suggested"] == pytest.approx(0.8, abs=0.15)


def test_other_claims_judge_all(bundle: Path, tmp_path: Path):
    """Every line of them that has code, quantity and net; the rest is counted."""
    simulate.simulate(500, 11, tmp_path)
    found = claims_amounts.evaluate(bundle, tmp_path)
    lines = sum(
        len(json.loads(line)["lines"])
        for line in (tmp_path / completion_history.FILE).read_bytes().splitlines()
    )
    assert found["n"] + found["left_out"] == lines
    assert found["same_data_as_trained"] is False


def test_the_same_data_and_seed_give_the_same_bundle(bundle: Path, tmp_path: Path):
    """Byte by byte, and so the same revision."""
    again = tmp_path / "amount-completion"
    figures = claims_amounts.train(support.data(), 3, again)
    for path in bundle.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name
    assert figures["revision"] == bundles.revision(bundle)


def test_serving_says_what_training_said(bundle: Path, history: completion_history.History):
    """On claims of the file, to a millionth: from JSON to logarithm, through every step of serving."""
    served = _served(bundle)
    keep = np.zeros(len(history.facts), dtype=np.bool_)
    keep[:300:7] = True
    found = claims_amounts.lessons(history, keep)
    trained = iter(claims_amounts.expect(served.model, found.asked).tolist())
    lines = (support.data() / completion_history.FILE).read_bytes().splitlines()
    for place in np.flatnonzero(keep).tolist():
        wire = completions.to_wire(canonical.decode(lines[place]))
        facts = completion_converters.to_facts(type(wire).FromString(wire.SerializeToString()))
        heard = [line for line in facts.lines if line.system not in completion.UNSHARED]
        asked = [amounts.Asked(facts, line) for line in heard]
        for value in amounts.expect(served.model, asked) if asked else ():
            assert value == pytest.approx(next(trained), abs=1e-6)


def test_suggestions_are_near_the_nets(bundle: Path, history: completion_history.History):
    """What a biller is told lies in its range about as often as promised, over claims that judge."""
    served = _served(bundle)
    keep = completion_history.split(history).judging
    inside = told = 0
    for place in np.flatnonzero(keep).tolist():
        facts = history.facts[place]
        found = completion_pricing.suggest(served, facts, facts.lines)
        for one, net in zip(found, history.answers[place].nets, strict=True):
            if isinstance(one, completion.Suggestion):
                told += 1
                inside += one.first.low <= round(net * 100) <= one.first.high
    assert told > 100
    assert inside / told == pytest.approx(0.8, abs=0.15)


def test_a_line_that_teaches_does_not_tell_its_own_price(history: completion_history.History):
    """Usual amounts of a line that is learned from come from other patients: its own net is not in them."""
    keep = completion_history.split(history).learned
    found = claims_amounts.lessons(history, keep)
    model = claims_amounts._grow(found, 3)
    dear = found._replace(units=np.where(np.arange(len(found.units)) == 0, 9.0, found.units))
    mine = claims_amounts._grow(dear, 3)
    one = [found.asked[0]]
    assert amounts.matrix(one, mine.usual)[0, 0] != amounts.matrix(one, model.usual)[0, 0]
    assert abs(float(amounts.expect(mine, one)[0]) - 9.0) > 1


def test_lines_that_cannot_teach_are_left_out_and_counted(tmp_path: Path):
    """Without a net, a quantity, a code of a shared system, or with a net of nothing."""
    lines: list[dict[str, Any]] = [
        {"net": 10}, {}, {"net": 10, "quantity": None}, {"net": 0}, {"net": 10, "system": "local"},
        {"net": 10, "code": None, "system": None, "description": "a visit"},
    ]  # fmt: skip
    (tmp_path / completion_history.FILE).write_bytes(support.body(*lines))
    read = completion_history.read(tmp_path)
    found = claims_amounts.lessons(read, np.ones(1, dtype=np.bool_))
    assert (len(found.asked), found.left_out) == (1, 5)
    assert found.units.tolist() == pytest.approx([np.log(5.0)])


def test_bands_without_enough_lines_are_marked(bundle: Path):
    """They carry the number of lines that judged them, so that serving refuses them."""
    model = _served(bundle).model
    assert len(model.bands) == amounts.band_count()
    assert any(band.lines >= claims_amounts.FEW for band in model.bands)
    assert all(band.low < 0 < band.high for band in model.bands)
    assert all(0 <= band.near <= 1 for band in model.bands)


def test_the_bundle_knows_what_it_was_taught(bundle: Path):
    """Systems of lines, currencies and regimes; it answers in no code system."""
    knows = _served(bundle).origin.knows
    assert knows.reads >= {"hcpcs", "sbs", "gtin"}
    assert not knows.reads & (completion.UNSHARED | {"icd-10-am", "icd-10-cm"})
    assert knows.answers == ()
    assert set(knows.regimes) == {"base", "nphies", "x12-us"}


def test_too_few_lines_are_refused(tmp_path: Path):
    """Nothing is written."""
    simulate.simulate(60, 1, tmp_path / "data")
    with pytest.raises(errors.Invalid, match="50") as refused:
        claims_amounts.train(tmp_path / "data", 1, tmp_path / "bundle")
    assert refused.value.reason == "data.few"
    assert not (tmp_path / "bundle").exists()


def test_the_card_says_what_it_is(bundle: Path):
    """Simulated, never filled in, with what the range is worth."""
    card = (bundle / "card.md").read_text()
    for words in ("Simulated", "never filled in", "mean of the service", "of 80 % meant", "were promised"):
        assert words in card
