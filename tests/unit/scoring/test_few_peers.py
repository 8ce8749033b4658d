"""A quick look at a few claims never hides what is told of them: whatever it passes has nothing to tell."""

import itertools
from concurrent import futures
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import anomaly_support as support
import scoring_support
from formats import canonical, model
from formats import rows as row_schema
from payersim.usecases import simulate
from scoring.domain import anomalies, features, few_peers, peers, records, rows
from scoring.inbound import converters
from scoring.usecases import unusual

MODEL = support.watcher()
USUAL = few_peers.Usual(MODEL.book)
WANTED = anomalies.TOLD_DISTANCE - few_peers.HAIR


def _few(*claims: model.Claim) -> rows.Rows:
    batch = converters.to_rows(row_schema.pack(claims, [row_schema.History(30, 5, 1)] * len(claims)))
    assert batch.few
    return batch


def test_an_ordinary_claim_is_passed_and_a_dear_one_is_not() -> None:
    """The point of it: nothing to tell of the one, something of the other."""
    assert USUAL(_few(support.ordinary()))
    assert not USUAL(_few(support.dear()))
    assert not USUAL(_few(support.ordinary(), support.dear()))


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "Z9999"},  # nobody to compare with
        {"unit_price": None, "net": None, "quantity": None},  # nothing to compare
    ],
)
def test_what_cannot_be_judged_is_not_passed(changes: dict[str, object]) -> None:
    """That there are no peers, or no values, is told too."""
    claim = scoring_support.claim(changes, total=148)
    batch = _few(claim)
    assert any(anomalies.judge(MODEL, batch)[0])
    assert not USUAL(batch)


def test_no_claim_of_a_simulated_month_is_passed_with_something_to_tell(tmp_path: Path) -> None:
    """Alone, claim by claim: those passed have nothing to tell, and they are most."""
    simulate.simulate(300, 5, tmp_path, regimes=("base",))
    with (tmp_path / "claims.ndjson").open("rb") as file:
        claims = [canonical.decode(line) for line in itertools.islice(file, 250)]
    batches = [_few(one) for one in claims if len(one.lines) <= records.FEW]
    passed = [batch for batch in batches if USUAL(batch)]
    assert not any(anomalies.judge(MODEL, batch)[0] for batch in passed)
    assert len(passed) > len(batches) / 2


number = st.one_of(
    st.integers(0, 400), st.sampled_from([records.MISSING_INT, -1, 10**9]), st.integers(1_000, 90_000)
)
amount = st.one_of(st.floats(allow_infinity=False), st.sampled_from([1.0, 2.0, 40.0]))


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_an_ordinary_record_is_changed_to_is_not_passed_with_something_to_tell(
    data: st.DataObject,
) -> None:
    """Any few of its values, words of the book among them."""
    batch = _few(support.ordinary())
    words = [*batch.dictionary, *[*MODEL.book.words][::9]]
    assert isinstance(batch.claims, rows.Packed)
    assert isinstance(batch.lines, rows.Packed)
    contents = []
    for layout, kinds, content in (
        (records.CLAIM, records.CLAIM_KINDS, batch.claims.content),
        (records.LINE, records.LINE_KINDS, batch.lines.content),
    ):
        made = b""
        for record in layout.packed.iter_unpack(content):
            changed = [*record]
            for place in data.draw(st.sets(st.integers(0, len(kinds) - 1), max_size=4)):
                kind = [*kinds.values()][place]
                drawn = {"codes": st.integers(0, len(words) - 1), "i64": number, "f64": amount}[kind]
                changed[place] = data.draw(drawn)
            made += layout.packed.pack(*changed)
        contents.append(made)
    told = batch._replace(
        dictionary=words, claims=rows.packed_claims(contents[0]), lines=rows.packed_lines(contents[1])
    )
    if USUAL(told):
        assert anomalies.judge(MODEL, told) == [()]


def test_a_curve_that_never_tells_passes_every_deviation() -> None:
    """A group whose measure surprises nobody has no bounds; one that always surprises lets nothing pass."""
    flat = peers.Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 0.0)
    steep = peers.Curve(np.array([0.0, 1.0]), np.array([9.0, 10.0]), 1.0)
    rising = peers.Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 1.0)
    assert few_peers.limit(flat, WANTED) == np.inf
    assert few_peers.limit(steep, WANTED) == 0
    found = few_peers.limit(rising, WANTED)
    assert peers.surprise(rising, np.array([found]))[0] < anomalies.TOLD_DISTANCE
    assert peers.surprise(rising, np.array([found * 1.001]))[0] > anomalies.TOLD_DISTANCE


async def test_the_answer_is_the_same_by_the_quick_look() -> None:
    """What is told of few claims that came as records, and of the same ones in columns."""
    with futures.ThreadPoolExecutor(1) as worker:
        judge = unusual.Unusual(MODEL, worker=worker)
        for claims in ([support.ordinary()], [support.dear()], [support.ordinary(), support.dear()]):
            assert await judge(_few(*claims)) == await judge(scoring_support.batch(*claims))
            everything = await judge(_few(*claims), everything=True)
            assert everything == await judge(scoring_support.batch(*claims), everything=True)


@given(log=st.floats(min_value=-800, max_value=800))
def test_an_amounts_bound_is_never_beyond_that_of_its_logarithm(log: float) -> None:
    """Whatever is between the amounts is between the logarithms: rounding never lets more pass."""
    low, high = few_peers.amount(log, few_peers.LEAST), few_peers.amount(log, -few_peers.LEAST)
    told = features.log(np.array([low, high]))
    assert told[1] <= log <= told[0] or abs(log) > few_peers.LOGS


@given(
    gaps=st.lists(st.sampled_from([0.0, 1e-6, 0.5, 3.0]), min_size=11, max_size=11),
    count=st.integers(peers.MIN_PEERS, 5_000),
    part=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_what_is_less_far_off_than_its_group_tells_is_not_told(gaps: list[float], count: int, part: float):
    """Whatever the distances of a group's members: below the bound a row is too near or not rare enough."""
    knots = np.cumsum(gaps)
    bound = few_peers.told_from(knots, count)
    group = MODEL.book.lines._replace(knots=knots[None], peers=np.array([count]))
    for distance in (bound * part, np.nextafter(bound, 0)):
        rank = peers.percentile(group, np.array([0]), np.array([distance]))[0]
        assert distance < anomalies.TOLD_DISTANCE or rank < anomalies.TOLD_PERCENTILE
