"""CSV: columns, cells and lists into claims, and back."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats_support
from chassis import errors
from formats import canonical, hashing, model, readers
from formats.tabular import columns, reading, records, writing

HEAD = "claim_id,type,use,provider.id,patient.id,insurance.coverage.member_id,lines.code"
ROW = "C-1,oral,claim,P-1,F-1,M-1,D1110"


def read(text: str) -> model.Claim:
    """Return the one claim of a CSV text."""
    (answer,) = readers.read(text.encode(), "text/csv")
    assert isinstance(answer, readers.Read), answer
    return answer.claim


def codes(text: str) -> dict[str, str]:
    """Return path to code of the one refusal of a CSV text."""
    (answer,) = readers.read(text.encode(), "text/csv")
    assert isinstance(answer, readers.Refused)
    assert answer.fault.reason == "claim.unreadable"
    return {violation.path: violation.code for violation in answer.fault.violations}


def test_a_row_is_a_claim_with_one_line():
    """Sequences count from one where no column gives them."""
    claim = read(f"{HEAD}\n{ROW}\n")
    assert (claim.claim_id, claim.type, claim.provider.id, claim.patient.id) == ("C-1", "oral", "P-1", "F-1")
    assert claim.insurance == [model.Insurance(sequence=1, coverage=model.Coverage(member_id="M-1"))]
    assert claim.lines == [model.Line(sequence=1, code="D1110")]
    assert claim.source == model.Source(format="csv")


def test_rows_are_lines_in_their_order():
    """Repeated head columns may be given again or left empty after the first row."""
    claim = read(f"{HEAD}\n{ROW}\nC-1,,,,,,D0120\n")
    assert [(line.sequence, line.code) for line in claim.lines] == [(1, "D1110"), (2, "D0120")]


def test_lists_pair_up_by_position():
    """Columns of one list belong together by position; an empty place is a missing value."""
    claim = read(
        f"{HEAD},diagnoses.code,diagnoses.system,diagnoses.type,insurance.preauth_refs,lines.modifiers\n"
        f"{ROW},K02.9|K05.1,|icd-10,principal+admitting|secondary,PA1+PA2,25|59\n"
    )
    assert claim.diagnoses == [
        model.Diagnosis(sequence=1, code="K02.9", type=["principal", "admitting"]),
        model.Diagnosis(sequence=2, code="K05.1", system="icd-10", type=["secondary"]),
    ]
    assert claim.insurance[0].preauth_refs == ["PA1", "PA2"]
    assert claim.lines[0].modifiers == ["25", "59"]


def test_a_given_sequence_is_kept():
    """A sequence column has the last word."""
    claim = read(f"{HEAD},diagnoses.sequence,diagnoses.code,lines.sequence\n{ROW},3|7,A|B,5\n")
    assert [diagnosis.sequence for diagnosis in claim.diagnoses] == [3, 7]
    assert claim.lines[0].sequence == 5


def test_details_of_a_line_are_written_as_a_list():
    """Lists inside the line work as lists of the head do."""
    claim = read(f"{HEAD},lines.details.code,lines.details.net\n{ROW},X|Y,1.50|2\n")
    assert [(detail.sequence, detail.code, detail.net) for detail in claim.lines[0].details] == [
        (1, "X", Decimal("1.50")), (2, "Y", Decimal(2)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("yes", True),
        ("no", False),
        ("0", False),
        ("False", False),
    ],
)
def test_booleans_are_read_as_people_write_them(cell: str, expected: Any):
    """Spreadsheets write TRUE, people write yes."""
    assert read(f"{HEAD},lines.maternity\n{ROW},{cell}\n").lines[0].maternity is expected


def test_a_semicolon_file_may_have_decimal_commas():
    """A spreadsheet of a comma-decimal country writes 12,50 between semicolons."""
    text = f"{HEAD},lines.net,total\n{ROW},12,50\n".replace("12,50", "12#50").replace(",", ";")
    claim = read(text.replace("12#50", "12,50;12,50").replace("claim_id", "claim_id", 1))
    assert claim.lines[0].net == claim.total == Decimal("12.50")


def test_a_tab_separated_file_is_read():
    """Tabs delimit as commas do."""
    assert read(f"{HEAD}\n{ROW}\n".replace(",", "\t")).lines[0].code == "D1110"


def test_quotes_bom_crlf_and_arabic_are_read():
    """Excel's UTF-8 export is read as it is."""
    text = f'\ufeff{HEAD},notes,patient.name\r\n{ROW},"one, ""two""\r\nthree","محمد"\r\n'
    claim = read(text)
    assert claim.notes == ['one, "two"\nthree']
    assert claim.patient.name == "محمد"


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        (f"{HEAD},colour\n{ROW},red\n", "colour", "field.unknown"),
        (f"{HEAD},extra.path\n{ROW},red\n", "extra.path", "field.unknown"),
        (f"{HEAD},lines\n{ROW},red\n", "lines", "field.unknown"),
        (f"{HEAD},\n{ROW},\n", "", "field.unknown"),
        (f"{HEAD},type\n{ROW},oral\n", "type", "column.repeated"),
        (f"{HEAD}\n{ROW}\nC-1,vision,,,,,D2\n", "type", "column.contradiction"),
        (f"{HEAD}\n{ROW},extra\n", "lines[0]", "csv.width"),
        (f"{HEAD}\nC-1,oral\n", "lines[0]", "csv.width"),
        (f'{HEAD}\n{ROW[:-5]}"open\n', "$", "csv.malformed"),
        (f"{HEAD},total\n{ROW},1.234\n", "total", "money.too_many_decimals"),
        (f"{HEAD},total\n{ROW},many\n", "total", "field.type"),
        (f"{HEAD},created\n{ROW},01/02/2026\n", "created", "date.invalid"),
        (f"{HEAD},lines.sequence\n{ROW},first\n", "lines[0].sequence", "field.type"),
        (f"{HEAD},lines.maternity\n{ROW},perhaps\n", "lines[0].maternity", "field.type"),
        (f"{HEAD},lines.diagnosis_sequences\n{ROW},1|x\n", "lines[0].diagnosis_sequences[1]", "field.type"),
        (f"{HEAD},patient.sex\n{ROW},m\n", "patient.sex", "field.choice"),
        (HEAD.replace(",use", "") + "\n" + ROW.replace(",claim", "") + "\n", "use", "field.missing"),
        (HEAD.replace("lines.code", "lines.net") + "\n" + ROW.replace("D1110", "5") + "\n", "lines[0].code",
         "field.missing"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_by_path_and_code(text: str, path: str, code: str):
    """The refusal names the column, the row or the field, and a stable code."""
    assert codes(text) == {path: code}


def test_the_second_row_of_a_claim_is_named_by_its_index():
    """Paths count the rows of the claim from zero, as canonical paths do."""
    text = f"{HEAD},lines.net\n{ROW},1\nC-1,,,,,,D2,x\n"
    assert codes(text) == {"lines[1].net": "field.type"}


def test_text_that_is_not_utf_8_is_refused():
    """A file in another encoding is named as such."""
    (answer,) = readers.read(f"{HEAD}\n{ROW}é\n".encode("latin-1"), "text/csv")
    assert isinstance(answer, readers.Refused)
    assert answer.fault.violations[0].code == "text.encoding"


def test_one_broken_claim_does_not_stop_the_others():
    """Every claim of the file is answered in order."""
    text = f"{HEAD},total\n{ROW},1\n{ROW.replace('C-1', 'C-2')},x\n{ROW.replace('C-1', 'C-3')},3\n"
    answers = readers.read(text.encode(), "text/csv")
    assert [type(answer).__name__ for answer in answers] == ["Read", "Refused", "Read"]
    assert [answer.position for answer in answers] == [2, 3, 4]


def test_a_table_wider_than_any_of_claims_is_refused_at_once():
    """The width is judged before the columns are."""
    assert codes("," * 3000 + "\n" + "," * 3000) == {"$": "column.too_many"}


def test_more_rows_than_a_claim_may_have_are_refused():
    """1,001 rows of one claim are one refusal."""
    assert codes(f"{HEAD}\n" + f"{ROW}\n" * 1001) == {"lines": "claim.too_many_lines"}


def test_an_overlong_cell_is_refused_not_raised():
    """The csv module's own field limit is a violation, not an exception."""
    assert codes(f"{HEAD},notes\n{ROW},{'x' * 200_000}\n") == {"$": "csv.malformed"}


def test_every_scalar_of_the_claim_has_a_column_and_free_json_has_none():
    """The columns are derived from the model; `extra` is not among them."""
    known = columns.known()
    for name in (
        "claim_id", "provider.address.city", "insurance.adjudicated.adjustments.carc", "institutional.drg",
        "lines.ndc.code", "lines.details.modifiers", "institutional.value_codes.amount", "payee.party.name",
    ):  # fmt: skip
        assert name in known
    assert not any(name.startswith("extra") for name in known)
    assert not any(name.startswith("lines.details.details.details") for name in known)


@given(st.lists(formats_support.texts(), min_size=1, max_size=5), st.sampled_from(["|", "+"]))
def test_escaped_entries_come_back_from_a_cell(parts: list[str], separator: str):
    """Separators and backslashes inside entries survive."""
    cell = separator.join(columns.escape(part) for part in parts)
    assert [columns.unescape(part) for part in columns.split(cell, separator)] == parts


@given(st.text(alphabet='a,"\n;|', max_size=30))
def test_the_end_of_a_record_is_where_the_csv_module_sees_it(text: str):
    """A line stays open exactly when a quoted field of it is not closed."""
    opened = False
    for piece in text.split("\n"):
        opened = records.stays_open(piece, ",", opened=opened)
    if not opened and text.replace("\n", ""):
        rows = [records.cells(record, ",") for record in _records(text)]
        assert rows


def _records(text: str) -> list[str]:
    pending: list[str] = []
    found, opened = [], False
    for piece in text.split("\n"):
        pending.append(piece)
        opened = records.stays_open(piece, ",", opened=opened)
        if not opened:
            found.append("\n".join(pending))
            pending = []
    return found


@given(formats_support.claims())
def test_a_claim_written_as_csv_is_the_same_claim(claim: model.Claim):
    """CSV carries everything the strategy makes: the content hash is the JSON's."""
    table = writing.claim_table([claim])
    again = read(table)
    json_again = canonical.decode(canonical.encode(claim))
    assert hashing.content_hash(again) == hashing.content_hash(json_again)


@settings(max_examples=25)  # each example is several claims
@given(st.lists(formats_support.claims(), min_size=1, max_size=3, unique_by=lambda claim: claim.claim_id))
def test_many_claims_share_one_table(claims: list[model.Claim]):
    """Columns one claim needs are empty for the others."""
    answers = readers.read(writing.claim_table(claims).encode(), "text/csv")
    assert [hashing.content_hash(answer.claim) for answer in answers if isinstance(answer, readers.Read)] == [
        hashing.content_hash(claim) for claim in claims
    ]


def test_a_claim_with_kept_values_cannot_be_a_table():
    """What has no column is refused by name, never dropped."""
    claim = formats_support.sample_claim(extra=[model.Extra(path="a", value=1)])
    with pytest.raises(ValueError, match="extra"):
        writing.claim_table([claim])


@given(st.text(max_size=60))
def test_any_text_is_plain_data_or_invalid(text: str):
    """The reader of one frame answers any text with data or an Invalid."""
    try:
        plain = reading.plain(text)
    except errors.Invalid as fault:
        plain = None
        found = fault.violations
    if plain is None:
        assert found
