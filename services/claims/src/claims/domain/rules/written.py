"""Rules as they were written: where each field stands in its file. Data for tools, not for judging.

Room: domain.
"""

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A field: its line and column in the file, counted from 1, and its text."""

    line: int
    column: int
    text: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a file; `fields` are its scalars by dotted name (`message.ar`)."""

    pack: str
    file: str
    rule: str
    line: int
    fields: dict[str, Place]

    def place(self, field: str) -> Place:
        """Return where a field stands, or the nearest thing above it."""
        while field:
            if field in self.fields:
                return self.fields[field]
            field = field.rpartition(".")[0]
        return Place(self.line, 1, "")


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """One thing said about a pack: an error keeps it from loading, advice does not.

    `line` and `column` are of the file; `excerpt` is the line of the rule's text that is meant and `caret`
    the column in it, both empty where the remark is not about a place in a text.
    """

    level: str  # error, advice
    code: str
    file: str
    rule: str = ""
    field: str = ""
    line: int = 1
    column: int = 1
    message: str
    remedy: str
    excerpt: str = ""
    caret: int = 0


def remark(
    entry: Entry | None,
    *,
    level: str,
    code: str,
    file: str,
    field: str = "",
    message: str,
    remedy: str,
    at: tuple[int, int] | None = None,
) -> Remark:
    """Return a remark about a field of a rule, with its place; `at` is line and column inside its text."""
    if entry is None:
        return Remark(level=level, code=code, file=file, field=field, message=message, remedy=remedy)
    place = entry.place(field)
    excerpt, caret = ("", 0) if at is None else _excerpt(place.text, *at)
    return Remark(
        level=level, code=code, file=file or entry.file, rule=entry.rule, field=field, line=place.line,
        column=place.column,
        message=message, remedy=remedy, excerpt=excerpt, caret=caret,
    )  # fmt: skip


def _excerpt(text: str, line: int, column: int) -> tuple[str, int]:
    lines = text.splitlines() or [""]
    found = lines[min(line, len(lines)) - 1]
    return found, min(column, len(found) + 1)
