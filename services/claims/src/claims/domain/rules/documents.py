"""The shape of pack documents: what a domain expert writes. Data only; unknown fields are refused by name."""

import datetime as dt
import re
from typing import Annotated, Any, Literal

import msgspec

from claims.domain import decisions

type Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
type Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
type ScopeName = Literal[
    "claim", "line", "detail", "diagnosis", "care_team", "information", "insurance", "procedure", "related"
]
type Regime = Literal["nphies", "x12-us", "base"]
type ColumnName = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
type ColumnKind = Literal["boolean", "text", "integer", "number", "money", "date"]
type DataFile = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(csv|csv\.xz|yaml)$")]
type Use = Literal["claim", "preauthorization", "predetermination"]


def choices(kind: type, place: str) -> list[str]:
    """Return the words that may stand at a place, as in `applies.regime[0]`; none if any may."""
    schema = msgspec.json.schema(kind)
    node: dict[str, Any] = schema
    for part in re.findall(r"[^.\[\]]+", place):
        node = _resolved(schema, node)
        node = node.get("items", {}) if part.isdigit() else node.get("properties", {}).get(part, {})
    found = _resolved(schema, node).get("enum", [])
    return [str(word) for word in found]


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, and the one of several choices that is not null."""
    for choice in node.get("anyOf", []):
        if choice.get("type") != "null":
            node = choice
    target = node.get("$ref", "")
    return _resolved(schema, schema["$defs"][target.rpartition("/")[2]]) if target else node


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Common behaviour: immutable, a misspelt field is an error."""


class Codes(decisions.Codes, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The codes of a finding, strictly read."""


class Bilingual(decisions.Bilingual, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text in both languages, strictly read."""


class Valid(Document, frozen=True, kw_only=True):
    """First and last day, both included; an open end is left out."""

    from_: dt.date | None = msgspec.field(default=None, name="from")
    to: dt.date | None = None

    def holds(self, day: dt.date) -> bool:
        """Tell whether a day lies inside."""
        return (self.from_ is None or self.from_ <= day) and (self.to is None or day <= self.to)


class Applies(Document, frozen=True, kw_only=True):
    """What a rule is for; an empty list means all."""

    scope: ScopeName
    regime: list[Regime] = []
    use: list[Use] = []
    type: list[str] = []
    subtype: list[str] = []
    encounter_class: list[str] = []
    payer: list[str] = []
    profile: list[str] = []


class Examples(Document, frozen=True, kw_only=True):
    """Partial claims, merged over the smallest sound one: where the rule must fire, and where it must not."""

    violates: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    satisfies: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]


class Rule(Document, frozen=True, kw_only=True):
    """One rule as it is written; see docs/rule-schema.md."""

    id: Word
    title: Bilingual
    severity: decisions.Severity
    applies: Applies
    when: str = "TRUE"
    violation: str
    path: str | None = None
    message: Bilingual
    expected: str | None = None
    suggestion: Bilingual | None = None
    codes: Codes | None = None
    source: Text
    valid: Valid = Valid()
    blocking: bool = False
    review: bool = False
    examples: Examples


class Head(Document, frozen=True, kw_only=True):
    """pack.yaml."""

    id: Word
    version: Word
    title: Bilingual
    regimes: Annotated[list[Regime], msgspec.Meta(min_length=1)]
    valid: Valid = Valid()
    licence: Text
    source: Text


class TableHead(Document, frozen=True, kw_only=True):
    """table.yaml: what a table is, its source, its window; see docs/guides/tables.md.

    `columns` are those beside the key. Without `data` the table is declared: rules may name it, and an issue
    of the same name, here or of a tenant, need not repeat its columns.
    """

    name: Word
    title: Text
    source: Text
    licence: Text
    revision: Word | None = None
    from_: dt.date | None = msgspec.field(name="from", default=None)
    to: dt.date | None = None
    dotless: bool | None = None
    extends: bool | None = None
    key: Annotated[list[ColumnName], msgspec.Meta(min_length=1, max_length=4)] | None = None
    columns: dict[ColumnName, ColumnKind] | None = None
    required: list[ColumnName] | None = None
    aliases: dict[ColumnName, list[Text]] | None = None
    defaults: dict[ColumnName, Text] = {}
    data: DataFile | None = None
