"""What a column and a scope of the rule language are; the columns themselves stand in schema.py.

Room: domain. `source` is Python text over `x` (the struct of the row, or the claim), never from a rule.
"""

import dataclasses

from claims.domain.rules import tree


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One column: `path` is its place in the canonical JSON, relative to the row (or to the claim)."""

    name: str
    kind: tree.Kind
    meaning: str
    path: str = ""
    source: str = ""
    nullable: bool = True
    past: bool = False  # known from earlier claims only, through Lookup; `h` is the line's history

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path or self.name)
        plain = f"x.{self.path}"
        if not self.source:
            object.__setattr__(
                self, "source", f"_day({plain}, zone)" if self.kind is tree.Kind.DATE else plain
            )


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """A kind of row: `rows` is the row set's name in aggregates, `items` Python text over `claim`."""

    name: str
    rows: str
    items: str
    fields: dict[str, Field]


def fields(*found: Field) -> dict[str, Field]:
    """Return the columns by their names."""
    return {field.name: field for field in found}


def parent(owner: str, name: str, kind: tree.Kind, meaning: str, *, column: str = "") -> Field:
    """Return the column of a part of the claim that may be absent as a whole."""
    attribute = "class_" if name == "class" else name
    value = f"(x.{owner} and x.{owner}.{attribute})"
    return Field(
        column or f"{owner}_{name}",
        kind,
        meaning,
        path=f"{owner}.{name}",
        source=f"_day({value}, zone)" if kind is tree.Kind.DATE else value,
    )
