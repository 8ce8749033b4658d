"""JSON Schemas of pack and table documents, so that an editor completes fields and marks slips.

Room: domain. `python -m claims.domain.rules.editors rule-pack|table` prints one; docs/schemas holds both and
a test compares. Field texts stand here once; what a text of the language may say is in docs/rule-schema.md.
"""

import inspect
import json
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from claims.domain.rules import documents

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BASE = "https://ultrathink.dev/schemas/"
_SQL = "SQL condition of docs/rule-schema.md"
# Struct and field → what an editor shows; `*` is any struct.
_TEXTS: Mapping[tuple[str, str], str] = {
    ("Rule", "id"): "Unique over all packs; never used again for something else.",
    ("Rule", "title"): "What is right, as a heading in both languages.",
    ("Rule", "severity"): "error: the claim is rejected; warning: shown, changes nothing; info: a remark.",
    ("Rule", "applies"): "What the rule is for; a list left out means all.",
    ("Rule", "when"): f"{_SQL}: where it is not TRUE the rule has nothing to say. Left out: always asked.",
    ("Rule", "violation"): f"{_SQL}: TRUE where something is wrong; undecided is told as not checked.",
    ("Rule", "path"): "Column the finding points to; left out: the first column of `violation`.",
    ("Rule", "message"): "What is wrong, for a biller; {column} and {expected} are put in.",
    ("Rule", "expected"): "Expression whose value should stand there; {expected} in the texts.",
    ("Rule", "suggestion"): "What to do about it.",
    ("Rule", "codes"): "What payers' code lists call it; group and 277CA follow where they are left out.",
    ("Rule", "source"): "What the rule rests on: a guide with its number, a regulation, an agreement.",
    ("Rule", "valid"): "First and last day on which the rule is asked, both included.",
    ("Rule", "blocking"): "Marks the finding as one that keeps a claim from being sent.",
    ("Rule", "review"): "A person looks at the claim when the rule fires.",
    ("Rule", "examples"): "Partial claims that show the rule at work; `ultrathink rules test` runs them.",
    ("Applies", "scope"): "The row the rule is about: it is asked once per such row of a claim.",
    ("Applies", "regime"): "nphies, x12-us, base.",
    ("Applies", "use"): "claim: for money; preauthorization: for permission; predetermination: an estimate.",
    ("Applies", "type"): "professional, institutional, oral, pharmacy, vision.",
    ("Applies", "subtype"): "op, ip, emr.",
    ("Applies", "encounter_class"): "AMB, EMER, IMP, SS, HH, VR …",
    ("Applies", "payer"): "Numbers of payers, as claims name them.",
    ("Applies", "profile"): "Profiles of messages, with or without their version.",
    ("Examples", "violates"): "Claims on which the rule must fire: only what differs from a sound claim.",
    ("Examples", "satisfies"): "Claims on which it must not; [{}] is the sound claim itself.",
    ("Codes", "nphies"): "Reason of nphies, as BE-1-6.",
    ("Codes", "bv"): "Number of nphies' business rule, as BV-00251.",
    ("Codes", "carc"): 'Claim adjustment reason code, in quotation marks: "16".',
    ("Codes", "rarc"): "Remittance advice remark code, as M79; some CARC need one.",
    ("Codes", "group"): "CO, PR, OA, PI; left out: by the crosswalk.",
    ("Codes", "x12"): "Category and status of 277CA; left out: by the crosswalk.",
    ("Head", "id"): "Name of the pack: that of its folder.",
    ("Head", "version"): "For people; the content's SHA-256 is the proof.",
    ("Head", "title"): "What the pack is about.",
    ("Head", "regimes"): "The regimes whose claims the pack is asked about.",
    ("Head", "valid"): "First and last day of the pack, both included.",
    ("TableHead", "name"): "The name rules look it up by.",
    ("TableHead", "title"): "What the table is, in one line.",
    ("TableHead", "revision"): "Which issue this is, as 2026-04.",
    ("TableHead", "from"): "First day on which this issue answers.",
    ("TableHead", "to"): "Last day; left out: until the next issue begins.",
    ("TableHead", "dotless"): "Dots of codes do not count: E11.9 is E119.",
    ("TableHead", "extends"): "Keys this issue lacks are looked up in the issue below it.",
    ("TableHead", "key"): "Columns that make the key, in order; left out: code.",
    ("TableHead", "columns"): "Columns beside the key, each with its kind.",
    ("TableHead", "required"): "Columns that may not be empty.",
    ("TableHead", "aliases"): "Other words for a column in the file's header.",
    ("TableHead", "defaults"): "A column's value in a file that lacks the column.",
    ("TableHead", "data"): "The file beside: .csv, .csv.xz or .yaml; left out: the table is declared only.",
    ("Valid", "from"): "First day, as 2026-01-31.",
    ("Valid", "to"): "Last day, included.",
    ("*", "en"): "English, in the words of a biller.",
    ("*", "ar"): "Arabic, in the words of a biller; the same values in braces.",
    ("*", "licence"): "Under which terms this may be used.",
    ("*", "source"): "Where it comes from.",
}  # fmt: skip
SCHEMAS: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "rule-pack": ("A file of rules (a list), or a pack's pack.yaml", (list[documents.Rule], documents.Head)),
    "table": ("table.yaml of a dated table", (documents.TableHead,)),
}


def schema(name: str) -> dict[str, Any]:
    """Return a schema of SCHEMAS; a new dict at each call."""
    title, kinds = SCHEMAS[name]
    roots, defs = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for struct, told in defs.items():
        told.pop("title", None)
        # Python keeps the indentation of docstrings up to 3.12 and drops it from 3.13 on.
        told["description"] = inspect.cleandoc(told.get("description", ""))
        for field, described in told.get("properties", {}).items():
            text = _TEXTS.get((struct, field)) or _TEXTS.get(("*", field))
            if text is not None:
                described["description"] = text
    root = roots[0] if len(roots) == 1 else {"anyOf": list(roots)}
    head = {"$schema": _DIALECT, "$id": f"{_BASE}{name}.json", "title": title}
    return {**head, **root, "$defs": defs}


def text(name: str) -> str:
    """Return a schema as its file holds it."""
    return json.dumps(schema(name), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(sys.argv[1]))
