"""Slips that people make when they write rules, each with what to write instead.

Room: domain. Looks at texts that were refused, never at sound ones; a slip that is not known here is told in
the words of whoever refused it.
"""

import difflib
import re
from collections.abc import Iterable, Sequence

import msgspec

from claims.domain.rules import tree

_KIND = tree.Kind


class Slip(msgspec.Struct, frozen=True):
    """What is wrong, and what to write; `column` counts from 1 where the place is known, else 0."""

    message: str
    remedy: str
    column: int = 0


_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
# What stands in a text outside quotation marks, most telling first.
_PATTERNS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), message, remedy)
    for pattern, message, remedy in (
        (r"[‘’“”«»„]", "This is a typographic quotation mark.", "Write a straight one: 'E11.9'."),
        (r"[٠-٩۰-۹]", "This is an Arabic-Indic digit.", "Write digits as 0 to 9."),
        (r"[؛،]", "This is an Arabic punctuation mark.", "Write the comma and operators of SQL."),
        (r"≥", "`≥` is not an operator here.", "Write >=."),
        (r"≤", "`≤` is not an operator here.", "Write <=."),
        (r"≠", "`≠` is not an operator here.", "Write <>."),
        (r"=>", "`=>` is not an operator.", "Write >=."),
        (r"=<", "`=<` is not an operator.", "Write <=."),
        (r"\bcontains\b", "`contains` is not part of the language.",
         "For a list write '59' = ANY(modifiers); for a text write description LIKE '%x%'."),
        (r"\bstarts\s+with\b", "`starts with` is not part of the language.", "Write code LIKE 'E11%'."),
        (r"\bis\s+(not\s+)?(empty|missing)\b", "`is empty` is not part of the language.",
         "Write IS NULL, or IS NOT NULL."),
        (r"\bbetween\s+\S+\s+to\b", "BETWEEN takes AND.", "Write net BETWEEN 1 AND 3."),
        (r"\b(like|ilike)\s+[^'\s]", "LIKE takes a pattern in quotation marks.", "Write code LIKE 'E11%'."),
        (r"\d,\d{3}\b|\d,\d", "A number has a comma in it.", "Write 1500 or 0.5: no separators, a point."),
        (r"\belse\s+if\b|\bthen\b(?!.*\bend\b)", "A CASE is not closed.",
         "Write CASE WHEN … THEN … WHEN … THEN … ELSE … END."),
        (r"^\s*(use|set|show|end)\b", "The text begins with a word that SQL takes for a command.",
         'Put the column\'s name in double quotation marks: "use" = \'claim\'.'),
        (r"(<>|[=<>!+*/-]|\band\b|\bor\b|\bnot\b)\s*$",
         "The text is not a complete SQL expression: it ends with an operator.",
         "Write what is to be compared after it."),
    )
)  # fmt: skip
# What to write instead of nodes of sqlglot that a beginner is likely to write, by key.
_NODES: dict[str, str] = {
    "if": "Write CASE WHEN … THEN … ELSE … END.",
    "ilike": "Write LOWER(code) LIKE 'e11%'.",
    "regexplike": "Write LIKE with % and _, or has_form(code, '@####'): # a digit, @ a letter.",
    "mod": "Compare with ROUND(x), or write IN (…).",
    "currenttimestamp": "Write CURRENT_DATE.",
    "alias": "Something stands after the expression: write AND or OR between conditions, and no unit.",
    "select": "Read sibling rows with COUNT, SUM … FILTER (WHERE …), and facts with lookup(…).",
    "subquery": "Read sibling rows with COUNT, SUM … FILTER (WHERE …), and facts with lookup(…).",
    "exists": "Write COUNT(*) FILTER (WHERE …) > 0.",
    "bitwiseor": "Write OR between conditions, || between texts.",
    "bitwiseand": "Write AND between conditions.",
    "date": "Dates of the schema are days already; a constant is DATE '2026-01-31'.",
    "concat": "Write a || b.",
    "extract": "Write age_years(birth, day) or days_between(a, b).",
    "monthsbetween": "Write days_between(a, b) or age_years(a, b).",
    "datediff": "Write days_between(a, b).",
    "xor": "Write a <> b between two conditions.",
}  # fmt: skip
_FIELD = re.compile(r"field `([^`]*)`")
_VALUE = re.compile(r".*'([^']*)'.*", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(\w+)[^`]*`, got `(\w+)`")
_ENUMS = (
    "error", "warning", "info", "claim", "line", "detail", "diagnosis", "care_team", "information",
    "insurance", "nphies", "x12-us", "base", "preauthorization", "predetermination",
)  # fmt: skip
_FIELDS = (
    "id", "title", "severity", "applies", "when", "violation", "path", "message", "expected", "suggestion",
    "codes", "source", "valid", "blocking", "review", "examples", "scope", "regime", "use", "type", "subtype",
    "encounter_class", "payer", "profile", "violates", "satisfies", "from", "to", "en", "ar", "nphies", "bv",
    "carc", "rarc", "group", "x12", "version", "regimes", "licence",
)  # fmt: skip
# What to write where one shape was expected and another came.
_SHAPES = {
    ("str", "int"): 'Put it in quotation marks: "16".',
    ("str", "float"): 'Put it in quotation marks: "1.0".',
    ("str", "bool"): "Put it in quotation marks: YAML takes yes, no, on and off for yes and no.",
    ("str", "null"): "Write a text, or take the field out.",
    ("str", "date"): 'Put it in quotation marks: "2026-01-31".',
    ("str", "object"): "Write one text, in quotation marks where it holds `: ` or braces.",
    ("array", "str"): "Write a list: [claim].",
    ("array", "object"): "Write a list: begin each member with `- `.",
    ("object", "str"): 'Write both languages: {en: "…", ar: "…"}.',
    ("object", "null"): "Write the fields below it, indented.",
    ("bool", "str"): "Write true or false, without quotation marks.",
    ("date", "str"): "Write a day as 2026-01-31, without quotation marks.",
}
_ALIASES = {
    "today": "CURRENT_DATE", "now": "CURRENT_DATE", "amount": "net", "price": "unit_price", "qty": "quantity",
    "sex": "patient_sex", "gender": "patient_sex", "birth_date": "patient_birth_date",
    "provider": "provider_id",
    "diagnoses": "diagnosis", "line": "lines", "detail": "details", "supporting_info": "information",
    "careteam": "care_team", "member": "member_id", "date": "service_date", "units": "quantity",
}  # fmt: skip
_FUNCTIONS = {
    "contains": "For a list write '59' = ANY(modifiers); for a text write description LIKE '%x%'.",
    "startswith": "Write code LIKE 'E11%'.", "starts_with": "Write code LIKE 'E11%'.",
    "isnull": "Write x IS NULL.", "ifnull": "Write COALESCE(x, 0).", "nvl": "Write COALESCE(x, 0).",
    "mean": "Write AVG(lines.net).", "average": "Write AVG(lines.net).", "len": "Write LENGTH(code).",
    "today": "Write CURRENT_DATE.", "now": "Write CURRENT_DATE.", "age": "Write age_years(birth, day).",
    "days": "Write days_between(a, b).", "datediff": "Write days_between(a, b).",
    "any": "Write '59' = ANY(modifiers).", "regexp_matches": "Write LIKE, or has_form(code, '@####').",
}  # fmt: skip
# What to write where two kinds do not meet, whichever stands first.
_KINDS: dict[frozenset[tree.Kind], str] = {
    frozenset({_KIND.DATE, _KIND.TEXT}): "A day is written DATE '2026-01-31'.",
    frozenset({_KIND.TEXTS, _KIND.TEXT}): "Of a list write '59' = ANY(modifiers).",
    frozenset({_KIND.INTS, _KIND.INT}): "Of a list write 1 = ANY(diagnosis_sequences).",
    frozenset({_KIND.TEXT, _KIND.INT}): "A text stands in quotation marks: '5'.",
    frozenset({_KIND.TEXT, _KIND.NUMBER}): "A number stands without quotation marks.",
    frozenset({_KIND.TEXT, _KIND.MONEY}): "An amount is a number without quotation marks: 150.00.",
    frozenset({_KIND.BOOL, _KIND.TEXT}): "Compare with = TRUE or = FALSE.",
    frozenset({_KIND.BOOL, _KIND.INT}): "Compare two values at a time: a < b AND b < c; a yes is TRUE.",
    frozenset({_KIND.BOOL, _KIND.MONEY}): "Compare two values at a time: a < b AND b < c.",
    frozenset({_KIND.MONEY, _KIND.NUMBER}): "Compare an amount with an amount: net > quantity * unit_price.",
    frozenset({_KIND.MONEY, _KIND.INT}): "Compare an amount with an amount, or with a constant.",
    frozenset({_KIND.DATE, _KIND.INT}): "Days are counted by days_between(a, b); a day is DATE '2026-01-31'.",
    frozenset({_KIND.INT, _KIND.TEXTS}): "Write OR and AND between conditions; && compares two lists.",
    frozenset({_KIND.BOOL, _KIND.TEXTS}): "Write AND between conditions; && compares two lists.",
}  # fmt: skip
_YAML: tuple[tuple[str, str, str], ...] = (
    ("mapping values are not allowed",
     "A text with `: ` in it needs quotation marks, or the line is indented wrongly.",
     'Put the whole text in "…"; inside, write \\" for a quotation mark.'),
    ("found character '\\t'", "The line is indented with a tab.", "Indent with spaces."),
    ("cannot start any token", "The line begins with a character YAML keeps for itself.",
     "Indent with spaces, and put texts that begin with @, ` or % in quotation marks."),
    ("did not find expected ',' or '}'", "A brace `{` is not closed, or a text in it needs quotation marks.",
     'Close it with `}`, and put texts with commas or colons in "…".'),
    ("did not find expected ',' or ']'", "A bracket `[` is not closed.", "Close it with `]`."),
    ("did not find expected key", "The indentation changes here.",
     "Begin fields of one rule in one column, and close every quotation mark above."),
    ("did not find expected '-' indicator", "A rule does not begin in the column of the others.",
     "Begin every rule with `- id:` in the same column."),
    ("found unexpected end of stream", "A quotation mark is not closed.", "Close it."),
    ("found undefined alias", "A text that begins with * needs quotation marks.", 'Put it in "…".'),
)  # fmt: skip


def of_text(text: str) -> Slip | None:
    """Return the slip that shows in a refused text, with its column; None where none is known."""
    bare = _QUOTED.sub(lambda found: "'" + "x" * (len(found[0]) - 2) + "'", text)
    for pattern, message, remedy in _PATTERNS:
        found = pattern.search(bare)
        if found is not None:
            return Slip(message, remedy, found.start() + 1)
    opened = bare.count("(") - bare.count(")")
    if opened > 0:
        return Slip(f"{opened} parenthesis is not closed.", "Close it.", bare.rfind("(") + 1)
    if opened < 0:
        return Slip("A parenthesis is closed that was not opened.", "Take it out.", bare.rfind(")") + 1)
    return None


def of_node(key: str) -> str:
    """Return what to write instead of a construct that is not part of the language."""
    return _NODES.get(key) or _FUNCTIONS.get(key, "See docs/rule-schema.md.")


def of_name(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return a remedy for an unknown name: the nearest known one, else `otherwise`."""
    names = list(known)
    alias = _ALIASES.get(name.lower(), "")
    if alias == "CURRENT_DATE" or alias in names:
        return f"Did you mean {alias}?"
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else otherwise


def of_function(name: str, known: Iterable[str]) -> str:
    """Return a remedy for a function that is not part of the language."""
    if name in _FUNCTIONS:
        return _FUNCTIONS[name]
    return of_name(name, known, otherwise="See docs/rule-schema.md for the functions.")


def of_kinds(one: tree.Kind, other: tree.Kind, *, otherwise: str) -> str:
    """Return what to write where two kinds of value do not meet."""
    return _KINDS.get(frozenset({one, other}), otherwise)


def of_document(said: str, choices: Sequence[str] = ()) -> str:
    """Return what to write where a document's field is missing, unknown or of the wrong kind; "" if unknown.

    `said` is what msgspec says of it, `choices` the words that may stand there.
    """
    named = _FIELD.search(said)
    name = named[1] if named is not None else ""
    if "unknown field" in said:
        return of_name(name, _FIELDS, otherwise="Take it out.")
    if "missing required field" in said:
        return f"Add `{name}:` to it."
    if "Invalid enum value" in said:
        words = f"Write {' or '.join(choices)}." if choices else ""
        return of_name(_VALUE.sub(r"\1", said), choices or _ENUMS, otherwise=words)
    expected = _EXPECTED.search(said)
    return "" if expected is None else _SHAPES.get((expected[1], expected[2]), "")


def of_yaml(problem: str, line: str) -> Slip:
    """Return what keeps a file from being YAML, from the reader's words and the line it stopped at."""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return Slip("The line is indented with a tab.", "Indent with spaces.")
    for words, message, remedy in _YAML:
        if words in problem:
            return Slip(message, remedy)
    return Slip("The file is not YAML from here on.", "Check indentation and quotation marks.")
