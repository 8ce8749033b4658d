"""What payers and reviewers say of lines, as it is kept."""

import msgspec


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What one source said of a claim's lines: one entry per line, its columns of equal length.

    `source` is payer or reviewer, `at_ms` when it says it decided; NULLs as in columns.
    """

    source: str
    at_ms: int
    line: list[int]
    outcome: list[str]
    nphies: list[str]
    carc: list[str]
    allowed_minor: list[int]
    paid_minor: list[int]
