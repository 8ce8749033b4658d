"""Admission: a bad item of a batch fails alone, by name, and nothing that cannot be stored gets through."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import clock as clocks
from chassis import errors
from storage.domain import admission, records, views
from storage.inbound import converters
from storage_support import Batch

NOW = 1_000.0
KNOWN = {
    "demo": views.Tenant(tenant="demo", display_name="Demonstration"),
    "gone": views.Tenant(tenant="gone", display_name="Gone", active=False),
}


def submission(count: int = 1) -> records.Submission:
    """Return a good submission with a deadline far behind NOW."""
    batch = Batch()
    for number in range(count):
        batch.add(f"C-{number}", lines=2)
    made = converters.submission(batch.request, clocks.SystemClock())
    made.items[:] = [msgspec.structs.replace(item, deadline=NOW + 10) for item in made.items]
    return made


def reasons(found: records.Submission) -> list[str]:
    """Return the reason of each item's fault, empty for those admitted."""
    judged = admission.judge(found, KNOWN, NOW)
    return [fault.reason if fault is not None else "" for fault in judged]


def test_an_ordinary_batch_is_admitted_whole() -> None:
    """Nothing is refused that a claims service sends of ordinary claims."""
    found = submission(3)
    admission.check_shape(found)
    assert reasons(found) == ["", "", ""]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tenant": "nobody"}, "tenant.unknown"),
        ({"tenant": "gone"}, "tenant.inactive"),
        ({"deadline": NOW}, "deadline.exceeded"),
        ({"content_hash": b"x" * 31}, "content_hash.length"),
        ({"content_hash": b""}, "content_hash.length"),
        ({"key": b""}, "key.missing"),
        ({"claim_json": b""}, "document.missing"),
        ({"decision_json": b""}, "document.missing"),
        ({"received_body": bytes(admission.DOCUMENT_MAX)}, "document.too_large"),
        ({"subject": "s" * (admission.SUBJECT_MAX + 1)}, "text.unstorable"),
        ({"subject": "a\0b"}, "text.unstorable"),
        ({"received_media_type": "text/\x1fplain"}, "text.unstorable"),
    ],
)
def test_what_is_wrong_with_an_item_is_told_by_name_and_to_it_alone(
    change: dict[str, object], reason: str
) -> None:
    """Each flaw has its own reason, and the neighbours of the bad item are admitted."""
    found = submission(3)
    found.items[1] = msgspec.structs.replace(found.items[1], **change)
    assert reasons(found) == ["", reason, ""]


@pytest.mark.parametrize("column", admission.REQUIRED)
def test_a_required_column_may_not_be_empty(column: str) -> None:
    """A claim without its identity or one of its states cannot be listed, so it is not recorded."""
    found = submission(2)
    getattr(found.claims, column)[0] = ""
    assert reasons(found) == ["column.unstorable", ""]
    fault = admission.judge(found, KNOWN, NOW)[0]
    assert fault is not None
    assert column in str(fault)


@pytest.mark.parametrize("column", sorted(records.TEXTS & set(records.Claims.__struct_fields__)))
def test_no_text_column_of_a_claim_takes_a_control_character_or_endless_text(column: str) -> None:
    """Two control characters part columns on their way to the database: none may come from a sender."""
    longest = admission.CLAIM_ID_MAX if column == "claim_id" else admission.TEXT_MAX
    for bad in ("a\x1eb", "a\x1fb", "\0", "a\nb", "x" * (longest + 1)):
        found = submission(2)
        getattr(found.claims, column)[1] = bad
        assert reasons(found) == ["", "column.unstorable"], repr(bad[:4])
    found = submission(1)
    getattr(found.claims, column)[0] = "م" * longest
    assert reasons(found) == [""]


def test_a_bad_line_or_finding_fails_its_own_claim() -> None:
    """Lines and findings are judged under the claim they point at, not the place they stand at."""
    found = submission(3)
    found.lines.code[found.lines.item.index(2)] = "G0\x1f103"
    found.findings.path[found.findings.item.index(0)] = "p" * (admission.TEXT_MAX + 1)
    assert reasons(found) == ["column.unstorable", "", "column.unstorable"]


@pytest.mark.parametrize("day", [admission.DAY_MAX + 1, -admission.DAY_MAX - 1])
@pytest.mark.parametrize("column", ["service_from_day", "service_to_day"])
def test_a_day_beyond_thirty_two_bits_is_refused(column: str, day: int) -> None:
    """A day that no column can hold fails its item before the database is asked."""
    found = submission(2)
    getattr(found.claims, column)[0] = day
    assert reasons(found) == ["column.unstorable", ""]


def test_a_missing_day_is_admitted() -> None:
    """The contract's missing integer is not a day out of range."""
    found = submission(1)
    found.claims.service_from_day[0] = records.NO_INT
    found.lines.service_day[0] = records.NO_INT
    assert reasons(found) == [""]


@pytest.mark.parametrize(("columns", "name"), [("lines", "sequence"), ("findings", "line")])
def test_numbers_of_lines_fit_thirty_two_bits(columns: str, name: str) -> None:
    """An unsigned number of the wire may be larger than the column's integer."""
    found = submission(2)
    getattr(getattr(found, columns), name)[0] = 2**32 - 1
    assert reasons(found) == ["column.unstorable", ""]


def test_the_first_fault_of_an_item_stands() -> None:
    """A sender is told what was wrong with the item itself before what was wrong with its columns."""
    found = submission(1)
    found.items[0] = msgspec.structs.replace(found.items[0], tenant="nobody")
    found.claims.verdict[0] = ""
    assert reasons(found) == ["tenant.unknown"]


@given(
    st.sampled_from(["claims", "lines", "findings"]), st.data(), st.sampled_from(["drop", "double", "point"])
)
def test_columns_out_of_step_refuse_the_whole_batch(columns: str, data: st.DataObject, how: str) -> None:
    """Whichever column is too short, too long or points past the items: no item's values can be trusted."""
    found = submission(2)
    table = getattr(found, columns)
    column = getattr(table, data.draw(st.sampled_from(table.__struct_fields__)))
    if how == "point" and columns != "claims":
        table.item[data.draw(st.integers(0, len(table.item) - 1))] = data.draw(st.integers(2, 2**32 - 1))
    elif how == "drop":
        column.pop()
    else:
        column.append(column[-1])
    with pytest.raises(errors.Invalid) as refused:
        admission.check_shape(found)
    assert refused.value.reason == "batch.columns"


def test_a_submission_of_too_many_items_is_refused() -> None:
    """The bound on items holds even when every column is in step."""
    one = submission(1)
    rows = [0] * (admission.ITEMS_MAX + 1)
    many = records.Submission(
        one.items * len(rows), one.claims.pick(rows), records.Lines.empty(), records.Findings.empty()
    )
    with pytest.raises(errors.Invalid, match="do not fit"):
        admission.check_shape(many)
