"""What only a hospital's bill says, in the terms of the UB-04 form; part of the claim model.

Room: formats. `model` names it again; other rooms look there.
"""

import msgspec

from formats import kinds


class Node(
    msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False
):
    """The same behaviour as the model's other structs."""


class OccurrenceCode(Node, frozen=True, kw_only=True):
    """An event that bears on the claim, and its day (UB-04 form locators 31 to 34)."""

    code: str
    date: kinds.Day | None = None


class OccurrenceSpan(Node, frozen=True, kw_only=True):
    """A period that bears on the claim (UB-04 form locators 35 and 36)."""

    code: str
    start: kinds.Day | None = None
    end: kinds.Day | None = None


class ValueCode(Node, frozen=True, kw_only=True):
    """An amount that bears on the claim (UB-04 form locators 39 to 41)."""

    code: str
    amount: kinds.Money | None = None


class Institutional(Node, frozen=True, kw_only=True):
    """What only a hospital bill says."""

    type_of_bill: str | None = None
    admission_type: str | None = None
    admission_source: str | None = None
    patient_status: str | None = None
    admission_datetime: kinds.When | None = None
    discharge_hour: str | None = None
    condition_codes: list[str] = []
    occurrence_codes: list[OccurrenceCode] = []
    occurrence_spans: list[OccurrenceSpan] = []
    value_codes: list[ValueCode] = []
    drg: str | None = None
