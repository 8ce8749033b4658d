"""Records of CSV text: where one ends, which delimiter divides it, and its cells.

Room: formats.tabular. A quote opens a field only at the field's start, as RFC 4180 and every spreadsheet have
it; a newline inside such a field belongs to it.
"""

import csv
import re

from chassis import errors

DELIMITERS = ",;\t"
_CLOSING = re.compile(r'(?:[^"]++|"")*+"')  # possessive: a long open field is passed once


def delimiter_of(header: str) -> str:
    """Return the delimiter that occurs most in the header line; a comma when none does."""
    return max(DELIMITERS, key=header.count)


def stays_open(line: str, delimiter: str, *, opened: bool) -> bool:
    """Tell whether a physical line ends inside a quoted field; `opened` says whether it began inside one."""
    if '"' not in line:
        return opened
    at = 0
    while True:
        if opened:
            closing = _CLOSING.match(line, at)
            if closing is None:
                return True
            at = closing.end()
        following = line.find(delimiter, at)
        if not opened and line.startswith('"', at):
            opened, at = True, at + 1
            continue
        if following < 0:
            return False
        opened, at = False, following + 1


def cells(record: str, delimiter: str) -> list[str]:
    """Return the cells of one record, blanks around them removed; raise Invalid where it is malformed."""
    try:
        rows = list(csv.reader([record], delimiter=delimiter))
    except csv.Error as cause:
        raise errors.Invalid(
            "claim.unreadable",
            "The row is not well-formed CSV.",
            violations=(errors.Violation("$", "csv.malformed", "The row is not well-formed CSV."),),
        ) from cause
    return [cell.strip() for cell in rows[0]] if rows else []
