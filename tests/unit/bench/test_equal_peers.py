"""The peers that do the same work find what we find: every rule at every place, over sound and faulty claims.

Tables of the packs make BASE-501 to 503 and HIST-301 fire; BASE-506 to 509, HIST-201, 401 and 402 need lists
that only customers have, so examples bring their own.
"""

import datetime as dt
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from peers import model as first_model
from peers import shapes as first_shapes
from peers.equal import history, scoring, shapes

import equal_faults as faults
import equal_support as support
from chassis import errors
from claims.domain.rules import examples, packs
from formats import canonical
from payersim.usecases import simulate

AS_OF = dt.date(2026, 8, 15)
CLAIMS = 400
NINTH = {"service_date": "2026-08-09"}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Claims as the benchmark sends them."""
    folder = tmp_path_factory.mktemp("equal")
    simulate.simulate(CLAIMS, 12, folder, regimes=("base",))
    return [json.loads(line) for line in (folder / "claims.ndjson").read_bytes().splitlines()]


def _rules() -> list[tuple[packs.Pack, packs.Rule]]:
    return [
        (pack, rule)
        for pack in support.committed().packs
        for rule in pack.rules
        if "base" in pack.regimes and (not rule.applies.regime or "base" in rule.applies.regime)
    ]


def _same(documents: list[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    bodies = [json.dumps(document).encode() for document in documents]
    ours = support.ours(support.read(documents), AS_OF)
    theirs = support.theirs(bodies, AS_OF)
    assert [faults.compared(*pair) for pair in zip(documents, theirs, strict=True)] == [
        faults.compared(*pair) for pair in zip(documents, ours, strict=True)
    ]
    return ours


def test_they_know_every_rule_of_ours_and_no_other():
    """Their code names the 95 rules that apply to a canonical claim, and nothing else."""
    mine = {rule.id for _, rule in _rules()}
    assert len(mine) == 95
    source = "".join(file.read_text() for file in Path(scoring.__file__).parent.glob("*.py"))
    assert set(re.findall(r'"((?:BASE|HIST)-\d{3})"', source)) == mine


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for _, rule in _rules()])
def test_they_find_what_the_packs_own_examples_say(rule: packs.Rule):
    """Every example of a rule is judged alike, with severity and words; amounts are written more plainly."""
    for partial in (*rule.examples.violates, *rule.examples.satisfies):
        if partial.get("regime", "base") != "base" or any(partial.get("history", ())):
            continue  # counts of earlier claims: peers count claims themselves, see below
        claim, as_of = examples.build(partial)
        judge, book = support.laid(partial)
        body = canonical.encode(claim)
        assert support.theirs([body], as_of, book) == support.ours([claim], as_of, judge), partial
        said = judge.evaluate(claim, as_of=as_of).findings
        told = {(one["rule"], one["path"]): one for one in support.theirs_in_full([body], as_of, book)[0]}
        for finding in said:
            other = told[finding.rule, finding.path]
            assert other["severity"] == finding.severity
            for language in ("en", "ar"):
                assert _words(other["message"][language]) == _words(getattr(finding.message, language))


def _words(text: str) -> str:
    return re.sub(r"[-\d.,]+|[\u2066\u2069]", "", text)


def test_simulated_claims_are_judged_alike(simulated: list[dict[str, Any]]):
    """Claims as the benchmark sends them, in order, some of which come a second time under another id."""
    again = [{**claim, "claim_id": f"{claim['claim_id']}-2"} for claim in simulated[::5]]
    found = _same([*simulated, *again])
    fired = Counter(rule for one in found for rule, _ in one)
    assert fired["HIST-101"] > 50
    assert {"BASE-101", "BASE-102", "BASE-317"} <= set(fired)


@pytest.mark.parametrize("case", faults.HISTORIES)
def test_earlier_claims_mean_the_same(case: str, simulated: list[dict[str, Any]]):
    """Claims sent again in many ways are duplicates of the same strength, or none, for both."""
    sound = [claim for claim in simulated if claim["use"] == "claim"][:60]
    found = [_same([claim, faults.again(claim, case)])[1] for claim in sound]
    fired = {rule for one in found for rule, _ in one if rule.startswith("HIST-1")}
    assert fired == faults.HISTORIES[case]


@pytest.mark.parametrize(
    ("tables", "lines", "again", "rule"),
    [  # service dates: 2026-08-01, and eight days later
        ({"visits": {"local|X-100": {"follow_up_days": 14}}}, {}, NINTH, "HIST-201"),
        ({"visits": {"local|X-100": {"follow_up_days": 4}}}, {}, NINTH, None),
        (
            {"frequency": {"local|X-100": {"days": 30, "quantity": 1}}},
            {}, NINTH, "HIST-301",
        ),
        ({"frequency": {"local|X-100": {"days": 5, "quantity": 1}}}, {}, NINTH, None),
        (
            {"preauthorizations": {"A-1|local|X-100": {"quantity": 1}}},
            {"preauth_ref": "A-1"}, {**NINTH, "preauth_ref": "A-1"}, "HIST-401",
        ),
        (
            {"preauthorizations": {"A-1|local|X-100": {"quantity": 1}}},
            {"preauth_ref": "A-2"}, {**NINTH, "preauth_ref": "A-1"}, None,
        ),
    ],
)  # fmt: skip
def test_customers_lists_mean_the_same(
    tables: dict[str, Any], lines: dict[str, Any], again: dict[str, Any], rule: str | None
):
    """Follow-up visits, frequency and approvals count the same earlier claims."""
    later = {"encounter": None, "created": "2026-08-12", "diagnoses": [{"system": None}]}
    first, _ = examples.build({"claim_id": "C-1", "lines": [lines], **later})
    second, _ = examples.build({"claim_id": "C-2", "lines": [again], **later})
    judge, book = support.laid({"tables": tables})
    ours = support.ours([first, second], AS_OF, judge)
    assert support.theirs([canonical.encode(first), canonical.encode(second)], AS_OF, book) == ours
    assert [found for found, _ in ours[1] if found.startswith("HIST")] == ([rule] if rule else [])


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=300)
def test_faulty_claims_are_judged_alike(simulated: list[dict[str, Any]], data: st.DataObject):
    """Whatever is changed, left out or repeated in claims of one patient, both find the same."""
    whole = data.draw(st.sampled_from(simulated))
    documents = [data.draw(faults.faulty(whole, number)) for number in range(data.draw(st.integers(1, 3)))]
    try:
        support.read(documents)
    except errors.Invalid:
        hypothesis.reject()
    _same(documents)


@pytest.mark.parametrize(
    "other",
    [
        {}, {"modifiers": ["25"]}, {"modifiers": ["76"]}, {"tooth": "11"}, {"sub_site": ["O"]},
        {"code": "X-9"}, {"body_site": "LA"}, {"care_team_sequences": []}, {"system": "hcpcs"},
        {"sequence": 1}, {"quantity": 2}, {"service_date": "2026-08-01T10:00:00+03:00"},
        {"code": None, "revenue_code": "0270"},
    ],
)  # fmt: skip
def test_a_service_twice_in_a_claim_is_told_alike(other: dict[str, Any]):
    """Two lines of a claim are one service, or two, for both."""
    for lines in ([{}, other], [other, {}], [other, other, {}]):
        claim, as_of = examples.build({"lines": lines, "total": 100 * len(lines)})
        assert support.theirs([canonical.encode(claim)], as_of) == support.ours([claim], as_of)


@pytest.mark.parametrize("encounter", [None, {"end": "2026-01-01"}, {"end": "2026-08-01"}])
@pytest.mark.parametrize("served", [None, "2026-01-01", "2026-08-01"])
@pytest.mark.parametrize("period", [None, {"end": "2026-01-01"}])
@pytest.mark.parametrize("created", [None, "2026-08-02"])
def test_codes_are_judged_by_the_same_day(
    encounter: dict[str, str] | None, served: str | None, period: dict[str, str] | None, created: str | None
):
    """The encounter's end, the last service, the period or the claim says which table holds."""
    told = {"encounter": encounter, "billable_period": period, "created": created}
    claim, as_of = examples.build(
        {**told, "lines": [{"service_date": served}], "diagnoses": [{"code": "ZZZ"}]}
    )
    assert support.theirs([canonical.encode(claim)], as_of) == support.ours([claim], as_of)


def test_details_of_lines_with_one_number_are_the_named_difference():
    """We add details up by their line's number, peers by their line: only where a number is used twice."""
    line = {"details": [{"net": 60}, {"net": 40}]}
    claim, as_of = examples.build({"lines": [line, {**line, "sequence": 1, "code": "X-2"}], "total": 200})
    ours, theirs = support.ours([claim], as_of)[0], support.theirs([canonical.encode(claim)], as_of)[0]
    assert {rule for rule, _ in {*ours} ^ {*theirs}} <= faults.BY_NUMBER
    assert ("BASE-201", "lines[0].sequence") in theirs


def test_the_model_sees_the_first_peers_features(simulated: list[dict[str, Any]]):
    """Both sets of peers give their one model the same twenty columns."""
    for document in simulated[:100]:
        body = json.dumps(document)
        expected = first_model.features(first_shapes.Claim.model_validate_json(body))
        assert tuple(expected.columns) == scoring.COLUMNS
        found = scoring.values([shapes.Claim.model_validate_json(body)])
        np.testing.assert_array_equal(found, expected.to_numpy())


def test_flagged_lines_get_the_strongest_contributions(simulated: list[dict[str, Any]], tmp_path: Path):
    """Lines at or above our own model's threshold are told three features each, the strongest first."""
    manifest = support.PACKS / "models" / "denial-demo" / "manifest.json"
    assert json.loads(manifest.read_text())["flag_threshold"] == scoring.FLAG
    simulate.simulate(CLAIMS, 12, tmp_path, regimes=("base",))
    first_model.train(tmp_path, tmp_path / "model.json")
    claims = [shapes.Claim.model_validate(document) for document in simulated[:100]]
    told = scoring.Scorer(tmp_path / "model.json").score(scoring.values(claims))
    flagged = {row for row, chance in enumerate(told.probabilities) if chance >= scoring.FLAG}
    assert set(told.reasons) == flagged != set()
    for shares in told.reasons.values():
        sizes = [abs(share) for _, share in shares]
        assert len(shares) == scoring.TOP
        assert sizes == sorted(sizes, reverse=True)


def test_what_is_refused_or_says_nothing_new_is_no_history():
    """Replacements, newborns and restated claims leave no earlier service."""
    sound = {"claim_id": "C", "type": "professional", "use": "claim", "provider": {"id": "P"},
             "patient": {"id": "1"}, "insurance": [], "lines": []}  # fmt: skip
    assert history.patient(shapes.Claim.model_validate(sound)) == "||1"
    changes: tuple[dict[str, Any], ...]
    changes = ({"newborn": True}, {"frequency_code": "7"}, {"use": "preauthorization"}, {"patient": {}},
               {"related": [{"relationship": "prior"}]})  # fmt: skip
    for change in changes:
        assert history.patient(shapes.Claim.model_validate(sound | change)) is None
