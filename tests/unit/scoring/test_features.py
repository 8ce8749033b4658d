"""One implementation from columns to matrices: what it computes and how it treats the unknown."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring_support as support
from formats import rows as row_schema
from scoring.domain import columns, features, labels, records, schemas

SCHEMA = support.bundle().model.features


def _line(feature: str, *lines: dict[str, object], **changes: object) -> float:
    found = features.matrices(SCHEMA, support.batch(support.claim(*lines, **changes)))
    return float(found.lines[0, columns.LINE_MODEL.index(feature)])


def _claim(feature: str, *lines: dict[str, object], **changes: object) -> float:
    found = features.matrices(SCHEMA, support.batch(support.claim(*lines, **changes)))
    return float(found.claims[0, columns.CLAIM_MODEL.index(feature)])


def test_the_columns_read_are_columns_of_the_row_schema():
    """Names and kinds declared here are those that senders fill: the wall between rooms holds no drift."""
    for ours, theirs in (
        (columns.CLAIM_KINDS, row_schema.CLAIM_COLUMNS),
        (columns.LINE_KINDS, row_schema.LINE_COLUMNS),
    ):
        assert {name: theirs.get(name) for name in ours} == ours


def test_every_feature_belongs_to_a_group_with_both_labels():
    """A contribution can always be told in English and Arabic."""
    for name in columns.LINE_MODEL + columns.CLAIM_MODEL:
        group = labels.GROUPS[labels.INDEX[columns.group_of(name)]]
        assert group.label_en.isascii()
        assert any("\u0600" <= letter <= "\u06ff" for letter in group.label_ar)


def test_names_of_features_are_unique():
    """No two columns of a matrix share a name."""
    assert len(set(columns.LINE_MODEL)) == len(columns.LINE_MODEL)
    assert len(set(columns.CLAIM_MODEL)) == len(columns.CLAIM_MODEL)


@given(cut=st.integers(1, 5), order=st.permutations(range(6)))
@settings(max_examples=20, deadline=None)
def test_a_claim_has_the_same_features_in_any_company(cut: int, order: list[int]):
    """Batching never changes a claim's numbers: any split and order of a batch gives the same rows."""
    claims = [support.claim(), support.costly(), support.claim({}, {"code": "X9"}), support.claim({"net": 1})]
    claims += [support.claim(use="preauthorization"), support.claim(provider={"id": "new"})]
    whole = features.matrices(SCHEMA, support.batch(*(claims[number] for number in order)))
    parts = [
        features.matrices(SCHEMA, support.batch(*(claims[number] for number in chosen)))
        for chosen in (order[:cut], order[cut:])
        if chosen
    ]
    np.testing.assert_array_equal(whole.lines, np.vstack([part.lines for part in parts]))
    np.testing.assert_array_equal(whole.claims, np.vstack([part.claims for part in parts]))
    np.testing.assert_array_equal(whole.meaning, np.vstack([part.meaning for part in parts]))


def test_an_unseen_code_falls_into_the_unseen_bucket_and_is_neither_dear_nor_odd():
    """For a code training did not know there is no usual price, and no pair it could be unusual in."""
    assert _line("code", {"code": "Z9999"}) == 0
    assert _line("price_to_service", {"code": "Z9999", "unit_price": 1, "net": 1}) == 0
    assert _line("service_for_sex", {"code": "Z9999"}) == 0


def test_a_double_price_is_ln_two_above_the_usual():
    """Distances to the usual price are on a logarithmic scale."""
    usual = _line("price_to_service", {"unit_price": 148, "net": 148})
    double = _line("price_to_service", {"unit_price": 296, "net": 296})
    assert double - usual == pytest.approx(np.log(2), abs=1e-3)


def test_a_service_for_the_other_sex_is_less_familiar():
    """Pairs that claims avoid score below pairs they show."""
    man = _line("service_for_sex", {"code": "G0101"})
    woman = _line(
        "service_for_sex", {"code": "G0101"}, patient={"id": "P", "birth_date": "1980-01-01", "sex": "female"}
    )
    assert man < 0 < woman


def test_missing_numbers_stay_missing():
    """Nothing is filled in: an absent date or price is NaN."""
    assert np.isnan(_line("price_to_service", {"unit_price": None}))
    assert np.isnan(_claim("age_years", patient={"id": "P", "sex": "male"}))
    assert np.isnan(_claim("encounter_days", encounter={"class": "AMB"}))


def test_a_claim_sees_the_extremes_of_its_lines():
    """most_ and least_ are the largest and smallest of a feature over the lines."""
    lines: tuple[dict[str, object], ...] = ({"quantity": 1}, {"quantity": 9})
    assert _claim("most_quantity_log", *lines) == pytest.approx(np.log(10))
    assert _claim("least_quantity_log", *lines) == pytest.approx(np.log(2))


def test_the_main_code_is_that_of_the_most_expensive_line():
    """The claim's model knows the service that costs most."""
    cheap, dear = {"code": "G0108", "net": 10}, {"code": "G0101", "net": 500}
    assert _claim("main_code", cheap, dear) == _line("code", dear)
    assert _claim("main_code", dear, cheap) == _line("code", dear)


def test_history_saturates():
    """A provider's thousand claims say no more than HISTORY_CAP, and keep their rate of denials."""
    batch = support.batch(support.claim())
    few = batch._replace(
        claims={**batch.claims, "provider_claims": np.array([200.0]), "provider_denied": np.array([50.0])}
    )
    many = batch._replace(
        claims={**batch.claims, "provider_claims": np.array([2e6]), "provider_denied": np.array([5e5])}
    )
    np.testing.assert_array_equal(
        features.matrices(SCHEMA, few).claims, features.matrices(SCHEMA, many).claims
    )


def test_a_claim_without_lines_has_no_summaries():
    """An empty item between others keeps its place and gets NaN."""
    batch = support.batch(support.claim(), support.claim())
    empty = batch._replace(
        offsets=np.array([0, 1, 1, 2]),
        claims={name: np.append(column, column[:1]) for name, column in batch.claims.items()},
    )
    found = features.matrices(SCHEMA, empty)
    place = columns.CLAIM_MODEL.index("main_code")
    assert np.isnan(found.claims[1, place:]).all()
    assert not np.isnan(found.claims[[0, 2], place]).any()


def test_ages_fall_into_bands_from_one():
    """Band 0 is for a missing age, 1 for the first year of life."""
    ages = np.array([np.nan, 0, 1, 5, 6, 80, 90])
    assert features.age_bands(ages).tolist() == [0, 1, 2, 2, 3, 10, 10]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"use": "preauthorization"}, "unseen:use"),
        ({"currency": "EUR"}, "unseen:currency"),
        ({"lines": [support.LINE | {"quantity": 90_000, "net": 180}]}, "above:"),
        (
            {"diagnoses": [{"sequence": n, "code": f"E{n:02d}"} for n in range(1, 25)]},
            "above:diagnosis_count",
        ),
    ],
)
def test_what_training_never_saw_is_outside(changes: dict[str, object], reason: str):
    """Another meaning of the numbers, or numbers far from any seen, are named."""
    batch = support.batch(support.claim(**changes))
    found = features.outside(SCHEMA, batch.offsets, features.matrices(SCHEMA, batch))[0]
    assert found.startswith(reason)


def test_unseen_and_missing_categories_are_inside():
    """New providers, payers, services and settings are scored: training hid some of each."""
    batch = support.batch(
        support.claim({"code": "Z9999"}, provider={"id": "new"}, encounter={"class": "HH"}),
        support.claim(insurance=[{"sequence": 1, "coverage": {"payer": "another"}}], patient={"id": "P"}),
    )
    assert features.outside(SCHEMA, batch.offsets, features.matrices(SCHEMA, batch)) == {}


def test_a_stored_schema_reads_back_with_its_hash():
    """Dumping and loading are inverse, so the hash in the manifest can be checked."""
    document, arrays = schemas.dump(SCHEMA)
    again = schemas.load(document, arrays)
    assert again.hash == SCHEMA.hash
    batch = support.batch(support.costly())
    np.testing.assert_array_equal(
        features.matrices(again, batch).lines, features.matrices(SCHEMA, batch).lines
    )


def test_a_changed_table_changes_the_hash():
    """Nothing learned can be altered without renaming the schema."""
    document, arrays = schemas.dump(SCHEMA)
    changed = arrays | {"table.price": arrays["table.price"] + np.float32(0.5)}
    assert schemas.load(document, changed).hash != SCHEMA.hash


def test_a_schema_of_other_features_is_refused():
    """A bundle trained with features this release does not compute cannot be served."""
    document, arrays = schemas.dump(SCHEMA)
    with pytest.raises(ValueError, match="other features"):
        schemas.load(document.replace(b'"quantity_log"', b'"something"'), arrays)


def test_missing_int64_becomes_nan():
    """The smallest int64 is how a column says missing."""
    found = records.numbers(np.array([3, records.MISSING_INT], dtype=np.int64))
    assert found[0] == 3
    assert np.isnan(found[1])
