"""Arrays as the texts that PostgreSQL reads them from.

The driver asks of every element of a list what it is, in Python; a text goes out as it is.
"""

from collections.abc import Sequence


def numbers(column: Sequence[int] | Sequence[float]) -> str:
    """Return numbers as an array."""
    return f"{{{str(column)[1:-1]}}}"


def plain(column: Sequence[str]) -> str:
    """Return as an array what needs no quotes: UUIDs, and NULL as it stands."""
    return f"{{{','.join(column)}}}"


def quoted(column: Sequence[str]) -> str:
    """Return any texts as an array."""
    if not column:
        return "{}"
    whole = '","'.join(column)
    if "\\" in whole or whole.count('"') > 2 * len(column) - 2:
        whole = '","'.join([text.replace("\\", "\\\\").replace('"', '\\"') for text in column])
    return f'{{"{whole}"}}'
