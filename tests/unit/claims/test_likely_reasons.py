"""The likely reason of a line: told where it stands out, and said where none does; always a prediction."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from claims.domain import amounts, decisions, risk
from formats import canonical
from ultrathink_cli.inbound import decisions as shown

FIX = decisions.Bilingual(en="Attach the report", ar="أرفق التقرير")


def _guess(chance: float, code: str = "MN-1-1") -> decisions.LikelyReason:
    label = decisions.Bilingual(en="Not necessary", ar="غير ضروري")
    return decisions.LikelyReason(nphies=code, carc="50", label=label, probability=chance, predicted=True)


def _told(*chances: float) -> dict[str, Any]:
    """Return the first line of a decision whose reasons have these chances."""
    claim = canonical.decode(
        b'{"claim_id": "C", "type": "professional", "use": "claim", "currency": "SAR",'
        b'"provider": {"id": "P"}, "patient": {"id": "M"}, "insurance": [{"sequence": 1}],'
        b'"lines": [{"sequence": 1, "code": "G0103", "net": 150.00}]}'
    )
    reason = risk.LineReason(row=0, guesses=[_guess(chance) for chance in chances], fix=FIX)
    score = risk.Score(state="scored", probability=0.7, line_probabilities=[0.7], line_reasons=[reason])
    lines = msgspec.to_builtins(risk.assess(score, claim, amounts.add_up(claim)))["lines"]
    found: dict[str, Any] = lines[0]
    return found


def test_a_guess_that_stands_out_is_told_with_both_codes() -> None:
    """The nphies code, the adjustment, the label in both languages, how likely, and what helps."""
    told = _told(0.62, 0.2, 0.1)
    assert told["likely_reason"] == {
        "nphies": "MN-1-1",
        "carc": "50",
        "label": {"en": "Not necessary", "ar": "غير ضروري"},
        "probability": 0.62,
        "predicted": True,
    }
    assert told["fix"]["en"] == "Attach the report"


def test_where_no_guess_stands_out_none_is_made_up() -> None:
    """No code, no remedy: no known reason stands out, in both languages, and how likely it is another."""
    told = _told(0.3, 0.25, 0.2)
    reason = told["likely_reason"]
    assert "nphies" not in reason
    assert "carc" not in reason
    assert reason["probability"] == 0.7
    assert reason["predicted"] is True
    assert "None of the reasons" in reason["label"]["en"]
    assert reason["label"]["ar"]
    assert "fix" not in told


def test_a_flagged_line_without_guesses_says_nothing_of_reasons() -> None:
    """A model that names no reason has none to be doubted."""
    assert "likely_reason" not in _told()


@given(st.floats(0, 1))
def test_a_code_is_told_only_from_the_least_chance_on(chance: float) -> None:
    """Exactly the guesses at or above it have a code; every probability lies between 0 and 1."""
    reason = _told(chance)["likely_reason"]
    assert ("nphies" in reason) == (chance >= risk.LEAST_GUESS)
    assert 0 <= reason["probability"] <= 1


def test_a_person_reads_no_code_where_there_is_none() -> None:
    """The table on the screen says the words alone."""
    line = _told(0.3) | {"sequence": 1}
    decision = {"risk": {"state": "scored", "probability": 0.7, "lines": [line]}}
    said = shown.risk(decision, "en").plain
    assert "None of the reasons" in said
    assert "likely None " not in said
