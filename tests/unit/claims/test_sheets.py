"""Sheets: what is laid out for a batch beforehand counts for that batch alone."""

import msgspec
import pytest

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


@pytest.mark.parametrize("places", [(0, 1, 2), (1, 2), (0,), ()])
def test_claims_laid_out_beforehand_are_asked_about_as_others_are(places: tuple[int, ...]) -> None:
    """The whole sheet, a part of it, none of it: the rows are those of claims without a sheet."""
    plain = cases()
    sheet = rows.Sheet([one.claim for one in plain])
    laid = [msgspec.structs.replace(one, sheet=sheet) for one in plain]
    asked = [plain[place] for place in places]
    again = [laid[place] for place in places]
    assert scorer._rows(again, records=True) == scorer._rows(asked, records=True)


def test_a_sheet_counts_for_all_of_its_items_or_for_none() -> None:
    """Some of them, a stranger among them, another kind of sheet: nothing was laid out for these."""
    plain = cases()
    sheet = rows.Sheet([one.claim for one in plain])
    laid = [msgspec.structs.replace(one, sheet=sheet) for one in plain]
    assert calls.laid(laid, rows.Sheet) is sheet
    for others in (laid[:2], [*laid[:2], plain[2]], [*laid, plain[0]], []):
        assert calls.laid(others, rows.Sheet) is None
    assert calls.laid(laid, str) is None
