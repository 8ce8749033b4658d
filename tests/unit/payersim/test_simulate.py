"""The pseudo-payer's history: reproducible, in order, denied for stated reasons, its truth beside it."""

import functools
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chassis import errors
from formats import canonical
from payersim.domain import adjudicator, catalogue, families, population
from payersim.usecases import simulate


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _read(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.ndjson").read_text().splitlines()]


@functools.cache
def judgements() -> list[tuple[int, adjudicator.Judgement]]:
    """Return month and judgement of the claims of one world."""
    office = adjudicator.Office(np.random.default_rng(2))
    world = population.create(2, 3_000, families.NAMES)
    return [(drawn.month, office.adjudicate(drawn)) for drawn in simulate.sent(world, 3_000)]


def test_the_same_number_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    """A simulated history can be made again anywhere from two numbers."""
    simulate.simulate(200, 7, tmp_path / "a")
    simulate.simulate(200, 7, tmp_path / "b")
    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    assert set(_files(tmp_path / "a")) == {
        "claims.ndjson", "adjudications.ndjson", "truth.ndjson", "meta.json",
    }  # fmt: skip


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


def test_each_claim_has_its_answer_and_its_truth_in_the_same_order(tmp_path: Path) -> None:
    """The three files can be read side by side, line by line."""
    simulate.simulate(80, 5, tmp_path)
    claims, answers, truths = (_read(tmp_path, name) for name in ("claims", "adjudications", "truth"))
    assert [one["claim_id"] for one in claims] == [one["claim_id"] for one in answers]
    assert [one["claim_id"] for one in claims] == [one["claim_id"] for one in truths]
    for claim, answer, truth in zip(claims, answers, truths, strict=True):
        assert [line["sequence"] for line in claim["lines"]] == [line["sequence"] for line in answer["lines"]]
        assert len(truth["lines"]) == len(claim["lines"])


def test_the_summary_counts_what_the_files_hold(tmp_path: Path) -> None:
    """Figures in meta.json are counted, not assumed."""
    summary = simulate.simulate(150, 11, tmp_path)
    answers, truths = _read(tmp_path, "adjudications"), _read(tmp_path, "truth")
    denied = [line for answer in answers for line in answer["lines"] if line["outcome"] != "approved"]
    assert summary.lines == sum(len(answer["lines"]) for answer in answers)
    assert summary.lines_denied == len(denied) == sum(summary.families.values())
    assert summary.faultless == sum(not truth["faults"] for truth in truths)
    assert summary.ceiling["lines"]["positives"] == len(denied)
    assert sum(summary.kinds.values()) == 150
    assert json.loads((tmp_path / "meta.json").read_text())["simulated"] is True


def test_no_claim_can_be_foretold_by_anybody() -> None:
    """Even who knows the truth is wrong now and then: no line is certain, and the ceiling is below one."""
    told = [line["probability"] for _, one in judgements() for line in one.truth["lines"]]
    assert min(told) > 0.0
    assert max(told) < 1.0
    surprised = [
        line["outcome"] == "approved"
        for _, one in judgements()
        for line, truth in zip(one.answer["lines"], one.truth["lines"], strict=True)
        if truth["probability"] > 0.95
    ]
    assert 0.0 < np.mean(surprised) < 0.1


def test_late_families_deny_nothing_before_their_month() -> None:
    """A family the model must not have seen leaves no trace in the months it is trained on."""
    late = {family.name: family.since for family in families.FAMILIES if family.since}
    seen = set()
    for month, one in judgements():
        for line in one.truth["lines"]:
            if line["family"] in late:
                assert month >= late[line["family"]]
                seen.add(line["family"])
    assert len(seen) >= 4


def test_every_answer_states_a_known_reason_or_pays_in_full() -> None:
    """No denial without a family, an nphies reason and a CARC; no payment above what was owed."""
    reasons = {family.name: (family.nphies, family.carc) for family in families.FAMILIES}
    for _, one in judgements():
        for line, truth in zip(one.answer["lines"], one.truth["lines"], strict=True):
            if line["outcome"] == "approved":
                assert truth["family"] == ""
            else:
                assert (line["nphies"], line["carc"]) == reasons[truth["family"]]
                assert truth["family"] in truth["applies"]
                assert line["paid_minor"] >= 0


def test_claims_do_not_change_with_what_a_payer_hides() -> None:
    """Leak test: other strictness, zeal, policies and lists give the same claims, byte for byte."""
    world = population.create(9, 60, families.NAMES)
    hidden = [
        replace(
            payer, strictness=0.1, zeal=dict.fromkeys(families.NAMES, 3.0), policy_month=0, policy=9.0,
            excluded=frozenset({("gold", "renal")}), unlisted=frozenset({("gold", "J1815")}),
        )
        for payer in world.payers
    ]  # fmt: skip
    other = replace(world, payers=tuple(hidden))
    one, two = ([canonical.encode(d.claim) for d in simulate.sent(w, 60)] for w in (world, other))
    assert one == two


def test_memory_does_not_grow_with_the_history() -> None:
    """Eight times the claims need less than four times the memory: only what is on its way is held."""
    peaks = []
    for claims in (250, 2_000):
        world = population.create(1, claims, families.NAMES)
        office = adjudicator.Office(np.random.default_rng(1))
        tracemalloc.start()
        for drawn in simulate.sent(world, claims):
            office.adjudicate(drawn)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 4 * peaks[0]


@pytest.mark.parametrize("claims", [0, -1, simulate.MAX_CLAIMS + 1])
def test_a_number_out_of_range_is_refused_by_name(tmp_path: Path, claims: int) -> None:
    """A person who mistypes the number is told which option is wrong, and nothing is written."""
    with pytest.raises(errors.Invalid, match="--claims"):
        simulate.simulate(claims, 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_regimes_can_be_chosen_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    """One regime gives claims of it only; a name that is none is refused."""
    simulate.simulate(40, 1, tmp_path, regimes=("nphies",))
    assert {claim["regime"] for claim in _read(tmp_path, "claims")} == {"nphies"}
    simulate.simulate(40, 1, tmp_path, regimes=("x12-us",))
    assert {claim["currency"] for claim in _read(tmp_path, "claims")} == {"USD"}
    for wrong in ((), ("cms",)):
        with pytest.raises(errors.Invalid, match="regimes"):
            simulate.simulate(40, 1, tmp_path, regimes=wrong)


def test_progress_reaches_the_whole_number(tmp_path: Path) -> None:
    """A progress bar ends full."""
    seen: list[int] = []
    simulate.simulate(600, 1, tmp_path, seen.append)
    assert seen[-1] == 600
    assert seen == sorted(seen)


def test_every_service_and_diagnosis_belongs_to_a_known_group() -> None:
    """The catalogue has no orphan that could never be billed or judged."""
    assert set(catalogue.DIAGNOSES) == {service.group for service in catalogue.SERVICES}
    assert all(whole in catalogue.BY_CODE and part in catalogue.BY_CODE for whole, part in catalogue.BUNDLED)
    assert set(catalogue.DIAGNOSIS_SEX) <= set(catalogue.DIAGNOSIS_GROUPS)
