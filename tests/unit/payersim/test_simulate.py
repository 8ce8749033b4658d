"""The pseudo-payer's history: reproducible, sound in arithmetic, denied for the reasons it states."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis import errors
from formats import canonical
from payersim.domain import adjudicator, catalogue, families, generator, population
from payersim.usecases import simulate

FAMILY_NAMES = {family.name for family in families.FAMILIES} | {families.NECESSITY.name}


def _drawn_claims(seed: int, count: int) -> list[generator.Drawn]:
    rng = np.random.default_rng(seed)
    world = population.create(rng, count)
    return [generator.draw(rng, world, number) for number in range(count)]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_number_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    """A simulated history can be made again anywhere from two numbers."""
    simulate.simulate(200, 7, tmp_path / "a")
    simulate.simulate(200, 7, tmp_path / "b")
    assert _files(tmp_path / "a") == _files(tmp_path / "b")


def test_another_seed_gives_another_history(tmp_path: Path) -> None:
    """The seed is not ignored."""
    first = simulate.simulate(50, 1, tmp_path / "a")
    second = simulate.simulate(50, 2, tmp_path / "b")
    assert first.sha256 != second.sha256


def test_every_written_claim_reads_back_as_canonical(tmp_path: Path) -> None:
    """What the generator writes is what every other room can read."""
    simulate.simulate(120, 3, tmp_path)
    lines = (tmp_path / "claims.ndjson").read_bytes().splitlines()
    assert len(lines) == 120
    assert len({canonical.decode(line).claim_id for line in lines}) == 120


def test_each_claim_has_its_adjudication_in_the_same_order(tmp_path: Path) -> None:
    """The two files can be read side by side, line by line."""
    simulate.simulate(80, 5, tmp_path)
    claims = [json.loads(line) for line in (tmp_path / "claims.ndjson").read_text().splitlines()]
    answers = [json.loads(line) for line in (tmp_path / "adjudications.ndjson").read_text().splitlines()]
    assert [claim["claim_id"] for claim in claims] == [answer["claim_id"] for answer in answers]
    for claim, answer in zip(claims, answers, strict=True):
        assert [line["sequence"] for line in claim["lines"]] == [line["sequence"] for line in answer["lines"]]


def test_the_summary_counts_what_the_file_holds(tmp_path: Path) -> None:
    """Figures in meta.json are counted, not assumed."""
    summary = simulate.simulate(150, 11, tmp_path)
    answers = [json.loads(line) for line in (tmp_path / "adjudications.ndjson").read_text().splitlines()]
    denied = [line for answer in answers for line in answer["lines"] if line["outcome"] != "approved"]
    assert summary.lines == sum(len(answer["lines"]) for answer in answers)
    assert summary.lines_denied == len(denied)
    assert sum(summary.families.values()) == len(denied)
    assert json.loads((tmp_path / "meta.json").read_text())["simulated"] is True


def test_late_families_deny_nothing_before_their_month() -> None:
    """A family the model must not have seen leaves no trace in the months it is trained on."""
    rng = np.random.default_rng(2)
    history = families.History()
    late = {family.name: family.since for family in families.FAMILIES if family.since}
    seen = set()
    for drawn in _drawn_claims(2, 3_000):
        for line in adjudicator.adjudicate(rng, drawn, history)["lines"]:
            if line.get("family") in late:
                assert drawn.month >= late[line["family"]]
                seen.add(line["family"])
    assert seen == set(late)


@pytest.mark.parametrize("claims", [0, -1, simulate.MAX_CLAIMS + 1])
def test_a_number_out_of_range_is_refused_by_name(tmp_path: Path, claims: int) -> None:
    """A person who mistypes the number is told which option is wrong, and nothing is written."""
    with pytest.raises(errors.Invalid, match="--claims"):
        simulate.simulate(claims, 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_progress_reaches_the_whole_number(tmp_path: Path) -> None:
    """A progress bar ends full."""
    seen: list[int] = []
    simulate.simulate(600, 1, tmp_path, seen.append)
    assert seen[-1] == 600
    assert seen == sorted(seen)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_arithmetic_of_every_generated_claim_adds_up(seed: int) -> None:
    """Net is quantity times price and the total is the sum of nets, to the halala."""
    for drawn in _drawn_claims(seed, 5):
        claim = drawn.claim
        for line in claim.lines:
            assert line.quantity is not None
            assert line.unit_price is not None
            assert line.net == line.quantity * line.unit_price
            assert Decimal(0) <= (line.patient_share or Decimal(0)) <= line.net
        assert claim.total == sum(line.net or 0 for line in claim.lines)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_answer_states_a_known_reason_or_pays_in_full(seed: int) -> None:
    """No denial without a family, an nphies reason and a CARC; no payment above what was owed."""
    rng = np.random.default_rng(seed)
    history = families.History()
    for drawn in _drawn_claims(seed, 5):
        answer = adjudicator.adjudicate(rng, drawn, history)
        for line, billed in zip(answer["lines"], drawn.claim.lines, strict=True):
            owed = int(((billed.net or 0) - (billed.patient_share or 0)) * 100)
            assert 0 <= line["paid_minor"] <= owed
            if line["outcome"] == "approved":
                assert line["paid_minor"] == owed
            else:
                assert line["family"] in FAMILY_NAMES
                assert line["nphies"]
                assert line["carc"]


def test_every_service_and_diagnosis_belongs_to_a_known_group() -> None:
    """The catalogue has no orphan that could never be billed or judged."""
    assert set(catalogue.DIAGNOSES) == {service.group for service in catalogue.SERVICES}
    assert all(whole in catalogue.BY_CODE and part in catalogue.BY_CODE for whole, part in catalogue.BUNDLED)


@pytest.mark.parametrize(
    ("birth", "day", "years"),
    [("2000-06-15", "2020-06-14", 19), ("2000-06-15", "2020-06-15", 20), ("2000-02-29", "2001-02-28", 0)],
)
def test_age_counts_completed_years(birth: str, day: str, years: int) -> None:
    """A birthday counts on the day itself."""
    assert generator.age(population.date.fromisoformat(birth), population.date.fromisoformat(day)) == years
