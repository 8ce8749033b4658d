"""Canonical claims become facts and answers; time and patients part who is learned from and who judges."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import completion_support as support
import synpuf
from chassis import errors
from formats import canonical, completions
from scoring.inbound import completion_converters
from training import completion_history, histories, tasks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def history() -> completion_history.History:
    """The simulated claims, read."""
    return completion_history.read(support.data())


def _written(folder: Path, *claims: bytes) -> Path:
    (folder / completion_history.FILE).write_bytes(b"\n".join(claims) + b"\n")
    return folder


def test_claims_are_read_by_the_steps_that_serving_takes(history: completion_history.History):
    """Decoded, told as a message, read as facts: a claim of the file as one that is asked about."""
    lines = (support.data() / completion_history.FILE).read_bytes().splitlines()
    for place in (0, 17, 321, len(lines) - 1):
        told = completions.to_wire(canonical.decode(lines[place]))
        again = completion_converters.to_facts(type(told).FromString(told.SerializeToString()))
        assert repr(again) == repr(history.facts[place])  # NaN is equal to itself in words only


def test_answers_are_the_principal_diagnosis_and_the_nets(history: completion_history.History):
    """As the claim states them: system, code, and major units in the order of the lines."""
    lines = (support.data() / completion_history.FILE).read_bytes().splitlines()
    told = json.loads(lines[5])
    answer = history.answers[5]
    principal = next(one for one in told["diagnoses"] if "principal" in one["type"])
    assert (answer.system, answer.code) == (principal["system"], principal["code"])
    assert answer.nets == tuple(float(line["net"]) for line in told["lines"])


def test_open_places_teach_nothing(tmp_path: Path):
    """A claim without a diagnosis or a net has an empty answer, and is no error."""
    found = completion_history.read(_written(tmp_path, support.body({})))
    assert (found.answers[0].system, found.answers[0].code) == ("", "")
    assert math.isnan(found.answers[0].nets[0])


def test_a_folder_or_a_file_is_read(tmp_path: Path):
    """And told from other formats by its name."""
    folder = _written(tmp_path, support.body({"net": 1}), support.body({"net": 2}))
    one, two = completion_history.read(folder), completion_history.read(folder / completion_history.FILE)
    assert one.sha256 == two.sha256
    assert one.answers == two.answers
    assert completion_history.found(folder)
    assert completion_history.found(folder / completion_history.FILE)
    assert not completion_history.found(synpuf.write(tmp_path / "cms", 1, 3))


def test_simulated_claims_are_known_as_such(history: completion_history.History, tmp_path: Path):
    """By the simulator's account beside them; without it nobody claims that they are real either."""
    assert history.simulated
    assert "simulated" in completion_history.source(history)
    bare = completion_history.read(_written(tmp_path, support.body({})))
    assert not bare.simulated
    assert "simulated" not in completion_history.source(bare)


def test_a_line_that_is_no_claim_stops_the_reading(tmp_path: Path):
    """Training on half of the data would not be noticed."""
    with pytest.raises(errors.Invalid):
        completion_history.read(_written(tmp_path, support.body({}), b"{}"))


def test_a_file_without_claims_is_refused(tmp_path: Path):
    """By name."""
    (tmp_path / completion_history.FILE).write_bytes(b"")
    with pytest.raises(errors.Invalid, match=completion_history.FILE) as refused:
        completion_history.read(tmp_path)
    assert refused.value.reason == "data.empty"


def test_progress_counts_claims(tmp_path: Path):
    """So that a person sees that something happens."""
    told: list[int] = []
    completion_history.read(_written(tmp_path, *[support.body({})] * 3), told.append)
    assert told == [3]


def test_no_patient_is_on_both_sides(history: completion_history.History):
    """Those whose claims judge have taught nothing and calibrated nothing."""
    split = completion_history.split(history)
    judged = set(history.patients[split.judging].tolist())
    assert judged
    assert not judged & set(history.patients[split.learned | split.calibrating].tolist())


def test_later_claims_judge_earlier_ones(history: completion_history.History):
    """Learned from come first, then those that calibrate, then those that judge; none is two of them."""
    split = completion_history.split(history)
    created = history.created
    assert created[split.learned].max() < created[split.calibrating].min()
    assert created[split.calibrating].max() < created[split.judging].min() >= split.judge_from
    assert ((split.learned.astype(int) + split.calibrating + split.judging) <= 1).all()


def test_patients_are_kept_by_a_hash_of_their_name(history: completion_history.History):
    """Whatever the order of the file or the seed of the training."""
    lines = (support.data() / completion_history.FILE).read_bytes().splitlines()
    for place in (0, 99):
        name = json.loads(lines[place])["patient"]["id"]
        assert history.buckets[place] == histories.bucket(name)
    assert (history.buckets < completion_history.KEPT).mean() == pytest.approx(0.3, abs=0.1)


def test_time_is_parted_in_six(history: completion_history.History):
    """Parts of equal length, from the first day that judges to the last."""
    created = history.created[completion_history.split(history).judging]
    found = completion_history.sixths(created)
    assert sorted(set(found.tolist())) == [0, 1, 2, 3, 4, 5]
    assert (np.diff(found[np.argsort(created)]) >= 0).all()
    lengths = [np.ptp(created[found == part]) for part in range(6)]
    assert max(lengths) - min(lengths) <= 3


@pytest.mark.parametrize(("created", "parts"), [([], []), ([5], [0]), ([1, 1], [0, 0])])
def test_little_time_has_few_parts(created: list[int], parts: list[int]):
    """One day is one part, no claim is none."""
    assert completion_history.sixths(np.array(created, dtype=np.int64)).tolist() == parts


@pytest.mark.parametrize("task", ["diagnosis-completion", "amount-completion"])
def test_the_tasks_take_the_format_of_their_data(task: str, tmp_path: Path):
    """One command for both: the folder decides, and a bundle of one format is not judged on the other."""
    found = tasks.find(task)
    made: dict[str, Path] = {}
    for name, data in (("canonical", support.data()), ("cms", synpuf.write(tmp_path / "files", 1, 120))):
        found.train(data, 1, tmp_path / name)
        assert found.evaluate(tmp_path / name, data)["same_data_as_trained"] is True
        made[name] = data
    for name, other in (("canonical", "cms"), ("cms", "canonical")):
        with pytest.raises(errors.Fault) as refused:
            found.evaluate(tmp_path / name, made[other])
        assert refused.value.reason.startswith("bundle.")
