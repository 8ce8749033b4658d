"""The codes of rules: what kind of finding a rule makes, which codes follow from it, and which are wrong.

Room: domain. Works at load, once per rule; a claim pays nothing for it.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator

from claims.domain import decisions, reasons
from claims.domain.rules import packs, tree


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A code of a rule that no list knows, that is out of use, or that lacks its remark."""

    rule: str
    field: str  # of the rule's codes, as `rarc` or `x12.status`
    code: str
    message: str
    remedy: str


def completed(pack: packs.Pack, book: reasons.Book) -> packs.Pack:
    """Return the pack, its rules' codes with the adjustment, group and 277CA that follow from them."""
    return dataclasses.replace(pack, rules=tuple(_completed(rule, book) for rule in pack.rules))


def kind(rule: packs.Rule) -> reasons.Kind:
    """Return what kind of fault a rule finds: something missing, something wrong, or fields that do not fit.

    Missing: every way in which the condition can hold asks for an absence. Relational: it compares values of
    two fields, or of several rows.
    """
    if _asks_for_absence(rule.violation):
        return "missing"
    compared = set(_compared(rule.violation))
    related = len(compared) > 1 or any(isinstance(part, tree.Aggregate) for part in compared)
    return "relational" if related else "invalid"


def check(found: Iterable[packs.Pack], book: reasons.Book) -> list[Problem]:
    """Return every code of the packs' rules that the book does not know or hold on the rule's days."""
    return [problem for pack in found for rule in pack.rules for problem in problems(rule, book)]


def _completed(rule: packs.Rule, book: reasons.Book) -> packs.Rule:
    if rule.codes is None:
        return rule
    codes = book.completed(rule.codes, kind(rule), day(rule, book))
    return dataclasses.replace(rule, codes=codes)


def day(rule: packs.Rule, book: reasons.Book) -> dt.date:
    """Return the day on which a rule's codes are looked up: the book's, or the rule's last if earlier.

    A rule that begins after the book was revised is looked up on its first day.
    """
    last = min(rule.valid.to or dt.date.max, book.revision)
    return max(rule.valid.from_ or dt.date.min, last)


def problems(rule: packs.Rule, book: reasons.Book) -> Iterator[Problem]:
    """Yield every code of a rule that the book does not hold on the rule's days, or that lacks its remark."""
    codes = rule.codes
    if codes is None:
        return
    on = day(rule, book)
    x12 = codes.x12 or {}
    stated: tuple[tuple[str, reasons.ListName, str | None], ...] = (
        ("nphies", "nphies", codes.nphies), ("bv", "error", codes.bv), ("carc", "carc", codes.carc),
        ("rarc", "rarc", codes.rarc), ("group", "group", codes.group),
        ("x12.category", "category", x12.get("category")), ("x12.status", "status", x12.get("status")),
    )  # fmt: skip
    for field, name, code in stated:
        if code is not None and book.find(name, code, on) is None:
            ended = book.entries(name, code)
            message = f"`{code}` is out of use." if ended else f"`{code}` is not in the list `{name}`."
            yield Problem(rule.id, field, code, message, _remedy(ended[-1] if ended else None))
    yield from _adjustment(rule, codes, book.find("carc", codes.carc or "", on))


def _adjustment(rule: packs.Rule, codes: decisions.Codes, entry: reasons.Entry | None) -> Iterator[Problem]:
    if entry is None:
        if codes.rarc is not None and codes.carc is None:
            yield Problem(rule.id, "rarc", codes.rarc, "A remark without adjustment.", "Add `carc`.")
        return
    if entry.needs_remark and codes.rarc is None:
        message = f"CARC {entry.code} needs a remark."
        yield Problem(rule.id, "rarc", entry.code, message, "Add `rarc`.")
    if codes.group and entry.groups and codes.group not in entry.groups:
        message = f"CARC {entry.code} does not allow the group {codes.group}."
        yield Problem(rule.id, "group", codes.group, message, f"Use {' or '.join(entry.groups)}.")


def _remedy(ended: reasons.Entry | None) -> str:
    if ended is None:
        return "Correct it, or add it to packs/reasons."
    return f"Use {' or '.join(ended.replaced_by)}." if ended.replaced_by else "Use another code."


def _asks_for_absence(node: tree.Node) -> bool:
    match node:
        case tree.IsNull():
            return True
        case tree.Junction(op="or", parts=parts):
            return all(_asks_for_absence(part) for part in parts)
        case tree.Junction(parts=parts):
            return any(_asks_for_absence(part) for part in parts)
        case tree.Compare(op="=", left=tree.Aggregate(function=function) | tree.Call(name=function),
                          right=tree.Literal(value=value)):  # fmt: skip
            return value == 0 and function.lower() in {"count", "cardinality"}
        case _:
            return False


def _compared(node: tree.Node) -> Iterator[tree.Column | tree.Aggregate]:
    """Yield the fields and aggregates whose values are compared; one only asked for its absence is not."""
    match node:
        case tree.IsNull():
            return
        case tree.Column() | tree.Aggregate():
            yield node
        case tree.Call(table=table, arguments=(key, *_)) if table:
            yield from _compared(key)  # the day on which a table is asked is not compared with the key
        case _:
            for part in tree.children(node):
                yield from _compared(part)
