"""Both forms of a program give one answer: the packs' examples, changed claims, what one form cannot hold."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planted_faults
import planting
import planting_grounds
import rules_support as support
import sound_claims
from chassis import errors
from claims.domain.rules import engine, examples, explaining, packs, programs
from claims.domain.rules.columnar import batches, forms, judging
from formats import canonical, model

TODAY = support.AS_OF.toordinal() - support.EPOCH


def _examples() -> tuple[list[model.Claim], list[dt.date]]:
    """Every example of the committed packs that needs nothing beside its claim."""
    found = [
        examples.build(example)
        for pack in support.committed()[0]
        for rule in pack.rules
        for example in (*rule.examples.violates, *rule.examples.satisfies)
        if not {"tables", "history"} & set(example)
    ]
    return [claim for claim, _ in found], [day for _, day in found]


def _plain(violation: str, **fields: Any) -> dict[str, Any]:
    return support.rule(**{"violation": violation, "message": {"en": "x", "ar": "x"}, **fields})


def _rules(*documents: dict[str, Any]) -> tuple[packs.Rule, ...]:
    return support.pack(*documents).rules


def _program(*documents: dict[str, Any]) -> judging.Program:
    return judging.Program(_rules(*documents), support.KNOWN, batches.Gatherers())


def _build(*partials: dict[str, Any]) -> list[model.Claim]:
    return [examples.build(partial)[0] for partial in partials]


def _hits(found: Sequence[forms.Said]) -> list[Any]:
    return [said if isinstance(said, Exception) else support.hits(said) for said in found]


def _both(claims: list[model.Claim], *documents: dict[str, Any]) -> list[list[programs.Hit]]:
    """What the columnar form says, after making sure that the scalar form says the same."""
    rules = _rules(*documents)
    cases = [explaining.Case(claim, TODAY, "Asia/Riyadh") for claim in claims]
    one = forms.Forms(rules, support.KNOWN, batches.Gatherers(), many=len(claims) + 1).hits(cases)
    many = forms.Forms(rules, support.KNOWN, batches.Gatherers(), many=1).hits(cases)
    assert _hits(one) == _hits(many)
    return _hits(many)


def test_the_packs_own_examples_read_alike_in_both_forms():
    """Findings, paths, messages and undecided rules are equal and in order; regimes and days are mixed."""
    claims, days = _examples()
    judge = support.judging(many=1)
    assert len(claims) > 100
    alone = [judge.evaluate(claim, as_of=day) for claim, day in zip(claims, days, strict=True)]
    assert judge.evaluate_batch(claims, as_of=days) == alone


def test_no_committed_rule_is_left_to_the_scalar_form():
    """Every rule that does not look at earlier claims has a columnar form, and decides its examples in it."""
    known, tables = support.committed()
    rules = [rule for pack in known for rule in pack.rules if not packs.needs_past(rule)]
    program = judging.Program(rules, tables, batches.Gatherers())
    assert program.left == []
    claims, _ = _examples()
    judged = program.judge(claims, [TODAY] * len(claims), "Asia/Riyadh")
    assert (judged.rules, judged.claims) == ((), [])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(sorted(sound_claims.ALL)).flatmap(sound_claims.strategy), min_size=1, max_size=4)
)
def test_sound_claims_read_alike_in_both_forms(documents: list[dict[str, Any]]):
    """Generated claims of every regime and type, mixed in one batch, have the outcomes they have alone."""
    judge = support.judging(many=1)
    claims = [canonical.decode(msgspec.json.encode(document)) for document in documents]
    days = [sound_claims.AS_OF] * len(claims)
    alone = [judge.evaluate(claim, as_of=sound_claims.AS_OF) for claim in claims]
    assert judge.evaluate_batch(claims, as_of=days) == alone


def test_planted_faults_are_found_alike_in_both_forms():
    """Every claim with one planted fault, all in one batch: the same findings as one by one."""
    grounds = planting_grounds.grounds()
    documents = [planting.planted(grounds[fault.base], fault) for fault in planted_faults.FAULTS]
    claims = [canonical.decode(msgspec.json.encode(document)) for document in documents]
    judge = support.judging(many=1)
    days = [support.AS_OF] * len(claims)
    alone = [judge.evaluate(claim, as_of=support.AS_OF) for claim in claims]
    assert judge.evaluate_batch(claims, as_of=days) == alone
    assert len({finding.rule for one in alone for finding in one.findings}) >= 60


CHANGES = st.fixed_dictionaries({
    "net": st.sampled_from(["0", "100", "100.005", "-3.5", "99999999999999", "1e-9", None]),
    "quantity": st.sampled_from(["1", "0.0001", "-1", "3", "123456789", None]),
    "currency": st.sampled_from(["SAR", "KWD", "JPY", "CLF", "", None]),
    "regime": st.sampled_from(["nphies", "x12-us", None]),
    "service_date": st.sampled_from(["2026-08-01", "2027-01-01T23:30:00+03:00", "nonsense", None]),
    "code": st.sampled_from(["X-100", "", "99213", None]),
    "lines": st.integers(1, 3), "diagnoses": st.integers(0, 2), "details": st.integers(0, 2),
})  # fmt: skip


def _changed(change: dict[str, Any]) -> model.Claim:
    claim, _ = examples.build({})
    first = msgspec.structs.replace(
        claim.lines[0],
        net=None if change["net"] is None else Decimal(change["net"]),
        quantity=None if change["quantity"] is None else Decimal(change["quantity"]),
        service_date=change["service_date"], code=change["code"],
        details=[_detail(at) for at in range(change["details"])],
    )  # fmt: skip
    return msgspec.structs.replace(
        claim, currency=change["currency"], regime=change["regime"],
        lines=[msgspec.structs.replace(first, sequence=at + 1) for at in range(change["lines"])],
        diagnoses=claim.diagnoses * change["diagnoses"],
    )  # fmt: skip


def _detail(at: int) -> model.LineDetail:
    inner = [model.Detail(sequence=1, net=Decimal(at))] if at else []
    return model.LineDetail(sequence=at + 1, code="X-1", net=Decimal(1), tax=None, details=inner)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CHANGES, min_size=1, max_size=6))
def test_changed_claims_read_alike_in_both_forms(changes: list[dict[str, Any]]):
    """Currencies and regimes mixed, details in details, absent and absurd values: the outcomes are equal."""
    judge = support.judging(many=1)
    claims = [_changed(change) for change in changes]
    alone = [judge.evaluate(claim, as_of=support.AS_OF) for claim in claims]
    assert judge.evaluate_batch(claims, as_of=[support.AS_OF] * len(claims)) == alone


def test_a_hit_names_rule_row_and_truth_in_both_forms():
    """TRUE and unknown are hits, FALSE is none; rows count from zero within their claim."""
    claims = _build({"lines": [{"tax": 1}, {"tax": None}, {"tax": 0}]}, {}, {"lines": [{"tax": 5}]})
    found = _both(
        claims,
        _plain("tax > 0", id="R-1"),
        _plain("net = 100 AND tax = 0", id="R-2"),
        _plain("total = 100", id="R-3", applies={"scope": "claim"}),
    )
    assert found == [
        [(0, 0, True), (0, 1, None), (1, 1, None), (1, 2, True), (2, 0, True)],
        [(1, 0, True), (2, 0, True)],
        [(0, 0, True), (2, 0, True)],
    ]


@pytest.mark.parametrize(
    "scope", ["line", "detail", "diagnosis", "care_team", "information", "insurance", "procedure", "related"]
)
def test_every_scope_has_rows_in_both_forms(scope: str):
    """Rules over any kind of row agree, over claims with several such rows, one, and none."""
    inner = {"details": [{"sequence": 1}, {"sequence": 2, "details": [{"sequence": 7}]}]}
    full = {
        "lines": [inner, {}, inner], "diagnoses": [{}, {"code": None}], "care_team": [{}, {}],
        "supporting_info": [{}, {"category": None}], "insurance": [{}, {"focal": False}],
        "procedures": [{"sequence": 1, "code": "P"}, {"sequence": 2}], "related": [{"claim_id": "A"}, {}],
    }  # fmt: skip
    bare: dict[str, Any] = {"diagnoses": [], "care_team": [], "supporting_info": [], "insurance": [{}]}
    number = "claim_id IS NULL" if scope == "related" else "sequence > 1"
    found = _both(
        _build(full, bare, {}, full),
        _plain("TRUE", id="R-1", applies={"scope": scope}),
        _plain(number, id="R-2", applies={"scope": scope}),
        _plain("total = 100", id="R-3", applies={"scope": scope}),
    )
    assert found[0] == found[3]
    assert found[0]


def test_a_claim_with_a_number_out_of_the_ordinary_is_judged_alone():
    """A number of many decimals or digits is left to exact decimals; the other claims are not."""
    rule = _plain("net = 1.00000000000000001")
    plain, fine = _build({}, {"lines": [{"net": 1}]})
    line = msgspec.structs.replace(fine.lines[0], net=Decimal("1.00000000000000001"))
    strange = msgspec.structs.replace(fine, lines=[line])
    huge = msgspec.structs.replace(fine, lines=[msgspec.structs.replace(line, net=Decimal("1e30"))])
    judged = _program(rule).judge([plain, strange, huge, fine], [TODAY] * 4, "UTC")
    assert judged.claims == [1, 2]
    assert _both([plain, strange, huge, fine], rule) == [[], [(0, 0, True)], [], []]


@pytest.mark.parametrize(
    ("violation", "left"),
    [
        ("net * 1000000000000000000 > 1", True),
        ("net > 99999999999999999999999999999999", True),
        ("net * quantity * quantity * quantity < 0.0000000000000000000000000001", True),
        ("net * 100000 > 1", False),
        ("ROUND(net / 3, 4) = 33.3333", False),
        ("total / quantity / 7 * quantity > 1", None),
        ("SUM(lines.net) * 99999999999 * 9999999 = 1", True),
    ],
)
def test_what_int64_cannot_hold_is_left_over(violation: str, left: object):
    """A calculation that might not be exact is handed over whole, and answered alike."""
    claims = _build({}, {"lines": [{"net": 123456.91, "quantity": 77}]}, {"lines": [{"net": None}]})
    judged = _program(_plain(violation)).judge(claims, [TODAY] * 3, "UTC")
    if left is not None:
        assert bool(judged.rules) is left
    _both(claims, _plain(violation), _plain("net > 0", id="R-2"))


def test_one_claim_that_fails_does_not_take_its_batch_down():
    """A claim of ours that is broken inside gets a fault with its cause; the others get their outcomes."""
    sound, broken = _build({}, {})
    broken = msgspec.structs.replace(broken, lines=[object()])
    rule = _plain("net = 100")
    for many in (1, 99):
        judge = engine.Engine([support.pack(rule)], support.KNOWN, many=many)
        found = judge.evaluate_batch([sound, broken, sound], as_of=[support.AS_OF] * 3)
        assert found[0] == found[2] == judge.evaluate(sound, as_of=support.AS_OF)
        assert isinstance(found[1], errors.Internal)
        assert isinstance(found[1].__cause__, AttributeError)


def test_a_batch_keeps_its_order_whatever_it_is_judged_by():
    """Claims of several programs, zones and days come back in the order they were given."""
    rule = _plain("service_date = CURRENT_DATE", message={"en": "{code}", "ar": "{code}"})
    claims = _build(
        *({"lines": [{"code": f"C-{at}"}], "regime": ["nphies", "base"][at % 2]} for at in range(9))
    )
    days = [dt.date(2026, 8, 1 + at % 3) for at in range(9)]
    facts: list[engine.Facts | None] = [{"zone": "UTC"} if at % 4 == 0 else None for at in range(9)]
    for many in (1, 3, 99):
        judge = engine.Engine([support.pack(rule)], support.KNOWN, many=many)
        found = judge.evaluate_batch(claims, as_of=days, facts=facts)
        assert found == [
            judge.evaluate(claim, as_of=day, facts=fact)
            for claim, day, fact in zip(claims, days, facts, strict=True)
        ]
        assert [len(one.findings) for one in found if isinstance(one, engine.Outcome)] == [1, 0, 0] * 3


def test_turns_are_small_where_claims_are_judged_one_by_one():
    """Between two turns other work may be done; every claim is in one turn, at its place."""
    rule = _plain("net = 100")
    count = engine.COLUMNAR_TURN + 44
    claims = _build(*[{"regime": "nphies" if at % 10 == 0 else "base"} for at in range(count)])
    days = [support.AS_OF] * count
    for many, largest in ((99_999, engine.SCALAR_TURN), (1, count // 2), (100, count // 2)):
        judge = engine.Engine([support.pack(rule)], support.KNOWN, many=many)
        turns = list(judge.evaluate_turns(claims, as_of=days))
        assert max(map(len, turns)) == largest
        told = dict(entry for turn in turns for entry in turn)
        assert [told[at] for at in range(count)] == judge.evaluate_batch(claims, as_of=days)


def test_turns_in_columns_are_of_even_size():
    """A batch a little longer than a turn is halved: the columnar form pays for both halves."""
    judge = engine.Engine([support.pack(_plain("net = 100"))], support.KNOWN, many=100)
    claims = _build({}) * (engine.COLUMNAR_TURN + 4)
    turns = list(judge.evaluate_turns(claims, as_of=[support.AS_OF] * len(claims)))
    assert [len(turn) for turn in turns] == [130, 130]


def test_an_empty_batch_has_no_answers():
    """Nothing in, nothing out."""
    assert engine.Engine([], support.KNOWN).evaluate_batch([], as_of=[]) == []


def test_rules_left_over_are_compiled_once_for_each_set():
    """The sets of left-over rules that are kept are bounded, and the answers do not depend on it."""
    count = forms.MAX_RESTS + 2
    rules = [_plain(f"net * 1000000000000000 > {at}", id=f"R-{at}") for at in range(count)]
    claims = _build({}, {"lines": [{"net": None}]})
    held = forms.Forms(_rules(*rules), support.KNOWN, batches.Gatherers(), many=1)
    cases = [explaining.Case(claim, TODAY, "UTC") for claim in claims]
    first, second = held.hits(cases), held.hits(cases)
    assert (
        _hits(first)
        == _hits(second)
        == [
            [(at, 0, True) for at in range(count)],
            [(at, 0, None) for at in range(count)],
        ]
    )
