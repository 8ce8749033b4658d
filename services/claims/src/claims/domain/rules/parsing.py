"""A rule's text to sqlglot's tree, within bounds (size, nesting, one expression). Judges no meaning.

Room: domain. sqlglot reads far more than the language allows; what it returns is only looked at by
checking.py, which knows every node it accepts. Bounds are checked on tokens, before a recursive parser runs.
"""

import sqlglot
from sqlglot import errors as sqlglot_errors
from sqlglot import exp

from claims.domain.rules import slips

MAX_BYTES = 4_096  # a longer rule is two rules, or a table
MAX_DEPTH = 40  # deeper than anything a person can check; far below Python's recursion limit
MAX_PREFIXES = 8  # NOT NOT …, - - …: each is a recursion of the parser

_OPENING = {sqlglot.TokenType.L_PAREN, sqlglot.TokenType.CASE, sqlglot.TokenType.L_BRACKET}
_CLOSING = {sqlglot.TokenType.R_PAREN, sqlglot.TokenType.END, sqlglot.TokenType.R_BRACKET}
_PREFIX = {sqlglot.TokenType.NOT, sqlglot.TokenType.DASH, sqlglot.TokenType.PLUS, sqlglot.TokenType.TILDE}


class TextError(Exception):
    """What is wrong with a rule's text, where, and what to write instead."""

    def __init__(self, message: str, remedy: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy
        self.line, self.column = max(1, line), max(1, column)  # sqlglot counts backwards over a line break


def parse(text: str) -> exp.Expression:
    """Return sqlglot's tree of one expression; raise TextError for anything that is not one."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise TextError(f"The text is longer than {MAX_BYTES} bytes.", "Split the rule, or use a table.")
    _bound(_tokens(text))
    try:
        found = sqlglot.parse(text, read="postgres")
    except sqlglot_errors.ParseError as cause:
        raise _parse_error(text, cause) from cause
    except RecursionError as cause:
        raise TextError("The text nests too deeply.", "Use fewer parentheses.") from cause
    except (
        sqlglot_errors.SqlglotError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        IndexError,
    ) as cause:
        raise _slipped(
            text, "The text cannot be read as an expression.", "Write one SQL condition."
        ) from cause
    if len(found) != 1 or found[0] is None:
        raise TextError("The text is not exactly one expression.", "Write one condition, without `;`.")
    if not isinstance(found[0], exp.Expression):
        raise TextError("The text is not an expression.", "Write one SQL condition.")
    return found[0]


def position(node: exp.Expression) -> tuple[int, int]:
    """Return line and column where a node begins: the first place that is known of any part of it."""
    places = [
        (int(part.meta["line"]), int(part.meta["col"]) - int(part.meta["end"]) + int(part.meta["start"]))
        for part in node.walk()
        if "line" in part.meta
    ]
    return min(places, default=(1, 1))


def pointed(text: str, line: int, column: int) -> tuple[str, str]:
    """Return the line of a text that is meant, and a line with a caret under the column."""
    lines = text.splitlines() or [""]
    found = lines[min(line, len(lines)) - 1]
    before = found[: min(column, len(found) + 1) - 1]
    return found, "".join("\t" if mark == "\t" else " " for mark in before) + "^"


def _tokens(text: str) -> list[sqlglot.Token]:
    try:
        return list(sqlglot.tokenize(text, read="postgres"))
    except sqlglot_errors.SqlglotError as cause:
        raise TextError(
            "The text ends inside a quotation or comment.",
            "Close the quotation mark; an apostrophe inside a text is written twice: 'it''s'.",
        ) from cause
    except (ValueError, IndexError, AttributeError, TypeError) as cause:
        raise TextError("The text holds characters that cannot be read.", "Write plain SQL.") from cause


def _bound(found: list[sqlglot.Token]) -> None:
    if not found:
        raise TextError("The text is empty.", "Write a condition, or leave the field out.")
    depth = prefixes = 0
    for token in found:
        prefixes = prefixes + 1 if token.token_type in _PREFIX else 0
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth > MAX_DEPTH or prefixes > MAX_PREFIXES:
            raise TextError(
                f"The text nests deeper than {MAX_DEPTH} levels.",
                "Use fewer parentheses, CASE and NOT.",
                line=token.line,
                column=max(1, token.col - len(token.text) + 1),
            )


def _parse_error(text: str, cause: sqlglot_errors.ParseError) -> TextError:
    first = cause.errors[0] if cause.errors else {}
    return _slipped(
        text,
        "The text is not a complete SQL expression.",
        "Check operators, commas and parentheses near this place.",
        line=int(first.get("line") or 1),
        column=int(first.get("col") or 1),
    )


def _slipped(text: str, message: str, remedy: str, *, line: int = 1, column: int = 1) -> TextError:
    """Return the error of a slip that is known, else of what the parser says."""
    slip = slips.of_text(text)
    if slip is None:
        return TextError(message, remedy, line=line, column=column)
    before = text[: slip.column - 1]
    return TextError(
        slip.message,
        slip.remedy,
        line=before.count("\n") + 1,
        column=len(before) - (before.rfind("\n") + 1) + 1,
    )
