"""The shape of a table: which columns make its key, which stand beside it, and how an issue agrees with it.

Room: domain. A table is declared once; each issue, ours or a customer's, repeats the shape or leaves it out.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from claims.domain.rules import documents

WINDOW = ("from", "to")  # columns any table's file may have: the days on which a row is valid
type Note = Callable[[str, str, str], None]  # field, message, remedy


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Columns of a table's file; `required` cells may not be empty, `aliases` are other words in a header."""

    key: tuple[str, ...] = ("code",)
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    required: frozenset[str] = frozenset()
    dotless: bool = False
    extends: bool = False
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Return the columns of a file: key, values, window."""
        return (*self.key, *self.columns, *WINDOW)

    def column(self, title: str) -> str | None:
        """Return the column that a header's word stands for, None for an unknown word."""
        word = plain(title)
        return word if word in self.names() else self.aliases.get(word)


def plain(title: str) -> str:
    """Return a header's word without what people vary: case, blanks around, `_` and `-` for a blank."""
    word = " ".join(title.split()).casefold()
    return word.replace(" ", "_").replace("-", "_")


def resolve(head: documents.TableHead, declared: Shape | None, note: Note) -> Shape:
    """Return the shape of an issue, noting where it contradicts itself or the declaration."""
    base = declared or Shape()
    key = tuple(head.key) if head.key is not None else base.key
    columns = dict(head.columns) if head.columns is not None else dict(base.columns)
    dotless = base.dotless if head.dotless is None else head.dotless
    if declared is not None:
        _agree("key", list(key), list(declared.key), note)
        _agree("columns", columns, dict(declared.columns), note)
        _agree("dotless", dotless, declared.dotless, note)
        columns = dict(declared.columns)
    required = base.required if head.required is None else frozenset(head.required)
    names = [*key, *columns]
    _distinct(names, note)
    for field, used in (("required", required), ("defaults", head.defaults), ("aliases", head.aliases or {})):
        _known(field, sorted(used), names, note)
    return Shape(
        key=key, columns=columns, required=required, dotless=dotless,
        extends=base.extends if head.extends is None else head.extends,
        aliases={**base.aliases, **_aliases(head)}, defaults=dict(head.defaults),
    )  # fmt: skip


def _aliases(head: documents.TableHead) -> dict[str, str]:
    return {plain(word): name for name, words in (head.aliases or {}).items() for word in words}


def _agree(field: str, said: object, declared: object, note: Note) -> None:
    if said != declared:
        shown = ", ".join(map(str, declared)) if isinstance(declared, list | dict) else str(declared).lower()
        note(field, f"The table is declared with `{field}`: {shown}.", f"Leave `{field}` out, or repeat it.")


def _distinct(names: Sequence[str], note: Note) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice or set(names) & set(WINDOW):
        shown = ", ".join(sorted(twice | (set(names) & set(WINDOW))))
        note("columns", f"Columns of one name, or named as a row's window: {shown}.", "Rename them.")


def _known(field: str, used: Sequence[str], names: Sequence[str], note: Note) -> None:
    unknown = [name for name in used if name not in names]
    if unknown:
        note(field, f"There is no column {', '.join(unknown)}.", f"Columns: {', '.join(names)}.")
