"""The row schema: which columns, which values, what is never in them."""

import math
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats_support
from formats import model, row_values, rows
from ultrathink.scoring.v1 import scoring_pb2

NONE = rows.History(provider_claims=0, provider_denied=0, patient_claims=0)
MISSING = row_values.MISSING_I64


def one(claim: model.Claim, history: rows.History = NONE) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a claim's row and its lines' rows, codes turned back into texts."""
    batch = rows.build([claim], [history])

    def shown(kinds: Any, columns: Any, row: int) -> dict[str, Any]:
        return {
            name: batch.dictionary[columns[name][row]] if kind == "codes" else columns[name][row].item()
            for name, kind in kinds.items()
        }

    count = len(claim.lines)
    lines = [shown(rows.LINE_COLUMNS, batch.lines, row) for row in range(count)]
    return shown(rows.CLAIM_COLUMNS, batch.claims, 0), lines


def test_the_sample_becomes_the_expected_row():
    """Codes, counts, amounts in minor units and differences of days."""
    head, lines = one(formats_support.sample_claim(), rows.History(7, 2, 3))
    assert head["type"] == "professional"
    assert (head["provider"], head["provider_branch"], head["payer"]) == ("PV-501", "jeddah", "PY-20")
    assert (head["patient_sex"], head["patient_age_years"]) == ("female", 46)
    assert (head["encounter_class"], head["specialty"], head["principal_group"]) == ("AMB", "01.10", "J45")
    assert (head["diagnosis_count"], head["line_count"], head["insurance_count"]) == (2, 2, 1)
    assert (head["net_minor"], head["total_minor"]) == (16900, 16900)
    assert (head["days_to_created"], head["encounter_days"]) == (1, 0)
    assert (head["provider_claims"], head["provider_denied"], head["patient_claims"]) == (7, 2, 3)
    assert (head["info_narratives"], head["info_vitals"], head["has_preauth"]) == (1, 0, 0)
    first, second = lines
    assert (first["code"], first["code_group"], first["code_system"]) == ("G0442", "G04", "hcpcs")
    assert (first["quantity"], first["unit_price_minor"], first["net_minor"]) == (1.0, 12000, 13800)
    assert (first["tax_minor"], first["patient_share_minor"], first["diagnosis_group"]) == (1800, 2000, "J45")
    assert first["net_share"] == pytest.approx(138 / 169)
    assert (first["day_offset"], first["same_code_lines"], first["linked_information"]) == (0, 1, 1)
    assert (second["quantity"], second["linked_diagnoses"]) == (2.0, 2)


def test_an_empty_claim_has_missing_values_and_no_invented_ones():
    """Absent is missing, not zero; counts are zero."""
    claim = model.Claim(
        type="oral", use="claim", provider=model.Provider(), patient=model.Patient(),
        insurance=[model.Insurance(sequence=1)], lines=[model.Line(sequence=1, description="x")],
    )  # fmt: skip
    head, (line,) = one(claim)
    for name in ("payer", "plan", "currency", "patient_sex", "principal_group", "provider", "specialty"):
        assert head[name] == ""
    for name in ("patient_age_years", "net_minor", "total_minor", "days_to_created", "encounter_days"):
        assert head[name] == MISSING
    assert (head["diagnosis_count"], head["line_count"]) == (0, 1)
    assert line["code"] == ""
    assert (line["net_minor"], line["day_offset"], line["service_days"]) == (MISSING, MISSING, MISSING)
    assert math.isnan(line["quantity"])
    assert math.isnan(line["net_share"])
    assert line["same_code_lines"] == 0


@pytest.mark.parametrize(
    ("birth", "on", "age"),
    [
        ("1990-05-11", "2026-05-10", 35), ("1990-05-10", "2026-05-10", 36), ("2026-05-01", "2026-05-10", 0),
        ("1936-05-10", "2026-05-10", 90), ("1901-01-01", "2026-05-10", 90), (None, "2026-05-10", MISSING),
        ("1990-05-11", None, MISSING), ("1990-05-11", "2026-05-10T23:00:00Z", 35),
        ("2027-01-01", "2026-05-10", -1),
    ],
)  # fmt: skip
def test_age_counts_completed_years_and_hides_the_very_old(birth: str | None, on: str | None, age: int):
    """Ages above 89 are 90; an unknown birth date is missing; a future one is negative."""
    assert row_values.age(birth, on) == age


def test_the_focal_insurance_names_the_payer():
    """The first insurance counts only where none is focal."""
    first = model.Insurance(sequence=1, focal=False, coverage=model.Coverage(payer="A"))
    second = model.Insurance(sequence=2, focal=True, coverage=model.Coverage(payer="B", plan="GOLD"))
    head, _ = one(formats_support.sample_claim(insurance=[first, second]))
    assert (head["payer"], head["plan"]) == ("B", "GOLD")
    head, _ = one(formats_support.sample_claim(insurance=[first]))
    assert head["payer"] == "A"


def test_the_principal_diagnosis_is_the_marked_one():
    """Its category is three characters, without dots, upper case."""
    diagnoses = [
        model.Diagnosis(sequence=1, code="I10", type=["secondary"]),
        model.Diagnosis(sequence=2, code="e11.9", type=["principal"]),
    ]
    assert one(formats_support.sample_claim(diagnoses=diagnoses))[0]["principal_group"] == "E11"
    assert one(formats_support.sample_claim(diagnoses=diagnoses[:1]))[0]["principal_group"] == "I10"


def test_supporting_information_is_counted_by_kind():
    """Vital signs, narratives, results, attachments and the rest."""
    infos = [
        model.SupportingInfo(sequence=position, category=category)
        for position, category in enumerate(
            ["pulse", "temperature", "chief-complaint", "lab-test", "attachment", "days-supply", None],
            start=1,
        )
    ]
    claim = formats_support.sample_claim(supporting_info=infos, attachments=[model.Attachment(id="a")])
    head, _ = one(claim)
    names = ("info_vitals", "info_narratives", "info_results", "info_attachments", "info_others")
    assert [head[name] for name in names] == [2, 1, 1, 2, 2]


def test_repeated_codes_and_late_days_are_seen_on_the_line():
    """The same code twice, and the day within the encounter."""
    line = formats_support.sample_claim().lines[0]
    later = msgspec.structs.replace(line, sequence=2, service_date="2026-05-12", service_end="2026-05-15")
    _, (_, second) = one(formats_support.sample_claim(lines=[line, later]))
    assert (second["same_code_lines"], second["day_offset"], second["service_days"]) == (2, 2, 3)


def test_a_preauthorisation_on_line_or_insurance_is_seen():
    """Either place counts for the claim; the line knows its own."""
    claim = formats_support.sample_claim()
    line = msgspec.structs.replace(claim.lines[0], preauth_ref="PA")
    head, (own,) = one(msgspec.structs.replace(claim, lines=[line]))
    assert (head["has_preauth"], own["has_preauth"]) == (1, 1)
    insurance = msgspec.structs.replace(claim.insurance[0], preauth_refs=["PA"])
    head, lines = one(msgspec.structs.replace(claim, insurance=[insurance]))
    assert (head["has_preauth"], lines[0]["has_preauth"]) == (1, 0)


def test_amounts_follow_the_currency():
    """Three decimals in KWD are thousandths."""
    line = model.Line(sequence=1, code="x", net=Decimal("1.234"))
    head, _ = one(formats_support.sample_claim(currency="KWD", lines=[line], total=None))
    assert (head["net_minor"], head["currency"], head["total_minor"]) == (1234, "KWD", MISSING)


def test_a_thousand_largest_amounts_still_fit():
    """The sum of the largest claim is within int64."""
    line = model.Line(sequence=1, code="x", net=Decimal("9999999999999.99"))
    head, _ = one(formats_support.sample_claim(lines=[line] * 1000))
    assert head["net_minor"] == 1000 * (10**15 - 1)


def test_nothing_of_the_patients_identity_is_in_a_batch():
    """Names, numbers, contacts, texts and overlong codes never reach the dictionary."""
    secret = "SECRET"
    claim = formats_support.sample_claim(
        patient=model.Patient(
            id=secret, name=secret, telecom=[secret], occupation=secret, birth_date="1980-01-01",
            address=model.Address(city=secret), identifiers=[model.Identifier(value=secret)],
        ),
        notes=[secret], claim_id=secret,
        supporting_info=[model.SupportingInfo(sequence=1, category="info", text=secret, value_string=secret)],
        insurance=[model.Insurance(sequence=1, coverage=model.Coverage(member_id=secret, subscriber=secret))],
        lines=[model.Line(sequence=1, code=f"{secret} " * 10, description=secret, text=secret)],
        episode=model.Episode(value=secret), encounter=model.Encounter(id=secret),
    )  # fmt: skip
    batch = rows.build([claim], [NONE])
    wire = rows.to_wire(batch).SerializeToString()
    assert not any(secret in text for text in batch.dictionary if text != "SEC")
    assert secret.encode() not in wire


def test_the_batch_on_the_wire_is_the_batch():
    """Little-endian columns, offsets and dictionary come through bytes unchanged."""
    claims = [formats_support.sample_claim(), formats_support.sample_claim(type="oral")]
    batch = rows.build(claims, [NONE, rows.History(1, 1, 1)])
    wire = scoring_pb2.Rows.FromString(rows.to_wire(batch).SerializeToString())
    assert wire.schema_hash == rows.SCHEMA_HASH
    assert list(wire.line_offsets) == [0, 2, 4]
    assert list(wire.dictionary) == batch.dictionary
    assert wire.dictionary[0] == ""
    assert [column.name for column in wire.claim_columns] == list(rows.CLAIM_COLUMNS)
    assert [column.name for column in wire.line_columns] == list(rows.LINE_COLUMNS)
    dtypes = {"f64": "<f8", "i64": "<i8", "codes": "<u4"}
    for column in wire.line_columns:
        kind = rows.LINE_COLUMNS[column.name]
        assert column.WhichOneof("values") == kind
        found = np.frombuffer(getattr(column, kind), dtype=dtypes[kind])
        assert np.array_equal(found, batch.lines[column.name], equal_nan=kind == "f64")


def test_no_claims_make_an_empty_batch():
    """Zero items: one offset, empty columns of the right kind."""
    batch = rows.build([], [])
    assert batch.line_offsets.tolist() == [0]
    assert all(len(column) == 0 for column in [*batch.claims.values(), *batch.lines.values()])
    assert batch.lines["quantity"].dtype == np.float64


def test_claims_and_histories_must_pair():
    """One history per claim."""
    with pytest.raises(ValueError, match="zip"):
        rows.build([formats_support.sample_claim()], [])


def test_the_schema_hash_changes_with_names_kinds_order_and_version():
    """A model trained on another schema is never fed by mistake."""
    claim, line = dict(rows.CLAIM_COLUMNS), dict(rows.LINE_COLUMNS)
    same = rows.schema_hash(claim, line, rows.VERSION)
    assert same == rows.SCHEMA_HASH
    others = {
        rows.schema_hash(claim, line, rows.VERSION + 1),
        rows.schema_hash({**claim, "new": "i64"}, line, rows.VERSION),
        rows.schema_hash({**claim, "type": "i64"}, line, rows.VERSION),
        rows.schema_hash(dict(reversed(claim.items())), line, rows.VERSION),
        rows.schema_hash(claim, {**line, "code": "i64"}, rows.VERSION),
    }
    assert len(others | {same}) == 6


@settings(max_examples=40)
@given(st.lists(formats_support.claims(), max_size=4))
def test_any_claims_become_consistent_columns(claims: list[model.Claim]):
    """Lengths agree, codes point into the dictionary, a batch equals its claims built one by one."""
    batch = rows.build(claims, [NONE] * len(claims))
    assert batch.line_offsets.tolist() == np.cumsum([0, *(len(claim.lines) for claim in claims)]).tolist()
    for kinds, columns, size in (
        (rows.CLAIM_COLUMNS, batch.claims, len(claims)),
        (rows.LINE_COLUMNS, batch.lines, sum(len(claim.lines) for claim in claims)),
    ):
        for name, kind in kinds.items():
            assert len(columns[name]) == size
            if kind == "codes" and size:
                assert columns[name].max() < len(batch.dictionary)
    for position, claim in enumerate(claims):
        alone, _ = one(claim)
        for name, kind in rows.CLAIM_COLUMNS.items():
            value = batch.claims[name][position]
            shown = batch.dictionary[value] if kind == "codes" else value.item()
            assert shown == alone[name]


@settings(max_examples=40)
@given(st.lists(formats_support.claims(), max_size=4))
def test_records_hold_what_columns_hold(claims: list[model.Claim]):
    """Packed or in columns: the same offsets, dictionary and values, in the order of the row schema."""
    batch = rows.build(claims, [rows.History(7, 2, 3)] * len(claims))
    wire = rows.pack(claims, [rows.History(7, 2, 3)] * len(claims))
    assert wire.schema_hash == rows.SCHEMA_HASH
    assert list(wire.line_offsets) == batch.line_offsets.tolist()
    assert list(wire.dictionary) == batch.dictionary
    for kinds, content, columns in (
        (rows.CLAIM_COLUMNS, wire.claim_records, batch.claims),
        (rows.LINE_COLUMNS, wire.line_records, batch.lines),
    ):
        names = {"codes": "u4", "i64": "i8", "f64": "f8"}
        layout = np.dtype([(name, names[kind]) for name, kind in kinds.items()], align=True)
        assert layout.itemsize == rows.record(kinds).size
        found = np.frombuffer(content, dtype=layout)
        for name, kind in kinds.items():
            assert np.array_equal(found[name], columns[name], equal_nan=kind == "f64")


def test_records_need_a_history_for_each_claim():
    """One history per claim, as for columns."""
    with pytest.raises(ValueError, match="one history per claim"):
        rows.pack([formats_support.sample_claim()], [])


def test_a_sheet_is_laid_out_before_histories_are_known():
    """Filled with one history after the other, it holds what packing with that history gives."""
    claims = [formats_support.sample_claim()] * 2
    sheet = rows.Sheet(claims, scoring_pb2.Rows())
    assert len(sheet) == len(claims)
    for known in (NONE, rows.History(7, 2, 3)):
        histories = [known, rows.History(1, 0, 5)]
        assert sheet.fill(histories) == rows.pack(claims, histories)
