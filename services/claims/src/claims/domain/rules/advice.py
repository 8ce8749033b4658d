"""Advice about one sound rule: it loads, but perhaps does not say what its author means.

Room: domain. Each check is small and sure: what it tells is a defect or a waste, never a matter of taste.
"""

import datetime as dt
import difflib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from claims.domain import decisions
from claims.domain.rules import documents, nulls, packs, tree

_ARABIC = re.compile(r"[\u0600-\u06ff]")
_SLOT = re.compile(r"\{([a-z_]+)\}")
_BRACES = re.compile(r"\{[^}]*\}")
_DIMENSIONS = ("regime", "use", "type", "subtype", "encounter_class", "payer", "profile")
# Words of nphies, X12 and FHIR for `applies`; another word is allowed, but a near miss is a slip.
_WORDS = {
    "type": ("professional", "institutional", "oral", "pharmacy", "vision"),
    "subtype": ("ip", "op", "emr"),
    "encounter_class": ("AMB", "EMER", "HH", "IMP", "SS", "VR"),
}


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of advice about a field."""

    code: str
    field: str
    message: str
    remedy: str


def about(rule: packs.Rule, head: documents.Head | None, today: dt.date) -> list[Note]:
    """Return the advice about a rule of a pack with this head."""
    return [note for check in _CHECKS for note in check(rule, head, today)]


def overlap(one: packs.Rule, other: packs.Rule) -> bool:
    """Tell whether a claim can exist that both rules apply to on some day."""
    return _together(one.valid, other.valid) and all(
        not mine or not theirs or not set(mine).isdisjoint(theirs)
        for mine, theirs in (
            (getattr(one.applies, name), getattr(other.applies, name)) for name in _DIMENSIONS
        )
    )


def _together(one: documents.Valid, other: documents.Valid) -> bool:
    starts = [valid.from_ for valid in (one, other) if valid.from_ is not None]
    ends = [valid.to for valid in (one, other) if valid.to is not None]
    return not starts or not ends or max(starts) <= min(ends)


def _languages(rule: packs.Rule, _head: documents.Head | None, _today: dt.date) -> Iterator[Note]:
    texts: dict[str, decisions.Bilingual | None] = {
        "title": rule.title,
        "message": rule.message.text,
        "suggestion": None if rule.suggestion is None else rule.suggestion.text,
    }
    for field, text in texts.items():
        if text is None:
            continue
        if not text.en.strip():
            yield Note(
                code="text.missing", field=f"{field}.en", message="The English text is empty.",
                remedy="Write one sentence in the words of a biller.",
            )  # fmt: skip
        if not _ARABIC.search(_BRACES.sub("", text.ar)):
            yield Note(
                code="text.arabic", field=f"{field}.ar", message="The Arabic text holds no Arabic letter.",
                remedy="Write the sentence in Arabic; values stand in it by the same names.",
            )  # fmt: skip


def _slots(rule: packs.Rule, _head: documents.Head | None, _today: dt.date) -> Iterator[Note]:
    for field, template in (("message", rule.message), ("suggestion", rule.suggestion)):
        if template is None:
            continue
        shown = {language: set(_SLOT.findall(getattr(template.text, language))) for language in ("en", "ar")}
        for language, other in (("en", "ar"), ("ar", "en")):
            lacking = sorted(shown[other] - shown[language])
            if lacking:
                names = ", ".join(f"{{{name}}}" for name in lacking)
                yield Note(
                    code="message.slots", field=f"{field}.{language}",
                    message=f"{names} stands in the other language only.",
                    remedy="Show the same values in both languages.",
                )  # fmt: skip
        for language in ("en", "ar"):
            for slot in _BRACES.findall(getattr(template.text, language)):
                if not _SLOT.fullmatch(slot):
                    yield Note(
                        code="message.braces", field=f"{field}.{language}",
                        message=f"`{slot}` is shown as it stands: it is not a name in braces.",
                        remedy="Write {net}: small letters and underscores, without spaces.",
                    )  # fmt: skip


def _reach(rule: packs.Rule, head: documents.Head | None, today: dt.date) -> Iterator[Note]:
    valid = rule.valid
    if head is not None and rule.applies.regime and set(rule.applies.regime).isdisjoint(head.regimes):
        yield Note(
            code="rule.unreachable", field="applies.regime",
            message=f"The pack is for {', '.join(head.regimes)} only, so the rule never applies.",
            remedy="Name one of the pack's regimes, or none.",
        )  # fmt: skip
    if valid.from_ is not None and valid.to is not None and valid.to < valid.from_:
        yield Note(
            code="rule.unreachable", field="valid.to", message="The rule ends before it begins.",
            remedy="Exchange the days.",
        )  # fmt: skip
    elif head is not None and not _together(valid, head.valid):
        yield Note(
            code="rule.unreachable", field="valid", message="The rule is never valid while its pack is.",
            remedy="Correct the days of one of them.",
        )  # fmt: skip
    elif valid.to is not None and valid.to < today:
        yield Note(
            code="rule.expired", field="valid.to", message=f"The rule ended on {valid.to.isoformat()}.",
            remedy="Keep it for claims of that time, or take it out.",
        )  # fmt: skip


def _words(rule: packs.Rule, _head: documents.Head | None, _today: dt.date) -> Iterator[Note]:
    for name, known in _WORDS.items():
        for word in getattr(rule.applies, name):
            near = difflib.get_close_matches(word.lower(), [one.lower() for one in known], n=1, cutoff=0.75)
            if word in known or not near:
                continue
            meant = next(one for one in known if one.lower() == near[0])
            yield Note(
                code="applies.word", field=f"applies.{name}",
                message=f"No claim we know says {name.replace('_', ' ')} `{word}`.",
                remedy=f"Did you mean `{meant}`?",
            )  # fmt: skip


def _constant(rule: packs.Rule, _head: documents.Head | None, _today: dt.date) -> Iterator[Note]:
    for field, node in (("when", rule.when), ("violation", rule.violation)):
        reads = [
            part for part in tree.walk(node) if isinstance(part, tree.Column | tree.Today | tree.Aggregate)
        ]
        if not reads and node != packs.ALWAYS:
            yield Note(
                code="rule.constant", field=field, message="The text reads no column: it is always the same.",
                remedy="Compare a column of docs/rule-schema.md, or take the rule out.",
            )  # fmt: skip
        elif any(_never(part) for part in tree.walk(node)):
            yield Note(
                code="rule.null", field=field,
                message="A comparison with NULL is never true and never false.",
                remedy="Write IS NULL or IS NOT NULL.",
            )  # fmt: skip
    if rule.violation == packs.ALWAYS and rule.when == packs.ALWAYS:
        yield Note(
            code="rule.always", field="violation", message="The rule fires for every row.",
            remedy="Say in `violation` what is wrong.",
        )  # fmt: skip


def _never(node: tree.Node) -> bool:
    null = isinstance(node, tree.Compare) and node.op != "same"
    return null and any(isinstance(side, tree.Literal) and side.value is None for side in tree.children(node))


def _contradictions(rule: packs.Rule, _head: documents.Head | None, _today: dt.date) -> Iterator[Note]:
    whole = (*nulls.conjuncts(rule.when), *nulls.conjuncts(rule.violation))
    for column in dict.fromkeys(part.left for part in whole if isinstance(part, tree.Compare)):
        asked = [part for part in whole if isinstance(part, tree.Compare) and part.left == column]
        absent = tree.IsNull(column) in whole and any(part.op != "same" for part in asked)
        if absent or _disjoint(asked):
            yield Note(
                code="rule.never", field="violation",
                message="`when` and `violation` ask one value to be two things: the rule never fires.",
                remedy="Write OR where either will do, or correct the bounds.",
            )  # fmt: skip


def _disjoint(asked: Sequence[tree.Compare]) -> bool:
    """Tell whether no value passes these comparisons of one thing with constants."""
    constants = [(part.op, part.right.value) for part in asked if isinstance(part.right, tree.Literal)]
    known = [(op, value) for op, value in constants if value is not None and not isinstance(value, tuple)]
    return any(_apart(one, other) for one, other in itertools.permutations(known, 2))


def _apart(one: tuple[str, Any], other: tuple[str, Any]) -> bool:
    (first, low), (second, high) = one, other
    if first == "=" and second == "=":
        return bool(low != high)
    if first == "=" and second == "<>":
        return bool(low == high)
    if first in {">", ">=", "="} and second in {"<", "<="}:
        return bool(low > high or (low == high and not (first in {">=", "="} and second == "<=")))
    return bool(first == "=" and second in {">", ">="} and (low < high or (low == high and second == ">")))


def _patterns(rule: packs.Rule, _head: documents.Head | None, _today: dt.date) -> Iterator[Note]:
    for field, node in (("when", rule.when), ("violation", rule.violation)):
        for part in tree.walk(node):
            if isinstance(part, tree.Matches) and not {"%", "_"} & set(part.pattern):
                yield Note(
                    code="rule.pattern", field=field,
                    message=f"The pattern '{part.pattern}' matches only itself: LIKE knows % and _.",
                    remedy="Write % for any marks and _ for one mark, or compare with =.",
                )  # fmt: skip


def _same_twice(rule: packs.Rule, _head: documents.Head | None, _today: dt.date) -> Iterator[Note]:
    for field, node in (("when", rule.when), ("violation", rule.violation)):
        for part in tree.walk(node):
            if isinstance(part, tree.Junction) and len(set(part.parts)) < len(part.parts):
                yield Note(
                    code="rule.twice", field=field,
                    message=f"One part stands twice in an {part.op.upper()}.", remedy="Take one of them out.",
                )  # fmt: skip


_CHECKS: tuple[Callable[[packs.Rule, documents.Head | None, dt.date], Iterator[Note]], ...] = (
    _languages, _slots, _reach, _words, _constant, _contradictions, _patterns, _same_twice,
)  # fmt: skip
