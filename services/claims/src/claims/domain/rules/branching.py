"""The tests of rules as nested conditions: what several rules ask first is asked once.

Room: domain. A rule's `when` is a list of conditions that must all hold, in any order, so rules that share
one stand inside one `if`. A condition that may fail (an overflow leaves its rule undecided) keeps its place,
and those behind it theirs.
"""

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Sequence

from claims.domain.rules import correlations, emitting, expressions, nulls, packs, tree

MAX_DEPTH = 30  # Python nests a hundred blocks; no pack shares so many conditions
_INDENT = "    "


@dataclasses.dataclass(frozen=True, slots=True)
class Test:
    """A rule's place in its program, what must hold for it to apply, and its violation."""

    at: int
    conditions: tuple[tree.Node, ...]
    violation: tree.Node

    def sharable(self) -> list[tree.Node]:
        """Return the conditions that may be asked before the others."""
        return list(itertools.takewhile(lambda part: not _may_fail(part), self.conditions))

    def without(self, condition: tree.Node) -> "Test":
        """Return the test where a condition is known to hold."""
        rest = tuple(part for part in self.conditions if part != condition)
        return dataclasses.replace(self, conditions=rest)


def test(at: int, rule: packs.Rule) -> Test:
    """Return the test of a rule."""
    return Test(at, () if rule.when == packs.ALWAYS else nulls.conjuncts(rule.when), rule.violation)


def lines(emitter: emitting.Emitter, tests: Sequence[Test], row: str, depth: int = 0) -> list[str]:
    """Return Python lines that call `hit` for every test that is TRUE or unknown; `row` is its place."""
    shared = _most_shared(tests) if depth < MAX_DEPTH else None
    if shared is None:
        return [line for one in tests for line in _alone(emitter, one, row)]
    inside = [one.without(shared) for one in tests if shared in one.sharable()]
    outside = [one for one in tests if shared not in one.sharable()]
    with emitter.aside():
        asked = emitter.given(shared)
        body = lines(emitter, inside, row, depth + 1)
    return [*_if(asked, body), *lines(emitter, outside, row, depth)]


def _most_shared(tests: Iterable[Test]) -> tree.Node | None:
    """Return the condition that most tests have, None where no two have one in common."""
    counted = collections.Counter(part for one in tests for part in dict.fromkeys(one.sharable()))
    ((found, times),) = counted.most_common(1) or ((None, 0),)
    return found if times > 1 else None


def _alone(emitter: emitting.Emitter, one: Test, row: str) -> list[str]:
    with emitter.aside():
        asked = [emitter.given(part) for part in one.conditions]
        said = _verdict(emitter, one, row)
    found = _if(" and ".join(part for part in asked if part != "True") or "True", said)
    if not found or not any(_may_fail(part) for part in (*one.conditions, one.violation)):
        return found
    return ["try:", *_indented(found), "except ArithmeticError:", f"    hit(({one.at}, {row}, None))"]


def _verdict(emitter: emitting.Emitter, one: Test, row: str) -> list[str]:
    code, said = emitter.code(one.violation), f"    hit(({one.at}, {row}, True))"
    if not code.guards:
        return [f"if {code.body}:", said]
    open_ = emitter.openings(one.violation)
    if code == expressions.NULL:
        return [f"hit(({one.at}, {row}, {open_}))"]
    (name, text), *more = code.guards
    if text and name == code.body and not more:  # TRUE, FALSE or unknown are one value
        return [f"v = {text}", "if v is not False:", f"    hit(({one.at}, {row}, v or {open_}))"]
    return [f"if {code.nulls()}:", f"    hit(({one.at}, {row}, {open_}))", f"elif {code.body}:", said]


def _if(asked: str, body: list[str]) -> list[str]:
    if asked == "False" or not body:
        return []
    if asked == "True":
        return body
    only = body[0].startswith("if ") and not any(line.startswith(("el", "if ")) for line in body[1:])
    if only and all(line.startswith(_INDENT) for line in body[1:]):  # one `if` inside another
        return [f"if {asked} and {body[0].removeprefix('if ')}", *body[1:]]
    return [f"if {asked}:", *_indented(body)]


def _indented(found: Iterable[str]) -> list[str]:
    return [_INDENT + line for line in found]


def _may_fail(node: tree.Node) -> bool:
    """Tell whether evaluating a node can overflow, or leave the calendar."""
    return correlations.calculates(node) or any(
        isinstance(part, tree.Call) and part.name == "age_years" for part in tree.walk(node)
    )
