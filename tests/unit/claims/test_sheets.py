"""Sheets: what is laid out for a batch beforehand counts for that batch alone."""

import msgspec

import claims_support as support
from chassis import testing as chassis_testing
from claims import ports
from claims.domain import histories
from claims.outbound import calls, scorer
from formats import canonical, rows


def cases() -> list[ports.Case]:
    """Return three claims to be scored; of one nothing is known."""
    known = histories.Known(provider_claims=10, provider_denied=1, patient_claims=2)
    return [
        ports.Case(
            context=chassis_testing.context(),
            claim=canonical.decode(support.body(number)),
            known=None if number == 1 else known,
        )
        for number in range(3)
    ]


def laid_out(plain: list[ports.Case]) -> tuple[scorer._Sheet, list[ports.Case]]:
    """Return a sheet of these cases, and them with it."""
    sheet = scorer._Sheet([(one.context, one.claim) for one in plain], ["known"])
    return sheet, [msgspec.structs.replace(one, sheet=sheet) for one in plain]


def test_a_sheet_is_filled_with_what_became_known_later() -> None:
    """The rows are those of claims that are packed with their histories, keys and flags a question's."""
    plain = cases()
    sheet, _ = laid_out(plain)
    histories = scorer._histories(plain)
    asked = sheet.fill(histories)
    assert asked.rows == rows.pack([one.claim for one in plain], histories)
    assert len(set(asked.claim_keys)) == len(plain)
    assert asked.columnar
    assert asked.anomalies
    assert list(asked.known_revisions) == ["known"]


def test_a_sheet_counts_for_all_of_its_items_or_for_none() -> None:
    """Some of them, a stranger among them, another kind, one that was sent: nothing was laid out."""
    plain = cases()
    sheet, laid = laid_out(plain)
    assert calls.laid(laid, scorer._Sheet) is sheet
    for others in (laid[:2], [*laid[:2], plain[2]], [*laid, plain[0]], []):
        assert calls.laid(others, scorer._Sheet) is None
    assert calls.laid(laid, str) is None
    sheet.fill(scorer._histories(plain))
    assert calls.laid(laid, scorer._Sheet) is None
