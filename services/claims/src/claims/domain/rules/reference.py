# ruff: noqa: E501 - a row of a Markdown table is one line
"""docs/rule-schema.md, written from the schema table, the functions and the documents' fields.

Room: domain. `python -m claims.domain.rules.reference > docs/rule-schema.md` renews it; a test compares.
"""

import sys

from claims.domain.rules import parsing, runtime, schema

_HEAD = f"""# What a rule may say

Written by `python -m claims.domain.rules.reference`; change the code, not this file.

A rule is one SQL condition about one row of a claim. It fires where the condition is TRUE. Where it is neither
TRUE nor FALSE, because something is missing, the rule is reported as not checked, with what was missing.
A text has at most {parsing.MAX_BYTES:,} bytes and nests at most {parsing.MAX_DEPTH} levels.

## The language

| | |
|-|-|
| constants | `'text'`, `1500`, `0.15`, `TRUE`, `FALSE`, `NULL`, `DATE '2026-01-31'`, `ARRAY['59', '76']` |
| logic | `AND`, `OR`, `NOT`; missing is NULL, and logic has three values |
| comparison | `=`, `<>`, `<`, `<=`, `>`, `>=`, `BETWEEN`, `IN (constants)`, `LIKE 'pattern'`, `IS [NOT] NULL`, `IS [NOT] DISTINCT FROM` |
| arithmetic | `+`, `-`, `*` exact; `/` to {runtime.DIVISION_DIGITS} decimals; day − day = days; day ± days = day |
| choice | `CASE WHEN … THEN … ELSE … END`, `COALESCE(…)`, `NULLIF(a, b)` |
| numbers | `ROUND(x, decimals)`, half away from zero; `ROUND(amount)` rounds to the currency's smallest unit, `ROUND(number)` to a whole; `ABS(x)` |
| text | `UPPER`, `LOWER`, `TRIM`, `LENGTH`, `a \\|\\| b` (joined) |
| forms | `has_form(code, '#####-##-##')`: `#` a digit, `@` a letter, `?` either, other marks themselves; `npi_valid(number)`: ten digits with their check digit |
| dates | `CURRENT_DATE` (the day the claim is judged on), `age_years(birth, day)`, `days_between(from, to)` |
| lists | `value = ANY(list)`, `list && list` (share a member), `list <@ list` (all within), `list @> list`, `CARDINALITY(list)` |
| aggregates | `COUNT(*)`, `COUNT(x)`, `COUNT(DISTINCT x)`, `SUM`, `MIN`, `MAX`, `AVG`, `ARRAY_AGG`, each with `FILTER (WHERE …)` |
| tables | `in_codeset(code, 'table', day)`, `lookup('table.column', code, day)`; NULL where no issue of the table covers the day |

A plain name is a column of the row the rule is about, else of the claim; `claim.type` is the claim's where the
row has a column of that name. Other rows are reached by aggregates only, as `lines.net` or `diagnosis.code`;
plain names inside an aggregate are those of the row judged:
`COUNT(*) FILTER (WHERE lines.sequence = sequence) > 1`.

Columns marked *earlier claims* are known only where a platform with a record was asked; elsewhere a rule that
reads one is reported as not checked.

An aggregate over a column that one row lacks is not decided, unless the text says what the missing value
counts as (`SUM(COALESCE(lines.tax, 0))`) or leaves such rows out (`FILTER (WHERE lines.tax IS NOT NULL)`).
Constants take the unit of what they meet and are in major units; two columns of different units do not mix.

In PostgreSQL or DuckDB the same text gives the same answer over DECIMAL columns where `ROUND(amount)` is written
with the currency's decimals; only `/`, exact here, is floating point in DuckDB.

## Columns
"""

_TAIL = """
## A rule in a file

`packs/<pack>/rules/*.yaml` hold lists of rules; `packs/<pack>/pack.yaml` has `id`, `version`, `title {en, ar}`,
`regimes`, `licence`, `source` and, if it is not for ever, `valid {from, to}`.

| field | meaning |
|-|-|
| `id` | never used again for something else |
| `title` | what is right, in `en` and `ar` |
| `severity` | `error`, `warning`, `info` |
| `applies` | `scope` (one of the above); and lists of `regime`, `use`, `type`, `subtype`, `encounter_class`, `payer`, `profile`; a list left out means all |
| `when` | condition under which the rule is asked; where it is not TRUE the rule does not apply |
| `violation` | condition that is TRUE where something is wrong |
| `path` | column the finding points to; without it the first one of `violation` |
| `expected` | expression whose value is shown as what should stand there |
| `message`, `suggestion` | texts in `en` and `ar`; `{column}` and `{expected}` are put in |
| `codes` | `bv`, `nphies`, `carc`, `rarc`, `group`, `x12`; what follows from those stated is filled in at load, see [reasons](reasons.md) |
| `source` | what the rule rests on |
| `valid` | first and last day on which it is asked, `from` and `to` |
| `blocking`, `review` | marks of the finding |
| `examples` | `violates` and `satisfies`: partial claims, merged over the smallest sound one; `as_of` sets the day, `history` what earlier claims say about each line, `tables` rows of tables for this example alone |

## A table

`packs/code-sets/<folder>/table.yaml` has `name`, `title`, `source`, `licence`, `revision`, `from`, `to`, `key` (the
columns that make the key, `code` where it is left out), `columns` (name → boolean, text, integer, number, money, date;
beside the key), `required` (columns that may not be empty), `aliases` (other words for a column in a file's header), `defaults`
(a column's value in a file that lacks it), `extends` (keys that the issue lacks are looked up in the issue below it),
`dotless` (dots do not count) and `data`, a file `.csv`, `.csv.xz` or `.yaml`; see
[the guide](guides/tables.md). Two folders of one name are two issues of one table. Without `data` a table is declared: rules may name it,
and it answers nothing until somebody brings the data. A rule joins the parts of a key:
`lookup('tariff.price', payer || '|' || system || '|' || code, service_date)`.
"""


def markdown() -> str:
    """Return the document."""
    return _HEAD + "".join(_scope(scope) for scope in schema.SCOPES.values()) + _TAIL


def _scope(scope: schema.Scope) -> str:
    rows = f", in aggregates `{scope.rows}`" if scope.rows else ""
    lines = [
        f"\n### {scope.name}{rows}\n",
        "| column | type | may be missing | meaning | unit |",
        "|-|-|-|-|-|",
    ]
    lines += [
        f"| `{field.name}` | {field.kind.value} | {'yes' if field.nullable else 'no'} "
        f"| {field.meaning}{' (*earlier claims*)' if field.past else ''} | {schema.UNITS.get(field.kind, '')} |"
        for field in scope.fields.values()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
