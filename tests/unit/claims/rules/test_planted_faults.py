"""Sound claims of every kind have no error; one planted fault is seen by the right rule alone."""

import datetime as dt

import msgspec
import pytest

import planted_faults
import planting
import planting_grounds
import rules_support as support
from claims.domain import past
from formats import canonical

GROUNDS = planting_grounds.grounds()
KINDS_AT_LEAST = 60


def _findings(document: planting.Json) -> list[tuple[str, str, str]]:
    claim = canonical.decode(msgspec.json.encode(document))
    day = dt.date(2026, 8, 2)
    told = [
        *support.judging().evaluate(claim, as_of=day).findings,
        *support.judging().evaluate_past(claim, as_of=day, past=[past.NOTHING] * len(claim.lines)).findings,
    ]
    return [(found.rule, found.severity, found.path) for found in told]


@pytest.mark.parametrize("name", GROUNDS)
def test_a_sound_claim_has_no_error(name: str) -> None:
    """What a careful sender would write is not refused."""
    assert [found for found in _findings(GROUNDS[name]) if found[1] == "error"] == []


@pytest.mark.parametrize("fault", planted_faults.FAULTS, ids=lambda fault: f"{fault.rule} {fault.what}")
def test_one_fault_is_seen_by_its_rule_alone(fault: planting.Fault) -> None:
    """The rule fires at the place of the fault; no other rule calls anything an error."""
    before = {rule for rule, _, _ in _findings(GROUNDS[fault.base])}
    told = _findings(planting.planted(GROUNDS[fault.base], fault))
    assert fault.rule not in before
    assert fault.path in [path for rule, _, path in told if rule == fault.rule], told
    assert [found for found in told if found[1] == "error" and found[0] != fault.rule] == []


def test_there_are_enough_kinds_of_fault() -> None:
    """Each kind is another rule."""
    assert len({fault.rule for fault in planted_faults.FAULTS}) >= KINDS_AT_LEAST
